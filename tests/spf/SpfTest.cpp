#include "spf/Spf.h"

#include "base/Text.h"
#include "dns/FakeResolver.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::spf;
using dns::Failure;

struct SpfTest : test::Suite<SpfTest> {
  static void list(List& l) {
    l.add("RFC 7208 A.1 simple examples", &SpfTest::simpleExamples);
    l.add("RFC 7208 A.2 and A.3", &SpfTest::otherExamples);
    l.add("record lookup", &SpfTest::recordLookup);
    l.add("results of include", &SpfTest::includes);
    l.add("redirect", &SpfTest::redirects);
    l.add("HELO identity", &SpfTest::helo);
    l.add("limits", &SpfTest::limits);
    l.add("temporary errors", &SpfTest::temporary);
    l.add("IPv6 and mapped addresses", &SpfTest::ipv6);
    l.add("ptr and the macro p", &SpfTest::ptr);
    l.add("explanations", &SpfTest::explanations);
    l.add("hostile records", &SpfTest::hostile);
    l.add("authentic only if all answers were", &SpfTest::authentic);
    l.add("Received-SPF", &SpfTest::received);
  }

  FakeClock clock;
  dns::FakeResolver dns;

  Arguments arguments(const std::string& ip, const std::string& sender, const std::string& helo = "mail.example.net") {
    Arguments out{*IpAddress::parse(ip), std::nullopt, *Domain::make(helo), *Domain::make("mx.receiver.example")};
    if (!sender.empty()) out.mailFrom = *Address::parse(sender);
    return out;
  }
  Verdict check(const std::string& ip, const std::string& sender) {
    return spf::check(dns, clock, arguments(ip, sender), clock.steady() + std::chrono::minutes(1));
  }
  std::string status(const std::string& ip, const std::string& sender) { return std::string(statusName(check(ip, sender).status)); }
  /// Status of a record at e.example.
  std::string of(const std::string& record, const std::string& ip = "192.0.2.1") {
    static int number = 0;
    std::string name = "e" + std::to_string(++number) + ".example";
    dns.txt(name, record);
    return status(ip, "user@" + name);
  }
  void expect(const char* wanted, const std::string& got) { CHECK_EQ(std::string(wanted), got); }

  void appendixZone() {
    dns.a("example.com", "192.0.2.10").a("example.com", "192.0.2.11");
    dns.a("amy.example.com", "192.0.2.65").a("bob.example.com", "192.0.2.66");
    dns.a("mail-a.example.com", "192.0.2.129").a("mail-b.example.com", "192.0.2.130").a("www.example.com", "192.0.2.10");
    dns.mx("example.com", 10, "mail-a.example.com").mx("example.com", 20, "mail-b.example.com");
    dns.mx("example.org", 10, "mail-c.example.org").a("mail-c.example.org", "192.0.2.140");
    dns.ptr("192.0.2.10", "example.com").ptr("192.0.2.65", "amy.example.com").ptr("192.0.2.140", "mail-c.example.org");
    dns.ptr("10.0.0.4", "bob.example.com");
  }
  std::string appendix(const std::string& record, const std::string& ip) {
    dns.clear();
    appendixZone();
    dns.txt("example.com", record);
    return status(ip, "someone@example.com");
  }

