// Certificates from a provider in memory: which are wanted, when, by which proof, and what is kept of them.
#include <sys/stat.h>

#include "AppFixture.h"
#include "acme/FakeProvider.h"
#include "app/AcmeRounds.h"
#include "app/Certificates.h"
#include "app/ListenPlan.h"
#include "dns/FakeResolver.h"
#include "net/OpenSsl.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;
using namespace std::chrono_literals;

namespace {

/// A disk that takes nothing while it is full.
class FillingDisk final : public store::Files {
 public:
  bool isFull = false;
  void write(int fd, std::string_view bytes) override {
    if (isFull) throw store::FileError(ENOSPC, std::generic_category(), "writing the file");
    Files::write(fd, bytes);
  }
  store::Fd create(const std::string& path) override {
    if (isFull) throw store::FileError(ENOSPC, std::generic_category(), "creating " + path);
    return Files::create(path);
  }
};

}  // namespace

struct AcmeTest : test::Suite<AcmeTest> {
  static void list(List& l) {
    l.add("a certificate for each name, kept, and not ordered again", &AcmeTest::first);
    l.add("renewal: RenewBefore or a third of the lifetime, whichever is less", &AcmeTest::renewal);
    l.add("failures: later and later, by the other proof in turn; a reload tries at once", &AcmeTest::failures);
    l.add("a provider that is down is asked sooner, one that names a time then", &AcmeTest::down);
    l.add("a disk that takes nothing: nothing is ordered, and what came is written later", &AcmeTest::fullDisk);
    l.add("a host without an address is not ordered", &AcmeTest::addressless);
    l.add("limit: orders an hour", &AcmeTest::manyNames);
    l.add("host keys stay, so that DANE records hold", &AcmeTest::hostKey);
    l.add("external account binding: its key is read, or the reason told", &AcmeTest::binding);
    l.add("damaged files are seen: certificates come anew, an account's key does not", &AcmeTest::damaged);
    l.add("a certificate for another name is refused", &AcmeTest::wrongCertificate);
    l.add("an expired certificate is refused, one that is to be renewed at once is taken: neither is ordered again at once", &AcmeTest::oldCertificate);
    l.add("listeners: self-signed until there is one, then by name", &AcmeTest::contexts);
    l.add("clients that ask for no name, or for one without a certificate, are counted", &AcmeTest::serverNames);
    l.add("a stop is no failure, whatever it cuts short", &AcmeTest::stopping);
    l.add("sockets for proofs, one where two listeners share an address", &AcmeTest::sockets);
    l.add("configuration: names that are no file names, ports that are taken", &AcmeTest::refusedConfigurations);
  }

  test::TempDir dir;
  FakeClock clock;
  SystemRandom random;
  Metrics metrics;
  FillingDisk disk;
  dns::FakeResolver resolver;
  test::FakeProvider provider{clock};
  std::string logged;
  LogSink sink{clock, LogFormat::logfmt, LogLevel::info, [this](std::string_view line) { logged += line; }};
  LimitHits limits{metrics, Log(sink, "acme")};
  AcmeFiles files{disk, dir / "data", Log(sink, "acme")};
  AcmeProofs proofs{clock, random};
  config::FileReader reader = config::diskFiles();
  std::unique_ptr<config::ConfigSource> source;
  std::unique_ptr<AcmeRounds> rounds;
  std::map<std::string, std::string> hostKeys;
  int installed = 0;

  AcmeTest() {
    provider.proves = [this](acme::Proof proof, const std::string& host, const std::string& token) {
      auto authorization = acme::keyAuthorization(token, files.accountKey("ca"));
      if (proof == acme::Proof::http01) return proofs.page("/.well-known/acme-challenge/" + token).body == authorization;
      return proofs.certificate(host).has_value();
    };
    resolver.a("mail.mox.example", "10.0.0.1").a("imap.mox.example", "10.0.0.1");
  }

