// TlsSocketImpl under Poco's classes, keys, job pools and messages to the service manager.
#include "net/TlsSocketImpl.h"

#include <Poco/Exception.h>
#include <Poco/Net/SocketStream.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/un.h>
#include <unistd.h>

#include "Peer.h"
#include "base/Random.h"
#include "net/JobPool.h"
#include "net/OpenSsl.h"

using namespace mox;
using namespace mox::net;
using namespace mox::net::test;
using namespace std::chrono_literals;

struct TlsSocketTest : mox::test::Suite<TlsSocketTest> {
  static void list(List& l) {
    l.add("a SocketStream over TLS", &TlsSocketTest::stream);
    l.add("poll knows of bytes inside TLS, non-blocking reads return", &TlsSocketTest::pollPending);
    l.add("the deadline bounds handshake and reads", &TlsSocketTest::deadline);
    l.add("job pool runs all, counts failures, drains", &TlsSocketTest::jobPool);
    l.add("keys are PKCS #8 of their kind", &TlsSocketTest::keys);
    l.add("self-signed certificates carry their names", &TlsSocketTest::certificate);
    l.add("notify reaches the manager's socket", &TlsSocketTest::notify);
  }

  SystemClock system;
  SystemRandom random;

  std::shared_ptr<TlsContext> server() {
    TlsServerOptions options;
    options.certificates = {selfSigned({"a.example"}, system, random)};
    return TlsContext::server(options).value();
  }
  static std::shared_ptr<TlsContext> client() {
    TlsClientOptions options;
    options.systemRoots = false;
    return TlsContext::client(options).value();
  }
  static Poco::Net::StreamSocket plain(const Endpoint& to) {
    return Poco::Net::StreamSocket(Poco::Net::SocketAddress(to.ip.text(), to.port));
  }

