#include "message/SearchText.h"

#include "message/EncodedWords.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

SearchText textOf(const std::string& message, std::size_t limit = maxSearchText, bool withHeader = true) {
  return searchText(parse(message).root, message, withHeader, limit);
}

std::string bodyOf(const std::string& fields, const std::string& body) { return textOf(fields + "\r\n" + body, maxSearchText, false).text; }

}  // namespace

struct SearchTextTest : test::Suite<SearchTextTest> {
  static void list(List& l) {
    l.add("header fields", &SearchTextTest::header);
    l.add("encodings and charsets", &SearchTextTest::charsets);
    l.add("HTML is its words", &SearchTextTest::html);
    l.add("parts and embedded messages", &SearchTextTest::parts);
    l.add("headers of parts, with the names of attachments", &SearchTextTest::partHeaders);
    l.add("bounded", &SearchTextTest::bounded);
    l.add("conversions are counted for the whole message", &SearchTextTest::conversions);
    l.add("needles", &SearchTextTest::needles);
  }

  void header() {
    CHECK_EQ(std::string("subject: grüsse aus köln\nx: a b\nbody\n"),
             textOf("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n aus =?iso-8859-1?q?K=D6LN?=\r\nX: A\r\n b\r\n\r\nBody").text);
    CHECK_EQ(std::string("body\n"), textOf("Subject: x\r\n\r\nBody", maxSearchText, false).text);
    CHECK_EQ(std::string("subject: \xEF\xBF\xBDx\n\n"), textOf("Subject: \xffx\r\n\r\n").text);
  }

  void charsets() {
    CHECK_EQ(std::string("äöü\n"), bodyOf("Content-Type: text/plain; charset=iso-8859-1\r\n", "\xc4\xd6\xdc"));
    CHECK_EQ(std::string("привет\n"), bodyOf("Content-Type: text/plain; charset=koi8-r\r\n", "\xf0\xf2\xe9\xf7\xe5\xf4"));
    CHECK_EQ(std::string("日本\n"), bodyOf("Content-Type: text/plain; charset=iso-2022-jp\r\n", "\x1b$BF|K\\\x1b(B"));
    CHECK_EQ(std::string("abc\n"), bodyOf("Content-Transfer-Encoding: base64\r\n", "QUJD"));
    CHECK_EQ(std::string("longword\n"), bodyOf("Content-Transfer-Encoding: quoted-printable\r\n", "long=\r\nword"));
    CHECK_EQ(std::string("a b\n"), bodyOf("", std::string("a\0b", 3)));
    // Composed and decomposed letters are one: e and U+0301 is U+00E9.
    CHECK_EQ(std::string("caf\xC3\xA9\n"), bodyOf("Content-Type: text/plain; charset=utf-8\r\n", "CAFE\xCC\x81"));
  }

  void html() {
    CHECK_EQ(std::string("one two\nthree & four\n"),
             bodyOf("Content-Type: text/html\r\n", "<head><style>no</style></head><p>One <b>tw</b>o<p>three &amp; four<script>no</script>"));
  }

  void parts() {
    auto text = textOf("Subject: Outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nFirst\r\n"
                       "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Inner\r\n\r\nDeep\r\n"
                       "--b\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822;X\r\n"
                       "--b\r\nContent-Type: application/pdf\r\n\r\nattached\r\n--b--\r\n",
                       maxSearchText, false);
    CHECK_EQ(std::string("first\nsubject: inner\ndeep\nfinal-recipient: rfc822;x\n"), text.text);
    CHECK(text.whole);
  }

  /// RFC 9051 §6.4.4 TEXT "including MIME header fields"; not of BODY. What is in front of the text of BODY is header.
  void partHeaders() {
    const std::string message =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nFirst\r\n"
        "--b\r\nContent-Type: application/pdf; name=\"=?utf-8?q?R=C3=A9sum=C3=A9=2Epdf?=\"\r\n\r\nattached\r\n"
        "--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''na%C3%AFve; filename*1=%2D1.PNG\r\n\r\nx\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: application/x; name*=utf-8''%C3%BCber.doc\r\n\r\nx\r\n--b--\r\n";
    auto whole = textOf(message).text, body = textOf(message, maxSearchText, false).text;
    CHECK_EQ(std::string("first\ncontent-type: application/x; name*=utf-8''%c3%bcber.doc\n"), body);
    CHECK_EQ(std::string("content-type: multipart/mixed; boundary=b\n"
                         "content-type: application/pdf; name=\"résumé.pdf\"\n"
                         "content-type: image/png\n"
                         "content-disposition: attachment; filename*0*=utf-8''na%c3%afve; filename*1=%2d1.png\n"
                         "naïve%2d1.png\n"
                         "content-type: message/rfc822\n"
                         "über.doc\n") + body, whole);
  }

  void bounded() {
    std::string body(1'000, 'x');
    auto exact = textOf("\r\n" + body, 1'000);
    CHECK(exact.whole);
    CHECK_EQ(std::size_t(1'001), exact.text.size());
    auto cut = textOf("\r\n" + body, 999);
    CHECK(!cut.whole);
    CHECK_EQ(std::size_t(1'000), cut.text.size());
    // Never half a character.
    CHECK_EQ(std::string("a\n"), textOf("Content-Type: text/plain; charset=utf-8\r\n\r\naé", 2, false).text);
    auto manyFields = textOf("A: 1\r\nB: 2\r\nC: 3\r\n\r\n", 9);
    CHECK(!manyFields.whole);
    CHECK_EQ(std::string("a: 1\nb: 2\n"), manyFields.text);
  }

  void conversions() {
    std::string field = "X:";
    for (std::size_t i = 0; i < maxWordConversions; ++i) field += i % 2 ? " =?iso-8859-1?q?a?=" : " =?iso-8859-2?q?a?=";
    auto found = textOf(field + "\r\nY: =?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=\r\n\r\n", 1 << 20);
    CHECK(!found.whole);  // an index of it must not say that there is no "é" of the first kind
    const auto& text = found.text;
    CHECK_MSG(text, text.starts_with("x: aaaa") && text.find("\ny: =?iso-8859-1?q?=e9?= é") != std::string::npos);
  }

  void needles() {
    CHECK_EQ(std::string("strasse"), searchFold("STRAßE"));
    CHECK_EQ(std::string("\xC3\xA9"), searchFold("E\xCC\x81"));
    CHECK_EQ(std::string("\xEF\xBF\xBDx"), searchFold("\xffX"));
  }
};

SUITE(SearchTextTest);
