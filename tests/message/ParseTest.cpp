#include "message/Parsed.h"

#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

/// "multipart/mixed(text/plain message/rfc822(text/plain))".
std::string types(const Part& part) {
  std::string out = part.type + "/" + part.subtype;
  if (part.children.empty()) return out;
  out += "(";
  for (const auto& child : part.children) out += (out.back() == '(' ? "" : " ") + types(child);
  return out + ")";
}

std::string body(const Part& part, const std::string& message) { return message.substr(part.bodyStart, part.end - part.bodyStart); }

std::string multipart(const std::string& boundary, const std::string& rest, const std::string& subtype = "mixed") {
  return "Content-Type: multipart/" + subtype + "; boundary=\"" + boundary + "\"\r\n\r\n" + rest;
}

}  // namespace

struct ParseTest : test::Suite<ParseTest> {
  static void list(List& l) {
    l.add("RFC 2046 simple multipart: offsets and lines", &ParseTest::rfc2046);
    l.add("boundaries: prefixes, nesting, missing close, epilogue", &ParseTest::boundaries);
    l.add("empty parts", &ParseTest::emptyParts);
    l.add("digest and embedded messages", &ParseTest::embedded);
    l.add("a header that is none", &ParseTest::brokenHeaders);
    l.add("prefix moves offsets", &ParseTest::prefix);
    l.add("octet flags", &ParseTest::flags);
    l.add("part fields", &ParseTest::partFields);
    l.add("envelope, ids and threads", &ParseTest::rootFields);
    l.add("From is single or nothing", &ParseTest::from);
    l.add("a header beyond its limit has no From", &ParseTest::hugeHeader);
    l.add("find follows section numbers", &ParseTest::sections);
    l.add("encode and decode", &ParseTest::codec);
    l.add("RFC 2049 appendix A", &ParseTest::rfc2049);
  }

  void rfc2046() {
    std::string m =
        "From: Nathaniel Borenstein <nsb@bellcore.com>\r\nTo: Ned Freed <ned@innosoft.com>\r\nDate: Sun, 21 Mar 1993 23:56:48 -0800 (PST)\r\n"
        "Subject: Sample message\r\nMIME-Version: 1.0\r\nContent-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n"
        "This is the preamble.  It is to be ignored.\r\n\r\n--simple boundary\r\n\r\nThis is implicitly typed plain US-ASCII text.\r\n"
        "It does NOT end with a linebreak.\r\n--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\n"
        "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n\r\n--simple boundary--\r\n\r\n"
        "This is the epilogue.  It is also to be ignored.\r\n";
    auto p = parse(m);
    CHECK_EQ(std::string("multipart/mixed(text/plain text/plain)"), types(p.root));
    const auto& a = p.root.children[0];
    const auto& b = p.root.children[1];
    CHECK_EQ(std::string("This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak."), body(a, m));
    CHECK_EQ(2u, a.lines);
    CHECK_EQ(std::string("This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n"), body(b, m));
    CHECK_EQ(2u, b.lines);
    CHECK_EQ(std::string("Content-type: text/plain; charset=us-ascii\r\n\r\n"), m.substr(b.headerStart, b.bodyStart - b.headerStart));
    CHECK_EQ(std::string("us-ascii"), *b.parameter("charset"));
    CHECK_EQ(m.size(), std::size_t(p.root.end));
    CHECK_EQ(15u, p.root.lines);
    CHECK(p.hasHeader && p.hasBody && !p.has8bit && !p.hasBareLf && !p.hasBareCr && !p.hasNul);
    CHECK_EQ(-8 * 60, p.date->zoneMinutes);
  }