  void stream() {
    World world;
    auto at = world.listen({}, server());
    TlsSocket socket(new TlsSocketImpl(plain(at), system, Steady::max()));
    socket.tlsImpl().startTls(client(), "a.example");
    CHECK(socket.secure());
    CHECK_EQ(std::string("TLSv1.3"), socket.tlsImpl().info().version);
    CHECK_EQ(at.port, socket.peerAddress().port());
    Poco::Net::SocketStream stream(socket);
    for (std::size_t size : {1u, 1000u, 50'000u}) {
      std::string text(size, 'p'), got;
      stream << text << "\r\n" << std::flush;
      std::getline(stream, got);
      CHECK(text + "\r" == got);
    }
    Poco::Net::StreamSocket base = socket;  // as Poco passes sockets around
    base.close();
    CHECK(world.ends.take().end == End::peer);
  }

  void pollPending() {
    World world;
    auto at = world.listen({}, server());
    TlsSocket socket(new TlsSocketImpl(plain(at), system, Steady::max()));
    socket.tlsImpl().startTls(client(), "");
    socket.sendBytes("0123456789\n", 11);
    char some[4];
    CHECK_EQ(4, socket.receiveBytes(some, 4));
    CHECK(socket.poll(Poco::Timespan(0), Poco::Net::Socket::SELECT_READ));
    CHECK_EQ(8, socket.available());
    char more[100];
    CHECK_EQ(8, socket.receiveBytes(more, 100));
    socket.setBlocking(false);
    CHECK_EQ(-1, socket.receiveBytes(more, 100));
    CHECK(!socket.poll(Poco::Timespan(0), Poco::Net::Socket::SELECT_READ));
  }

  void deadline() {
    TestClock clock;
    auto silent = listenTcp(loopback(), 5).value();
    TlsSocket stalled(new TlsSocketImpl(plain(localEndpoint(silent.get())), clock, clock.steady()));
    CHECK_THROWS(Poco::TimeoutException, stalled.tlsImpl().startTls(client(), ""));
    World world;
    auto at = world.listen({}, server());
    TlsSocket socket(new TlsSocketImpl(plain(at), clock, clock.steady() + 10s));
    socket.tlsImpl().startTls(client(), "");
    clock.advance(11s);
    char byte;
    CHECK_THROWS(Poco::TimeoutException, socket.receiveBytes(&byte, 1));
  }

  void jobPool() {
    Metrics metrics;
    std::atomic<int> ran{0};
    {
      JobPool pool({.name = "p", .maxThreads = 3, .maxQueued = 10'000}, metrics, Log());
      CHECK_EQ(0u, pool.threads());
      for (int i = 0; i < 1000; ++i) {
        CHECK(pool.submit([&ran, i] {
          ++ran;
          if (i % 100 == 0) throw std::runtime_error("now and then");
        }));
      }
      CHECK(pool.threads() <= 3u);
    }
    CHECK_EQ(1000, ran.load());
    CHECK_EQ(10.0, metrics.value("mox_jobpool_failed_total", {{"pool", "p"}}));
    CHECK_EQ(0.0, metrics.value("mox_jobpool_queued", {{"pool", "p"}}));
  }

  void keys() {
    auto kind = [](const std::string& pem) {
      CHECK(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
      BioPtr in = memoryBio(pem);
      KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
      CHECK(key != nullptr);
      return std::pair(EVP_PKEY_get_base_id(key.get()), EVP_PKEY_get_bits(key.get()));
    };
    CHECK(std::pair(EVP_PKEY_RSA, 2048) == kind(generateRsa2048()));
    CHECK(std::pair(EVP_PKEY_EC, 256) == kind(generateEcdsaP256()));
    CHECK(EVP_PKEY_ED25519 == kind(generateEd25519()).first);
    CHECK(generateEcdsaP256() != generateEcdsaP256());
  }

  void certificate() {
    TestClock clock;
    auto pem = selfSigned({"mail.example.org", "127.0.0.1", "::1"}, clock, random);
    BioPtr in = memoryBio(pem.chain);
    X509Ptr x(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    CHECK_EQ(1, X509_check_host(x.get(), "mail.example.org", 0, 0, nullptr));
    CHECK_EQ(0, X509_check_host(x.get(), "other.example.org", 0, 0, nullptr));
    CHECK_EQ(1, X509_check_ip_asc(x.get(), "127.0.0.1", 0));
    CHECK_EQ(1, X509_check_ip_asc(x.get(), "::1", 0));
    std::time_t now = unixSeconds(clock.now());
    CHECK(X509_cmp_time(X509_get0_notBefore(x.get()), &now) < 0);
    CHECK(X509_cmp_time(X509_get0_notAfter(x.get()), &now) > 0);
    CHECK_THROWS(std::invalid_argument, selfSigned({"a,DNS:b"}, clock, random));
    CHECK_THROWS(std::invalid_argument, selfSigned({}, clock, random));
  }

  void notify() {
    Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t);  // autobind: an abstract name of the kernel's choice
    CHECK_EQ(0, ::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), length));
    length = sizeof address;
    CHECK_EQ(0, ::getsockname(manager.get(), reinterpret_cast<sockaddr*>(&address), &length));
    std::string path(address.sun_path, length - sizeof(sa_family_t));
    path[0] = '@';
    CHECK(notifyManager(path, "READY=1\nSTATUS=fine").has_value());
    char got[100];
    auto count = ::recv(manager.get(), got, sizeof got, MSG_DONTWAIT);
    CHECK_EQ(std::string("READY=1\nSTATUS=fine"), std::string(got, static_cast<std::size_t>(std::max<ssize_t>(count, 0))));
    CHECK(!notifyManager("@nobody-is-here-at-all", "READY=1"));
    // One that does not read is given up, not waited for.
    int taken = 0;
    while (taken < 10'000 && notifyManager(path, "STATUS=fine")) ++taken;
    CHECK(taken > 0 && taken < 10'000);
    CHECK(notifyManager(path, "STATUS=fine").error().code == Errc::timeout);
  }
};
SUITE(TlsSocketTest);
