#include "base/Text.h"
#include <algorithm>

#include "config/Document.h"
#include "config/Fixture.h"
#include "config/JsonFault.h"
#include "config/Write.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

test::ConfigFixture quickstart() {
  test::ConfigFixture f;
  f.fixed = test::readData("quickstart.mox.conf");
  f.dynamic = test::readData("quickstart.domains.conf");
  for (const char* name : {"2025a", "2025b"}) {
    f.files["/c/dkim/" + std::string(name) + "._domainkey.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem"] =
        f.files.at("/c/dkim/rsa.pem");
  }
  f.files["/c/hostkeys/mail.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem"] = f.files.at("/c/dkim/rsa.pem");
  f.files["/c/hostkeys/mail.example.org.20250418T000000.ecdsap256.privatekey.pkcs8.pem"] = f.files.at("/c/tls/key.pem");
  return f;
}

test::ConfigFixture localserve() {
  test::ConfigFixture f;
  f.fixed = test::readData("localserve.mox.conf");
  f.dynamic = test::readData("localserve.domains.conf");
  f.files["/c/localhost.crt"] = f.files.at("/c/tls/cert.pem");
  f.files["/c/localhost.key"] = f.files.at("/c/tls/key.pem");
  f.files["/c/dkim/localserve.privatekey.pkcs8.pem"] = f.files.at("/c/dkim/a.pem");
  return f;
}

std::string wholeJson(const test::ConfigFixture& f) {
  Whole whole{f.config()->fixed(), f.config()->dynamic()};
  return writeJson(whole);
}

}  // namespace

struct LoadTest : test::Suite<LoadTest> {
  static void list(List& l) {
    l.add("what quickstart of mox writes", &LoadTest::quickstartLoads);
    l.add("what localserve of mox writes", &LoadTest::localserveLoads);
    l.add("written and read again", &LoadTest::roundTrip);
    l.add("later fields switched off do not warn", &LoadTest::offIsQuiet);
    l.add("settings of features that are not here warn", &LoadTest::laterWarns);
    l.add("templates parse", &LoadTest::templates);
    l.add("one JSON file", &LoadTest::jsonFile);
    l.add("JSON errors have pointer and line", &LoadTest::jsonErrors);
    l.add("faults in JSON have a line", &LoadTest::jsonFaults);
    l.add("JSON schema", &LoadTest::schema);
    l.add("reload", &LoadTest::reload);
    l.add("reload of JSON", &LoadTest::reloadJson);
    l.add("settings with their defaults", &LoadTest::settings);
    l.add("what outgoing connections are bound to", &LoadTest::outgoing);
  }

  void quickstartLoads() {
    auto loaded = quickstart().load();
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    auto warnings = config::text(loaded.warnings);
    for (const char* name : {".AccountHTTP:", ".AdminHTTP:", ".WebmailHTTP:", ".WebAPIHTTP:", ".AutoconfigHTTPS:",
                             ".MTASTSHTTPS:", ".WebserverHTTPS:", "HostTLSRPT:", ".DMARC:", ".MTASTS:", ".TLSRPT:",
                             ".SubjectPass:", ".RejectsMailbox:", ".AutomaticJunkFlags:", ".JunkFilter:", ".NoCustomPassword:"}) {
      CHECK_MSG(std::string(name) + " once in\n" + warnings, count(warnings, name) == 1);
    }
    CHECK_EQ(std::size_t(0), count(warnings, "MetricsHTTP"));
    CHECK_EQ(std::size_t(0), count(warnings, "ACME"));
    CHECK_MSG(
        warnings,
        warnings.find(
            "/c/domains.conf:34: Accounts.me.Destinations.old: deprecated: a destination without domain, taken as old@example.org\n") !=
            std::string::npos);
    CHECK_EQ(std::size_t(17), loaded.warnings.size());
    const auto& config = *loaded.config;
    CHECK_EQ(std::string("/c/../data"), config.dataDir());
    CHECK_EQ(std::size_t(1), config.domain(Domain::make("example.org").value())->signingKeys.size());
    CHECK_EQ(std::string("me"), config.loginLookup("OLD+x@example.org").value()->name);
  }

