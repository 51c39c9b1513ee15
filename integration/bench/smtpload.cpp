// smtpload: sends messages over SMTP with a number of sessions at once and says how fast they were taken.
//
// One thread a session, blocking. A message counts when its 250 after the final dot is there; any other reply is an error that
// is counted and shown, and costs the session its connection. Prints one line of JSON.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "Options.h"
#include "Wire.h"

namespace mox::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kErrorsKept = 5;      // different texts
constexpr std::size_t kErrorsAllowed = 50;  // then the run ends

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string base64(const std::string& octets) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    unsigned word = 0;
    const std::size_t count = std::min<std::size_t>(3, octets.size() - i);
    for (std::size_t j = 0; j < 3; ++j) word = word << 8 | (j < count ? static_cast<unsigned char>(octets[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) result += j <= count ? kAlphabet[word >> (18 - 6 * j) & 63] : '=';
  }
  return result;
}

struct Plan {
  explicit Plan(const Options& options)
      : endpoint{options.text("host"), static_cast<unsigned short>(options.number("port")), options.yes("spread"), 60},
        messages(options.number("messages")),
        first(options.number("first")),
        domains(std::max<std::size_t>(1, options.number("domains"))),
        perConnection(options.number("per-connection")),
        pipeline(options.yes("pipeline")),
        tls(options.text("tls")),
        from(options.text("from")),
        recipient(options.text("to")),
        helo(options.text("helo")),
        user(options.text("user")),
        password(options.text("password")),
        run(options.text("run")),
        end(Clock::now() + std::chrono::seconds(options.number("seconds"))) {
    if (tls != "none" && tls != "starttls" && tls != "implicit") throw std::runtime_error("--tls is none, starttls or implicit");
    const std::string words = "some words of a body that is neither short nor long, and then a number too\r\n";
    const std::size_t size = options.number("size");
    while (body.size() + words.size() <= size) body += words;
  }

  // The recipient of a message: the number of its domain in place of %d.
  [[nodiscard]] std::string recipientOf(std::size_t message) const {
    std::string result = recipient;
    const std::size_t at = result.find("%d");
    if (at != std::string::npos) result.replace(at, 2, std::to_string(message % domains));
    return result;
  }

  [[nodiscard]] std::string text(std::size_t message, const std::string& to) const {
    const std::string name = run + "-" + std::to_string(message);
    return "From: <" + from + ">\r\nTo: <" + to + ">\r\nSubject: load " + name + "\r\nMessage-Id: <" + name + "@" + helo +
           ">\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + body + ".\r\n";
  }

  Endpoint endpoint;
  std::size_t messages;
  std::size_t first;  // number of the first connection
  std::size_t domains;
  std::size_t perConnection;  // 0: one connection for the whole run
  bool pipeline;
  std::string tls, from, recipient, helo, user, password, run;
  std::string body;
  Clock::time_point end;
};

class Load {
 public:
  explicit Load(const Plan& plan) : plan_(plan), connections_(plan.first) {}

  void session();
  [[nodiscard]] std::string report(double elapsed) const;

 private:
  [[nodiscard]] std::unique_ptr<Wire> open();
  void hello(Wire& wire) const;
  void transaction(Wire& wire, std::size_t message) const;
  static void expect(Wire& wire, const char* code, const char* what);
  void failed(const std::string& reason);

  const Plan& plan_;
  Tls tls_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> connections_;  // numbers them, see source()
  std::mutex mutex_;                      // guards what follows
  std::vector<double> latencies_;
  std::size_t errors_ = 0;
  std::map<std::string, std::size_t> reasons_;
};

void Load::expect(Wire& wire, const char* code, const char* what) {
  std::string_view line = wire.line();
  while (line.size() > 3 && line[3] == '-') line = wire.line();
  if (line.substr(0, 3) != code) throw std::runtime_error(std::string(what) + ": " + std::string(line));
}

void Load::hello(Wire& wire) const {
  wire.send("EHLO " + plan_.helo + "\r\n");
  expect(wire, "250", "EHLO");
}