  void simpleExamples() {
    expect("pass", appendix("v=spf1 +all", "203.0.113.1"));
    expect("pass", appendix("v=spf1 a -all", "192.0.2.10"));
    expect("pass", appendix("v=spf1 a -all", "192.0.2.11"));
    expect("fail", appendix("v=spf1 a -all", "192.0.2.12"));
    expect("fail", appendix("v=spf1 a:example.org -all", "192.0.2.10"));
    expect("pass", appendix("v=spf1 mx -all", "192.0.2.129"));
    expect("pass", appendix("v=spf1 mx -all", "192.0.2.130"));
    expect("fail", appendix("v=spf1 mx -all", "192.0.2.140"));
    expect("pass", appendix("v=spf1 mx:example.org -all", "192.0.2.140"));
    expect("fail", appendix("v=spf1 mx:example.org -all", "192.0.2.129"));
    expect("pass", appendix("v=spf1 mx mx:example.org -all", "192.0.2.140"));
    expect("pass", appendix("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131"));
    expect("pass", appendix("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143"));
    expect("fail", appendix("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144"));
    expect("pass", appendix("v=spf1 ptr -all", "192.0.2.10"));
    expect("pass", appendix("v=spf1 ptr -all", "192.0.2.65"));
    expect("fail", appendix("v=spf1 ptr -all", "192.0.2.140"));
    expect("fail", appendix("v=spf1 ptr -all", "10.0.0.4"));
    expect("pass", appendix("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129"));
    expect("fail", appendix("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65"));
  }

  void otherExamples() {
    dns.txt("example.org", "v=spf1 include:example.com include:example.net -all").txt("example.com", "v=spf1 ip4:192.0.2.1 -all");
    dns.txt("example.net", "v=spf1 ip4:192.0.2.2 ?all").txt("la.example.org", "v=spf1 redirect=example.org");
    expect("pass", status("192.0.2.1", "a@example.org"));
    expect("pass", status("192.0.2.2", "a@la.example.org"));
    expect("fail", status("192.0.2.3", "a@la.example.org"));
    // A.4: per-user policy.
    dns.txt("example.edu", "v=spf1 mx -include:%{l1r+}._at_.%{o}._spf.%{d} ?all").mx("example.edu", 1, "mx.example.edu").a("mx.example.edu", "192.0.2.9");
    dns.txt("mary._at_.example.edu._spf.example.edu", "v=spf1 ip4:192.0.2.77 -all");
    expect("fail", status("192.0.2.77", "mary+list@example.edu"));
    // D.1 with exists and the macros i, s and d.
    dns.txt("dnsbl.example", "v=spf1 -exists:%{ir}.sbl.%{d} exists:%{l}.%{o}.users.%{d2} ~all").a("5.2.0.192.sbl.dnsbl.example", "127.0.0.2");
    dns.a("joe.dnsbl.example.users.dnsbl.example", "127.0.0.2");
    expect("fail", status("192.0.2.5", "joe@dnsbl.example"));
    expect("pass", status("192.0.2.6", "joe@dnsbl.example"));
    expect("softfail", status("192.0.2.6", "ann@dnsbl.example"));
  }

  void recordLookup() {
    expect("none", status("192.0.2.1", "a@nothing.example"));
    dns.txt("other.example", "hello").txt("other.example", "v=spf10 -all").txt("other.example", "V=SPF1");
    expect("neutral", status("192.0.2.1", "a@other.example"));
    dns.txt("other.example", "v=spf1 -all");
    expect("permerror", status("192.0.2.1", "a@other.example"));
    dns.txt("single", "v=spf1 -all");
    expect("none", status("192.0.2.1", "a@single"));
    dns.cname("alias.example", "target.example").txt("target.example", "v=spf1 -all");
    expect("fail", status("192.0.2.1", "a@alias.example"));
    CHECK_EQ(std::string("all"), check("192.0.2.1", "a@alias.example").mechanism);
    CHECK_EQ(std::string("default"), check("192.0.2.1", "a@" + std::string("third.example")).mechanism + "default");
    expect("neutral", of("v=spf1"));
    expect("neutral", of("v=spf1   ip4:192.0.2.9   "));
  }

