#include "message/Decode.h"

#include "message/HtmlText.h"
#include "message/Parsed.h"
#include "message/Preview.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

/// Whole, and octet by octet: both must agree.
std::string both(Encoding encoding, const std::string& bytes) {
  Decoder decoder(encoding);
  std::string out;
  for (char c : bytes) decoder.feed(std::string_view(&c, 1), out);
  decoder.finish(out);
  CHECK_EQ(decode(encoding, bytes), out);
  return out;
}

std::string previewOf(const std::string& header, const std::string& body) { return parse(header + "\r\n\r\n" + body).preview; }

}  // namespace

struct DecodeTest : test::Suite<DecodeTest> {
  static void list(List& l) {
    l.add("base64", &DecodeTest::base64);
    l.add("quoted-printable", &DecodeTest::quotedPrintable);
    l.add("HTML to text", &DecodeTest::html);
    l.add("HTML that attacks", &DecodeTest::hostileHtml);
    l.add("preview of text", &DecodeTest::textPreview);
    l.add("preview of parts", &DecodeTest::partPreview);
  }

  void base64() {
    CHECK_EQ(std::string("any carnal pleas"), both(Encoding::base64, "YW55\r\nIGNh cm5h!!bCBwbGVhcw=="));
    CHECK_EQ(std::string("ab"), both(Encoding::base64, "YWI"));
    CHECK_EQ(std::string("ab"), both(Encoding::base64, "YWI=\r\n-- \r\na footer"));
    CHECK_EQ(std::string(), both(Encoding::base64, "Y"));
    CHECK_EQ(std::string(), both(Encoding::base64, "===="));
    Decoder decoder(Encoding::base64);
    std::string out;
    decoder.feed("YW\r\n I=", out);
    CHECK(!decoder.damaged());
    CHECK(encodingOf(" BASE64 ") == Encoding::base64 && encodingOf("") == Encoding::identity && !encodingOf("x-uuencode"));
  }

