// imapload: an IMAP client in several roles, each a measure of ./dev bench. Prints one line of JSON.
//
//   --role idle    opens connections that are logged in with the Inbox selected, prints a line, and holds them until its
//                  standard input ends
//   --role tell    opens connections in IDLE on the mailbox, appends a message by another, and takes the time from sending it
//                  until all were told: the worst of --times
//   --role login   connects, logs in and out, again and again
//   --role append  appends messages, one after the answer to the other, on as many connections as there are threads
//   --role fill    appends messages, many by one command (RFC 3502)
//   --role command gives --command (%n is the number of the time) --times times after --before, and tells how long each
//                  took; the answer must hold --count FETCH responses (unless 0) and end with --expect
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ImapClient.h"
#include "Letter.h"

namespace mox::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kTogether = 100;  // messages of a MULTIAPPEND, in role fill

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Measure {
 public:
  explicit Measure(const Options& options) : options_(options), count_(options.number("count")) {}
  int run();

 private:
  // Does something `count` times on several threads and gives its seconds; the first failure ends it.
  double many(std::size_t count, const std::function<void(std::size_t)>& one);
  std::vector<std::unique_ptr<ImapClient>> connected(const std::string& last);
  double idle();
  double tell();
  double login();
  double append();
  double fill();
  double command();
  [[nodiscard]] std::string letter(std::size_t number) const { return mox::bench::letter(number, options_.number("size"), options_.text("run")); }
  [[nodiscard]] std::unique_ptr<ImapClient> client(std::size_t number = 0) const {
    auto made = std::make_unique<ImapClient>(options_, tls_, number);
    made->login(options_);
    return made;
  }

  const Options& options_;
  Tls tls_;
  std::size_t count_;
  std::size_t octets_ = 0;
  std::string times_;  // of each command
};

double Measure::many(std::size_t count, const std::function<void(std::size_t)>& one) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::string failure;
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options_.number("threads"); ++i) {
    threads.emplace_back([&] {
      for (std::size_t number = next++; number < count; number = next++) {
        try {
          one(number);
        } catch (const std::runtime_error& error) {
          next = count;
          const std::lock_guard lock(mutex);
          if (failure.empty()) failure = "number " + std::to_string(number) + ": " + error.what();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  if (!failure.empty()) throw std::runtime_error(failure);
  return since(start);
}

std::vector<std::unique_ptr<ImapClient>> Measure::connected(const std::string& last) {
  std::vector<std::unique_ptr<ImapClient>> clients(count_);
  many(count_, [&](std::size_t number) {
    clients[number] = client(number);
    clients[number]->command("SELECT \"" + options_.text("mailbox") + "\"");
    if (!last.empty()) {
      clients[number]->wire().send("c " + last + "\r\n");
      while (clients[number]->wire().line().substr(0, 1) != "+") {
      }
    }
    clients[number]->wire().rest();
  });
  return clients;
}

double Measure::idle() {
  const auto start = Clock::now();
  auto clients = connected("");
  const double elapsed = since(start);
  std::puts("open");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  // Each must still be there: a connection the server dropped would have made its memory look small.
  for (auto& client : clients) client->command("NOOP");
  return elapsed;
}

double Measure::tell() {
  auto clients = connected("IDLE");
  auto sender = client(count_);
  double worst = 0;
  for (std::size_t i = 0; i < options_.number("times"); ++i) {
    const auto start = Clock::now();
    sender->sendAppend(options_.text("mailbox"), letter(i));
    for (auto& client : clients)
      while (client->wire().line().find(" EXISTS") == std::string_view::npos) {
      }
    worst = std::max(worst, since(start));
    sender->finish("APPEND");
  }
  return worst;
}

double Measure::login() {
  return many(count_, [&](std::size_t number) { client(number)->command("LOGOUT"); });
}

double Measure::append() {
  const std::size_t threads = options_.number("threads");
  std::vector<std::unique_ptr<ImapClient>> clients;
  for (std::size_t i = 0; i < threads; ++i) clients.push_back(client(i));
  std::atomic<std::size_t> next{0};
  return many(threads, [&](std::size_t mine) {
    for (std::size_t number = next++; number < count_; number = next++) clients[mine]->append(options_.text("mailbox"), letter(number));
  });
}

double Measure::fill() {
  auto sender = client();
  const auto start = Clock::now();
  for (std::size_t done = 0; done < count_;) {
    std::string words = "c APPEND \"" + options_.text("mailbox") + "\"";
    for (const auto end = std::min(done + kTogether, count_); done < end; ++done) {
      const auto message = letter(done);
      words += " {" + std::to_string(message.size()) + "+}\r\n" + message;
    }
    sender->wire().send(words + "\r\n");
    sender->finish("APPEND");
  }
  return since(start);
}

std::string numbered(std::string text, std::size_t number) {
  if (const auto at = text.find("%n"); at != std::string::npos) text.replace(at, 2, std::to_string(number));
  return text;
}

double Measure::command() {
  auto asking = client();
  if (!options_.text("before").empty()) asking->command(options_.text("before"));
  double elapsed = 0;
  for (std::size_t i = 0; i < options_.number("times"); ++i) {
    const auto words = numbered(options_.text("command"), i + 1);
    const auto start = Clock::now();
    const auto answer = asking->bulk(words);
    const double took = since(start);
    elapsed += took;
    octets_ = answer.octets;
    times_ += (times_.empty() ? "" : ", ") + std::to_string(took);
    if (count_ != 0 && answer.messages != count_) throw std::runtime_error(std::to_string(answer.messages) + " FETCH responses");
    if (answer.end.find(options_.text("expect")) == std::string::npos) throw std::runtime_error("not as expected: " + answer.end);
  }
  return elapsed;
}

int Measure::run() {
  const std::string& role = options_.text("role");
  double elapsed = 0;
  if (role == "idle") elapsed = idle();
  else if (role == "tell") elapsed = tell();
  else if (role == "login") elapsed = login();
  else if (role == "append") elapsed = append();
  else if (role == "fill") elapsed = fill();
  else if (role == "command") elapsed = command();
  else throw std::runtime_error("--role is idle, tell, login, append, fill or command");
  std::printf("{\"count\": %zu, \"seconds\": %.6f, \"rate\": %.1f, \"octets\": %zu, \"times\": [%s]}\n", count_, elapsed,
              static_cast<double>(count_) / elapsed, octets_, times_.c_str());
  return 0;
}

void raiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);  // if that is too few, connecting says so
}

}  // namespace
}  // namespace mox::bench

int main(int count, char** words) {
  try {
    const mox::bench::Options options(count, words,
                                      {{"role", "login"},
                                       {"host", "127.0.0.1"},
                                       {"port", "993"},
                                       {"tls", "yes"},
                                       {"spread", "yes"},
                                       {"first", "0"},
                                       {"user", "me@user.test"},
                                       {"password", "secret"},
                                       {"count", "100"},
                                       {"threads", "1"},
                                       {"size", "5120"},
                                       {"run", "r"},
                                       {"mailbox", "Bench"},
                                       {"before", ""},
                                       {"command", "NOOP"},
                                       {"times", "1"},
                                       {"expect", ""}});
    mox::bench::raiseFileLimit();
    return mox::bench::Measure(options).run();
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "imapload: %s\n", error.what());
    return 2;
  }
}
