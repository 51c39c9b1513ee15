#include "app/OneRequestHttp.h"

#include "support/FakeChannel.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

struct OneRequestHttpTest : test::Suite<OneRequestHttpTest> {
  static void list(List& l) {
    l.add("metrics, life and readiness", &OneRequestHttpTest::paths);
    l.add("the absolute form, as for a proxy", &OneRequestHttpTest::absolute);
    l.add("a request in single bytes", &OneRequestHttpTest::bytewise);
    l.add("what is no request of RFC 9112 is refused", &OneRequestHttpTest::refused);
    l.add("one request a connection: nothing behind it is read", &OneRequestHttpTest::oneOnly);
    l.add("too long a head, and too slow a peer", &OneRequestHttpTest::limits);
  }

  bool ready = true;
  MetricsSource source{[] { return std::string("mox_x 1\n"); }, [this] { return ready; }};
  FakeClock clock;

  std::string ask(const std::string& request) {
    OneRequestSession session([this](std::string_view path) { return source.page(path); });
    test::FakeChannel channel(session, clock);
    channel.open();
    channel.feed(request);
    CHECK(channel.ended());
    return channel.take();
  }
  int status(const std::string& request) {
    auto reply = ask(request);
    CHECK_EQ(std::string("HTTP/1.1 "), reply.substr(0, 9));
    return std::stoi(reply.substr(9, 3));
  }

  void paths() {
    auto reply = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(reply.find("HTTP/1.1 200 OK\r\n") == 0);
    CHECK(reply.find("\r\nContent-Length: 8\r\n") != std::string::npos);
    CHECK(reply.ends_with("\r\n\r\nmox_x 1\n"));
    CHECK_EQ(200, status("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(200, status("GET /readyz?verbose HTTP/1.1\r\nHost: x\r\n\r\n"));
    ready = false;
    CHECK_EQ(503, status("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(200, status("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(404, status("GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(200, status("GET /metrics HTTP/1.0\r\n\r\n"));
    auto head = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(head.find("Content-Length: 8") != std::string::npos && head.ends_with("\r\n\r\n"));
  }

  void absolute() {
    CHECK_EQ(200, status("GET http://127.0.0.1:8010/livez HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n"));
    CHECK_EQ(200, status("GET HTTP://[::1]/metrics?x=http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (const char* target : {"http://x", "http://x?livez", "http://x/", "http://x//livez", "/http://x/livez", "*", "http", "ftp://x/livez"})
      CHECK_EQ(404, status("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    for (const char* target : {"http://", "http:///livez", "http://?/livez"})
      CHECK_EQ(400, status("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(400, status("GET http://x/livez HTTP/1.1\r\n\r\n"));  // Host is needed all the same
    CHECK_EQ(405, status("POST http://x/livez HTTP/1.1\r\nHost: x\r\n\r\n"));
  }

  void bytewise() {
    OneRequestSession session([this](std::string_view path) { return source.page(path); });
    test::FakeChannel channel(session, clock);
    channel.open();
    channel.feedBytewise("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(channel.take().find("HTTP/1.1 200") == 0);
  }

  void refused() {
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\n\r\n"));                                                // no Host
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"));                          // two
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\nHost: x\r\n\r\n"));                                       // bare LF
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\nHost: x\rY: z\r\n\r\n"));                               // bare CR
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n"));                                    // space before colon
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n"));                       // obs-fold
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
    CHECK_EQ(400, status("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"));
    CHECK_EQ(400, status("GET  /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(400, status(std::string("GET /metrics HTTP/1.1\r\nHost: x") + '\0' + "y\r\n\r\n"));
    CHECK_EQ(400, status("\r\n\r\n"));
    CHECK_EQ(405, status("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK_EQ(505, status("GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n"));
  }

  void oneOnly() {
    auto reply = ask("GET /nope HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(reply.find("HTTP/1.1 404") == 0);
    CHECK(reply.find("mox_x") == std::string::npos);
    CHECK(reply.find("Connection: close\r\n") != std::string::npos);
  }

  void limits() {
    CHECK_EQ(431, status("GET /metrics HTTP/1.1\r\nX: " + std::string(OneRequestSession::headLimit, 'x')));
    OneRequestSession session([this](std::string_view path) { return source.page(path); });
    test::FakeChannel channel(session, clock);
    channel.open();
    channel.feed("GET /met");
    channel.advance(OneRequestSession::deadline);
    CHECK(channel.take().find("HTTP/1.1 408") == 0);
  }
};
SUITE(OneRequestHttpTest);
