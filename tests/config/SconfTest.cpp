#include "config/Document.h"
#include "config/Write.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

/// One of every type, so that the form is tested apart from the schema.
struct Inner {
  std::string name;
  std::vector<std::string> words;
};
struct Sample {
  bool flag = false;
  std::int64_t count = 0;
  double share = 0;
  Duration wait{};
  std::string text;
  Bytes blob;
  std::vector<std::string> list;
  std::vector<Inner> records;
  std::map<std::string, Inner> map;
  std::map<std::string, std::string> pairs;
  std::optional<Inner> maybe;
  std::optional<Duration> perhaps;
  std::string color;
};
void describe(described::Fields& f, Inner& i) {
  f.optional("Name", i.name, "A name.");
  f.optional("Words", i.words, "Words.");
}
void describe(described::Fields& f, Sample& s) {
  f.optional("Flag", s.flag, "A flag.");
  f.optional("Count", s.count, "A count.").unit("bytes").standard("7");
  f.optional("Share", s.share, "A share.");
  f.optional("Wait", s.wait, "A wait.");
  f.required("Text", s.text, "Text that is always there and whose documentation is so long that it does not fit into eighty columns.");
  f.optional("Blob", s.blob, "Octets.");
  f.optional("List", s.list, "A list.");
  f.optional("Records", s.records, "Records.");
  f.optional("Map", s.map, "A map.").key("one");
  f.optional("Pairs", s.pairs, "Pairs.");
  f.optional("Maybe", s.maybe, "A record.").later();
  f.optional("Perhaps", s.perhaps, "A wait.").deprecated();
  f.optional("Color", s.color, "A color.").choices({"red", "blue"});
}

}  // namespace

struct SconfTest : test::Suite<SconfTest> {
  static void list(List& l) {
    l.add("every type", &SconfTest::everyType);
    l.add("comments and empty lines", &SconfTest::comments);
    l.add("values are raw", &SconfTest::rawValues);
    l.add("nil stands for nothing set", &SconfTest::nil);
    l.add("syntax errors", &SconfTest::syntaxErrors);
    l.add("type errors", &SconfTest::typeErrors);
    l.add("several errors, at most twenty", &SconfTest::manyErrors);
    l.add("carriage returns are told", &SconfTest::carriageReturns);
    l.add("depth and size are bounded", &SconfTest::bounds);
    l.add("later and deprecated warn once", &SconfTest::warnings);
    l.add("writer", &SconfTest::writer);
    l.add("writer refuses what cannot be written", &SconfTest::writerRefuses);
    l.add("template", &SconfTest::templateText);
  }

  static Sample good(const std::string& text) {
    auto document = parseSconf("f", text);
    auto sample = read<Sample>(document);
    CHECK_MSG(config::text(document.errors()), document.ok());
    return sample;
  }

  /// All errors of a text, one a line.
  static std::string errors(const std::string& text) {
    auto document = parseSconf("f", text);
    if (document.ok()) read<Sample>(document);
    return config::text(document.errors());
  }

  void everyType() {
    auto s = good(
        "Flag: true\nCount: -5\nShare: 0.25\nWait: 1h30m\nText: hello: world # no comment\nBlob: YWI=\n"
        "List:\n\t- a\n\t- b b\nRecords:\n\t-\n\t\tName: x\n\t-\n\t\tWords:\n\t\t\t- w\n"
        "Map:\n\tk y:\n\t\tName: z\nPairs:\n\ta: b\nMaybe:\n\tName: m\nPerhaps: 0s\nColor: red\n");
    CHECK(s.flag);
    CHECK_EQ(std::int64_t(-5), s.count);
    CHECK_EQ(0.25, s.share);
    CHECK(s.wait == std::chrono::minutes(90));
    CHECK_EQ(std::string("hello: world # no comment"), s.text);
    CHECK_EQ(std::string("ab"), s.blob.octets);
    CHECK_EQ(std::size_t(2), s.list.size());
    CHECK_EQ(std::string("b b"), s.list[1]);
    CHECK_EQ(std::string("w"), s.records.at(1).words.at(0));
    CHECK_EQ(std::string("z"), s.map.at("k y").name);
    CHECK_EQ(std::string("b"), s.pairs.at("a"));
    CHECK_EQ(std::string("m"), s.maybe.value().name);
    CHECK(s.perhaps == Duration(0));
  }

