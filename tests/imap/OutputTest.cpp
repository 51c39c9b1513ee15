#include "imap/Output.h"

#include "Nested.h"
#include "base/Random.h"
#include "base/Text.h"
#include "imap/Section.h"
#include "imap/Structure.h"
#include "imap/Parser.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imap;
using message::Part;

struct OutputTest : mox::test::Suite<OutputTest> {
  static void list(List& l) {
    l.add("strings", &OutputTest::strings);
    l.add("responses", &OutputTest::responses);
    l.add("flags", &OutputTest::flags);
    l.add("ENVELOPE of RFC 3501 §8", &OutputTest::envelope);
    l.add("ENVELOPE with octets that are not safe", &OutputTest::unsafeEnvelope);
    l.add("BODY and BODYSTRUCTURE of the RFCs", &OutputTest::body);
    l.add("BODYSTRUCTURE: extension data", &OutputTest::extension);
    l.add("whatever a message says, what is rendered can be read", &OutputTest::readable);
    l.add("BODYSTRUCTURE: broken trees", &OutputTest::brokenTrees);
  }

  template <class Value>
  static std::string with(void (*write)(std::string&, Value, OutputMode), std::type_identity_t<Value> value, bool utf8 = false) {
    std::string out;
    write(out, value, {utf8});
    return out;
  }

  void strings() {
    CHECK_EQ(std::string("\"a\\\\b\\\"c\""), with<std::string_view>(writeString, "a\\b\"c"));
    CHECK_EQ(std::string("\"\""), with<std::string_view>(writeString, ""));
    CHECK_EQ(std::string("{2}\r\n\xc3\xa9"), with<std::string_view>(writeString, "\xc3\xa9"));
    CHECK_EQ(std::string("\"\xc3\xa9\""), with<std::string_view>(writeString, "\xc3\xa9", true));
    CHECK_EQ(std::string("{1}\r\n\xff"), with<std::string_view>(writeString, "\xff", true));
    CHECK_EQ(std::string("{3}\r\na\rb"), with<std::string_view>(writeString, "a\rb"));
    CHECK_EQ(std::string("~{3}\r\na\0b", 9), with<std::string_view>(writeString, std::string_view("a\0b", 3)));
    CHECK(with<std::string_view>(writeString, std::string(maxQuotedLength + 1, 'x')).starts_with("{1025}\r\n"));
    CHECK_EQ(std::string("foo]"), with<std::string_view>(writeAstring, "foo]"));
    CHECK_EQ(std::string("\"nil\""), with<std::string_view>(writeAstring, "nil"));
    CHECK_EQ(std::string("\"\""), with<std::string_view>(writeAstring, ""));
    CHECK_EQ(std::string("\"a b\""), with<std::string_view>(writeAstring, "a b"));
    CHECK_EQ(std::string("\"Entw&APw-rfe\""), with<std::string_view>(writeMailbox, "Entw\xc3\xbcrfe"));
    CHECK_EQ(std::string("\"Entw\xc3\xbcrfe\""), with<std::string_view>(writeMailbox, "Entw\xc3\xbcrfe", true));
    CHECK_EQ(std::string("\"a&-b\""), with<std::string_view>(writeMailbox, "a&b"));
    CHECK_EQ(std::string("NIL"), with<const std::optional<std::string>&>(writeNstring, std::nullopt));
  }

  void responses() {
    std::string out;
    writeStatus(out, "a", "NO", "TRYCREATE", "no such\r\nmailbox");
    CHECK_EQ(std::string("a NO [TRYCREATE] no such\\x0d\\x0amailbox\r\n"), out);
    out.clear();
    writeStatus(out, "*", "OK", "", "");
    CHECK_EQ(std::string("* OK OK\r\n"), out);
    out.clear();
    // RFC 4731 §3.1, RFC 7377 §2.1, RFC 9394 §3.1.
    EsearchResponse found;
    found.tag = "A282";
    found.min = 2;
    found.count = 3;
    found.all = "2,10:11";
    found.modSeq = 1236;
    writeEsearch(out, found, {});
    CHECK_EQ(std::string("* ESEARCH (TAG \"A282\") MIN 2 COUNT 3 ALL 2,10:11 MODSEQ 1236\r\n"), out);
    out.clear();
    EsearchResponse multi;
    multi.tag = "tag1";
    multi.mailbox = "folder 1";
    multi.uidValidity = 1;
    multi.uid = true;
    multi.all = "";
    multi.partial = PartialResult{-1, -100, {}};
    writeEsearch(out, multi, {});
    CHECK_EQ(std::string("* ESEARCH (TAG \"tag1\" MAILBOX \"folder 1\" UIDVALIDITY 1) UID PARTIAL (-1:-100 NIL)\r\n"), out);
    out.clear();
    writeVanished(out, NumberSet::parse("300:310,405,411").value(), true);
    CHECK_EQ(std::string("* VANISHED (EARLIER) 300:310,405,411\r\n"), out);
    CHECK_EQ(std::string("COPYUID 38505 304,319:320 3956:3958"), copyUidCode(38505, {304, 319, 320}, {3956, 3957, 3958}));
    CHECK_EQ(std::string("5:6,2,4294967295,1"), orderedSetText({5, 6, 2, 4294967295u, 1}));
    CHECK_EQ(std::string("APPENDUID 38505 3955:3957"), appendUidCode(38505, NumberSet::parse("3955:3957").value()));
    out.clear();
    writeDateTime(out, fromUnixSeconds(760686745));
    CHECK_EQ(std::string("\" 8-Feb-1994 05:52:25 +0000\""), out);
  }