  void boundaries() {
    // The outer boundary starts the inner one, and the other way around.
    for (auto [outer, inner] : {std::pair<std::string, std::string>{"ab", "abc"}, {"abc", "ab"}, {"a", "a--"}, {"x:y", "x"}}) {
      std::string m = multipart(outer, "--" + outer + "\r\n" + multipart(inner, "--" + inner + "\r\n\r\none\r\n--" + inner + "--\r\n") +
                                           "--" + outer + "\r\n\r\ntwo\r\n--" + outer + "--\r\n");
      auto p = parse(m);
      CHECK_EQ(std::string("multipart/mixed(multipart/mixed(text/plain) text/plain)"), types(p.root));
      CHECK_EQ(std::string("one"), body(p.root.children[0].children[0], m));
      CHECK_EQ(std::string("two"), body(p.root.children[1], m));
    }
    // An outer delimiter ends inner parts.
    std::string m = multipart("o", "--o\r\n" + multipart("i", "--i\r\n\r\none\r\n--o\r\n\r\ntwo\r\n--o--\r\n"));
    auto p = parse(m);
    CHECK_EQ(std::string("multipart/mixed(multipart/mixed(text/plain) text/plain)"), types(p.root));
    CHECK_EQ(std::string("one"), body(p.root.children[0].children[0], m));
    CHECK_EQ(p.root.children[0].end, p.root.children[0].children[0].end);
    // No closing delimiter; one with blanks behind it; boundary in the epilogue and in other text.
    m = multipart("b", "--b \t\r\n\r\n--bx\r\none\r\n--b--x\r\n--\r\n");
    p = parse(m);
    CHECK_EQ(std::string("multipart/mixed(text/plain)"), types(p.root));
    CHECK_EQ(std::string("--bx\r\none\r\n--b--x\r\n--\r\n"), body(p.root.children[0], m));
    m = multipart("b", "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\nnot a part\r\n--b--\r\n");
    p = parse(m);
    CHECK_EQ(std::size_t(1), p.root.children.size());
    CHECK_EQ(m.size(), std::size_t(p.root.end));
    // LF only; no boundary at all.
    m = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n";
    p = parse(m);
    CHECK_EQ(std::string("one"), body(p.root.children[0], m));
    CHECK_EQ(std::string("two"), body(p.root.children[1], m));
    CHECK(p.hasBareLf);
    CHECK_EQ(std::string("multipart/mixed"), types(parse("Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\n--\r\n").root));
    CHECK_EQ(std::string("multipart/mixed"), types(parse(multipart("", "--\r\n\r\nx\r\n----\r\n")).root));
  }

  void emptyParts() {
    std::string m = multipart("b", "--b\r\n--b\r\nX: y\r\n--b\r\n\r\n--b--\r\n");
    auto p = parse(m);
    CHECK_EQ(std::size_t(3), p.root.children.size());
    for (const auto& part : p.root.children) {
      CHECK_EQ(std::string(), body(part, m));
      CHECK_EQ(0u, part.lines);
      CHECK(part.headerStart <= part.bodyStart && part.bodyStart <= part.end);
    }
    CHECK_EQ(std::string("X: y\r\n"), m.substr(p.root.children[1].headerStart, 6));
    auto none = parse("");
    CHECK(!none.hasHeader && !none.hasBody && none.root.envelope);
    CHECK_EQ(std::string("text/plain"), types(none.root));
  }

  void embedded() {
    std::string inner = "From: a@example.org\r\nSubject: in\r\n\r\nhi\r\nho";
    std::string m = multipart("b", "--b\r\n\r\n" + inner + "\r\n--b\r\nContent-Type: text/plain\r\n\r\nt\r\n--b\r\nContent-Type: message/rfc822\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nRnJvbTo=\r\n--b--\r\n", "digest");
    auto p = parse(m);
    CHECK_EQ(std::string("multipart/digest(message/rfc822(text/plain) text/plain message/rfc822)"), types(p.root));
    const auto& outer = p.root.children[0];
    const auto& message = outer.children[0];
    CHECK_EQ(inner, body(outer, m));
    CHECK_EQ(outer.bodyStart, message.headerStart);
    CHECK_EQ(std::string("hi\r\nho"), body(message, m));
    CHECK_EQ(2u, message.lines);
    CHECK_EQ(5u, outer.lines);
    CHECK_EQ(std::string("in"), *message.envelope->subject);
    CHECK(!outer.envelope && p.root.envelope);
    // An embedded message whose header the outer delimiter cuts off.
    m = multipart("b", "--b\r\nContent-Type: message/global\r\n\r\nSubject: x\r\n--b--\r\n");
    p = parse(m);
    CHECK_EQ(std::string("x"), *p.root.children[0].children[0].envelope->subject);
    CHECK(p.root.children[0].children[0].end <= p.root.children[0].end);
    // A first line that is no header starts the body of both.
    m = "Content-Type: message/rfc822\r\nno header\r\n";
    p = parse(m);
    CHECK_EQ(std::string("message/rfc822(text/plain)"), types(p.root));
    CHECK_EQ(std::string("no header\r\n"), body(p.root.children[0], m));
  }