  void comments() {
    auto s = good("# at the top\n\n\t\t# anywhere\nText: x\n  # even with blanks\nList:\n\n# between\n\t- a\n\n\t- b\n# end");
    CHECK_EQ(std::size_t(2), s.list.size());
    CHECK_EQ(std::string("f:1: missing required key \"Text\"\n"), errors("# nothing else\n"));
  }

  void rawValues() {
    CHECK_EQ(std::string(" two blanks and one behind "), good("Text:  two blanks and one behind \n").text);
    CHECK_EQ(std::string(""), good("Text:\n").text);
    CHECK_EQ(std::string(""), good("Text: \n").text);
    CHECK_EQ(std::string("\"q\" \\n"), good("Text: \"q\" \\n\n").text);
    CHECK_EQ(std::string("nil"), good("Text: nil\n").text);
    CHECK_EQ(std::string("last line without end"), good("Text: last line without end").text);
    auto s = good("Text: x\nList:\n\t- \n\t-\n\t-  y\n");
    CHECK(s.list == std::vector<std::string>({"", "", " y"}));
    CHECK_EQ(std::string("b:c"), good("Text: x\nPairs:\n\ta: b:c\n").pairs.at("a"));
  }

  void nil() {
    auto s = good("Text: x\nMap:\n\ta: nil\n\tb: nil\nMaybe: nil\n");
    CHECK_EQ(std::size_t(2), s.map.size());
    CHECK(s.maybe.has_value());
    CHECK(good("Text: x\nMap: nil\n").map.empty());
  }

  void syntaxErrors() {
    CHECK_EQ(std::string("f:2: stray whitespace on an empty line\n"), errors("Text: x\n \t\n"));
    CHECK_EQ(std::string("f:2: stray whitespace on an empty line\n"), errors("Text: x\n\t"));
    CHECK_EQ(std::string("f:3: line is indented with spaces: use one tab for each level\n"), errors("Text: x\nList:\n    - a\n\t- b\n"));
    CHECK_EQ(std::string("f:3: line is indented with spaces: use one tab for each level\n"),
             errors("Text: x\nMap:\n\t a: nil\n\tb: nil\n"));
    CHECK_EQ(std::string("f:1: line is indented too deep: expected 0 tabs, found 1\n"), errors("\tText: x\n"));
    CHECK_EQ(std::string("f:3: line is indented too deep: expected 1 tabs, found 2\n"), errors("Text: x\nList:\n\t\t- a\n"));
    CHECK_EQ(std::string("f:2: unexpected indent: the line before has a value already\n"), errors("Text: x\n\tFlag: true\n"));
    CHECK_EQ(std::string("f:3: the line that opens this block has blanks behind the colon\n"), errors("Text: x\nList: \n\t- a\n"));
    CHECK_EQ(std::string("f:1: missing space after colon\n"), errors("Text:x\n"));
    CHECK_EQ(std::string("f:1: expected \"Key: value\", found no colon\n"), errors("Text\n"));
    CHECK_EQ(std::string("f:1: empty key\n"), errors(": x\n"));
    CHECK_EQ(std::string("f:3: duplicate key \"Text\", first in line 1\n"), errors("Text: x\n\nText: y\n"));
    CHECK_EQ(std::string("f:4: duplicate key \"a\", first in line 3\n"), errors("Text: x\nPairs:\n\ta: b\n\ta: c\n"));
    CHECK_EQ(std::string("f:1: expected \"Key: value\", found a list\n"), errors("- a\n"));
    CHECK_EQ(std::string("f:4: expected \"- \" of a list item\n"), errors("Text: x\nList:\n\t- a\n\tb: c\n"));
    CHECK_EQ(std::string("f:4: missing space after \"-\"\n"), errors("Text: x\nList:\n\t- a\n\t-b\n"));
    CHECK_EQ(std::string("f:1: line holds a NUL octet\n"), errors(std::string("Text: a\0b\n", 10)));
    CHECK_EQ(std::string("f: file is not valid UTF-8\n"), errors("Text: \xff\n"));
  }

