#include <algorithm>
#include <sstream>

#include "DnsFixture.h"
#include "app/DnsCheck.h"
#include "base/Text.h"
#include "dkim/Key.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;
using Level = DnsFinding::Level;

struct DnsCheckTest : test::Suite<DnsCheckTest> {
  static void list(List& l) {
    l.add("a zone with all that is printed is well", &DnsCheckTest::well);
    l.add("with nothing published each finding names its record", &DnsCheckTest::empty);
    l.add("MX elsewhere, before, without address, null", &DnsCheckTest::mx);
    l.add("the host: an alias, other addresses, no address", &DnsCheckTest::host);
    l.add("reverse names", &DnsCheckTest::reverse);
    l.add("SPF of what mail leaves from, whichever listener has it", &DnsCheckTest::spfOfSources);
    l.add("SPF: fail, two records, none for the host", &DnsCheckTest::spf);
    l.add("DKIM: another key, two, revoked, in test, not allowed", &DnsCheckTest::dkim);
    l.add("DMARC: none, unknown policy, reports elsewhere", &DnsCheckTest::dmarc);
    l.add("TLSRPT twice; reports elsewhere", &DnsCheckTest::tlsRpt);
    l.add("MTA-STS: an old id, nowhere, a policy that is not configured", &DnsCheckTest::mtaSts);
    l.add("TLSA: of another key, of an authority, in an unsigned zone", &DnsCheckTest::tlsa);
    l.add("TLSA records match certificate or key", &DnsCheckTest::matching);
    l.add("names for mail programs", &DnsCheckTest::clients);
    l.add("CAA that names another", &DnsCheckTest::caa);
    l.add("DNSSEC: no validating resolver, an unsigned zone, bogus", &DnsCheckTest::dnssec);
    l.add("failures and time limits are errors that say so", &DnsCheckTest::failures);
    l.add("a domain for reports only", &DnsCheckTest::reportsOnly);
    l.add("text of a finding", &DnsCheckTest::text);
  }

  test::DnsFixture f;
  dns::FakeResolver dns;
  FakeClock clock;
  std::vector<DnsFinding> findings;