std::unique_ptr<Wire> Load::open() {
  auto wire = std::make_unique<Wire>(plan_.endpoint, connections_++);
  if (plan_.tls == "implicit") wire->startTls(tls_);
  expect(*wire, "220", "greeting");
  hello(*wire);
  if (plan_.tls == "starttls") {
    wire->send("STARTTLS\r\n");
    expect(*wire, "220", "STARTTLS");
    wire->startTls(tls_);
    hello(*wire);
  }
  if (!plan_.user.empty()) {
    wire->send("AUTH PLAIN " + base64('\0' + plan_.user + '\0' + plan_.password) + "\r\n");
    expect(*wire, "235", "AUTH");
  }
  return wire;
}

void Load::transaction(Wire& wire, std::size_t message) const {
  const std::string to = plan_.recipientOf(message);
  const std::string mail = "MAIL FROM:<" + plan_.from + ">\r\n", rcpt = "RCPT TO:<" + to + ">\r\n", data = "DATA\r\n";
  const std::string text = plan_.text(message, to);
  if (plan_.pipeline) {
    wire.send(mail + rcpt + data);
    expect(wire, "250", "MAIL");
    expect(wire, "250", "RCPT");
  } else {
    wire.send(mail);
    expect(wire, "250", "MAIL");
    wire.send(rcpt);
    expect(wire, "250", "RCPT");
    wire.send(data);
  }
  expect(wire, "354", "DATA");
  wire.send(text);
  expect(wire, "250", "end of data");
}

void Load::failed(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  ++errors_;
  if (reasons_.size() < kErrorsKept || reasons_.count(reason) > 0) ++reasons_[reason];
  if (errors_ > kErrorsAllowed) next_ = plan_.messages;
}

void Load::session() {
  std::vector<double> latencies;
  std::unique_ptr<Wire> wire;
  std::size_t sent = 0;  // over this connection
  for (std::size_t message = next_++; message < plan_.messages && Clock::now() < plan_.end; message = next_++) {
    try {
      if (!wire) wire = open(), sent = 0;
      const auto start = Clock::now();
      transaction(*wire, message);
      latencies.push_back(seconds(Clock::now() - start));
      if (++sent == plan_.perConnection) {
        wire->send("QUIT\r\n");
        expect(*wire, "221", "QUIT");
        wire.reset();
      }
    } catch (const std::runtime_error& error) {
      failed(error.what());
      wire.reset();
    }
  }
  if (wire) wire->send("QUIT\r\n");
  const std::lock_guard lock(mutex_);
  latencies_.insert(latencies_.end(), latencies.begin(), latencies.end());
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + '"';
}

std::string Load::report(double elapsed) const {
  std::vector<double> sorted = latencies_;
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](std::size_t percent) { return sorted.empty() ? 0 : sorted[(sorted.size() - 1) * percent / 100] * 1000; };
  char numbers[400];
  std::snprintf(numbers, sizeof numbers,
                "{\"accepted\": %zu, \"errors\": %zu, \"seconds\": %.4f, \"rate\": %.1f, \"connections\": %zu, \"p50_ms\": %.3f, "
                "\"p99_ms\": %.3f, \"reasons\": {",
                sorted.size(), errors_, elapsed, static_cast<double>(sorted.size()) / elapsed, connections_ - plan_.first, at(50), at(99));
  std::string result = numbers;
  for (const auto& [reason, count] : reasons_) {
    if (result.back() != '{') result += ", ";
    result += quoted(reason) + ": " + std::to_string(count);
  }
  return result + "}}";
}

int run(int count, const char* const* words) {
  const Options options(count, words,
                        {{"host", "127.0.0.1"},
                         {"port", "25"},
                         {"sessions", "8"},
                         {"messages", "1000"},
                         {"size", "5120"},
                         {"from", "x@a.test"},
                         {"to", "me@user.test"},
                         {"domains", "1"},
                         {"helo", "client.a.test"},
                         {"user", ""},
                         {"password", ""},
                         {"tls", "none"},
                         {"per-connection", "0"},
                         {"pipeline", "no"},
                         {"spread", "no"},
                         {"first", "0"},
                         {"seconds", "60"},
                         {"run", "r"}});
  const Plan plan(options);
  Load load(plan);
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.number("sessions"); ++i) threads.emplace_back([&] { load.session(); });
  for (auto& thread : threads) thread.join();
  std::puts(load.report(seconds(Clock::now() - start)).c_str());
  return 0;
}

}  // namespace
}  // namespace mox::bench

int main(int count, char** words) {
  try {
    return mox::bench::run(count, words);
  } catch (const std::runtime_error& error) {
    std::fprintf(stderr, "smtpload: %s\n", error.what());
    return 2;
  }
}
