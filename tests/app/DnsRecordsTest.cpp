#include <Poco/JSON/Parser.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "DnsFixture.h"
#include "base/Text.h"
#include "support/Test.h"

// Last: it makes macros of words of the language.
#include <ldns/ldns.h>

using namespace mox;
using namespace mox::app;

namespace {

/// The lines, read by ldns and written by it: the same for the same records.
std::multiset<std::string> asLdnsReads(const std::string& text) {
  std::multiset<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with(';') || line.starts_with('$')) continue;
    ldns_rr* rr = nullptr;
    auto status = ldns_rr_new_frm_str(&rr, line.c_str(), 300, nullptr, nullptr);
    if (status != LDNS_STATUS_OK) throw std::runtime_error(line + ": " + ldns_get_errorstr_by_id(status));
    char* canonical = ldns_rr2str(rr);
    out.insert(canonical);
    LDNS_FREE(canonical);
    ldns_rr_free(rr);
  }
  return out;
}

bool has(const DnsRecords& records, const std::string& line) {
  return std::any_of(records.records.begin(), records.records.end(), [&](const auto& record) { return recordText(record).starts_with(line); });
}

}  // namespace

struct DnsRecordsTest : test::Suite<DnsRecordsTest> {
  static void list(List& l) {
    l.add("everything of a quickstarted domain", &DnsRecordsTest::whole);
    l.add("a host that is a domain has no second SPF record", &DnsRecordsTest::hostIsDomain);
    l.add("a domain for reports only has no records of mail", &DnsRecordsTest::reportsOnly);
    l.add("keys of certificates are under a condition", &DnsRecordsTest::certificateKeys);
    l.add("STARTTLS ports are named only without TLS ports", &DnsRecordsTest::services);
    l.add("an alias never stands beside other records", &DnsRecordsTest::aliases);
    l.add("a key that lacks is a problem, not a failure", &DnsRecordsTest::missingKey);
    l.add("a key that the server makes is printed when it is there", &DnsRecordsTest::ownKey);
    l.add("all domains: each record once", &DnsRecordsTest::all);
    l.add("ldns reads each zone form, and the same", &DnsRecordsTest::zone);
    l.add("text is split and quoted", &DnsRecordsTest::text);
    l.add("JSON", &DnsRecordsTest::json);
    l.add("nsupdate: a message a zone, TXT of the domain only added", &DnsRecordsTest::nsupdate);
  }

  test::DnsFixture f;

  void whole() {
    auto records = f.records();
    CHECK(records.problems.empty());
    for (const char* line : {"_25._tcp.mail.example.org. 300 IN TLSA 3 1 1 ", "mail.example.org. 300 IN TXT \"v=spf1 a -all\"",
                             "_smtp._tls.mail.example.org. 300 IN TXT \"v=TLSRPTv1; rua=mailto:tlsreports@mail.example.org\"",
                             "example.org. 300 IN MX 10 mail.example.org.", "2025a._domainkey.example.org. 300 IN TXT \"v=DKIM1;h=sha256;p=",
                             "2025b._domainkey.example.org. 300 IN TXT \"v=DKIM1;h=sha256;k=ed25519;p=",
                             "example.org. 300 IN TXT \"v=spf1 ip4:198.51.100.7 mx ~all\"",
                             "_dmarc.example.org. 300 IN TXT \"v=DMARC1;p=reject;rua=mailto:dmarcreports@example.org!10m\"",
                             "mta-sts.example.org. 300 IN CNAME mail.example.org.", "_mta-sts.example.org. 300 IN TXT \"v=STSv1; id=20250418T000000\"",
                             "_smtp._tls.example.org. 300 IN TXT \"v=TLSRPTv1; rua=mailto:tlsreports@example.org\"",
                             "autoconfig.example.org. 300 IN CNAME mail.example.org.", "_autodiscover._tcp.example.org. 300 IN SRV 0 1 443 mail.example.org.",
                             "_imaps._tcp.example.org. 300 IN SRV 0 1 993 mail.example.org.", "_submissions._tcp.example.org. 300 IN SRV 0 1 465 mail.example.org.",
                             "_imap._tcp.example.org. 300 IN SRV 0 0 0 .", "_pop3s._tcp.example.org. 300 IN SRV 0 0 0 .",
                             "example.org. 300 IN CAA 0 issue \"letsencrypt.org\""})
      CHECK_MSG(std::string(line) + "\n" + printRecords(records, RecordFormat::zone), has(records, line));
    CHECK_EQ(2L, std::count_if(records.records.begin(), records.records.end(), [](const auto& r) { return r.type == dns::Type::tlsa; }));
    // The name for clients is the host itself here.
    CHECK(!has(records, "mail.example.org. 300 IN CNAME"));
    // What needs a signed zone, or a web server that is not here yet.
    for (const auto& record : f.records("example.org", DnssecState::insecure).records) {
      bool isOfWeb = record.name.find("mta-sts.") != std::string::npos || record.name.find("auto") != std::string::npos;
      CHECK_EQ(isOfWeb || record.type == dns::Type::tlsa, !record.condition.empty());
    }
    CHECK_EQ(Errc::notFound, dnsRecords(*f.config(), Domain::make("other.example").value(), f.reader(), DnssecState::unknown).error().code);
  }