  void includes() {
    dns.txt("pass.example", "v=spf1 +all").txt("fail.example", "v=spf1 -all").txt("soft.example", "v=spf1 ~all").txt("neutral.example", "v=spf1 ?all");
    dns.txt("broken.example", "v=spf1 foo:bar").fail("busy.example", Failure::temporary);
    expect("pass", of("v=spf1 include:pass.example -all"));
    expect("fail", of("v=spf1 -include:pass.example +all"));
    expect("softfail", of("v=spf1 include:fail.example ~all"));
    expect("fail", of("v=spf1 include:soft.example -all"));
    expect("fail", of("v=spf1 include:neutral.example -all"));
    expect("permerror", of("v=spf1 include:broken.example +all"));
    expect("temperror", of("v=spf1 include:busy.example +all"));
    expect("permerror", of("v=spf1 include:none.example +all"));
    expect("permerror", of("v=spf1 include +all"));
    expect("permerror", of("v=spf1 include:pass.example/24 +all"));
  }

  void redirects() {
    dns.txt("fail.example", "v=spf1 -all");
    expect("fail", of("v=spf1 redirect=fail.example"));
    expect("fail", of("v=spf1 redirect=fail.example ip4:192.0.2.9"));
    expect("pass", of("v=spf1 redirect=fail.example +all"));
    expect("permerror", of("v=spf1 redirect=none.example"));
    expect("permerror", of("v=spf1 redirect=fail.example redirect=fail.example"));
    expect("permerror", of("v=spf1 redirect="));
  }

  void helo() {
    dns.txt("mail.example.net", "v=spf1 ip4:192.0.2.1 -all exp=why.example.net").txt("why.example.net", "%{s} is not %{h}");
    auto got = check("192.0.2.2", "");
    CHECK(got.identity == Identity::helo);
    CHECK_EQ(std::string("mail.example.net"), got.domain->ascii());
    expect("fail", std::string(statusName(got.status)));
    CHECK_EQ(std::string("postmaster@mail.example.net is not mail.example.net"), got.explanation);
    auto literal = arguments("192.0.2.2", "");
    literal.helo = *IpAddress::parse("192.0.2.2");
    auto none = spf::check(dns, clock, literal, clock.steady() + std::chrono::minutes(1));
    CHECK(none.status == Status::none && !none.domain);
  }

  void limits() {
    // A chain of includes ends by itself at ten.
    dns.txt("loop.example", "v=spf1 include:loop.example -all");
    expect("permerror", status("192.0.2.1", "a@loop.example"));
    CHECK_EQ(std::size_t(11), dns.queries().size());
    dns.txt("self.example", "v=spf1 redirect=self.example");
    expect("permerror", status("192.0.2.1", "a@self.example"));

    std::string ten = "v=spf1";
    for (int i = 0; i < 10; ++i) {
      ten += " a:h" + std::to_string(i) + ".example";
      dns.a("h" + std::to_string(i) + ".example", "192.0.2.100");
    }
    expect("fail", of(ten + " -all"));
    expect("permerror", of(ten + " mx -all"));
    expect("pass", of(ten + " ip4:192.0.2.1 mx -all"));

    expect("fail", of("v=spf1 a:v1.example a:v2.example -all"));
    expect("permerror", of("v=spf1 a:v1.example mx:v2.example exists:v3.example -all"));

    for (int i = 0; i < 11; ++i) dns.mx("many.example", 1, "h1.example");
    expect("permerror", of("v=spf1 mx:many.example -all"));
  }

  void temporary() {
    dns.fail("busy.example", Failure::temporary).fail("bogus.example", Failure::bogus);
    expect("temperror", status("192.0.2.1", "a@busy.example"));
    expect("temperror", status("192.0.2.1", "a@bogus.example"));
    expect("temperror", of("v=spf1 a:busy.example -all"));
    expect("temperror", of("v=spf1 mx:busy.example -all"));
    expect("temperror", of("v=spf1 exists:bogus.example -all"));
    dns.mx("half.example", 1, "busy.example");
    expect("temperror", of("v=spf1 mx:half.example -all"));
    // Trouble with ptr is no match.
    dns.fail("1.2.0.192.in-addr.arpa", Failure::temporary);
    expect("fail", of("v=spf1 ptr -all"));
    dns.txt("slow.example", "v=spf1 a -all");
    auto late = spf::check(dns, clock, arguments("192.0.2.1", "a@slow.example"), clock.steady());
    expect("temperror", std::string(statusName(late.status)));
  }

