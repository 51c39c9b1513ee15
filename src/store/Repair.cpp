#include "store/Repair.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <unordered_map>

#include "imap/Structure.h"
#include "message/HeaderFields.h"
#include "message/Parsed.h"
#include "message/SortFacts.h"
#include "store/AccountState.h"
#include "store/MessageWrites.h"
#include "store/Rows.h"

namespace mox::store {

namespace {

/// Ids of the mailbox of that name, or of all. Refused (notFound).
std::vector<MailboxId> chosen(Operation& op, const std::string& name) {
  if (!name.empty()) {
    auto* edit = op.find(name);
    if (edit == nullptr) throw Refused{{Errc::notFound, "no such mailbox"}};
    return {edit->row.id};
  }
  std::vector<MailboxId> ids;
  auto row = op.db().prepare("SELECT id FROM mailbox ORDER BY id");
  while (row.step()) ids.push_back(row.id<MailboxId>(0));
  return ids;
}

void renew(Operation& op, MailboxId mailbox) {
  auto& db = op.db();
  auto validity = op.takeUidValidity();
  // Clients forget all they knew of it, so nobody will ask what was expunged before.
  db.prepare("DELETE FROM expunged WHERE mailbox=?").bind(mailbox).run();
  db.prepare("DELETE FROM view_pack WHERE mailbox=?").bind(mailbox).run();
  db.prepare("UPDATE mailbox SET uidvalidity=?, modseq=? WHERE id=?").bind(validity).bind(op.modSeq()).bind(mailbox).run();
}

}  // namespace

Result<std::size_t> Repair::bumpUidValidity(const std::string& mailbox) {
  return account_.state_->tryWrite<std::size_t>([&](Operation& op) {
    auto ids = chosen(op, mailbox);
    for (auto id : ids) renew(op, id);
    return ids.size();
  });
}

Result<std::size_t> Repair::reassignUids(const std::string& mailbox) {
  return account_.state_->tryWrite<std::size_t>([&](Operation& op) {
    auto& db = op.db();
    std::size_t count = 0;
    for (auto id : chosen(op, mailbox)) {
      renew(op, id);
      std::vector<MessageId> messages;
      auto row = db.prepare("SELECT message FROM view_entry WHERE mailbox=? ORDER BY uid");
      row.bind(id);
      while (row.step()) messages.push_back(row.id<MessageId>(0));
      auto update = db.prepare("UPDATE message SET uid=?2 WHERE id=?1");
      // Ascending, so none comes to where another still is.
      auto place = db.prepare("UPDATE view_entry SET uid=?2, modseq=?3 WHERE (mailbox, uid) = (SELECT mailbox, uid FROM message WHERE id=?1)");
      Uid next(1);
      for (auto message : messages) {
        place.bind(message).bind(next).bind(op.modSeq()).run();
        update.bind(message).bind(next).run();
        next = next.next();
      }
      db.prepare("UPDATE mailbox SET uidnext=?, recent_from=? WHERE id=?").bind(next).bind(next).bind(id).run();
      count += messages.size();
    }
    return count;
  });
}

Result<std::size_t> Repair::fixUidMeta() {
  return account_.state_->tryWrite<std::size_t>([&](Operation& op) {
    auto& db = op.db();
    auto& next = op.counters().nextUidValidity;
    next = std::max(next, db.scalar("SELECT max(v)+1 FROM (SELECT max(uidvalidity) v FROM mailbox UNION ALL SELECT max(uidvalidity) FROM mailbox_removed)"));
    std::set<std::int64_t> wrong;
    auto row = db.prepare("SELECT id, uidnext, max(ifnull((SELECT max(uid) FROM view_entry WHERE mailbox=m.id), 0), "
                          "ifnull((SELECT max(uid) FROM expunged WHERE mailbox=m.id), 0))+1 FROM mailbox m");
    auto update = db.prepare("UPDATE mailbox SET uidnext=? WHERE id=?");
    while (row.step()) {
      if (row.int64(1) >= row.int64(2)) continue;
      update.bind(row.int64(2)).bind(row.int64(0)).run();
      wrong.insert(row.int64(0));
    }
    auto reused = db.prepare("SELECT id FROM mailbox WHERE uidvalidity IN (SELECT uidvalidity FROM mailbox_removed)");
    std::vector<MailboxId> again;
    while (reused.step()) again.push_back(reused.id<MailboxId>(0));
    for (auto id : again) {
      renew(op, id);
      wrong.insert(id.value);
    }
    return wrong.size();
  });
}

std::size_t Repair::fixMessageSizes() {
  auto& s = *account_.state_;
  auto& files = *s.env.files;
  std::map<std::int64_t, std::int64_t> sizes;  // content and what it has
  {
    auto look = account_.reader();
    auto row = look.db().prepare("SELECT id, size, length(body), file FROM content");
    while (row.step()) {
      auto file = row.isNull(3) ? 0 : files.size(s.bodies.path(row.int64(3)));
      // A missing file is loss of mail, and no size.
      if (file >= 0 && row.int64(2) + file != row.int64(1)) sizes[row.int64(0)] = row.int64(2) + file;
    }
    auto others = look.db().prepare("SELECT c.id, c.size FROM message x JOIN content c ON c.id=x.content WHERE c.size<>x.size");
    while (others.step()) sizes.try_emplace(others.int64(0), others.int64(1));
  }
  std::size_t count = 0;
  s.write([&](Operation& op) {
    auto content = op.db().prepare("UPDATE content SET size=? WHERE id=?");
    auto entry = op.db().prepare("UPDATE view_entry SET size=?1 FROM message m WHERE m.content=?2 AND m.mailbox=view_entry.mailbox AND m.uid=view_entry.uid");
    auto message = op.db().prepare("UPDATE message SET size=?1 WHERE content=?2 AND size<>?1");
    if (!sizes.empty()) op.db().exec("DELETE FROM view_pack");
    for (auto [id, size] : sizes) {
      content.bind(size).bind(id).run();
      entry.bind(size).bind(id).run();
      message.bind(size).bind(id).run();
      count += static_cast<std::size_t>(op.db().changes());
    }
  });
  recount();
  return count;
}

std::size_t Repair::recount() {
  std::size_t count = 0;
  account_.state_->write([&](Operation& op) {
    auto& db = op.db();
    db.prepare("UPDATE mailbox AS m SET total=c.n, size=c.size, unseen=c.unseen, deleted=c.deleted, unread=c.unread, deleted_size=c.deleted_size FROM "
               "(SELECT b.id, count(x.uid) n, ifnull(sum(x.size),0) size, ifnull(sum(x.flags&1=0),0) unseen, ifnull(sum(x.flags&8<>0),0) deleted, "
               "ifnull(sum(x.flags&9=0),0) unread, ifnull(sum(iif(x.flags&8, x.size, 0)),0) deleted_size FROM mailbox b LEFT JOIN view_entry x ON x.mailbox=b.id GROUP BY b.id) c "
               "WHERE c.id=m.id AND (m.total<>c.n OR m.size<>c.size OR m.unseen<>c.unseen OR m.deleted<>c.deleted OR m.unread<>c.unread "
               "OR m.deleted_size<>c.deleted_size)")
        .run();
    count = static_cast<std::size_t>(db.changes());
    auto& counters = op.counters();
    auto bytes = db.scalar("SELECT ifnull(sum(size),0) FROM message"), messages = db.scalar("SELECT count(*) FROM message");
    count += (counters.messageBytes != bytes ? 1u : 0u) + (counters.messageCount != messages ? 1u : 0u);
    counters.messageBytes = bytes;
    counters.messageCount = messages;
  });
  return count;
}

std::vector<Repair::Lost> Repair::lost() const {
  auto& s = *account_.state_;
  auto look = account_.reader();
  std::vector<Lost> out;
  auto row = look.db().prepare("SELECT c.file, b.id, b.name, m.uid, m.subject_base FROM content c JOIN message m ON m.content=c.id "
                               "JOIN mailbox b ON b.id=m.mailbox WHERE c.file IS NOT NULL ORDER BY b.id, m.uid");
  while (row.step())
    if (s.env.files->size(s.bodies.path(row.int64(0))) < 0) out.push_back({row.id<MailboxId>(1), row.text(2), row.id<Uid>(3), row.text(4)});
  return out;
}

void Repair::remove(const std::vector<Lost>& messages) {
  std::map<MailboxId, std::vector<Uid>> uids;
  for (const auto& message : messages) uids[message.mailbox].push_back(message.uid);
  // A mailbox that went meanwhile took its messages along.
  for (const auto& [mailbox, some] : uids) static_cast<void>(account_.expunge(mailbox, some, false));
}

/// What is computed of a content.
struct Repair::Parsed {
  ContentId id;
  std::int64_t headerSize = 0, traits = 0;
  std::string envelope, body, extended, tree, recipients, preview, messageId, subjectBase, sortFacts;
};

/// Nothing if no message has the content any more.
std::optional<Repair::Parsed> Repair::parseAgain(ContentId id) {
  Content content;
  {
    auto look = account_.reader();
    auto row = look.db().prepare("SELECT min(id) FROM message WHERE content=?");
    if (row.bind(id).step() && !row.isNull(0)) content = look.content(row.id<MessageId>(0));
  }
  if (!content) return std::nullopt;
  auto parsed = message::parse(content.view());
  Parsed out{id, static_cast<std::int64_t>(parsed.root.bodyStart), 0, imap::renderEnvelope(*parsed.root.envelope), imap::renderBody(parsed.root),
             imap::renderBodyStructure(parsed.root), message::encode(parsed.root), recipientLines(&parsed), parsed.preview, parsed.messageId, parsed.subjectBase,
             message::packSortFacts(parsed)};
  if (parsed.isMailingList) out.traits |= isMailingListTrait;
  if (parsed.isDsn) out.traits |= isDsnTrait;
  return out;
}

/// In one commit.
void Repair::keep(const std::vector<Parsed>& all) {
  if (all.empty()) return;
  account_.state_->write([&](Operation& op) {
    auto& db = op.db();
    for (const auto& one : all) {
      auto there = db.prepare("SELECT 1 FROM content WHERE id=?");
      if (!there.bind(one.id).step()) continue;
      db.prepare("INSERT OR REPLACE INTO structure(content, header_size, envelope, preview, recipients, part_tree) VALUES(?,?,?,?,?,?)")
          .bind(one.id).bind(one.headerSize).bindBlob(one.envelope).bind(one.preview).bind(one.recipients).bindBlob(one.tree).run();
      db.prepare("INSERT OR REPLACE INTO bodystructure(content, body, extended, sort_facts) VALUES(?,?,?,?)")
          .bind(one.id).bindBlob(one.body).bindBlob(one.extended).bindBlob(one.sortFacts).run();
      db.prepare("UPDATE message SET message_id=?, subject_base=?, traits=(traits & ~?)|? WHERE content=?")
          .bind(one.messageId).bind(one.subjectBase).bind(std::int64_t{isMailingListTrait | isDsnTrait}).bind(one.traits).bind(one.id).run();
    }
  });
}

std::size_t Repair::reparse(bool onlyMissing, const std::function<void(std::size_t count)>& told) {
  std::size_t count = 0;
  ContentId last;
  for (;;) {
    std::vector<ContentId> ids;
    {
      auto look = account_.reader();
      auto row = look.db().prepare(onlyMissing ? "SELECT id FROM content WHERE id>? AND (id NOT IN (SELECT content FROM structure) OR NOT EXISTS (SELECT 1 FROM bodystructure b WHERE b.content=content.id AND b.sort_facts IS NOT NULL)) ORDER BY id LIMIT ?"
                                               : "SELECT id FROM content WHERE id>? ORDER BY id LIMIT ?");
      row.bind(last).bind(static_cast<std::int64_t>(repairBatch));
      while (row.step()) ids.push_back(row.id<ContentId>(0));
    }
    if (ids.empty()) return count;
    std::vector<Parsed> parsed;
    for (auto id : ids)
      if (auto one = parseAgain(id)) parsed.push_back(std::move(*one));
    keep(parsed);
    count += parsed.size();
    if (told) told(count);
    last = ids.back();
  }
}

namespace {

/// The rules of Threads.cpp over messages in memory: about 150 octets a message.
class Threader {
 public:
  struct Place {
    std::int64_t thread = 0, parent = 0;
  };