  void typeErrors() {
    CHECK_EQ(std::string("f:2: Flag: expected true or false, found \"yes\"\n"), errors("Text: x\nFlag: yes\n"));
    CHECK_EQ(std::string("f:1: Flag: expected true or false, found \"\"\n"), errors("Flag:\nText: x\n"));
    CHECK_EQ(std::string("f:2: Flag: expected true or false, found \"true\\x0d\"; the line ends with a carriage return\n"),
             errors("Text: x\nFlag: true\r\n"));
    for (const char* bad : {"", "x", "1.5", "0x10", "1 ", " 1", "9223372036854775808", "+-1", "--1", "+"}) {
      CHECK_MSG(bad, errors("Text: x\nCount: " + std::string(bad) + "\n").starts_with("f:2: Count: expected a whole number"));
    }
    for (const char* bad : {"", "x", "1,5", "nan", "inf", "1e999"}) {
      CHECK_MSG(bad, errors("Text: x\nShare: " + std::string(bad) + "\n").starts_with("f:2: Share: expected a number"));
    }
    CHECK_EQ(std::string("f:2: Wait: expected a duration such as 15s, 1h30m or 72h, found \"5\"\n"), errors("Text: x\nWait: 5\n"));
    CHECK_EQ(std::string("f:2: Blob: expected base64, found \"YQ\"\n"), errors("Text: x\nBlob: YQ\n"));
    CHECK_EQ(std::string("f:2: List: expected indent: a list of \"- \" items in the lines below, one tab deeper\n"),
             errors("Text: x\nList:\n"));
    CHECK_EQ(std::string("f:2: Maybe: expected indent: a block of \"Key: value\" lines in the lines below, one tab deeper\n"),
             errors("Text: x\nMaybe:\n"));
    CHECK_EQ(std::string("f:2: List: expected a list of \"- \" items\n"), errors("Text: x\nList: a\n"));
    CHECK_EQ(std::string("f:2: expected \"Key: value\", found an item of a list\n"), errors("Text: x\n- Count: 1\n"));
    CHECK_EQ(std::string("f:2: List: expected a list of \"- \" items\n"), errors("Text: x\nList:\n\ta: b\n"));
    CHECK_EQ(std::string("f:3: Records[0]: expected a block of \"Key: value\" lines\n"), errors("Text: x\nRecords:\n\t- Name: x\n"));
    CHECK_EQ(std::string("f:1: Text: expected text, found a block\n"), errors("Text:\n\ta: b\n"));
    CHECK_EQ(std::string("f:2: Nothing: unknown key\n"), errors("Text: x\nNothing: 1\n"));
    CHECK_EQ(std::string("f:2: flag: unknown key, did you mean \"Flag\"?\n"), errors("Text: x\nflag: true\n"));
    CHECK_EQ(std::string("f:2: Flag : unknown key, did you mean \"Flag\"?\n"), errors("Text: x\nFlag : true\n"));
    CHECK_EQ(std::string("f:2: Color: unknown value \"green\", expected one of red, blue\n"), errors("Text: x\nColor: green\n"));
    CHECK_EQ(std::string("f:4: Map.a.Nam: unknown key\n"), errors("Text: x\nMap:\n\ta:\n\t\tNam: x\n"));
  }

  void manyErrors() {
    CHECK_EQ(std::string("f:1: A: unknown key\nf:2: B: unknown key\nf:1: missing required key \"Text\"\n"), errors("A: 1\nB: 2\n"));
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "bad line\n";
    CHECK_EQ(std::size_t(20), parseSconf("f", text).errors().size());
  }

