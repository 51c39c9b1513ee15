// HttpClient against a server that says what a test wants, over the engine.
#include "net/HttpClient.h"

#include <thread>

#include "Peer.h"
#include "base/Random.h"
#include "base/Text.h"
#include "net/MeasuredHttpClient.h"

using namespace mox;
using namespace mox::net;
using namespace mox::net::test;
using namespace std::chrono_literals;

namespace {

/// Takes a request whole (its head, and a body as long as Content-Length says), answers once, closes.
class WebSession final : public Session {
 public:
  WebSession(std::string answer, Mailbox<std::string>& requests) : answer_(std::move(answer)), requests_(requests) {}
  void onOpen(Channel&) override {}
  std::size_t onInput(Channel& channel, std::string_view input) override {
    auto end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    std::size_t body = 0;
    if (auto at = input.find("Content-Length: "); at < end) body = *parseUnsigned(input.substr(at + 16, input.find('\r', at) - at - 16));
    if (input.size() < end + 4 + body) return 0;
    requests_.put(std::string(input));
    if (answer_ == "(nothing)") return input.size();
    channel.write(answer_);
    channel.close();
    return input.size();
  }
  void onDeadline(Channel& channel) override { channel.close(); }

 private:
  std::string answer_;
  Mailbox<std::string>& requests_;
};

}  // namespace

struct HttpClientTest : mox::test::Suite<HttpClientTest> {
  static void list(List& l) {
    l.add("GET, POST and HEAD say what RFC 9112 wants, and give the answer whole", &HttpClientTest::requests);
    l.add("https is verified: roots and name", &HttpClientTest::tls);
    l.add("an answer that is cut off, too long or no HTTP is an error", &HttpClientTest::badAnswers);
    l.add("URLs that are none, hosts without an address", &HttpClientTest::targets);
    l.add("the next address is tried when one refuses", &HttpClientTest::addresses);
    l.add("requests are timed: by whom, how, and with what result", &HttpClientTest::measured);
    l.add("the deadline bounds the whole, and abort ends what waits", &HttpClientTest::patience);
  }

  SystemClock system;
  SystemRandom random;
  Mailbox<std::string> asked;
  CertificatePem certificate = selfSigned({"web.example"}, system, random);
  std::vector<IpAddress> known = {*IpAddress::parse("127.0.0.1")};

  Endpoint serve(World& world, std::string answer, bool secure = false) {
    ListenerOptions listener;
    listener.name = "web";
    if (secure) {
      TlsServerOptions options;
      options.certificates = {certificate};
      listener.tls = TlsContext::server(options).value();
    }
    auto factory = [this, answer](const ConnectionMeta&) { return std::make_unique<WebSession>(answer, asked); };
    return world.engine->listen(loopback(), std::move(listener), factory, {}).value();
  }
  PocoHttpClient client(HttpClientOptions options = {}, const std::string& roots = "") {
    TlsClientOptions tls;
    tls.systemRoots = false;
    tls.extraRootsPem = roots;
    tls.policy.verify = TlsPolicy::Verify::pkix;
    return PocoHttpClient(TlsContext::client(tls).value(), [this](const std::string& host, Steady) -> Result<std::vector<IpAddress>> {
      if (host != "web.example") return fail(Errc::notFound, "no such name");
      return known;
    }, system, options);
  }
  static std::string url(const Endpoint& at, const std::string& path = "/p?q=1", const char* scheme = "http") {
    return std::string(scheme) + "://web.example:" + std::to_string(at.port) + path;
  }

  void measured() {
    struct Fixed final : HttpClient {
      FakeClock& clock;
      Result<HttpResponse> next;
      Fixed(FakeClock& c, Result<HttpResponse> n) : clock(c), next(std::move(n)) {}
      Result<HttpResponse> send(const HttpRequest&) override { return clock.advance(2s), next; }
    };
    FakeClock clock;
    Metrics metrics;
    auto observe = [&](Result<HttpResponse> answer) {
      Fixed fixed(clock, std::move(answer));
      CHECK_EQ(fixed.next.has_value(), MeasuredHttpClient(fixed, "acme", metrics, clock).send({}).has_value());
    };
    for (int status : {200, 302, 404, 503, 999, 1}) observe(HttpResponse{status, {}, ""});
    observe(fail(Errc::timeout, "late"));
    observe(fail(Errc::temporary, "refused"));
    for (const char* labels : {"code=\"200\",method=\"GET\",pkg=\"acme\",result=\"ok\"} 2", "code=\"302\",method=\"GET\",pkg=\"acme\",result=\"other\"} 2",
                               "code=\"404\",method=\"GET\",pkg=\"acme\",result=\"usererror\"} 2", "code=\"503\",method=\"GET\",pkg=\"acme\",result=\"servererror\"} 2",
                               "code=\"other\",method=\"GET\",pkg=\"acme\",result=\"other\"} 4", "code=\"0\",method=\"GET\",pkg=\"acme\",result=\"timeout\"} 2",
                               "code=\"0\",method=\"GET\",pkg=\"acme\",result=\"error\"} 2"})
      CHECK_MSG(metrics.text(), metrics.text().find("mox_httpclient_request_duration_seconds_sum{" + std::string(labels) + "\n") != std::string::npos);
  }

