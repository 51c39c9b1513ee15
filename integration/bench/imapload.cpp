// imapload: an IMAP client in several roles, each a measure of ./dev bench. Prints one line of JSON.
//
//   --role idle    opens connections that are logged in with the Inbox selected, prints a line, and holds them until its
//                  standard input ends
//   --role wake    holds connections in IDLE on --mailbox, appends a message there, and takes the time from sending it until
//                  all have heard of it: the worst of some rounds
//   --role login   connects, logs in and out, again and again
//   --role append  appends messages, one after the answer to the other
//   --role fill    appends messages with all literals on their way at once
//   --role fetch   FETCHes one item of every message of the mailbox, which holds --count of them
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

#include "Options.h"
#include "Wire.h"

namespace mox::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kInFlight = 16;  // appends, in role fill: 80 KB, less than a socket buffer, so that nobody blocks for ever

std::size_t occurrences(std::string_view text, std::string_view mark) {
  std::size_t count = 0;
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) ++count;
  return count;
}

class Client {
 public:
  Client(const Options& options, const Tls& tls, std::size_t number)
      : wire_(Endpoint{options.text("host"), static_cast<unsigned short>(options.number("port")), options.yes("spread"), 60},
              options.number("first") + number) {
    if (options.yes("tls")) wire_.startTls(tls);
    (void)wire_.line();
  }

  void login(const Options& options) { command("LOGIN \"" + options.text("user") + "\" \"" + options.text("password") + "\""); }

  void command(const std::string& words) {
    wire_.send("c " + words + "\r\n");
    finish(words);
  }

  // Reads up to the tagged answer; no literal may come.
  void finish(const std::string& words) {
    std::string_view line = wire_.line();
    while (line.substr(0, 2) != "c ") {
      if (line.substr(0, 5) == "* BYE" && words != "LOGOUT") throw std::runtime_error(std::string(line));
      line = wire_.line();
    }
    if (line.substr(0, 5) != "c OK ") throw std::runtime_error(words.substr(0, 20) + ": " + std::string(line));
  }

  // Octets of the answer, which must tell of that many messages. It is not parsed further, so that the server is what is measured.
  std::size_t bulk(const std::string& words, std::size_t messages) {
    static const std::string kTag = "\r\nzq8xk7 ", kMark = " FETCH (";  // neither is in a message of ours
    wire_.send(kTag.substr(2) + words + "\r\n");
    std::size_t octets = 0, found = 0;
    std::string tail = "\r\n";
    for (;;) {
      const std::string_view piece = wire_.piece();
      octets += piece.size();
      // A mark that lies across two pieces is found in the end of one with the start of the other.
      std::string seam = tail.substr(tail.size() - std::min(tail.size(), kMark.size() - 1));
      seam += piece.substr(0, kMark.size() - 1);
      found += occurrences(seam, kMark) + occurrences(piece, kMark);
      tail.append(piece.substr(piece.size() > kTail ? piece.size() - kTail : 0));
      if (tail.size() > kTail) tail.erase(0, tail.size() - kTail);
      const std::size_t at = tail.rfind(kTag);
      if (at == std::string::npos || tail.compare(tail.size() - 2, 2, "\r\n") != 0) continue;
      if (tail.compare(at + kTag.size(), 3, "OK ") != 0) throw std::runtime_error(words + tail.substr(at));
      if (found != messages) throw std::runtime_error(words + ": " + std::to_string(found) + " answers");
      return octets;
    }
  }

  Wire& wire() { return wire_; }

 private:
  static constexpr std::size_t kTail = 1024;
  Wire wire_;
};

class Measure {
 public:
  explicit Measure(const Options& options) : options_(options), count_(options.number("count")) {
    const std::string words = "some words of a body that is neither short nor long, and then a number too\r\n";
    body_ = "From: <x@a.test>\r\nTo: <me@user.test>\r\nSubject: load\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\n\r\n";
    while (body_.size() + words.size() <= options.number("size")) body_ += words;
  }

  int run();

 private:
  // Does something `count` times on several threads and gives its seconds; the first failure ends it.
  double many(const std::function<void(std::size_t)>& one);
  double idle();
  double wake();
  double append();
  double fill();
  double fetch();
  [[nodiscard]] std::string appendCommand(const char* plus) const {
    return "c APPEND \"" + options_.text("mailbox") + "\" {" + std::to_string(body_.size()) + plus + "}\r\n";
  }

  const Options& options_;
  Tls tls_;
  std::size_t count_;
  std::size_t octets_ = 0;
  std::string body_;
};

