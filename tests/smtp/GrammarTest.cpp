#include "smtp/Grammar.h"

#include "base/Date.h"
#include "smtp/Path.h"
#include "smtp/Xtext.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::smtp;
using namespace std::string_literals;

namespace {

std::string codes(const CommandError& error) { return std::to_string(error.code) + " " + error.enhanced; }

std::string mail(std::string_view arguments, Leniency leniency = {}) {
  auto parsed = parseMail(arguments, leniency);
  return parsed ? commandText(*parsed) : codes(parsed.error());
}

std::string rcpt(std::string_view arguments, bool utf8 = false, Leniency leniency = {}) {
  auto parsed = parseRcpt(arguments, leniency, utf8);
  return parsed ? commandText(*parsed, true) : codes(parsed.error());
}

std::string hello(std::string_view arguments, Leniency leniency = {}, bool ehlo = true) {
  auto parsed = ehlo ? parseEhlo(arguments, leniency) : parseHelo(arguments, leniency);
  if (!parsed) return codes(parsed.error());
  return parsed->host ? hostText(*parsed->host) : "any " + parsed->text;
}

}  // namespace

struct SmtpGrammarTest : test::Suite<SmtpGrammarTest> {
  static void list(List& l) {
    l.add("lines end in CRLF or LF, within the limit", &SmtpGrammarTest::lines);
    l.add("verbs", &SmtpGrammarTest::verbs);
    l.add("HELO and EHLO", &SmtpGrammarTest::hellos);
    l.add("MAIL, good", &SmtpGrammarTest::mailGood);
    l.add("MAIL, bad", &SmtpGrammarTest::mailBad);
    l.add("SIZE, hostile input 16", &SmtpGrammarTest::sizes);
    l.add("HOLDFOR and HOLDUNTIL", &SmtpGrammarTest::holds);
    l.add("RCPT", &SmtpGrammarTest::rcpts);
    l.add("quoted localparts", &SmtpGrammarTest::quoted);
    l.add("address literals", &SmtpGrammarTest::literals);
    l.add("controls and bidi never get in, hostile input 17", &SmtpGrammarTest::controls);
    l.add("SMTPUTF8", &SmtpGrammarTest::utf8);
    l.add("lengths", &SmtpGrammarTest::lengths);
    l.add("AUTH", &SmtpGrammarTest::auth);
    l.add("commands without or with optional arguments", &SmtpGrammarTest::others);
    l.add("xtext", &SmtpGrammarTest::xtext);
  }

  void lines() {
    auto line = nextLine("NOOP\r\nQUIT\r\n");
    CHECK_EQ("NOOP"s, std::string(line->text));
    CHECK_EQ(std::size_t(6), line->consumed);
    CHECK_EQ(std::size_t(5), nextLine("NOOP\nQUIT")->consumed);
    CHECK_EQ("NO\rOP"s, std::string(nextLine("NO\rOP\r\n")->text));
    CHECK(!nextLine("NOOP\r"));
    std::string longest(maxCommandLine - 2, 'a');
    CHECK_EQ(maxCommandLine, nextLine(longest + "\r\n")->consumed);
    CHECK(!isOverlong(longest + "\r"));
    CHECK(!nextLine(longest + "a\r\n"));
    CHECK(isOverlong(longest + "a\r\n"));
  }

  void verbs() {
    CHECK(splitCommand("ehlo x")->verb == Verb::ehlo);
    CHECK_EQ(" x"s, std::string(splitCommand("ehlo x")->arguments));
    CHECK(splitCommand("StartTLS")->verb == Verb::startTls);
    CHECK(splitCommand("BDAT 1")->verb == Verb::unknown);
    CHECK(splitCommand("")->verb == Verb::unknown);
    for (std::string bad : {"NO\rOP"s, "NOOP\0"s, "NOOP\tx"s, "\x16\x03\x01"s, "NOOP \x7f"s}) CHECK_EQ("500 5.5.2"s, codes(splitCommand(bad).error()));
  }

