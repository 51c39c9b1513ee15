#include "store/AccountState.h"

#include <algorithm>
#include <limits>

#include <sqlite3.h>

#include "base/Text.h"
#include "store/Damage.h"
#include "store/Rows.h"
#include "store/Schema.h"
#include "store/ViewPack.h"

namespace mox::store {

// StructureScan ------------------------------------------------------------------------------------------------

bool StructureScan::seek(ContentId content) {
  // Rows between are stepped over if they are few, as after an expunge.
  constexpr int stepsAtMost = 8;
  for (int steps = 0; at_ && at_ < content && steps < stepsAtMost; ++steps) at_ = rows_->step() ? rows_->id<ContentId>(0) : ContentId();
  if (at_ == content) return true;
  if (!rows_) rows_.emplace(db_.prepare(sql_));
  rows_->reset();
  at_ = rows_->bind(content).step() ? rows_->id<ContentId>(0) : ContentId();
  return at_ == content;
}

bool StructureScan::append(ContentId content, std::string& out) {
  if (!seek(content)) return false;
  out.append(rows_->bytes(1));
  return true;
}

// BodyFiles ----------------------------------------------------------------------------------------------------

std::string BodyFiles::directoryOf(std::int64_t file) const { return directory_ + "/" + std::to_string(file / perDirectory); }

// ViewCache ----------------------------------------------------------------------------------------------------

View ViewCache::load(MailboxId mailbox) {
  std::lock_guard lock(dbMutex_);
  if (!db_) db_ = std::make_unique<Db>(path_, options_);
  Tx tx(*db_, Tx::Kind::read);
  static const std::string sql = "SELECT " + mailboxColumns + " FROM mailbox m WHERE m.id=?";
  auto row = db_->prepare(sql);
  if (!row.bind(mailbox).step()) return nullptr;
  auto loaded = ViewBuilder::load(*db_, readMailbox(row), std::make_shared<const int>(0));
  if (loaded.packable) packable_.lock()->insert(mailbox);
  return loaded.view;
}

View ViewCache::get(MailboxId mailbox) {
  std::shared_ptr<Slot> slot;
  {
    auto slots = slots_.lock();
    auto& entry = (*slots)[mailbox];
    if (!entry) entry = std::make_shared<Slot>();
    slot = entry;
  }
  // The writer waits here while we load, so a change is either in what we read or applied to it afterwards.
  std::lock_guard lock(slot->mutex);
  if (slot->gone) return nullptr;
  slot->asked = true;
  if (!slot->latest) slot->latest = load(mailbox);
  return slot->latest;
}

bool ViewCache::isHeld(const Slot& slot) {
  // Only get() gives out new references, under the slot's mutex; holders copying theirs only make the count larger.
  return slot.latest && (slot.latest.use_count() > 1 || ViewBuilder::holders(*slot.latest) > 1);
}

void ViewCache::apply(const std::vector<ViewDelta>& deltas) {
  for (const auto& delta : deltas) {
    if (!delta.added.empty() && partOf(delta.added.front().entry.uid) < partOf(delta.uidNext)) packable_.lock()->insert(delta.mailbox);
    std::shared_ptr<Slot> slot;
    {
      auto slots = slots_.lock();
      auto found = slots->find(delta.mailbox);
      if (found == slots->end()) continue;
      slot = found->second;
      if (delta.mailboxGone) slots->erase(found);
    }
    std::lock_guard lock(slot->mutex);
    if (delta.mailboxGone) {
      slot->gone = true;
      slot->latest = nullptr;
    } else if (isHeld(*slot)) {
      slot->latest = ViewBuilder::next(slot->latest, delta);
    } else {
      slot->latest = nullptr;
    }
  }
}

void ViewCache::trim() {
  auto slots = slots_.lock();
  for (auto entry = slots->begin(); entry != slots->end();) {
    auto& slot = *entry->second;
    std::unique_lock lock(slot.mutex, std::try_to_lock);
    bool idle = lock && !slot.asked && !isHeld(slot) && entry->second.use_count() == 1;
    if (lock) slot.asked = false;
    if (lock) lock.unlock();
    entry = idle ? slots->erase(entry) : std::next(entry);
  }
}

std::set<MailboxId> ViewCache::takePackable() {
  std::set<MailboxId> taken;
  taken.swap(*packable_.lock());
  return taken;
}

void ViewCache::whileClosed(const std::function<void()>& work) {
  std::lock_guard lock(dbMutex_);
  db_.reset();
  work();
}

// RecentMarks --------------------------------------------------------------------------------------------------

Uid RecentMarks::take(MailboxId mailbox, Uid end, const std::function<Uid()>& load) {
  std::lock_guard lock(mutex_);
  auto found = marks_.find(mailbox);
  if (found == marks_.end()) found = marks_.emplace(mailbox, Mark{load()}).first;
  auto& mark = found->second;
  auto before = mark.from;
  if (end > mark.from) mark = {end, false};
  return before;
}

bool RecentMarks::hasUnwritten() const {
  std::lock_guard lock(mutex_);
  return std::any_of(marks_.begin(), marks_.end(), [](const auto& one) { return !one.second.isWritten; });
}

std::map<MailboxId, Uid> RecentMarks::write(Db& db) {
  std::map<MailboxId, Uid> moved;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [mailbox, mark] : marks_)
      if (!mark.isWritten) moved.emplace(mailbox, mark.from);
  }
  for (const auto& [mailbox, from] : moved) db.prepare("UPDATE mailbox SET recent_from=? WHERE id=?").bind(from).bind(mailbox).run();
  return moved;
}