  void carriageReturns() {
    auto document = parseSconf("f", "Text: x\r\nFlag: false\r\n");
    CHECK_EQ(std::size_t(1), document.warnings().size());
    CHECK_EQ(1, document.warnings()[0].line);
    CHECK_EQ(std::string("x\r"), document.root.entries.at(0).value.text);
    CHECK_EQ(std::string("f:2: stray whitespace: a carriage return on an empty line\n"), errors("Text: x\n\r\n"));
    CHECK(errors("Text: x\nList:\r\n\t- a\n").find("f:3") != std::string::npos);
  }

  void bounds() {
    std::string deep = "Text: x\n";
    for (int i = 0; i < 5000; ++i) deep += std::string(static_cast<std::size_t>(i), '\t') + "k:\n";
    CHECK(errors(deep).find("nested too deep") != std::string::npos);
    CHECK_EQ(std::string("f: file is larger than 16 MiB\n"), errors(std::string(maxFileBytes + 1, '\n')));
  }

  void warnings() {
    auto document = parseSconf("f", "Text: x\nMaybe:\n\tName: y\nPerhaps: 1s\n");
    read<Sample>(document);
    CHECK_EQ(std::string("f:2: Maybe: accepted, but not available yet in this program\nf:4: Perhaps: deprecated: A wait.\n"),
             config::text(document.warnings()));
  }

  void writer() {
    Sample s;
    s.share = 0.95;
    s.text = " t ";
    s.wait = std::chrono::hours(72);
    s.blob.octets = "ab";
    s.list = {"a", ""};
    s.records = {{"x", {}}, {}};
    s.map = {{"z", {}}, {"b", {"n", {"w"}}}};
    s.maybe.emplace();
    s.perhaps = Duration(0);
    const std::string expected =
        "Share: 0.950000\nWait: 72h0m0s\nText:  t \nBlob: YWI=\nList:\n\t- a\n\t- \nRecords:\n\t-\n\t\tName: x\n\t- nil\n"
        "Map:\n\tb:\n\t\tName: n\n\t\tWords:\n\t\t\t- w\n\tz: nil\nMaybe: nil\nPerhaps: 0s\n";
    auto text = writeSconf(s);
    CHECK_EQ(expected, text.value());
    CHECK_EQ(expected, writeSconf(good(*text)).value());
    CHECK_EQ(std::string("Text: \n"), writeSconf(Sample()).value());
    s = Sample();
    s.share = 1e-9;
    CHECK_EQ(1e-9, good(writeSconf(s).value()).share);
    s = Sample();
    s.flag = true;
    CHECK_EQ(std::string("# A flag.\nFlag: true\n\n# Text that is always there and whose documentation is so long that it does not\n"
                         "# fit into eighty columns.\nText: \n"),
             writeSconf(s, Comments::brief).value());
  }

  void writerRefuses() {
    Sample s;
    s.text = "two\nlines";
    CHECK_EQ(std::string("Text: text of several lines"), writeSconf(s).error().text);
    for (const char* key : {"a:b", "#a", " a", "\ta", "", "a\nb", "- a"}) {
      s = Sample();
      s.pairs[key] = "x";
      CHECK_MSG(key, !writeSconf(s));
    }
  }

  void templateText() {
    auto text = describeSconf<Sample>();
    auto document = parseSconf("f", text);
    auto sample = read<Sample>(document);
    CHECK_MSG(config::text(document.errors()), document.ok());
    CHECK_EQ(std::size_t(1), sample.map.count("one"));
    CHECK(text.starts_with("# A flag. (optional)\nFlag: false\n\n# A count. Unit: bytes. Default: 7. (optional)\nCount: 0\n"));
    CHECK(text.find("\nMap:\n\tone:\n\n\t\t# A name.") != std::string::npos ||
          text.find("\nMap:\n\tone:\n\t\t# A name. (optional)\n\t\tName: \n") != std::string::npos);
    for (std::size_t at = 0; at < text.size();) {
      auto end = text.find('\n', at);
      CHECK_MSG(text.substr(at, end - at), end - at <= 80);
      at = end + 1;
    }
  }
};
SUITE(SconfTest);
