#include "imap/CommandReader.h"

#include <vector>

#include "support/Test.h"

using namespace mox;
using namespace mox::imap;

namespace {

std::string outcomeName(ReadOutcome outcome) {
  switch (outcome) {
    case ReadOutcome::incomplete: return "incomplete";
    case ReadOutcome::needContinuation: return "continue";
    case ReadOutcome::messageLiteral: return "message";
    case ReadOutcome::command: return "command";
    case ReadOutcome::refused: return "refused";
    case ReadOutcome::tooLong: return "tooLong";
    case ReadOutcome::badSync: return "badSync";
  }
  return "?";
}

std::string show(const Framed& framed) {
  std::string out = framed.afterMessage ? "+" : "";
  out += "<" + framed.text + ">";
  for (const auto& literal : framed.literals) out += "[" + literal + "]";
  return out;
}

/// Feeds in pieces, first `first` octets, then `step` at a time, and tells what happened, one event a line. Takes the
/// octets of messages like a session.
std::string events(std::string_view input, std::size_t first, std::size_t step, const ReaderLimits& limits = limitsAfterLogin) {
  CommandReader reader(limits);
  std::string out, message;
  std::uint64_t messageMissing = 0;
  std::size_t given = 0, taken = 0;
  bool inMessage = false;
  while (given < input.size()) {
    given = std::min(input.size(), given == 0 ? first : given + step);
    for (;;) {
      auto fresh = input.substr(taken, given - taken);
      if (inMessage) {
        auto piece = fresh.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(messageMissing, fresh.size())));
        message += piece;
        taken += piece.size();
        messageMissing -= piece.size();
        if (messageMissing > 0) break;
        inMessage = false;
        out += "octets " + message + "\n";
        reader.messageDone();
        continue;
      }
      auto result = reader.feed(fresh);
      taken += result.taken;
      if (result.outcome == ReadOutcome::incomplete) break;
      out += outcomeName(result.outcome);
      if (result.outcome == ReadOutcome::needContinuation) {
        out += "\n";
        if (taken == given) break;
        continue;
      }
      if (result.outcome == ReadOutcome::messageLiteral) {
        const auto& header = reader.framed().message;
        out += " " + show(reader.framed()) + " " + std::to_string(header.size) + (header.synchronising ? "" : "+") +
               (header.binary ? "~" : "") + "\n";
        inMessage = true;
        message.clear();
        messageMissing = header.size;
        continue;
      }
      if (result.outcome == ReadOutcome::command) {
        out += " " + show(reader.take()) + "\n";
        continue;
      }
      out += " tag=" + readTag(reader.framed().text) + "\n";
      if (result.outcome != ReadOutcome::refused) return out;
      reader.abandon();
    }
  }
  return out;
}

}  // namespace

struct CommandReaderTest : mox::test::Suite<CommandReaderTest> {
  static void list(List& l) {
    l.add("the same at every split", &CommandReaderTest::splits);
    l.add("APPEND hands its messages over", &CommandReaderTest::append);
    l.add("what is a message literal", &CommandReaderTest::whichLiteral);
    l.add("limits, item 34", &CommandReaderTest::limits);
    l.add("the limit that was passed is known", &CommandReaderTest::passedLimits);
    l.add("lines without literals", &CommandReaderTest::plainLines);
    l.add("bare LF", &CommandReaderTest::bareLineFeed);
  }

  void splits() {
    std::string input;
    input += "a1 NOOP\r\nA001 LOGIN {11}\r\nFRED FOOBAR {7+}\r\nfat man\r\n";
    input += "a2 SETMETADATA x (/shared/a ~{3+}\r\n" + std::string("\0\r\n", 3) + " /shared/b {0+}\r\n)\r\n";
    input += "A003 APPEND saved-messages (\\Seen) {12+}\r\nDate: 1\r\n\r\nX (\\Draft) {1+}\r\nY\r\n";
    input += "a4 APPEND {5+}\r\nx\r\nyz UTF8 (~{4+}\r\n" + std::string("\r\n\0!", 4) + ")\r\na5 NOOP\r\n";
    auto expected = events(input, input.size(), 1);
    const std::string begin = "command <a1 NOOP>\ncontinue\ncommand <A001 LOGIN {11}\r\n {7+}\r\n>[FRED FOOBAR][fat man]\n";
    CHECK_EQ(begin, expected.substr(0, begin.size()));
    CHECK(expected.find("message <A003 APPEND saved-messages (\\Seen) > 12+\noctets Date: 1\r\n\r\nX\nmessage +< (\\Draft) > 1+\noctets Y\ncommand +<>\n") !=
          std::string::npos);
    CHECK(expected.find("message <a4 APPEND {5+}\r\n UTF8 (>[x\r\nyz] 4+~\n") != std::string::npos);
    CHECK(expected.find("command +<)>\ncommand <a5 NOOP>\n") != std::string::npos);
    for (std::size_t first = 1; first < input.size(); ++first) CHECK_EQ(expected, events(input, first, input.size()));
    for (std::size_t step = 1; step < 20; ++step) CHECK_EQ(expected, events(input, step, step));
  }

