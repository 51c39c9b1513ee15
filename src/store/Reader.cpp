#include "store/Reader.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>

#include "store/AccountState.h"
#include "store/ContentState.h"
#include "store/Rows.h"
#include "store/SearchIndex.h"

namespace mox::store {

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;

Db& Reader::db() { return *state_->db; }

// Mailboxes ----------------------------------------------------------------------------------------------------

namespace {

const std::string mailboxSql = "SELECT " + mailboxColumns +
                               ", EXISTS(SELECT 1 FROM subscription s WHERE s.name=m.name), "
                               "EXISTS(SELECT 1 FROM mailbox c WHERE c.name > m.name||'/' AND c.name < m.name||'0') FROM mailbox m";

MailboxRow fullMailbox(const Stmt& row) {
  auto mailbox = readMailbox(row);
  mailbox.subscribed = row.int64(14) != 0;
  mailbox.hasChildren = row.int64(15) != 0;
  return mailbox;
}

const std::string messageSql = "SELECT " + messageColumns + " FROM " + messageTables + " WHERE ";
const std::string placedSql = "SELECT " + messageColumns + " FROM " + placedTables + " WHERE ";

}  // namespace

std::optional<MailboxRow> Reader::mailbox(MailboxId id) {
  static const std::string sql = mailboxSql + " WHERE m.id=?";
  auto row = db().prepare(sql);
  return row.bind(id).step() ? std::optional(fullMailbox(row)) : std::nullopt;
}

std::optional<MailboxRow> Reader::mailbox(std::string_view name) {
  static const std::string sql = mailboxSql + " WHERE m.name=?";
  auto row = db().prepare(sql);
  return row.bind(name).step() ? std::optional(fullMailbox(row)) : std::nullopt;
}

std::vector<MailboxRow> Reader::mailboxes() {
  static const std::string sql = mailboxSql + " ORDER BY m.name<>'Inbox', m.name";
  auto row = db().prepare(sql);
  std::vector<MailboxRow> mailboxes;
  while (row.step()) mailboxes.push_back(fullMailbox(row));
  return mailboxes;
}

std::vector<std::string> Reader::subscriptions() {
  auto row = db().prepare("SELECT name FROM subscription ORDER BY name");
  std::vector<std::string> names;
  while (row.step()) names.push_back(row.text(0));
  return names;
}

std::vector<Annotation> Reader::annotations(MailboxId mailbox) {
  auto row = db().prepare("SELECT key, value, is_string, modseq FROM annotation WHERE mailbox=? ORDER BY key");
  row.bind(mailbox);
  std::vector<Annotation> annotations;
  while (row.step()) annotations.push_back({mailbox, row.text(0), row.text(1), row.int64(2) != 0, row.id<ModSeq>(3)});
  return annotations;
}

AnnotationUse Reader::annotationUse() { return store::annotationUse(db()); }

// Messages -----------------------------------------------------------------------------------------------------

std::optional<ImportMark> Reader::imported(MailboxId mailbox, std::string_view digest) {
  auto row = db().prepare("SELECT count, run, seen FROM imported WHERE mailbox=? AND digest=?");
  if (!row.bind(mailbox).bindBlob(digest).step()) return std::nullopt;
  return ImportMark{mailbox, std::string(digest), row.int64(0), row.int64(1), row.int64(2)};
}

std::vector<ImportOrigin> Reader::importOrigins(std::int64_t source, Uid from, Uid to, std::int64_t most) {
  auto row = db().prepare("SELECT there, mailbox, uid, modseq, flags, keywords FROM imported_from WHERE source=? AND there BETWEEN ? AND ? ORDER BY there LIMIT ?");
  row.bind(source).bind(from).bind(to).bind(most);
  std::vector<ImportOrigin> out;
  while (row.step())
    out.push_back({source, row.id<Uid>(0), row.id<MailboxId>(1), row.id<Uid>(2), row.id<ModSeq>(3), {static_cast<FlagBits>(row.int64(4)), splitKeywords(row.text(5))}});
  return out;
}

std::optional<MessageRow> Reader::message(MessageId id) {
  static const std::string sql = messageSql + "m.id=?";
  auto row = db().prepare(sql);
  return row.bind(id).step() ? std::optional(readMessage(row)) : std::nullopt;
}

std::optional<MessageRow> Reader::message(MailboxId mailbox, Uid uid) {
  static const std::string sql = placedSql + "v.mailbox=? AND v.uid=?";
  auto row = db().prepare(sql);
  return row.bind(mailbox).bind(uid).step() ? std::optional(readMessage(row)) : std::nullopt;
}

void Reader::forEach(MailboxId mailbox, Uid from, const std::function<bool(const MessageRow&)>& each) {
  static const std::string sql = placedSql + "v.mailbox=? AND v.uid>=? ORDER BY v.uid";
  auto row = db().prepare(sql);
  row.bind(mailbox).bind(from);
  while (row.step())
    if (!each(readMessage(row))) return;
}

std::int64_t Reader::countFrom(MailboxId mailbox, Uid from) {
  auto row = db().prepare("SELECT count(*) FROM view_entry WHERE mailbox=? AND uid>=?");
  row.bind(mailbox).bind(from).step();
  return row.int64(0);
}

void Reader::forEachEnvelope(MailboxId mailbox, Uid from, Uid to, const std::function<void(Uid, std::string_view envelope)>& each) {
  auto row = db().prepare("SELECT v.uid, s.envelope FROM view_entry v JOIN structure s ON s.content=v.content "
                          "WHERE v.mailbox=? AND v.uid BETWEEN ? AND ? ORDER BY v.uid");
  row.bind(mailbox).bind(from).bind(to);
  while (row.step()) each(row.id<Uid>(0), row.bytes(1));
}

void Reader::forEachSortFacts(MailboxId mailbox, Uid from, Uid to, const std::function<void(Uid, std::string_view facts)>& each) {
  auto row = db().prepare("SELECT v.uid, b.sort_facts FROM view_entry v JOIN bodystructure b ON b.content=v.content "
                          "WHERE v.mailbox=? AND v.uid BETWEEN ? AND ? ORDER BY v.uid");
  row.bind(mailbox).bind(from).bind(to);
  while (row.step()) each(row.id<Uid>(0), row.bytes(1));
}

std::vector<MessageRow> Reader::withMessageId(std::string_view messageId, std::size_t limit) {
  static const std::string sql = messageSql + "m.message_id=? AND m.message_id<>'' ORDER BY m.id LIMIT ?";
  auto row = db().prepare(sql);
  row.bind(messageId).bind(static_cast<std::int64_t>(limit));
  std::vector<MessageRow> messages;
  while (row.step()) messages.push_back(readMessage(row));
  return messages;
}

std::optional<Structure> Reader::structure(MessageId id) {
  auto row = db().prepare("SELECT s.envelope, b.body, b.extended, s.part_tree, s.preview, s.header_size FROM message m "
                          "JOIN structure s ON s.content=m.content JOIN bodystructure b ON b.content=m.content WHERE m.id=?");
  if (!row.bind(id).step()) return std::nullopt;
  return Structure{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), static_cast<std::uint64_t>(row.int64(5))};
}

