#include "imap/Section.h"

#include "imap/Parser.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imap;

struct SectionTest : mox::test::Suite<SectionTest> {
  static void list(List& l) {
    l.add("print and parse are inverse", &SectionTest::identity);
    l.add("octets of a simple message", &SectionTest::simple);
    l.add("octets of a multipart with an embedded message", &SectionTest::nested);
    l.add("header fields", &SectionTest::headerFields);
    l.add("partials", &SectionTest::partials);
  }

  void identity() {
    for (const char* text : {"", "HEADER", "TEXT", "1", "1.2.3", "1.HEADER", "4.1.MIME", "4.2.TEXT", "HEADER.FIELDS (DATE From)", "2.HEADER.FIELDS.NOT (\"a b\" x)"}) {
      auto section = parseSection(text);
      CHECK_MSG(text, section.has_value());
      CHECK_EQ(std::string(text), sectionText(*section));
    }
    CHECK_EQ(std::string("HEADER.FIELDS (a)"), sectionText(parseSection("header.fields (\"a\")").value()));
    CHECK_EQ(std::string("[1.TEXT]<7>"), sectionResponse(parseSection("1.TEXT").value(), Partial{7, 9}));
    for (const char* text : {"MIME", "0", "1.", ".1", "HEADER.FIELDS", "FOO", "1.FOO", "1 ", "TEXT.1", "]"}) CHECK_MSG(text, !parseSection(text));
  }

  /// The octets, or "none".
  static std::string octets(const std::string& message, const char* text) {
    auto parsed = message::parse(message);
    auto section = parseSection(text).value();
    auto place = findSection(parsed.root, section);
    if (!place) return "none";
    auto header = std::string_view(message).substr(place->header.start, place->header.size());
    std::string out;
    for (const auto& range : sectionRanges(*place, section, header)) out += message.substr(range.start, range.size());
    return out;
  }

  void simple() {
    const std::string message = "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;\r\n charset=utf-8\r\nTo: c\r\n\r\nhello\r\nworld\r\n";
    CHECK_EQ(message, octets(message, ""));
    CHECK_EQ(std::string("hello\r\nworld\r\n"), octets(message, "TEXT"));
    CHECK_EQ(std::string("hello\r\nworld\r\n"), octets(message, "1"));
    CHECK_EQ(message.substr(0, message.find("hello")), octets(message, "HEADER"));
    CHECK_EQ(std::string("MIME-Version: 1.0\r\nContent-Type: text/plain;\r\n charset=utf-8\r\n\r\n"), octets(message, "1.MIME"));
    CHECK_EQ(std::string("none"), octets(message, "2"));
    CHECK_EQ(std::string("none"), octets(message, "1.1"));
    CHECK_EQ(std::string("none"), octets(message, "1.HEADER"));
    CHECK_EQ(std::string("none"), octets(message, "1.TEXT"));
  }

  void nested() {
    const std::string inner = "Subject: inner\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i\r\nContent-Type: text/html\r\n\r\ntwo\r\n--i--\r\n";
    const std::string message =
        "Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\npreamble\r\n--o\r\nContent-Type: text/plain\r\nX-A: 1\r\n\r\nfirst\r\n--o\r\n"
        "Content-Type: message/rfc822\r\n\r\n" + inner + "\r\n--o--\r\nepilogue\r\n";
    CHECK_EQ(std::string("first"), octets(message, "1"));
    CHECK_EQ(std::string("Content-Type: text/plain\r\nX-A: 1\r\n\r\n"), octets(message, "1.MIME"));
    CHECK_EQ(inner, octets(message, "2"));
    CHECK_EQ(inner.substr(0, inner.find("--i")), octets(message, "2.HEADER"));
    CHECK_EQ(inner.substr(inner.find("--i")), octets(message, "2.TEXT"));
    CHECK_EQ(std::string("Subject: inner\r\n\r\n"), octets(message, "2.HEADER.FIELDS (subject date)"));
    CHECK_EQ(std::string("one"), octets(message, "2.1"));
    CHECK_EQ(std::string("two"), octets(message, "2.2"));
    CHECK_EQ(std::string("Content-Type: text/html\r\n\r\n"), octets(message, "2.2.MIME"));
    CHECK_EQ(std::string("none"), octets(message, "2.3"));
    CHECK_EQ(std::string("none"), octets(message, "1.HEADER"));
    CHECK_EQ(std::string("none"), octets(message, "2.1.1"));
  }

  void headerFields() {
    const std::string message = "A: 1\r\nb : 2\r\n folded\r\nC: 3\r\nB: 4\r\n\r\nbody";
    CHECK_EQ(std::string("b : 2\r\n folded\r\nB: 4\r\n\r\n"), octets(message, "HEADER.FIELDS (B)"));
    CHECK_EQ(std::string("A: 1\r\nC: 3\r\n\r\n"), octets(message, "HEADER.FIELDS.NOT (b)"));
    CHECK_EQ(std::string("\r\n"), octets(message, "HEADER.FIELDS (x)"));
    // No body and no empty line: RFC 9051 §6.4.5.1.
    CHECK_EQ(std::string("A: 1\r\n"), octets("A: 1\r\nB: 2\r\n", "HEADER.FIELDS (A)"));
    // A line that is no field has no name.
    SectionPlace place;
    place.needsHeader = true;
    place.header = {100, 100};
    auto ranges = [&](const char* text) { return sectionRanges(place, parseSection(text).value(), "A: 1\r\nno field\r\nB: 2\r\n\r\n"); };
    CHECK(ranges("HEADER.FIELDS (b)") == (std::vector<ByteRange>{{116, 124}}));
    CHECK(ranges("HEADER.FIELDS (\"no field\")") == (std::vector<ByteRange>{{122, 124}}));
    CHECK(ranges("HEADER.FIELDS.NOT (a)") == (std::vector<ByteRange>{{106, 124}}));
    // LF alone.
    CHECK_EQ(std::string("B: 2\n\n"), octets("A: 1\nB: 2\n\nx", "HEADER.FIELDS (B)"));
  }

  void partials() {
    std::vector<ByteRange> ranges{{10, 20}, {30, 35}, {50, 60}};
    auto cutTo = [&](std::uint64_t offset, std::uint64_t count) {
      std::string out;
      for (auto range : cutRanges(ranges, Partial{offset, count})) out += std::to_string(range.start) + "-" + std::to_string(range.end) + " ";
      return out;
    };
    CHECK_EQ(std::string("10-20 30-35 50-60 "), cutTo(0, 1000));
    CHECK_EQ(std::string("12-15 "), cutTo(2, 3));
    CHECK_EQ(std::string("19-20 30-35 50-51 "), cutTo(9, 7));
    CHECK_EQ(std::string("30-35 "), cutTo(10, 5));
    CHECK_EQ(std::string("59-60 "), cutTo(24, 1));
    CHECK_EQ(std::string(""), cutTo(25, 1));
    CHECK_EQ(std::string("50-60 "), cutTo(15, 0x7fffffffffffffff));
    CHECK_EQ(std::string(""), cutTo(0x7fffffffffffffff, 0x7fffffffffffffff));
    CHECK_EQ(std::uint64_t(25), totalSize(cutRanges(ranges, {})));
  }
};
SUITE(SectionTest);