  void ipv6() {
    dns.aaaa("six.example", "2001:db8::1").a("six.example", "192.0.2.1");
    expect("pass", of("v=spf1 a:six.example -all", "2001:db8::1"));
    expect("pass", of("v=spf1 a:six.example//64 -all", "2001:db8::ffff"));
    expect("fail", of("v=spf1 a:six.example/0 -all", "2001:db8::ffff"));
    expect("pass", of("v=spf1 a:six.example/24//0 -all", "2001:db9::ffff"));
    expect("pass", of("v=spf1 ip6:2001:db8::/32 -all", "2001:db8:1::1"));
    expect("fail", of("v=spf1 ip4:0.0.0.0/0 -all", "2001:db8:1::1"));
    expect("fail", of("v=spf1 ip6:::/0 -all", "192.0.2.1"));
    expect("pass", of("v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1"));
    expect("fail", of("v=spf1 ip6:::ffff:192.0.2.1 -all", "::ffff:192.0.2.1"));
    dns.a("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.spf.example", "127.0.0.2");
    expect("pass", of("v=spf1 exists:%{ir}.%{v}.spf.example -all", "2001:db8::1"));
  }

  void ptr() {
    dns.ptr("192.0.2.1", "host.sub.example").a("host.sub.example", "192.0.2.1").ptr("192.0.2.1", "notsub.example").a("notsub.example", "192.0.2.1");
    expect("pass", of("v=spf1 ptr:sub.example -all"));
    expect("pass", of("v=spf1 ptr:SUB.example -all"));
    expect("fail", of("v=spf1 ptr:b.example -all"));
    dns.a("host.sub.example.p.example", "127.0.0.2").a("unknown.p.example", "127.0.0.2");
    expect("pass", of("v=spf1 exists:%{p}.p.example -all"));
    expect("pass", of("v=spf1 exists:%{p}.p.example -all", "192.0.2.77"));
    dns.ptr("192.0.2.3", "liar.sub.example").a("liar.sub.example", "192.0.2.4");
    expect("fail", of("v=spf1 ptr:sub.example -all", "192.0.2.3"));
  }

  std::string explanation(const std::string& text) {
    dns.clear();
    dns.txt("x.example", "v=spf1 -all exp=why.%{d}").txt("why.x.example", text);
    return check("192.0.2.1", "strong-bad@x.example").explanation;
  }

  void explanations() {
    CHECK_EQ(std::string("192.0.2.1 may not send for x.example, 100% sure"), explanation("%{c} may not send for %{o},%_100%%%_sure"));
    CHECK_EQ(std::string("http://x/?strong-bad%40x.example%20at 1700000000 mx.receiver.example"), explanation("http://x/?%{S}%-at %{t} %{r}"));
    CHECK_EQ(std::string("bad.strong"), explanation("%{lr-}"));
    CHECK_EQ(std::string(""), explanation("no macro %{x}"));
    CHECK_EQ(std::string(""), explanation("half %"));
    CHECK_EQ(std::string(""), explanation("evil\r\nInjected: yes"));
    CHECK_EQ(std::string(""), explanation("caf\xc3\xa9"));
    CHECK_EQ(maxExplanation, explanation(std::string(5000, 'x')).size());
    // Of the record that failed: not that of an include, but that of a redirect.
    dns.clear();
    dns.txt("why.example", "because").txt("inner.example", "v=spf1 -all exp=why.example");
    dns.txt("outer.example", "v=spf1 include:inner.example -all").txt("redirected.example", "v=spf1 redirect=inner.example exp=other.example");
    CHECK_EQ(std::string(""), check("192.0.2.1", "a@outer.example").explanation);
    CHECK_EQ(std::string("because"), check("192.0.2.1", "a@redirected.example").explanation);
    dns.txt("why.example", "two texts");
    CHECK_EQ(std::string(""), check("192.0.2.1", "a@redirected.example").explanation);
  }

