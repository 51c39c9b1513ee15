#include "message/Addresses.h"
#include "message/ContentFields.h"
#include "message/EncodedWords.h"
#include "message/HeaderFields.h"
#include "message/Subject.h"

#include "base/Text.h"
#include "base/Unicode.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::message;

namespace {

/// name|mailbox|host, "-" for what is not there, one space between entries.
std::string show(std::string_view value) {
  std::string out;
  for (const auto& a : addresses(value).addresses)
    out += (out.empty() ? "" : " ") + a.name.value_or("-") + "|" + a.mailbox.value_or("-") + "|" + a.host.value_or("-");
  return out;
}

std::string parameter(std::string_view value, std::string_view name) {
  auto type = contentType(value);
  if (!type) return "no type";
  for (const auto& p : type->parameters)
    if (p.name == name) return p.value;
  return "none";
}

}  // namespace

struct FieldsTest : test::Suite<FieldsTest> {
  static void list(List& l) {
    l.add("fields as views", &FieldsTest::fields);
    l.add("addresses of RFC 5322 appendix A", &FieldsTest::rfc5322Addresses);
    l.add("obsolete and broken addresses", &FieldsTest::brokenAddresses);
    l.add("parameters of RFC 2231", &FieldsTest::rfc2231);
    l.add("parameters as senders write them", &FieldsTest::sloppyParameters);
    l.add("encoded words of RFC 2047", &FieldsTest::rfc2047);
    l.add("encoded words that are none", &FieldsTest::badWords);
    l.add("long fields of words without end", &FieldsTest::longFields);
    l.add("encodeWords round trip", &FieldsTest::encode);
    l.add("base subject of RFC 5256", &FieldsTest::subject);
  }

  void fields() {
    std::string block = "A: 1\r\nB :2\r\n  3\r\n\r\nC: 4\r\n";
    HeaderFields fields(block);
    auto a = fields.next();
    CHECK(a && a->is("a") && a->value == " 1" && a->whole == "A: 1\r\n");
    auto b = fields.next();
    CHECK(b && b->name == "B" && b->value == "2\r\n  3" && b->whole == "B :2\r\n  3\r\n");
    CHECK(!fields.next() && !fields.next());
    CHECK(fields.hasBlankLine());
    CHECK_EQ(std::size_t(17), fields.end());
    CHECK_EQ(std::size_t(19), fields.bodyStart());
    CHECK_EQ(std::string("2  3"), unfold(b->value));
    CHECK_EQ(std::size_t(0), countFields(block, "C"));
    CHECK(firstField(block, "b") == "2\r\n  3");
    CHECK(!HeaderFields(": empty name\r\n").next() && !HeaderFields("S\xc3\xbc: x\r\n").next() && !HeaderFields("two words: x\r\n").next());
    CHECK(!HeaderFields(std::string(maxFieldName + 1, 'a') + ": x\r\n").next());
  }

  void rfc5322Addresses() {
    CHECK_EQ(std::string("John Doe|jdoe|machine.example"), show("John Doe <jdoe@machine.example>"));
    CHECK_EQ(std::string("Joe Q. Public|john.q.public|example.com"), show("\"Joe Q. Public\" <john.q.public@example.com>"));
    CHECK_EQ(std::string("Mary Smith|mary|x.test -|jdoe|example.org Who?|one|y.test"), show("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"));
    CHECK_EQ(std::string("-|boss|nil.test Giant; \"Big\" Box|sysservices|example.net"), show("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"));
    CHECK_EQ(std::string("-|A Group|- Ed Jones|c|a.test -|joe|where.test John|jdoe|one.test -|-|-"),
             show("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"));
    CHECK_EQ(std::string("-|Undisclosed recipients|- -|-|-"), show("Undisclosed recipients:;"));
    CHECK_EQ(std::string("Pete|pete|silly.test"), show("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"));
    CHECK_EQ(std::string("-|A Group|- Chris Jones|c|public.example -|joe|example.org John|jdoe|one.test -|-|-"),
             show("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n"
                  "  John <jdoe@one.test> (my dear friend); (the end of the group)"));
    CHECK_EQ(std::string("-|Hidden recipients|- -|-|-"), show("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"));
  }

