#include "store/Schema.h"

#include <string>

#include "store/Db.h"

namespace mox::store {

namespace {

constexpr const char* mailboxTables = R"(
CREATE TABLE state(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  modseq INTEGER NOT NULL,
  history_from INTEGER NOT NULL,
  next_uidvalidity INTEGER NOT NULL,
  next_message INTEGER NOT NULL,
  next_content INTEGER NOT NULL,
  message_bytes INTEGER NOT NULL);
CREATE TABLE mailbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  uidvalidity INTEGER NOT NULL UNIQUE,
  uidnext INTEGER NOT NULL,
  createseq INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  uses INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  total INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  unseen INTEGER NOT NULL,
  unread INTEGER NOT NULL,
  size INTEGER NOT NULL);
CREATE TABLE mailbox_removed(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  uidvalidity INTEGER NOT NULL,
  modseq INTEGER NOT NULL);
CREATE TABLE subscription(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE annotation(
  mailbox INTEGER NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  is_string INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  PRIMARY KEY (mailbox, key)) WITHOUT ROWID;
)";

constexpr const char* messageTables = R"(
CREATE TABLE content(
  id INTEGER PRIMARY KEY,
  refs INTEGER NOT NULL CHECK (refs > 0),
  size INTEGER NOT NULL,
  file INTEGER,
  body BLOB NOT NULL);
CREATE UNIQUE INDEX content_file ON content(file) WHERE file IS NOT NULL;
CREATE TABLE garbage(file INTEGER PRIMARY KEY);
CREATE TABLE structure(
  content INTEGER PRIMARY KEY REFERENCES content ON DELETE CASCADE,
  header_size INTEGER NOT NULL,
  envelope BLOB NOT NULL,
  body BLOB NOT NULL,
  bodystructure BLOB NOT NULL,
  preview TEXT NOT NULL,
  recipients TEXT NOT NULL,
  part_tree BLOB NOT NULL);
CREATE TABLE message(
  id INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL REFERENCES mailbox,
  uid INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  createseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  content INTEGER NOT NULL,
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,
  saved INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  parent INTEGER,
  traits INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  subject_base TEXT NOT NULL,
  judged INTEGER NOT NULL,
  original_mailbox INTEGER NOT NULL,
  destined_mailbox INTEGER,
  validations INTEGER NOT NULL,
  remote_ip BLOB, ip1 BLOB, ip2 BLOB, ip3 BLOB,
  ehlo_domain TEXT,
  mailfrom_localpart TEXT, mailfrom_domain TEXT,
  rcptto_localpart TEXT, rcptto_domain TEXT,
  msgfrom_localpart TEXT, msgfrom_domain TEXT, msgfrom_orgdomain TEXT,
  dkim_domains TEXT);
CREATE INDEX message_view ON message(mailbox, uid, flags, modseq, size, received, keywords);
CREATE INDEX message_message_id ON message(message_id) WHERE message_id <> '';
CREATE INDEX message_subject ON message(subject_base, received) WHERE subject_base <> '';
CREATE INDEX message_thread ON message(thread) WHERE thread <> id;
CREATE INDEX message_network ON message(ip3, received, ip2, ip1, size) WHERE ip3 IS NOT NULL;
CREATE TABLE expunged(
  mailbox INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, uid)) WITHOUT ROWID;
)";

// Only messages somebody has judged are in these: a delivery writes to none of them.
constexpr const char* judgedIndices = R"(
CREATE INDEX judged_from ON message(msgfrom_domain, msgfrom_localpart, received) WHERE judged > 0;
CREATE INDEX judged_orgdomain ON message(msgfrom_orgdomain, received) WHERE judged > 0;
CREATE INDEX judged_mailfrom ON message(mailfrom_domain, mailfrom_localpart, received) WHERE judged > 0;
CREATE INDEX judged_ehlo ON message(ehlo_domain, received) WHERE judged > 0;
CREATE INDEX judged_ip1 ON message(ip1, received) WHERE judged > 0;
CREATE INDEX judged_ip2 ON message(ip2, received) WHERE judged > 0;
CREATE INDEX judged_ip3 ON message(ip3, received) WHERE judged > 0;
)";

constexpr const char* reputationTables = R"(
CREATE TABLE judged_dkim(
  domain TEXT NOT NULL,
  received INTEGER NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (domain, received, message)) WITHOUT ROWID;
CREATE TABLE recipient(
  domain TEXT NOT NULL,
  localpart TEXT NOT NULL,
  orgdomain TEXT NOT NULL,
  sent INTEGER NOT NULL,
  first_sent INTEGER NOT NULL,
  PRIMARY KEY (domain, localpart)) WITHOUT ROWID;
CREATE INDEX recipient_orgdomain ON recipient(orgdomain, sent);
CREATE TABLE outgoing(
  id INTEGER PRIMARY KEY,
  domain TEXT NOT NULL,
  localpart TEXT NOT NULL,
  submitted INTEGER NOT NULL);
