#include "app/Quickstart.h"

#include <csignal>
#include <filesystem>

#include "AppFixture.h"
#include "base/Text.h"
#include "config/Source.h"
#include "dns/FakeResolver.h"
#include "store/Accounts.h"
#include "store/Passwords.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

struct QuickstartTest : test::Suite<QuickstartTest> {
  static void list(List& l) {
    l.add("writes a configuration that loads, with keys and an account that logs in", &QuickstartTest::writes);
    l.add("a host set up well gets no warning", &QuickstartTest::wellSetUp);
    l.add("what will hinder mail is warned of", &QuickstartTest::warnings);
    l.add("without DNS the other checks are left out", &QuickstartTest::offline);
    l.add("the host's name: given, of the system, by reverse lookup, guessed", &QuickstartTest::hostnames);
    l.add("behind a router", &QuickstartTest::nat);
    l.add("with another web server: own ports, certificates to stand in", &QuickstartTest::existingWebserver);
    l.add("a failure leaves nothing, and nothing is overwritten", &QuickstartTest::failure);
    l.add("an interruption leaves nothing", &QuickstartTest::interrupted);
  }

  test::TempDir dir;
  Foundations foundations{[](std::string_view) {}, LogLevel::error};
  dns::FakeResolver dns;
  FakeClock clock;
  std::vector<Endpoint> dialled;
  bool dialWorks = true;
  QuickstartWorld world{dns, clock, {}, "host.mox.example", [this](const Endpoint& to, Duration) { return dialled.push_back(to), dialWorks; }};
  QuickstartOptions options{*Address::parse("Mjl@mox.example")};
  std::ostringstream out, err;

  void setUp() override {
    world.addresses.loopback = {*IpAddress::parse("127.0.0.1")};
    world.addresses.publicIps = {*IpAddress::parse("198.51.100.7"), *IpAddress::parse("2001:db8::7")};
    dns.allAuthentic(true);
    dns.ns("com", "a.gtld-servers.example").a("host.mox.example", "198.51.100.7").aaaa("host.mox.example", "2001:db8::7");
    dns.ptr("198.51.100.7", "host.mox.example").ptr("2001:db8::7", "host.mox.example");
    dns.mx("gmail.com", 5, "mx.gmail.example").a("mx.gmail.example", "203.0.113.25");
    options.directory = dir.path + "/.";  // as the current directory is named
  }

  int go() {
    out.str("");
    return quickstart(options, world, foundations, out, err);
  }
  bool says(std::string_view text) const { return out.str().find(text) != std::string::npos; }
  std::string after(const std::string& label) const {
    auto text = out.str();
    auto at = text.find(label);
    CHECK_MSG(label, at != std::string::npos);
    return std::string(trim(text.substr(at + label.size(), text.find('\n', at) - at - label.size())));
  }
  config::ConfigPtr loaded() {
    auto result = config::load(dir / "config/mox.conf");
    CHECK_MSG(config::text(result.errors), result.ok());
    return result.config;
  }

  void writes() {
    CHECK_MSG(err.str(), go() == 0);
    auto config = loaded();
    CHECK(config->account("mjl") != nullptr);
    CHECK_EQ(std::string("host.mox.example"), config->hostname().ascii());
    const auto* domain = config->domain(*Domain::make("mox.example"));
    CHECK(domain != nullptr && domain->signingKeys.size() == 1);
    CHECK_EQ(std::size_t(2), domain->settings.dkim.selectors.size());
    CHECK(config->smtpIps() == world.addresses.publicIps);

    auto password = after("Password:        ");
    CHECK_EQ(std::size_t(12), password.size());
    store::Environment environment;
    environment.files = &foundations.files;
    environment.clock = &foundations.clock;
    environment.random = &foundations.random;
    store::Accounts accounts(dir / "data", environment);
    auto account = *accounts.open("mjl");
    CHECK(store::passwordVerify(password, account->password().value().hash));
    CHECK(account->reader().mailbox(std::string_view("Rejects")).has_value());
    CHECK(store::passwordVerify(after("Admin password:  "), dir.read("config/adminpasswd")));

    CHECK_EQ(out.str(), dir.read("quickstart.log"));
    CHECK(dir.read("mox.service").find("ExecStart=") != std::string::npos);
    CHECK(dir.read("mox.service").find("WorkingDirectory=" + std::filesystem::canonical(dir.path).string() + "\n") != std::string::npos);
    CHECK(dir.read("config/mox.conf").find("#- sbl.spamhaus.org") != std::string::npos);
    CHECK(says("\"v=spf1 ip4:198.51.100.7 ip6:2001:db8::7 mx ~all\""));
    CHECK(says("\n_25._tcp.host.mox.example. ") && says(" TLSA 3 1 1 "));
    CHECK(says("CAA 0 issue \"letsencrypt.org\""));
  }

  void wellSetUp() {
    CHECK_EQ(0, go());
    CHECK_MSG(out.str(), !says("WARNING"));
    CHECK_EQ(std::size_t(1), dialled.size());
    CHECK_EQ(std::string("203.0.113.25:25"), dialled[0].text());
  }

