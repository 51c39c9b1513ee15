#include "message/Compose.h"

#include "base/Date.h"
#include "base/Text.h"
#include "message/Decode.h"
#include "message/EncodedWords.h"
#include "message/FieldWriter.h"
#include "message/HeaderFields.h"
#include "message/Trace.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

Address address(std::string_view text) { return Address::parse(text).value(); }

bool linesFit(std::string_view text, std::size_t limit) {
  for (auto line : split(text, '\n'))
    if (line.size() > limit + 1) return false;
  return true;
}

}  // namespace

struct ComposeTest : test::Suite<ComposeTest> {
  static void list(List& l) {
    l.add("header fields fold and come back", &ComposeTest::header);
    l.add("nothing can be injected", &ComposeTest::injection);
    l.add("text bodies choose their encoding", &ComposeTest::bodies);
    l.add("multipart round trip", &ComposeTest::multipart);
    l.add("Received", &ComposeTest::received);
    l.add("Authentication-Results", &ComposeTest::authResults);
  }

  void header() {
    std::string subject = "A long subject with  two spaces and Gr\xc3\xbc\xc3\x9f" "en, that goes on until it must be folded at least once or twice";
    for (bool utf8 : {false, true}) {
      HeaderBuilder h(utf8);
      CHECK(h.text("Subject", subject));
      CHECK(h.addresses("From", {{"J\xc3\xb6rg \"J\" M., Dr.", address("a@xn--bcher-kva.example")}, {"Plain Name", address("\"odd one\"@example.org")}}));
      CHECK(h.messageIds("References", {"1@x", "2@x"}));
      CHECK(h.date("Date", fromUnixSeconds(0)));
      CHECK_EQ(!utf8, isAscii(h.bytes()));
      CHECK(linesFit(h.bytes(), foldAt));
      auto p = parse(h.bytes() + "\r\n");
      CHECK_EQ(subject, decodeWords(*p.root.envelope->subject));
      CHECK_EQ(std::string("J\xc3\xb6rg \"J\" M., Dr."), decodeWords(*p.root.envelope->from.at(0).name));
      CHECK_EQ(std::string("odd one"), *p.root.envelope->from.at(1).mailbox);
      CHECK_EQ(std::string(utf8 ? "b\xc3\xbc" "cher.example" : "xn--bcher-kva.example"), *p.root.envelope->from.at(0).host);
      CHECK_EQ(std::size_t(2), p.references.size());
      CHECK(p.date && p.date->time == fromUnixSeconds(0));
    }
    HeaderBuilder h(false);
    CHECK(!h.addresses("To", {{"", address("\xc3\xb6@example.org")}}));
    CHECK(!h.structured("X", "\xc3\xb6"));
    CHECK(h.addresses("To", {}) && h.messageIds("References", {}) && h.bytes().empty());
    CHECK(h.text("X", std::string(5'000, 'x')));
    CHECK(linesFit(h.bytes(), maxLine));
    FakeRandom random;
    auto id = makeMessageId(random, Domain::make("example.org").value());
    CHECK(id != makeMessageId(random, Domain::make("example.org").value()));
    CHECK_EQ(std::size_t(22 + 12), id.size());
  }

  void injection() {
    for (std::string bad : {std::string("a\r\nBcc: x@y"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3), std::string("\xff"), std::string(maxFieldValue + 1, 'a')}) {
      HeaderBuilder h(true);
      CHECK(!h.text("Subject", bad) && !h.structured("X", bad) && !h.addresses("To", {{bad, address("a@b.example")}}) && !h.messageIds("References", {bad}));
      CHECK(!h.text(bad, "x"));
      CHECK(h.bytes().empty());
      FakeRandom random;
      OutPart part;
      part.parameters = {{"name", bad}};
      CHECK(!writePart(part, {}, random));
      part.parameters.clear();
      part.id = bad;
      CHECK(!writePart(part, {}, random));
      part.id.reset();
      part.subtype = bad;
      CHECK(!writePart(part, {}, random));
      FieldWriter field("X");
      auto written = field.word(bad).glue(bad).words(bad).end();
      auto p = parse(written);
      CHECK(p.root.envelope->bcc.empty() && countFields(written, "Bcc") == 0 && countFields(written, "X") == 1);
    }
    HeaderBuilder h(true);
    CHECK(!h.text("", "x") && !h.text("A B", "x") && !h.text("A:", "x") && !h.messageIds("References", {"a b"}) && !h.messageIds("References", {"a>"}));
    CHECK_EQ(std::string("a b ??"), safeText("\r\na\n\n b\t\xc3\xa4", 100));
    CHECK_EQ(std::string("a\xc3\xa4..."), safeText("a\xc3\xa4\xc3\xa4", 4, true));
    CHECK_EQ(std::string("?????"), safeText("\xe2\x80\xae\xc2\x85", 100, true));
    CHECK_EQ(std::string("(\\(a\\\\\\))"), comment("(a\\)"));
  }

  void bodies() {
    FakeRandom random;
    auto write = [&](const std::string& body, bool allow8bit) {
      OutPart part;
      part.body = body;
      return writePart(part, {allow8bit, false}, random).value();
    };
    CHECK_EQ(std::string("Content-Type: text/plain\r\n\r\na\r\nb\r\n"), write("a\nb", false));
    CHECK(write("\xc3\xa4\n", true).find("Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n") != std::string::npos);
    CHECK(write("\xc3\xa4 \n", false).find("quoted-printable\r\n\r\n=C3=A4=20\r\n") != std::string::npos);
    std::string longLine(3'000, 'x');
    auto written = write(longLine + "\n", true);
    CHECK(linesFit(written, 76));
    auto p = parse(written);
    CHECK_EQ(longLine + "\r\n", decode(Encoding::quotedPrintable, std::string_view(written).substr(p.root.bodyStart)));
    std::string bytes;
    for (int i = 0; i < 1'000; ++i) bytes += static_cast<char>(i);
    OutPart part;
    part.type = "application";
    part.subtype = "octet-stream";
    part.body = bytes;
    written = writePart(part, {}, random).value();
    CHECK(linesFit(written, 76));
    CHECK_EQ(bytes, decode(Encoding::base64, std::string_view(written).substr(parse(written).root.bodyStart)));
    part.type = "message";
    part.subtype = "rfc822";
    CHECK(!writePart(part, {}, random));
  }

  void multipart() {
    FakeRandom random;
    OutPart mixed, text, file;
    mixed.type = "multipart";
    mixed.subtype = "mixed";
    text.parameters = {{"charset", "utf-8"}};
    text.body = "hello\n";
    file.type = "image";
    file.subtype = "png";
    file.body = "\x89PNG";
    std::string name = "\xe6\x97\xa5\xe6\x9c\xac a very long file name that needs more than a piece of a parameter (1).png";
    file.disposition = Disposition{"attachment", {{"filename", name}, {"size", "4"}, {"x", "a \"b\""}}};
    file.id = "id@x";
    mixed.parts = {text, file};
    HeaderBuilder h(false);
    CHECK(h.text("Subject", "s"));
    auto message = compose(h, mixed, false, random).value();
    CHECK(isAscii(message) && linesFit(message, foldAt));
    auto p = parse(message);
    CHECK_EQ(std::size_t(2), p.root.children.size());
    const auto& part = p.root.children[1];
    CHECK_EQ(name, part.disposition->parameters[0].value);
    CHECK_EQ(std::string("a \"b\""), part.disposition->parameters[2].value);
    CHECK_EQ(std::string("<id@x>"), *part.id);
    CHECK_EQ(file.body, decode(Encoding::base64, std::string_view(message).substr(part.bodyStart, part.end - part.bodyStart)));
    CHECK_EQ(std::string("hello"), p.preview);
    mixed.parts.clear();
    CHECK(!writePart(mixed, {}, random));
  }

  void received() {
    Received hop{Domain::make("client.example").value(), Domain::make("ptr.example").value(), IpAddress::parse("192.0.2.1"), Domain::make("b\xc3\xbc" "cher.example").value(),
                 IpAddress::parse("2001:db8::1"), "ESMTPS", true, "abc", "TLS1.3 TLS_AES_128_GCM_SHA256", std::nullopt, fromUnixSeconds(0), false};
    hop.recipient = Mailbox{Localpart::make("u").value(), Domain::make("example.org").value()};
    auto field = receivedField(hop);
    CHECK_EQ(std::string("from client.example (ptr.example [192.0.2.1]) by xn--bcher-kva.example ([IPv6:2001:db8::1]) via tcp with ESMTPS (requiretls) "
                         "id abc (TLS1.3 TLS_AES_128_GCM_SHA256) for <u@example.org>; Thu, 01 Jan 1970 00:00:00 +0000"), unfold(field.substr(9)));
    CHECK(linesFit(field, foldAt));
    hop.utf8 = true;
    hop.recipient->localpart = Localpart::make("\xc3\xbc").value();
    CHECK(receivedField(hop).find("for <\xc3\xbc@example.org>") != std::string::npos);
    hop.utf8 = false;
    CHECK(receivedField(hop).find("for") == std::string::npos);
    CHECK_EQ(std::string("Return-Path: <>\r\n"), returnPathField(std::nullopt, false));
    CHECK_EQ(std::string("Return-Path: <\"a b\"@example.org>\r\n"),
             returnPathField(Mailbox{Localpart::make("a b").value(), Domain::make("example.org").value()}, false));
    CHECK_EQ(std::string("Delivered-To: a@[192.0.2.1]\r\n"), deliveredToField(Mailbox{Localpart::make("a").value(), *IpAddress::parse("192.0.2.1")}, true));
  }

  void authResults() {
    AuthResults results{Domain::make("mx.example").value(), "", {}, false};
    CHECK_EQ(std::string("Authentication-Results: mx.example; none\r\n"), authenticationResultsField(results));
    results.methods = {{"dkim", "fail", "2048 bit (rsa)", "bad \"sig\"\r\nX: y", {{"header", "d", "example.org"}, {"header", "b", "ab+/=="}}},
                       {"spf", "pass", "", "", {{"smtp", "mailfrom", "a b@example.org"}, {"smtp", "helo", "a@b.example"}, {"x", "y", ""}}}};
    auto field = authenticationResultsField(results);
    CHECK_EQ(std::string("mx.example; dkim=fail (2048 bit \\(rsa\\)) reason=\"bad \\\"sig\\\" X: y\" header.d=example.org header.b=\"ab+/==\"; "
                         "spf=pass smtp.mailfrom=\"a b@example.org\" smtp.helo=a@b.example x.y=\"\""), unfold(field.substr(23)));
    CHECK_EQ(std::size_t(1), countFields(field, "Authentication-Results"));
    CHECK_EQ(std::size_t(0), countFields(field, "X"));
  }
};
SUITE(ComposeTest);
