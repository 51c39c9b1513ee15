#include "base/Log.h"

#include "base/Metrics.h"
#include "base/Random.h"
#include "base/Unicode.h"
#include "support/Test.h"

using namespace mox;

struct LogTest : test::Suite<LogTest> {
  static void list(List& l) {
    l.add("logfmt with context, quoting what needs it", &LogTest::logfmt);
    l.add("json is one line whatever comes in", &LogTest::json);
    l.add("levels per room change at run time", &LogTest::levels);
    l.add("metrics count and print", &LogTest::metrics);
    l.add("unicode forms", &LogTest::unicode);
    l.add("random below a bound", &LogTest::random);
  }

  FakeClock clock;
  std::string out;
  LogSink::Write keep = [this](std::string_view line) { out += line; };

  void logfmt() {
    LogSink sink(clock, LogFormat::logfmt, LogLevel::info, keep);
    Log log = Log(sink, "smtp").with({"cid", "7"});
    log.info("hello there", {{"n", 3}, {"who", "a=b"}, {"evil", "x\ny\x1b"}});
    log.debug("not shown");
    CHECK_EQ(std::string("ts=2023-11-14T22:13:20.000Z l=info m=\"hello there\" pkg=smtp cid=7 n=3 who=\"a=b\" evil=\"x\\ny\\u001b\"\n"), out);
    CHECK_EQ(std::uint64_t(1), sink.count(LogLevel::info));
  }

  void json() {
    LogSink sink(clock, LogFormat::json, LogLevel::info, keep);
    Log(sink, "").error("bad \"thing\"", {{"k", std::string("\0\xff", 2)}});
    CHECK_EQ(std::string("{\"ts\":\"2023-11-14T22:13:20.000Z\",\"l\":\"error\",\"m\":\"bad \\\"thing\\\"\",\"k\":\"\\u0000\\u00ff\"}\n"), out);
  }

  void levels() {
    LogSink sink(clock, LogFormat::logfmt, LogLevel::error, keep);
    Log queue(sink, "queue");
    CHECK(!queue.enabled(LogLevel::debug));
    sink.setLevel("queue", LogLevel::debug);
    CHECK(queue.enabled(LogLevel::debug));
    CHECK(!queue.room("smtp").enabled(LogLevel::info));
    sink.setLevel("queue", std::nullopt);
    CHECK(!queue.enabled(LogLevel::debug));
    CHECK(*parseLogLevel("traceauth") == LogLevel::traceAuth);
    CHECK(!parseLogLevel("loud"));
  }

  void metrics() {
    Metrics m;
    m.counter("mox_x_total", "X.", {{"kind", "a"}}).inc();
    m.counter("mox_x_total", "X.", {{"kind", "a"}}).inc(2);
    m.gauge("mox_g", "G.").set(-4);
    m.histogram("mox_h_seconds", "H.", {}, {0.1, 1}).observe(0.5);
    CHECK_EQ(3.0, m.value("mox_x_total", {{"kind", "a"}}));
    CHECK_EQ(-4.0, m.value("mox_g"));
    CHECK(m.text().find("mox_h_seconds_bucket{le=\"1\"} 1") != std::string::npos);
  }

  void unicode() {
    CHECK(!isUtf8("\xC0\x80"));
    CHECK(!isUtf8("\xED\xA0\x80"));
    CHECK(isUtf8("\xF0\x9F\x93\xAC"));
    CHECK_EQ(std::string("\xC3\xA9"), toNfc("e\xCC\x81"));
    CHECK_EQ(foldCase("STRASSE"), foldCase("stra\xC3\x9F" "e"));
    CHECK_EQ(std::string("\xC3\xA9\xE2\x82\xAC"), toUtf8("\xE9\x80", "iso-8859-1"));
    CHECK_EQ(std::string("a\xEF\xBF\xBD" "b"), toUtf8("a\xff" "b", "utf-8"));
    CHECK_EQ(std::string("a\xEF\xBF\xBD"), toUtf8("a\xff", "no-such-charset"));
    CHECK(!isPlainUtf8("a\tb"));
  }

  void random() {
    FakeRandom fake;
    for (int i = 0; i < 1000; ++i) CHECK(fake.below(7) < 7);
    SystemRandom real;
    CHECK(real.bytes(16) != real.bytes(16));
  }
};
SUITE(LogTest);
