#include "store/AuthDb.h"

#include <openssl/sha.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "store/Db.h"
#include "store/GroupCommit.h"
#include "store/ReaderPool.h"
#include "store/Schema.h"

namespace mox::store {

std::string_view loginResultName(LoginResult result) {
  static constexpr std::array<std::string_view, 9> names = {"ok",          "baduser",       "badpassword", "badcreds", "badchanbind",
                                                            "badprotocol", "logindisabled", "error",       "aborted"};
  return names.at(static_cast<std::size_t>(result));
}

namespace {

constexpr const char* keyColumns = "SELECT fingerprint, created, type, name, no_imap_preauth, account, login_address, certificate "
                                   "FROM tls_public_key ";

TlsPublicKey readKey(const Stmt& row) {
  TlsPublicKey key;
  key.fingerprint = row.text(0);
  key.created = fromUnixSeconds(row.int64(1));
  key.type = row.text(2);
  key.name = row.text(3);
  key.noImapPreauth = row.int64(4) != 0;
  key.account = row.text(5);
  key.loginAddress = row.text(6);
  key.certificate = row.text(7);
  return key;
}

/// Attempts with the same digest are one row. Lengths go in front, so that fields cannot run into each other.
std::string attemptKey(const LoginAttempt& a) {
  std::string all;
  for (const auto* field : {&a.account, &a.loginAddress, &a.remoteIp, &a.localIp, &a.tls, &a.tlsKeyFingerprint, &a.protocol, &a.userAgent,
                            &a.mechanism})
    all += std::to_string(field->size()) + ":" + *field;
  all += loginResultName(a.result);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

void countFailed(Db& db, const std::string& account, std::int64_t by) {
  db.prepare("INSERT INTO failed_attempts(account, count) VALUES(?1,?2) ON CONFLICT(account) DO UPDATE SET count=count+?2")
      .bind(account).bind(by).run();
}

/// A flood of failures must not fill the disk: beyond the cap the oldest of the account go.
void capFailed(Db& db, const std::string& account) {
  auto row = db.prepare("SELECT count FROM failed_attempts WHERE account=?");
  if (!row.bind(account).step()) return;
  auto over = row.int64(0) - static_cast<std::int64_t>(maxFailedAttempts);
  if (over <= 0) return;
  db.prepare("DELETE FROM login_attempt WHERE key IN (SELECT key FROM login_attempt WHERE account=? AND result<>0 ORDER BY last LIMIT ?)")
      .bind(account).bind(over).run();
  countFailed(db, account, -db.changes());
}

void writeAttempt(Db& db, const LoginAttempt& a) {
  auto key = attemptKey(a);
  db.prepare("UPDATE login_attempt SET count=count+?, last=max(last,?) WHERE key=?")
      .bind(a.count).bind(unixSeconds(a.last)).bindBlob(key).run();
  if (db.changes() > 0) return;
  db.prepare("INSERT INTO login_attempt(key, account, login_address, remote_ip, local_ip, tls, tls_key, protocol, user_agent, mechanism, "
             "result, first, last, count) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bindBlob(key)
      .bind(a.account).bind(a.loginAddress).bind(a.remoteIp).bind(a.localIp).bind(a.tls).bind(a.tlsKeyFingerprint)
      .bind(a.protocol).bind(a.userAgent).bind(a.mechanism)
      .bind(static_cast<std::int64_t>(a.result)).bind(unixSeconds(a.first)).bind(unixSeconds(a.last)).bind(a.count)
      .run();
  if (a.result == LoginResult::ok) return;
  countFailed(db, a.account, 1);
  capFailed(db, a.account);
}

LoginAttempt readAttempt(const Stmt& row) {
  LoginAttempt a;
  a.account = row.text(0);
  a.loginAddress = row.text(1);
  a.remoteIp = row.text(2);
  a.localIp = row.text(3);
  a.tls = row.text(4);
  a.tlsKeyFingerprint = row.text(5);
  a.protocol = row.text(6);
  a.userAgent = row.text(7);
  a.mechanism = row.text(8);
  a.result = static_cast<LoginResult>(row.int64(9));
  a.first = fromUnixSeconds(row.int64(10));
  a.last = fromUnixSeconds(row.int64(11));
  a.count = row.int64(12);
  return a;
}

DbOptions optionsFor(const char* vfs) {
  DbOptions options;
  options.vfs = vfs;
  return options;
}

}  // namespace

struct AuthDb::State {
  State(const std::string& path, const Clock& c, Log l, const char* vfs) : clock(c), log(std::move(l)) {
    auto db = std::make_unique<Db>(path, optionsFor(vfs));
    migrateAuth(*db);
    writer = std::make_unique<GroupCommit>(std::move(db), optionsFor(vfs));
    readers = std::make_unique<ReaderPool>(path, optionsFor(vfs));
  }

  const Clock& clock;
  const Log log;
  std::unique_ptr<GroupCommit> writer;
  std::unique_ptr<ReaderPool> readers;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<LoginAttempt> queue;
  std::uint64_t added = 0, written = 0;
  bool stopping = false;
  std::atomic<std::uint64_t> dropped{0};
  Time pruned{};  ///< by the thread, by the time of attempts
  std::thread thread;

  void loop();
  void write(const std::deque<LoginAttempt>& batch);
  void prune(Time now);
  template <class F>
  auto read(F&& query) {
    auto giveBack = [this](Db* db) { readers->giveBack(std::unique_ptr<Db>(db)); };
    std::unique_ptr<Db, decltype(giveBack)> db(readers->take().release(), giveBack);
    return query(*db);
  }
};

void AuthDb::State::write(const std::deque<LoginAttempt>& batch) {
  try {
    writer->submit([&](WriteTx& tx) {
      for (const auto& attempt : batch) writeAttempt(tx.db(), attempt);
    });
  } catch (const DatabaseError& error) {
    dropped += batch.size();
    log.error("login attempts not recorded", {{"count", batch.size()}, {"error", error.what()}});
  }
  auto now = batch.back().last;
  if (now >= pruned && now - pruned < loginUpkeepInterval) return;
  pruned = now;
  try {
    prune(now);
  } catch (const DatabaseError& error) {
    log.error("upkeep of login attempts", {{"error", error.what()}});
  }
}

void AuthDb::State::loop() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return stopping || !queue.empty(); });
    if (queue.empty()) return;
    std::deque<LoginAttempt> batch;
    batch.swap(queue);
    lock.unlock();
    write(batch);
    lock.lock();
    written += batch.size();
    changed.notify_all();
  }
}