  static std::string provided(const std::string& more = "") {
    return "ACME:\n\tca:\n\t\tDirectoryURL: https://ca.example/dir\n\t\tContactEmail: you@mox.example\n" + more;
  }
  static std::string listener(const std::string& more = "") {
    return "\t\tHostname: mail.mox.example\n\t\tTLS:\n\t\t\tACME: ca\n\t\tIMAPS:\n\t\t\tEnabled: true\n" + more;
  }
  static std::string domains(const std::string& clientName = "imap.mox.example") {
    return "Domains:\n\tmox.example:\n\t\tClientSettingsDomain: " + clientName +
           "\nAccounts:\n\tmjl:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tmjl@mox.example: nil\n";
  }
  static constexpr const char* plainHttp = "\t\tWebserverHTTP:\n\t\t\tEnabled: true\n";

  config::Loaded load(const std::string& providers, const std::string& listeners, const std::string& dynamic) {
    return config::loadText(dir / "mox.conf", providers + test::staticText(listeners), dynamic, reader);
  }
  void use(const std::string& providers = provided(), const std::string& listeners = listener(), const std::string& dynamic = domains()) {
    auto loaded = load(providers, listeners, dynamic);
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    source = std::make_unique<config::ConfigSource>(dir / "mox.conf", loaded.config, reader);
    rounds = std::make_unique<AcmeRounds>(AcmeServices{*source, reader, resolver, provider, files, proofs, clock, random, metrics, limits, Log(sink, "acme"), hostKeys,
                                                       [this] { ++installed; }, [this](Duration time) { return clock.advance(time), true; }});
  }
  bool says(const std::string& text) const { return logged.find(text) != std::string::npos; }
  std::string kept(const std::string& host) { return dir.read("data/acme/ca/" + host + ".pem"); }

  void first() {
    use();
    CHECK(rounds->round() == AcmeRounds::longestRest);
    CHECK_EQ(2, provider.orders);
    CHECK_EQ(1, provider.accounts);
    CHECK_EQ(2, installed);
    CHECK(files.certificate("ca", "mail.mox.example") && files.certificate("ca", "imap.mox.example"));
    CHECK(says("certificate obtained") && says("host=mail.mox.example") && says("provider=ca") && says("not_after=2024-02-12"));
    struct stat about {};
    CHECK(::stat((dir / "data/acme/ca/mail.mox.example.pem").c_str(), &about) == 0 && (about.st_mode & 0777) == 0600);
    CHECK(::stat((dir / "data/acme/ca.key").c_str(), &about) == 0 && (about.st_mode & 0777) == 0600);
    CHECK_EQ(2.0, metrics.value("mox_autotls_certput_total"));
    CHECK(proofs.page("/.well-known/acme-challenge/token-1").status == 404 && !proofs.certificate("mail.mox.example"));
    rounds->round();
    use();  // as after a restart
    rounds->round();
    CHECK_EQ(2, provider.orders);
  }

  void renewal() {
    using acme::Validity;
    Time from{};
    CHECK(renewalTime({from, from + 90 * 24h}, 30 * 24h) == from + 60 * 24h);
    CHECK(renewalTime({from, from + 90 * 24h}, 10 * 24h) == from + 80 * 24h);
    CHECK(renewalTime({from, from + 6 * 24h}, 30 * 24h) == from + 4 * 24h);
    use(provided("\t\tRenewBefore: 240h0m0s\n"), listener(), domains("mail.mox.example"));
    rounds->round();
    auto before = kept("mail.mox.example");
    clock.advance(80 * 24h - 2min);
    CHECK(rounds->round() <= 2min);
    CHECK_EQ(1, provider.orders);
    clock.advance(2min);
    rounds->round();
    CHECK_EQ(2, provider.orders);
    CHECK(kept("mail.mox.example") != before);
    // What cannot be renewed stays.
    provider.down = true;
    clock.advance(85 * 24h);
    auto now = kept("mail.mox.example");
    rounds->round();
    CHECK(kept("mail.mox.example") == now && says("certificate not obtained"));
  }

