// Session tickets by handshakes in memory: which of them a server still takes as days go by.
#include "net/TicketKeys.h"

#include "net/OpenSsl.h"
#include "net/TlsContext.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::net;
using namespace std::chrono_literals;

struct TicketKeysTest : mox::test::Suite<TicketKeysTest> {
  static void list(List& l) {
    l.add("a ticket of one day is taken on the next, and replaced, but not on the third", &TicketKeysTest::days);
    l.add("after days without a handshake nothing old is taken", &TicketKeysTest::quietDays);
    l.add("keys stay when certificates are replaced, and are another context's never", &TicketKeysTest::contexts);
    l.add("without keys there are no tickets", &TicketKeysTest::none);
    l.add("keys are new each day, and keep what they are within it", &TicketKeysTest::keys);
  }

  using Session = std::unique_ptr<SSL_SESSION, OpenSslDelete<SSL_SESSION_free>>;
  struct Shaken {
    bool resumed = false;
    Session session;  ///< null: nothing that could be resumed
    int tickets = 0;
  };

  FakeClock clock;
  SystemRandom random;
  CertificatePem certificate = selfSigned({"a.example"}, clock, random);
  int version = TLS1_3_VERSION;

  std::shared_ptr<TlsContext> server(bool tickets = true) {
    TlsServerOptions options;
    options.certificates = {certificate};
    if (tickets) options.tickets = std::make_shared<TicketKeys>(clock, random);
    return TlsContext::server(options).value();
  }

  /// One connection of a client that shows `ticket`.
  Shaken shake(const TlsContext& server, const Session& ticket = nullptr) const {
    SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    int tickets = 0;
    SSL_CTX_set_app_data(context.get(), &tickets);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION*) { return ++*static_cast<int*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl))), 0; });
    SslPtr client(SSL_new(context.get())), accepted(server.newSsl("").value());
    SSL_set_connect_state(client.get());
    SSL_set_tlsext_host_name(client.get(), "a.example");
    if (ticket) {
      Session own(SSL_SESSION_dup(ticket.get()));  // the library marks one that was shown
      SSL_set_session(client.get(), own.get());
    }
    BIO *ours = nullptr, *theirs = nullptr;
    CHECK_EQ(1, BIO_new_bio_pair(&ours, 0, &theirs, 0));
    SSL_set_bio(client.get(), ours, ours);
    SSL_set_bio(accepted.get(), theirs, theirs);
    for (int i = 0; i < 10 && !(SSL_is_init_finished(client.get()) && SSL_is_init_finished(accepted.get())); ++i) {
      SSL_do_handshake(client.get());
      SSL_do_handshake(accepted.get());
    }
    CHECK(SSL_is_init_finished(client.get()) && SSL_is_init_finished(accepted.get()));
    char none = 0;
    CHECK(SSL_read(client.get(), &none, 1) < 0);  // takes tickets that come after the handshake
    Shaken out{SSL_session_reused(client.get()) == 1, Session(SSL_get1_session(client.get())), tickets};
    if (!SSL_SESSION_has_ticket(out.session.get())) out.session.reset();
    SSL_shutdown(client.get());  // a session of a connection that broke would be of no use
    return out;
  }

  void days() {
    for (int each : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      version = each;
      auto context = server();
      auto first = shake(*context);
      CHECK(!first.resumed && first.session);
      CHECK_EQ(1, first.tickets);
      clock.advance(TicketKeys::period - 1s);
      CHECK(shake(*context, first.session).resumed);
      clock.advance(1s);
      auto second = shake(*context, first.session);
      CHECK(second.resumed && second.session);
      clock.advance(TicketKeys::period);
      CHECK(!shake(*context, first.session).resumed);
      CHECK(shake(*context, second.session).resumed);
    }
  }

  void quietDays() {
    auto context = server();
    auto first = shake(*context);
    clock.advance(2 * TicketKeys::period);
    CHECK(!shake(*context, first.session).resumed);
    auto later = shake(*context);
    CHECK(shake(*context, later.session).resumed);
  }

  void contexts() {
    auto context = server(), other = server();
    auto first = shake(*context);
    CHECK(!shake(*other, first.session).resumed);
    certificate = selfSigned({"a.example"}, clock, random);
    CHECK(context->replaceCertificates({certificate}));
    CHECK(shake(*context, first.session).resumed);
  }

  void none() {
    for (int each : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      version = each;
      CHECK(!shake(*server(false)).session);
    }
  }

  void keys() {
    TicketKeys keys(clock, random);
    auto name = [](const TicketKeys::Key& key) { return std::string(key->name.begin(), key->name.end()); };
    auto first = keys.today();
    CHECK(keys.today() == first && keys.named(name(first)) == first && first->cipher != first->mac);
    clock.jumpTo(clock.now() + 48h);  // somebody sets the clock
    CHECK(keys.today() == first);
    clock.advance(TicketKeys::period);
    auto second = keys.today();
    CHECK(second->name != first->name && second->cipher != first->cipher && second->mac != first->mac);
    CHECK(keys.named(name(first)) == first && keys.named(name(second)) == second && !keys.named("") && !keys.named(std::string(16, 'x')));
    clock.advance(TicketKeys::period);
    CHECK(!keys.named(name(first)) && keys.named(name(second)) == second);
  }
};
SUITE(TicketKeysTest);