AuthDb::AuthDb(const std::string& path, const Clock& clock, Log log, const char* vfs)
    : state_(std::make_unique<State>(path, clock, std::move(log), vfs)) {
  state_->thread = std::thread([this] { state_->loop(); });
}

AuthDb::~AuthDb() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  state_->thread.join();
}

// Keys ---------------------------------------------------------------------------------------------------------

Result<void> AuthDb::addKey(const TlsPublicKey& key) {
  bool done = false;
  state_->writer->submit([&](WriteTx& tx) {
    tx.db()
        .prepare("INSERT OR IGNORE INTO tls_public_key(fingerprint, created, type, name, no_imap_preauth, account, login_address, certificate) "
                 "VALUES(?,?,?,?,?,?,?,?)")
        .bind(key.fingerprint).bind(unixSeconds(key.created)).bind(key.type).bind(key.name)
        .bind(std::int64_t{key.noImapPreauth}).bind(key.account).bind(key.loginAddress).bindBlob(key.certificate)
        .run();
    done = tx.db().changes() > 0;
  });
  if (!done) return fail(Errc::exists, "the key is registered already");
  return {};
}

Result<void> AuthDb::updateKey(const TlsPublicKey& key) {
  bool done = false;
  state_->writer->submit([&](WriteTx& tx) {
    tx.db().prepare("UPDATE tls_public_key SET name=?, no_imap_preauth=?, login_address=? WHERE fingerprint=? AND account=?")
        .bind(key.name).bind(std::int64_t{key.noImapPreauth}).bind(key.loginAddress).bind(key.fingerprint).bind(key.account).run();
    done = tx.db().changes() > 0;
  });
  if (!done) return fail(Errc::notFound, "no such key");
  return {};
}

