#include "base/Limits.h"

#include "support/Test.h"

using namespace mox;

struct LimitsTest : test::Suite<LimitsTest> {
  static void list(List& l) { l.add("a hit is counted under its name and logged with its key", &LimitsTest::hit); }

  void hit() {
    FakeClock clock;
    std::string out;
    LogSink sink(clock, LogFormat::logfmt, LogLevel::info, [&](std::string_view line) { out += line; });
    Metrics metrics;
    LimitHits hits(metrics, Log(sink, "smtpserver"));
    hits.hit({"smtp-recipients", 1000, "recipients"}, "192.0.2.1\r\nx");
    CHECK_EQ(1.0, metrics.value("mox_limit_hits_total", {{"limit", "smtp-recipients"}}));
    CHECK(out.find("limit=smtp-recipients value=1000 unit=recipients key=\"192.0.2.1\\\\x0d\\\\x0ax\"") != std::string::npos);
  }
};
SUITE(LimitsTest);
