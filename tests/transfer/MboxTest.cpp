#include <fmt/format.h>

#include "base/Date.h"
#include "support/Test.h"
#include "transfer/Collect.h"
#include "transfer/Keywords.h"
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

std::string problemsOf(const Collect& got) {
  std::string out;
  for (const auto& problem : got.problems) out += problem + "\n";
  return out;
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
    l.add("From lines of other forms", &MboxTest::otherForms);
    l.add("text that begins with From stays text", &MboxTest::fromInText);
    l.add("quoting", &MboxTest::quoting);
    l.add("flags of other programs", &MboxTest::flags);
    l.add("keywords in commas, and without $", &MboxTest::keywords);
    l.add("keywords with commas of their own", &MboxTest::keywordsWithCommas);
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

  void otherForms() {
    for (const char* from : {"From a@b.example 2024-01-02 15:04:05", "From a@b.example 2024-01-02T15:04:05Z", "From a@b.example Mo Jan  2 15:04:05 2006",
                             "From a@b.example Mon Jan  2 15:04:05 06", "From a@b.example Jan  2 15:04:05 2006", "From - 2. Januar 2006, 15:04:05 Uhr\r"}) {
      // As the first of the file, and as another.
      auto text = from + std::string("\nSubject: one\n\nbody\n\n") + from + "\nReceived: two\n\nbody\n";
      for (std::size_t piece : {1, 7, 1000}) {
        auto got = read(text, piece);
        CHECK_EQ(std::string(), problemsOf(got));
        CHECK_EQ(std::size_t{2}, got.messages.size());
        CHECK_EQ(std::string("Subject: one\n\nbody\n"), got.messages[0].bytes);
        CHECK_EQ(std::string("Received: two\n\nbody\n"), got.messages[1].bytes);
        CHECK_EQ("in, octet " + std::to_string(text.rfind("From ")), got.messages[1].where);
        CHECK(!got.messages[1].received);
      }
    }
    // Without a time it begins the file, but is no more than a doubt further on.
    auto got = read("From a@b.example\nS: 1\n\nbody\n\nFrom c@d.example\nS: 2\n\nbody\n", 1000);
    CHECK_EQ(std::size_t{1}, got.messages.size());
    CHECK_EQ(std::string("S: 1\n\nbody\n\nFrom c@d.example\nS: 2\n\nbody\n"), got.messages[0].bytes);
    CHECK_EQ(std::string("in, octet 29: a line \"From ...\" of an unknown form: if a message begins there, it is now part of the one before\n"), problemsOf(got));
  }

  void fromInText() {
    std::string start = "From a Mon Jan  2 15:04:05 2006\nS: 1\n\n";
    for (const char* text : {"x\nFrom a@b.example 2024-01-02 15:04:05\nSubject: x\n",     // no blank line before
                             "\nFrom a@b.example 2024-01-02 15:04:05\nand so on: text\n",  // no field behind
                             "\nFrom a@b.example 2024-01-02 15:04:05\n\nSubject: x\n", "\nFrom our site:\nhttp://x.example/\n", "\nFrom here on 10:30:15", "From x\n"})
      for (std::size_t piece : {1, 7, 1000}) {
        auto got = read(start + text, piece);
        CHECK_EQ(std::string(), problemsOf(got));
        CHECK_EQ("S: 1\n\n" + std::string(text), got.messages.at(0).bytes);
        CHECK_EQ(std::size_t{1}, got.messages.size());
      }
    // People write a time without seconds.
    auto got = read(start + "\nFrom 10:30 to 12:00\nWhere: room 5\n", 1000);
    CHECK_EQ(std::string("S: 1\n\n\nFrom 10:30 to 12:00\nWhere: room 5\n"), got.messages.at(0).bytes);
    CHECK_EQ(std::size_t{1}, got.problems.size());
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

  void keywords() {
    auto flagsOf = [](const std::string& field) {
      return imap::flagsText(read("From a Mon Jan  2 15:04:05 2006\n" + field + "\nS: 1\n\nb\n", 1000).messages.at(0).flags);
    };
    CHECK_EQ(std::string("($Forwarded $NotJunk)"), flagsOf("X-Keywords: $Forwarded,$NotJunk"));
    CHECK_EQ(std::string("($Junk $Phishing $MDNSent todo work)"), flagsOf("X-Keywords: $Junk,$Phishing,$MDNSent,work,todo"));
    CHECK_EQ(std::string("(big work)"), flagsOf("X-Keywords: work, \\Important, big"));
    CHECK_EQ(std::string("(a,b c)"), flagsOf("X-Keywords: a,b c"));
    CHECK_EQ(std::string("($Forwarded $Junk $Phishing $MDNSent)"), flagsOf("X-Keywords: Forwarded JUNK phishing mdnSent"));
    CHECK_EQ(std::string("($NotJunk)"), flagsOf("X-Keywords: NonJunk"));
    CHECK_EQ(std::string("($NotJunk)"), flagsOf("X-Keywords: $nonjunk"));
    CHECK_EQ(std::string("($NotJunk $label1)"), flagsOf("X-Mozilla-Keys: notjunk $label1"));
  }

  void keywordsWithCommas() {
    for (std::vector<const char*> words : {std::vector<const char*>{"a,b"}, {"a,"}, {",a"}, {"a,", "b"}, {"a,b", "c"}, {"$Junk", "a,b"}, {"a", ",b"}, {",", "$Junk"}}) {
      imap::Flags flags, again;
      for (const char* word : words) flags.add(word);
      addForeignList(keywordList(flags), again);
      CHECK_MSG(imap::flagsText(again), flags == again);
    }
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