  void hostile() {
    expect("permerror", of(std::string("v=spf1 a:\0x.example -all", 23)));
    expect("permerror", of("v=spf1 \xc3\xa9 -all"));
    expect("permerror", of("v=spf1 ip4:192.0.2.1\r\n -all"));
    expect("permerror", of("v=spf1 " + std::string(9000, 'a')));
    // Splits at odd places come joined without spaces: "-a" "ll".
    expect("fail", of("v=spf1 -all"));
    std::string localpart(120, 'l');
    std::string record = "v=spf1 exists:";
    for (int i = 0; i < 1000; ++i) record += "%{s}";
    dns.txt("big.example", record + ".example -all");
    expect("permerror", status("192.0.2.1", localpart + "@big.example"));
    // A name longer than 253 loses labels on the left.
    dns.clear();
    dns.txt("long.example", "v=spf1 exists:%{l}.%{l}.%{l}.%{d} -all").a(std::string("b.c.") + "a.b.c.a.b.c.long.example", "127.0.0.2");
    expect("fail", status("192.0.2.1", "a.b.c@long.example"));
    std::string sixty(60, 'x');
    auto both = sixty + "." + sixty;
    dns.a(sixty + "." + both + ".long.example", "127.0.0.2");
    expect("pass", status("192.0.2.1", both + "@long.example"));
    // A label that cannot be: no match, no error.
    dns.txt("label.example", "v=spf1 exists:%{l}.x.example -all");
    expect("fail", status("192.0.2.1", std::string(100, 'x') + "@label.example"));
    expect("fail", status("192.0.2.1", "\"a..b\"@label.example"));
  }

  void authentic() {
    dns.allAuthentic(true).txt("x.example", "v=spf1 a:h.example -all").a("h.example", "192.0.2.1");
    CHECK(check("192.0.2.1", "a@x.example").authentic);
    dns.authentic("h.example", false);
    CHECK(!check("192.0.2.1", "a@x.example").authentic);
  }

  void received() {
    dns.txt("x.example", "v=spf1 ip4:192.0.2.1 -all");
    auto with = arguments("192.0.2.1", "a@x.example");
    auto field = receivedSpf(with, check("192.0.2.1", "a@x.example"));
    CHECK_EQ(std::string("Received-SPF: pass (mx.receiver.example: domain of x.example designates 192.0.2.1 as permitted sender)\r\n"
                         "\tclient-ip=192.0.2.1; envelope-from=\"a@x.example\";\r\n"
                         "\thelo=mail.example.net; mechanism=ip4;\r\n"
                         "\treceiver=mx.receiver.example; identity=mailfrom\r\n"),
             field);
    dns.txt("evil.example", "v=spf1 )\x01\r\nInjected: yes");
    auto evil = receivedSpf(arguments("192.0.2.1", "\"x\\\"(\"@evil.example"), check("192.0.2.1", "\"x\\\"(\"@evil.example"));
    for (auto line : split(evil, '\n')) CHECK(line.empty() || line.starts_with("Received-SPF:") || line.starts_with("\t"));
    CHECK(evil.find("problem=") != std::string::npos);
    CHECK(evil.find("helo=\"[IPv6:2001:db8::1]\"") == std::string::npos);
    auto six = arguments("2001:db8::1", "");
    six.helo = *IpAddress::parse("2001:db8::1");
    auto none = receivedSpf(six, spf::check(dns, clock, six, clock.steady() + std::chrono::minutes(1)));
    CHECK(none.find("client-ip=\"2001:db8::1\"; envelope-from=\"\";") != std::string::npos);
    CHECK(none.find("helo=\"[IPv6:2001:db8::1]\"") != std::string::npos);
    CHECK(none.find("identity=helo") != std::string::npos);
  }
};
SUITE(SpfTest);