  void basics() {
    dns.ns(".", "a.root-servers.net").a("mail.example.org", "198.51.100.7").ptr("198.51.100.7", "mail.example.org").allAuthentic(true);
  }
  /// All that is printed but of one name and type.
  void publish(const std::string& without = "", dns::Type type = dns::Type::txt) {
    dns.clear();
    basics();
    auto records = f.records();
    std::erase_if(records.records, [&](const auto& r) { return r.name == without + "." && r.type == type; });
    f.publish(dns, records);
  }
  void check(const std::string& domain = "example.org") {
    findings.clear();
    auto reader = f.reader();
    CHECK(checkDns(*f.config(), Domain::make(domain).value(), {dns, clock, reader, [&](const auto& finding) { findings.push_back(finding); }}).has_value());
  }
  std::string all() const {
    std::string out;
    for (const auto& finding : findings) out += findingText(finding);
    return out;
  }
  std::size_t count(Level level) const {
    return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), [&](const auto& one) { return one.level == level; }));
  }
  /// That there is such a finding, and how many are not ok in all.
  void expect(Level level, const std::string& check, const std::string& text, std::size_t others = 0) {
    auto at = std::find_if(findings.begin(), findings.end(), [&](const auto& one) { return one.level == level && one.check == check && one.text.find(text) != std::string::npos; });
    CHECK_MSG(check + ": " + text + " is not in\n" + all(), at != findings.end());
    CHECK_MSG(all(), findings.size() - count(Level::ok) == others + (level == Level::ok ? 0 : 1));
  }

  void well() {
    publish();
    check();
    CHECK_MSG(all(), count(Level::ok) == findings.size() && findings.size() >= 14);
    CHECK(all().find("was not checked") != std::string::npos);
  }

  void empty() {
    basics();
    check();
    auto text = all();
    for (const auto& record : f.records().records) {
      if (record.type == dns::Type::tlsa || record.condition.empty()) CHECK_MSG(recordText(record) + "\n" + text, text.find(recordText(record)) != std::string::npos);
    }
    CHECK(count(Level::error) >= 4);
    // Nobody need publish what leads to services that are not here.
    for (const char* name : {"mta-sts.", "autoconfig.", "_autodiscover."}) CHECK_MSG(text, text.find(name) == std::string::npos);
  }

  void mx() {
    publish("example.org", dns::Type::mx);
    dns.mx("example.org", 10, "mail.other.example").a("mail.other.example", "192.0.2.9");
    check();
    // SPF names the address itself, so it still passes.
    expect(Level::error, "MX", "does not go to this host");
    CHECK(all().find("there is: 10 mail.other.example.") != std::string::npos && all().find("publish:  example.org. 300 IN MX 10 mail.example.org.") != std::string::npos);
    dns.mx("example.org", 20, "mail.example.org");
    check();
    expect(Level::warning, "MX", "another host comes before");
    publish();
    dns.mx("example.org", 20, "gone.other.example");
    check();
    expect(Level::error, "MX", "gone.other.example. has no address");
    publish("example.org", dns::Type::mx);
    dns.mx("example.org", 0, ".");
    check();
    expect(Level::error, "MX", "does not go to this host");
  }

  void host() {
    publish();
    dns.a("mail.example.org", "198.51.100.8");
    check();
    expect(Level::warning, "host", "198.51.100.8, which");
    dns.clear();
    dns.ns(".", "a.root-servers.net").allAuthentic(true);
    f.publish(dns, f.records());
    check();
    expect(Level::error, "host", "no address", findings.size() - count(Level::ok) - 1);
    CHECK(all().find("publish:  mail.example.org. 300 IN A 198.51.100.7") != std::string::npos);
    dns.cname("mail.example.org", "real.example.org").a("real.example.org", "198.51.100.7").ptr("198.51.100.7", "real.example.org");
    check();
    CHECK(all().find("is an alias") != std::string::npos);
  }

  void reverse() {
    publish();
    dns.clear();
    dns.ns(".", "a.root-servers.net").a("mail.example.org", "198.51.100.7").allAuthentic(true);
    f.publish(dns, f.records());
    check();
    expect(Level::error, "reverse name", "many servers refuse");
    CHECK(all().find("publish:  7.100.51.198.in-addr.arpa. 300 IN PTR mail.example.org.") != std::string::npos);
    dns.ptr("198.51.100.7", "other.example").a("other.example", "198.51.100.7");
    check();
    expect(Level::warning, "reverse name", "is called other.example. instead");
  }

  void spf() {
    publish("example.org");
    dns.txt("example.org", "v=spf1 ip4:192.0.2.1 -all");
    check();
    expect(Level::error, "SPF", "from 198.51.100.7 gets fail");
    CHECK(all().find("there is: \"v=spf1 ip4:192.0.2.1 -all\"") != std::string::npos);
    CHECK(all().find("publish:  example.org. 300 IN TXT \"v=spf1 ip4:198.51.100.7 mx ~all\"") != std::string::npos);
    publish();
    dns.txt("example.org", "v=spf1 mx -all");
    check();
    expect(Level::error, "SPF", "gets permerror");
    publish("mail.example.org");
    check();
    expect(Level::warning, "SPF of the host", "gets none");
  }

  /// In place of the public listener's.
  void listenOn(const std::string& ips, const std::string& others) {
    test::DnsFixture::replace(f.fixed, "\t\t\t- 10.1.2.3\n\t\tNATIPs:\n\t\t\t- 198.51.100.7\n", ips);
    test::DnsFixture::replace(f.fixed, "\tpublic:\n", "\tnear:\n\t\tIPs:\n" + others + "\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tNoSTARTTLS: true\n\tpublic:\n");
    publish("example.org");
    dns.txt("example.org", "v=spf1 ip4:198.51.100.7 -all").ptr("198.51.100.8", "mail.example.org").a("mail.example.org", "198.51.100.8");
    check();
  }

  void spfOfSources() {
    listenOn("\t\t\t- 198.51.100.7\n", "\t\t\t- 10.1.2.3\n");
    CHECK_MSG(all(), all().find("mail of example.org. from 198.51.100.7 passes") != std::string::npos);
    f = {};
    listenOn("\t\t\t- 198.51.100.7\n", "\t\t\t- 198.51.100.8\n");
    CHECK_MSG(all(), all().find("mail of example.org. from 198.51.100.8 gets fail") != std::string::npos);
  }

  void dkimRecord(const std::string& text) {
    publish("2025a._domainkey.example.org");
    if (!text.empty()) dns.txt("2025a._domainkey.example.org", text);
    check();
  }

  void dkim() {
    dkimRecord("");
    expect(Level::error, "DKIM 2025a", "has no TXT record");
    dkimRecord(dkim::PrivateKey::generateEd25519().record());
    expect(Level::error, "DKIM 2025a", "not the one that signs");
    dkimRecord("v=DKIM1; p=");
    expect(Level::error, "DKIM 2025a", "not the one that signs");
    std::string right;
    for (const auto& record : f.records().records)
      if (record.name.starts_with("2025a.")) right = std::get<std::string>(record.data);
    dkimRecord(right + ";t=y");
    expect(Level::warning, "DKIM 2025a", "t=y");
    dkimRecord("v=DKIM1;h=sha1" + right.substr(right.find(";p=")));
    expect(Level::error, "DKIM 2025a", "does not allow");
    dkimRecord("v=DKIM1; n=spaces are fine " + right.substr(right.find(";p=")));
    CHECK_MSG(all(), count(Level::ok) == findings.size());
    publish();
    dns.txt("2025a._domainkey.example.org", right);
    check();
    expect(Level::error, "DKIM 2025a", "several");
    publish("2025b._domainkey.example.org");  // does not sign
    check();
    expect(Level::warning, "DKIM 2025b", "no TXT record");
    publish();
    f.replace(f.dynamic, "\t\t\tSign:\n\t\t\t\t- 2025a\n", "");
    check();
    expect(Level::warning, "DKIM", "not signed");
  }

  void dmarcRecord(const std::string& text) {
    publish("_dmarc.example.org");
    dns.txt("_dmarc.example.org", text);
    check();
  }

  void dmarc() {
    dmarcRecord("v=DMARC1; p=none; rua=mailto:dmarcreports@example.org");
    expect(Level::warning, "DMARC", "policy is none");
    dmarcRecord("v=DMARC1; p=quarantine; rua=mailto:x@other.example, mailto:dmarcreports@example.org!5m; pct=50");
    CHECK_MSG(all(), count(Level::ok) == findings.size());
    dmarcRecord("v=DMARC1; p=rejct; rua=mailto:dmarcreports@example.org");
    expect(Level::error, "DMARC", "no policy");
    dmarcRecord("v=DMARC1; p=reject; rua=mailto:x@other.example");
    expect(Level::warning, "DMARC", "reports do not go");
    dmarcRecord("v=DMARC10; p=reject");
    expect(Level::error, "DMARC", "no TXT record with v=DMARC1");
  }

  void tlsRpt() {
    publish();
    dns.txt("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:x@other.example");
    check();
    expect(Level::error, "TLSRPT", "several");
    publish("_smtp._tls.mail.example.org");
    dns.txt("_smtp._tls.mail.example.org", "v=TLSRPTv1; rua=mailto:x@other.example");
    check();
    expect(Level::warning, "TLSRPT", "reports do not go");
  }

  void mtaSts() {
    publish("_mta-sts.example.org");
    dns.txt("_mta-sts.example.org", "v=STSv1; id=1999");
    check();
    expect(Level::error, "MTA-STS", "older policy");
    publish("_mta-sts.example.org");
    check();
    CHECK_MSG(all(), all().find("mta-sts") == std::string::npos);
    publish("mta-sts.example.org", dns::Type::cname);
    check();
    expect(Level::error, "MTA-STS", "mta-sts.example.org. has no address");
    publish();
    f.replace(f.dynamic, "\t\tMTASTS:\n\t\t\tPolicyID: 20250418T000000\n\t\t\tMode: enforce\n\t\t\tMaxAge: 24h0m0s\n\t\t\tMX:\n\t\t\t\t- mail.example.org\n", "");
    check();
    expect(Level::warning, "MTA-STS", "the configuration has none");
  }

  void tlsa() {
    publish("_25._tcp.mail.example.org", dns::Type::tlsa);
    check();
    expect(Level::warning, "TLSA", "has no TLSA record");
    dns.tlsa("_25._tcp.mail.example.org", {3, 1, 1, std::string(32, 'x')});
    check();
    CHECK_EQ(std::size_t(2), count(Level::error));  // neither key
    expect(Level::error, "TLSA", "hold mail to this host back", 1);
    dns.tlsa("_25._tcp.mail.example.org", {2, 1, 1, std::string(32, 'x')});
    check();
    CHECK_EQ(std::size_t(0), count(Level::error));
    expect(Level::warning, "TLSA", "usage 2", 1);
    publish();
    dns.authentic("_25._tcp.mail.example.org", false);
    check();
    expect(Level::warning, "TLSA", "no effect");
    publish();
    f.replace(f.fixed, "\t\t\tHostPrivateKeyFiles:\n\t\t\t\t- hostkeys/mail.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem\n"
                       "\t\t\t\t- hostkeys/mail.example.org.20250418T000000.ecdsap256.privatekey.pkcs8.pem\n", "");
    check();
    expect(Level::warning, "TLSA", "names no key");
  }

  void matching() {
    TlsaSubject subject{"c.pem", "certificate", "public key"};
    CHECK(tlsaMatches({3, 0, 0, "certificate"}, subject) && tlsaMatches({3, 1, 0, "public key"}, subject));
    CHECK(tlsaMatches({3, 0, 1, *fromHex("03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72")}, subject));
    CHECK(tlsaMatches({3, 1, 2, *fromHex("a417219dab2a901f75c41a33d4da4f24876a96e26c6f389eadd1029514a3407e"
                                         "49c940adec252bf56e20fefc11c255ce893676ff50086a9a8bcbf9f24b76f824")}, subject));
    CHECK(!tlsaMatches({3, 1, 1, *fromHex("03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72")}, subject));
    for (const dns::Tlsa& record : {dns::Tlsa{2, 0, 0, "certificate"}, dns::Tlsa{3, 2, 0, "certificate"}, dns::Tlsa{3, 0, 3, "certificate"}, dns::Tlsa{3, 1, 0, "certificate"}})
      CHECK(!tlsaMatches(record, subject));
    CHECK(!tlsaMatches({3, 0, 0, ""}, {"key.pem", "", "public key"}));
  }

  void clients() {
    f.replace(f.dynamic, "ClientSettingsDomain: mail.example.org", "ClientSettingsDomain: imap.example.org");
    publish("imap.example.org", dns::Type::cname);
    check();
    expect(Level::error, "client settings", "no address");
    dns.a("imap.example.org", "192.0.2.77");
    check();
    expect(Level::warning, "client settings", "not to this host");
    publish("_imaps._tcp.example.org", dns::Type::srv);
    dns.srv("_imaps._tcp.example.org", {0, 1, 143, "imap.example.org."});
    check();
    expect(Level::warning, "SRV", "another service");
    publish("_pop3._tcp.example.org", dns::Type::srv);
    check();
    expect(Level::warning, "SRV", "has no SRV record");
    publish("autoconfig.example.org", dns::Type::cname);
    dns.a("autoconfig.example.org", "192.0.2.77");
    check();
    expect(Level::warning, "autoconfig", "not to this host");
  }

  void caa() {
    publish("example.org", dns::Type::caa);
    dns.caa("example.org", {0, "issue", "other-ca.example; policy=ev"});
    check();
    expect(Level::error, "CAA", "letsencrypt.org may not issue");
    dns.caa("example.org", {0, "issue", " LetsEncrypt.org ; accounturi=x"});
    check();
    CHECK_MSG(all(), count(Level::ok) == findings.size());
  }

  void dnssec() {
    publish();
    dns.authentic("example.org", false);
    check();
    expect(Level::warning, "DNSSEC", "example.org. is not signed");
    dns.allAuthentic(false);
    check();
    expect(Level::warning, "resolver", "does not verify");
    publish();
    dns.fail("_dmarc.example.org", dns::Failure::bogus);
    check();
    expect(Level::error, "DMARC", "fails DNSSEC validation");
  }

  void failures() {
    publish();
    dns.fail("_dmarc.example.org", dns::Failure::temporary);
    check();
    expect(Level::error, "DMARC", "could not be looked up");
    // Whatever the resolver does with them, no question may be asked with a deadline beyond the whole's.
    struct Slow : dns::Resolver {
      explicit Slow(FakeClock& c) : clock(c), start(c.steady()) {}
      std::optional<dns::Lookup<dns::Record>> recall(dns::Type, std::string_view, const dns::Ask&) override { return std::nullopt; }
      dns::Lookup<dns::Record> query(dns::Type, std::string_view, const dns::Ask& ask) override {
        latest = std::max(latest, ask.deadline);
        auto now = clock.steady();
        if (ask.deadline > now) clock.advance(ask.deadline - now);
        dns::LookupError error;
        error.text = "no answer";
        error.timeout = true;
        return tl::unexpected(error);
      }
      FakeClock& clock;
      Steady start, latest{};
    } slow(clock);
    findings.clear();
    auto reader = f.reader();
    CHECK(checkDns(*f.config(), Domain::make("example.org").value(), {slow, clock, reader, [&](const auto& finding) { findings.push_back(finding); }}).has_value());
    CHECK(slow.latest == slow.start + dnsCheckLimit);
    CHECK_MSG(all(), count(Level::error) > 5 && count(Level::ok) == 0);
  }

  void reportsOnly() {
    f.replace(f.dynamic, "Accounts:\n", "\treports.example:\n\t\tDMARC:\n\t\t\tLocalpart: dmarc\n\t\t\tDomain: example.org\n\t\t\tAccount: me\n\t\t\tMailbox: DMARC\nAccounts:\n");
    basics();
    check("reports.example");
    CHECK_EQ(std::size_t(2), count(Level::error));
    f.publish(dns, f.records("reports.example"));
    check("reports.example");
    CHECK_MSG(all(), count(Level::ok) == 2 && findings.size() == 2);
  }

  void text() {
    CHECK_EQ(std::string("ok       MX: fine\n"), findingText({Level::ok, "MX", "fine", {}, {}}));
    CHECK_EQ(std::string("error    MX: bad\\x0a\n           there is: a\n           publish:  b\n"), findingText({Level::error, "MX", "bad\n", {"a"}, {"b"}}));
  }
};
SUITE(DnsCheckTest);
