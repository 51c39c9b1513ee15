#include "base/Text.h"

#include "support/Test.h"

using namespace mox;

struct TextTest : test::Suite<TextTest> {
  static void list(List& l) {
    l.add("base64 round trip and strictness", &TextTest::base64Strict);
    l.add("printable hides what a terminal would obey", &TextTest::printableText);
    l.add("findNoCase", &TextTest::find);
    l.add("ASCII is seen wherever in the text another octet stands", &TextTest::ascii);
  }

  void base64Strict() {
    for (std::string text : {"", "a", "ab", "abc", "abcd"}) {
      CHECK_EQ(text, fromBase64(base64(text)).value());
      CHECK_EQ(text, fromBase64Url(base64Url(text)).value());
    }
    CHECK_EQ(std::string("YQ=="), base64("a"));
    for (const char* bad : {"YQ", "YQ=", "YR==", "Y===", "YQ==YQ==", "Y Q=", "YQ==\n", "===="}) CHECK_MSG(bad, !fromBase64(bad));
  }

  void ascii() {
    for (std::size_t size = 0; size < 20; ++size) {
      CHECK(isAscii(std::string(size, '\x7f')));
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = '\x80';
        CHECK(!isAscii(text));
      }
    }
  }

  void printableText() {
    CHECK_EQ(std::string("a\\x1b[0m\\xc3"), printable("a\x1b[0m\xc3"));
    CHECK_EQ(std::string("aaaa..."), printable("aaaaaaaa", 4));
  }

  void find() {
    CHECK_EQ(std::size_t(3), findNoCase("abcDEF", "def"));
    CHECK_EQ(std::string_view::npos, findNoCase("abc", "x"));
    CHECK_EQ(std::size_t(0), findNoCase("", ""));
  }
};
SUITE(TextTest);