  void failures() {
    use(provided(), listener(plainHttp), domains("mail.mox.example"));
    provider.checkError = "no route";
    std::vector<std::string> used;
    std::vector<Duration> rests;
    for (int i = 0; i < 5; ++i) {
      auto rest = rounds->round();
      used.push_back(provider.proofUsed);
      rests.push_back(rest);
      clock.advance(rest - 1s);
      rounds->round();
      CHECK_EQ(i + 1, provider.orders);  // not a second too early
      clock.advance(1s);
    }
    const std::vector<std::string> inTurn{"tls-alpn-01", "http-01", "tls-alpn-01", "http-01", "tls-alpn-01"};
    CHECK(used == inTurn);
    const std::vector<Duration> expected{30s, 10min, 20min, 40min, 1h};
    CHECK(rests == expected);  // the last of 80 minutes: a round comes each hour
    CHECK(says("err=\"tls-alpn-01: unauthorized: no route\"") && says("next=") && says("host=mail.mox.example"));
    CHECK_EQ(5.0, metrics.value("mox_autotls_cert_request_errors_total"));
    provider.checkError.clear();
    rounds->round();
    CHECK_EQ(5, provider.orders);
    rounds->retryNow();
    rounds->round();
    CHECK_EQ(6, provider.orders);
    CHECK_EQ(1, installed);
    // Without plain HTTP there is one proof only.
    use(provided(), listener(), domains("imap.mox.example"));
    provider.checkError = "no route";
    for (int i = 0; i < 2; ++i) clock.advance(rounds->round());
    CHECK_EQ(std::string("tls-alpn-01"), provider.proofUsed);
  }

  void down() {
    use(provided(), listener(), domains("mail.mox.example"));
    provider.down = true;
    std::vector<Duration> rests;
    for (int i = 0; i < 4; ++i) clock.advance(rests.emplace_back(rounds->round()));
    const std::vector<Duration> expected{30s, 1min, 2min, 4min};
    CHECK(rests == expected);
    provider.down = false;
    provider.refuseOrders = "rateLimited";
    provider.retryAfter = "3000";
    CHECK(rounds->round() == 3000s);  // the first judgement, whatever came before
    // DNS that does not answer is no reason to order, nor to give the name up.
    provider.refuseOrders.clear();
    provider.retryAfter.clear();
    resolver.fail("mail.mox.example", dns::Failure::temporary);
    clock.advance(3000s);
    rounds->round();
    CHECK(says("looking for its address"));
    CHECK_EQ(0, provider.orders);
  }

  void fullDisk() {
    use(provided(), listener(), domains("mail.mox.example"));
    disk.isFull = true;
    CHECK(rounds->round() == AcmeRounds::firstRetry);
    CHECK_EQ(std::size_t{0}, provider.asked.size());
    CHECK_MSG(logged, says("certificate not obtained") && says("mail.mox.example.pem.new: No space left on device"));
    CHECK_EQ(1.0, metrics.value("mox_autotls_cert_request_errors_total"));
    clock.advance(AcmeRounds::firstRetry);
    CHECK(rounds->round() == 2 * AcmeRounds::firstRetry);
    disk.isFull = false;
    provider.onCheck = [this] { disk.isFull = true; };
    clock.advance(2 * AcmeRounds::firstRetry);
    CHECK(rounds->round() == 4 * AcmeRounds::firstRetry);
    for (int i = 0; i < 20; ++i) clock.advance(rounds->round());
    CHECK_EQ(1, provider.orders);
    CHECK_EQ(0, installed);
    CHECK_EQ(22.0, metrics.value("mox_autotls_cert_request_errors_total"));
    disk.isFull = false;
    CHECK(rounds->round() == AcmeRounds::longestRest);
    CHECK_EQ(1, provider.orders);
    CHECK_EQ(1, installed);
    CHECK(files.certificate("ca", "mail.mox.example").has_value());
    CHECK(!std::filesystem::exists(dir / "data/acme/ca/mail.mox.example.pem.new"));
  }

