#include "app/DataCheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <stdexcept>

#include "app/DataDir.h"
#include "base/Text.h"
#include "queue/Verify.h"
#include "store/Accounts.h"
#include "store/Damage.h"
#include "store/Db.h"
#include "store/Schema.h"
#include "store/SearchIndex.h"
#include "store/Verify.h"

namespace mox::app {

namespace {

class DataCheck {
 public:
  DataCheck(store::Files& files, std::string dataDir, const DataCheckOptions& options, std::ostream& out)
      : files_(files), dataDir_(std::move(dataDir)), options_(options), out_(out) {}

  std::size_t run() {
    if (auto foreign = foreignData(dataDir_); !foreign.empty()) throw std::runtime_error(foreign);
    auto accounts = dataDir_ + "/accounts";
    auto names = files_.list(accounts);
    if (names.empty()) throw std::runtime_error(dataDir_ + ": there are no accounts here");
    auto held = store::lockAccounts(accounts);
    if (files_.size(dataDir_ + "/" + std::string(unfinishedBackupFile)) >= 0)
      part("backup", [] { return std::vector<std::string>{"was not finished: what is here may lack mail"}; });
    if (auto missing = missingFiles(); !missing.empty()) part("data", [&] { return missing; });
    std::sort(names.begin(), names.end());
    for (const auto& name : names)
      if (name != ".lock") account(printable(name), accounts + "/" + name);
    database("auth.db", store::authFormat, [](store::Db& db) { return store::verifyAuth(db); });
    if (files_.size(dataDir_ + "/queue/queue.db") >= 0)
      part("queue", [&] { return queue::verify(dataDir_ + "/queue", files_, options_.sizes, options_.fix); });
    return problems_;
  }

 private:
  /// What a server makes at its first start: where it lacks, something was not copied, and the next start would make it empty.
  std::vector<std::string> missingFiles() const {
    static constexpr std::pair<std::string_view, std::string_view> wanted[] = {
        {"queue/queue.db", "mail that was to be sent"}, {"auth.db", "login attempts, TLS client keys"},
        {"receivedid.key", "ids in Received header fields can be told no more"}, {"salt.key", "all that the configuration asks for is looked at anew"}};
    std::vector<std::string> missing;
    for (const auto& [name, meaning] : wanted)
      if (files_.size(dataDir_ + "/" + std::string(name)) < 0) missing.push_back(fmt::format("there is no {}: {}", name, meaning));
    return missing;
  }

  void part(const std::string& name, const std::function<std::vector<std::string>()>& check) {
    std::vector<std::string> found;
    try {
      found = check();
    } catch (const std::exception& broken) {
      found.push_back(broken.what());
    }
    for (const auto& problem : found) out_ << name << ": " << problem << "\n";
    if (found.empty()) out_ << name << ": ok\n";
    problems_ += found.size();
  }

  /// Nothing, or why a database of this format cannot be looked at.
  static std::vector<std::string> wrongFormat(store::Db& db, int known) {
    auto format = db.scalar("PRAGMA user_version");
    if (format > known) return {fmt::format("written by a newer version (format {}, this one knows up to {})", format, known)};
    if (format <= 0) return {"empty or damaged: it has no tables; restore it from a backup"};
    if (format < known) return {fmt::format("written by an older version (format {}): start this version once, it brings it up to {}", format, known)};
    return {};
  }

  void account(const std::string& name, const std::string& directory) {
    part("account " + name, [&] { return accountProblems(directory); });
    // Not counted: the full-text index holds nothing that is not in the messages, and is made anew.
    for (const auto& warning : store::SearchIndex::check(directory + "/search.db", files_))
      out_ << "account " << name << ": warning: " << warning << "; mox reindex makes it anew\n";
  }

  std::vector<std::string> accountProblems(const std::string& directory) const {
    if (auto damage = store::accountDamage(files_, directory); !damage.empty()) return {damage};
    if (files_.size(directory + "/account.db") <= 0) return {"not an account: there is no account.db, or it is empty"};
    store::Db db(directory + "/account.db");
    auto found = wrongFormat(db, store::accountFormat);
    if (!found.empty()) return found;
    if (options_.fix)
      for (const auto& name : store::moveUnknownBodies(db, files_, directory)) found.push_back("body file of no message: " + name + ", moved");
    store::VerifyOptions verify;
    verify.sizes = options_.sizes;
    auto rest = store::verifyAccount(db, files_, directory, verify);
    found.insert(found.end(), rest.begin(), rest.end());
    return found;
  }

  void database(const std::string& name, int format, std::vector<std::string> (*check)(store::Db&)) {
    auto path = dataDir_ + "/" + name;
    if (files_.size(path) < 0) return;
    part(name, [&] {
      store::Db db(path);
      auto found = wrongFormat(db, format);
      return found.empty() ? check(db) : found;
    });
  }

  store::Files& files_;
  const std::string dataDir_;
  const DataCheckOptions options_;
  std::ostream& out_;
  std::size_t problems_ = 0;
};

}  // namespace

std::size_t checkData(store::Files& files, const std::string& dataDir, const DataCheckOptions& options, std::ostream& out) {
  return DataCheck(files, dataDir, options, out).run();
}

}  // namespace mox::app
