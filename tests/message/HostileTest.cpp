// What attackers send to MIME readers. Each input is far beyond a limit; the checks count what was kept, not seconds.
#include "base/Unicode.h"
#include "message/Parsed.h"
#include "message/Tree.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

std::size_t countParts(const Part& part) {
  std::size_t count = 1;
  for (const auto& child : part.children) count += countParts(child);
  return count;
}

std::size_t depth(const Part& part) {
  std::size_t deepest = 0;
  for (const auto& child : part.children) deepest = std::max(deepest, depth(child));
  return deepest + 1;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

struct HostileTest : test::Suite<HostileTest> {
  static void list(List& l) {
    l.add("nested multiparts", &HostileTest::nested);
    l.add("a million parts", &HostileTest::flat);
    l.add("messages in messages", &HostileTest::messages);
    l.add("odd boundaries", &HostileTest::oddBoundaries);
    l.add("headers without end", &HostileTest::headers);
    l.add("addresses over all parts", &HostileTest::addresses);
    l.add("octets that mean nothing", &HostileTest::octets);
    l.add("dates and previews", &HostileTest::datesAndPreviews);
  }

  void nested() {
    for (std::size_t levels : {maxNesting - 1, maxNesting, std::size_t(10'000), std::size_t(100'000)}) {
      std::string m;
      for (std::size_t i = 0; i < levels; ++i) {
        auto boundary = "b" + std::to_string(i);
        m += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
      }
      auto p = parse(m + "\r\nx");
      CHECK_EQ(std::min(levels + 1, maxNesting), depth(p.root));
      CHECK_EQ(m.size() + 3, std::size_t(p.root.end));
      CHECK(decode(encode(p.root)).has_value());
    }
    // The same boundary on all levels.
    auto p = parse(repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 1'000) + "\r\nx\r\n" + repeat("--b--\r\n", 1'000));
    CHECK_EQ(maxNesting, depth(p.root));
  }

  void flat() {
    std::string head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    auto p = parse(head + repeat("--b\r\n\r\n", 1'000'000) + "--b--\r\n");
    CHECK_EQ(maxParts, countParts(p.root));
    CHECK(p.root.children.back().end > p.root.end - 20);
    auto form = encode(p.root);
    CHECK(form.size() < maxParts * 50);
  }

  void messages() {
    auto p = parse(repeat("Content-Type: message/rfc822\r\n\r\n", 1'000) + "x");
    CHECK_EQ(maxNesting, depth(p.root));
    CHECK_EQ(p.root.end, find(p.root, {1, 1, 1})->end);
    // A digest of digests: every part is a message, so each costs two.
    p = parse("Content-Type: multipart/digest; boundary=b\r\n\r\n" + repeat("--b\r\n\r\nContent-Type: multipart/digest; boundary=c\r\n\r\n--c\r\n\r\n", 100'000));
    CHECK(countParts(p.root) <= maxParts + maxNesting && depth(p.root) <= maxNesting);
  }

  void oddBoundaries() {
    for (std::size_t size : {std::size_t(1), std::size_t(70), std::size_t(2'048), std::size_t(100'000)}) {
      std::string boundary(size, 'b');
      auto p = parse("Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n\r\none\r\n--" + boundary + "b\r\n--" + boundary + "--\r\n");
      CHECK_EQ(std::size_t(1), p.root.children.size());
      CHECK_EQ(std::string("one --" + boundary).substr(0, 256), p.preview.substr(0, size + 6));
    }
    // Lines that look like delimiters cost a lookup each, however many boundaries are open.
    std::string m;
    for (std::size_t i = 0; i < maxNesting; ++i) m += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) + "\r\n";
    auto p = parse(m + "\r\n" + repeat("--\r\n--b\r\n--b100\r\n", 200'000));
    CHECK_EQ(maxNesting, countParts(p.root));
  }

  void headers() {
    // One line of 50 MB; ten million lines; folds without end. The body is found behind them all.
    for (auto header : {"Subject: " + std::string(50'000'000, 'x') + "\r\n", repeat("A: b\r\n", 5'000'000), "Subject: a\r\n" + repeat(" b\r\n", 5'000'000)}) {
      auto p = parse(header + "X-Last: y\r\n\r\nbody");
      CHECK(p.hasBody && p.hasHeader);
      CHECK_EQ(std::string("body"), p.preview);
      CHECK_EQ(header.size() + 13, std::size_t(p.root.bodyStart));
      CHECK(!p.root.envelope->subject || p.root.envelope->subject->size() <= maxHeaderBytes);
    }
    auto p = parse(std::string(50'000'000, 'x'));
    CHECK(!p.hasHeader && p.root.bodyStart == 0 && p.root.lines == 1);
    p = parse("References: " + repeat("<a@b> <c@d> ", 100'000) + "\r\nIn-Reply-To: " + repeat("<e@f>", 100'000) + "\r\n\r\n");
    CHECK_EQ(std::size_t(3), p.references.size());
    std::string many = "References:";
    for (int i = 0; i < 100'000; ++i) many += " <" + std::to_string(i) + "@x>";
    p = parse(many + "\r\n\r\n");
    CHECK_EQ(maxReferences, p.references.size());
    CHECK_EQ(std::string("99999@x"), p.references.back());
  }

  void addresses() {
    std::string to = "To: " + repeat("a@b,", 20'000) + "\r\n";
    CHECK_EQ(maxAddresses, parse(to + to + "\r\n").root.envelope->to.size());
    std::string m = "Content-Type: multipart/digest; boundary=b\r\n\r\n" + repeat("--b\r\n\r\n" + to + "\r\n", 30);
    auto p = parse(m);
    std::size_t kept = 0;
    for (const auto& part : p.root.children) kept += part.children.at(0).envelope->to.size();
    CHECK_EQ(maxAddressesOfMessage, kept);
  }

  void octets() {
    std::string all;
    for (int i = 0; i < 65'536; ++i) all += static_cast<char>(i * 7 + i / 256);
    for (std::string head : {"", "Subject: ", "From: ", "Content-Type: ", "Content-Type: multipart/mixed; boundary=", "Date: ", "References: <", "To: \""}) {
      auto p = parse(head + all);
      CHECK_EQ(head.size() + all.size(), std::size_t(p.root.end));
      CHECK(p.hasNul && p.has8bit && p.hasBareCr && p.hasBareLf);
      CHECK(isUtf8(p.preview) && isUtf8(p.subjectBase));
    }
  }

  void datesAndPreviews() {
    for (std::string bad : {"", "-", "Mon, 1 Jan 0000 00:00:00 +0000", "1 Jan 10000 00:00 +0000", "1 Jan 2024 00:00:61 +0000", "31 Feb 2024 00:00 +0000",
                            "((((((1 Jan 2024 00:00 +0000", "1 Jan 2024"})
      CHECK_MSG(bad, !parse("Date: " + bad + "\r\n\r\n").date);
    CHECK(parse("Date: Sat, 31 Dec 2016 23:59:60 +0000\r\n\r\n").date);
    // Many parts that hold nothing: only so many are tried.
    auto p = parse("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + repeat("--b\r\nContent-Type: text/html\r\n\r\n<p></p>\r\n", 5'000) + "--b\r\n\r\nlate\r\n");
    CHECK_EQ(std::string(), p.preview);
    p = parse("Content-Type: text/html\r\n\r\n" + repeat("<div>", 1'000'000) + "x");
    CHECK_EQ(std::string(), p.preview);
    p = parse("Content-Length: 3\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\x1b$B" + std::string(1'000, '\x1b') + "x");
    CHECK(isUtf8(p.preview));
  }
};
SUITE(HostileTest);