  void append() {
    // RFC 9051 §6.3.12, with the client waiting.
    CHECK_EQ(std::string("message <A003 APPEND saved-messages (\\Seen) > 326\n"), events("A003 APPEND saved-messages (\\Seen) {326}\r\n", 99, 1));
    // A refused message is forgotten with its command.
    CommandReader reader(limitsAfterLogin);
    CHECK(reader.feed("a APPEND x {99}\r\n").outcome == ReadOutcome::messageLiteral);
    reader.abandon();
    CHECK(reader.feed("b NOOP\r\n").outcome == ReadOutcome::command);
    CHECK_EQ(std::string("<b NOOP>"), show(reader.take()));
    // Any size may be announced: quota decides.
    CHECK(reader.feed("a APPEND x {9223372036854775807}\r\n").outcome == ReadOutcome::messageLiteral);
    CHECK_EQ(std::uint64_t(0x7fffffffffffffff), reader.framed().message.size);
  }

  void whichLiteral() {
    auto first = [](const std::string& line, const ReaderLimits& limits = limitsAfterLogin) {
      CommandReader reader(limits);
      return outcomeName(reader.feed(line + "\r\n").outcome);
    };
    CHECK_EQ(std::string("continue"), first("a APPEND {5}"));
    CHECK_EQ(std::string("message"), first("a append \"x y\" {5}"));
    CHECK_EQ(std::string("message"), first("a APPEND x (\\Seen) \"date\" ~{5}"));
    CHECK_EQ(std::string("continue"), first("a REPLACE 4 {5}"));
    CHECK_EQ(std::string("message"), first("a REPLACE 4 Drafts {5}"));
    CHECK_EQ(std::string("message"), first("a UID replace 4 Drafts {5}"));
    CHECK_EQ(std::string("continue"), first("a UID FETCH 1 BODY[HEADER.FIELDS ({5}"));
    CHECK_EQ(std::string("continue"), first("a APPENDX x {5}"));
    CHECK_EQ(std::string("continue"), first("a LOGIN {5}"));
    // Nobody appends before login.
    CHECK_EQ(std::string("continue"), first("a APPEND x {5}", limitsBeforeLogin));
    CHECK_EQ(std::string("refused"), first("a APPEND x {500000}", limitsBeforeLogin));
  }