  void hellos() {
    CHECK_EQ("mail.example.org"s, hello(" Mail.Example.ORG"));
    CHECK_EQ("[192.0.2.1]"s, hello(" [192.0.2.1]"));
    CHECK_EQ("[192.0.2.1]"s, hello(" [192.0.2.1] some text"));
    CHECK_EQ("[IPv6:2001:db8::1]"s, hello(" [IPv6:2001:DB8::1]"));
    CHECK_EQ("localhost"s, hello(" localhost "));
    CHECK_EQ("501 5.5.2"s, hello(" localhost ", Leniency::pedantic()));
    CHECK_EQ("501 5.5.2"s, hello(" [192.0.2.1] text", Leniency::pedantic()));
    for (const char* bad : {"", " ", "x", " a b", " -a", " a..b", " a.", " [2001:db8::1]", " [IPv6:192.0.2.1]", " [x:y]", " 2001:db8::1", " [192.0.2.1", " <a>"})
      CHECK_EQ("501 5.5.2"s, hello(bad));
    CHECK_EQ("501 5.5.2"s, hello(" [192.0.2.1]", {}, false));
    CHECK_EQ("[IPv6:2001:db8::1]"s, hello(" 2001:db8::1", Leniency::submission()));
    CHECK_EQ("any my laptop"s, hello(" my laptop", Leniency::submission()));
    CHECK_EQ("any "s, hello("", Leniency::submission()));
  }

  void mailGood() {
    CHECK_EQ("MAIL FROM:<a@example.org>"s, mail(" FROM:<a@Example.org>"));
    CHECK_EQ("MAIL FROM:<>"s, mail(" from:<>"));
    CHECK_EQ("MAIL FROM:<a@b.c>"s, mail(" FROM: <a@b.c>"));
    CHECK_EQ("MAIL FROM:<a@b.c>"s, mail(" FROM:<a@b.c>  "));
    CHECK_EQ("MAIL FROM:<a@b.c>"s, mail(" FROM:<@x.y,@z:a@b.c>"));
    CHECK_EQ("MAIL FROM:<a@b.c> SIZE=10 BODY=8BITMIME SMTPUTF8 REQUIRETLS AUTH=<>"s,
             mail(" FROM:<a@b.c> body=8bitmime auth=<> size=10 smtputf8 REQUIRETLS"));
    CHECK_EQ("MAIL FROM:<a@b.c> BODY=7BIT AUTH=e+2B1@d"s, mail(" FROM:<a@b.c> BODY=7BIT AUTH=e+2B1@d"));
  }

