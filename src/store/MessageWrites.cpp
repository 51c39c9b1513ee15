#include "store/MessageWrites.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/SortFacts.h"
#include "store/Db.h"
#include "store/Reputation.h"
#include "store/Rows.h"

namespace mox::store {

namespace {

/// UIDs are read one by one if there is only one in so many of the mailbox.
constexpr std::size_t scanWorthwhile = 8;
/// Addresses noted of one sent message.
constexpr std::size_t recipientsNoted = 1'000;

void noteRecipients(Db& db, const WriteContext& context, const std::string& lines, std::int64_t sent) {
  auto insert = db.prepare("INSERT INTO recipient(domain, localpart, orgdomain, sent, first_sent) VALUES(?,?,?,?,?) "
                           "ON CONFLICT(domain, localpart) DO UPDATE SET sent=max(sent, excluded.sent), "
                           "first_sent=min(first_sent, excluded.first_sent), orgdomain=excluded.orgdomain");
  for (const auto& line : splitLines(lines)) {
    auto at = line.rfind('@');
    auto domain = line.substr(at + 1), localpart = line.substr(0, at);
    auto organisational = context.organisationalDomain ? context.organisationalDomain(domain) : domain;
    insert.bind(domain).bind(localpart).bind(organisational).bind(sent).bind(sent).run();
  }
}

void noteSent(Operation& op, const WriteContext& context, ContentId content, std::int64_t sent) {
  auto row = op.db().prepare("SELECT recipients FROM structure WHERE content=?");
  if (row.bind(content).step()) noteRecipients(op.db(), context, row.text(0), sent);
}

void noteJudgedDkim(Db& db, MessageId id, std::int64_t received, const std::vector<std::string>& domains) {
  auto insert = db.prepare("INSERT OR IGNORE INTO judged_dkim(domain, received, message) VALUES(?,?,?)");
  for (const auto& domain : domains) insert.bind(domain).bind(received).bind(id).run();
}

void forgetJudgedDkim(Db& db, MessageId id, std::int64_t received, const std::vector<std::string>& domains) {
  auto remove = db.prepare("DELETE FROM judged_dkim WHERE domain=? AND received=? AND message=?");
  for (const auto& domain : domains) remove.bind(domain).bind(received).bind(id).run();
}

std::int64_t traitsOf(const NewMessage& message, bool muted) {
  const auto& origin = message.origin;
  std::int64_t traits = 0;
  if (message.parsed != nullptr && message.parsed->isMailingList) traits |= isMailingListTrait;
  if (message.parsed != nullptr && message.parsed->isDsn) traits |= isDsnTrait;
  if (origin.isForward) traits |= isForwardTrait;
  if (origin.isReject) traits |= isRejectTrait;
  if (muted) traits |= mutedTrait;
  if (origin.ehloValidated) traits |= ehloValidatedTrait;
  if (origin.mailFromValidated) traits |= mailFromValidatedTrait;
  if (origin.msgFromValidated) traits |= msgFromValidatedTrait;
  return traits;
}

void insertContent(Operation& op, ContentId id, const NewMessage& message, const StoredBody& body) {
  op.db()
      .prepare("INSERT INTO content(id, size, file, body) VALUES(?,?,?,?)")
      .bind(id)
      .bind(static_cast<std::int64_t>(body.size))
      .bind(body.file)
      .bindBlob(body.body)
      .run();
  std::string_view preview;
  std::int64_t headerSize = 0;
  if (message.parsed != nullptr) {
    preview = message.parsed->preview;
    headerSize = static_cast<std::int64_t>(message.parsed->root.bodyStart);
  }
  auto recipients = recipientLines(message.parsed);
  op.db()
      .prepare("INSERT INTO structure(content, header_size, envelope, preview, recipients, part_tree) VALUES(?,?,?,?,?,?)")
      .bind(id)
      .bind(headerSize)
      .bindBlob(message.envelope)
      .bind(preview)
      .bind(recipients)
      .bindBlob(message.partTree)
      .run();
  auto facts = message.parsed == nullptr ? std::string() : message::packSortFacts(*message.parsed);
  auto shape = op.db().prepare("INSERT INTO bodystructure(content, body, extended, sort_facts) VALUES(?,?,?,?)");
  shape.bind(id).bindBlob(message.bodyStructure).bindBlob(message.bodyStructureExtended);
  (facts.empty() ? shape.bindNull() : shape.bindBlob(facts)).run();
}

/// The columns that say where a message came from; "" and no IP are NULL, so that the indices skip them.
void bindOrigin(Stmt& row, const Origin& origin, const std::array<std::string, 4>& ips, const std::string& dkimDomains) {
  auto text = [&](const std::string& value) { value.empty() ? row.bindNull() : row.bind(value); };
  auto blob = [&](const std::string& value) { value.empty() ? row.bindNull() : row.bindBlob(value); };
  origin.destined ? row.bind(*origin.destined) : row.bindNull();
  row.bind(static_cast<std::int64_t>(origin.ehloValidation) | static_cast<std::int64_t>(origin.mailFromValidation) << 4 |
           static_cast<std::int64_t>(origin.msgFromValidation) << 8);
  for (const auto& ip : ips) blob(ip);
  for (const auto* value : {&origin.ehloDomain, &origin.mailFromLocalpart, &origin.mailFromDomain, &origin.rcptToLocalpart,
                            &origin.rcptToDomain, &origin.msgFromLocalpart, &origin.msgFromDomain, &origin.msgFromOrgDomain})
    text(*value);
  text(dkimDomains);
}

std::array<std::string, 4> ipColumns(const std::optional<IpAddress>& ip) {
  std::array<std::string, 4> columns;
  if (!ip) return columns;
  columns[0] = ip->bytes();
  for (unsigned level = 1; level <= 3; ++level) columns[level] = maskedIp(*ip, level).bytes();
  return columns;
}

constexpr const char* insertMessageSql =
    "INSERT INTO message(id, mailbox, uid, createseq, content, size, received, saved, thread, parent, traits, "
    "message_id, subject_base, judged, original_mailbox, destined_mailbox, validations, remote_ip, ip1, ip2, ip3, ehlo_domain, "
    "mailfrom_localpart, mailfrom_domain, rcptto_localpart, rcptto_domain, msgfrom_localpart, msgfrom_domain, msgfrom_orgdomain, "
    "dkim_domains) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

struct NewRow {
  MessageId id;
  Uid uid;
  ModSeq modSeq;
  Flags flags;
  ContentId content;
  std::int64_t size = 0, received = 0, saved = 0;
  ThreadPlace place;
};

void insertRow(Db& db, const NewMessage& message, const NewRow& made) {
  auto ips = ipColumns(message.origin.remoteIp);
  auto dkimDomains = joinLines(message.origin.dkimDomains);
  std::string_view messageId, subjectBase;
  if (message.parsed != nullptr) {
    messageId = message.parsed->messageId;
    subjectBase = message.parsed->subjectBase;
  }
  auto row = db.prepare(insertMessageSql);
  row.bind(made.id).bind(message.mailbox).bind(made.uid).bind(made.modSeq).bind(made.content).bind(made.size).bind(made.received).bind(made.saved).bind(made.place.thread);
  made.place.parent ? row.bind(made.place.parent) : row.bindNull();
  row.bind(traitsOf(message, made.place.muted)).bind(messageId).bind(subjectBase).bind(std::int64_t{judgement(made.flags.bits)});
  row.bind(message.mailbox);
  bindOrigin(row, message.origin, ips, dkimDomains);
  row.run();
}

DeltaEntry entryOf(const MessageRow& message, Uid uid, ModSeq modSeq, const Flags& flags) {
  DeltaEntry delta;
  delta.entry.uid = uid;
  delta.entry.flags = flags.bits;
  delta.entry.message = message.id;
  delta.entry.content = message.content;
  delta.entry.modSeq = modSeq;
  delta.entry.size = static_cast<std::uint32_t>(message.size);
  delta.entry.received = unixSeconds(message.received);
  delta.keywords = joinKeywords(flags.keywords);
  return delta;
}

void arrive(Operation& op, MailboxEdit& mailbox, const DeltaEntry& entry, FlagBits flags) {
  op.db()
      .prepare("INSERT INTO view_entry(mailbox, uid, modseq, flags, size, received, message, content, keywords) VALUES(?,?,?,?,?,?,?,?,?)")
      .bind(mailbox.row.id)
      .bind(entry.entry.uid)
      .bind(entry.entry.modSeq)
      .bind(std::int64_t{flags})
      .bind(std::int64_t{entry.entry.size})
      .bind(entry.entry.received)
      .bind(entry.entry.message)
      .bind(entry.entry.content)
      .bind(entry.keywords)
      .run();
  mailbox.count(flags, entry.entry.size, 1);
  mailbox.delta.added.push_back(entry);
  mailbox.added.push_back(entry.entry.uid);
}

void leave(Operation& op, MailboxEdit& mailbox, const MessageRow& message) {
  mailbox.count(message.flags.bits, static_cast<std::int64_t>(message.size), -1);
  mailbox.delta.removed.push_back(message.uid);
  mailbox.expunged.push_back(message.uid);
  op.db().prepare("DELETE FROM view_entry WHERE mailbox=? AND uid=?").bind(message.mailbox).bind(message.uid).run();
  op.db()
      .prepare("INSERT INTO expunged(mailbox, modseq, uid) VALUES(?,?,?)")
      .bind(message.mailbox)
      .bind(op.modSeq())
      .bind(message.uid)
      .run();
}

/// A message that leaves Rejects was not junk after all: it counts for the mailbox it was meant for.
struct Relocation {
  Flags flags;
  MailboxId original;
  bool keepsReject = false;
};

Relocation relocate(const MessageRow& from, FlagAdjustment adjust) {
  Relocation to{from.flags, from.originalMailbox, from.origin.isReject};
  if (from.origin.isReject) {
    to.flags.bits &= ~bit(Flag::seen);
    if (from.origin.destined) to.original = *from.origin.destined;
    to.keepsReject = false;
  }
  to.flags.bits = (to.flags.bits & ~adjust.clear) | adjust.set;
  return to;
}

/// Removes the content if no message has it any more.
void releaseContent(Operation& op, ContentId content) {
  if (op.db().prepare("SELECT 1 FROM message WHERE content=?").bind(content).step()) return;
  auto row = op.db().prepare("SELECT file FROM content WHERE id=?");
  if (!row.bind(content).step()) throw std::runtime_error(op.db().path() + ": a message without content");
  if (!row.isNull(0)) {
    auto file = row.int64(0);
    op.db().prepare("INSERT INTO garbage(file) VALUES(?)").bind(file).run();
    op.free(file);
  }
  row.reset();
  op.db().prepare("DELETE FROM content WHERE id=?").bind(content).run();
}

}  // namespace

std::string recipientLines(const message::Parsed* parsed) {
  if (parsed == nullptr || !parsed->root.envelope) return {};
  const auto& envelope = *parsed->root.envelope;
  std::set<std::string> lines;
  for (const auto* list : {&envelope.to, &envelope.cc, &envelope.bcc})
    for (const auto& entry : *list) {
      if (!entry.mailbox || !entry.host || lines.size() >= recipientsNoted) continue;
      auto localpart = Localpart::make(*entry.mailbox);
      auto domain = Domain::make(*entry.host);
      if (localpart && domain) lines.insert(localpart->text() + "@" + domain->ascii());
    }
  return joinLines({lines.begin(), lines.end()});
}

std::optional<MessageRow> loadMessage(Operation& op, MailboxId mailbox, Uid uid) {
  static const std::string sql = "SELECT " + messageColumns + " FROM " + placedTables + " WHERE v.mailbox=? AND v.uid=?";
  auto row = op.db().prepare(sql);
  if (!row.bind(mailbox).bind(uid).step()) return std::nullopt;
  return readMessage(row);
}

Placed insertMessage(Operation& op, const WriteContext& context, const NewMessage& message, const StoredBody& body) {
  auto& mailbox = op.mailbox(message.mailbox);
  NewRow made;
  made.place = findThread(op.db(), message);
  made.id = MessageId(op.counters().nextMessage++);
  if (!made.place.thread) made.place.thread = ThreadId(made.id.value);
  made.content = ContentId(op.counters().nextContent++);
  made.uid = mailbox.takeUid();
  made.modSeq = op.modSeq();
  made.flags = message.flags;
  if (made.place.muted) made.flags.bits |= bit(Flag::seen);
  if (message.parsed != nullptr && message.parsed->utf8Headers) made.flags.bits |= utf8HeadersMark;
  if (message.parsed != nullptr && message.parsed->hasNul) made.flags.bits |= nulMark;
  made.size = static_cast<std::int64_t>(body.size);
  made.received = unixSeconds(message.received);
  made.saved = unixSeconds(message.saved.value_or(context.now));
  mailbox.learn(made.flags.keywords);
  insertContent(op, made.content, message, body);
  insertRow(op.db(), message, made);
  if (judgement(made.flags.bits) != unjudged) noteJudgedDkim(op.db(), made.id, made.received, message.origin.dkimDomains);
  op.counters().messageBytes += made.size;
  ++op.counters().messageCount;
  MessageRow row;
  row.id = made.id;
  row.content = made.content;
  row.size = body.size;
  row.received = message.received;
  arrive(op, mailbox, entryOf(row, made.uid, made.modSeq, made.flags), made.flags.bits);
  if ((mailbox.row.uses & sentUse) != 0) noteSent(op, context, made.content, made.received);
  return {made.id, made.uid, made.place.thread};
}

Placed copyMessage(Operation& op, const WriteContext& context, const MessageRow& from, MailboxEdit& to, FlagAdjustment adjust) {
  auto relocation = relocate(from, adjust);
  to.learn(relocation.flags.keywords);
  MessageId id(op.counters().nextMessage++);
  auto uid = to.takeUid();
  auto judged = judgement(relocation.flags.bits);
  op.db()
      .prepare("INSERT INTO message SELECT ?, ?, ?, ?, content, size, received, ?, thread, parent, traits & ?, message_id, "
               "subject_base, ?, ?, CASE WHEN traits & 8 THEN NULL ELSE destined_mailbox END, validations, remote_ip, ip1, ip2, ip3, "
               "ehlo_domain, mailfrom_localpart, mailfrom_domain, rcptto_localpart, rcptto_domain, msgfrom_localpart, msgfrom_domain, "
               "msgfrom_orgdomain, dkim_domains FROM message WHERE id=?")
      .bind(id)
      .bind(to.row.id)
      .bind(uid)
      .bind(op.modSeq())
      .bind(unixSeconds(context.now))
      .bind(~std::int64_t{isRejectTrait})
      .bind(std::int64_t{judged})
      .bind(relocation.original)
      .bind(from.id)
      .run();
  if (judged != unjudged) noteJudgedDkim(op.db(), id, unixSeconds(from.received), from.origin.dkimDomains);
  op.counters().messageBytes += static_cast<std::int64_t>(from.size);
  ++op.counters().messageCount;
  auto row = from;
  row.id = id;
  arrive(op, to, entryOf(row, uid, op.modSeq(), relocation.flags), relocation.flags.bits);
  if ((to.row.uses & sentUse) != 0) noteSent(op, context, from.content, unixSeconds(from.received));
  return {id, uid, from.thread};
}

Placed moveMessage(Operation& op, const WriteContext& context, const MessageRow& from, MailboxEdit& to, FlagAdjustment adjust) {
  auto relocation = relocate(from, adjust);
  to.learn(relocation.flags.keywords);
  leave(op, op.mailbox(from.mailbox), from);
  auto uid = to.takeUid();
  auto judged = judgement(relocation.flags.bits);
  op.db()
      .prepare("UPDATE message SET mailbox=?, uid=?, createseq=?, saved=?, judged=?, original_mailbox=?, "
               "destined_mailbox=CASE WHEN traits & 8 THEN NULL ELSE destined_mailbox END, traits=traits & ? WHERE id=?")
      .bind(to.row.id)
      .bind(uid)
      .bind(op.modSeq())
      .bind(unixSeconds(context.now))
      .bind(std::int64_t{judged})
      .bind(relocation.original)
      .bind(~std::int64_t{isRejectTrait})
      .bind(from.id)
      .run();
  if ((judged != unjudged) != (judgement(from.flags.bits) != unjudged)) {
    auto change = judged != unjudged ? noteJudgedDkim : forgetJudgedDkim;
    change(op.db(), from.id, unixSeconds(from.received), from.origin.dkimDomains);
  }
  arrive(op, to, entryOf(from, uid, op.modSeq(), relocation.flags), relocation.flags.bits);
  if ((to.row.uses & sentUse) != 0) noteSent(op, context, from.content, unixSeconds(from.received));
  return {from.id, uid, from.thread};
}

namespace {

FlagRow readFlagRow(const Stmt& row, ModSeq floor) {
  FlagRow found;
  found.entry = readEntry(row, floor);
  found.flags = {found.entry.flags, splitKeywords(row.bytes(5))};
  return found;
}

void changeJudgement(Db& db, const FlagRow& message, Judgement from, Judgement to) {
  db.prepare("UPDATE message SET judged=? WHERE id=?").bind(std::int64_t{to}).bind(message.entry.message).run();
  if ((to != unjudged) == (from != unjudged)) return;
  auto row = db.prepare("SELECT dkim_domains FROM message WHERE id=?");
  if (!row.bind(message.entry.message).step()) return;
  auto change = to != unjudged ? noteJudgedDkim : forgetJudgedDkim;
  change(db, message.entry.message, message.entry.received, splitLines(row.bytes(0)));
}

}  // namespace

std::vector<FlagRow> loadFlags(Operation& op, MailboxId mailbox, std::span<const Uid> uids) {
  std::vector<FlagRow> found;
  if (uids.empty()) return found;
  const ModSeq floor(op.db().scalar("SELECT modseq_floor FROM state"));
  auto row = op.db().prepare("SELECT uid, flags, modseq, size, received, keywords, message, content FROM view_entry "
                             "WHERE mailbox=? AND uid>=? AND uid<=? ORDER BY uid");
  // Dense UIDs are read in one go.
  std::size_t span = uids.back().value - uids.front().value + 1;
  bool dense = span / uids.size() < scanWorthwhile;
  if (dense) found.reserve(uids.size());
  for (auto next = uids.begin(); next != uids.end();) {
    row.bind(mailbox).bind(*next).bind(dense ? uids.back() : *next);
    bool follows = false;
    while (row.step()) {
      auto uid = row.id<Uid>(0);
      while (next != uids.end() && *next < uid) ++next;
      bool wanted = next != uids.end() && *next == uid;
      if (wanted) found.push_back(readFlagRow(row, floor));
      if (wanted) found.back().follows = follows;
      follows = wanted;
    }
    row.reset();
    next = dense ? uids.end() : std::next(next);
  }
  return found;
}

void FlagsWrite::change(const FlagRow& message, const Flags& flags) {
  std::string from, to;
  if (keywords_) {
    from = joinKeywords(message.flags.keywords);
    to = joinKeywords(flags.keywords);
    mailbox_.learn(flags.keywords);
  }
  if (!range_ || !message.follows || from != range_->from) {
    flush();
    range_ = Range{message.entry.uid, message.entry.uid, 0, std::move(from), std::move(to)};
  }
  range_->last = message.entry.uid;
  if (flags == message.flags) return;
  ++range_->changed;
  note(message, flags);
}

void FlagsWrite::note(const FlagRow& message, const Flags& flags) {
  auto before = judgement(message.flags.bits), after = judgement(flags.bits);
  if (before != after) changeJudgement(op_.db(), message, before, after);
  mailbox_.count(message.flags.bits, message.entry.size, -1);
  mailbox_.count(flags.bits, message.entry.size, 1);
  DeltaEntry delta{message.entry, joinKeywords(flags.keywords)};
  delta.entry.flags = flags.bits;
  delta.entry.modSeq = op_.modSeq();
  mailbox_.changed.push_back(delta.entry.uid);
  mailbox_.delta.changed.push_back(std::move(delta));
}

void FlagsWrite::flush() {
  if (!range_) return;
  auto range = *std::exchange(range_, std::nullopt);
  if (range.changed == 0) return;
  auto update = op_.db().prepare(
      keywords_ ? "UPDATE view_entry SET flags=(flags & ~?1) | ?2, modseq=?3, keywords=?7 WHERE mailbox=?4 AND uid BETWEEN ?5 AND ?6 "
                  "AND ((flags & ~?1) | ?2 <> flags OR keywords<>?7)"
                : "UPDATE view_entry SET flags=(flags & ~?1) | ?2, modseq=?3 WHERE mailbox=?4 AND uid BETWEEN ?5 AND ?6 "
                  "AND (flags & ~?1) | ?2 <> flags");
  update.bind(std::int64_t{bits_.clear}).bind(std::int64_t{bits_.set}).bind(op_.modSeq()).bind(mailbox_.row.id).bind(range.first).bind(range.last);
  if (keywords_) update.bind(range.to);
  update.run();
  if (op_.db().changes() != range.changed) throw std::runtime_error(op_.db().path() + ": flags of other messages than asked for");
}

void expungeMessage(Operation& op, MailboxEdit& mailbox, const MessageRow& message) {
  leave(op, mailbox, message);
  if (judgement(message.flags.bits) != unjudged)
    forgetJudgedDkim(op.db(), message.id, unixSeconds(message.received), message.origin.dkimDomains);
  op.db().prepare("DELETE FROM message WHERE id=?").bind(message.id).run();
  releaseContent(op, message.content);
  op.counters().messageBytes -= static_cast<std::int64_t>(message.size);
  --op.counters().messageCount;
}

}  // namespace mox::store
