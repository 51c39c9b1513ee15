// Random commands of four sessions over two accounts against a plain model. MOX_MODEL_COMMANDS says how many (20,000 if
// not set), MOX_MODEL_SEED where the first seed begins.
#include <fmt/format.h>

#include <cstdlib>

#include "imapserver/model/Driver.h"
#include "support/Test.h"

using namespace mox::test::model;

namespace {

constexpr int commandsOfASeed = 5'000;  // then a new house: small numbers are where the mistakes are

int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

}  // namespace

struct ImapModelTest : mox::test::Suite<ImapModelTest> {
  static void list(List& l) { l.add("every answer to random commands is what the model says", &ImapModelTest::random); }

  void random() {
    int left = setting("MOX_MODEL_COMMANDS", 20'000);
    std::map<std::string, int> done;
    for (auto seed = static_cast<std::uint64_t>(setting("MOX_MODEL_SEED", 1)); left > 0; ++seed) {
      Driver driver(seed);
      int at = 0;
      try {
        for (; at < commandsOfASeed && left > 0; ++at, --left) driver.step();
        driver.finish();
      } catch (const std::exception& wrong) {
        CPPUNIT_FAIL(fmt::format("seed {}, command {}: {}", seed, at, wrong.what()));
      }
      for (const auto& [name, count] : driver.done()) done[name] += count;
    }
    std::string missing;
    for (const char* name : {"SELECT", "CLOSE", "NOOP", "IDLE", "reconnect", "STATUS", "LIST", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "APPEND", "FETCH",
                             "FETCH BODY", "STORE", "STORE UNCHANGEDSINCE", "COPY", "MOVE", "EXPUNGE", "SEARCH", "SEARCH PARTIAL", "SEARCH SAVE", "SORT",
                             "THREAD REFERENCES", "THREAD ORDEREDSUBJECT", "SETMETADATA", "GETMETADATA", "NOTIFY", "delivery"})
      if (done[name] < 10) missing += std::string(" ") + name;
    CHECK_MSG("hardly done:" + missing, missing.empty());
  }
};
SUITE(ImapModelTest);
