#include "queue/Storage.h"

#include <algorithm>
#include <stdexcept>

#include "base/Text.h"
#include "queue/Schema.h"
#include "queue/StorageState.h"
#include "store/Damage.h"
#include "store/Spool.h"

namespace mox::queue {

using store::Db;
using store::Stmt;

namespace {

/// Keys and values in hex, so that no quoting is needed.
std::string extraText(const std::map<std::string, std::string>& extra) {
  std::string out;
  for (const auto& [key, value] : extra) out += hex(key) + "=" + hex(value) + ";";
  return out;
}

std::optional<std::int64_t> triState(const std::optional<bool>& value) {
  if (!value) return std::nullopt;
  return *value ? 1 : 0;
}

/// The body file of a message that is about to be committed; removed unless the commit happened or may have.
class PlacedBody {
 public:
  PlacedBody(store::Files& files, std::string path, const Log& log) : files_(files), path_(std::move(path)), log_(log) {}
  ~PlacedBody() {
    if (!placed_ || kept_) return;
    try {
      files_.remove(path_);
    } catch (const store::FileError& error) {
      log_.warn("body file of a message not queued stays until the next start", {{"err", error.what()}});
    }
  }
  void place(const store::Spool& spool, const std::string& directory) {
    placed_ = true;
    spool.linkTo(path_);
    files_.syncDirectory(directory);
  }
  void keep() { kept_ = true; }

