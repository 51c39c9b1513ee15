// Ways to the destination: TLS, smarthosts, transports and routes, loops, localserve.
#include "queue/QueueFixture.h"

namespace mox::queue::test {

namespace {

struct TransportTest : mox::test::Suite<TransportTest>, QueueFixture {
  void setUp() override { build(); }
  void tearDown() override { dismantle(); }
  static void list(List& l) {
    l.add("STARTTLS if offered, whatever the certificate", &TransportTest::opportunistic);
    l.add("broken TLS: once more without", &TransportTest::fallback);
    l.add("REQUIRETLS without a policy fails", &TransportTest::requireTls);
    l.add("TLS-Required: No is sent", &TransportTest::tlsRequiredNo);
    l.add("smarthost without TLS takes all domains together", &TransportTest::smarthost);
    l.add("smarthost must have a good certificate", &TransportTest::smarthostVerify);
    l.add("smarthost with a bad certificate allowed", &TransportTest::smarthostUnverified);
    l.add("submissions to a server that cannot be verified", &TransportTest::submissions);
    l.add("smarthost credentials", &TransportTest::credentials);
    l.add("fail transport, socks, unknown transport", &TransportTest::others);
    l.add("direct with one family", &TransportTest::direct);
    l.add("a host that is ourselves", &TransportTest::loop);
    l.add("localserve: all to one address", &TransportTest::localserve);
    l.add("null MX comes back at once", &TransportTest::nullMx);
    l.add("5.7.x on a dual-stack host: once more by the other family", &TransportTest::otherFamily);
  }

  void transports(const std::string& text) {
    fixed += "Transports:\n" + text;
    reload();
  }
  Attempt lastResult() { return entry().results.back(); }

  void opportunistic() {
    Script script;
    script.tls = sinkTls();
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK(mx.taken().at(0).tls);
    CHECK_EQ(std::size_t{1}, mx.connections());
  }

  void fallback() {
    Script script;
    script.swallowTls = true;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK(!mx.taken().at(0).tls);
    CHECK_EQ(std::size_t{2}, mx.connections());
    CHECK_EQ(1.0, metrics.value("mox_queue_plaintext_fallback_total"));
  }

  void requireTls() {
    Script script;
    script.tls = sinkTls();
    script.extensions.push_back("REQUIRETLS");
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    auto m = message({"one@example.net"});
    m.requireTls = true;
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{0}, mx.connections());
    CHECK_EQ(std::size_t{0}, queue->size());
    auto mail = inbox("user").at(0);
    CHECK_EQ(std::string("5.7.30"), message::parseDsn(message::parse(mail).root, mail)->recipients.at(0).status);
    CHECK_EQ(1.0, metrics.value("mox_queue_requiretls_unsupported_total", {{"reason", "nopolicy"}}));
  }

  void tlsRequiredNo() {
    Script script;
    script.swallowTls = true;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    auto m = message({"one@example.net"});
    m.requireTls = false;
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
  }

  std::string smart(const Endpoint& at, const std::string& more) {
    resolver.a("relay.example.net", at.ip.text());
    return "\tsmart:\n\t\tSMTP:\n\t\t\tHost: relay.example.net\n\t\t\tPort: " + std::to_string(at.port) + "\n" + more;
  }
  void routeAll(const std::string& to) {
    dynamic += "Routes:\n\t-\n\t\tTransport: " + to + "\n";
    reload();
  }

  void smarthost() {
    Sink relay(*engine, {});
    transports(smart(relay.at(), "\t\t\tNoSTARTTLS: true\n"));
    routeAll("smart");
    start();
    queue->add(message({"one@example.net", "two@example.com", "three@nowhere.example"}));
    settle();
    CHECK_EQ(std::size_t{3}, [&] { std::size_t n = 0; for (const auto& t : relay.taken()) n += t.to.size(); return n; }());
    CHECK_EQ(std::size_t{0}, queue->size());
  }

  void smarthostVerify() {
    Script script;
    script.tls = sinkTls();
    Sink relay(*engine, script);
    transports(smart(relay.at(), ""));
    routeAll("smart");
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, relay.count());
    CHECK_EQ(1, entry().attempts);
    CHECK_EQ(0.0, metrics.value("mox_queue_plaintext_fallback_total"));
    // And no mail in plaintext if it does not offer TLS.
    script.tls = nullptr;
    relay.change(script);
    advance(std::chrono::minutes(8));
    settle();
    CHECK_EQ(std::size_t{0}, relay.count());
    CHECK(lastResult().text.find("STARTTLS") != std::string::npos);
  }

