// How fast the store is on this machine: durable deliveries, fsyncs a message, CPU a message, snapshots, reads.
// Usage: store-bench [DIRECTORY [SECONDS]]
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "store/GroupCommit.h"
#include "store/StoreFixture.h"

namespace {

using namespace mox;
using namespace mox::store;
using Watch = std::chrono::steady_clock;

double since(Watch::time_point start) { return std::chrono::duration<double>(Watch::now() - start).count(); }

double cpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

store::test::Mail message() {
  auto mail = store::test::mailOfSize(5'000);
  mail.subject("an ordinary subject");
  return mail;
}

NewMessage incoming(const store::test::Mail& mail, MailboxId mailbox) {
  auto made = mail.in(mailbox);
  made.envelope = std::string(400, 'e');
  made.bodyStructure = std::string(150, 'b');
  made.bodyStructureExtended = std::string(250, 'x');
  made.origin.remoteIp = IpAddress::parse("192.0.2.1");
  made.origin.ehloDomain = made.origin.mailFromDomain = made.origin.msgFromDomain = "mail.example.net";
  made.origin.msgFromLocalpart = made.origin.mailFromLocalpart = "someone";
  made.origin.msgFromOrgDomain = "example.net";
  return made;
}

void deliveries(Account& account, MailboxId inbox, int threads, double seconds) {
  std::atomic<int> done{0};
  std::atomic<bool> stop{false};
  auto before = account.writer().counts();
  auto cpu = cpuSeconds();
  auto start = Watch::now();
  std::vector<std::thread> writers;
  for (int w = 0; w < threads; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; !stop; ++i) {
        auto mail = message();
        mail.id(std::to_string(w) + "." + std::to_string(i) + "." + std::to_string(threads) + "@bench.example");
        if (!account.deliver({incoming(mail, inbox)})) std::abort();
        ++done;
      }
    });
  std::thread upkeep([&] {
    for (int i = 0; !stop; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (i % 10 == 9) account.maintain();
    }
  });
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& writer : writers) writer.join();
  upkeep.join();
  auto took = since(start);
  auto after = account.writer().counts();
  double count = done;
  std::printf("deliveries of 5 KB, %d writer(s): %.0f/s, %.3f commits (fdatasync) a message, %.1f statements a message, %.3f ms CPU\n", threads,
              count / took, static_cast<double>(after.commits - before.commits) / count,
              static_cast<double>(after.statements - before.statements) / count, (cpuSeconds() - cpu) / count * 1000);
}

void fill(Account& account, MailboxId mailbox, std::size_t count) {
  store::test::Mail mail;
  for (std::size_t done = 0; done < count; done += 5'000)
    if (!account.deliver(std::vector<NewMessage>(std::min<std::size_t>(5'000, count - done), mail.in(mailbox)))) std::abort();
}

void snapshots(store::test::AccountFixture& fixture, std::size_t count) {
  auto mailbox = fixture.account->createMailbox("n" + std::to_string(count))->created[0].id;
  fill(*fixture.account, mailbox, count);
  fixture.account->maintain();
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    fixture.deliver(store::test::Mail(), mailbox);  // nobody holds a view: the next is read anew
    auto start = Watch::now();
    auto view = fixture.account->snapshot(mailbox);
    best = std::min(best, since(start));
  }
  auto view = fixture.account->snapshot(mailbox);
  auto start = Watch::now();
  for (int i = 0; i < 1'000; ++i) view = fixture.account->snapshot(mailbox);
  auto shared = since(start);
  std::printf("snapshot of %zu: read %.2f ms, shared %.2f us\n", count, best * 1000, shared * 1000);
}

void reads(Account& account, MailboxId inbox) {
  auto view = account.snapshot(inbox);
  auto reader = account.reader();
  std::string out;
  auto timed = [&](const char* what, auto&& read) {
    auto start = Watch::now();
    std::size_t count = 0;
    view->forEach([&](const ViewEntry& entry) {
      if (count >= 20'000) return;
      ++count;
      out.clear();
      read(entry);
    });
    std::printf("%s: %.0f/s\n", what, static_cast<double>(count) / since(start));
  };
  for (const char* round : {"cold", "warm"}) {
    timed((std::string("envelope, ") + round).c_str(), [&](const ViewEntry& e) { reader.appendEnvelope(e.content, out); });
    timed((std::string("body of 5 KB, ") + round).c_str(), [&](const ViewEntry& e) { (void)reader.content(e.message).size(); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) ::setenv("TMPDIR", argv[1], 1);
  double seconds = argc > 2 ? std::atof(argv[2]) : 5;
  store::test::AccountFixture fixture;
  for (int threads : {1, 8}) deliveries(*fixture.account, fixture.inbox, threads, seconds);
  reads(*fixture.account, fixture.inbox);
  for (std::size_t count : {std::size_t{20'000}, std::size_t{500'000}}) snapshots(fixture, count);
  return 0;
}