  void hostIsDomain() {
    f.replace(f.fixed, "Hostname: mail.example.org", "Hostname: example.org");
    auto records = f.records();
    CHECK_EQ(1L, std::count_if(records.records.begin(), records.records.end(), [](const auto& r) { return recordText(r).find("v=spf1") != std::string::npos; }));
    CHECK_EQ(1L, std::count_if(records.records.begin(), records.records.end(), [](const auto& r) { return recordText(r).find("v=TLSRPTv1") != std::string::npos; }));
  }

  void reportsOnly() {
    f.replace(f.dynamic, "Accounts:\n", "\treports.example:\n\t\tDMARC:\n\t\t\tLocalpart: dmarc!x\n\t\t\tDomain: example.org\n\t\t\tAccount: me\n\t\t\tMailbox: DMARC\nAccounts:\n");
    auto records = f.records("reports.example");
    CHECK_EQ(std::size_t(2), records.records.size());
    CHECK(has(records, "_dmarc.reports.example. 300 IN TXT \"v=DMARC1;p=reject;rua=mailto:dmarc%21x@example.org!10m\""));
    CHECK(has(records, "reports.example._report._dmarc.example.org. 300 IN TXT \"v=DMARC1\""));
  }

  void certificateKeys() {
    // The second pair has a key that the host keeps: no condition.
    const char* old = "\t\t\tACME: letsencrypt\n";
    f.replace(f.fixed, old, "\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: c.pem\n\t\t\t\t\tKeyFile: k.pem\n\t\t\t\t-\n\t\t\t\t\tCertFile: h.pem\n\t\t\t\t\tKeyFile: h.key\n");
    SystemClock clock;
    SystemRandom random;
    auto renewed = net::selfSigned({"mail.example.org"}, clock, random), kept = net::selfSigned({"mail.example.org"}, clock, random);
    f.files["c.pem"] = renewed.chain;
    f.files["k.pem"] = renewed.key;
    f.files["h.pem"] = kept.chain;
    f.files["h.key"] = kept.key;
    f.files["hostkeys/mail.example.org.20250418T000000.ecdsap256.privatekey.pkcs8.pem"] = kept.key;
    auto records = f.records();
    std::size_t conditional = 0, all = 0;
    for (const auto& record : records.records) {
      if (record.type != dns::Type::tlsa) continue;
      ++all;
      if (record.condition.empty()) continue;
      ++conditional;
      CHECK_EQ(*tlsaData(renewed.key), std::get<dns::Tlsa>(record.data).data);
    }
    CHECK_EQ(std::size_t(3), all);
    CHECK_EQ(std::size_t(1), conditional);
    CHECK(printRecords(records, RecordFormat::zone).find("; _25._tcp.mail.example.org. 300 IN TLSA 3 1 1 " + hex(*tlsaData(renewed.key))) != std::string::npos);
    CHECK(printRecords(records, RecordFormat::nsupdate).find("\n; update add _25._tcp.") != std::string::npos);
  }

  void services() {
    f.replace(f.fixed, "\t\tIMAPS:\n", "\t\tIMAP:\n");
    f.replace(f.fixed, "\t\tAutoconfigHTTPS:\n\t\t\tEnabled: true\n", "\t\tSubmission:\n\t\t\tEnabled: true\n");
    auto records = f.records();
    CHECK(has(records, "_imaps._tcp.example.org. 300 IN SRV 0 0 0 ."));
    CHECK(has(records, "_imap._tcp.example.org. 300 IN SRV 0 1 143 mail.example.org."));
    CHECK(has(records, "_submission._tcp.example.org. 300 IN SRV 0 0 0 ."));
    CHECK(!has(records, "autoconfig.") && !has(records, "_autodiscover."));
  }

  void aliases() {
    f.replace(f.dynamic, "ClientSettingsDomain: mail.example.org", "ClientSettingsDomain: other.example");
    CHECK(has(f.records(), "other.example. 300 IN CNAME mail.example.org."));
    f.replace(f.dynamic, "Accounts:\n", "\tother.example: nil\nAccounts:\n");
    CHECK(!has(f.records(), "other.example. 300 IN CNAME"));
    CHECK(has(f.records(), "_imaps._tcp.example.org. 300 IN SRV 0 1 993 other.example."));
  }

  void missingKey() {
    auto c = f.config();
    f.files.erase("hostkeys/mail.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem");
    auto records = dnsRecords(*c, Domain::make("example.org").value(), f.reader(), DnssecState::unknown);
    CHECK_EQ(std::size_t(1), records->problems.size());
    CHECK(printRecords(*records, RecordFormat::zone).find("\n; cannot read config/hostkeys/") != std::string::npos);
  }

