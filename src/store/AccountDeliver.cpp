// Messages in: body files first, synced, then one commit.
#include <algorithm>
#include <limits>
#include <set>

#include "store/AccountState.h"
#include "store/Spool.h"

namespace mox::store {

namespace {

/// What is ready to be committed of one message.
struct Prepared {
  std::string inlineBody;  ///< prefix and message, or only the prefix if `file`
  StoredBody stored;
  std::unique_ptr<Spool> ownSpool;
};

/// Body files put in place for a commit that may not come.
class PlacedFiles {
 public:
  PlacedFiles(Files& files, const BodyFiles& bodies) : files_(files), bodies_(bodies) {}

  void place(const Spool& spool, std::int64_t file) {
    auto directory = bodies_.directoryOf(file);
    files_.makeDirectory(directory);
    placed_.push_back(file);
    spool.linkTo(bodies_.path(file));
    directories_.insert(std::move(directory));
  }
  void sync() {
    for (const auto& directory : directories_) files_.syncDirectory(directory);
  }
  void leaveTo(Guarded<std::vector<std::int64_t>>& garbage) const {
    auto files = garbage.lock();
    files->insert(files->end(), placed_.begin(), placed_.end());
  }
  /// The commit certainly did not happen. What cannot be removed now is swept at the next open.
  void remove(const Log& log) {
    for (auto file : placed_) {
      try {
        files_.remove(bodies_.path(file));
      } catch (const FileError& error) {
        log.warn("body file of a failed delivery stays until the account is opened again", {{"error", error.what()}});
      }
    }
  }