bool Reader::appendEnvelope(ContentId content, std::string& out) { return state_->envelopes.append(content, out); }

bool Reader::appendBodyStructure(ContentId content, bool extended, std::string& out) {
  return (extended ? state_->bodyStructures : state_->bodies).append(content, out);
}

std::optional<std::string> Reader::preview(MessageId id) {
  auto row = db().prepare("SELECT s.preview FROM message m JOIN structure s ON s.content=m.content WHERE m.id=?");
  return row.bind(id).step() ? std::optional(row.text(0)) : std::nullopt;
}

std::optional<std::pair<ContentId, ThreadId>> Reader::objectIds(MessageId id) {
  auto row = db().prepare("SELECT content, thread FROM message WHERE id=?");
  if (!row.bind(id).step()) return std::nullopt;
  return std::pair{row.id<ContentId>(0), row.id<ThreadId>(1)};
}

namespace {

/// Its first column.
std::vector<MessageId> messageIds(Stmt& rows) {
  std::vector<MessageId> out;
  while (rows.step()) out.push_back(rows.id<MessageId>(0));
  return out;
}

}  // namespace

std::vector<MessageId> Reader::messagesOf(ContentId content) {
  auto rows = db().prepare("SELECT id FROM message WHERE content=? ORDER BY id");
  return messageIds(rows.bind(content));
}

std::vector<MessageId> Reader::messagesOf(ThreadId thread) {
  // The index has those that are not the thread's first.
  auto rows = db().prepare("SELECT id FROM message WHERE id=?1 AND thread=?1 UNION SELECT id FROM message WHERE thread=?1 AND thread<>id ORDER BY id");
  return messageIds(rows.bind(thread));
}

// Content ------------------------------------------------------------------------------------------------------

Content Reader::content(MessageId id) {
  auto row = db().prepare("SELECT content FROM message WHERE id=?");
  return row.bind(id).step() ? content(row.id<ContentId>(0)) : Content();
}

