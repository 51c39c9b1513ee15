#include "config/GoDuration.h"

#include "support/Test.h"

using namespace mox;
using namespace mox::config;
using namespace std::chrono_literals;

struct GoDurationTest : test::Suite<GoDurationTest> {
  static void list(List& l) {
    l.add("reads", &GoDurationTest::reads);
    l.add("refuses", &GoDurationTest::refuses);
    l.add("writes what it reads", &GoDurationTest::writes);
  }

  void reads() {
    CHECK(parseGoDuration("1h30m") == Duration(90min));
    CHECK(parseGoDuration("72h") == Duration(72h));
    CHECK(parseGoDuration("15s") == Duration(15s));
    CHECK(parseGoDuration("1.5s") == Duration(1500ms));
    CHECK(parseGoDuration(".5s") == Duration(500ms));
    CHECK(parseGoDuration("1.s") == Duration(1s));
    CHECK(parseGoDuration("-2m") == Duration(-2min));
    CHECK(parseGoDuration("+2m") == Duration(2min));
    CHECK(parseGoDuration("0") == Duration(0));
    CHECK(parseGoDuration("3us") == Duration(3us));
    CHECK(parseGoDuration("3\xc2\xb5s") == Duration(3us));
    CHECK(parseGoDuration("3\xce\xbcs") == Duration(3us));
    CHECK(parseGoDuration("1.0000000000000000001h") == Duration(1h));
    CHECK(parseGoDuration("9223372036854775807ns") == Duration(INT64_MAX));
    CHECK(parseGoDuration("-9223372036854775808ns") == Duration(INT64_MIN));
  }

  void refuses() {
    for (const char* bad : {"",
                            "-",
                            "+",
                            "1",
                            "1.5",
                            "h",
                            ".s",
                            ".",
                            "1x",
                            "1 h",
                            " 1h",
                            "1h ",
                            "1h-2m",
                            "--1h",
                            "1d",
                            "9223372036854775808ns",
                            "-9223372036854775809ns",
                            "99999999999999999999h",
                            "2562048h",
                            "1h\r",
                            "1S"}) {
      CHECK_MSG(bad, !parseGoDuration(bad));
    }
  }

  void writes() {
    const std::pair<Duration, const char*> cases[] = {{0s, "0s"},
                                                      {72h, "72h0m0s"},
                                                      {90min, "1h30m0s"},
                                                      {15s, "15s"},
                                                      {1500ms, "1.5s"},
                                                      {100ms, "100ms"},
                                                      {1500us, "1.5ms"},
                                                      {7ns, "7ns"},
                                                      {-15s, "-15s"},
                                                      {61s, "1m1s"},
                                                      {1500ns, "1.5\xc2\xb5s"},
                                                      {24h + 1ns, "24h0m0.000000001s"},
                                                      {Duration(INT64_MIN), "-2562047h47m16.854775808s"},
                                                      {Duration(INT64_MAX), "2562047h47m16.854775807s"}};
    for (const auto& [value, text] : cases) {
      CHECK_EQ(std::string(text), goDuration(value));
      CHECK_MSG(text, parseGoDuration(text) == value);
    }
  }
};
SUITE(GoDurationTest);
