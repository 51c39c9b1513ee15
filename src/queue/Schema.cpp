#include "queue/Schema.h"

#include "store/Db.h"

namespace mox::queue {

namespace {

// Times are microseconds since 1970. Addresses are kept in two columns: the localpart unquoted in UTF-8, the host as
// A-labels or address literal.
//
// message: once for all its recipients; id is that of its first entry and names the body file. body: prefix and message,
//   or the prefix only if has_file (then the rest is bodies/ID). It is the last column, so that reading the others does
//   not read it.
// entry: one recipient. AUTOINCREMENT: ids are never used again. attempts counts the one under way, whose successor
//   next_attempt is.
// attempt: what came of earlier attempts; a delivered entry goes with its attempts.
// dialled: addresses tried, for the choice of the next (smtp.md §13).
constexpr const char* version1 = R"(
CREATE TABLE message(
  id INTEGER PRIMARY KEY,
  queued INTEGER NOT NULL,
  account TEXT NOT NULL,
  from_localpart TEXT,
  from_host TEXT,
  has_8bit INTEGER NOT NULL,
  smtp_utf8 INTEGER NOT NULL,
  future_release TEXT NOT NULL,
  message_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  extra TEXT NOT NULL,
  size INTEGER NOT NULL,
  has_file INTEGER NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE entry(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL REFERENCES message,
  localpart TEXT NOT NULL,
  host TEXT NOT NULL,
  hold INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  last_attempt INTEGER,
  transport TEXT NOT NULL,
  require_tls INTEGER);
CREATE INDEX entry_due ON entry(host, hold, next_attempt);
CREATE INDEX entry_message ON entry(message);
CREATE TABLE attempt(
  entry INTEGER NOT NULL,
  start INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  success INTEGER NOT NULL,
  code INTEGER NOT NULL,
  enhanced TEXT NOT NULL,
  text TEXT NOT NULL,
  remote TEXT NOT NULL);
CREATE INDEX attempt_entry ON attempt(entry);
CREATE TABLE dialled(
  entry INTEGER NOT NULL,
  host TEXT NOT NULL,
  ip TEXT NOT NULL);
CREATE INDEX dialled_entry ON dialled(entry);
)";

}  // namespace

void migrate(store::Db& db) {
  db.migrate(schemaVersion, [](store::Db& to, int from) {
    if (from < 1) to.exec(version1);
  });
}

}  // namespace mox::queue