  void brokenAddresses() {
    CHECK_EQ(std::string("Joe Q. Public|john.q.public|example.com"), show("Joe Q. Public <john.q.public@example.com>"));
    CHECK_EQ(std::string("Mary Smith|mary|example.net -|jdoe|test.example"), show("Mary Smith <@node.test,@x.test:mary@example.net>, , jdoe@test  . example"));
    CHECK_EQ(std::string("Full Name|user|host.example"), show("user@host.example (Full Name)"));
    CHECK_EQ(std::string("Name|user|host"), show("<user@host> (Name)"));
    CHECK_EQ(std::string("-|a b|x"), show("\"a b\"@x"));
    CHECK_EQ(std::string("-|a|[192.0.2.1]"), show("a@[192.0.2.1]"));
    CHECK_EQ(std::string("-|root|"), show("root"));
    CHECK_EQ(std::string("n||"), show("n <>"));
    CHECK_EQ(std::string("=?utf-8?q?x?=|a|b"), show("=?utf-8?q?x?= <a@b>"));
    CHECK_EQ(std::string("a@b|c|d"), show("a@b <c@d>"));
    CHECK_EQ(std::string("x|a|b -|c|d"), show("x <a@b> junk <e@f>, c@d"));
    CHECK_EQ(std::string("-|g|- -|a|b -|-|-"), show("g: a@b"));
    CHECK_EQ(std::string("unfinished|a|b"), show("a@b (unfinished"));
    CHECK(!addresses("a@b (unfinished \\").wellFormed);
    for (std::string_view hostile : {"\\", "(", "\"", "<", ":", "@", "[", ";;;", "<@", "<@:", "<a@", "a@[", "\"\\", "()))", ",,,,", "<<<<a@b>>>>"}) addresses(hostile);
    // Limits: entries, and comments however deep.
    std::string many;
    for (int i = 0; i < 30'000; ++i) many += "a@b,";
    CHECK_EQ(maxAddresses, addresses(many).addresses.size());
    CHECK_EQ(std::size_t(7), addresses("g:" + many, 6).addresses.size());
    std::string deep(100'000, '(');
    CHECK(addresses(deep).addresses.empty());
    CHECK_EQ(std::string("-|a|b"), show(deep + std::string(100'000, ')') + "a@b"));
  }

  void rfc2231() {
    CHECK_EQ(std::string("ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"),
             parameter("message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"", "url"));
    CHECK_EQ(std::string("This is ***fun***"), parameter("application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title"));
    CHECK_EQ(std::string("This is even more ***fun*** isn't it!"),
             parameter("application/x-stuff\r\n title*0*=us-ascii'en'This%20is%20even%20more%20\r\n ;title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"", "none")
                 == "none" ? parameter("application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
                                       " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"", "title") : "?");
    CHECK_EQ(std::string("\xc3\xa4"), parameter("a/b; n*=iso-8859-1''%E4", "n"));
    // Out of order, missing, twice; the extended form wins over the plain one.
    CHECK_EQ(std::string("abc"), parameter("a/b; n*2=c; n*0=a; n*1=b", "n"));
    CHECK_EQ(std::string("a"), parameter("a/b; n*0=a; n*2=c", "n"));
    CHECK_EQ(std::string("none"), parameter("a/b; n*1=b; n*2=c", "n"));
    CHECK_EQ(std::string("ab"), parameter("a/b; n*0=a; n*0=x; n*1=b; n*1=y", "n"));
    CHECK_EQ(std::string("new"), parameter("a/b; n=old; n*=utf-8''new", "n"));
    CHECK_EQ(std::string("none"), parameter("a/b; n*00=x; n*4294967296=y; n**=z", "n"));
    // A split character, and what a header must never gain.
    CHECK_EQ(std::string("\xc3\xa4"), parameter("a/b; n*0*=utf-8''%C3; n*1*=%A4", "n"));
    CHECK_EQ(std::string("ab"), parameter("a/b; n*=utf-8''a%0D%0A%00b", "n"));
    CHECK_EQ(std::string("ab"), parameter("a/b; n*=a%0D%0A%00b", "n"));          // no charset: a sender who only percent encodes
    CHECK_EQ(std::string("abc"), parameter("a/b; n*=utf-8'a%0A%00bc", "n").substr(6));
    std::string many = "a/b";
    for (int i = 0; i < 100'000; ++i) many += "; n*" + std::to_string(i) + "=x";
    CHECK_EQ(std::string(maxParameters, 'x'), parameter(many, "n"));
    many = "a/b";
    for (int i = 0; i < 100'000; ++i) many += "; n" + std::to_string(i) + "=x";
    CHECK_EQ(maxParameters, contentType(many)->parameters.size());
  }

  void sloppyParameters() {
    CHECK_EQ(std::string("----=_Part_1/2"), parameter("multipart/mixed;boundary=----=_Part_1/2", "boundary"));
    CHECK_EQ(std::string("My File.pdf"), parameter("a/b; name=My File.pdf; x=y", "name"));
    CHECK_EQ(std::string("b"), parameter("a/b; a=b c=d", "a"));
    CHECK_EQ(std::string("d"), parameter("a/b; a=b c=d", "c"));
    CHECK_EQ(std::string("us-ascii"), parameter("text/plain; charset=us-ascii (Plain text)", "charset"));
    CHECK_EQ(std::string("us-ascii"), parameter("text/plain; charset=(x)\"us-ascii\"", "charset"));
    CHECK_EQ(std::string("x;y"), parameter("a/b;;; junk; =z; a=\"x;y\"", "a"));
    CHECK_EQ(std::string("unfinished"), parameter("a/b; a=\"unfinished", "a"));
    CHECK_EQ(std::string(), parameter("a/b; a=", "a"));
    CHECK_EQ(std::string("1"), parameter("a/b; A=1; a=2", "a"));
    CHECK(!contentType("") && !contentType("text") && !contentType("/x") && !contentType("text/") && !contentType("(text/plain)"));
    CHECK_EQ(std::string("attachment"), contentDisposition("ATTACHMENT;")->type);
    CHECK(!contentDisposition(" ; filename=x"));
    CHECK_EQ(std::string("base64"), firstToken(" \"BASE64\" "));
  }

  void rfc2047() {
    CHECK_EQ(std::string("Keith Moore <moore@cs.utk.edu>"), decodeWords("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>"));
    CHECK_EQ(std::string("Keld J\xc3\xb8rn Simonsen"), decodeWords("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?="));
    CHECK_EQ(std::string("If you can read this you understand the example."),
             decodeWords("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="));
    CHECK_EQ(std::string("(a)"), decodeWords("(=?ISO-8859-1?Q?a?=)"));
    CHECK_EQ(std::string("(a b)"), decodeWords("(=?ISO-8859-1?Q?a?= b)"));
    CHECK_EQ(std::string("(ab)"), decodeWords("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)"));
    CHECK_EQ(std::string("(ab)"), decodeWords("(=?ISO-8859-1?Q?a?=\r\n  =?ISO-8859-1?Q?b?=)"));
    CHECK_EQ(std::string("(a b)"), decodeWords("(=?ISO-8859-1?Q?a_b?=)"));
    CHECK_EQ(std::string("(a b)"), decodeWords("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)"));
    CHECK_EQ(std::string("\xc3\xa4"), decodeWords("=?utf-8?q?=C3?= =?utf-8?q?=A4?="));
    CHECK_EQ(std::string("a"), decodeWords("=?us-ascii*en?q?a?="));
  }

  void badWords() {
    for (std::string same : {"=?", "=??", "=?x", "=?utf-8?", "=?utf-8?q", "=?utf-8?q?", "=?utf-8?q?a", "=?utf-8?q?a?", "=?utf-8?x?a?=", "=??q?a?=",
                             "=?utf-8?b?a?=", "=?utf-8?b?!!!!?=", "a =? b", "=?utf-8 ?q?a?="})
      CHECK_EQ(same, decodeWords(same));
    CHECK_EQ(std::string("a b"), decodeWords("=?utf-8?q?a_b?="));
    CHECK_EQ(std::string("a=zz"), decodeWords("=?utf-8?q?a=zz?="));
    CHECK_EQ(std::string("a b"), decodeWords("=?utf-8?q?a=0Ab?="));
    CHECK_EQ(std::string("x\xef\xbf\xbdy"), decodeWords("x\xffy"));
    CHECK_EQ(std::string("abc"), decodeWords("=?no-such-charset?q?abc?="));
    CHECK_EQ(std::string("abc"), decodeWords("=?utf-8//TRANSLIT?q?abc?="));
    CHECK_EQ(std::string("a"), decodeWords("=?utf-8?b?YQ?="));
    // Bounded work: words of other charsets stay beyond the limit; the text beyond the limit goes.
    std::string many;
    for (int i = 0; i < 5'000; ++i) many += i % 2 ? "=?utf-8?q?a?= " : "=?iso-8859-1?q?b?= ";
    auto left = maxWordConversions;
    auto decoded = decodeWords(many, left);
    CHECK(decoded.starts_with("bababa") && decoded.find("=?iso-8859-1?q?b?=") != std::string::npos && decoded.find("=?utf-8?q?a?=") == std::string::npos);
    CHECK_EQ(std::size_t(0), left);
    CHECK_EQ(std::string("=?iso-8859-1?q?b?= a"), decodeWords("=?iso-8859-1?q?b?= =?utf-8?q?a?=", left));
    CHECK(decodeWords("=?utf-8?q?" + std::string(3 << 20, 'a') + "?=").size() == maxDecodedText);
    CHECK(decodeWords(std::string(3 << 20, '=') + "?").size() == maxDecodedText);
  }

  /// Each was hours of work for a field that anybody may send, when the next blank and the next word were looked for to the end.
  void longFields() {
    auto repeated = [](std::string_view piece, std::size_t size) {
      std::string out;
      while (out.size() < size) out += piece;
      return out;
    };
    constexpr std::size_t size = 8 << 20;
    for (const char* piece : {"=?", "=?a?", "=?a?q", "=?a?q?", "=?iso-2022-jp?q?a", "a ", " =?", "?="}) {
      auto decoded = decodeWords(repeated(piece, size));
      CHECK_MSG(piece, !decoded.empty() && decoded.size() <= maxDecodedText);
    }
  }

  void encode() {
    CHECK_EQ(std::string("plain text"), encodeWords("plain text"));
    std::string mixed = "Gr\xc3\xbc\xc3\x9f" "e aus K\xc3\xb6ln, a long subject that needs several words because it will not fit into one";
    std::string japanese;
    for (int i = 0; i < 100; ++i) japanese += "\xe6\x97\xa5\xe6\x9c\xac";
    for (const auto& text : {mixed, japanese, std::string("=?utf-8?q?not_a_word?=")}) {
      auto encoded = encodeWords(text);
      CHECK_EQ(text, decodeWords(encoded));
      for (auto word : split(encoded, ' ')) {
        CHECK(word.size() <= 64);
        CHECK(isUtf8(decodeWords(word)) && decodeWords(word).find("\xef\xbf\xbd") == std::string::npos);
      }
    }
  }

  void subject() {
    struct Case { const char *subject, *base; bool reply; };
    for (auto [text, base, reply] : {Case{"Hello", "hello", false}, {"Re: Hello", "hello", true}, {"RE : [x] fwd[2]:  Hello \t World (Fwd)", "hello world", true},
                                     {"[list] Re: [list] Hello", "hello", true}, {"[list] Hello", "hello", false}, {"[list]", "[list]", false},
                                     {"[fwd: [x] Hello]", "hello", true}, {"Re:", "", true}, {"Fw: Re[3]: a", "a", true}, {"Reply: x", "reply: x", false},
                                     {"[a] [b] c", "c", false}, {"[a][b]", "[b]", false}, {"fwd hello", "fwd hello", false}, {"", "", false},
                                     {"=?utf-8?q?Re=3A_=C3=84?=", "\xc3\xa4", true}, {"[a[b] c", "[a[b] c", false}, {"(fwd)", "", true}}) {
      CHECK_EQ(std::string(text) + "=" + base, std::string(text) + "=" + baseSubject(text).text);
      CHECK_EQ(reply, baseSubject(text).isReplyOrForward);
    }
    std::string many;
    for (int i = 0; i < 100'000; ++i) many += "Re: [x] ";
    CHECK(baseSubject(many + "end").text.size() <= maxBaseSubject);
    CHECK(baseSubject(std::string(1'000'000, '[')).text.size() == maxBaseSubject);
  }
};
SUITE(FieldsTest);
