// TLS through the engine, both ends ours: server sessions on listeners, clients dialled or blocking.
#include "Peer.h"
#include "base/Random.h"
#include "base/Text.h"

using namespace mox;
using namespace mox::net;
using namespace mox::net::test;
using namespace std::chrono_literals;

namespace {

struct Certificates {
  SystemClock clock;  // OpenSSL checks validity by the system's time
  SystemRandom random;
  CertificatePem make(const std::vector<std::string>& names) { return selfSigned(names, clock, random); }
};

std::shared_ptr<TlsContext> serverContext(const std::vector<CertificatePem>& certificates, TlsServerOptions options = {}) {
  options.certificates = certificates;
  return TlsContext::server(options).value();
}

std::shared_ptr<TlsContext> clientContext(TlsClientOptions options = {}) {
  options.systemRoots = false;
  return TlsContext::client(options).value();
}

}  // namespace

struct EngineTlsTest : mox::test::Suite<EngineTlsTest> {
  static void list(List& l) {
    l.add("echo over implicit TLS 1.2 and 1.3", &EngineTlsTest::implicitEcho);
    l.add("large transfers both ways", &EngineTlsTest::large);
    l.add("STARTTLS drops injected plaintext", &EngineTlsTest::startTlsInjection);
    l.add("a stalled handshake holds no worker and times out", &EngineTlsTest::handshakeTimeout);
    l.add("garbage instead of a handshake is End::tls", &EngineTlsTest::garbage);
    l.add("channel bindings are equal at both ends", &EngineTlsTest::bindings);
    l.add("SNI chooses the certificate, also after a swap", &EngineTlsTest::sni);
    l.add("unknown names: fallback or alert", &EngineTlsTest::unknownName);
    l.add("ALPN", &EngineTlsTest::alpn);
    l.add("RFC 8737 §3: a proof for who asks by acme-tls/1, and for nobody else", &EngineTlsTest::challenge);
    l.add("client certificate's fingerprint", &EngineTlsTest::clientCertificate);
    l.add("verification: opportunistic tells, pkix enforces", &EngineTlsTest::verification);
    l.add("DANE: matching, wrong and unusable records", &EngineTlsTest::dane);
    l.add("many records in one packet are all read", &EngineTlsTest::pendingRecords);
    l.add("what a peer said before it broke a stream off is heard", &EngineTlsTest::unheard);
    l.add("bad PEM is an error, not an exception", &EngineTlsTest::badPem);
  }

  Certificates certificates;

  struct Handshake {
    bool ok = false;
    TlsInfo server, client;
    Ended clientEnd{End::closed, ""};
  };

  /// Dials a TLS listener from the same engine; what both ends know.
  Handshake handshake(std::shared_ptr<TlsContext> server, std::shared_ptr<TlsContext> client, std::string name = "a.example") {
    World world;
    Mailbox<TlsInfo> serverSide;
    Mailbox<Handshake> clientSide;
    auto at = world.listen(
        [&](ScriptSession& s) {
          s.tls = [&](Channel&, const TlsInfo& info) { serverSide.put(info); };
          s.open = [](Channel& c) { c.write("hi\r\n"); };
        },
        std::move(server));
    auto session = std::make_unique<ScriptSession>();
    auto out = std::make_shared<Handshake>();
    session->line = [out](ScriptSession&, Channel& c, std::string_view) {
      out->ok = true;
      out->client = *c.tls();
      c.close();
    };
    session->end = [out, &clientSide](Ended e) {
      out->clientEnd = std::move(e);
      clientSide.put(*out);
    };
    DialOptions dial;
    dial.to = at;
    dial.tls = std::move(client);
    dial.serverName = std::move(name);
    auto dialled = world.engine->dial(dial, std::move(session));
    Handshake result = clientSide.take();
    if (result.ok) result.server = serverSide.take();
    return result;
  }

