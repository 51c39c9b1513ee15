#include "smtp/Reply.h"

#include "smtp/Extensions.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::smtp;
using namespace std::string_literals;

namespace {

/// Feeds `wire` in pieces of `step`; replies as "code enhanced|line|line", errors as "error ...".
std::string parse(std::string_view wire, std::size_t step) {
  ReplyParser parser;
  std::string out;
  for (std::size_t at = 0; at < wire.size();) {
    std::size_t used = 0;
    auto piece = wire.substr(at, step);
    auto reply = parser.feed(piece, used);
    if (!reply) return out + "error";
    if (*reply) {
      extractEnhanced(**reply);
      out += std::to_string((*reply)->code) + " " + (*reply)->enhanced;
      for (const auto& line : (*reply)->lines) out += "|" + line;
      out += "\n";
    } else {
      CHECK_EQ(piece.size(), used);
    }
    at += used;
  }
  return out + (parser.idle() ? "" : "more");
}

}  // namespace

struct SmtpReplyTest : test::Suite<SmtpReplyTest> {
  static void list(List& l) {
    l.add("wire form", &SmtpReplyTest::wire);
    l.add("long lines are wrapped at 510", &SmtpReplyTest::wrapping);
    l.add("no line break can be smuggled in", &SmtpReplyTest::injection);
    l.add("parsing at every split", &SmtpReplyTest::splits);
    l.add("parser's limits, hostile input 52", &SmtpReplyTest::limits);
    l.add("malformed replies", &SmtpReplyTest::malformed);
    l.add("enhanced codes", &SmtpReplyTest::enhanced);
    l.add("EHLO extensions", &SmtpReplyTest::extensions);
  }

  void wire() {
    CHECK_EQ("250 2.0.0 ok\r\n"s, Reply::make(250, "2.0.0", "ok").wire());
    CHECK_EQ("354 go on\r\n"s, Reply::make(354, "", "go on").wire());
    CHECK_EQ("550-5.1.1 a\r\n550 5.1.1 b\r\n"s, Reply::make(550, "5.1.1", "a\nb").wire());
    CHECK_EQ("250 \r\n"s, (Reply{250, "", {}}).wire());
    CHECK_EQ("501 5.5.2 bad\r\n"s, Reply::make(CommandError{501, "5.5.2", "bad"}).wire());
    CHECK_EQ("250 2.0.0 caf??\r\n"s, Reply::make(250, "2.0.0", "caf\xc3\xa9").wire());
    CHECK_EQ("250 2.0.0 caf\xc3\xa9\r\n"s, Reply::make(250, "2.0.0", "caf\xc3\xa9").wire(true));
    CHECK_EQ("a b"s, Reply::make(250, "", "a\r\nb").text());
    CHECK_EQ("caf"s, Reply::make(250, "", "caf\xc3\xa9").text(4));
  }

  void wrapping() {
    std::string words;
    for (int i = 0; i < 300; ++i) words += "word" + std::to_string(i) + " ";
    for (std::string text : {words, std::string(3000, 'x'), std::string(504, 'x'), std::string(505, 'x'), std::string(100, 'x') + " " + std::string(2000, 'y')}) {
      std::string wire = Reply::make(550, "5.7.1", text).wire();
      std::string joined;
      for (std::size_t at = 0; at < wire.size();) {
        auto end = wire.find("\r\n", at);
        CHECK(end != std::string::npos && end - at <= maxReplyLine);
        std::string line = wire.substr(at, end - at);
        at = end + 2;
        CHECK_EQ(at < wire.size() ? "550-5.7.1 "s : "550 5.7.1 "s, line.substr(0, 10));
        joined += line.substr(10);
      }
      auto strip = [](std::string s) { return s.erase(0, 0), std::erase(s, ' '), s; };
      CHECK_EQ(strip(text), strip(joined));
    }
    CHECK_EQ(std::size_t(510 + 2), Reply::make(550, "5.7.1", std::string(500, 'x')).wire().size());
    // A character is never cut.
    std::string euros;
    for (int i = 0; i < 400; ++i) euros += "\xe2\x82\xac";
    std::string wire = Reply::make(250, "", euros).wire(true);
    CHECK_EQ(std::string::npos, wire.find("\xe2\r"));
    CHECK_EQ(std::string::npos, wire.find("\xe2\x82\r"));
  }

  void injection() {
    Reply reply{250, "2.0.0", {"ok\r\n550 injected", "a\0b"s}};
    CHECK_EQ("250-2.0.0 ok??550 injected\r\n250 2.0.0 a?b\r\n"s, reply.wire());
    CHECK_EQ("250-ok\r\n250-550 injected\r\n250 a?b\r\n"s, Reply::make(250, "", "ok\r\n550 injected\na\0b"s).wire());
    CHECK_EQ("250 2.0.0??x ok\r\n"s, (Reply{250, "2.0.0\r\nx", {"ok"}}).wire());
  }

