// The method RFC 6203 leaves to servers: see FuzzyMatch.h.
#include "imapserver/FuzzyMatch.h"

#include "message/SearchText.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imapserver;

struct FuzzyMatchTest : test::Suite<FuzzyMatchTest> {
  static void list(List& l) {
    l.add("differences between words", &FuzzyMatchTest::distances);
    l.add("words of a text", &FuzzyMatchTest::words);
    l.add("what is cut is known", &FuzzyMatchTest::cuts);
    l.add("scores", &FuzzyMatchTest::scores);
  }

  void distances() {
    CHECK_EQ(0U, differences(U"", U"", 0));
    CHECK_EQ(0U, differences(U"abc", U"abc", 2));
    CHECK_EQ(1U, differences(U"abcd", U"abxd", 2));
    CHECK_EQ(1U, differences(U"abcd", U"abd", 2));
    CHECK_EQ(1U, differences(U"abd", U"abcd", 2));
    CHECK_EQ(1U, differences(U"abcd", U"acbd", 2));
    CHECK_EQ(2U, differences(U"abcdef", U"bacdfe", 2));
    CHECK_EQ(3U, differences(U"abcdef", U"xyzdef", 2));
    CHECK_EQ(3U, differences(U"abc", U"abcdefgh", 2));
    CHECK_EQ(3U, differences(std::u32string(100, U'a'), std::u32string(100, U'b'), 2));
  }

  void words() {
    auto found = fuzzyWords("L'\xc3\xa9t\xc3\xa9, 2 \xd0\xb8\xd1\x8e\xd0\xbd\xd1\x8f\n");
    CHECK_EQ(std::size_t(4), found.size());
    CHECK(found[0] == U"L" && found[1] == U"ete" && found[2] == U"2" && found[3] == U"\u0438\u044e\u043d\u044f");
    CHECK(fuzzyWords("").empty() && fuzzyWords(" ,;").empty());
    CHECK_EQ(std::size_t(fuzzyWordLength.value), fuzzyWords(std::string(1000, 'x')).at(0).size());
  }

  void cuts() {
    std::string most = "w";
    for (std::int64_t i = 1; i < fuzzyWordsLimit.value; ++i) most += " w";
    CHECK(!FuzzyMatch(most).hasManyWords() && FuzzyMatch(most + " w").hasManyWords());
    CHECK_EQ(100U, score(most + " nowhere", "w"));
    std::string longest(static_cast<std::size_t>(fuzzyWordLength.value), 'x');
    CHECK(!FuzzyMatch(longest).hasLongWord() && FuzzyMatch(longest + "y").hasLongWord());
    CHECK_EQ(100U, score(longest + "y", longest + "z"));
    // Of words that are not looked for the length does not matter, and accents are no characters.
    CHECK(!FuzzyMatch(most + " " + longest + "y").hasLongWord());
    CHECK(!FuzzyMatch(longest.substr(1) + "\xc3\xa9").hasLongWord());
  }

  static unsigned score(std::string_view wanted, std::string_view text) { return FuzzyMatch(wanted).score(message::searchFold(text)); }

  void scores() {
    CHECK_EQ(100U, score("Meeting", "the MEETING is on"));
    CHECK_EQ(90U, score("meet", "meetings"));
    CHECK_EQ(75U, score("meetin", "meetim"));
    CHECK_EQ(65U, score("meetimg", "meetings"));
    CHECK_EQ(50U, score("telephone", "telefone"));
    CHECK_EQ(0U, score("cat", "cut"));
    CHECK_EQ(100U, score("ete", "\xc3\x89t\xc3\xa9"));
    CHECK_EQ(95U, score("meet here", "meetings here"));
    CHECK_EQ(0U, score("meet nowhere", "meetings here"));
    CHECK_EQ(100U, score("...", "anything"));
  }
};
SUITE(FuzzyMatchTest);
