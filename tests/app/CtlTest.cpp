#include "app/Ctl.h"

#include <unistd.h>

#include <sstream>

#include "app/Flags.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

struct CtlTest : test::Suite<CtlTest> {
  static void list(List& l) {
    l.add("a command's words, input, output and status pass whole", &CtlTest::passes);
    l.add("an exception becomes an error text and status 1", &CtlTest::throws_);
    l.add("no server is said clearly", &CtlTest::noServer);
    l.add("options as Go writes them", &CtlTest::flags);
  }

  std::string path = "/tmp/mox-ctl-test-" + std::to_string(::getpid());
  std::ostringstream out, err;

  void passes() {
    std::string big(300'000, 'x');
    CtlServer server(path, [&](const CtlRequest& r, std::ostream& o, std::ostream& e) {
      o << r.words.at(0) << r.words.at(1) << r.input << big;
      e << "careful";
      return 3;
    }, Log());
    auto status = ctlCall(path, {{"queue", std::string("a\n\0b", 4)}, "in\nput"}, out, err);
    CHECK_EQ(3, status.value());
    CHECK(out.str() == std::string("queuea\n\0bin\nput", 15) + big);
    CHECK_EQ(std::string("careful"), err.str());
  }

  void throws_() {
    CtlServer server(path, [](const CtlRequest&, std::ostream&, std::ostream&) -> int { throw std::runtime_error("disk gone"); }, Log());
    CHECK_EQ(1, ctlCall(path, {{"x"}, ""}, out, err).value());
    CHECK_EQ(std::string("error: disk gone\n"), err.str());
  }

  void noServer() {
    auto status = ctlCall(path, {{"x"}, ""}, out, err);
    CHECK(!status && status.error().text.find("no server answers") == 0);
  }

  void flags() {
    std::string host = "def";
    bool skip = false;
    Flags f;
    f.text("hostname", host, "Name.").toggle("skipdial", skip, "Skip.");
    auto rest = f.parse({"-skipdial", "--hostname=h", "you@x", "-not"});
    CHECK(rest && rest->size() == 2 && skip && host == "h");
    CHECK(!f.parse({"-nope"}));
    CHECK(!f.parse({"-hostname"}));
    CHECK(!f.parse({"-skipdial=maybe"}));
    CHECK_EQ(std::size_t(1), f.parse({"-skipdial=false", "--", "-x"})->size());
    CHECK(!skip);
  }
};
SUITE(CtlTest);
