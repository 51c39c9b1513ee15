#include "app/Ctl.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>
#include <sstream>
#include <vector>

#include "app/Flags.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

struct CtlTest : test::Suite<CtlTest> {
  static void list(List& l) {
    l.add("a command's words, input, output and status pass whole", &CtlTest::passes);
    l.add("an exception becomes an error text and status 1", &CtlTest::throws_);
    l.add("a stop waits for an answer that is read, and cuts off one that is not", &CtlTest::stops);
    l.add("a stop takes in none of those that wait for their turn", &CtlTest::stopsFull);
    l.add("without a descriptor to be had it rests, and answers when there is one", &CtlTest::noDescriptor);
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

  /// A client that asked for `word` and reads nothing.
  net::Fd asked(const std::string& word) {
    auto fd = tryConnect(path);
    CHECK(fd.has_value());
    auto text = "mox-ctl 1 1 0\n" + std::to_string(word.size()) + "\n" + word;
    CHECK_EQ(static_cast<ssize_t>(text.size()), ::send(fd->get(), text.data(), text.size(), MSG_NOSIGNAL));
    return std::move(*fd);
  }

  /// False if the server is there after ten seconds, for which a test that passes does not wait.
  static bool ends(std::unique_ptr<CtlServer>& server) {
    auto gone = std::async(std::launch::async, [&] { server.reset(); });
    bool inTime = gone.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    return gone.wait(), inTime;
  }

  /// No descriptor can be had while it lives.
  struct NoDescriptors {
    NoDescriptors() {
      ::getrlimit(RLIMIT_NOFILE, &before);
      auto none = before;
      none.rlim_cur = static_cast<rlim_t>(net::Fd(::dup(0)).get());
      ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before); }
    rlimit before{};
  };

  void noDescriptor() {
    std::promise<void> rests;
    std::atomic<int> told = 0;
    SystemClock clock;
    LogSink sink(clock, LogFormat::logfmt, LogLevel::info, [&](std::string_view line) {
      if (line.find("cannot take control connections") != std::string_view::npos && told++ == 0) rests.set_value();
    });
    CtlServer server(path, [](const CtlRequest&, std::ostream& o, std::ostream&) { return o << "done", 0; }, Log(sink, "app"));
    net::Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    {
      NoDescriptors none;
      CHECK_EQ(0, ::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
      CHECK(rests.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    }
    std::string request = "mox-ctl 1 0 0\n", answer;
    CHECK_EQ(static_cast<ssize_t>(request.size()), ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL));
    char buffer[64];
    for (ssize_t got = 0; (got = ::recv(client.get(), buffer, sizeof buffer, 0)) > 0;) answer.append(buffer, static_cast<std::size_t>(got));
    CHECK_EQ(std::string("o 4\ndonex 0\n"), answer);
    CHECK_MSG(std::to_string(told), told < 100);
  }

  void stops() {
    std::promise<void> begun, mayEnd;
    std::string outcome;
    auto handler = [&](const CtlRequest& request, std::ostream& o, std::ostream&) {
      begun.set_value();
      if (request.words[0] == "brief") return mayEnd.get_future().wait(), o << "whole", 0;
      try {
        for (int i = 0; i < 1'000; ++i) o << std::string(100'000, 'x') << std::flush;
        outcome = "all was taken";
      } catch (const std::exception& broken) {
        outcome = broken.what();
        throw;
      }
      return 0;
    };
    // Nobody reads: the command sees an error and ends.
    auto server = std::make_unique<CtlServer>(path, handler, Log(), Duration(0));
    auto deaf = asked("long");
    begun.get_future().wait();
    CHECK(ends(server));
    CHECK_EQ(std::string("the other side of the control socket is gone"), outcome);
    // Somebody does: the answer is whole.
    begun = std::promise<void>();
    server = std::make_unique<CtlServer>(path, handler, Log(), std::chrono::minutes(1));
    auto answer = std::async(std::launch::async, [&] { return ctlCall(path, {{"brief"}, ""}, out, err); });
    begun.get_future().wait();
    auto gone = std::async(std::launch::async, [&] { server.reset(); });
    mayEnd.set_value();
    CHECK_EQ(0, answer.get().value());
    CHECK_EQ(std::string("whole"), out.str());
  }

  void stopsFull() {
    auto server = std::make_unique<CtlServer>(path, [](const CtlRequest&, std::ostream&, std::ostream&) { return 0; }, Log(), std::chrono::minutes(1));
    std::vector<net::Fd> idle;
    for (std::size_t i = 0; i <= ctlConnectionLimit; ++i) idle.push_back(std::move(*tryConnect(path)));
    CHECK(ends(server));
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