  void brokenHeaders() {
    std::string m = "From someone Mon Jan  1 00:00:00 2024\r\n Subject: not a field\r\nSubject : spaced\r\nnot a header line\r\nTo: x@y\r\n";
    auto p = parse(m);
    CHECK_EQ(std::string("spaced"), *p.root.envelope->subject);
    CHECK(!p.hasBody && p.hasHeader && p.root.envelope->to.empty());
    CHECK_EQ(std::string("not a header line\r\nTo: x@y\r\n"), body(p.root, m));
    p = parse("Received: x\r\n", m);
    CHECK_EQ(std::string("spaced"), *p.root.envelope->subject);
    p = parse("\r\nbody\r\n");
    CHECK(p.hasBody && !p.hasHeader);
    CHECK_EQ(std::string("body"), p.preview);
    p = parse("Subject: a\r\n b\r\n\tc\r\n");
    CHECK_EQ(std::string("a b\tc"), *p.root.envelope->subject);
    CHECK(!p.hasBody);
    CHECK_EQ(std::string("a b c"), p.subjectBase);
    // First type counts; a bad one is text/plain, RFC 2045 §5.2.
    CHECK_EQ(std::string("text/html"), types(parse("Content-Type: TEXT/html\r\nContent-Type: a/b\r\n\r\n").root));
    CHECK_EQ(std::string("text/plain"), types(parse("Content-Type: text\r\n\r\n").root));
  }

  void prefix() {
    std::string prefix = "Received: from x by y;\r\n date\r\nDelivered-To: a@b\r\n";
    std::string data = "Received: z\r\nSubject: s\r\n" + multipart("b", "--b\r\n\r\none\r\n--b--\r\n");
    auto p = parse(prefix, data);
    auto whole = parse(prefix + data);
    CHECK_EQ(encode(whole.root), encode(p.root));
    CHECK_EQ(2u, p.receivedFields);
    CHECK_EQ(std::string("one"), p.preview);
    CHECK_EQ(std::string("one"), body(p.root.children[0], prefix + data));
  }

  void flags() {
    auto p = parse("A: b\r\n\r\nx\ny\r\n");
    CHECK(p.hasBareLf && !p.hasBareCr && !p.hasNul && !p.has8bit);
    p = parse("A: b\r\n\r\nx\ry\r\r\n");
    CHECK(!p.hasBareLf && p.hasBareCr);
    p = parse("A: b\r\n\r\nlast line ends in CR\r");
    CHECK(p.hasBareCr);
    p = parse(std::string("A: b\r\n\r\nlong enough for words \0 \x01\x02\r\n", 35));
    CHECK(p.hasNul && !p.has8bit);
    p = parse("A: b\r\n\r\nlong enough for w\xc3\xb6rds\r\n");
    CHECK(!p.hasNul && p.has8bit && !p.utf8Headers);
    p = parse("A: \xc3\xb6\r\n\r\n");
    CHECK(p.has8bit && p.utf8Headers);
    p = parse(multipart("b", "--b\r\nContent-Description: \xc3\xb6\r\n\r\n--b--\r\n"));
    CHECK(p.utf8Headers);
    for (std::string octet : {std::string("\x80"), std::string("\xff"), std::string("\0", 1)}) {
      for (std::size_t at = 0; at < 20; ++at) {
        std::string line(20, '\x01');
        line.replace(at, 1, octet);
        p = parse("\r\n" + line + "\r\n");
        CHECK_EQ(octet[0] == '\0', p.hasNul);
        CHECK_EQ(octet[0] != '\0', p.has8bit);
      }
    }
  }

  void partFields() {
    auto p = parse("Content-Type: text/plain (comment; x=y); charset=\"utf-8\" ; (c) format=flowed\r\nContent-Transfer-Encoding: (c) Quoted-Printable\r\n"
        "Content-Disposition: attachment\r\nContent-ID: <id@x>\r\nContent-Description: a\r\n description\r\nContent-MD5: Q2hlY2s=\r\n"
        "Content-Language: en, de (German)\r\nContent-Location: http://x/y\r\n\r\nx");
    const auto& r = p.root;
    CHECK_EQ(std::size_t(2), r.parameters.size());
    CHECK_EQ(std::string("flowed"), *r.parameter("format"));
    CHECK_EQ(std::string("quoted-printable"), r.encoding);
    CHECK_EQ(std::string("attachment"), r.disposition->type);
    CHECK(r.disposition->parameters.empty());
    CHECK_EQ(std::string("<id@x>"), *r.id);
    CHECK_EQ(std::string("a description"), *r.description);
    CHECK_EQ(std::string("Q2hlY2s="), *r.md5);
    CHECK_EQ(std::size_t(2), r.languages.size());
    CHECK_EQ(std::string("de"), r.languages[1]);
    CHECK_EQ(std::string("http://x/y"), *r.location);
    CHECK_EQ(1u, r.lines);
    CHECK(p.preview.empty());
  }

