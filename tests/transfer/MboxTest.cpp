#include <fmt/format.h>

#include "base/Date.h"
#include "support/Test.h"
#include "transfer/Collect.h"
#include "transfer/MboxReader.h"

using namespace mox;
using namespace mox::transfer;
using mox::transfer::test::Collect;

namespace {

Collect read(std::string_view text, std::size_t piece) {
  Collect sink;
  MboxReader reader(sink, "box", "in");
  for (std::size_t at = 0; at < text.size(); at += piece) CHECK(reader.feed(text.substr(at, piece)).has_value());
  CHECK(reader.finish().has_value());
  return sink;
}

std::string dateOf(std::string_view line) {
  auto from = parseFromLine(line, false);
  return from && from->date ? rfc3339Seconds(*from->date) : "none";
}

}  // namespace

struct MboxTest : mox::test::Suite<MboxTest> {
  static void list(List& l) {
    l.add("from lines", &MboxTest::fromLines);
    l.add("two messages, cut anywhere", &MboxTest::cutAnywhere);
    l.add("quoting", &MboxTest::quoting);
    l.add("flags of other programs", &MboxTest::flags);
    l.add("fields of our own stay apart from the message's", &MboxTest::ownFields);
    l.add("what is no mbox is named with its offset", &MboxTest::problems);
    l.add("a line without end needs no memory", &MboxTest::longLine);
    l.add("a message beyond the limit is left out, the next is read", &MboxTest::tooLarge);
    l.add("line ends", &MboxTest::lineEnds);
  }