  void localserveLoads() {
    auto loaded = localserve().load();
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    auto warnings = config::text(loaded.warnings);
    CHECK_EQ(std::size_t(1), count(warnings, "IPsNATed: deprecated"));
    CHECK_EQ(std::size_t(1), count(warnings, "DefaultMailboxes: deprecated"));
    CHECK_EQ(std::size_t(0), count(warnings, "Rulesets"));
    const auto& listener = loaded.config->listeners().at(0);
    CHECK_EQ(1025, int(listener.smtp));
    CHECK_EQ(1993, int(listener.imaps));
    CHECK_EQ(1081, int(listener.metrics));
    CHECK(listener.firstTimeSenderDelay == Duration(0));
    CHECK_EQ(std::string("/c/localhost.crt"), listener.keyPairs.at(0).certFile);
    CHECK(loaded.config->smtpIps().empty() && !loaded.config->outgoing().v4);
    CHECK(loaded.config->domain(Domain::make("xn--80akhbyknj4f").value()) != nullptr);
    const auto* target = loaded.config->lookup(Localpart::make("mox").value(), Domain::make("localhost").value()).target;
    CHECK(target->rules.at(0).smtpMailFrom->matches("lists@example.org"));
    CHECK(target->rules.at(0).headers.at(0).second.matches("news <news.localhost>"));
  }

  void roundTrip() {
    for (const auto& f : {quickstart(), localserve(), test::ConfigFixture()}) {
      for (auto comments : {Comments::none, Comments::brief}) {
        auto again = f;
        again.fixed = writeSconf(f.config()->fixed(), comments).value();
        again.dynamic = writeSconf(f.config()->dynamic(), comments).value();
        CHECK_EQ(wholeJson(f), wholeJson(again));
      }
    }
  }

  void offIsQuiet() {
    test::ConfigFixture f;
    f.fixed += "CheckUpdates: false\n";
    test::ConfigFixture::replace(f.fixed, "\t\tIMAPS:\n", "\t\tAdminHTTP:\n\t\t\tEnabled: false\n\t\t\tPort: 81\n\t\tIMAPS:\n");
    CHECK_EQ(std::string(), config::text(f.load().warnings));
    test::ConfigFixture::replace(f.fixed, "CheckUpdates: false", "CheckUpdates: true");
    CHECK_EQ(std::string("/c/mox.conf:34: CheckUpdates: accepted, but not available yet in this program\n"),
             config::text(f.load().warnings));
  }

  void laterWarns() {
    // Port 80 is for proofs so far: where there are any, nothing is missing.
    test::ConfigFixture f;
    const std::string enabled = "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n\t\tIMAPS:\n";
    test::ConfigFixture::replace(f.fixed, "\t\tIMAPS:\n", enabled);
    CHECK(config::text(f.load().warnings).find(".WebserverHTTP: accepted, but so far only for certificates") != std::string::npos);
    f = quickstart();
    CHECK(f.fixed.find("WebserverHTTP:\n\t\t\tEnabled: true") != std::string::npos);
    CHECK_MSG(config::text(f.load().warnings), config::text(f.load().warnings).find("WebserverHTTP:") == std::string::npos);
    f = test::ConfigFixture();
    f.fixed += "NoOutgoingDMARCReports: true\nNoOutgoingTLSReports: true\nOutgoingTLSReportsForAllSuccess: true\n";
    test::ConfigFixture::replace(f.dynamic, "\tadmin:\n", "\tadmin:\n\t\tFullName: A\n\t\tNoCustomPassword: true\n");
    auto warnings = config::text(f.load().warnings);
    for (const char* name : {"NoOutgoingDMARCReports:", "NoOutgoingTLSReports:", "OutgoingTLSReportsForAllSuccess:", ".FullName:", ".NoCustomPassword:"})
      CHECK_MSG(std::string(name) + " in\n" + warnings, count(warnings, std::string(name) + " accepted, but not available yet in this program\n") == 1);
  }

  void templates() {
    auto fixed = parseSconf("mox.conf", describeSconf<Static>());
    read<Static>(fixed);
    CHECK_MSG(config::text(fixed.errors()), fixed.ok());
    auto dynamic = parseSconf("domains.conf", describeSconf<Dynamic>());
    auto values = read<Dynamic>(dynamic);
    CHECK_MSG(config::text(dynamic.errors()), dynamic.ok());
    CHECK_EQ(std::size_t(1), values.domains.at("example.org").aliases.count("team"));
    checkDocumented(described::typeOf<Whole>());
    CHECK(describeSconf<Static>().find("Not available yet") != std::string::npos);
  }