CREATE INDEX outgoing_submitted ON outgoing(submitted);
CREATE INDEX outgoing_address ON outgoing(domain, localpart);
CREATE TABLE password(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  bcrypt TEXT NOT NULL,
  crammd5_inner BLOB NOT NULL, crammd5_outer BLOB NOT NULL,
  scramsha1_salt BLOB NOT NULL, scramsha1_iterations INTEGER NOT NULL,
  scramsha1_storedkey BLOB NOT NULL, scramsha1_serverkey BLOB NOT NULL,
  scramsha256_salt BLOB NOT NULL, scramsha256_iterations INTEGER NOT NULL,
  scramsha256_storedkey BLOB NOT NULL, scramsha256_serverkey BLOB NOT NULL);
CREATE TABLE setting(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)";

// What format 2 adds to 1, in order.
constexpr const char* format2[] = {
    // RFC 3501 §2.3.2: UIDs from here on were not told to any session yet.
    "ALTER TABLE mailbox ADD COLUMN recent_from INTEGER NOT NULL DEFAULT 1",
    "CREATE INDEX message_content ON message(content)",
    // RFC 9208 §4.1.4: what EXPUNGE would give back; and messages against a quota of them.
    "ALTER TABLE mailbox ADD COLUMN deleted_size INTEGER NOT NULL DEFAULT 0",
    "UPDATE mailbox SET deleted_size = (SELECT ifnull(sum(size), 0) FROM message WHERE mailbox = mailbox.id AND flags & 8 <> 0) WHERE deleted > 0",
    "ALTER TABLE state ADD COLUMN message_count INTEGER NOT NULL DEFAULT 0",
    "UPDATE state SET message_count = (SELECT ifnull(sum(total), 0) FROM mailbox)",
    // The modseq an account had at a time: how old tombstones are.
    "CREATE TABLE history(at INTEGER PRIMARY KEY, modseq INTEGER NOT NULL)",
    // What imports brought, so that a second one brings it no second time.
    R"(CREATE TABLE imported(
  mailbox INTEGER NOT NULL REFERENCES mailbox,
  digest BLOB NOT NULL,
  count INTEGER NOT NULL,
  run INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (mailbox, digest)) WITHOUT ROWID)",
    // Who has a content is in message_content; counting it in the row meant to write a body anew for each copy.
    "ALTER TABLE content DROP COLUMN refs",
    // With the content, so that a view knows where ENVELOPE and bodies are.
    "DROP INDEX message_view",
    "CREATE INDEX message_view ON message(mailbox, uid, flags, modseq, size, received, keywords, content)",
    // Flag changes that ride, SCHEMA.md.
    "ALTER TABLE state ADD COLUMN riding_to INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE state ADD COLUMN modseq_floor INTEGER NOT NULL DEFAULT 0",
};

// What format 3 adds to 2: where imported messages came from, so that a later import can tell what became of them there; and
// what every commit leaves, so that a backup knows a copy that is still true.
constexpr const char* format3 = R"(CREATE TABLE imported_from(
  source INTEGER NOT NULL,
  there INTEGER NOT NULL,
  mailbox INTEGER NOT NULL REFERENCES mailbox,
  uid INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  PRIMARY KEY (source, there)) WITHOUT ROWID;
CREATE INDEX imported_from_mailbox ON imported_from(mailbox);
ALTER TABLE state ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0)";

// What format 4 adds to 3, in order.
constexpr const char* format4[] = {
    // What of a message changes, and what a view is made of, in a table of its own, in UID order: a change of flags writes no
    // row of message, which has thirty columns, and no index. With it goes the foreign key of message.mailbox, which would
    // have message read whole for every mailbox that is deleted; view_entry has it.
    R"(CREATE TABLE view_entry(
  mailbox INTEGER NOT NULL REFERENCES mailbox,
  uid INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,
  message INTEGER NOT NULL,
  content INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  PRIMARY KEY (mailbox, uid)) WITHOUT ROWID)",
    "INSERT INTO view_entry(mailbox, uid, modseq, flags, size, received, message, content, keywords) "
    "SELECT mailbox, uid, modseq, flags, size, received, id, content, keywords FROM message INDEXED BY message_view ORDER BY mailbox, uid",
    R"(CREATE TABLE message_next(
  id INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  createseq INTEGER NOT NULL,
  content INTEGER NOT NULL,
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,
  saved INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  parent INTEGER,
  traits INTEGER NOT NULL,
  message_id TEXT NOT NULL,
  subject_base TEXT NOT NULL,
  judged INTEGER NOT NULL,
  original_mailbox INTEGER NOT NULL,
  destined_mailbox INTEGER,
  validations INTEGER NOT NULL,
  remote_ip BLOB, ip1 BLOB, ip2 BLOB, ip3 BLOB,
  ehlo_domain TEXT,
  mailfrom_localpart TEXT, mailfrom_domain TEXT,
  rcptto_localpart TEXT, rcptto_domain TEXT,
  msgfrom_localpart TEXT, msgfrom_domain TEXT, msgfrom_orgdomain TEXT,
  dkim_domains TEXT))",
    "INSERT INTO message_next SELECT id, mailbox, uid, createseq, content, size, received, saved, thread, parent, traits, message_id, "
    "subject_base, judged, original_mailbox, destined_mailbox, validations, remote_ip, ip1, ip2, ip3, ehlo_domain, mailfrom_localpart, "
    "mailfrom_domain, rcptto_localpart, rcptto_domain, msgfrom_localpart, msgfrom_domain, msgfrom_orgdomain, dkim_domains "
    "FROM message ORDER BY id",
    "DROP TABLE message",
    "ALTER TABLE message_next RENAME TO message",
    R"(CREATE INDEX message_content ON message(content);
