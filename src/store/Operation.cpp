#include "store/Operation.h"

#include <algorithm>
#include <limits>

#include "store/Db.h"
#include "store/Rows.h"
#include "store/ViewPack.h"

namespace mox::store {

void MailboxEdit::count(FlagBits flags, std::int64_t size, int sign) {
  bool isSeen = (flags & bit(Flag::seen)) != 0, isDeleted = (flags & bit(Flag::deleted)) != 0;
  auto& counts = row.counts;
  counts.total += sign;
  counts.size += sign * size;
  if (isDeleted) counts.deleted += sign;
  if (isDeleted) counts.deletedSize += sign * size;
  if (!isSeen) counts.unseen += sign;
  if (!isSeen && !isDeleted) counts.unread += sign;
}

void MailboxEdit::learn(const Keywords& keywords) {
  auto& known = row.keywords;
  for (const auto& keyword : keywords) {
    auto place = std::lower_bound(known.begin(), known.end(), keyword);
    if (place != known.end() && *place == keyword) continue;
    if (known.size() >= static_cast<std::size_t>(mailboxKeywords.value)) throw Refused{{Errc::tooMany, "too many different keywords in this mailbox"}};
    known.insert(place, keyword);
    delta.mailboxKeywords = known;
  }
}

Uid MailboxEdit::takeUid() {
  if (row.uidNext.value == std::numeric_limits<std::uint32_t>::max()) throw Refused{{Errc::tooMany, "the mailbox has used up its UIDs"}};
  auto uid = row.uidNext;
  row.uidNext = uid.next();
  return uid;
}

Operation::Operation(Db& db) : db_(db) {
  auto row = db.prepare("SELECT modseq, history_from, next_uidvalidity, next_message, next_content, message_bytes, message_count, riding_to FROM state");
  if (!row.step()) throw std::runtime_error(db.path() + ": the row of table state is missing");
  counters_.modSeq = row.id<ModSeq>(0);
  counters_.historyFrom = row.id<ModSeq>(1);
  counters_.nextUidValidity = row.int64(2);
  counters_.nextMessage = row.int64(3);
  counters_.nextContent = row.int64(4);
  counters_.messageBytes = row.int64(5);
  counters_.messageCount = row.int64(6);
  counters_.ridingTo = row.id<ModSeq>(7);
  loaded_ = counters_;
}

void Operation::ride(bool forced) {
  auto& to = counters_.ridingTo;
  if (!forced && counters_.modSeq >= to) throw MustBeForced{};
  if (forced && counters_.modSeq.value + modSeqsSetAside / 2 >= to.value) to = ModSeq(counters_.modSeq.value + modSeqsSetAside);
}

ModSeq Operation::modSeq() {
  if (!modSeq_) modSeq_ = counters_.modSeq = counters_.modSeq.next();
  return modSeq_;
}

UidValidity Operation::takeUidValidity() {
  if (counters_.nextUidValidity > std::numeric_limits<std::uint32_t>::max())
    throw Refused{{Errc::tooMany, "the account has used up its UIDVALIDITY values"}};
  return UidValidity(static_cast<std::uint32_t>(counters_.nextUidValidity++));
}

MailboxEdit& Operation::insert(const MailboxRow& row) {
  auto& edit = mailboxes_[row.id];
  edit = MailboxEdit{};
  edit.row = row;
  edit.delta.mailbox = row.id;
  return edit;
}

MailboxEdit& Operation::mailbox(MailboxId id) {
  if (auto found = mailboxes_.find(id); found != mailboxes_.end() && !found->second.gone) return found->second;
  static const std::string sql = "SELECT " + mailboxColumns + " FROM mailbox m WHERE m.id=?";
  auto row = db_.prepare(sql);
  if (!row.bind(id).step()) throw Refused{{Errc::notFound, "no such mailbox"}};
  return insert(readMailbox(row));
}

MailboxEdit* Operation::find(std::string_view name) {
  auto row = db_.prepare("SELECT id FROM mailbox WHERE name=?");
  if (!row.bind(name).step()) return nullptr;
  return &mailbox(row.id<MailboxId>(0));
}

void Operation::erase(MailboxId id) {
  auto& edit = mailbox(id);
  edit.gone = true;
  edit.delta.mailboxGone = true;
}

Change& Operation::tell(Change::Kind kind, MailboxId mailbox, std::string name) {
  Change change;
  change.kind = kind;
  change.mailbox = mailbox;
  change.modSeq = modSeq_;
  change.name = std::move(name);
  changes_.push_back(std::move(change));
  return changes_.back();
}

void Operation::checkQuota(std::int64_t bytes, std::int64_t messages) const {
  auto isOver = [](std::int64_t limit, std::int64_t before, std::int64_t now) { return limit >= 0 && now > limit && now > before; };
  if (isOver(bytes, loaded_.messageBytes, counters_.messageBytes)) throw Refused{{Errc::overQuota, "the account is over its quota"}};
  if (isOver(messages, loaded_.messageCount, counters_.messageCount))
    throw Refused{{Errc::overQuota, "the account is over its quota of messages"}};
}

void Operation::finish(MailboxEdit& edit) {
  auto report = [&](Change::Kind kind, std::vector<Uid>& uids) {
    if (uids.empty()) return;
    std::sort(uids.begin(), uids.end());
    tell(kind, edit.row.id).uids = std::move(uids);
  };
  if (edit.gone) return;
  bool touched = !edit.added.empty() || !edit.changed.empty() || !edit.expunged.empty();
  if (!touched) return;
  edit.row.modSeq = edit.delta.modSeq = modSeq();
  edit.delta.uidNext = edit.row.uidNext;
  auto firstChange = changes_.size();
  report(Change::Kind::messagesExpunged, edit.expunged);
  report(Change::Kind::messagesAdded, edit.added);
  report(Change::Kind::messageFlags, edit.changed);
  for (auto i = firstChange; i < changes_.size(); ++i)
    if (changes_[i].kind != Change::Kind::messagesAdded) unpackParts(db_, edit.row.id, changes_[i].uids, edit.row.uidNext);
  const auto& row = edit.row;
  auto keywords = joinKeywords(row.keywords);
  db_.prepare("UPDATE mailbox SET uidnext=?, modseq=?, keywords=?, total=?, deleted=?, unseen=?, unread=?, size=?, deleted_size=? WHERE id=?")
      .bind(row.uidNext)
      .bind(row.modSeq)
      .bind(keywords)
      .bind(row.counts.total)
      .bind(row.counts.deleted)
      .bind(row.counts.unseen)
      .bind(row.counts.unread)
      .bind(row.counts.size)
      .bind(row.counts.deletedSize)
      .bind(row.id)
      .run();
  auto shared = std::make_shared<const MailboxRow>(std::move(edit.row));
  for (auto i = firstChange; i < changes_.size(); ++i) changes_[i].row = shared;
}

void Operation::finish() {
  for (auto& [id, edit] : mailboxes_) finish(edit);
  if (counters_ == loaded_) return;
  db_.prepare("UPDATE state SET modseq=?, history_from=?, next_uidvalidity=?, next_message=?, next_content=?, message_bytes=?, message_count=?, riding_to=?")
      .bind(counters_.modSeq)
      .bind(counters_.historyFrom)
      .bind(counters_.nextUidValidity)
      .bind(counters_.nextMessage)
      .bind(counters_.nextContent)
      .bind(counters_.messageBytes)
      .bind(counters_.messageCount)
      .bind(counters_.ridingTo)
      .run();
}

std::vector<ViewDelta> Operation::takeDeltas() {
  std::vector<ViewDelta> deltas;
  auto byUid = [](const DeltaEntry& a, const DeltaEntry& b) { return a.entry.uid < b.entry.uid; };
  for (auto& [id, edit] : mailboxes_) {
    auto& delta = edit.delta;
    if (!delta.modSeq && !delta.mailboxGone) continue;
    std::sort(delta.changed.begin(), delta.changed.end(), byUid);
    std::sort(delta.removed.begin(), delta.removed.end());
    deltas.push_back(std::move(delta));
  }
  return deltas;
}

Changes Operation::takeChanges() { return std::make_shared<const std::vector<Change>>(std::move(changes_)); }

}  // namespace mox::store
