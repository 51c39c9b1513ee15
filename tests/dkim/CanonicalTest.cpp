#include "dkim/Canonical.h"

#include "base/Text.h"
#include "dkim/HeaderBlock.h"
#include "dkim/Signer.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::dkim;

struct CanonicalTest : test::Suite<CanonicalTest> {
  static void list(List& l) {
    l.add("RFC 6376 3.4.5 examples", &CanonicalTest::examples);
    l.add("odd fields", &CanonicalTest::fields);
    l.add("ends of bodies", &CanonicalTest::bodies);
    l.add("the same in any pieces", &CanonicalTest::pieces);
    l.add("a body of empty lines needs no memory for them", &CanonicalTest::emptyLines);
    l.add("header blocks are cut as the message parser sees them", &CanonicalTest::headerBlocks);
  }

  static std::string body(Canonicalization c, std::string_view text, std::size_t piece = 1 << 20) {
    std::string out;
    CanonicalBody canonical(c, [&](std::string_view octets) { out += octets; });
    for (std::size_t at = 0; at < text.size(); at += piece) canonical.update(text.substr(at, piece));
    canonical.finish();
    return out;
  }

  void examples() {
    auto relaxed = Canonicalization::relaxed, simple = Canonicalization::simple;
    CHECK_EQ(std::string("a:X\r\n"), canonicalField(relaxed, "A: X\r\n"));
    CHECK_EQ(std::string("b:Y Z\r\n"), canonicalField(relaxed, "B : Y\t\r\n\tZ  \r\n"));
    CHECK_EQ(std::string("B : Y\t\r\n\tZ  \r\n"), canonicalField(simple, "B : Y\t\r\n\tZ  \r\n"));
    std::string text = " C \r\nD \t E\r\n\r\n\r\n";
    CHECK_EQ(std::string(" C\r\nD E\r\n"), body(relaxed, text));
    CHECK_EQ(std::string(" C \r\nD \t E\r\n"), body(simple, text));
    // §3.4.3 and §3.4.4: digests of empty bodies.
    CHECK_EQ(std::string("frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY="), base64(digest(Hash::sha256, body(simple, ""))));
    CHECK_EQ(std::string("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="), base64(digest(Hash::sha256, body(relaxed, ""))));
    CHECK_EQ(std::string("uoq1oCgLlTqpdDX/iUbLy7J1Wic="), base64(digest(Hash::sha1, body(simple, ""))));
  }

  void fields() {
    auto relaxed = Canonicalization::relaxed;
    CHECK_EQ(std::string("x:\r\n"), canonicalField(relaxed, "X:"));
    CHECK_EQ(std::string("x:\r\n"), canonicalField(relaxed, "X: \t \r\n"));
    CHECK_EQ(std::string("x:a b\r\n"), canonicalField(relaxed, "X:a\n b\n"));
    CHECK_EQ(std::string("x:a\rb\r\n"), canonicalField(relaxed, "X:a\rb\r\n"));
    CHECK_EQ(std::string("X: a\r\n"), canonicalField(Canonicalization::simple, "X: a\n"));
  }

  void bodies() {
    auto relaxed = Canonicalization::relaxed, simple = Canonicalization::simple;
    CHECK_EQ(std::string("\r\n"), body(simple, "\r\n\r\n"));
    CHECK_EQ(std::string(""), body(relaxed, "\r\n\r\n"));
    CHECK_EQ(std::string(""), body(relaxed, "  \r\n\t\r\n"));
    CHECK_EQ(std::string("a\r\n"), body(simple, "a"));
    CHECK_EQ(std::string("a\r\n"), body(relaxed, "a"));
    CHECK_EQ(std::string("a\r\r\n"), body(simple, "a\r"));
    CHECK_EQ(std::string("a\n\r\n"), body(simple, "a\n"));
    CHECK_EQ(std::string("a \rb\r\n"), body(relaxed, "a \rb \r\n"));
    CHECK_EQ(std::string("\r\r\n\nx\r\n"), body(simple, "\r\r\n\nx\r\n\r\n"));
    CHECK_EQ(std::string("\r\n\r\nx\r\n"), body(relaxed, "\r\n \r\nx"));
    CHECK_EQ(std::string("a\0b\r\n", 5), body(relaxed, std::string_view("a\0b", 3)));
  }

  void pieces() {
    std::string text = "one  two \r\n\r\n \tthree\r four\n\r\n\r\r\n" + std::string(40'000, 'x') + " \r\n" + std::string(500, ' ') + "y\r\n\r\n\r\n";
    for (auto c : {Canonicalization::simple, Canonicalization::relaxed}) {
      auto whole = body(c, text);
      for (std::size_t piece : {1, 2, 3, 7, 1000}) CHECK(whole == body(c, text, piece));
      CHECK(whole == body(c, whole));
    }
  }

  void emptyLines() {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "\r\n";
    CHECK_EQ(std::string(""), body(Canonicalization::relaxed, text));
    auto held = body(Canonicalization::simple, text + "x");
    CHECK_EQ(text.size() + 3, held.size());
  }

  void headerBlocks() {
    auto got = split("Received: x\r\n", "Subject: a\nFrom: evil\r\n b\r\nnonsense\r\n : y\r\nBad Name: z\r\nTo : c\r\n\r\nX: body\r\n");
    CHECK_EQ(std::size_t(4), got.fields.size());
    CHECK_EQ(std::string("from"), got.fields[2].name);
    CHECK_EQ(std::string(" evil\r\n b\r\n"), std::string(got.fields[2].value()));
    CHECK_EQ(std::string("to"), got.fields[3].name);
    CHECK_EQ(std::string("X: body\r\n"), std::string(got.body));
    // A first line that looks like a continuation does not grow the prefix's last field.
    got = split("A: x\r\n", " y\r\nB: z\r\n");
    CHECK_EQ(std::string("A: x\r\n"), std::string(got.fields.at(0).raw));
    CHECK_EQ(std::string("b"), got.fields.at(1).name);
    CHECK(got.body.empty());
    std::string many;
    for (std::size_t i = 0; i <= maxHeaderFields; ++i) many += "A:\r\n";
    CHECK(split("", many).cut);
    CHECK(!split("", many.substr(4)).cut);
  }
};
SUITE(CanonicalTest);