  void ownKey() {
    f.replace(f.dynamic, "\t\t\t\t2025b:\n\t\t\t\t\tExpiration: 72h\n\t\t\t\t\tPrivateKeyFile: dkim/2025b._domainkey.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem\n",
              "\t\t\t\town:\n\t\t\t\t\tAlgorithm: ed25519\n");
    auto before = f.records();
    CHECK_EQ(std::size_t(1), before.problems.size());
    CHECK_MSG(before.problems[0], before.problems[0].find("the server makes the key of selector own") == 0);
    CHECK(!has(before, "own._domainkey.") && has(before, "2025a._domainkey."));
    f.files[f.config()->domain(Domain::make("example.org").value())->keyFiles.at("own").path.substr(7)] = net::generateEd25519();
    auto after = f.records();
    CHECK(after.problems.empty() && has(after, "own._domainkey.example.org. 300 IN TXT \"v=DKIM1;h=sha256;k=ed25519;p="));
  }

  void all() {
    f.replace(f.dynamic, "Accounts:\n", "\tsecond.example: nil\nAccounts:\n");
    auto records = allDnsRecords(*f.config(), f.reader(), DnssecState::unknown);
    std::set<std::string> seen;
    for (const auto& record : records.records) CHECK_MSG(recordText(record), seen.insert(recordText(record)).second);
    CHECK(has(records, "second.example. 300 IN MX 10 mail.example.org.") && has(records, "example.org. 300 IN MX 10 mail.example.org."));
  }

  void zone() {
    auto records = f.records();
    auto ours = asLdnsReads(printRecords(records, RecordFormat::zone));
    auto comments = std::count_if(records.records.begin(), records.records.end(), [](const auto& record) { return !record.condition.empty(); });
    CHECK_EQ(records.records.size() - static_cast<std::size_t>(comments), ours.size());
    CHECK(ours == asLdnsReads(printRecords(records, RecordFormat::mox)));
    std::string added;
    auto commands = printRecords(records, RecordFormat::nsupdate);
    for (const auto& line : split(commands, '\n'))
      if (line.starts_with("update add ")) added += std::string(line.substr(11)) + "\n";
    CHECK(ours == asLdnsReads(added));
  }

  void text() {
    DnsRecord record{"a.example.", dns::Type::txt, std::string("a\"b\\\xc3\xa4"), "", ""};
    CHECK_EQ(std::string("\"a\\\"b\\\\\\195\\164\""), dataText(record));
    record.data = std::string(300, 'x');
    CHECK_EQ("\"" + std::string(255, 'x') + "\" \"" + std::string(45, 'x') + "\"", dataText(record));
    record.data = std::string();
    CHECK_EQ(std::string("\"\""), dataText(record));
  }

  void json() {
    auto records = f.records();
    auto top = Poco::JSON::Parser().parse(printRecords(records, RecordFormat::json)).extract<Poco::JSON::Object::Ptr>();
    auto list = top->getArray("records");
    CHECK_EQ(records.records.size(), list->size());
    CHECK_EQ(std::size_t(0), top->getArray("problems")->size());
    auto key = list->getObject(4);
    CHECK_EQ(std::string("example.org."), key->getValue<std::string>("name"));
    CHECK_EQ(std::string("10 mail.example.org."), key->getValue<std::string>("data"));
    CHECK_EQ(300, key->getValue<int>("ttl"));
    auto dkim = list->getObject(5);
    CHECK(dkim->getValue<std::string>("text").size() > 255 && dkim->getValue<std::string>("data").find("\" \"") == 256);
  }

  void nsupdate() {
    f.replace(f.fixed, "Hostname: mail.example.org", "Hostname: mx.host.example");
    f.replace(f.dynamic, "Accounts:\n", "\tsub.example.org: nil\nAccounts:\n");
    auto text = printRecords(allDnsRecords(*f.config(), f.reader(), DnssecState::unknown), RecordFormat::nsupdate);
    // The host, and two domains.
    std::size_t sends = 0;
    std::string zone;
    for (const auto& line : split(text, '\n')) {
      if (line == "send") {
        ++sends;
        zone.clear();
      }
      if (!line.starts_with("update add ")) continue;
      std::string name(line.substr(11, line.find(' ', 11) - 11));
      std::string wanted = name.ends_with("host.example.") ? "host.example." : name.ends_with("sub.example.org.") ? "sub.example.org." : "example.org.";
      if (zone.empty()) zone = wanted;
      CHECK_EQ(zone, wanted);
    }
    CHECK_EQ(std::size_t(3), sends);
    CHECK(text.find("update delete example.org. MX\nupdate add example.org. 300 IN MX") != std::string::npos);
    CHECK(text.find("update delete example.org. TXT") == std::string::npos && text.find("update delete example.org. CAA") == std::string::npos);
    CHECK(text.find("update delete _dmarc.example.org. TXT\n") != std::string::npos);
    // Two records of one name: what is there goes only once.
    CHECK(text.find("update delete _25._tcp.mx.host.example. TLSA") == text.rfind("update delete _25._tcp.mx.host.example. TLSA"));
  }
};
SUITE(DnsRecordsTest);