 private:
  store::Files& files_;
  const std::string path_;
  const Log& log_;
  bool placed_ = false, kept_ = false;
};

void insertMessage(Db& db, QueueId id, const NewMessage& m, Time now, std::string_view body, bool hasFile, std::uint64_t size) {
  auto row = db.prepare("INSERT INTO message VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  std::optional<std::string> localpart, host;
  if (m.mailFrom) {
    localpart = m.mailFrom->localpart.text();
    host = hostText(m.mailFrom->host, false);
  }
  auto extra = extraText(m.extra);
  row.bind(id).bind(unixMicros(now)).bind(m.senderAccount).bind(localpart).bind(host);
  row.bind(std::int64_t{m.has8bit}).bind(std::int64_t{m.smtpUtf8}).bind(m.futureReleaseRequest).bind(m.messageId).bind(m.subject);
  row.bind(extra).bind(static_cast<std::int64_t>(size)).bind(std::int64_t{hasFile}).bindBlob(body).run();
}

void insertEntry(Db& db, QueueId id, QueueId message, const Mailbox& recipient, const NewMessage& m, int attempts, Time due, int maxAttempts) {
  auto host = laneOf(recipient);
  db.prepare("INSERT INTO entry VALUES(?,?,?,?,0,?,?,?,NULL,?,?)")
      .bind(id).bind(message).bind(recipient.localpart.text()).bind(host).bind(std::int64_t{attempts}).bind(std::int64_t{maxAttempts})
      .bind(unixMicros(due))
      .bind(m.transport).bind(triState(m.requireTls)).run();
}

}  // namespace

Storage::State::State(StorageOptions o, store::Files& f, Log l)
    : options(std::move(o)),
      path(options.directory + "/queue.db"),
      bodies(options.directory + "/bodies"),
      spools(options.directory + "/tmp"),
      files(f),
      log(std::move(l)),
      readers(path, dbOptions()) {}

store::DbOptions Storage::State::dbOptions() const {
  store::DbOptions out;
  out.vfs = options.vfs;
  return out;
}

void Storage::State::open() {
  bool hasCrashed = store::leftByCrash(files, path);
  auto db = std::make_unique<Db>(path, dbOptions());
  if (db->scalar("PRAGMA user_version") == 0 && !files.list(bodies).empty())
    throw std::runtime_error(path + ": the database is missing or empty, but mail that waits to be sent is left in " + bodies +
                             ": restore the database from a backup, or move that folder away to begin anew");
  migrate(*db);
  sweep(*db, hasCrashed);
  nextId = db->scalar("SELECT max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name='entry'),0), "
                      "coalesce((SELECT max(id) FROM entry),0), coalesce((SELECT max(id) FROM message),0))") + 1;
  writer = std::make_unique<store::GroupCommit>(std::move(db), dbOptions());
}

/// A crash between the link and the commit leaves a file that nobody knows of; one after the commit that removed a
/// message, a file nobody wants. Without a crash the database may be one that never knew them, of an older backup, and they
/// may be mail that nobody has sent: they are kept apart.
void Storage::State::sweep(Db& db, bool hasCrashed) {
  for (const auto& name : files.list(bodies)) {
    auto id = parseUnsigned(name);
    auto known = db.prepare("SELECT 1 FROM message WHERE id=? AND has_file=1");
    if (id && known.bind(static_cast<std::int64_t>(*id)).step()) continue;
    if (hasCrashed) {
      files.remove(bodies + "/" + name);
      continue;
    }
    store::beginMovingAway(files, path);
    auto to = store::moveAway(files, bodies + "/" + name, options.directory + "/moved", name);
    log.warn("the body of a message that the queue does not know was moved away", {{"file", name}, {"to", to}});
  }
  store::endMovingAway(files, path, {options.directory + "/moved", bodies});
  for (const auto& name : files.list(spools)) files.remove(spools + "/" + name);
}

void Storage::State::write(const std::function<void(Db&)>& work) {
  writer->submit([&](store::WriteTx& tx) { work(tx.db()); });
}

void Storage::State::reopen() {
  if (!writer->needsReopening()) return;
  bool done = writer->reopen([this](const std::function<void()>& work) { return readers.whileClosed(work); });
  if (done) log.warn("queue database opened again after a checkpoint that failed");
}

/// After the commit: what stays behind is swept at the next open.
void Storage::State::removeBodies(const std::vector<QueueId>& messages) {
  for (auto id : messages) {
    try {
      files.remove(bodyPath(id));
    } catch (const store::FileError& error) {
      log.warn("body file of a message that is gone stays until the next start", {{"err", error.what()}});
    }
  }
}

Storage::Storage(StorageOptions options, store::Files& files, Log log)
    : state_(std::make_unique<State>(std::move(options), files, std::move(log))) {
  files.makeDirectory(state_->bodies);
  files.makeDirectory(state_->spools);
  state_->open();
}

Storage::~Storage() = default;

std::vector<QueueId> Storage::reserve(std::size_t recipients) {
  auto first = state_->nextId.fetch_add(static_cast<std::int64_t>(recipients));
  std::vector<QueueId> ids;
  for (std::size_t i = 0; i < recipients; ++i) ids.emplace_back(first + static_cast<std::int64_t>(i));
  return ids;
}

std::vector<QueueId> Storage::add(const NewMessage& message, Time now) {
  auto ids = reserve(message.recipients.size());
  add(message, now, ids);
  return ids;
}

void Storage::add(const NewMessage& m, Time now, const std::vector<QueueId>& ids, std::optional<Time> second) {
  if (m.recipients.empty()) throw std::invalid_argument("message without recipients");
  auto& s = *state_;
  auto data = m.spool != nullptr ? m.spool->data() : m.data;
  auto first = ids.front();
  bool hasFile = data.size() > store::bodyInlineLimit;

  std::unique_ptr<store::Spool> own;
  PlacedBody placed(s.files, s.bodyPath(first), s.log);
  std::string head = m.prefix;
  if (hasFile) {
    const auto* spool = m.spool;
    if (spool == nullptr || !spool->isFile()) {
      own = std::make_unique<store::Spool>(s.files, s.spools);
      own->append(data);
      spool = own.get();
    }
    placed.place(*spool, s.bodies);
  } else {
    head.append(data);
  }
  auto due = second.value_or(std::max(now, m.notBefore.value_or(now)));
  try {
    s.writer->submit([&](store::WriteTx& tx) {
      insertMessage(tx.db(), first, m, now, head, hasFile, m.prefix.size() + data.size());
      for (std::size_t i = 0; i < ids.size(); ++i)
        insertEntry(tx.db(), ids[i], first, m.recipients[i], m, second ? 1 : 0, due, s.options.maxAttempts);
    });  // after this line the message is ours
  } catch (...) {
    // If we die before the next commit, this one may turn out to have happened: until then the file must stay for it.
    if (hasFile && s.writer->isInDoubt()) {
      placed.keep();
      s.doubtful.lock()->push_back(first);
    }
    throw;
  }
  placed.keep();
  if (second && !hasFile) s.fresh.put(first, std::make_shared<const Body>(Body{std::move(head), {}, m.prefix.size() + data.size()}));
}

std::shared_ptr<const Body> Storage::body(QueueId message) {
  auto& s = *state_;
  if (auto fresh = s.fresh.take(message)) return fresh;
  auto made = std::make_shared<Body>();
  bool hasFile = false;
  {
    auto db = s.read();
    auto row = db->prepare("SELECT size, has_file, body FROM message WHERE id=?");
    if (!row.bind(message).step()) return nullptr;
    made->size = static_cast<std::uint64_t>(row.int64(0));
    hasFile = row.int64(1) != 0;
    made->head = row.text(2);
  }
  if (hasFile) made->file = s.files.openRead(s.bodyPath(message));
  return made;
}

std::optional<QueueId> Storage::messageOf(QueueId entry) {
  auto db = state_->read();
  auto row = db->prepare("SELECT message FROM entry WHERE id=?");
  if (!row.bind(entry).step()) return std::nullopt;
  return row.id<QueueId>(0);
}

std::size_t Storage::size() { return static_cast<std::size_t>(state_->read()->scalar("SELECT count(*) FROM entry")); }
std::size_t Storage::held() { return static_cast<std::size_t>(state_->read()->scalar("SELECT count(*) FROM entry WHERE hold=1")); }

void Storage::maintain() {
  auto& s = *state_;
  std::vector<QueueId> doubtful = *s.doubtful.lock();
  s.writer->settle();
  s.reopen();
  s.removeBodies(doubtful);
  {
    auto left = s.doubtful.lock();
    left->erase(left->begin(), left->begin() + static_cast<std::ptrdiff_t>(doubtful.size()));
  }
  auto commits = s.writer->counts().commits;
  if (s.maintained.exchange(commits) != commits) s.writer->checkpoint();
}

Storage::Counts Storage::counts() const {
  auto counts = state_->writer->counts();
  return {counts.commits, counts.works};
}

}  // namespace mox::queue