  void addressless() {
    use(provided(), listener(), domains("later.mox.example"));
    CHECK(rounds->round() <= AcmeRounds::noAddressRetry);
    CHECK_EQ(1, provider.orders);
    CHECK(says("l=warn m=\"no certificate is ordered for a host without an address in DNS\""));
    logged.clear();
    clock.advance(AcmeRounds::noAddressRetry);
    rounds->round();
    CHECK(!says("without an address"));  // said once
    resolver.aaaa("later.mox.example", "fd00::1");
    clock.advance(AcmeRounds::noAddressRetry);
    rounds->round();
    CHECK(files.certificate("ca", "later.mox.example").has_value());
  }

  void manyNames() {
    std::string all = "Domains:\n";
    for (int i = 0; i < 70; ++i) {
      auto name = "d" + std::to_string(i) + ".example";
      all += "\t" + name + ":\n\t\tClientSettingsDomain: mail." + name + "\n";
      resolver.a("mail." + name, "10.0.0.1");
    }
    use(provided(), listener(), all + "\tmox.example: nil\nAccounts:\n\tmjl:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tmjl@mox.example: nil\n");
    rounds->round();
    CHECK_EQ(int(acmeOrders.value), provider.orders);
    CHECK_EQ(11.0, metrics.value("mox_limit_hits_total", {{"limit", "acme-orders"}}));
    clock.advance(30min);
    rounds->round();
    CHECK_EQ(int(acmeOrders.value), provider.orders);
    clock.advance(31min);
    rounds->round();
    CHECK_EQ(71, provider.orders);
  }

  void hostKey() {
    auto key = net::generateRsa2048();
    dir.write("host.key", key);
    auto withKey = "\t\tHostname: mail.mox.example\n\t\tTLS:\n\t\t\tACME: ca\n\t\t\tHostPrivateKeyFiles:\n\t\t\t\t- host.key\n\t\tIMAPS:\n\t\t\tEnabled: true\n";
    auto loaded = load(provided(), withKey, domains());
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    hostKeys = hostKeysOf(readCertificates(*loaded.config, reader).value());
    use(provided(), withKey);
    rounds->round();
    CHECK(kept("mail.mox.example").starts_with(key));
    CHECK(!kept("imap.mox.example").starts_with(key));
  }