  Place place(const MessageRow& row, const message::Parsed& parsed) {
    auto place = find(row, parsed);
    if (place.thread == 0) place.thread = row.id.value;
    if (!parsed.messageId.empty()) byId_[parsed.messageId].push_back({row.id.value, place.thread, parsed.subjectBase});
    if (!parsed.subjectBase.empty()) bySubject_[{parsed.subjectBase, row.originalMailbox.value}].push_back({row.id.value, place.thread, unixSeconds(row.received)});
    return place;
  }

 private:
  struct Known {
    std::int64_t id, thread;
    std::string subject;
  };
  struct Dated {
    std::int64_t id, thread, received;
  };

  Place find(const MessageRow& row, const message::Parsed& parsed) const {
    if (auto same = parsed.messageId.empty() ? byId_.end() : byId_.find(parsed.messageId); same != byId_.end()) return {same->second.front().thread, 0};
    for (auto id = parsed.references.rbegin(); id != parsed.references.rend(); ++id) {
      auto known = byId_.find(*id);
      if (known == byId_.end()) continue;
      for (const auto& one : known->second)
        if (parsed.isDsn || one.subject == parsed.subjectBase) return {one.thread, one.id};
    }
    if (!parsed.isReplyOrForward || !parsed.references.empty() || parsed.subjectBase.empty()) return {};
    return withSubject(row, parsed.subjectBase);
  }