  void splits() {
    const std::string wire =
        "220 mail.example.org ESMTP\r\n250-one\r\n250-two\n250 three\r\n550-5.1.1 no\r\n550-5.1.1\r\n550 5.1.1 user\r\n354\r\n250 \r\n250-\r\n250\r\n";
    const std::string whole = parse(wire, wire.size());
    CHECK_EQ("220 |mail.example.org ESMTP\n250 |one|two|three\n550 5.1.1|no||user\n354 |\n250 |\n250 ||\n"s, whole);
    for (std::size_t step = 1; step < wire.size(); ++step) CHECK_EQ(whole, parse(wire, step));
    ReplyParser parser;
    std::size_t used = 0;
    CHECK(parser.feed("220 a\r\n250 b\r\n", used)->has_value());
    CHECK_EQ(std::size_t(7), used);
    CHECK(parser.idle());
  }

  void limits() {
    auto endless = [](const std::string& piece) {
      ReplyParser parser;
      std::size_t fed = 0, used = 0;
      while (fed < 10'000'000) {
        auto reply = parser.feed(piece, used);
        if (!reply) return fed;
        fed += used;
      }
      return fed;
    };
    CHECK(endless(std::string(1000, 'x')) <= ReplyParser::maxLine);
    CHECK(endless("250-line\r\n") <= ReplyParser::maxLines * 10);
    CHECK(endless("250-" + std::string(2000, 'x') + "\r\n") <= ReplyParser::maxTotal);
    CHECK_EQ("250 |" + std::string(4000, 'x') + "\n", parse("250 " + std::string(4000, 'x') + "\r\n", 7));
  }

  void malformed() {
    for (std::string bad : {"\r\n", "x\r\n", "25\r\n", "2500 x\r\n", "150 x\r\n", "650 x\r\n", "250x\r\n", "250-a\r\n251 b\r\n", "HTTP/1.1 200 OK\r\n", "+OK\r\n"})
      CHECK_MSG(bad, parse(bad, 1).ends_with("error"));
    CHECK_EQ("250 |a?b?\n"s, parse("250 a\0b\xff\r\n"s, 3));
    CHECK_EQ("250 |a?b\n"s, parse("250 a\rb\r\n", 3));
  }

  void enhanced() {
    auto take = [](unsigned code, std::vector<std::string> lines) {
      Reply reply{code, "", std::move(lines)};
      extractEnhanced(reply);
      return reply.enhanced + "|" + reply.text();
    };
    CHECK_EQ("5.1.1|no"s, take(550, {"5.1.1 no"}));
    CHECK_EQ("|5.1.1 no"s, take(250, {"5.1.1 no"}));
    CHECK_EQ("|5.1.1 a 5.1.2 b"s, take(550, {"5.1.1 a", "5.1.2 b"}));
    CHECK_EQ("|5.1 no"s, take(550, {"5.1 no"}));
    CHECK_EQ("|5.1.1.1 no"s, take(550, {"5.1.1.1 no"}));
    CHECK_EQ("|5.1.1no"s, take(550, {"5.1.1no"}));
    CHECK_EQ("|5.1.1000 no"s, take(550, {"5.1.1000 no"}));
    CHECK_EQ("4.7.123|"s, take(450, {"4.7.123"}));
  }

  void extensions() {
    auto e = Extensions::parse(Reply{250,
                                     "",
                                     {"STARTTLS is my name", "PIPELINING", "size 1000", "8BITMIME", "AUTH PLAIN scram-sha-256", "AUTH=LOGIN",
                                      "LIMITS RCPTMAX=10 MAILMAX=0 X=1 RCPTDOMAINMAX=x", "smtputf8", "REQUIRETLS", "ENHANCEDSTATUSCODES"}});
    CHECK(!e.startTls);
    CHECK(e.pipelining && e.eightBitMime && e.smtpUtf8 && e.requireTls && e.enhancedCodes && e.size);
    CHECK_EQ(std::uint64_t(1000), e.maxSize);
    CHECK_EQ(std::size_t(3), e.auth.size());
    CHECK_EQ("SCRAM-SHA-256"s, e.auth[1]);
    CHECK_EQ("LOGIN"s, e.auth[2]);
    CHECK_EQ(std::uint64_t(10), e.rcptMax.value());
    CHECK(!e.mailMax && !e.rcptDomainMax);
    CHECK_EQ(std::uint64_t(0), Extensions::parse(Reply{250, "", {"x", "SIZE"}}).maxSize);
  }
};
SUITE(SmtpReplyTest);
