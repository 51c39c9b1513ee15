// Certificates that files hold: which are read, and which are told to be of no use any more.
#include "AppFixture.h"
#include "app/Certificates.h"
#include "config/Source.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;
using namespace std::chrono_literals;

struct CertificatesTest : test::Suite<CertificatesTest> {
  static void list(List& l) {
    l.add("expired files are told once, and again when they are others", &CertificatesTest::expired);
    l.add("a file that cannot be read holds back its own listener only", &CertificatesTest::unreadable);
  }

  test::TempDir dir;
  FakeClock clock;
  SystemRandom random;

  void write(const std::string& name) const {
    SystemRandom own;
    auto made = net::selfSigned({name + ".example"}, clock, own);
    dir.write(name + ".pem", made.chain);
    dir.write(name + ".key", made.key);
  }
  static std::string listener(const std::string& name) {
    return "\t\tTLS:\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: " + name + ".pem\n\t\t\t\t\tKeyFile: " + name + ".key\n\t\tIMAPS:\n\t\t\tEnabled: true\n";
  }
  /// Listeners "local" and "other", each with a certificate of its own.
  config::ConfigPtr load() const {
    auto loaded = config::loadText(dir / "mox.conf", test::staticText(listener("one") + "\tother:\n\t\tIPs:\n\t\t\t- 127.0.0.2\n" + listener("two")),
                                   test::dynamicText(), config::diskFiles());
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    return loaded.config;
  }

  void expired() {
    write("one");
    write("two");
    auto config = load();
    ExpiredFiles told;
    auto look = [&] {
      std::vector<std::string> out;
      for (const auto& found : told.untold(*config, readCertificates(*config, config::diskFiles()).value(), clock.now()))
        out.push_back(found.file.substr(found.file.rfind('/') + 1));
      return out;
    };
    using Names = std::vector<std::string>;
    CHECK(look() == Names{});
    clock.advance(4 * 366 * 24h);
    auto late = clock.now();
    CHECK((look() == Names{"one.pem", "two.pem"}));
    CHECK(look() == Names{});
    clock.jumpTo(late - 5 * 366 * 24h);
    write("two");  // another that has expired
    clock.jumpTo(late);
    write("one");
    CHECK(look() == Names{"two.pem"});
    CHECK(look() == Names{});
  }

  void unreadable() {
    write("one");
    write("two");
    auto config = load();
    Metrics metrics;
    AcmeProofs proofs(clock, random);
    auto never = [](const std::string&, const std::string&) -> net::CertificatePem { throw std::logic_error("all have certificates"); };
    auto made = Certificates::make(*config, readCertificates(*config, config::diskFiles()).value(), {never, proofs, clock, random, metrics}).value();
    write("one");
    write("two");
    auto disk = config::diskFiles();
    config::FileReader denying = [&](const std::string& path) -> Result<std::string> {
      if (path.ends_with("one.key")) return fail(Errc::denied, "permission denied");
      return disk(path);
    };
    CHECK(!readCertificates(*config, denying));
    auto readable = readableCertificates(*config, denying);
    CHECK(readable.errors.size() == 1 && readable.errors.front().text.ends_with("one.key: permission denied"));
    auto reloaded = made->reload(readable.files);
    CHECK(reloaded.changed == std::vector<std::string>{"other"} && reloaded.errors.empty());
    CHECK(made->reload(readableCertificates(*config, disk).files).changed == std::vector<std::string>{"local"});
  }
};
SUITE(CertificatesTest);