  /// Every field has a sentence.
  static void checkDocumented(const described::Type& type) {
    if (type.kind() != described::Kind::record) {
      if (&type.element() != &type) checkDocumented(type.element());
      return;
    }
    for (const auto& field : type.blankFields()) {
      CHECK_MSG(std::string(field.name), field.doc.size() > 3 && (field.doc.ends_with('.')));
      checkDocumented(*field.type);
    }
  }

  void jsonFile() {
    for (auto f : {test::ConfigFixture(), quickstart(), localserve()}) {
      auto json = wholeJson(f);
      f.files["/c/mox.json"] = json;
      auto loaded = config::load("/c/mox.json", f.reader());
      CHECK_MSG(config::text(loaded.errors), loaded.ok());
      CHECK_EQ(f.load().warnings.size(), loaded.warnings.size());
      CHECK_EQ(json, writeJson(Whole{loaded.config->fixed(), loaded.config->dynamic()}));
    }
  }

  static std::string jsonError(const std::string& text) {
    test::ConfigFixture f;
    return config::text(config::loadText("/c/mox.json", text, text, f.reader()).errors);
  }

  void jsonErrors() {
    test::ConfigFixture f;
    auto json = wholeJson(f);
    auto edit = [&](const std::string& from, const std::string& to) {
      auto text = json;
      test::ConfigFixture::replace(text, from, to);
      return jsonError(text);
    };
    CHECK_EQ(std::string("/c/mox.json:3: /LogLevel: expected text\n"), edit("\"LogLevel\": \"info\"", "\"LogLevel\": 5"));
    CHECK_EQ(std::string("/c/mox.json:3: /LogLevl: unknown key\n/c/mox.json:1: missing required key \"LogLevel\"\n"),
             edit("\"LogLevel\"", "\"LogLevl\""));
    CHECK_EQ(std::string("/c/mox.json:8: /Listeners/public/IPs/0: \"x\" is not an IP address\n"), edit("\"192.0.2.1\"", "\"x\""));
    CHECK_EQ(std::string("/c/mox.json:3: duplicate key \"LogLevel\"\n"),
             edit("\"LogLevel\": \"info\"", "\"LogLevel\": \"info\", \"LogLevel\": \"info\""));
    auto line =
        std::to_string(1 + std::count(json.begin(), json.begin() + static_cast<std::ptrdiff_t>(json.find("\"Account\": \"admin\"")), '\n'));
    CHECK_EQ(std::string("/c/mox.json:" + line + ": /Postmaster/Account: there is no account \"nobody\"\n"),
             edit("\"Account\": \"admin\"", "\"Account\": \"nobody\""));
    CHECK(edit("\"QuotaMessageSize\": 5000", "\"QuotaMessageSize\": 1.5").find("/QuotaMessageSize: expected a whole number") !=
          std::string::npos);
    CHECK(edit("\"QuotaMessageSize\": 5000", "\"QuotaMessageSize\": 18446744073709551615")
              .find("/QuotaMessageSize: expected a whole number") != std::string::npos);
    CHECK(edit("\"QuotaMessageSize\": 5000", "\"QuotaMessageSize\": \"5000\"").find("/QuotaMessageSize: expected a whole number") !=
          std::string::npos);
    CHECK(edit("\"Transports\": {", "\"Transports\": 1, \"X\": {").find("/Transports: expected an object\n") != std::string::npos);
    for (const char* bad : {"", "{", "[]", "5", "\"x\"", "null", "{\"a\":1,}", "{} x", "{'a':1}", "{\"a\":\"\xff\"}"})
      CHECK_MSG(bad, !jsonError(bad).empty());
    std::string deep(100000, '[');
    CHECK(!jsonError("{\"a\":" + deep).empty());
  }