CREATE INDEX message_message_id ON message(message_id) WHERE message_id <> '';
CREATE INDEX message_subject ON message(subject_base, received) WHERE subject_base <> '';
CREATE INDEX message_thread ON message(thread) WHERE thread <> id;
CREATE INDEX message_network ON message(ip3, received, ip2, ip1, size) WHERE ip3 IS NOT NULL)",
    judgedIndices,
    // Entries of many messages in one row, for a view that is loaded cold.
    R"(CREATE TABLE view_pack(
  mailbox INTEGER NOT NULL REFERENCES mailbox,
  part INTEGER NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (mailbox, part)) WITHOUT ROWID)",
    // What mailbox lists ask of all messages, without the pages of envelopes and previews between.
    R"(CREATE TABLE bodystructure(
  content INTEGER PRIMARY KEY REFERENCES content ON DELETE CASCADE,
  body BLOB NOT NULL,
  extended BLOB NOT NULL))",
    "INSERT INTO bodystructure(content, body, extended) SELECT content, body, bodystructure FROM structure ORDER BY content",
    R"(CREATE TABLE structure_next(
  content INTEGER PRIMARY KEY REFERENCES content ON DELETE CASCADE,
  header_size INTEGER NOT NULL,
  envelope BLOB NOT NULL,
  preview TEXT NOT NULL,
  recipients TEXT NOT NULL,
  part_tree BLOB NOT NULL))",
    "INSERT INTO structure_next SELECT content, header_size, envelope, preview, recipients, part_tree FROM structure ORDER BY content",
    "DROP TABLE structure",
    "ALTER TABLE structure_next RENAME TO structure",
    // A backup made before has none of this.
    "UPDATE state SET stamp=0",
};

// What format 5 adds to 4: what SORT and THREAD ask of all messages, beside what else lists ask. NULL of contents from before:
// their headers are read, until "mox ensureparsed".
constexpr const char* format5 = "ALTER TABLE bodystructure ADD COLUMN sort_facts BLOB";

constexpr const char* authTables = R"(
CREATE TABLE tls_public_key(
  fingerprint TEXT PRIMARY KEY,
  created INTEGER NOT NULL,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  no_imap_preauth INTEGER NOT NULL,
  account TEXT NOT NULL,
  login_address TEXT NOT NULL,
  certificate BLOB NOT NULL);
CREATE INDEX tls_public_key_account ON tls_public_key(account);
CREATE TABLE login_attempt(
  key BLOB PRIMARY KEY,
  account TEXT NOT NULL,
  login_address TEXT NOT NULL,
  remote_ip TEXT NOT NULL,
  local_ip TEXT NOT NULL,
  tls TEXT NOT NULL,
  tls_key TEXT NOT NULL,
  protocol TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  mechanism TEXT NOT NULL,
  result INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL);
CREATE INDEX login_attempt_account ON login_attempt(account, last);
CREATE INDEX login_attempt_last ON login_attempt(last);
CREATE TABLE failed_attempts(account TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
)";

void makeFormat1(Db& db, Time now) {
  db.exec(mailboxTables);
  db.exec(messageTables);
  db.exec(judgedIndices);
  db.exec(reputationTables);
  // Half of the seconds since 1970: an account made anew after a loss starts above what it had before, as it
  // would have to make a mailbox every two seconds to catch up. The first modseq given out is 2.
  auto first = std::to_string(unixSeconds(now) / 2);
  db.exec(("INSERT INTO state VALUES(1, 1, 0, " + first + ", 1, 1, 0)").c_str());
}

}  // namespace

void migrateAccount(Db& db, Time now, int format) {
  db.migrate(format, [&](Db& d, int from) {
    if (from < 1) makeFormat1(d, now);
    if (from < 2 && format >= 2)
      for (const auto* change : format2) d.exec(change);
    if (from < 3 && format >= 3) d.exec(format3);
    if (from < 4 && format >= 4)
      for (const auto* change : format4) d.exec(change);
    if (from < 5 && format >= 5) d.exec(format5);
  });
}

void migrateAuth(Db& db) {
  db.migrate(authFormat, [](Db& d, int from) {
    if (from < 1) d.exec(authTables);
  });
}

}  // namespace mox::store
