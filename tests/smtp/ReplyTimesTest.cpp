// How long servers take to answer: by which labels, and how many of them whatever servers say.
#include "smtp/ClientFixture.h"
#include "smtp/ReplyTimes.h"

using namespace mox;
using namespace mox::smtp;
using namespace mox::smtp::test;
using namespace std::chrono_literals;

struct SmtpReplyTimesTest : mox::test::Suite<SmtpReplyTimesTest>, ClientFixture {
  static void list(List& l) {
    l.add("each reply of a session, from the command on", &SmtpReplyTimesTest::session_);
    l.add("codes that no RFC knows are told by class, enhanced ones not at all", &SmtpReplyTimesTest::bounded);
    l.add("a server that says everything makes few series", &SmtpReplyTimesTest::hostile);
  }

  Metrics metrics;
  ReplyTimes times{metrics, clock};

  bool shows(const std::string& line) const { return metrics.text().find("mox_smtpclient_command_duration_seconds_" + line + "\n") != std::string::npos; }
  static std::string labels(const std::string& command, const std::string& code, const std::string& enhanced) {
    return "{cmd=\"" + command + "\",code=\"" + code + "\",secode=\"" + enhanced + "\"}";
  }
  std::size_t series() const {
    std::size_t out = 0;
    auto text = metrics.text();
    for (auto at = text.find("seconds_count{"); at != std::string::npos; at = text.find("seconds_count{", at + 1)) ++out;
    return out;
  }

  void session_() {
    options.replyTimes = &times;
    owner->todo.push_back(transaction("a@b.c", {"x@y.z", "no@y.z"}));
    start();
    clock.advance(2s);
    say("220 mx.example ESMTP\r\n");
    say(ehlo("PIPELINING"));
    clock.advance(3s);
    say("250 2.1.0 fine\r\n250 2.1.5 good\r\n550 5.1.1 nobody\r\n354 go on\r\n");
    clock.advance(7s);
    say("250 2.0.0 kept\r\n");
    say("221 bye\r\n");
    CHECK_MSG(metrics.text(), shows("sum" + labels("(greeting)", "220", "") + " 2") && shows("count" + labels("ehlo", "250", "") + " 1"));
    CHECK_MSG(metrics.text(), shows("sum" + labels("mailfrom", "250", "2.1.0") + " 3") && shows("count" + labels("rcptto", "250", "2.1.5") + " 1"));
    CHECK(shows("sum" + labels("rcptto", "550", "5.1.1") + " 3") && shows("sum" + labels("data", "354", "") + " 3"));
    CHECK(shows("sum" + labels("data", "250", "2.0.0") + " 7") && shows("count" + labels("quit", "221", "") + " 1"));
    CHECK_EQ(std::size_t{8}, series());
  }

  void bounded() {
    auto said = [&](unsigned code, const std::string& enhanced) { times.observe("data", Reply::make(code, enhanced, "text"), clock.steady()); };
    said(599, "5.7.30");
    CHECK(shows("count" + labels("data", "5yz", "5.7.30") + " 1"));
    for (const char* enhanced : {"5.7.31", "5.8.1", "5.07.1", "5.7.001", "5.999.999"}) said(550, enhanced);
    CHECK(shows("count" + labels("data", "550", "") + " 5"));
  }

  void hostile() {
    for (unsigned code = 200; code < 600; ++code)
      for (int detail = 0; detail < 200; ++detail)
        times.observe("rcptto", Reply::make(code, std::to_string(code / 100) + "." + std::to_string(detail % 8) + "." + std::to_string(detail), "text"), clock.steady());
    CHECK_MSG(std::to_string(series()), series() <= ReplyTimes::maxDetailed + 4);
    // What was met before goes on in detail.
    auto before = series();
    times.observe("rcptto", Reply::make(211, "2.0.0", "text"), clock.steady());
    CHECK(before == series() && shows("count" + labels("rcptto", "211", "2.0.0") + " 2"));
  }
};
SUITE(SmtpReplyTimesTest);
