// Which thread a new message belongs to; store.md §8.
#include "store/Db.h"
#include "store/MessageWrites.h"
#include "store/Rows.h"

namespace mox::store {

namespace {

/// References looked up, from the last: a hostile list must not cost a thousand lookups.
constexpr std::size_t referencesTried = 50;

ThreadPlace placeOf(const Stmt& row) {
  return {row.id<ThreadId>(0), row.id<MessageId>(1), (row.int64(2) & mutedTrait) != 0};
}

std::optional<ThreadPlace> sameMessage(Db& db, const std::string& id) {
  auto row = db.prepare("SELECT thread, id, traits FROM message WHERE message_id=? AND message_id<>'' LIMIT 1");
  if (!row.bind(id).step()) return std::nullopt;
  auto place = placeOf(row);
  place.parent = {};
  return place;
}

std::optional<ThreadPlace> referenced(Db& db, const message::Parsed& parsed) {
  auto row = db.prepare("SELECT thread, id, traits, subject_base FROM message WHERE message_id=? AND message_id<>''");
  std::size_t tried = 0;
  for (auto id = parsed.references.rbegin(); id != parsed.references.rend() && tried < referencesTried; ++id, ++tried) {
    row.bind(*id);
    while (row.step())
      if (parsed.isDsn || row.bytes(3) == parsed.subjectBase) return placeOf(row);
    row.reset();
  }
  return std::nullopt;
}

std::optional<ThreadPlace> sameSubject(Db& db, const NewMessage& message) {
  auto received = unixSeconds(message.received);
  auto row = db.prepare("SELECT thread, id, traits FROM message WHERE subject_base=? AND subject_base<>'' "
                        "AND received BETWEEN ? AND ? AND original_mailbox=? ORDER BY received DESC LIMIT 1");
  row.bind(message.parsed->subjectBase).bind(received - threadSubjectBefore).bind(received + threadSubjectAfter).bind(message.mailbox);
  return row.step() ? std::optional(placeOf(row)) : std::nullopt;
}

}  // namespace

ThreadPlace findThread(Db& db, const NewMessage& message) {
  if (message.parsed == nullptr) return {};
  const auto& parsed = *message.parsed;
  if (!parsed.messageId.empty())
    if (auto place = sameMessage(db, parsed.messageId)) return *place;
  if (auto place = referenced(db, parsed)) return *place;
  if (parsed.isReplyOrForward && parsed.references.empty() && !parsed.subjectBase.empty())
    if (auto place = sameSubject(db, message)) return *place;
  return {};
}

}  // namespace mox::store