  void requests() {
    World world;
    auto at = serve(world, "HTTP/1.1 404 Not Found\r\nRetry-After: 5\r\nLink: a\r\nlink: b\r\nContent-Length: 5\r\n\r\nhello");
    auto web = client();
    auto got = web.send({"GET", url(at), {{"Accept", "text/plain"}}, ""}).value();
    CHECK(got.status == 404 && got.body == "hello" && got.field("retry-after") == "5" && got.fields.count("link") == 2 && got.field("none").empty());
    auto request = asked.take();
    CHECK(request.starts_with("GET /p?q=1 HTTP/1.1\r\n"));
    CHECK(request.find("\r\nHost: web.example:" + std::to_string(at.port) + "\r\n") != std::string::npos);
    CHECK(request.find("\r\nAccept: text/plain\r\n") != std::string::npos && request.find("\r\nUser-Agent: mox/") != std::string::npos);
    CHECK_EQ(std::string("hello"), web.send({"POST", url(at), {}, "a body\r\n"}).value().body);
    request = asked.take();
    CHECK(request.find("\r\nContent-Length: 8\r\n") != std::string::npos && request.ends_with("\r\n\r\na body\r\n"));
    // The length of HEAD is that of a body that does not come.
    CHECK(web.send({"HEAD", url(at, ""), {}, ""}).has_value());
    CHECK(asked.take().starts_with("HEAD / HTTP/1.1\r\n"));
  }

  void tls() {
    World world;
    auto at = serve(world, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", true);
    CHECK_EQ(std::string("abcde"), client({}, certificate.chain).send({"GET", url(at, "/", "https"), {}, ""}).value().body);
    CHECK(client().send({"GET", url(at, "/", "https"), {}, ""}).error().code == Errc::temporary);
    certificate = selfSigned({"other.example"}, system, random);
    auto wrong = serve(world, "HTTP/1.1 200 OK\r\n\r\n", true);
    CHECK(client({}, certificate.chain).send({"GET", url(wrong, "/", "https"), {}, ""}).error().code == Errc::temporary);
  }

  void badAnswers() {
    World world;
    auto ask = [&](const std::string& answer, HttpClientOptions options = {}) { return client(options).send({"GET", url(serve(world, answer)), {}, ""}); };
    CHECK(!ask("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    CHECK(!ask(""));
    CHECK(!ask("220 mail.example ESMTP\r\n"));
    HttpClientOptions small;
    small.bodyLimit = 100;
    CHECK(ask("HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x'), small).error().code == Errc::tooLong);
    CHECK_EQ(std::size_t(100), ask("HTTP/1.1 200 OK\r\n\r\n" + std::string(100, 'x'), small).value().body.size());
  }

  void targets() {
    auto web = client();
    for (const char* bad : {"", "web.example", "ftp://web.example/", "http://", "http://user:pw@web.example/", "http://web.example/a b", "http://web.example/\r\nX: y"})
      CHECK_MSG(bad, web.send({"GET", bad, {}, ""}).error().code == Errc::syntax);
    CHECK(web.send({"GET", "http://nobody.example/", {}, ""}).error().code == Errc::notFound);
    known.clear();
    CHECK(web.send({"GET", "http://web.example/", {}, ""}).error().code == Errc::notFound);
  }

  void addresses() {
    World world;
    auto at = serve(world, "HTTP/1.1 200 OK\r\n\r\nhere");
    known = {*IpAddress::parse("127.0.0.2"), *IpAddress::parse("127.0.0.1")};  // nobody listens at the first
    CHECK_EQ(std::string("here"), client().send({"GET", url(at), {}, ""}).value().body);
    known.pop_back();
    CHECK(client().send({"GET", url(at), {}, ""}).error().code == Errc::temporary);
  }

  void patience() {
    World world;
    auto at = serve(world, "(nothing)");
    HttpClientOptions hasty;
    hasty.deadline = 20ms;
    CHECK(client(hasty).send({"GET", url(at), {}, ""}).error().code == Errc::timeout);
    asked.take();
    auto web = client();
    Mailbox<Result<HttpResponse>> result;
    std::thread waiting([&] { result.put(web.send({"GET", url(at), {}, ""})); });
    asked.take();  // it waits for an answer now
    web.abort();
    CHECK(!result.take());
    waiting.join();
    CHECK(web.send({"GET", url(at), {}, ""}).error().code == Errc::temporary);
  }
};
SUITE(HttpClientTest);