  void quotedPrintable() {
    CHECK_EQ(std::string("Now's the time for all folk to come to the aid of their country."),
             both(Encoding::quotedPrintable, "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country."));
    CHECK_EQ(std::string("a=b\r\n"), both(Encoding::quotedPrintable, "a=3Db \t \r\n"));
    CHECK_EQ(std::string("\xc3\xa4 =3 =zz = x"), both(Encoding::quotedPrintable, "=c3=A4 =3 =zz = x"));
    CHECK_EQ(std::string("ab"), both(Encoding::quotedPrintable, "a= \t\r\nb"));
    CHECK_EQ(std::string("ab"), both(Encoding::quotedPrintable, "a=\nb="));
    CHECK_EQ(std::string("==A"), both(Encoding::quotedPrintable, "==A"));
    CHECK_EQ(std::string("a b"), both(Encoding::quotedPrintable, "a=20b"));
    CHECK_EQ(std::string(100'000, '='), both(Encoding::quotedPrintable, std::string(100'001, '=')));
  }

  void html() {
    CHECK_EQ(std::string("Hello world\nnext & <more> \xe2\x82\xac\xc3\xa4&unknown;\n"),
             htmlToText("<html><head><title>t</title></head><body>Hello\r\n <b>wor</b>ld<p title='>'>next &amp; &lt;more&gt; &euro;&#xe4;&unknown;</p></body>"));
    CHECK_EQ(std::string("a b"), htmlToText("a<style>p{}</style> <script>if (a<b) '</p>'</script><!-- <p> --> b"));
    CHECK_EQ(std::string("I wrote\n> you wrote\n> more\nend"), htmlToText("I wrote<blockquote>you wrote<br>more</blockquote>end"));
    CHECK_EQ(std::string("1 < 2 & 3"), htmlToText("1 < 2 & 3"));
    CHECK_EQ(std::string("end"), htmlToText("<head><title>x<body>body</title>y<body>end"));
    CHECK_EQ(std::string("b"), htmlToText("<svg><g><svg>x</svg>a</g></svg>b"));
    CHECK_EQ(std::string("one two\n"), htmlToText("<table><tr><td>one</td><td>two</td></tr></table>"));
  }

  void hostileHtml() {
    std::string deep, open;
    for (int i = 0; i < 1'000'000; ++i) deep += "<b>", open += "<svg";
    CHECK_EQ(std::string("x"), htmlToText(deep + "x"));
    CHECK_EQ(std::string(), htmlToText(open));
    // Half a character at the limit is none.
    CHECK_EQ(std::string("ab"), htmlToText("ab\xc3\xa4z", 3));
    CHECK_EQ(std::string("ab\xc3\xa4"), htmlToText("ab\xc3\xa4z", 4));
    std::string quotes;
    for (int i = 0; i < 100'000; ++i) quotes += "<blockquote>";
    CHECK_EQ(std::string("> x"), htmlToText(quotes + "x"));
    for (std::string_view text : {"<", "</", "<a", "<a b=\"", "<!--", "<script", "<script>", "<script><", "<svg></", "&", "&#", "&#x;", "&#99999999;", "<!", "<?"}) htmlToText(text);
    CHECK(htmlToText(std::string(1 << 20, 'x')).size() == maxHtmlText);
    CHECK_EQ(std::string("\xef\xbf\xbd"), htmlToText("&#xd800;"));
  }

  void textPreview() {
    CHECK_EQ(std::string("one two three"), previewText("\n one\t two \r\n\r\nthree\n-- \nsignature\n"));
    CHECK_EQ(std::string("[...] My answer. [...] Bye"), previewText("On Monday, X wrote:\n\n> a\n> b\n\nMy answer.\n> c\nBye"));
    CHECK_EQ(std::string(), previewText("On Monday, X wrote:\n> a\n"));
    CHECK_EQ(std::string("a -- 1 2 3 4 5"), previewText("a\n--\n1\n2\n3\n4\n5\n"));
    std::string wide;
    for (int i = 0; i < 1000; ++i) wide += "\xe2\x82\xac";
    CHECK_EQ(std::size_t(3 * maxPreview), previewText(wide).size());
    CHECK_EQ(std::string("a b"), previewText(std::string("a\0b", 3)));
  }

  void partPreview() {
    CHECK_EQ(std::string("h\xc3\xa4 lo"), previewOf("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable", "h=E4=20=\r\nlo"));
    CHECK_EQ(std::string("Hi"), previewOf("Content-Type: text/html\r\nContent-Transfer-Encoding: base64", "PGI+SGk8L2I+"));
    CHECK_EQ(std::string("ab"), previewOf("Content-Type: text/plain; charset=utf-16", std::string("\xff\xfe" "a\0b\0", 6)));
    CHECK_EQ(std::string(), previewOf("Content-Type: text/plain\r\nContent-Disposition: attachment", "no"));
    CHECK_EQ(std::string(), previewOf("Content-Type: application/pdf", "no"));
    CHECK_EQ(std::string(), previewOf("Content-Transfer-Encoding: x-uuencode", "begin"));
    auto parts = [](const std::string& subtype, const std::string& rest) {
      return previewOf("Content-Type: multipart/" + subtype + "; boundary=b", "--b\r\n" + rest + "--b--\r\n");
    };
    CHECK_EQ(std::string("two"), parts("mixed", "\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>two</p>\r\n"));
    CHECK_EQ(std::string(), parts("signed", "\r\n\r\n--b\r\n\r\ntwo\r\n"));
    CHECK_EQ(std::string(), parts("encrypted", "\r\none\r\n"));
    CHECK_EQ(std::string("in"), parts("mixed", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nin\r\n"));
    // Text that comes after what is read is no error, just no preview.
    CHECK_EQ(std::string(), previewOf("A: b", std::string(maxPreviewText, ' ') + "late"));
  }
};
SUITE(DecodeTest);
