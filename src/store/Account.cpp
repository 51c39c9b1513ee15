#include "store/Account.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/Text.h"
#include "store/AccountState.h"

namespace mox::store {

namespace {

/// Free pages given back to the file system in one go of maintain().
constexpr int vacuumPages = 1'000;
/// Below this many free pages it is not worth the writing.
constexpr std::int64_t vacuumFrom = 4'000;

}  // namespace

Account::Account(std::string name, std::string directory, std::string spoolDirectory, Environment environment)
    : state_(std::make_unique<State>(std::move(name), std::move(directory), std::move(spoolDirectory), std::move(environment))) {}
Account::~Account() {
  try {
    state_->writeLate();
  } catch (const std::exception& broken) {
    state_->env.log.error("closing an account", {{"account", name()}, {"err", broken.what()}});
  }
}

const std::string& Account::name() const { return state_->name; }
const std::string& Account::directory() const { return state_->directory; }
ChangeFeed& Account::feed() { return state_->feed; }
const GroupCommit& Account::writer() const { return *state_->writer; }
Reader Account::reader() const { return Reader(std::make_unique<Reader::State>(*state_)); }
std::optional<MailboxKey> Account::findMailbox(const std::string& name) {
  return state_->names.find(name, [&]() -> std::optional<MailboxKey> {
    auto row = reader().mailbox(std::string_view(name));
    return row ? std::optional(MailboxKey{row->id, row->uidValidity}) : std::nullopt;
  });
}

View Account::snapshot(MailboxId mailbox) { return state_->views.get(mailbox); }

Uid Account::recentFrom(MailboxId mailbox) { return takeRecent(mailbox, Uid()); }

Uid Account::takeRecent(MailboxId mailbox, Uid end) {
  return state_->recent.take(mailbox, end, [&] {
    auto look = reader();
    auto row = look.db().prepare("SELECT recent_from FROM mailbox WHERE id=?");
    return row.bind(mailbox).step() ? row.id<Uid>(0) : Uid(1);
  });
}

// Secrets and settings -----------------------------------------------------------------------------------------

namespace {

constexpr std::string_view passwordSourceKey = "password-source";

void writePassword(Db& db, const PasswordSecrets& secrets) {
  const auto& sasl = secrets.sasl;
  auto row = db.prepare("INSERT OR REPLACE INTO password VALUES(1,?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(secrets.hash).bindBlob(sasl.cramMd5.inner).bindBlob(sasl.cramMd5.outer);
  for (const auto* scram : {&sasl.scramSha1, &sasl.scramSha256})
    row.bindBlob(scram->salt).bind(std::int64_t{scram->iterations}).bindBlob(scram->storedKey).bindBlob(scram->serverKey);
  row.run();
}

}  // namespace

void Account::setPassword(const PasswordSecrets& secrets, const std::string& source) {
  state_->writer->submit([&](WriteTx& tx) {
    writePassword(tx.db(), secrets);
    tx.db().prepare("INSERT OR REPLACE INTO setting(key, value) VALUES(?,?)").bind(passwordSourceKey).bindBlob(source).run();
  });
}

std::string Account::passwordSource() const {
  auto look = reader();
  auto row = look.db().prepare("SELECT value FROM setting WHERE key=?");
  row.bind(passwordSourceKey);
  return row.step() ? std::string(row.text(0)) : std::string();
}

void Account::addSaslSecrets(const std::string& hash, const sasl::PasswordSecrets& secrets) {
  state_->writer->submit([&](WriteTx& tx) {
    auto row = tx.db().prepare("SELECT 1 FROM password WHERE bcrypt=?");
    if (row.bind(hash).step()) writePassword(tx.db(), {hash, secrets});
  });
}

std::optional<PasswordSecrets> Account::password() const {
  auto look = reader();
  auto row = look.db().prepare("SELECT * FROM password");
  if (!row.step()) return std::nullopt;
  auto scram = [&](int at) {
    return sasl::ScramSecret{row.text(at), static_cast<unsigned>(row.int64(at + 1)), row.text(at + 2), row.text(at + 3)};
  };
  return PasswordSecrets{row.text(1), {{row.text(2), row.text(3)}, scram(4), scram(8)}};
}

void Account::setSetting(std::string_view key, const std::optional<std::string>& value) {
  state_->writer->submit([&](WriteTx& tx) {
    if (value)
      tx.db().prepare("INSERT OR REPLACE INTO setting(key, value) VALUES(?,?)").bind(key).bindBlob(*value).run();
    else
      tx.db().prepare("DELETE FROM setting WHERE key=?").bind(key).run();
  });
}

// Upkeep -------------------------------------------------------------------------------------------------------

void Account::maintain() {
  state_->removeGarbage();
  state_->writeLate();
  state_->packViews();
  state_->forceRiders();
  state_->readers.trim();
  state_->views.trim();
  state_->search->trim();
  state_->writer->settle();
  state_->reopen();
  auto commits = state_->writer->counts().commits;
  if (state_->commitsSeen.exchange(commits) == commits) return;
  auto now = unixSeconds(state_->env.clock->now()), due = state_->nextHistory.load();
  auto next = now + std::chrono::duration_cast<std::chrono::seconds>(historyInterval).count();
  if (now >= due && state_->nextHistory.compare_exchange_strong(due, next)) pruneOldHistory();
  state_->writer->checkpoint();
  if (reader().db().scalar("PRAGMA freelist_count") < vacuumFrom) return;
  state_->writer->submit([](WriteTx& tx) { tx.db().exec(("PRAGMA incremental_vacuum(" + std::to_string(vacuumPages) + ")").c_str()); });
}

bool Account::updateSearch(bool hurry) {
  auto commits = state_->writer->counts().commits;
  if (!hurry && state_->searchSeen == commits && !state_->search->isDamaged()) return false;
  // While an import fills the account it would read without a pause, and the WAL would never start over.
  if (!hurry && state_->writer->isWalLong()) return false;
  auto look = reader();
  auto work = state_->search->update(look, hurry);
  if (work == SearchIndex::Work::none) state_->searchSeen = commits;
  return work == SearchIndex::Work::more;
}

void Account::resetSearch() {
  state_->search->reset();
  state_->searchSeen = UINT64_MAX;
}

Account::SearchProgress Account::searchProgress() const {
  auto all = reader().nextContent().value - 1;
  return {std::min(all, state_->search->indexedTo().value - 1), all};
}

std::vector<std::string> Account::checkSearch() const { return state_->search->check(); }

void Account::pruneOldHistory(std::int64_t tombstones) {
  auto now = unixSeconds(state_->env.clock->now());
  auto oldest = now - std::chrono::duration_cast<std::chrono::seconds>(historyAge).count();
  auto today = now - std::chrono::duration_cast<std::chrono::seconds>(historyInterval).count();
  std::int64_t upTo = 0;
  bool isMarked = false;
  {
    auto look = reader();
    auto mark = look.db().prepare("SELECT ifnull((SELECT modseq FROM history WHERE at<=? ORDER BY at DESC LIMIT 1), 0), EXISTS(SELECT 1 FROM history WHERE at>?)");
    mark.bind(oldest).bind(today).step();
    upTo = mark.int64(0);
    isMarked = mark.int64(1) != 0;
    // All of one operation have one modseq: they stay or go together.
    auto most = look.db().prepare("SELECT modseq FROM expunged ORDER BY modseq DESC LIMIT 1 OFFSET ?");
    if (most.bind(tombstones).step()) upTo = std::max(upTo, most.int64(0));
  }
  if (!isMarked)
    state_->writer->submit([&](WriteTx& tx) {
      tx.db().prepare("INSERT OR REPLACE INTO history(at, modseq) SELECT ?, modseq FROM state").bind(now).run();
      tx.db().prepare("DELETE FROM history WHERE at < ?").bind(oldest - 1).run();
    });
  if (upTo > 0 && ModSeq(upTo) > ModSeq(reader().db().scalar("SELECT history_from FROM state"))) pruneHistory(ModSeq(upTo));
}

void Account::pruneHistory(ModSeq upTo) {
  state_->write([&](Operation& op) {
    auto& from = op.counters().historyFrom;
    from = std::max(from, std::min(upTo, op.counters().modSeq));
    op.db().prepare("DELETE FROM expunged WHERE modseq <= ?").bind(from).run();
    op.db().prepare("DELETE FROM mailbox_removed WHERE modseq <= ?").bind(from).run();
  });
}

namespace {

/// A missing body file, for a person: where its messages are.
std::string lostBody(Db& db, const std::string& path, std::int64_t file) {
  auto text = "message body " + path + " is missing";
  auto row = db.prepare("SELECT b.name, m.uid FROM content c JOIN message m ON m.content=c.id JOIN mailbox b ON b.id=m.mailbox WHERE c.file=? ORDER BY m.id");
  row.bind(file);
  for (const char* before = " (of "; row.step(); before = ", ") text += before + printable(row.text(0)) + " UID " + row.text(1);
  return text + ")";
}

/// Body files of an earlier backup that the account has no more.
void removeOthers(Files& files, const BodyFiles& bodies, const std::set<std::int64_t>& wanted, BackupCounts& counts) {
  for (const auto& folder : files.list(bodies.directory()))
    for (const auto& name : files.list(bodies.directory() + "/" + folder)) {
      auto file = parseUnsigned(name);
      if (file && wanted.contains(static_cast<std::int64_t>(*file))) continue;
      files.remove(bodies.directory() + "/" + folder + "/" + name);
      ++counts.removed;
    }
}

}  // namespace

BackupCounts Account::backup(const std::string& directory) {
  auto& files = *state_->env.files;
  files.makeDirectory(directory);
  // Files the copy names may lose their last message meanwhile, but are not unlinked while the lease is held.
  auto lease = std::shared_ptr<void>((++state_->backups, nullptr), [this](void*) { --state_->backups; });
  auto look = reader();
  BackupCounts counts;
  BodyFiles bodies(directory + "/bodies");
  std::set<std::int64_t> wanted;
  std::set<std::string> folders;
  // Bodies first: the database that is there from an earlier backup does not mind more of them.
  auto row = look.db().prepare("SELECT file FROM content WHERE file IS NOT NULL ORDER BY file");
  while (row.step()) {
    auto file = row.int64(0);
    auto folder = bodies.directoryOf(file);
    if (folders.insert(folder).second) files.makeDirectory(folder);
    wanted.insert(file);
    if (copyImmutable(files, state_->bodies.path(file), bodies.path(file), counts)) continue;
    auto lost = lostBody(look.db(), state_->bodies.path(file), file);
    counts.lacking.push_back(files.size(bodies.path(file)) < 0 ? lost : lost + "; its copy of an earlier backup stays");
  }
  for (const auto& folder : folders) files.syncDirectory(folder);
  auto stamp = look.db().scalar("SELECT stamp FROM state");
  if (stamp != 0 && stamp == copiedStamp(files, directory + "/account.db")) {
    ++counts.unchanged;
  } else {
    copyDatabase(look.db(), files, directory + "/account.db");
    ++counts.databases;
  }
  removeOthers(files, bodies, wanted, counts);
  return counts;
}

}  // namespace mox::store