  void rootFields() {
    auto p = parse("Message-ID: (c) <A.b@Example.ORG>\r\nReferences: <1@x>\r\n\t<2@x> junk <1@x>\r\nIn-Reply-To: Your message <3@x> <2@x>\r\n"
        "Subject: Re: =?utf-8?q?=C3=84rger?=\r\nList-Id: <l.example.org>\r\nFrom: x@y.example\r\nReceived: a\r\nReceived: b\r\n\r\n");
    CHECK_EQ(std::string("a.b@example.org"), p.messageId);
    CHECK_EQ(std::size_t(3), p.references.size());
    CHECK_EQ(std::string("1@x"), p.references[0]);
    CHECK_EQ(std::string("3@x"), p.references[2]);
    CHECK_EQ(std::string("\xc3\xa4rger"), p.subjectBase);
    CHECK(p.isReplyOrForward && p.isMailingList && !p.isDsn);
    CHECK_EQ(2u, p.receivedFields);
    CHECK_EQ(std::string("Re: =?utf-8?q?=C3=84rger?="), *p.root.envelope->subject);
    CHECK_EQ(std::string("y.example"), *p.root.envelope->sender.at(0).host);
    CHECK_EQ(std::string("x"), *p.root.envelope->replyTo.at(0).mailbox);
    CHECK(parse("Content-Type: multipart/report; report-type=\"Delivery-Status\"; boundary=x\r\n\r\n").isDsn);
    CHECK(parse("Precedence: List\r\n\r\n").isMailingList);
  }

  void from() {
    auto single = [](const std::string& header) {
      auto from = parse(header + "\r\n\r\nx\r\n").from;
      return from ? from->text() : std::string("none");
    };
    CHECK_EQ(std::string("a@b.example"), single("From: \"x@y\" <a@b.example>"));
    CHECK_EQ(std::string("a@b.example"), single("From : John Q. Public\r\n <a@b.example> (c)"));
    CHECK_EQ(std::string("a@b.example"), single("From: a@b.example <a@b.example>"));
    CHECK_EQ(std::string("a@b.example"), single("From: =?utf-8?q?evil=40example=2Eorg?= <a@b.example>"));
    for (std::string bad : {"From: a@b.example, c@d.example", "From: a@b.example\r\nFrom: a@b.example", "From: g: a@b.example;",
                            "From: c@d.example <a@b.example>", "From: <a@b.example> <c@d.example>", "From: a@b.example junk", "From: a",
                            "From: <a@b.example", "From: \"a@b.example", "From: a@[192.0.2.1]", "From: <@x:a@b.example> (\\", "Subject: none",
                            "From: a b@b.example <x", "From: a@b.example@c.example", "From: a@b. example c"})
      CHECK_EQ(bad + " none", bad + " " + single(bad));
    auto p = parse("From: a@b, c@d\r\nFrom: g: e@f, h@i;\r\n\r\n");
    CHECK_EQ(2u, p.fromFields);
    CHECK_EQ(4u, p.fromAddresses);
  }

  /// A second From where nobody looks is one that another reader may see.
  void hugeHeader() {
    std::string padding;
    while (padding.size() < maxHeaderBytes) padding += "X-Padding: " + std::string(900, 'x') + "\r\n";
    auto cut = parse("From: a@b.example\r\n" + padding + "From: c@d.example\r\n\r\nbody\r\n");
    CHECK(cut.headerCut && !cut.from);
    auto body = parse("From: a@b.example\r\n\r\n" + padding);
    CHECK(!body.headerCut && body.from);
  }