Result<void> AuthDb::removeKey(const std::string& fingerprint) {
  bool done = false;
  state_->writer->submit([&](WriteTx& tx) {
    tx.db().prepare("DELETE FROM tls_public_key WHERE fingerprint=?").bind(fingerprint).run();
    done = tx.db().changes() > 0;
  });
  if (!done) return fail(Errc::notFound, "no such key");
  return {};
}

std::optional<TlsPublicKey> AuthDb::key(const std::string& fingerprint) const {
  return state_->read([&](Db& db) {
    auto row = db.prepare(std::string(keyColumns) + "WHERE fingerprint=?");
    return row.bind(fingerprint).step() ? std::optional(readKey(row)) : std::nullopt;
  });
}

std::vector<TlsPublicKey> AuthDb::keys(const std::string& account) const {
  return state_->read([&](Db& db) {
    auto row = db.prepare(std::string(keyColumns) + "WHERE account=?1 OR ?1='' ORDER BY created, fingerprint");
    row.bind(account);
    std::vector<TlsPublicKey> keys;
    while (row.step()) keys.push_back(readKey(row));
    return keys;
  });
}

void AuthDb::backup(Files& files, const std::string& path) {
  flush();
  state_->read([&](Db& db) { return copyDatabase(db, files, path), 0; });
}

void AuthDb::removeAccount(const std::string& account) {
  state_->writer->submit([&](WriteTx& tx) {
    for (const char* sql : {"DELETE FROM tls_public_key WHERE account=?", "DELETE FROM login_attempt WHERE account=?",
                            "DELETE FROM failed_attempts WHERE account=?"})
      tx.db().prepare(sql).bind(account).run();
  });
}

// Login attempts -----------------------------------------------------------------------------------------------

void AuthDb::add(LoginAttempt attempt) {
  auto now = state_->clock.now();
  if (attempt.first == Time{}) attempt.first = now;
  if (attempt.last == Time{}) attempt.last = now;
  std::lock_guard lock(state_->mutex);
  if (state_->queue.size() >= loginAttemptQueue) {
    ++state_->dropped;
    return;
  }
  state_->queue.push_back(std::move(attempt));
  ++state_->added;
  state_->changed.notify_all();
}

void AuthDb::flush() {
  std::unique_lock lock(state_->mutex);
  auto until = state_->added;
  state_->changed.wait(lock, [&] { return state_->written >= until; });
}

std::vector<LoginAttempt> AuthDb::attempts(const std::string& account, std::size_t limit) const {
  return state_->read([&](Db& db) {
    auto row = db.prepare("SELECT account, login_address, remote_ip, local_ip, tls, tls_key, protocol, user_agent, mechanism, result, first, "
                          "last, count FROM login_attempt WHERE account=?1 OR ?1='' ORDER BY last DESC, first DESC LIMIT ?2");
    row.bind(account).bind(static_cast<std::int64_t>(limit));
    std::vector<LoginAttempt> attempts;
    while (row.step()) attempts.push_back(readAttempt(row));
    return attempts;
  });
}

void AuthDb::State::prune(Time now) {
  auto before = unixSeconds(now - std::chrono::duration_cast<Time::duration>(loginAttemptAge));
  writer->submit([&](WriteTx& tx) {
    auto& db = tx.db();
    auto row = db.prepare("SELECT account, count(*) FROM login_attempt WHERE last<? AND result<>0 GROUP BY account");
    row.bind(before);
    while (row.step()) countFailed(db, row.text(0), -row.int64(1));
    db.prepare("DELETE FROM login_attempt WHERE last<?").bind(before).run();
  });
  writer->reopen([this](const std::function<void()>& work) { return readers->whileClosed(work); });
  writer->checkpoint();
}

void AuthDb::prune() { state_->prune(state_->clock.now()); }
std::uint64_t AuthDb::dropped() const { return state_->dropped; }

}  // namespace mox::store
