// How fast the queue relays on this machine: 5 KB messages from add() by some threads to a sink in the same process, for
// 32 domains (each with a host of its own) and for one.
// Usage: queue-bench [MESSAGES [THREADS]]
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "queue/QueueFixture.h"

namespace {

using namespace mox;
using namespace mox::queue;
using Watch = std::chrono::steady_clock;

double since(Watch::time_point start) { return std::chrono::duration<double>(Watch::now() - start).count(); }

double cpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string body() {
  std::string text = "From: <user@example.org>\r\nSubject: bench\r\n\r\n";
  while (text.size() < 5'000) text += "a line of an ordinary message, neither long nor short, " + std::to_string(text.size()) + "\r\n";
  return text;
}

struct House : mox::queue::test::QueueFixture {
  std::vector<std::unique_ptr<mox::queue::test::Sink>> sinks;

  explicit House(int domains) {
    build();
    for (int i = 0; i < domains; ++i) {
      auto port = sinks.empty() ? std::uint16_t{0} : sinks.front()->at().port;
      auto ip = IpAddress::v4({127, 0, 1, static_cast<std::uint8_t>(i + 1)});
      sinks.push_back(std::make_unique<mox::queue::test::Sink>(*engine, mox::queue::test::Script(), port, ip));
      domain("d" + std::to_string(i) + ".example", sinks.back()->at());
    }
    start();
  }
  std::size_t taken() const {
    std::size_t all = 0;
    for (const auto& one : sinks) all += one->count();
    return all;
  }
};

void relay(int domains, int messages, int threads) {
  House house(domains);
  const auto text = body();
  auto cpu = cpuSeconds();
  auto start = Watch::now();
  std::vector<std::thread> submitters;
  for (int t = 0; t < threads; ++t)
    submitters.emplace_back([&, t] {
      for (int i = t; i < messages; i += threads) {
        auto m = mox::queue::test::message({"to@d" + std::to_string(i % domains) + ".example"});
        m.data = text;
        house.queue->add(m);
      }
    });
  for (auto& thread : submitters) thread.join();
  auto submitted = since(start);
  while (house.queue->size() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  auto all = since(start);
  auto counts = house.queue->storage().counts();
  std::printf("%2d domains, %d threads: %.0f relayed/s (submitted in %.2f s, all gone in %.2f s), %.2f commits and %.2f ms CPU a message, "
              "%zu connections, %zu taken\n",
              domains, threads, messages / all, submitted, all, static_cast<double>(counts.commits) / messages,
              (cpuSeconds() - cpu) * 1000 / messages, static_cast<std::size_t>(house.queue->dials()), house.taken());
}

}  // namespace

int main(int argc, char** argv) {
  int messages = argc > 1 ? std::atoi(argv[1]) : 5'000;
  int threads = argc > 2 ? std::atoi(argv[2]) : 16;
  relay(32, messages, threads);
  relay(1, messages, threads);
  return 0;
}