  void jsonFaults() {
    auto says = [](const std::string& text, const std::string& wanted) { CHECK_EQ("/c/mox.json:" + wanted + "\n", jsonError(text)); };
    says("{\n  \"a\": [1,\n 2],\n \"b\": 1,\n}\n", "5: not valid JSON: expected a key in quotes after the comma, found '}'");
    says("{\n\"a\": 1\n\"b\": 2}", "3: not valid JSON: expected a comma or }, found '\"'");
    says("{\n\"a\": \"x\n}", "2: not valid JSON: a text without its closing quote in this line");
    says("{\n\"a\": [1,\n]}", "3: not valid JSON: expected a value, found ']'");
    says("{\n\"a\": 1\n", "3: not valid JSON: expected a comma or }, found the end");
    says("{\n\"a\": yes}", "2: not valid JSON: expected a value, found 'y'");
    says("{\n\"a\"\n1}", "3: not valid JSON: expected a colon after the key, found '1'");
    says("{\n#a\": 1}", "2: not valid JSON: expected a key in quotes, found '#'");
    says("{}\n\n{}", "3: not valid JSON: expected nothing more after the end");
    says("{\n\"a\": \"\\x\"}", "2: not valid JSON: an escape that JSON does not have");
    for (const char* good : {"{}", "[1, -0.5e+3, 0, true, false, null, \"\\u00e4\\n\", {\"a\": {}}]", " 1 "}) CHECK_MSG(good, !findJsonFault(good));
    for (const char* bad : {"", "-", "1.", "01", "1e", "\"\\u12g4\"", "\"\t\"", "tru", "[", "{\"a\":1,}", "[1}", "\"\\"}) CHECK_MSG(bad, findJsonFault(bad).has_value());
    CHECK(findJsonFault(std::string(100'000, '[')).has_value());
  }

  void schema() {
    auto text = jsonSchema<Whole>("mox");
    auto document = parseJson("schema", text);
    CHECK_MSG(config::text(document.errors()), document.ok());
    CHECK(text.find("\"additionalProperties\": false") != std::string::npos);
    CHECK(text.find("\"default\": 104857600") != std::string::npos);
    CHECK(text.find("\"default\": \"15s\"") != std::string::npos);
    CHECK(text.find("\"default\": \"TLSv1.2\"") != std::string::npos);
    CHECK(text.find("\"enum\": [") != std::string::npos);
  }

  void reload() {
    test::ConfigFixture f;
    f.files["/c/mox.conf"] = f.fixed;
    f.files["/c/domains.conf"] = f.dynamic;
    FileReader live = [&f](const std::string& path) { return f.reader()(path); };
    ConfigSource source("/c/mox.conf", config::load("/c/mox.conf", live).config, live);
    auto before = source.current();
    f.files["/c/domains.conf"] = f.dynamic + "nonsense\n";
    CHECK(!source.reload().ok());
    CHECK(source.current() == before);
    f.files["/c/domains.conf"] = f.dynamic + "\tnew:\n\t\tDomain: example.org\n";
    auto loaded = source.reload();
    CHECK(loaded.ok() && loaded.warnings.empty());
    CHECK(source.current()->account("new") != nullptr);
    CHECK(before->account("new") == nullptr);
    f.files["/c/mox.conf"] = f.fixed + "Pedantic: true\n";
    loaded = source.reload();
    CHECK_EQ(std::string("/c/mox.conf: has changed; that takes effect at the next start\n"), config::text(loaded.warnings));
    CHECK(!source.current()->fixed().pedantic);
    f.files.erase("/c/domains.conf");
    CHECK_EQ(std::string("/c/domains.conf: cannot read: no such file\n"), config::text(source.reload().errors));
    // The postmaster of mox.conf needs his account still.
    f.files["/c/domains.conf"] = "Domains: nil\nAccounts: nil\n";
    CHECK_EQ(std::string("/c/mox.conf:21: Postmaster.Account: there is no account \"admin\"\n"), config::text(source.reload().errors));
  }

  void reloadJson() {
    auto f = quickstart();
    auto json = wholeJson(f);
    f.files["/c/mox.json"] = json;
    FileReader live = [&f](const std::string& path) { return f.reader()(path); };
    auto first = config::load("/c/mox.json", live);
    ConfigSource source("/c/mox.json", first.config, live);
    auto changed = json;
    test::ConfigFixture::replace(changed, "\"NoCustomPassword\": true", "\"FullName\": \"Me\"");
    f.files["/c/mox.json"] = changed;
    auto loaded = source.reload();
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    CHECK_EQ(first.warnings.size(), loaded.warnings.size());
    CHECK_EQ(std::string("Me"), source.current()->account("me")->settings.fullName);
    test::ConfigFixture::replace(changed, "\"LogLevel\": \"debug\"", "\"LogLevel\": \"info\"");
    f.files["/c/mox.json"] = changed;
    loaded = source.reload();
    CHECK_EQ(first.warnings.size() + 1, loaded.warnings.size());
    CHECK_EQ(std::string("debug"), source.current()->fixed().logLevel);
  }

  void settings() {
    auto config = test::ConfigFixture().config();
    const auto& account = *config->account("user");
    CHECK_EQ(std::int64_t(5000), account.quota);
    CHECK_EQ(std::int64_t(1000), account.maxOutgoingMessagesPerDay);
    CHECK_EQ(std::int64_t(200), account.maxFirstTimeRecipientsPerDay);
    CHECK(account.addresses == std::vector<std::string>({"@example.com", "user@example.org"}));
    const auto& listener = config->listeners().at(0);
    CHECK_EQ(25, int(listener.smtp));
    CHECK_EQ(0, int(listener.submission));
    CHECK_EQ(465, int(listener.submissions));
    CHECK_EQ(std::int64_t(104857600), listener.maxMessageSize);
    CHECK(listener.firstTimeSenderDelay == std::chrono::seconds(15));
    CHECK(!listener.tlsSessionTickets);
    CHECK_EQ(0x0303, listener.minTlsVersion);
    CHECK_EQ(std::size_t(2), config->smtpIps().size());
    const auto& key = config->domain(Domain::make("example.org").value())->signingKeys.at(0);
    CHECK_EQ(std::string("2026a"), key.selector);
    CHECK(key.isEd25519 && key.sealHeaders && key.headers.at(0) == "From");
    CHECK(key.expiration == std::chrono::hours(72));
    const auto& smart = config->transports().at("smart");
    CHECK_EQ(25, int(smart.port));
    CHECK_EQ(std::string("relay.example.net"), smart.host->ascii());
    CHECK(smart.server() != nullptr && smart.mechanisms.empty());
    test::ConfigFixture f;
    test::ConfigFixture::replace(f.dynamic, "\t\tDescription: U. Ser\n",
                                 "\t\tQuotaMessageSize: -1\n\t\tQuotaMessageCount: 7\n\t\tMaxOutgoingMessagesPerDay: 3\n\t\tLoginDisabled: gone\n");
    CHECK_EQ(std::int64_t(0), f.config()->account("user")->quota);
    CHECK_EQ(std::int64_t(7), f.config()->account("user")->quotaMessages);
    CHECK_EQ(std::int64_t(0), f.config()->account("admin")->quotaMessages);
    CHECK_EQ(std::int64_t(3), f.config()->account("user")->maxOutgoingMessagesPerDay);
    CHECK_EQ(std::string("gone"), f.config()->account("user")->loginDisabled.value());
  }

  /// Of the listener "public" with these IPs, and of "internal", which comes before it by name.
  static std::string boundTo(const std::string& ips, const std::string& internal = "") {
    auto lines = [](const std::string& list) {
      std::string out;
      for (auto ip : split(list, ' ')) out += "\t\t\t- " + std::string(ip) + "\n";
      return out;
    };
    test::ConfigFixture f;
    test::ConfigFixture::replace(f.fixed, "\t\t\t- 192.0.2.1\n\t\t\t- 2001:db8::1\n", lines(ips));
    if (!internal.empty()) test::ConfigFixture::replace(f.fixed, "Listeners:\n", "Listeners:\n\tinternal:\n\t\tIPs:\n" + lines(internal) + "\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tNoSTARTTLS: true\n\t\t\tPort: 2525\n");
    auto bound = f.config()->outgoing();
    return (bound.v4 ? bound.v4->text() : "any") + " " + (bound.v6 ? bound.v6->text() : "any");
  }

  void outgoing() {
    CHECK_EQ(std::string("192.0.2.1 2001:db8::1"), boundTo("192.0.2.1 2001:db8::1"));
    CHECK_EQ(std::string("192.0.2.1 any"), boundTo("192.0.2.1 127.0.0.1 ::1"));
    CHECK_EQ(std::string("10.0.0.1 any"), boundTo("10.0.0.1"));
    CHECK_EQ(std::string("any any"), boundTo("0.0.0.0 ::"));
    // With a choice it is the kernel's: it knows the routes.
    CHECK_EQ(std::string("any 2001:db8::1"), boundTo("192.0.2.1 192.0.2.2 2001:db8::1"));
    CHECK_EQ(std::string("any any"), boundTo("192.0.2.1", "192.0.2.2"));
    CHECK_EQ(std::string("any any"), boundTo("192.0.2.1", "0.0.0.0"));
    CHECK_EQ(std::string("any any"), boundTo("10.0.0.1", "10.0.0.2"));
    // A listener for the network within says nothing of the way out.
    CHECK_EQ(std::string("192.0.2.1 2001:db8::1"), boundTo("192.0.2.1 2001:db8::1", "192.168.77.1 fd00::1"));
    CHECK_EQ(std::string("192.0.2.1 fd00::1"), boundTo("192.0.2.1", "192.168.77.1 fd00::1"));
  }
};
SUITE(LoadTest);
