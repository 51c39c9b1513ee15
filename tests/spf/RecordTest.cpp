#include "spf/Record.h"

#include "spf/Macro.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::spf;

struct RecordTest : test::Suite<RecordTest> {
  static void list(List& l) {
    l.add("good records", &RecordTest::good);
    l.add("syntax errors", &RecordTest::bad);
    l.add("parts of a directive", &RecordTest::parts);
    l.add("RFC 7208 7.4 macro examples", &RecordTest::macros);
  }

  void good() {
    for (const char* text : {"v=spf1", "v=spf1 ", "V=sPf1 -ALL", "v=spf1 a:foo:8080.example", "v=spf1 a:foo.bar-baz.museum", "v=spf1 a:foo.museum.",
                             "v=spf1 a:%{d}", "v=spf1 a:x%_", "v=spf1 a/0", "v=spf1 a//0", "v=spf1 a/24//64", "v=spf1 a:x.example/24//64",
                             "v=spf1 mx:foo/bar.example", "v=spf1 ip4:1.2.3.4/0", "v=spf1 ip6:::/0", "v=spf1 ip6:2001:db8::1.2.3.4/128",
                             "v=spf1 unknown=%{i}%%", "v=spf1 default=pass", "v=spf1 moo.cow-far_out=", "v=spf1 exp=%{l}.example redirect=%{d3r.-}.x",
                             "v=spf1 a:%{d999999999999999999999999r}"}) {
      auto got = parseRecord(text);
      CHECK_MSG(std::string(text) + (got ? "" : ": " + got.error().text), got.has_value());
    }
  }

  void bad() {
    for (const char* text : {"v=spf1 all:x.example", "v=spf1 all/8", "v=spf1 -all.", "v=spf1 foo", "v=spf1 +", "v=spf1 a:", "v=spf1 a:/24", "v=spf1 a/33",
                             "v=spf1 a/08", "v=spf1 a//129", "v=spf1 a/24/64", "v=spf1 a/", "v=spf1 a:museum", "v=spf1 a:museum.", "v=spf1 a:1.2.3.4",
                             "v=spf1 a:x.example-", "v=spf1 a:foo..", "v=spf1 ip4", "v=spf1 ip4:", "v=spf1 ip4:1.2.3", "v=spf1 ip4:1.2.3.4/33",
                             "v=spf1 ip4:1.2.3.4//32", "v=spf1 ip4:::1", "v=spf1 ip6:1.2.3.4", "v=spf1 ip6:::/129", "v=spf1 ip6:::1//33", "v=spf1 ip4=1.2.3.4",
                             "v=spf1 exists", "v=spf1 ptr/24", "v=spf1 ptr:", "v=spf1 redirect=x.example redirect=x.example", "v=spf1 exp=",
                             "v=spf1 a:%{x}.example", "v=spf1 a:%{d", "v=spf1 a:%.example", "v=spf1 a:%{d0}", "v=spf1 a:%{dq}", "v=spf1 a:%{}",
                             "v=spf1 a:%{c}", "v=spf1 other=%x", "v=spf1 a:%{d}x", "v=spf1\t-all", "v=spf2 a", ""}) {
      // "ip4=1.2.3.4" is a modifier nobody knows, and so is fine.
      bool modifier = std::string_view(text) == "v=spf1 ip4=1.2.3.4";
      CHECK_MSG(text, parseRecord(text).has_value() == modifier);
    }
  }

  void parts() {
    auto got = parseRecord("v=spf1 ~MX:Foo.example/24//64 ?ip6:2001:db8::/32 redirect=_spf.%{d}");
    CHECK_EQ(std::size_t(2), got->directives.size());
    const auto& mx = got->directives[0];
    CHECK(mx.mechanism == Mechanism::mx && mx.qualifier == Qualifier::softfail);
    CHECK_EQ(std::string("Foo.example"), mx.domainSpec);
    CHECK_EQ(24u, mx.prefix4);
    CHECK_EQ(64u, mx.prefix6);
    CHECK_EQ(std::string("2001:db8::"), got->directives[1].network.text());
    CHECK_EQ(32u, got->directives[1].prefix6);
    CHECK_EQ(std::string("_spf.%{d}"), *got->redirect);
  }

  void macros() {
    bool six = false;
    auto value = [&](char letter) -> std::string {
      switch (letter) {
        case 's': return "strong-bad@email.example.com";
        case 'l': return "strong-bad";
        case 'o':
        case 'd': return "email.example.com";
        case 'i': return six ? "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1" : "192.0.2.3";
        case 'v': return six ? "ip6" : "in-addr";
        default: return "?";
      }
    };
    auto expand = [&](const char* text) { return *expandMacros(text, MacroUse::domain, value); };
    auto eq = [&](const char* wanted, const char* text) { CHECK_EQ(std::string(wanted), expand(text)); };
    eq("strong-bad@email.example.com", "%{s}");
    eq("email.example.com", "%{d4}");
    eq("example.com", "%{d2}");
    eq("com", "%{d1}");
    eq("com.example.email", "%{dr}");
    eq("example.email", "%{d2r}");
    eq("strong.bad", "%{l-}");
    eq("bad.strong", "%{lr-}");
    eq("strong", "%{l1r-}");
    eq("3.2.0.192.in-addr._spf.example.com", "%{ir}.%{v}._spf.%{d2}");
    eq("bad.strong.lp._spf.example.com", "%{lr-}.lp._spf.%{d2}");
    eq("bad.strong.lp.3.2.0.192.in-addr._spf.example.com", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}");
    eq("example.com.trusted-domains.example.net", "%{d2}.trusted-domains.example.net");
    eq("STRONG-BAD%40", "STRONG-BAD%%40");
    eq("strong-bad%40email.example.com", "%{S}");
    six = true;
    eq("1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com", "%{ir}.%{v}._spf.%{d2}");
  }
};
SUITE(RecordTest);