  void flags() {
    Flags some;
    for (const char* word : {"\\seen", "$MDNSENT", "Zed", "alpha", "ALPHA"}) CHECK(some.add(word));
    for (const char* word : {"", "\\Recent", "\\x", "a b", "a(b", "\xc3\xa9", "a]", "a\\", "%"}) CHECK_MSG(word, !some.add(word));
    CHECK_EQ(std::string("(\\Seen $MDNSent alpha zed)"), flagsText(some));
    Flags more;
    for (const char* word : {"\\Seen", "beta", "zed"}) more.add(word);
    CHECK_EQ(std::string("(\\Seen $MDNSent alpha beta zed)"), flagsText(unite(some, more)));
    CHECK_EQ(std::string("($MDNSent alpha)"), flagsText(subtract(some, more)));
    CHECK(some.hasKeyword("zed") && !some.hasKeyword("beta"));
    some.set(Flag::seen, false);
    CHECK(!some.has(Flag::seen));
  }

  static message::Envelope rfcEnvelope() {
    message::Envelope e;
    e.date = "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)";
    e.subject = "IMAP4rev1 WG mtg summary and minutes";
    e.from = e.sender = e.replyTo = {{"Terry Gray", "gray", "cac.washington.edu"}};
    e.to = {{std::nullopt, "imap", "cac.washington.edu"}};
    e.cc = {{std::nullopt, "minutes", "CNRI.Reston.VA.US"}, {"John Klensin", "KLENSIN", "MIT.EDU"}};
    e.messageId = "<B27397-0100000@cac.washington.edu>";
    return e;
  }

  void envelope() {
    const std::string gray = "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ";
    CHECK_EQ("(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" " + gray + gray + gray +
                 "((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
                 "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\")",
             renderEnvelope(rfcEnvelope()));
    CHECK_EQ(std::string("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"), renderEnvelope({}));
    // A group: RFC 9051 §7.5.2.
    message::Envelope group;
    group.to = {{std::nullopt, "friends", std::nullopt}, {std::nullopt, "a", "b.example"}, {std::nullopt, std::nullopt, std::nullopt}};
    CHECK(renderEnvelope(group).find("((NIL NIL \"friends\" NIL)(NIL NIL \"a\" \"b.example\")(NIL NIL NIL NIL))") != std::string::npos);
  }

  void unsafeEnvelope() {
    message::Envelope e;
    e.subject = std::string("na\xc3\xafve\0\r\n* BYE", 13);
    e.messageId = "";
    CHECK_EQ(std::string("(NIL {13}\r\nna\xc3\xafve\r\n* BYE NIL NIL NIL NIL NIL NIL NIL \"\")").size() - 1, renderEnvelope(e).size());
    CHECK(renderEnvelope(e).starts_with("(NIL {12}\r\nna\xc3\xafve\r\n* BY NIL"));
  }

  static Part textPart(std::uint64_t octets, std::uint32_t lines) {
    Part part;
    part.end = octets;
    part.lines = lines;
    part.parameters = {{"charset", "US-ASCII"}};
    return part;
  }

  void body() {
    // RFC 3501 §8 and §7.4.2.
    CHECK_EQ(std::string("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92)"), renderBody(textPart(3028, 92)));
    Part multi;
    multi.type = "multipart";
    multi.subtype = "mixed";
    multi.children = {textPart(1152, 23), textPart(4554, 73)};
    multi.children[1].parameters.push_back({"name", "cc.diff"});
    multi.children[1].id = "<960723163407.20117h@cac.washington.edu>";
    multi.children[1].description = "Compiler diff";
    multi.children[1].encoding = "base64";
    CHECK_EQ(std::string("((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") "
                         "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\")"),
             renderBody(multi));