  void warnings() {
    dns.clear();
    dns.allAuthentic(false);
    dns.ns("com", "a.gtld-servers.example").a("host.mox.example", "127.0.1.1").a("7.100.51.198.bl.spamcop.net", "127.0.0.2");
    dns.ptr("198.51.100.7", "host7.provider.example").mx("gmail.com", 5, "mx.gmail.example").a("mx.gmail.example", "203.0.113.25");
    dialWorks = false;
    CHECK_EQ(0, go());
    for (const char* text : {"do not check DNSSEC", "leads to loopback", "reverse name of 198.51.100.7 should be host.mox.example.", "no connection to port 25",
                             "198.51.100.7 is on the block list bl.spamcop.net", "\n; _25._tcp.host.mox.example. "})
      CHECK_MSG(text, says(text));
    CHECK(!says("block list sbl.spamhaus.org"));
  }

  void offline() {
    dns.fail("com.", dns::Failure::temporary);
    CHECK_EQ(0, go());
    CHECK(says("All checks that need DNS are left out"));
    CHECK_EQ(std::size_t(1), dns.queries().size());
    CHECK(dialled.empty());
    loaded();
  }

  void hostnames() {
    QuickstartChecks checks(world, out);
    auto domain = options.address.domain;
    auto name = [&](std::optional<Domain> given) { return QuickstartChecks(world, out).run(domain, given, true).hostname.ascii(); };
    CHECK_EQ(std::string("given.example"), name(*Domain::make("given.example")));
    CHECK_EQ(std::string("host.mox.example"), name(std::nullopt));
    world.osHostname = "box";
    dns.ptr("198.51.100.7", "host.mox.example");
    CHECK_EQ(std::string("host.mox.example"), name(std::nullopt));
    world.addresses.publicIps.clear();
    CHECK_EQ(std::string("box.mox.example"), name(std::nullopt));
    CHECK(says("is a guess: box.mox.example"));
    world.osHostname = "";
    CHECK_EQ(std::string("mail.mox.example"), name(std::nullopt));
    CHECK(dialled.empty());  // -skipdial
  }

  void nat() {
    world.addresses.publicIps.clear();
    world.addresses.privateIps = {*IpAddress::parse("10.1.1.1")};
    CHECK_EQ(0, go());
    auto config = loaded();
    for (const auto& listener : config->listeners()) {
      if (listener.name != "public") continue;
      CHECK(listener.settings.natIps == (std::vector<std::string>{"198.51.100.7", "2001:db8::7"}));
      CHECK(listener.settings.ips == (std::vector<std::string>{"0.0.0.0", "::"}));
    }
    CHECK(says("\"v=spf1 ip4:198.51.100.7 ip6:2001:db8::7 mx ~all\""));
  }

  void existingWebserver() {
    options.existingWebserver = true;
    CHECK_EQ(0, go());
    auto config = loaded();
    CHECK(config->fixed().acme.empty());
    const auto& listener = config->listeners().back();
    CHECK_EQ(std::string("public"), listener.name);
    CHECK_EQ(std::size_t(4), listener.keyPairs.size());
    CHECK(!listener.settings.webserverHttp.enabled && listener.settings.mtaStsHttps.port == 81);
    CHECK(dir.has("config/certs/mta-sts.mox.example-chain.crt"));
    CHECK(!says("TLSA"));
  }

  bool isEmpty() const { return std::filesystem::is_empty(dir.path); }

  void failure() {
    // In the way of one of the last files, and seen too late.
    std::filesystem::create_symlink("nowhere", dir / "mox.service");
    CHECK_THROWS(store::FileError, go());
    CHECK(std::filesystem::is_symlink(dir / "mox.service"));
    std::filesystem::remove(dir / "mox.service");
    CHECK(isEmpty());
    CHECK_EQ(0, go());
    err.str("");
    dialled.clear();
    CHECK_EQ(1, go());
    CHECK_MSG(err.str(), err.str().find("already here: config, data, quickstart.log, mox.service. Quickstart overwrites nothing: run it in another folder") != std::string::npos);
    CHECK(out.str().empty() && dialled.empty());  // told before the checks
    std::filesystem::remove(dir / "quickstart.log");
    options.unit = false;
    CHECK_EQ(1, go());
    CHECK(!dir.has("quickstart.log") && dir.has("config/mox.conf") && dir.has("mox.service"));
  }

  void interrupted() {
    struct Interrupting final : Clock {
      Time now() const override { return ::raise(signal), SystemClock().now(); }
      Steady steady() const override { return SystemClock().steady(); }
      int signal = SIGINT;
    } interrupting;
    QuickstartWorld then{dns, interrupting, world.addresses, world.osHostname, world.dial};
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
      auto before = ::signal(signal, SIG_DFL);  // under nohup it is ignored, and stays so
      interrupting.signal = signal;
      err.str("");
      CHECK_EQ(1, quickstart(options, then, foundations, out, err));
      CHECK_EQ(std::string("interrupted: what was made is removed again\n"), err.str());
      CHECK(isEmpty());
      ::signal(signal, before);
    }
    CHECK_EQ(0, go());
  }
};
SUITE(QuickstartTest);