  void fromLines() {
    CHECK_EQ(std::string("2006-01-02T15:04:05Z"), dateOf("From a@b.example Mon Jan  2 15:04:05 2006"));
    CHECK_EQ(std::string("2006-01-02T13:04:05Z"), dateOf("From a@b.example  Mon Jan 02 15:04:05 +0200 2006"));
    CHECK_EQ(std::string("2006-01-02T13:04:05Z"), dateOf("From a@b.example Mon Jan 2 15:04:05 2006 +0200"));
    CHECK_EQ(std::string("2006-01-02T15:04:05Z"), dateOf("From \"a b\"@c.example Mon, 2 Jan 2006 15:04:05 +0000"));
    CHECK_EQ(std::string("2006-01-02T15:04:05Z"), dateOf("From - Mon Jan  2 15:04:05 2006"));
    CHECK_EQ(std::string("none"), dateOf("From what I hear, Mon is a day"));
    CHECK_EQ(std::string("none"), dateOf("From a@b.example Mon Jan 42 15:04:05 2006"));
    CHECK(!parseFromLine("From ", false) && parseFromLine("From ", true) && parseFromLine("From -", true));
    CHECK(!parseFromLine("From here", true));
    auto line = fromLine(fromUnixSeconds(1'136'214'245));
    CHECK_EQ(std::string("From MAILER-DAEMON Mon Jan  2 15:04:05 2006\n"), line);
  }

  void cutAnywhere() {
    std::string text = "From a Mon Jan  2 15:04:05 2006\nSubject: one\n\nbody\n\n\nFrom b Tue Jan  3 15:04:05 2006\r\nSubject: two\r\n\r\nend";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      auto got = read(text, piece);
      CHECK_EQ(std::size_t{2}, got.messages.size());
      CHECK_EQ(std::string("Subject: one\n\nbody\n\n"), got.messages[0].bytes);
      CHECK_EQ(std::string("Subject: two\r\n\r\nend"), got.messages[1].bytes);
      CHECK_EQ(std::string("in, octet 0"), got.messages[0].where);
      CHECK_EQ(std::string("in, octet 53"), got.messages[1].where);
      CHECK_EQ(std::string("2006-01-03T15:04:05Z"), rfc3339Seconds(*got.messages[1].received));
    }
  }

  void quoting() {
    auto got = read("From a Mon Jan  2 15:04:05 2006\nS: 1\n\n>From here\n>>From there\n> From far\nFrom nowhere\n\n", 1000);
    CHECK_EQ(std::string("S: 1\n\nFrom here\n>From there\n> From far\nFrom nowhere\n"), got.messages.at(0).bytes);
  }

  void flags() {
    auto got = read("From a Mon Jan  2 15:04:05 2006\nSubject: x\nStatus: RO\nX-Status: AFTD\nX-Keywords: Work $junk\n\t folded\nX-UID: 4\nTo: y\n\nb\n\n"
                    "From - Mon Jan  2 15:04:05 2006\nX-Mozilla-Status: 1007\nX-Mozilla-Status2: 00800000\nX-Mozilla-Keys: $label1   blue\nSubject: y\n\nb\n", 1000);
    CHECK_EQ(std::string("(\\Seen \\Answered \\Flagged \\Deleted \\Draft $Junk work)"), imap::flagsText(got.messages.at(0).flags));
    CHECK_EQ(std::string("Subject: x\nTo: y\n\nb\n"), got.messages[0].bytes);
    CHECK_EQ(std::string("(\\Seen \\Answered \\Flagged $Forwarded $label1 blue)"), imap::flagsText(got.messages.at(1).flags));
    CHECK_EQ(std::string("Subject: y\n\nb\n"), got.messages[1].bytes);
  }

  void ownFields() {
    imap::Flags flags;
    flags.add("\\Flagged");
    flags.add("$MDNSent");
    flags.add("todo");
    auto text = fromLine(fromUnixSeconds(0)) + statusFields(flags) + "Status: the author's\nX-Keywords: his too\n\nb\n\n";
    auto got = read(text, 1000);
    CHECK(flags == got.messages.at(0).flags);
    CHECK_EQ(std::string("Status: the author's\nX-Keywords: his too\n\nb\n"), got.messages[0].bytes);
  }

  void problems() {
    auto got = read("\nhello\nthere\nFrom a Mon Jan  2 15:04:05 2006\n\nFrom b Mon Jan  2 15:04:05 2006\nS: x\n\n", 1000);
    CHECK_EQ(std::size_t{2}, got.problems.size());
    CHECK_EQ(std::string("in, octet 1: not an mbox: no From line where a message should begin"), got.problems[0]);
    CHECK_EQ(std::string("in, octet 13: an empty message"), got.problems[1]);
    CHECK_EQ(std::size_t{1}, got.messages.size());
    CHECK_EQ(std::string("S: x\n"), got.messages[0].bytes);
  }

  void longLine() {
    std::string line(3 * mboxLineLimit, '>');
    line += "From a Mon Jan  2 15:04:05 2006";
    auto got = read("From a Mon Jan  2 15:04:05 2006\nX: " + line + "\n\n" + line + "\n" + "Status: R\n", 100);
    CHECK_EQ("X: " + line + "\n\n" + line + "\nStatus: R\n", got.messages.at(0).bytes);
    CHECK(got.messages[0].flags.empty());
  }

  void tooLarge() {
    struct Counting final : FoundSink {
      std::vector<std::string> ended;
      std::uint64_t octets = 0;
      void begin(Found) override { octets = 0; }
      void append(std::string_view bytes) override { octets += bytes.size(); }
      Result<void> end(const imap::Flags&) override { return ended.push_back(std::to_string(octets)), Result<void>(); }
      void drop(const Error& reason) override { ended.push_back(reason.code == Errc::tooLong ? "too long" : reason.text); }
      void mailbox(const std::string&) override {}
      void problem(const std::string&, const std::string&) override {}
    } sink;
    MboxReader reader(sink, "", "in");
    std::string from = "From a Mon Jan  2 15:04:05 2006\n", line(1 << 20, 'x');
    line.back() = '\n';
    CHECK(reader.feed(from + "S: x\n\n").has_value());
    for (std::uint64_t sent = 0; sent < maxMessageBytes; sent += line.size()) CHECK(reader.feed(line).has_value());
    CHECK(reader.feed("\n" + from + "S: y\n\n").has_value() && reader.finish().has_value());
    CHECK_EQ(std::size_t{2}, sink.ended.size());
    CHECK(sink.ended[0] == "too long" && sink.ended[1] == "5");
  }

  void lineEnds() {
    for (std::size_t piece = 1; piece < 10; ++piece) {
      std::string text = "a\nb\r\nc\rd\r\r\n\n", out;
      CrlfWriter writer;
      for (std::size_t at = 0; at < text.size(); at += piece) writer.append(std::string_view(text).substr(at, piece), out);
      CHECK_EQ(std::string("a\r\nb\r\nc\rd\r\r\n\r\n"), out);
    }
    CHECK(isPlainCrlf("") && isPlainCrlf("a\r\nb") && isPlainCrlf("\r\n\r\n"));
    CHECK(!isPlainCrlf("a\n") && !isPlainCrlf("a\r") && !isPlainCrlf("a\r\r\n") && !isPlainCrlf("a\rb\r\n"));
    std::string lf;
    toLf("a\r\n\r\nb", lf);
    CHECK_EQ(std::string("a\n\nb"), lf);
  }
};
SUITE(MboxTest);