void RecentMarks::written(const std::map<MailboxId, Uid>& marks) {
  std::lock_guard lock(mutex_);
  for (const auto& [mailbox, from] : marks)
    if (auto& mark = marks_[mailbox]; mark.from == from) mark.isWritten = true;
}

// Account::State -----------------------------------------------------------------------------------------------

Account::State::State(std::string accountName, std::string accountDirectory, std::string spools, Environment environment)
    : name(std::move(accountName)),
      directory(std::move(accountDirectory)),
      spoolDirectory(std::move(spools)),
      env(std::move(environment)),
      bodies(directory + "/bodies"),
      readers(databasePath(), dbOptions()),
      views(databasePath(), dbOptions()) {
  open();
}

DbOptions Account::State::dbOptions() const {
  DbOptions options;
  options.vfs = env.vfs;
  return options;
}

namespace {

/// SQLite says so of a file that is no database, or not whole, and of one without our tables.
bool isDamage(const DatabaseError& error) {
  auto code = error.code() & 0xff;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
}

}  // namespace

void Account::State::open() {
  env.files->makeDirectory(directory);
  if (auto damage = accountDamage(*env.files, directory); !damage.empty()) throw AccountDamaged(damage);
  try {
    openWhole();
  } catch (const DatabaseError& error) {
    if (!isDamage(error)) throw;
    throw AccountDamaged(std::string(error.what()) + ": damaged; restore it from a backup");
  }
}

void Account::State::openWhole() {
  bool hasCrashed = leftByCrash(*env.files, databasePath());
  auto db = std::make_unique<Db>(databasePath(), dbOptions());
  // Of a WAL that has nothing valid the file could not tell before.
  if (db->scalar("PRAGMA user_version") == 0 && hasRemains(*env.files, directory))
    throw AccountDamaged(emptyBesideRemains(databasePath(), "the database is empty or damaged"));
  migrateAccount(*db, env.clock->now());
  auto changes = db->totalChanges();
  recover(*db, hasCrashed);
  if (db->totalChanges() != changes) db->exec("UPDATE state SET stamp=0");
  search = std::make_unique<SearchIndex>(name, directory, env, ContentId(db->scalar("SELECT next_content FROM state")));
  // From a random start: no two commits of any life of this account, restored from a backup or not, leave the same.
  auto stamp = static_cast<std::int64_t>(env.random->below(std::numeric_limits<std::int64_t>::max() / 2)) + 1;
  writer = std::make_unique<GroupCommit>(std::move(db), dbOptions(), [stamp](Db& changed) mutable { changed.prepare("UPDATE state SET stamp=?").bind(stamp++).run(); });
  removeGarbage();
}

/// After an end in which changes that rode may have been lost, the modseqs set aside for them are never given out again,
/// and every message counts as changed since: a client that was told of a lost change asks anew and learns what is true.
void Account::State::recover(Db& db, bool hasCrashed) {
  if (db.scalar("SELECT riding_to FROM state") != 0)
    db.exec("UPDATE state SET modseq=max(modseq, riding_to)+1, modseq_floor=max(modseq, riding_to)+1, riding_to=0");
  recoverFiles(db, hasCrashed);
}

void Account::State::close() {
  try {
    if (writer->isInDoubt()) return;
    writer->submit([](WriteTx& tx) { tx.db().exec("UPDATE state SET riding_to=0 WHERE riding_to<>0"); });
  } catch (const DatabaseError& error) {
    env.log.warn("an account was not closed properly; clients may have to learn all flags anew", {{"account", name}, {"error", error.what()}});
  }
}

void Account::State::forceRiders() {
  if (!writer->hasRiders()) return;
  // Something must change on disk for a commit to be forced: what is set aside, which is due now and then anyway.
  writer->submit([](WriteTx& tx) {
    tx.db().prepare("UPDATE state SET riding_to=max(riding_to+1, modseq+?)").bind(modSeqsSetAside).run();
  });
}