  void mailBad() {
    CHECK_EQ("501 5.5.2"s, mail(""));
    CHECK_EQ("501 5.5.2"s, mail(" TO:<a@b.c>"));
    CHECK_EQ("501 5.5.2"s, mail(" FROM <a@b.c>"));
    CHECK_EQ("501 5.5.2"s, mail(" FROM:<a@b.c>SIZE=1"));
    CHECK_EQ("501 5.5.2"s, mail(" FROM:<a@b.c>  SIZE=1"));
    CHECK_EQ("501 5.5.2"s, mail(" FROM:<a@b.c> -X=1"));
    CHECK_EQ("501 5.1.7"s, mail(" FROM: <a@b.c>", Leniency::pedantic()));
    CHECK_EQ("501 5.5.2"s, mail(" FROM:<a@b.c> ", Leniency::pedantic()));
    for (const char* bad : {"a@b.c", "<a@b.c", "<a>", "<@b.c>", "<a@>", "<a@b@c>", "<a b@c>", "<.a@b.c>", "<a.@b.c>", "<a..b@c>", "<postmaster>",
                            "<@x>", "<@x:>", "<@x,:a@b>", "<@x,y:a@b>", "<a@b.c.>", "<a@-b>", "<a@b c>", "<(x)a@b>"})
      CHECK_MSG(bad, mail(" FROM:"s + bad) == "501 5.1.7");
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> SIZE=1 size=1"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> SIZE="));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> SMTPUTF8=1"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> BODY"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> BODY=BINARYMIME"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> AUTH=a+0D+0Ab"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> AUTH=a+2"));
    CHECK_EQ("555 5.3.3"s, mail(" FROM:<a@b.c> RET=FULL"));
    CHECK_EQ("555 5.3.3"s, mail(" FROM:<a@b.c> ENVID=x+0D+0A"));
    CHECK_EQ("501 5.1.7"s, mail(" FROM:<a@_b.c>", Leniency::pedantic()));
  }

  void sizes() {
    auto size = [](const std::string& value) {
      auto parsed = parseMail(" FROM:<a@b.c> SIZE=" + value, {});
      return parsed ? std::to_string(parsed->size.value()) : codes(parsed.error());
    };
    CHECK_EQ("0"s, size("0"));
    CHECK_EQ("1"s, size("00000000000000000001"));
    CHECK_EQ("18446744073709551615"s, size("18446744073709551615"));
    CHECK_EQ("18446744073709551615"s, size("18446744073709551616"));
    CHECK_EQ("18446744073709551615"s, size("99999999999999999999"));
    for (const char* bad : {"-1", "+1", "1x", "999999999999999999999", "0x10"}) CHECK_EQ("501 5.5.4"s, size(bad));
    CHECK(!parseMail(" FROM:<a@b.c>", {})->size);
  }

  void holds() {
    CHECK_EQ(86400u, parseMail(" FROM:<a@b.c> HOLDFOR=86400", {})->holdFor.value());
    auto until = parseMail(" FROM:<a@b.c> HOLDUNTIL=2024-01-02T03:04:05Z", {});
    CHECK_EQ("2024-01-02T03:04:05Z"s, rfc3339Seconds(until->holdUntil.value()));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> HOLDUNTIL=2024-01-02T03:04:05+01:00"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> HOLDFOR=1 HOLDUNTIL=2024-01-02T03:04:05Z"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> HOLDFOR=1234567890"));
    CHECK_EQ("501 5.5.4"s, mail(" FROM:<a@b.c> HOLDFOR"));
  }

  void rcpts() {
    CHECK_EQ("RCPT TO:<a@b.c>"s, rcpt(" TO:<a@b.c>"));
    CHECK_EQ("RCPT TO:<postmaster>"s, rcpt(" TO:<PostMaster>"));
    CHECK_EQ("RCPT TO:<postmaster@b.c>"s, rcpt(" TO:<postmaster@b.c>"));
    CHECK_EQ("RCPT TO:<a@b.c>"s, rcpt(" to: <@r:a@b.c> "));
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<>"));
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<root>"));
    CHECK_EQ("555 5.3.3"s, rcpt(" TO:<a@b.c> NOTIFY=NEVER"));
    CHECK_EQ("555 5.3.3"s, rcpt(" TO:<a@b.c> ORCPT=rfc822;a+0D+0A@b"));
    CHECK_EQ("501 5.5.2"s, rcpt(" FROM:<a@b.c>"));
  }

  void quoted() {
    CHECK_EQ("RCPT TO:<\"a b\"@c>"s, rcpt(" TO:<\"a b\"@c>"));
    CHECK_EQ("RCPT TO:<ab@c>"s, rcpt(" TO:<\"ab\"@c>"));
    CHECK_EQ("RCPT TO:<\"a\\\"b\\\\c\"@d>"s, rcpt(" TO:<\"a\\\"b\\\\c\"@d>"));
    CHECK_EQ("RCPT TO:<\"a@b\"@c>"s, rcpt(" TO:<\"a@b\"@c>"));
    CHECK_EQ("RCPT TO:<\">\"@c>"s, rcpt(" TO:<\">\"@c>"));
    for (const char* bad : {"<\"\"@x>", "<\"a@x>", "<\"a\"b@x>", "<\"a\\\"@x>", "<\"a\"\"b\"@x>", "<a\"b\"@x>"})
      CHECK_MSG(bad, rcpt(" TO:"s + bad) == "501 5.1.3");
  }

  void literals() {
    CHECK_EQ("RCPT TO:<a@[192.0.2.1]>"s, rcpt(" TO:<a@[192.0.2.1]>"));
    CHECK_EQ("RCPT TO:<a@[IPv6:2001:db8::1]>"s, rcpt(" TO:<a@[ipv6:2001:DB8:0::1]>"));
    for (const char* bad : {"[192.0.2]", "[192.0.2.256]", "[2001:db8::1]", "[IPv6:x]", "[tag:content]", "[]", "[192.0.2.1", "[IPv6:fe80::1%eth0]", "[ 192.0.2.1]"})
      CHECK_MSG(bad, rcpt(" TO:<a@"s + bad + ">") == "501 5.1.3");
  }

  void controls() {
    // splitCommand() stops controls first; the parsers hold without it too.
    for (char c : {'\r', '\n', '\0', '\t', '\x7f', '\x1b'}) {
      for (std::string form : {"<a?b@c.d>", "<\"a?b\"@c.d>", "<\"a\\?b\"@c.d>", "<a@c?.d>", "<a@[192.0.2.1?]>"}) {
        form.replace(form.find('?'), 1, 1, c);
        CHECK_EQ("501 5.1.3"s, rcpt(" TO:" + form, true));
      }
      CHECK(!parseMail(" FROM:<a@b.c> SIZE=1"s + c, {}));
      CHECK(!parseMail(" FROM:<a@b.c> AUTH=x"s + c, {}));
    }
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<a\xe2\x80\xae@b.c>", true));  // right-to-left override
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<a\xc2\x85@b.c>", true));      // NEL
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<a\xff@b.c>", true));
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<a\xc0\x8a@b.c>", true));  // overlong LF
  }

  void utf8() {
    CHECK_EQ("550 5.6.7"s, mail(" FROM:<jos\xc3\xa9@b.c>"));
    CHECK_EQ("MAIL FROM:<jos\xc3\xa9@b.c> SMTPUTF8"s, mail(" FROM:<jose\xcc\x81@b.c> SMTPUTF8"));
    CHECK_EQ("553 5.6.7"s, rcpt(" TO:<jos\xc3\xa9@b.c>"));
    CHECK_EQ("553 5.6.7"s, rcpt(" TO:<a@b\xc3\xbc" "cher.example>"));
    CHECK_EQ("RCPT TO:<a@b\xc3\xbc" "cher.example>"s, rcpt(" TO:<a@b\xc3\xbc" "cher.example>", true));
    // An IDN written in ASCII needs nothing, and is written so again without SMTPUTF8.
    auto idn = parseMail(" FROM:<a@xn--bcher-kva.example>", {});
    CHECK_EQ("MAIL FROM:<a@xn--bcher-kva.example>"s, commandText(*idn));
    // An A-label that decodes to what IDNA forbids has no U-label (found by fuzz_smtpcommand).
    CHECK_EQ("RCPT TO:<a@xn--bch>"s, rcpt(" TO:<a@xn--bch>", true));
  }

  void lengths() {
    std::string localpart(64, 'a');
    CHECK_EQ("RCPT TO:<" + localpart + "@b.c>", rcpt(" TO:<" + localpart + "@b.c>", false, Leniency::pedantic()));
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<" + localpart + "a@b.c>", false, Leniency::pedantic()));
    CHECK(rcpt(" TO:<" + localpart + "a@b.c>").starts_with("RCPT"));
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<" + std::string(129, 'a') + "@b.c>"));
    std::string domain = std::string(60, 'd') + "." + std::string(60, 'e') + "." + std::string(60, 'f') + "." + std::string(60, 'g');
    std::string path = "<aaaaaaaaaa@" + domain + ">";
    CHECK_EQ(std::size_t(256), path.size() + 0);
    CHECK_EQ("RCPT TO:" + path, rcpt(" TO:" + path));
    CHECK_EQ("501 5.1.3"s, rcpt(" TO:<a" + path.substr(1)));
  }

  void auth() {
    auto text = [](std::string_view arguments, Leniency leniency = {}) {
      auto parsed = parseAuth(arguments, leniency);
      return parsed ? parsed->mechanism + "|" + parsed->initial.value_or("none") : codes(parsed.error());
    };
    CHECK_EQ("PLAIN|none"s, text(" plain"));
    CHECK_EQ("PLAIN|AGE="s, text(" PLAIN AGE="));
    CHECK_EQ("PLAIN|AGE="s, text(" PLAIN  AGE="));
    CHECK_EQ("EXTERNAL|="s, text(" EXTERNAL ="));
    CHECK_EQ("501 5.5.2"s, text(" PLAIN  AGE=", Leniency::pedantic()));
    for (const char* bad : {"", " ", " PLAIN a b", " PL/AIN", " AAAAAAAAAAAAAAAAAAAAA"}) CHECK_EQ("501 5.5.2"s, text(bad));
  }

  void others() {
    CHECK(parseNothing("", {}).has_value());
    CHECK(parseNothing("  ", {}).has_value());
    CHECK_EQ("501 5.5.4"s, codes(parseNothing(" x", {}).error()));
    CHECK_EQ("501 5.5.4"s, codes(parseNothing(" ", Leniency::pedantic()).error()));
    CHECK_EQ("a b"s, parseOptionalText(" a b", {}).value());
    CHECK_EQ(""s, parseOptionalText("", {}).value());
    CHECK_EQ("user"s, parseLookup(" user", {}).value());
    CHECK(!parseLookup("", {}));
    CHECK(!parseOptionalText(" \xff", {}));
  }

  void xtext() {
    CHECK_EQ("a+2Bb+3D+20+C3+A9"s, encodeXtext("a+b= \xc3\xa9"));
    CHECK_EQ("a+b= \xc3\xa9"s, decodeXtext("a+2Bb+3D+20+C3+A9").value());
    for (const char* bad : {"+", "+2", "+2b", "+0D", "+0A", "+00", "+7F", "a b", "a=b", "\xc3\xa9"}) CHECK_MSG(bad, !decodeXtext(bad));
  }
};
SUITE(SmtpGrammarTest);