  void implicitEcho() {
    World world;
    auto tls = serverContext({certificates.make({"a.example"})});
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write(c.tls()->version + "\r\n"); }; }, tls);
    for (auto max : {TlsVersion::tls12, TlsVersion::tls13}) {
      TlsClientOptions options;
      options.maxVersion = max;
      Peer peer(at);
      peer.startTls(clientContext(options), "a.example");
      CHECK_EQ(std::string(max == TlsVersion::tls12 ? "TLSv1.2\r\n" : "TLSv1.3\r\n"), peer.line());
      peer.send("hello\r\n");
      CHECK_EQ(std::string("hello\r\n"), peer.line());
      world.allIdle();
    }
  }

  void large() {
    World world;
    auto at = world.listen({}, serverContext({certificates.make({"a.example"})}));
    Peer peer(at);
    peer.startTls(clientContext());
    std::string text(60'000, 't');
    text += "\r\n";
    for (int i = 0; i < 50; ++i) {
      peer.send(text);
      CHECK(text == peer.bytes(text.size()));
    }
  }

  void startTlsInjection() {
    World world;
    Mailbox<std::string> lines;
    auto tls = serverContext({certificates.make({"a.example"})});
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&, tls](ScriptSession&, Channel& c, std::string_view text) {
        lines.put(std::string(text));
        if (text == "STARTTLS") {
          c.write("220 go\r\n");
          c.startTls(tls);
        } else {
          c.write("250 " + std::string(text) + "\r\n");
        }
      };
    });
    Peer peer(at);
    peer.send("STARTTLS\r\nNOOP\r\n");
    CHECK_EQ(std::string("220 go\r\n"), peer.line());
    peer.startTls(clientContext(), "a.example");
    peer.send("after\r\n");
    CHECK_EQ(std::string("250 after\r\n"), peer.line());
    CHECK_EQ(std::string("STARTTLS"), lines.take());
    CHECK_EQ(std::string("after"), lines.take());
    CHECK(lines.empty());
  }

  void handshakeTimeout() {
    World world;
    auto at = world.listen({}, serverContext({certificates.make({"a.example"})}));
    Peer silent(at), half(at);
    half.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
    eventually([&] { return world.engine->connections() == 2; }, "both are in");
    world.allIdle();
    eventually(
        [&] {
          world.advance(20s);
          return world.engine->connections() == 0;
        },
        "handshakes time out");
    for (int i = 0; i < 2; ++i) CHECK(world.ends.take().end == End::timeout);
    CHECK_EQ(std::string(), silent.rest());
  }

  void garbage() {
    World world;
    auto at = world.listen({}, serverContext({certificates.make({"a.example"})}));
    Peer peer(at);
    peer.send("EHLO client.example\r\n");
    auto ended = world.ends.take();
    CHECK(ended.end == End::tls);
    CHECK_MSG(ended.detail, !ended.detail.empty());
    CHECK_EQ(1.0, world.metrics.value("mox_net_tls_handshake_failed_total"));
  }

  void bindings() {
    auto server = serverContext({certificates.make({"a.example"})});
    auto both = handshake(server, clientContext());
    CHECK(both.ok);
    CHECK_EQ(std::size_t(32), both.server.exporterBinding.size());
    CHECK(both.server.exporterBinding == both.client.exporterBinding);
    CHECK(both.server.serverEndPointBinding == both.client.serverEndPointBinding);
    CHECK_EQ(std::size_t(32), both.server.serverEndPointBinding.size());
    CHECK(both.server.uniqueBinding.empty());
    TlsClientOptions old;
    old.maxVersion = TlsVersion::tls12;
    both = handshake(server, clientContext(old));
    CHECK_EQ(std::string("TLSv1.2"), both.server.version);
    CHECK(both.server.exporterBinding.empty());
    CHECK_EQ(std::size_t(12), both.server.uniqueBinding.size());
    CHECK(both.server.uniqueBinding == both.client.uniqueBinding);
    CHECK(both.server.serverEndPointBinding == both.client.serverEndPointBinding);
  }

  void sni() {
    auto a = certificates.make({"a.example"}), b = certificates.make({"b.example", "*.wild.example"});
    auto server = serverContext({a, b});
    auto binding = [&](const std::string& name) { return handshake(server, clientContext(), name).server.serverEndPointBinding; };
    auto first = binding("a.example"), second = binding("b.example");
    CHECK(first != second);
    CHECK(binding("A.EXAMPLE") == first);
    CHECK(binding("x.wild.example") == second);
    CHECK(binding("x.y.wild.example") == first);
    CHECK(binding("") == first);
    CHECK_EQ(std::string("b.example"), handshake(server, clientContext(), "b.example").server.serverName);
    CHECK(!server->replaceCertificates({}));
    CHECK(server->replaceCertificates({b}).has_value());
    CHECK(binding("a.example") == second);
  }

  void unknownName() {
    auto a = certificates.make({"a.example"});
    CHECK(handshake(serverContext({a}), clientContext(), "other.example").ok);
    TlsServerOptions strict;
    strict.fallback = false;
    auto server = serverContext({a}, strict);
    CHECK(handshake(server, clientContext(), "a.example").ok);
    CHECK(handshake(server, clientContext(), "").ok);
    auto refused = handshake(server, clientContext(), "other.example");
    CHECK(!refused.ok);
    CHECK(refused.clientEnd.end == End::tls);
    CHECK_MSG(refused.clientEnd.detail, refused.clientEnd.detail.find("unrecognized name") != std::string::npos);
    std::atomic<int> missing = 0, unknown = 0;
    for (bool fallback : {true, false}) {
      TlsServerOptions told;
      told.fallback = fallback;
      told.unnamed = [&](const std::optional<std::string>& name) { ++(name ? unknown : missing); };
      server = serverContext({a}, told);
      for (const char* name : {"a.example", "", "", "other.example"}) handshake(server, clientContext(), name);
    }
    CHECK_EQ(4, missing.load());
    CHECK_EQ(2, unknown.load());
  }

  void alpn() {
    TlsServerOptions options;
    options.alpn = {"imap", "smtp"};
    auto server = serverContext({certificates.make({"a.example"})}, options);
    auto offering = [](std::vector<std::string> names) {
      TlsClientOptions client;
      client.alpn = std::move(names);
      return clientContext(client);
    };
    CHECK_EQ(std::string("smtp"), handshake(server, offering({"h2", "smtp"})).server.alpn);
    CHECK_EQ(std::string("imap"), handshake(server, offering({"smtp", "imap"})).client.alpn);
    CHECK_EQ(std::string(), handshake(server, offering({})).server.alpn);
    CHECK(handshake(server, offering({"h2"})).clientEnd.end == End::tls);
  }

  void challenge() {
    auto usual = certificates.make({"a.example"}), proof = certificates.make({"b.example"});
    TlsServerOptions options;
    options.alpn = {"acme-tls/1"};
    options.challengeProtocol = "acme-tls/1";
    options.challenge = [&](const std::string& name) { return name == "b.example" ? std::optional(proof) : std::nullopt; };
    auto server = serverContext({usual}, options);
    auto asks = [&](const std::string& name, std::vector<std::string> protocols, const CertificatePem& expected) {
      TlsClientOptions client;
      client.alpn = std::move(protocols);
      client.extraRootsPem = expected.chain;
      client.policy.verify = TlsPolicy::Verify::pkix;
      return handshake(server, clientContext(client), name);
    };
    auto shown = asks("b.example", {"acme-tls/1"}, proof);
    CHECK_MSG(shown.clientEnd.detail, shown.ok && shown.client.alpn == "acme-tls/1");
    // RFC 8737 §3: the protocol must be the only one that is offered; and a name without a proof gets none.
    CHECK(!asks("b.example", {"acme-tls/1", "h2"}, proof).ok);
    CHECK(!asks("a.example", {"acme-tls/1"}, usual).ok);
    CHECK(!asks("b.example", {"h2"}, proof).ok);
    CHECK(asks("a.example", {}, usual).ok);
  }

  void clientCertificate() {
    TlsServerOptions options;
    options.requestClientCertificate = true;
    auto server = serverContext({certificates.make({"a.example"})}, options);
    TlsClientOptions client;
    client.certificate = certificates.make({"user"});
    auto with = handshake(server, clientContext(client));
    CHECK(with.ok);
    CHECK_EQ(std::size_t(43), with.server.peerKeyFingerprint.size());
    CHECK_EQ(with.server.peerKeyFingerprint, handshake(server, clientContext(client)).server.peerKeyFingerprint);
    client.certificate = certificates.make({"user"});
    CHECK(with.server.peerKeyFingerprint != handshake(server, clientContext(client)).server.peerKeyFingerprint);
    CHECK_EQ(std::string(), handshake(server, clientContext()).server.peerKeyFingerprint);
  }

  void verification() {
    auto a = certificates.make({"a.example", "127.0.0.1"});
    auto server = serverContext({a});
    auto blind = handshake(server, clientContext());
    CHECK(blind.ok);
    CHECK(!blind.client.peerVerified);
    CHECK(!blind.client.verifyError.empty());
    TlsClientOptions options;
    options.extraRootsPem = a.chain;
    auto opportunistic = clientContext(options);
    CHECK(handshake(server, opportunistic).client.peerVerified);
    CHECK_EQ(std::string(), handshake(server, opportunistic).client.verifyError);
    CHECK(handshake(server, opportunistic, "127.0.0.1").client.peerVerified);
    CHECK(!handshake(server, opportunistic, "b.example").client.peerVerified);
    TlsPolicy pkix;
    pkix.verify = TlsPolicy::Verify::pkix;
    auto enforcing = opportunistic->withPolicy(pkix);
    CHECK(handshake(server, enforcing).ok);
    auto wrongName = handshake(server, enforcing, "b.example");
    CHECK(wrongName.clientEnd.end == End::tls);
    CHECK_MSG(wrongName.clientEnd.detail, wrongName.clientEnd.detail.find("ostname mismatch") != std::string::npos);
    CHECK(handshake(server, clientContext()->withPolicy(pkix)).clientEnd.end == End::tls);
    pkix.extraNames = {"a.example"};
    CHECK(handshake(server, opportunistic->withPolicy(pkix), "b.example").ok);
  }

  void dane() {
    auto server = serverContext({certificates.make({"a.example"})});
    auto fingerprint = handshake(server, clientContext()).client.peerKeyFingerprint;
    TlsPolicy policy;
    policy.verify = TlsPolicy::Verify::dane;
    auto with = [&](std::vector<TlsaRecord> records) {
      policy.tlsa = std::move(records);
      return handshake(server, clientContext()->withPolicy(policy), "mx.example");
    };
    TlsaRecord right{3, 1, 1, *fromBase64Url(fingerprint)};
    TlsaRecord wrong{3, 1, 1, std::string(32, 'w')};
    TlsaRecord unusable{3, 1, 99, std::string(32, 'u')};
    auto matched = with({wrong, right});
    CHECK(matched.ok);
    CHECK(matched.client.peerVerified);
    CHECK(with({wrong}).clientEnd.end == End::tls);
    CHECK(with({unusable}).ok);
    CHECK(!with({unusable}).client.peerVerified);
    CHECK(with({wrong, unusable}).clientEnd.end == End::tls);
  }

  void pendingRecords() {
    EngineOptions options;
    options.turnBytes = 1000;  // so that turns end with records left inside TLS
    World world(options);
    auto at = world.listen({}, serverContext({certificates.make({"a.example"})}));
    Peer peer(at);
    peer.startTls(clientContext());
    std::string expected;
    for (int i = 0; i < 500; ++i) {
      std::string text = "record " + std::to_string(i) + "\r\n";
      peer.send(text);  // a record each
      expected += text;
    }
    CHECK(expected == peer.bytes(expected.size()));
  }

  void unheard() {
    struct Filler final : Producer {
      bool produce(std::string& out) override {
        out.append(64 * 1024, 'x');
        return true;
      }
    };
    World world;
    Mailbox<std::string> heard;
    auto prepare = [&](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view) { c.stream(std::make_unique<Filler>()); };
      s.unheard = [&](std::string input) { heard.put(std::move(input)); };
    };
    auto at = world.listen(prepare, serverContext({certificates.make({"a.example"})}));
    for (auto max : {TlsVersion::tls12, TlsVersion::tls13}) {
      TlsClientOptions options;
      options.maxVersion = max;
      {
        Peer peer(at, 4096);
        peer.startTls(clientContext(options), "a.example");
        peer.send("go\r\n");
        peer.bytes(64 * 1024);
        eventually([&] { return peer.arrived() > 0; }, "the stream goes on");
        peer.send("552 too much\r\n");
      }
      CHECK_EQ(std::string("552 too much\r\n"), heard.take());
      CHECK(world.ends.take().end == End::reset);
    }
  }

  void badPem() {
    auto good = certificates.make({"a.example"});
    TlsServerOptions options;
    CHECK(!TlsContext::server(options));
    for (CertificatePem bad : {CertificatePem{"", ""}, CertificatePem{"junk", good.key}, CertificatePem{good.chain, "junk"},
                               CertificatePem{good.chain, certificates.make({"a.example"}).key}}) {
      options.certificates = {bad};
      CHECK(!TlsContext::server(options));
    }
  }
};
SUITE(EngineTlsTest);
