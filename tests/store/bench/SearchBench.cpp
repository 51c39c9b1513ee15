// What the full-text index costs and gives: time and CPU a message, its size against text and mail, searches.
// Usage: search-bench [MESSAGES [DIRECTORY WITH ONE MESSAGE A FILE]]. Without a directory: generated mail of 5 KB, and mail
// with attachments. A search is timed as a client sees it: candidates, then each checked against its message.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "base/Text.h"
#include "message/SearchText.h"
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

double memoryMiB() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Made-up words, the first of them often and the last seldom, as in a language.
class Writer {
 public:
  Writer() : random_(1) {
    for (int i = 0; i < 40'000; ++i) {
      std::string word;
      for (auto letters = 2 + random_() % 9; letters > 0; --letters) word += "etaoinshrdlucmfwypvbgkjqxz"[below(26)];
      words_.push_back(word);
    }
  }
  std::size_t below(double limit) { return static_cast<std::size_t>(limit * std::pow(static_cast<double>(random_()) / 4294967296.0, 1.7)); }
  const std::string& word() { return words_[static_cast<std::size_t>(std::pow(40'000.0, static_cast<double>(random_()) / 4294967296.0)) - 1]; }
  std::string text(std::size_t octets) {
    std::string out;
    for (std::size_t line = 0; out.size() < octets; line = out.size() - out.rfind('\n') - 1) out += line > 70 ? "\r\n" : word() + ' ';
    return out + "\r\n";
  }
  std::string bytes(std::size_t count) {
    std::string out;
    while (out.size() < count) out += static_cast<char>(random_());
    return out;
  }
  std::string hexId() { return hex(bytes(12)); }

  std::string header(int i) {
    return "Received: from mail" + std::to_string(i % 50) + ".example.net by mx.example.org with ESMTPS id " + hexId() +
           "\r\n for <alice@example.org>; Wed, 25 Nov 2026 08:00:00 +0000\r\nFrom: " + word() + ' ' + word() + " <" + word() +
           "@example.net>\r\nTo: Alice <alice@example.org>\r\nSubject: " + text(30) + "Message-ID: <" + hexId() +
           "@example.net>\r\nDate: Wed, 25 Nov 2026 08:00:00 +0000\r\n";
  }
  std::string plain(int i, std::size_t size) {
    auto head = header(i) + "Content-Type: text/plain; charset=utf-8\r\n\r\n";
    return head + text(size - head.size()) + (i % 1000 == 7 ? "A zebrafinch among the words\r\n" : "");
  }
  std::string attached(int i, std::size_t size) {
    auto encoded = base64(bytes(size * 3 / 4));
    std::string lines;
    for (std::size_t at = 0; at < encoded.size(); at += 76) lines += encoded.substr(at, 76) + "\r\n";
    return header(i) + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text(3'000) +
           "\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines + "--b--\r\n";
  }

 private:
  std::mt19937 random_;
  std::vector<std::string> words_;
};

struct Mails {
  store::test::AccountFixture fixture;
  std::vector<std::string> waiting;
  std::size_t count = 0;
  double mail = 0, text = 0;

  void add(std::string message) {
    ++count;
    mail += static_cast<double>(message.size());
    waiting.push_back(std::move(message));
    if (waiting.size() >= 200) flush();
  }

  void flush() {
    std::vector<message::Parsed> parsed;
    std::vector<NewMessage> messages;
    for (const auto& one : waiting) parsed.push_back(message::parse(one));
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      text += static_cast<double>(message::searchText(parsed[i].root, waiting[i], true).text.size());
      NewMessage made;
      made.mailbox = fixture.inbox;
      made.data = waiting[i];
      made.parsed = &parsed[i];
      made.partTree = message::encode(parsed[i].root);
      messages.push_back(std::move(made));
    }
    if (!fixture.account->deliver(std::move(messages))) std::abort();
    waiting.clear();
  }

  void index() {
    flush();
    fixture.account->maintain();
    auto cpu = cpuSeconds();
    auto memory = memoryMiB();
    auto start = Watch::now();
    double longest = 0;
    std::size_t rounds = 0;
    for (bool more = true; more; ++rounds) {
      auto begun = Watch::now();
      more = fixture.account->updateSearch(true);
      longest = std::max(longest, since(begun));
    }
    auto messages = static_cast<double>(count);
    std::printf("index: %.0f us a message (%.0f us CPU), %zu rounds, the longest %.0f ms, %.1f MiB more memory\n", since(start) / messages * 1e6,
                (cpuSeconds() - cpu) / messages * 1e6, rounds, longest * 1000, memoryMiB() - memory);
    fixture.account->maintain();
    fixture.account->maintain();  // closes the writer, so that the log is in the file
    double size = 0;
    for (const char* suffix : {"", "-wal"}) size += static_cast<double>(std::max<std::int64_t>(0, fixture.files.size(fixture.directory / "alice/search.db" + suffix)));
    std::printf("size: %zu messages, %.1f MB of mail, %.1f MB of text, index %.1f MB: %.1f %% of the text, %.1f %% of the mail\n", count, mail / 1e6,
                text / 1e6, size / 1e6, size / text * 100, size / mail * 100);
  }

  void search(const std::string& needle, const char* what) {
    double best = 1e9, bestAll = 1e9;
    std::size_t candidates = 0, hits = 0;
    for (int i = 0; i < 5; ++i) {
      auto look = fixture.account->reader();
      auto start = Watch::now();
      auto found = look.searchCandidates({needle});
      best = std::min(best, since(start));
      if (!found) {
        std::printf("search %s: the index cannot tell\n", what);
        return;
      }
      candidates = found->size();
      hits = 0;
      for (auto id : *found) {
        auto structure = look.structure(id);
        auto tree = message::decode(structure->partTree);
        auto content = look.content(id);
        hits += message::searchText(*tree, content.view(), true).text.find(needle) != std::string::npos ? 1U : 0U;
      }
      bestAll = std::min(bestAll, since(start));
    }
    std::printf("search %s: %zu hits in %zu candidates, %.2f ms + check = %.2f ms\n", what, hits, candidates, best * 1000, bestAll * 1000);
  }
};

void generated(int count) {
  Writer writer;
  Mails mails;
  std::string common = writer.word();
  for (int i = 0; i < count; ++i) mails.add(writer.plain(i, 5'000));
  std::printf("mail of 5 KB\n");
  mails.index();
  mails.search("zebrafinch", "a seldom word");
  mails.search("a zebrafinch among the", "a phrase");
  mails.search("no such text in it", "nothing");
  mails.search("mail17.example.net", "a host, in one of 50");
  mails.search("content-type", "what all have");
}

void attachments(int count) {
  Writer writer;
  Mails mails;
  for (int i = 0; i < count; ++i) mails.add(writer.attached(i, i % 10 == 0 ? 400'000 : i % 3 == 0 ? 60'000 : 20'000));
  std::printf("mail with attachments\n");
  mails.index();
}

void fromDirectory(const std::string& directory) {
  Mails mails;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    mails.add(text.str());
  }
  std::printf("%s\n", directory.c_str());
  mails.index();
  for (const char* needle : {"linux", "exmh-workers", "unsubscribe from this", "viagra", "subject: re: "}) mails.search(needle, needle);
}

}  // namespace

int main(int argc, char** argv) {
  int count = argc > 1 ? std::atoi(argv[1]) : 20'000;
  if (argc > 2) {
    fromDirectory(argv[2]);
    return 0;
  }
  generated(count);
  attachments(count / 20);
  return 0;
}