  Place withSubject(const MessageRow& row, const std::string& subject) const {
    auto known = bySubject_.find({subject, row.originalMailbox.value});
    if (known == bySubject_.end()) return {};
    Place best;
    std::int64_t newest = INT64_MIN;
    for (const auto& one : known->second) {
      auto age = unixSeconds(row.received) - one.received;
      if (age > threadSubjectBefore || -age > threadSubjectAfter || one.received <= newest) continue;
      newest = one.received;
      best = {one.thread, one.id};
    }
    return best;
  }

  std::unordered_map<std::string, std::vector<Known>> byId_;
  std::map<std::pair<std::string, std::int64_t>, std::vector<Dated>> bySubject_;
};

}  // namespace

std::size_t Repair::reassignThreads() {
  std::vector<std::pair<MessageId, Threader::Place>> changed;
  {
    Threader threader;
    auto look = account_.reader();
    static const std::string sql = "SELECT " + messageColumns + ", s.header_size, m.parent FROM " + messageTables + " JOIN structure s ON s.content=m.content ORDER BY m.id";
    auto row = look.db().prepare(sql);
    while (row.step()) {
      auto message = readMessage(row);
      auto header = look.head(message.id, static_cast<std::size_t>(row.int64(28)));
      auto place = threader.place(message, message::parse(header.value_or("")));
      if (place.thread != message.thread.value || place.parent != row.int64(29)) changed.emplace_back(message.id, place);
    }
  }
  account_.state_->write([&](Operation& op) {
    auto update = op.db().prepare("UPDATE message SET thread=?, parent=nullif(?, 0) WHERE id=?");
    for (const auto& [id, place] : changed) update.bind(place.thread).bind(place.parent).bind(id).run();
  });
  return changed.size();
}

}  // namespace mox::store