double Measure::many(const std::function<void(std::size_t)>& one) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::string failure;
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options_.number("threads"); ++i) {
    threads.emplace_back([&] {
      for (std::size_t number = next++; number < count_; number = next++) {
        try {
          one(number);
        } catch (const std::runtime_error& error) {
          next = count_;
          const std::lock_guard lock(mutex);
          if (failure.empty()) failure = "number " + std::to_string(number) + ": " + error.what();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  if (!failure.empty()) throw std::runtime_error(failure);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Measure::idle() {
  std::vector<std::unique_ptr<Client>> clients(count_);
  const double elapsed = many([&](std::size_t number) {
    clients[number] = std::make_unique<Client>(options_, tls_, number);
    clients[number]->login(options_);
    clients[number]->command("SELECT INBOX");
    clients[number]->wire().rest();
  });
  std::puts("open");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  // Each must still be there: a connection the server dropped would have made its memory look small.
  for (auto& client : clients) client->command("NOOP");
  return elapsed;
}

double Measure::wake() {
  constexpr int kRounds = 10;
  std::vector<std::unique_ptr<Client>> clients(count_);
  (void)many([&](std::size_t number) {
    clients[number] = std::make_unique<Client>(options_, tls_, number);
    clients[number]->login(options_);
    clients[number]->command("SELECT \"" + options_.text("mailbox") + "\"");
    clients[number]->wire().send("c IDLE\r\n");
    while (clients[number]->wire().line().substr(0, 1) != "+") {
    }
    clients[number]->wire().rest();
  });
  Client writer(options_, tls_, count_);
  writer.login(options_);
  double worst = 0;
  for (int round = 0; round < kRounds; ++round) {
    writer.wire().send(appendCommand(""));
    if (writer.wire().line().substr(0, 1) != "+") throw std::runtime_error("APPEND: no continuation");
    const auto start = Clock::now();
    writer.wire().send(body_ + "\r\n");
    (void)many([&](std::size_t number) {
      while (clients[number]->wire().line().find(" EXISTS") == std::string_view::npos) {
      }
    });
    worst = std::max(worst, std::chrono::duration<double>(Clock::now() - start).count());
    writer.finish("APPEND");
  }
  return worst;
}

double Measure::append() {
  Client client(options_, tls_, 0);
  client.login(options_);
  const auto start = Clock::now();
  for (std::size_t i = 0; i < count_; ++i) {
    client.wire().send(appendCommand(""));
    if (client.wire().line().substr(0, 1) != "+") throw std::runtime_error("APPEND: no continuation");
    client.wire().send(body_ + "\r\n");
    client.finish("APPEND");
  }
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Measure::fill() {
  Client client(options_, tls_, 0);
  client.login(options_);
  const auto start = Clock::now();
  for (std::size_t i = 0, answered = 0; answered < count_;) {
    if (i < count_ && i - answered < kInFlight) {
      client.wire().send(appendCommand("+") + body_ + "\r\n");
      ++i;
    } else {
      client.finish("APPEND");
      ++answered;
    }
  }
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Measure::fetch() {
  Client client(options_, tls_, 0);
  client.login(options_);
  client.command("EXAMINE \"" + options_.text("mailbox") + "\"");
  const auto start = Clock::now();
  octets_ = client.bulk("FETCH 1:* (" + options_.text("item") + ")", count_);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int Measure::run() {
  const std::string& role = options_.text("role");
  double elapsed = 0;
  if (role == "idle") elapsed = idle();
  else if (role == "wake") elapsed = wake();
  else if (role == "append") elapsed = append();
  else if (role == "fill") elapsed = fill();
  else if (role == "fetch") elapsed = fetch();
  else if (role == "login") {
    elapsed = many([&](std::size_t number) {
      Client client(options_, tls_, number);
      client.login(options_);
      client.command("LOGOUT");
    });
  } else throw std::runtime_error("--role is idle, wake, login, append, fill or fetch");
  std::printf("{\"count\": %zu, \"seconds\": %.6f, \"rate\": %.1f, \"octets\": %zu}\n", count_, elapsed,
              static_cast<double>(count_) / elapsed, octets_);
  return 0;
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
                                       {"threads", "4"},
                                       {"size", "5120"},
                                       {"mailbox", "Bench"},
                                       {"item", "FLAGS"}});
    return mox::bench::Measure(options).run();
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "imapload: %s\n", error.what());
    return 2;
  }
}