  void sections() {
    std::string m = multipart("b", "--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" +
        multipart("c", "--c\r\n\r\ntwo\r\n--c\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nthree\r\n--c--\r\n") + "--b--\r\n");
    auto p = parse(m);
    auto text = [&](std::vector<std::uint32_t> numbers) {
      const auto* part = find(p.root, numbers);
      return part ? body(*part, m) : std::string("none");
    };
    CHECK(find(p.root, {}) == &p.root);
    CHECK_EQ(std::string("one"), text({1}));
    CHECK_EQ(std::string("two"), text({2, 1}));
    CHECK_EQ(std::string("three"), text({2, 2, 1}));
    for (std::vector<std::uint32_t> numbers : {std::vector<std::uint32_t>{0}, {3}, {1, 1}, {2, 3}, {2, 2, 2}, {2, 2, 1, 1}}) CHECK(find(p.root, numbers) == nullptr);
    auto plain = parse("\r\nx");
    CHECK(find(plain.root, {1}) == &plain.root);
    CHECK(find(plain.root, {2}) == nullptr && find(plain.root, {1, 1}) == nullptr);
    auto message = parse("Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx");
    CHECK(find(message.root, {1}) == &message.root);
    CHECK(find(message.root, {1, 1}) == &message.root.children[0]);
  }

  void codec() {
    std::string m = "From: A <a@b>, g: c@d (x), e;\r\nSubject: s\r\n" +
        multipart("b", "--b\r\nContent-Disposition: inline; filename=x\r\nContent-Language: en\r\nContent-ID: <>\r\n\r\none\r\n"
                       "--b\r\nContent-Type: message/rfc822\r\n\r\nTo: x@y\r\n\r\nz\r\n--b--\r\n");
    auto form = encode(parse(m).root);
    auto again = decode(form);
    CHECK(again.has_value());
    CHECK_EQ(form, encode(*again));
    CHECK_EQ(std::string("x"), again->children[0].disposition->parameters[0].value);
    CHECK_EQ(std::string("e"), *again->envelope->from[3].mailbox);
    CHECK(again->envelope->from[4].host == std::nullopt && again->envelope->from[1].host == std::nullopt);
    for (std::size_t size = 0; size < form.size(); ++size) CHECK(!decode(form.substr(0, size)));
    CHECK(!decode(form + "x"));
    form[0] = 2;
    CHECK(!decode(form));
    CHECK(!decode(std::string("\x01\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15)));
  }

  void rfc2049() {
    std::string m =
        "MIME-Version: 1.0\r\nFrom: Nathaniel Borenstein <nsb@nsb.fv.com>\r\nTo: Ned Freed <ned@innosoft.com>\r\n"
        "Date: Fri, 07 Oct 1994 16:15:05 -0700 (PDT)\r\nSubject: A multipart example\r\nContent-Type: multipart/mixed;\r\n boundary=unique-boundary-1\r\n\r\n"
        "This is the preamble area of a multipart message.\r\n\r\n--unique-boundary-1\r\n\r\n  ... Some text appears here ...\r\n\r\n"
        "--unique-boundary-1\r\nContent-type: text/plain; charset=US-ASCII\r\n\r\nThis could have been part of the previous part.\r\n\r\n"
        "--unique-boundary-1\r\nContent-Type: multipart/parallel; boundary=unique-boundary-2\r\n\r\n"
        "--unique-boundary-2\r\nContent-Type: audio/basic\r\nContent-Transfer-Encoding: base64\r\n\r\n ... audio ...\r\n\r\n"
        "--unique-boundary-2\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n ... image ...\r\n\r\n--unique-boundary-2--\r\n\r\n"
        "--unique-boundary-1\r\nContent-type: text/enriched\r\n\r\nThis is <bold>enriched.</bold>\r\n\r\n"
        "--unique-boundary-1\r\nContent-Type: message/rfc822\r\n\r\nFrom: (mailbox in US-ASCII)\r\nTo: (address in US-ASCII)\r\n"
        "Subject: (subject in US-ASCII)\r\nContent-Type: Text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: Quoted-printable\r\n\r\n"
        "  ... Additional text in ISO-8859-1 goes here ...\r\n\r\n--unique-boundary-1--\r\n";
    auto p = parse(m);
    CHECK_EQ(std::string("multipart/mixed(text/plain text/plain multipart/parallel(audio/basic image/jpeg) text/enriched message/rfc822(text/plain))"),
             types(p.root));
    CHECK_EQ(std::string("  ... Additional text in ISO-8859-1 goes here ...\r\n"), body(*find(p.root, {5, 1}), m));
    CHECK_EQ(std::string(" ... image ...\r\n"), body(*find(p.root, {3, 2}), m));
    CHECK_EQ(std::string("... Some text appears here ..."), p.preview);
  }
};
SUITE(ParseTest);
