// Mailboxes: create, delete, rename, subscriptions, special uses, annotations.
#include <algorithm>

#include "imap/MailboxName.h"
#include "store/AccountState.h"
#include "store/Rows.h"

namespace mox::store {

namespace {

void subscribeTo(Operation& op, const std::string& name, MailboxId mailbox) {
  op.db().prepare("INSERT OR IGNORE INTO subscription(name) VALUES(?)").bind(name).run();
  if (op.db().changes() > 0) op.tell(Change::Kind::subscribed, mailbox, name);
}

/// Takes the uses from whoever has them.
void takeUses(Operation& op, SpecialUses uses, MailboxId except) {
  if (uses == 0) return;
  auto holders = op.db().prepare("SELECT id, name FROM mailbox WHERE uses & ? AND id<>?");
  holders.bind(std::int64_t{uses}).bind(except);
  while (holders.step()) op.tell(Change::Kind::specialUse, holders.id<MailboxId>(0), holders.text(1));
  op.db()
      .prepare("UPDATE mailbox SET uses = uses & ~?1 WHERE uses & ?1 AND id<>?2")
      .bind(std::int64_t{uses})
      .bind(except)
      .run();
}

MailboxRow insertMailbox(Operation& op, const std::string& name, SpecialUses uses) {
  if (op.db().scalar("SELECT count(*) FROM mailbox") >= mailboxLimit.value)
    throw Refused{{Errc::tooMany, "too many mailboxes"}};
  MailboxRow row;
  row.name = name;
  row.uses = uses;
  row.uidValidity = op.takeUidValidity();
  row.uidNext = Uid(1);
  row.createSeq = row.modSeq = op.modSeq();
  op.db()
      .prepare("INSERT INTO mailbox(name, uidvalidity, uidnext, createseq, modseq, uses, keywords, total, deleted, unseen, unread, size) "
               "VALUES(?,?,1,?,?,?,'',0,0,0,0,0)")
      .bind(name)
      .bind(row.uidValidity)
      .bind(row.createSeq)
      .bind(row.modSeq)
      .bind(std::int64_t{uses})
      .run();
  row.id = MailboxId(op.db().lastInsertId());
  op.insert(row);
  op.tell(Change::Kind::mailboxAdded, row.id, name);
  return row;
}

/// The mailbox and its missing parents, subscribed; only the last gets the uses.
void createPath(Operation& op, const std::string& name, SpecialUses uses, std::vector<MailboxRow>& created) {
  if (op.find(name) != nullptr) return;
  if (auto parent = std::string(parentName(name)); !parent.empty()) createPath(op, parent, 0, created);
  takeUses(op, uses, MailboxId());
  auto row = insertMailbox(op, name, uses);
  subscribeTo(op, name, row.id);
  row.subscribed = true;
  created.push_back(row);
}

std::vector<MessageRow> allMessages(Operation& op, MailboxId mailbox) {
  static const std::string sql = "SELECT " + messageColumns + " FROM " + placedTables + " WHERE v.mailbox=? ORDER BY v.uid";
  auto row = op.db().prepare(sql);
  row.bind(mailbox);
  std::vector<MessageRow> messages;
  while (row.step()) messages.push_back(readMessage(row));
  return messages;
}

void checkName(const std::string& name) {
  if (auto checked = checkMailboxName(name); !checked) throw Refused{checked.error()};
}

struct Renaming {
  MailboxId id;
  std::string from, to;
};

/// The mailbox and all below it, parents first.
std::vector<Renaming> renamings(Operation& op, MailboxId root, const std::string& from, const std::string& to) {
  std::vector<Renaming> list{{root, from, to}};
  auto below = op.db().prepare("SELECT id, name FROM mailbox WHERE name >= ? AND name < ? ORDER BY name");
  constexpr auto longestName = static_cast<std::size_t>(imap::mailboxNameBytes.value);
  auto first = from + "/", last = from + "0";  // "0" follows "/" in ASCII
  below.bind(first).bind(last);
  while (below.step()) {
    auto name = below.text(1);
    list.push_back({below.id<MailboxId>(0), name, to + name.substr(from.size())});
    if (list.back().to.size() > longestName) throw Refused{{Errc::tooLong, "the name of a mailbox below would be too long"}};
  }
  return list;
}

/// mailbox.modseq stays: it is HIGHESTMODSEQ, which is of messages (RFC 7162 §3.1.2.1). Raised here it would be beyond what
/// sessions that look at the mailbox have, and have clients of QRESYNC ask for changes there are none of.
void rename(Operation& op, const std::vector<Renaming>& list) {
  auto update = op.db().prepare("UPDATE mailbox SET name=? WHERE id=?");
  // First out of the way: a new name may be the old name of another one in the list.
  for (const auto& item : list) update.bind("/" + std::to_string(item.id.value)).bind(item.id).run();
  for (const auto& item : list) {
    auto taken = op.db().prepare("SELECT 1 FROM mailbox WHERE name=?");
    if (taken.bind(item.to).step()) throw Refused{{Errc::exists, "a mailbox of that name exists: " + item.to}};
    update.bind(item.to).bind(item.id).run();
    op.tell(Change::Kind::mailboxRenamed, item.id, item.to).oldName = item.from;
  }
}

/// RFC 9051 §6.3.6: Inbox stays, its messages go.
MailboxesMade renameInbox(Operation& op, const WriteContext& context, MailboxId inbox, const std::string& to) {
  MailboxesMade made;
  made.modSeq = op.modSeq();
  createPath(op, to, 0, made.created);
  auto& destination = *op.find(to);
  for (const auto& message : allMessages(op, inbox)) moveMessage(op, context, message, destination, {});
  op.db()
      .prepare("INSERT INTO annotation SELECT ?, key, value, is_string, ? FROM annotation WHERE mailbox=?")
      .bind(destination.row.id)
      .bind(op.modSeq())
      .bind(inbox)
      .run();
  return made;
}

}  // namespace

void Account::ensureMailboxes(const std::vector<std::pair<std::string, SpecialUses>>& mailboxes) {
  auto done = state_->tryWriteVoid([&](Operation& op) {
    std::vector<MailboxRow> created;
    for (const auto& [name, uses] : mailboxes) {
      checkName(name);
      createPath(op, name, uses, created);
    }
  });
  if (!done) throw std::invalid_argument("initial mailboxes: " + done.error().text);
}

Result<MailboxesMade> Account::createMailbox(const std::string& name, SpecialUses uses) {
  return state_->tryWrite<MailboxesMade>([&](Operation& op) {
    checkName(name);
    if (op.find(name) != nullptr) throw Refused{{Errc::exists, "the mailbox exists"}};
    MailboxesMade made;
    createPath(op, name, uses, made.created);
    made.modSeq = op.modSeq();
    return made;
  });
}

Result<ModSeq> Account::deleteMailbox(const std::string& name) {
  return state_->tryWrite<ModSeq>([&](Operation& op) {
    if (name == "Inbox") throw Refused{{Errc::denied, "Inbox cannot be deleted"}};
    auto* edit = op.find(name);
    if (edit == nullptr) throw Refused{{Errc::notFound, "no such mailbox"}};
    auto id = edit->row.id;
    if (renamings(op, id, name, name).size() > 1) throw Refused{{Errc::conflict, "the mailbox has mailboxes below it"}};
    for (const auto& message : allMessages(op, id)) expungeMessage(op, *edit, message);
    auto& db = op.db();
    db.prepare("INSERT INTO mailbox_removed(id, name, uidvalidity, modseq) VALUES(?,?,?,?)")
        .bind(id).bind(name).bind(edit->row.uidValidity).bind(op.modSeq()).run();
    db.prepare("DELETE FROM view_pack WHERE mailbox=?").bind(id).run();
    db.prepare("DELETE FROM expunged WHERE mailbox=?").bind(id).run();
    db.prepare("DELETE FROM annotation WHERE mailbox=?").bind(id).run();
    db.prepare("DELETE FROM imported WHERE mailbox=?").bind(id).run();
    db.prepare("DELETE FROM imported_from WHERE mailbox=?").bind(id).run();
    db.prepare("DELETE FROM mailbox WHERE id=?").bind(id).run();
    op.erase(id);
    op.tell(Change::Kind::mailboxRemoved, id, name);
    return op.modSeq();
  }, Durability::forced, Transaction::own);
}

Result<MailboxesMade> Account::renameMailbox(const std::string& from, const std::string& to) {
  auto context = state_->context();
  return state_->tryWrite<MailboxesMade>([&](Operation& op) {
    checkName(to);
    auto* edit = op.find(from);
    if (edit == nullptr) throw Refused{{Errc::notFound, "no such mailbox"}};
    if (op.find(to) != nullptr) throw Refused{{Errc::exists, "a mailbox of that name exists"}};
    auto id = edit->row.id;
    op.modSeq();
    if (from == "Inbox") return renameInbox(op, context, id, to);
    auto list = renamings(op, id, from, to);
    MailboxesMade made;
    made.modSeq = op.modSeq();
    // Below itself, the old name is made anew as a parent; else parents come first.
    if (!isBelow(to, from))
      if (auto parent = std::string(parentName(to)); !parent.empty()) createPath(op, parent, 0, made.created);
    rename(op, list);
    if (auto parent = std::string(parentName(to)); !parent.empty()) createPath(op, parent, 0, made.created);
    for (const auto& item : list) made.renamed.emplace_back(item.from, item.to);
    return made;
  }, Durability::forced, from == "Inbox" ? Transaction::own : Transaction::shared);
}

Result<ModSeq> Account::subscribe(const std::string& name) {
  return state_->tryWrite<ModSeq>([&](Operation& op) {
    checkName(name);
    op.modSeq();
    if (op.db().scalar("SELECT count(*) FROM subscription") >= subscriptionLimit.value)
      throw Refused{{Errc::tooMany, "too many subscriptions"}};
    auto* edit = op.find(name);
    subscribeTo(op, name, edit == nullptr ? MailboxId() : edit->row.id);
    return op.modSeq();
  });
}

Result<ModSeq> Account::unsubscribe(const std::string& name) {
  return state_->tryWrite<ModSeq>([&](Operation& op) {
    op.modSeq();
    auto* edit = op.find(name);
    op.db().prepare("DELETE FROM subscription WHERE name=?").bind(name).run();
    if (op.db().changes() > 0)
      op.tell(Change::Kind::unsubscribed, edit == nullptr ? MailboxId() : edit->row.id, name);
    else if (edit == nullptr)
      throw Refused{{Errc::notFound, "no such mailbox"}};
    return op.modSeq();
  });
}

Result<ModSeq> Account::setSpecialUse(MailboxId mailbox, SpecialUses uses) {
  return state_->tryWrite<ModSeq>([&](Operation& op) {
    const auto& row = op.mailbox(mailbox).row;
    op.modSeq();
    takeUses(op, uses, mailbox);
    op.db().prepare("UPDATE mailbox SET uses=? WHERE id=?").bind(std::int64_t{uses}).bind(mailbox).run();
    op.tell(Change::Kind::specialUse, mailbox, row.name);
    return op.modSeq();
  });
}

namespace {

/// False if the entry is like that already.
bool annotate(Db& db, MailboxId mailbox, const AnnotationChange& change, ModSeq modSeq) {
  if (!change.value) {
    db.prepare("DELETE FROM annotation WHERE mailbox=? AND key=?").bind(mailbox).bind(change.key).run();
    return db.changes() > 0;
  }
  db.prepare("INSERT INTO annotation(mailbox, key, value, is_string, modseq) VALUES(?,?,?,?,?) ON CONFLICT(mailbox, key) DO UPDATE SET "
             "value=excluded.value, is_string=excluded.is_string, modseq=excluded.modseq WHERE value<>excluded.value")
      .bind(mailbox).bind(change.key).bindBlob(*change.value).bind(std::int64_t{change.isString}).bind(modSeq).run();
  return db.changes() > 0;
}

/// Who is over a limit, as after it was lowered, may still make less of it.
void checkAnnotations(const AnnotationUse& before, const AnnotationUse& after) {
  if (after.entries > annotationEntries.value && after.entries > before.entries) throw Refused{{Errc::tooMany, "too many annotations"}};
  if (after.bytes > annotationBytes.value && after.bytes > before.bytes) throw Refused{{Errc::tooLong, "too large annotations"}};
}

}  // namespace

Result<ModSeq> Account::setAnnotations(MailboxId mailbox, const std::vector<AnnotationChange>& changes) {
  return state_->tryWrite<ModSeq>([&](Operation& op) {
    if (mailbox) op.mailbox(mailbox);
    auto before = annotationUse(op.db());
    ModSeq changed;
    for (const auto& change : changes) {
      if (!annotate(op.db(), mailbox, change, op.modSeq())) continue;
      changed = op.modSeq();
      op.tell(Change::Kind::annotation, mailbox, change.key);
    }
    if (changed) checkAnnotations(before, annotationUse(op.db()));
    return changed;
  });
}

}  // namespace mox::store