  void limits() {
    CHECK_EQ(std::string("refused tag=a\ncommand <b NOOP>\n"), events("a LOGIN {4294967295}\r\nb NOOP\r\n", 99, 1));
    CHECK_EQ(std::string("badSync tag=a\n"), events("a LOGIN {18446744073709551615+}\r\nb NOOP\r\n", 99, 1));
    CHECK_EQ(std::string("badSync tag=a\n"), events("a LOGIN {99999999999999999999999999+}\r\n", 99, 1));
    CHECK_EQ(std::string("badSync tag=a\n"), events("a LOGIN {x+}\r\n", 99, 1));
    CHECK_EQ(std::string("command <a LOGIN {x}>\n"), events("a LOGIN {x}\r\n", 99, 1));
    for (const char* broken : {"{+}", "{ 5+}", "{5 +}", "{-5+}", "{0x5+}", "{5++}", "\"x\" {5 +}", "{5+} x+}"})
      CHECK_EQ(std::string("badSync tag=a\n"), events("a LOGIN " + std::string(broken) + "\r\n", 99, 1));
    // These are atoms, and a { that is right is in a quoted string.
    for (const char* whole : {"x+}", "+}", "\"{a\" b+}", "\"{5+}\" 6+}"})
      CHECK_EQ("command <a LOGIN " + std::string(whole) + ">\n", events("a LOGIN " + std::string(whole) + "\r\n", 99, 1));
    CHECK_EQ(std::string("badSync tag=a\n"), events("a LOGIN {5000+}\r\n", 99, 1, limitsBeforeLogin));
    CHECK_EQ(std::string("refused tag=a\n"), events("a SEARCH TEXT {102401}\r\n", 99, 1));

    // 10,000 literals in one command.
    std::string many = "a SEARCH";
    for (int i = 0; i < 10'000; ++i) many += " TEXT {1+}\r\nx";
    CHECK_EQ(std::string("badSync tag=a\n"), events(many + "\r\n", 4096, 4096));
    // A megabyte of big ones.
    std::string big = "a SEARCH";
    for (int i = 0; i < 11; ++i) big += " TEXT {100000+}\r\n" + std::string(100'000, 'x');
    CHECK_EQ(std::string("badSync tag=a\n"), events(big, 4096, 4096));

    // A line without end holds no more memory than the limit.
    const auto longest = static_cast<std::size_t>(commandLine.value);
    CommandReader reader(limitsAfterLogin);
    std::string parentheses(1 << 20, '(');
    auto step = reader.feed("a FETCH 1 " + parentheses);
    CHECK(step.outcome == ReadOutcome::tooLong);
    CHECK(reader.framed().text.size() <= longest + 1);
    CHECK(reader.feed("more").outcome == ReadOutcome::tooLong);
    // Exactly the limit goes, one more does not, wherever it is cut.
    for (std::size_t first : {std::size_t(1), longest - 1, longest, longest + 1, longest + 2}) {
      std::string line = "a " + std::string(longest - 2, 'x');
      CHECK(events(line + "\r\n", first, 1).starts_with("command"));
      CHECK_EQ(std::string("tooLong tag=a\n"), events(line + "x\r\n", first, 1));
    }
  }

  /// The name of the limit that the input passes, "" if it passes none, however it is cut.
  static std::string passed(const std::string& input, const ReaderLimits& limits) {
    auto fed = [&](std::size_t piece) {
      CommandReader reader(limits);
      for (std::string_view rest = input; !rest.empty();) {
        auto step = reader.feed(rest.substr(0, piece));
        rest.remove_prefix(step.taken);
        bool goesOn = step.outcome == ReadOutcome::incomplete || step.outcome == ReadOutcome::needContinuation;
        if (!goesOn) break;
      }
      return reader.passed() == nullptr ? std::string() : std::string(reader.passed()->name);
    };
    auto whole = fed(input.size());
    CHECK_EQ(whole, fed(1000));
    CHECK_EQ(whole, fed(1));
    return whole;
  }

  static std::string lines(int count, std::size_t size) {
    std::string out = "a SEARCH";
    for (int i = 0; i < count; ++i) out += std::string(size, ' ') + "{1+}\r\nx";
    return out;
  }
  static std::string literals(int count, std::size_t size) {
    std::string out = "a SEARCH";
    for (int i = 0; i < count; ++i) out += " TEXT {" + std::to_string(size) + "+}\r\n" + std::string(size, 'x');
    return out;
  }

  void passedLimits() {
    const auto &after = limitsAfterLogin, &before = limitsBeforeLogin;
    CHECK_EQ(std::string("imap-command-line"), passed(lines(1, 17'000), after));
    CHECK_EQ(std::string("imap-command-text"), passed(lines(17, 16'000), after));
    CHECK_EQ(std::string(), passed(lines(16, 16'000), after));
    CHECK_EQ(std::string("imap-literal"), passed(literals(1, 102'401), after));
    CHECK_EQ(std::string("imap-literal"), passed("a SEARCH TEXT {99999999999999999999}\r\n", after));
    CHECK_EQ(std::string("imap-literals-total"), passed(literals(11, 100'000), after));
    CHECK_EQ(std::string("imap-literals-count"), passed(literals(1'001, 1), after));
    CHECK_EQ(std::string(), passed(literals(1'000, 1) + "\r\n", after));
    // The header of a literal is text too: there may be no room for what has to follow it.
    std::string full = lines(16, 16'000);
    full += std::string(static_cast<std::size_t>(commandText.value) - 8 - 16 * 16'006 - 4, ' ') + "{1+}";
    CHECK_EQ(std::string("imap-command-text"), passed(full + "\r\n", after));
    CHECK_EQ(std::string("imap-prelogin-line"), passed(lines(1, 9'000), before));
    CHECK_EQ(std::string("imap-prelogin-text"), passed(lines(3, 7'000), before));
    CHECK_EQ(std::string("imap-prelogin-literal"), passed(literals(1, 5'000), before));
    CHECK_EQ(std::string("imap-prelogin-literals-total"), passed(literals(3, 4'000), before));
    CHECK_EQ(std::string("imap-prelogin-literals-count"), passed(literals(65, 1), before));
    // What is malformed passes no limit, and a refusal is forgotten with its command.
    CHECK_EQ(std::string(), passed("a LOGIN {x+}\r\n", before));
    CHECK_EQ(std::string(), passed("a LOGIN {3+}\n", before));
    CommandReader reader(before);
    CHECK(reader.feed("a LOGIN {5000}\r\n").outcome == ReadOutcome::refused && reader.passed() == &preloginLiteral);
    reader.abandon();
    CHECK(reader.passed() == nullptr);
  }

  void plainLines() {
    CommandReader reader;
    reader.setPlainLines(true);
    auto step = reader.feed("{5}\r\nDONE\r\n");
    CHECK(step.outcome == ReadOutcome::command);
    CHECK_EQ(std::size_t(5), step.taken);
    CHECK_EQ(std::string("{5}"), reader.take().text);
    CHECK(reader.feed("DONE\r\n").outcome == ReadOutcome::command);
    CHECK_EQ(std::string("DONE"), reader.take().text);
    CHECK(reader.idle());
  }

  void bareLineFeed() {
    CommandReader reader;
    CHECK(reader.feed("a NOOP\n").outcome == ReadOutcome::command);
    CHECK(reader.take().bareLineFeed);
    CHECK(reader.feed("a NOOP\r\n").outcome == ReadOutcome::command);
    CHECK(!reader.take().bareLineFeed);
    CHECK_EQ(std::string("badSync tag=a\n"), events("a LOGIN {3+}\nabc x\n", 99, 1));
  }
};
SUITE(CommandReaderTest);