Content Reader::content(ContentId id) {
  auto row = db().prepare("SELECT body, file, size FROM content WHERE id=?");
  Content content;
  if (!row.bind(id).step()) return content;
  auto state = std::make_shared<Content::State>();
  state->bytes = row.text(0);
  auto size = static_cast<std::uint64_t>(row.int64(2));
  if (!row.isNull(1)) {
    auto path = state_->account.bodies.path(row.int64(1));
    auto& files = *state_->account.env.files;
    try {
      state->fd = files.openRead(path);
    } catch (const FileError& error) {
      // Expunged after this reader's snapshot: the file may be gone already. If not expunged, mail is lost: say so.
      Reader now(std::make_unique<State>(state_->account));
      auto there = now.db().prepare("SELECT 1 FROM content WHERE id=?");
      if (error.code().value() == ENOENT && !there.bind(id).step()) return content;
      throw;
    }
    state->fileSize = size - state->bytes.size();
    if (files.size(path) != static_cast<std::int64_t>(state->fileSize))
      throw FileError(EIO, std::generic_category(), "message body of the wrong size: " + path);
  }
  content.state_ = std::move(state);
  return content;
}

std::optional<std::string> Reader::head(MessageId id, std::size_t count) {
  auto row = db().prepare("SELECT c.id, c.file, c.size FROM message m JOIN content c ON c.id=m.content WHERE m.id=?");
  if (!row.bind(id).step()) return std::nullopt;
  if (!row.isNull(1)) return content(id).read(0, count);
  count = std::min(count, static_cast<std::size_t>(row.int64(2)));
  sqlite3_blob* blob = nullptr;
  int code = sqlite3_blob_open(db().handle(), "main", "content", "body", row.int64(0), 0, &blob);
  std::unique_ptr<sqlite3_blob, int (*)(sqlite3_blob*)> owner(blob, sqlite3_blob_close);
  if (code != SQLITE_OK) db().raise(code, "opening a body");
  std::string out(count, '\0');
  code = sqlite3_blob_read(blob, out.data(), static_cast<int>(count), 0);
  if (code != SQLITE_OK) db().raise(code, "reading a body");
  return out;
}

std::optional<std::vector<MessageId>> Reader::searchCandidates(const std::vector<std::string>& needles) {
  auto found = state_->account.search->find(needles);
  if (!found) return std::nullopt;
  std::vector<MessageId> messages;
  auto of = db().prepare("SELECT id FROM message WHERE content=?");
  for (auto content : found->contents) {
    for (of.bind(content); of.step();) messages.push_back(of.id<MessageId>(0));
    of.reset();
  }
  auto rest = db().prepare("SELECT id FROM message WHERE content>=?");
  for (rest.bind(found->rest); rest.step();) {
    if (messages.size() > maxSearchCandidates) return std::nullopt;
    messages.push_back(rest.id<MessageId>(0));
  }
  std::sort(messages.begin(), messages.end());
  messages.erase(std::unique(messages.begin(), messages.end()), messages.end());
  return messages;
}

std::optional<std::string> Reader::header(MessageId id) {
  auto row = db().prepare("SELECT s.header_size FROM message m JOIN structure s ON s.content=m.content WHERE m.id=?");
  return row.bind(id).step() ? head(id, static_cast<std::size_t>(row.int64(0))) : std::nullopt;
}

// History and the rest -----------------------------------------------------------------------------------------

std::optional<std::vector<Uid>> Reader::expungedSince(MailboxId mailbox, ModSeq since) {
  if (since.value < db().scalar("SELECT history_from FROM state")) return std::nullopt;
  auto row = db().prepare("SELECT uid FROM expunged WHERE mailbox=? AND modseq>?");
  row.bind(mailbox).bind(since);
  std::vector<Uid> uids;
  while (row.step()) uids.push_back(row.id<Uid>(0));
  std::sort(uids.begin(), uids.end());
  return uids;
}

std::optional<std::string> Reader::setting(std::string_view key) {
  auto row = db().prepare("SELECT value FROM setting WHERE key=?");
  return row.bind(key).step() ? std::optional(row.text(0)) : std::nullopt;
}

std::int64_t Reader::messageBytes() { return db().scalar("SELECT message_bytes FROM state"); }
std::int64_t Reader::messageCount() { return db().scalar("SELECT message_count FROM state"); }
ContentId Reader::nextContent() { return ContentId(db().scalar("SELECT next_content FROM state")); }
ModSeq Reader::modSeq() { return ModSeq(db().scalar("SELECT modseq FROM state")); }

}  // namespace mox::store