  void binding() {
    auto bound = provided("\t\tExternalAccountBinding:\n\t\t\tKeyID: kid-1\n\t\t\tKeyFile: eab\n");
    dir.write("eab", base64Url("a secret") + "=\n");
    use(bound);
    provider.externalRequired = true;
    rounds->round();
    CHECK_EQ(2, provider.orders);
    CHECK(provider.accountPayload.find(base64Url(R"({"alg":"HS256","kid":"kid-1","url":"https://ca.example/account"})")) != std::string::npos);
    std::filesystem::remove_all(dir / "data");
    dir.write("eab", "not base64url!");
    use(bound);
    rounds->round();
    CHECK(says("eab is not base64url"));
    CHECK_EQ(2, provider.orders);
  }

  void damaged() {
    use(provided(), listener(), domains("mail.mox.example"));
    rounds->round();
    for (const std::string text : {"", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
      dir.write("data/acme/ca/mail.mox.example.pem", text);
      CHECK(!files.certificate("ca", "mail.mox.example"));
    }
    CHECK(says("certificate cannot be used"));
    use(provided(), listener(), domains("mail.mox.example"));
    rounds->round();
    CHECK_EQ(2, provider.orders);
    dir.write("data/acme/ca.key", "garbage");
    dir.write("data/acme/ca/mail.mox.example.pem", "");
    use(provided(), listener(), domains("mail.mox.example"));
    CHECK_THROWS(std::runtime_error, (void)rounds->round());
    CHECK_EQ(std::string("garbage"), dir.read("data/acme/ca.key"));
  }

  void wrongCertificate() {
    use(provided(), listener(), domains("mail.mox.example"));
    provider.wrongCertificate = true;
    rounds->round();
    CHECK(says("what the provider gave: the certificate is not for mail.mox.example") && !files.certificate("ca", "mail.mox.example"));
  }

  void oldCertificate() {
    use(provided(), listener(), domains("mail.mox.example"));
    provider.age = provider.lifetime;
    CHECK(rounds->round() == AcmeRounds::firstRetry);
    CHECK_MSG(logged, says("what the provider gave: the certificate has expired at 2023-11-14") && !says("certificate obtained"));
    CHECK(!files.certificate("ca", "mail.mox.example"));
    clock.advance(AcmeRounds::firstRetry);
    CHECK(rounds->round() == AcmeRounds::judgedRetry);
    CHECK_EQ(2, provider.orders);
    provider.age = provider.lifetime - 24h;
    std::vector<Duration> rests;
    clock.advance(AcmeRounds::judgedRetry);
    for (int i = 0; i < 2; ++i) clock.advance(rests.emplace_back(rounds->round()));
    CHECK((rests == std::vector<Duration>{2 * AcmeRounds::judgedRetry, 4 * AcmeRounds::judgedRetry}));
    CHECK_EQ(4, provider.orders);
    CHECK(files.certificate("ca", "mail.mox.example").has_value());
    provider.age = -2h;
    CHECK(rounds->round() == AcmeRounds::longestRest && says("m=\"the certificate is not good yet"));
    clock.advance(AcmeRounds::longestRest);
    rounds->round();
    CHECK_EQ(5, provider.orders);
  }

  static std::size_t chains(const CertificateFiles& files, const std::string& listener) { return files.at(listener).size(); }

  void contexts() {
    use();
    auto config = source->current();
    auto selfSigned = [&](const std::string& hostname, const std::string&) { return net::selfSigned({hostname}, clock, random); };
    auto all = readCertificates(*config, reader).value();
    addAcmeCertificates(*config, files, all);
    CHECK(chains(all, "local") == 1 && all.at("local").front().chain.empty());
    auto made = Certificates::make(*config, all, {selfSigned, proofs, clock, random, metrics}).value();
    CHECK(made->selfSignedListeners() == std::vector<std::string>{"local"});
    CHECK(made->byAlpn("local") && made->clients("local") && made->delivery("local") && !made->byAlpn("other"));
    // The name that mail programs use comes first: the listener's own keeps its place.
    resolver.fail("mail.mox.example", dns::Failure::noName);
    rounds->round();
    CertificateFiles later;
    addAcmeCertificates(*config, files, later);
    CHECK(chains(later, "local") == 2 && later.at("local").front().chain.empty());
    auto reloaded = made->reload(later);
    CHECK(reloaded.errors.empty() && reloaded.changed == std::vector<std::string>{"local"});
    CHECK(made->reload(later).changed.empty());
    files.keep("ca", "mail.mox.example", net::selfSigned({"mail.mox.example"}, clock, random));
    later.clear();
    addAcmeCertificates(*config, files, later);
    CHECK(chains(later, "local") == 2 && !later.at("local").front().chain.empty());
    CHECK(made->reload(later).changed.size() == 1);
    // A start with what is kept has nothing self-signed.
    all = readCertificates(*config, reader).value();
    addAcmeCertificates(*config, files, all);
    CHECK(Certificates::make(*config, all, {selfSigned, proofs, clock, random, metrics}).value()->selfSignedListeners().empty());
  }

  /// A handshake in memory; the client takes any certificate.
  static void connect(const net::TlsContext& server, const std::string& name) {
    static const auto context = net::TlsContext::client({}).value();
    net::SslPtr client(context->newSsl(name).value()), accepted(server.newSsl("").value());
    BIO *ours = nullptr, *theirs = nullptr;
    CHECK_EQ(1, BIO_new_bio_pair(&ours, 0, &theirs, 0));
    SSL_set_bio(client.get(), ours, ours);
    SSL_set_bio(accepted.get(), theirs, theirs);
    for (int i = 0; i < 10 && !(SSL_is_init_finished(client.get()) && SSL_is_init_finished(accepted.get())); ++i) {
      SSL_do_handshake(client.get());
      SSL_do_handshake(accepted.get());
    }
    CHECK(SSL_is_init_finished(client.get()));
  }

  void serverNames() {
    use();
    auto selfSigned = [&](const std::string& hostname, const std::string&) { return net::selfSigned({hostname}, clock, random); };
    auto made = Certificates::make(*source->current(), {}, {selfSigned, proofs, clock, random, metrics}).value();
    for (auto context : {made->clients("local"), made->delivery("local"), made->byAlpn("local")})
      for (const char* name : {"mail.mox.example", "", "unknown.example", "other.example"}) connect(*context, name);
    CHECK_EQ(3.0, metrics.value("mox_autotls_missing_servername_total"));
    CHECK_EQ(6.0, metrics.value("mox_autotls_unknown_servername_total"));
  }

  void stopping() {
    use(provided(), listener(), domains("mail.mox.example"));
    auto stops = [&] {
      rounds = std::make_unique<AcmeRounds>(AcmeServices{*source, reader, resolver, provider, files, proofs, clock, random, metrics, limits, Log(sink, "acme"),
                                                         hostKeys, [] {}, [](Duration) { return false; }});
      return rounds->round() == Duration(0) && logged.find("l=error") == std::string::npos && metrics.value("mox_autotls_cert_request_errors_total") == 0;
    };
    resolver.fail("mail.mox.example", dns::Failure::temporary);  // as a resolver that was stopped answers
    CHECK_MSG(logged, stops());
    resolver.clear();
    resolver.a("mail.mox.example", "10.0.0.1");
    provider.down = true;  // and connections that were cut
    CHECK_MSG(logged, stops());
  }

  void sockets() {
    auto second = "\tother:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n\t\tTLS:\n\t\t\tACME: ca\n\t\tSubmissions:\n\t\t\tEnabled: true\n";
    use(provided("\t\tPort: 8443\n"), listener(plainHttp) + second);
    std::vector<std::string> plan;
    for (const auto& socket : planSockets(*source->current())) plan.push_back(socket.listener + " " + std::string(serviceName(socket.service)) + " " + socket.at.text());
    const std::vector<std::string> expected{"local imaps 127.0.0.1:993", "local acme 127.0.0.1:8443", "local acme-http 127.0.0.1:80", "other submissions 127.0.0.1:465"};
    CHECK(plan == expected);
    use(provided(), listener() + std::string(second).replace(std::string(second).find("127.0.0.1"), 9, "0.0.0.0"));
    plan.clear();
    for (const auto& socket : planSockets(*source->current()))
      if (socket.service == Service::acme) plan.push_back(socket.listener + " " + socket.at.text());
    CHECK(plan == std::vector<std::string>{"other 0.0.0.0:443"});
    // Mail programs that say by ALPN what they speak come to 443, and so do proofs then.
    use(provided(), "\t\tTLS:\n\t\t\tACME: ca\n\t\tIMAPS:\n\t\t\tEnabled: true\n\t\t\tEnabledOnHTTPS: true\n" + std::string(second));
    plan.clear();
    for (const auto& socket : planSockets(*source->current())) plan.push_back(std::string(serviceName(socket.service)) + " " + socket.at.text());
    CHECK((plan == std::vector<std::string>{"imaps 127.0.0.1:993", "https 127.0.0.1:443", "submissions 127.0.0.1:465"}));
    use(provided(), "\t\tTLS:\n\t\t\tACME: ca\n\t\tIMAPS:\n\t\t\tEnabled: true\n");
    CHECK(planSockets(*source->current()).back().at.port == 443);
  }

  void refusedConfigurations() {
    auto bad = load("ACME:\n\t../ca:\n\t\tDirectoryURL: https://ca.example/dir\n\t\tContactEmail: you@mox.example\n", "\t\tSMTP:\n\t\t\tEnabled: false\n", domains());
    CHECK(config::text(bad.errors).find("letters, digits, - and _ only") != std::string::npos);
    auto taken = load(provided("\t\tPort: 993\n"), listener(), domains());
    CHECK(config::text(taken.errors).find("port 993 is that of IMAPS already") != std::string::npos);
  }
};
SUITE(AcmeTest);