    Part forward;
    forward.type = "message";
    forward.subtype = "rfc822";
    forward.end = 500;
    forward.lines = 20;
    forward.children = {textPart(30, 2)};
    forward.children[0].envelope = rfcEnvelope();
    CHECK_EQ("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 500 " + renderEnvelope(rfcEnvelope()) + " " + renderBody(textPart(30, 2)) + " 20)", renderBody(forward));
    CHECK_EQ("(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 500 " + renderEnvelope(rfcEnvelope()) + " " + renderBodyStructure(textPart(30, 2)) + " 20 NIL NIL NIL NIL)",
             renderBodyStructure(forward));
  }

  void extension() {
    Part part = textPart(10, 1);
    part.md5 = "Q2hlY2s=";
    part.disposition = message::Disposition{"attachment", {}};
    part.languages = {"en"};
    part.location = "http://example/";
    CHECK_EQ(std::string("(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 10 1 \"Q2hlY2s=\" (\"ATTACHMENT\" NIL) \"en\" \"http://example/\")"), renderBodyStructure(part));
    part.disposition->parameters = {{"filename", "\xc3\xa9.txt"}};
    part.languages = {"en", "de"};
    CHECK(renderBodyStructure(part).find("(\"ATTACHMENT\" (\"FILENAME\" {6}\r\n\xc3\xa9.txt)) (\"en\" \"de\")") != std::string::npos);
    Part multi;
    multi.type = "multipart";
    multi.subtype = "alternative";
    multi.parameters = {{"boundary", "d3"}};
    multi.children = {textPart(1, 1)};
    auto text = renderBodyStructure(multi);
    CHECK_EQ("(" + renderBodyStructure(textPart(1, 1)) + " \"ALTERNATIVE\" (\"BOUNDARY\" \"d3\") NIL NIL NIL)", text);
    Part binary;
    binary.type = "application";
    binary.subtype = "pdf";
    binary.end = 5;
    CHECK_EQ(std::string("(\"APPLICATION\" \"PDF\" NIL NIL NIL \"7BIT\" 5 NIL NIL NIL NIL)"), renderBodyStructure(binary));
  }

  void readable() {
    FakeRandom random(3);
    // Octets that matter come often.
    auto word = [&] {
      const std::string octets = std::string("ab \\\"(){}\r\n\xc3\xa9%*");
      std::string out;
      for (auto left = random.below(9); left > 0; --left) out += octets[random.below(octets.size())];
      return out;
    };
    for (int round = 0; round < 500; ++round) {
      message::Envelope e;
      e.subject = word();
      if (random.below(2) == 0) e.date = word();
      e.to = {{word(), word(), std::nullopt}, {std::nullopt, word(), word()}};
      e.messageId = word();
      auto read = mox::imap::test::readNested(renderEnvelope(e)).value();
      CHECK_EQ(std::size_t(10), read.items.size());
      CHECK(read.items[0].text == e.date && read.items[1].text == e.subject && read.items[9].text == e.messageId);
      CHECK(read.items[5].items[0].items[0].text == e.to[0].name && read.items[5].items[1].items[3].text == e.to[1].host);

      Part part;
      part.subtype = lower(word());
      part.parameters = {{word(), word()}, {word(), word()}};
      part.description = word();
      part.disposition = message::Disposition{word(), {{word(), word()}}};
      part.location = word();
      auto body = mox::imap::test::readNested(renderBodyStructure(part)).value();
      CHECK_EQ(std::size_t(12), body.items.size());
      CHECK(body.items[2].items[3].text == part.parameters[1].value && body.items[4].text == part.description && body.items[11].text == part.location);
    }
  }

  void brokenTrees() {
    Part empty;
    empty.type = "multipart";
    empty.subtype = "mixed";
    CHECK_EQ(std::string("((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0) \"MIXED\")"), renderBody(empty));
    Part hollow;
    hollow.type = "message";
    hollow.subtype = "rfc822";
    CHECK_EQ(std::string("(\"APPLICATION\" \"OCTET-STREAM\" NIL NIL NIL \"7BIT\" 0)"), renderBody(hollow));
    Part deep = textPart(1, 1);
    for (int i = 0; i < 5000; ++i) {
      Part outer;
      outer.type = "multipart";
      outer.children.push_back(std::move(deep));
      deep = std::move(outer);
    }
    CHECK(renderBody(deep).find("OCTET-STREAM") != std::string::npos);
  }
};
SUITE(OutputTest);