/// Removes body files whose commit never came. They can only be in the newest directories: a file gets its number
/// right before its commit, and no more than a directory's worth of commits are ever under way. Only a crash leaves such
/// files; without one the database is not the one that knew them, perhaps of an older backup, and they may be somebody's mail.
void Account::State::recoverFiles(Db& db, bool hasCrashed) {
  std::int64_t newest = db.scalar("SELECT max(file) FROM content");
  auto pending = db.prepare("SELECT file FROM garbage");
  while (pending.step()) {
    garbage.lock()->push_back(pending.int64(0));
    newest = std::max(newest, pending.int64(0));
  }
  auto known = db.prepare("SELECT 1 FROM content WHERE file=?1 UNION ALL SELECT 1 FROM garbage WHERE file=?1");
  std::vector<std::string> touched{directory + "/moved"};
  auto first = std::max<std::int64_t>(0, newest / BodyFiles::perDirectory - 1);
  for (const auto& entry : env.files->list(bodies.directory())) {
    auto number = parseUnsigned(entry);
    if (!number || static_cast<std::int64_t>(*number) < first) continue;
    for (const auto& file : env.files->list(bodies.directory() + "/" + entry)) {
      auto id = parseUnsigned(file);
      if (!id) continue;
      newest = std::max(newest, static_cast<std::int64_t>(*id));
      bool used = known.bind(static_cast<std::int64_t>(*id)).step();
      known.reset();
      if (used) continue;
      if (hasCrashed) {
        env.log.warn("removing a message body without a message", {{"account", name}, {"file", file}});
        env.files->remove(bodies.directory() + "/" + entry + "/" + file);
      } else {
        env.log.error("a message body that the database does not know, moved into the folder \"moved\" of the account", {{"account", name}, {"file", file}});
        beginMovingAway(*env.files, databasePath());
        moveBodyAway(*env.files, directory, entry, file);
        if (auto folder = bodies.directory() + "/" + entry; touched.back() != folder) touched.push_back(folder);
      }
    }
  }
  endMovingAway(*env.files, databasePath(), touched);
  nextFile = newest + 1;
}

void Account::State::removeGarbage() {
  if (backups > 0) return;
  std::vector<std::int64_t> files;
  files.swap(*garbage.lock());
  if (files.empty()) return;
  try {
    writer->settle();
    for (auto file : files) env.files->remove(bodies.path(file));
    writer->submit([&](WriteTx& tx) {
      auto remove = tx.db().prepare("DELETE FROM garbage WHERE file=?");
      for (auto file : files) remove.bind(file).run();
    });
  } catch (...) {
    auto again = garbage.lock();
    again->insert(again->end(), files.begin(), files.end());
    throw;
  }
}

void Account::State::reopen() {
  if (!writer->needsReopening()) return;
  bool done = writer->reopen([this](const std::function<void()>& work) {
    return readers.whileClosed([&] { views.whileClosed(work); });
  });
  if (done) env.log.warn("account database opened again after a checkpoint that failed", {{"account", name}});
}

/// A little a commit, so that nobody waits long behind it.
void Account::State::packViews() {
  constexpr std::size_t messagesTogether = 16'384;
  for (auto mailbox : views.takePackable())
    for (std::optional<std::uint32_t> part = 0; part;)
      writer->submit([&](WriteTx& tx) { part = packParts(tx.db(), mailbox, *part, messagesTogether); }, Durability::rides, Transaction::own);
}

void Account::State::writeLate() {
  flushOutgoing();
  if (!recent.hasUnwritten()) return;
  writer->submit([&](WriteTx& tx) { tx.afterCommit([this, marks = recent.write(tx.db())] { recent.written(marks); }); });
}

void Account::State::write(const std::function<void(Operation&)>& change, Durability durability, Transaction transaction) {
  std::function<void(WriteTx&)> work = [&](WriteTx& tx) {
    Operation op(tx.db());
    if (durability == Durability::rides) op.ride(tx.isForced());
    change(op);
    op.finish();
    if (recent.hasUnwritten()) tx.afterCommit([this, marks = recent.write(tx.db())] { recent.written(marks); });
    tx.afterCommit([this, deltas = op.takeDeltas(), changes = op.takeChanges(), freed = op.freed()] {
      if (!freed.empty()) {
        auto files = garbage.lock();
        files->insert(files->end(), freed.begin(), freed.end());
      }
      views.apply(deltas);
      names.committed(*changes);
      if (!changes->empty()) feed.publish(changes);
    });
  };
  try {
    writer->submit(work, durability, transaction);
  } catch (const MustBeForced&) {
    writer->submit(work, Durability::forced, transaction);
  }
}

Result<void> Account::State::tryWriteVoid(const std::function<void(Operation&)>& change) {
  try {
    write(change);
  } catch (const Refused& refused) {
    return tl::unexpected<Error>(refused.error);
  }
  return {};
}

}  // namespace mox::store