 private:
  Files& files_;
  const BodyFiles& bodies_;
  std::vector<std::int64_t> placed_;
  std::set<std::string> directories_;
};

struct Preparation {
  Files& files;
  const std::string& spoolDirectory;
  std::atomic<std::int64_t>& nextFile;
};

/// Puts large bodies into files and concatenates small ones with their prefix.
std::vector<Prepared> prepare(const std::vector<NewMessage>& messages, const Preparation& with, PlacedFiles& placed) {
  std::vector<Prepared> prepared(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& message = messages[i];
    auto& made = prepared[i];
    auto data = message.spool != nullptr ? message.spool->data() : message.data;
    made.stored.size = message.prefix.size() + data.size();
    made.inlineBody = message.prefix;
    if (data.size() <= bodyInlineLimit) {
      made.inlineBody.append(data);
    } else {
      const Spool* spool = message.spool;
      if (spool == nullptr || !spool->isFile()) {
        made.ownSpool = std::make_unique<Spool>(with.files, with.spoolDirectory);
        made.ownSpool->append(data);
        spool = made.ownSpool.get();
      }
      made.stored.file = with.nextFile++;
      placed.place(*spool, *made.stored.file);
    }
    made.stored.body = made.inlineBody;
  }
  placed.sync();
  return prepared;
}

void expungeListed(Operation& op, const DeliverOptions& options) {
  for (auto uid : options.expunge) {
    if (auto message = loadMessage(op, options.expungeFrom, uid)) expungeMessage(op, op.mailbox(options.expungeFrom), *message);
    else if (options.expungeMustExist) throw Refused{{Errc::conflict, "the message to replace is gone"}};
  }
}

/// With what the messages are here.
std::vector<ImportOrigin> placedOrigins(std::vector<ImportOrigin> origins, const std::vector<Delivered>& delivered) {
  for (std::size_t i = 0; i < origins.size(); ++i) {
    origins[i].mailbox = delivered[i].mailbox;
    origins[i].uid = delivered[i].uid;
    origins[i].modSeq = delivered[i].modSeq;
  }
  return origins;
}

void noteImported(Db& db, const std::vector<ImportMark>& marks) {
  if (marks.empty()) return;
  auto insert = db.prepare("INSERT INTO imported(mailbox, digest, count, run, seen) VALUES(?,?,?,?,?) "
                           "ON CONFLICT(mailbox, digest) DO UPDATE SET count=excluded.count, run=excluded.run, seen=excluded.seen");
  for (const auto& mark : marks) insert.bind(mark.mailbox).bindBlob(mark.digest).bind(mark.count).bind(mark.run).bind(mark.seen).run();
}

void noteOrigins(Db& db, const std::vector<ImportOrigin>& origins) {
  if (origins.empty()) return;
  auto insert = db.prepare("INSERT OR REPLACE INTO imported_from(source, there, mailbox, uid, modseq, flags, keywords) VALUES(?,?,?,?,?,?,?)");
  for (const auto& one : origins)
    if (one.source != 0)
      insert.bind(one.source).bind(one.there).bind(one.mailbox).bind(one.uid).bind(one.modSeq).bind(std::int64_t{one.flags.bits}).bind(joinKeywords(one.flags.keywords)).run();
}

}  // namespace

void Account::updateOrigins(const std::vector<ImportOrigin>& changed, const std::vector<ImportOrigin>& gone) {
  if (changed.empty() && gone.empty()) return;
  state_->writer->submit([&](WriteTx& tx) {
    // A mailbox may have gone meanwhile, and with it what is kept of its messages.
    auto known = tx.db().prepare("UPDATE imported_from SET modseq=?, flags=?, keywords=? WHERE source=? AND there=?");
    for (const auto& one : changed) known.bind(one.modSeq).bind(std::int64_t{one.flags.bits}).bind(joinKeywords(one.flags.keywords)).bind(one.source).bind(one.there).run();
    auto forget = tx.db().prepare("DELETE FROM imported_from WHERE source=? AND there=?");
    for (const auto& one : gone) forget.bind(one.source).bind(one.there).run();
  });
}

void Account::forgetOrigins(std::int64_t source) {
  state_->writer->submit([&](WriteTx& tx) { tx.db().prepare("DELETE FROM imported_from WHERE source=?").bind(source).run(); });
}

std::shared_ptr<void> Account::beginImport() {
  auto* importing = &state_->importing;
  if (importing->exchange(true)) return nullptr;
  return {importing, [](void* flag) { *static_cast<std::atomic<bool>*>(flag) = false; }};
}

Result<std::vector<Delivered>> Account::deliver(std::vector<NewMessage> messages, const DeliverOptions& options) {
  for (const auto& message : messages) {
    auto size = message.prefix.size() + (message.spool != nullptr ? message.spool->size() : message.data.size());
    if (size > std::numeric_limits<std::uint32_t>::max()) return fail(Errc::tooLong, "message of 4 GiB or more");
    if (message.flags.keywords.size() > static_cast<std::size_t>(messageKeywords.value)) return fail(Errc::tooMany, "too many keywords");
  }
  auto& s = *state_;
  PlacedFiles placed(*s.env.files, s.bodies);
  try {
    auto prepared = prepare(messages, {*s.env.files, s.spoolDirectory, s.nextFile}, placed);
    auto context = s.context();
    auto result = s.tryWrite<std::vector<Delivered>>([&](Operation& op) {
      std::vector<Delivered> delivered;
      expungeListed(op, options);
      for (std::size_t i = 0; i < messages.size(); ++i) {
        auto made = insertMessage(op, context, messages[i], prepared[i].stored);
        delivered.push_back({made.id, messages[i].mailbox, made.uid, op.modSeq(), made.thread});
      }
      for (const auto& mark : options.imported) op.mailbox(mark.mailbox);  // not gone meanwhile
      noteImported(op.db(), options.imported);
      noteOrigins(op.db(), placedOrigins(options.origins, delivered));
      op.checkQuota(options.quota, options.quotaMessages);
      return delivered;
    });
    if (!result) placed.remove(s.env.log);
    return result;
  } catch (...) {
    // If we die before the next commit, this one may turn out to have happened: until then the files must stay for it.
    if (s.writer->isInDoubt()) placed.leaveTo(s.garbage);
    else placed.remove(s.env.log);
    throw;
  }
}

}  // namespace mox::store
