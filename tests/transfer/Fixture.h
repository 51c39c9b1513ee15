// A data directory with accounts, folders to import from, and what an account holds as text.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/Date.h"
#include "base/Random.h"
#include "store/Accounts.h"
#include "store/Verify.h"
#include "support/Test.h"
#include "transfer/Exporter.h"
#include "transfer/Importer.h"
#include "transfer/TreeReader.h"

namespace mox::transfer::test {

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/mox-transfer-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = pattern;
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    std::ofstream(*this / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(*this / name, std::ios::binary).rdbuf();
    return out.str();
  }

 private:
  std::string path_;
};

/// mailbox, flags, date and octets of each message, sorted by mailbox and UID.
using Holdings = std::vector<std::string>;

struct Fixture {
  TempDirectory directory;
  store::SystemFiles files;
  FakeClock clock;
  FakeRandom random;
  Metrics metrics;
  LimitHits limits{metrics, Log()};
  std::unique_ptr<store::Accounts> accounts = std::make_unique<store::Accounts>(directory / "data", environment());
  std::vector<std::string> problems;
  ImportCounts counts;

  store::Environment environment() {
    store::Environment out;
    out.files = &files;
    out.clock = &clock;
    out.random = &random;
    return out;
  }

  std::shared_ptr<store::Account> account(const std::string& name) {
    auto opened = accounts->open(name);
    CHECK(opened.has_value());
    (*opened)->ensureMailboxes({{"Inbox", 0}});
    return *opened;
  }

  Result<void> import(const std::string& name, const std::string& path, ImportOptions options = {}, std::function<bool()> stopping = {}) {
    problems.clear();
    ImportListener listener;
    listener.progress = [](const ImportCounts&) {};
    listener.problem = [&](const std::string& where, const std::string& reason) { problems.push_back(where + ": " + reason); };
    listener.stopping = std::move(stopping);
    auto importer = Importer::make({*accounts, clock, random, limits}, account(name), std::move(options), listener);
    if (!importer) return tl::unexpected(importer.error());
    auto full = directory / path;
    auto kind = pathKind(full);
    if (!kind) return tl::unexpected(kind.error());
    auto open = [&]() { return *kind == PathKind::archive ? openArchive(full) : openFolder(full); };
    auto done = TreeReader(open, **importer, *kind == PathKind::file).run();
    auto finished = (*importer)->finish();
    counts = (*importer)->counts();
    return done ? finished : done;
  }

  Result<ExportCounts> exportTo(const std::string& name, const std::string& path, ExportOptions options = {}) {
    auto target = makeTarget(files, directory / path);
    auto counted = Exporter(*accounts, *account(name), *target, std::move(options)).run();
    if (counted) target->finish();
    return counted;
  }

  Holdings holdings(const std::string& name) {
    auto look = account(name)->reader();
    Holdings out;
    for (const auto& mailbox : look.mailboxes()) {
      out.push_back("[" + mailbox.name + "]");
      look.forEach(mailbox.id, Uid(1), [&](const store::MessageRow& row) {
        out.push_back(imap::flagsText(row.flags) + " " + rfc3339Seconds(row.received) + " " + std::string(look.content(row.id).view()));
        return true;
      });
    }
    return out;
  }

  void checkSound(const std::string& name) {
    std::string text;
    for (const auto& problem : store::verify(*account(name), files)) text += problem + "\n";
    CHECK_EQ(std::string(), text);
  }
};

inline std::string show(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

}  // namespace mox::transfer::test