  void smarthostUnverified() {
    Script script;
    script.tls = sinkTls();
    Sink relay(*engine, script);
    transports(smart(relay.at(), "\t\t\tSTARTTLSInsecureSkipVerify: true\n"));
    start();
    auto m = message({"one@example.net"});
    m.transport = "smart";
    queue->add(m);
    settle();
    CHECK(relay.taken().at(0).tls);
    m.requireTls = true;
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{1}, inbox("user").size());
    CHECK(inbox("user")[0].find("5.7.30") != std::string::npos);
  }

  void submissions() {
    Sink relay(*engine, {});
    resolver.a("relay.example.net", "127.0.0.1");
    transports("\tsubs:\n\t\tSubmissions:\n\t\t\tHost: relay.example.net\n\t\t\tPort: " + std::to_string(relay.at().port) + "\n");
    start();
    auto m = message({"one@example.net"});
    m.transport = "subs";
    queue->add(m);
    settle();
    CHECK_EQ(1, entry().attempts);
    CHECK_EQ(std::size_t{0}, relay.count());
  }

  void credentials() {
    Script script;
    script.extensions.push_back("AUTH PLAIN");
    Sink relay(*engine, script);
    transports(smart(relay.at(), "\t\t\tNoSTARTTLS: true\n\t\t\tAuth:\n\t\t\t\tUsername: us\n\t\t\t\tPassword: secret\n"));
    start();
    auto m = message({"one@example.net"});
    m.transport = "smart";
    queue->add(m);
    settle();
    // PLAIN is not among what is allowed unless listed, and never without TLS.
    CHECK_EQ(std::size_t{0}, relay.count());
    CHECK_EQ(std::string("4.7.4"), lastResult().enhanced);
    CHECK(lines.find("secret") == std::string::npos);
  }

  void others() {
    transports(
        "\tno:\n\t\tFail:\n\t\t\tSMTPCode: 550\n\t\t\tSMTPMessage: not from here\n"
        "\tlater:\n\t\tFail:\n\t\t\tSMTPCode: 450\n"
        "\tsocks:\n\t\tSocks:\n\t\t\tAddress: localhost:1080\n\t\t\tRemoteIPs:\n\t\t\t\t- 192.0.2.9\n\t\t\tRemoteHostname: proxy.example\n");
    start();
    auto m = message({"one@example.net"});
    m.transport = "no";
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(inbox("user").at(0).find("550 5.7.0 not from here") != std::string::npos);
    m.transport = "later";
    queue->add(m);
    settle();
    CHECK_EQ(450, lastResult().code);
    queue->drop({});
    m.transport = "socks";
    queue->add(m);
    settle();
    CHECK(lastResult().text.find("SOCKS") != std::string::npos);
    queue->drop({});
    m.transport = "unheard";
    queue->add(m);
    settle();
    CHECK(lastResult().text.find("unheard") != std::string::npos);
  }

  void direct() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    resolver.aaaa("mx.example.net", "::1");
    transports("\tfour:\n\t\tDirect:\n\t\t\tDisableIPv6: true\n\tsix:\n\t\tDirect:\n\t\t\tDisableIPv4: true\n");
    start();
    auto m = message({"one@example.net"});
    m.transport = "four";
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
    CHECK_EQ(std::uint64_t{1}, queue->dials());
    domain("four.example", mx.at());
    auto n = message({"one@four.example"});
    n.transport = "six";
    queue->add(n);
    settle();
    CHECK_EQ(std::string("4.4.4"), lastResult().enhanced);
  }

  void loop() {
    Sink self(*engine, {});
    domain("example.net", self.at());
    domain("example.org", self.at());
    fixed.replace(fixed.find("192.0.2.1"), 9, "127.0.0.1");
    auto at = fixed.find("\t\t\tEnabled: true\n");
    fixed.insert(at, "\t\t\tPort: " + std::to_string(self.at().port) + "\n");
    reload();
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, self.connections());
    auto mail = inbox("user").at(0);
    CHECK_EQ(std::string("5.4.6"), message::parseDsn(message::parse(mail).root, mail)->recipients.at(0).status);
    // Better hosts than we are may have it.
    Sink better(*engine, {}, self.at().port, IpAddress::v4({127, 0, 0, 2}));
    resolver.mx("example.net", 5, "better.example.net").a("better.example.net", "127.0.0.2");
    cache.clear();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{1}, better.count());
    // Our own domain comes to us.
    queue->add(message({"admin@example.org"}));
    settle();
    CHECK_EQ(std::size_t{1}, self.count());
    // So does the postmaster of this host (RFC 5321 §4.5.1), whose name is no domain here; nobody else there.
    domain("mail.example.org", self.at());
    queue->add(message({"postmaster@mail.example.org"}));
    settle();
    CHECK_EQ(std::size_t{2}, self.count());
    queue->add(message({"somebody@mail.example.org"}));
    settle();
    CHECK_EQ(std::size_t{2}, self.count());
  }

  void localserve() {
    Sink self(*engine, {});
    options.deliverAllTo = self.at();
    start();
    queue->add(message({"one@nowhere.example", "two@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(resolver.queries().empty());
  }

  void nullMx() {
    resolver.mx("example.net", 0, ".");
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(inbox("user").at(0).find("5.1.10") != std::string::npos);
  }

  void otherFamily() {
    Script no;
    no.mail = "550 5.7.1 no reverse name\r\n";
    // In this order: at 127.0.0.1, where everybody is, a port found at ::1 may be taken.
    Sink four(*engine, {});
    Sink six(*engine, no, four.at().port, IpAddress::parse("::1").value());
    domain("example.net", four.at());
    resolver.aaaa("mx.example.net", "::1");
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(1, entry().attempts);
    CHECK_EQ(550, lastResult().code);
    advance(std::chrono::minutes(8));
    settle();
    CHECK_EQ(std::size_t{1}, four.count());
    CHECK_EQ(std::size_t{0}, queue->size());
  }
};
SUITE(TransportTest);

}  // namespace

}  // namespace mox::queue::test
