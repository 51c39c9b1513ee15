#include "store/Verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/Text.h"
#include "message/Parsed.h"
#include "message/SortFacts.h"
#include "store/Account.h"
#include "store/Damage.h"
#include "store/Db.h"
#include "store/Files.h"
#include "store/ViewPack.h"

namespace mox::store {

namespace {

/// Lines SQLite reports at most of one check.
constexpr int reportedAtMost = 100;

class Verifier {
 public:
  Verifier(Db& db, Files& files, std::string bodies) : db_(db), files_(files), bodies_(std::move(bodies)) {}

  std::vector<std::string> run(const VerifyOptions& options) {
    database();
    each("SELECT count(*) FROM state HAVING count(*)<>1", "rows in table state");
    each("SELECT modseq_floor FROM state WHERE modseq_floor>modseq", "floor above the modseq");
    mailboxes();
    messages();
    packs();
    contents();
    if (options.structures) structures();
    bodyFiles(options);
    return std::move(problems_);
  }
  std::vector<std::string> runAuth() {
    database();
    each("SELECT a.account FROM failed_attempts a WHERE a.count<>(SELECT count(*) FROM login_attempt l WHERE l.account=a.account AND l.result<>0)",
         "failed login attempts are counted wrongly for account");
    return std::move(problems_);
  }

 private:
  /// Each row of the query is a problem; its first column says which.
  void each(std::string_view sql, std::string_view problem) {
    auto row = db_.prepare(sql);
    while (row.step()) problems_.push_back(fmt::format("{}: {}", problem, row.bytes(0)));
  }

  void database() {
    auto check = db_.prepare(fmt::format("PRAGMA integrity_check({})", reportedAtMost));
    while (check.step())
      if (check.bytes(0) != "ok") problems_.push_back("SQLite: " + check.text(0));
    each("PRAGMA foreign_key_check", "row whose parent is missing in table");
  }

  void mailboxes() {
    each("SELECT m.id FROM mailbox m LEFT JOIN (SELECT mailbox, count(*) n, sum(size) size, sum(flags&1=0) unseen, sum(flags&8<>0) deleted, "
         "sum(flags&9=0) unread, sum(iif(flags&8, size, 0)) deleted_size FROM view_entry GROUP BY mailbox) c ON c.mailbox=m.id WHERE m.total<>ifnull(c.n,0) OR m.size<>ifnull(c.size,0) "
         "OR m.unseen<>ifnull(c.unseen,0) OR m.deleted<>ifnull(c.deleted,0) OR m.unread<>ifnull(c.unread,0) OR m.deleted_size<>ifnull(c.deleted_size,0)",
         "wrong counts of mailbox");
    each("SELECT id FROM mailbox WHERE modseq<createseq OR modseq>(SELECT modseq FROM state)", "modseq out of order of mailbox");
    each("SELECT id FROM mailbox WHERE uidvalidity>=(SELECT next_uidvalidity FROM state)", "UIDVALIDITY never given out of mailbox");
    each("SELECT uidvalidity FROM mailbox INTERSECT SELECT uidvalidity FROM mailbox_removed", "UIDVALIDITY of a removed mailbox in use again");
    each("SELECT name FROM mailbox m WHERE instr(name,'/') AND NOT EXISTS(SELECT 1 FROM mailbox p WHERE "
         "p.name<>m.name AND substr(m.name,1,length(p.name)+1)=p.name||'/')",
         "mailbox without parent");
    auto rows = db_.prepare("SELECT m.id, m.keywords, x.keywords FROM mailbox m JOIN view_entry x ON x.mailbox=m.id "
                                     "WHERE x.keywords<>'' GROUP BY 1, 3");
    while (rows.step()) {
      auto known = splitKeywords(rows.bytes(1)), used = splitKeywords(rows.bytes(2));
      if (!std::includes(known.begin(), known.end(), used.begin(), used.end()))
        problems_.push_back("keywords of a message are not in the list of mailbox " + rows.text(0));
    }
  }

  /// Each must say what the rows say.
  void packs() {
    auto row = db_.prepare("SELECT mailbox, part, entries FROM view_pack ORDER BY mailbox, part");
    while (row.step()) {
      std::vector<std::string> sets;
      auto keywordSet = [&](std::string_view text) { return sets.emplace_back(text), static_cast<std::uint32_t>(sets.size() - 1); };
      std::vector<ViewEntry> entries;
      bool same = unpackEntries(row.bytes(2), keywordSet, entries);
      auto next = entries.begin();
      auto truth = db_.prepare("SELECT uid, flags, modseq, size, received, keywords, message, content FROM view_entry "
                               "WHERE mailbox=? AND uid>=? AND uid<? ORDER BY uid");
      truth.bind(row.int64(0)).bind(row.int64(1) * viewPart).bind((row.int64(1) + 1) * viewPart);
      for (; same && truth.step(); ++next) {
        auto entry = readEntry(truth, ModSeq());
        same = next != entries.end() && sets[next->keywords] == truth.bytes(5);
        if (same) entry.keywords = next->keywords;
        same = same && entry == *next;
      }
      if (!same || next != entries.end()) problems_.push_back(fmt::format("pack of a view that is not true: {}/{}", row.int64(0), row.int64(1)));
    }
  }

  void messages() {
    each("SELECT mailbox||'/'||uid FROM message GROUP BY mailbox, uid HAVING count(*)>1", "UID given twice");
    each("SELECT x.id FROM message x JOIN mailbox m ON m.id=x.mailbox WHERE x.uid>=m.uidnext OR x.uid<1", "UID not below UIDNEXT of message");
    each("SELECT x.id FROM message x LEFT JOIN view_entry v ON v.mailbox=x.mailbox AND v.uid=x.uid WHERE v.message IS NOT x.id OR v.content<>x.content "
         "OR v.size<>x.size OR v.received<>x.received", "view entry missing or wrong of message");
    each("SELECT v.mailbox||'/'||v.uid FROM view_entry v LEFT JOIN message x ON x.id=v.message WHERE x.id IS NULL OR x.mailbox<>v.mailbox OR x.uid<>v.uid",
         "view entry of no message");
    each("SELECT x.id FROM message x JOIN view_entry v ON v.mailbox=x.mailbox AND v.uid=x.uid JOIN mailbox m ON m.id=x.mailbox "
         "WHERE v.modseq>m.modseq OR v.modseq<x.createseq OR x.createseq<2",
         "modseq out of order of message");
    each("SELECT mailbox||'/'||uid FROM expunged e WHERE EXISTS(SELECT 1 FROM view_entry x WHERE x.mailbox=e.mailbox AND x.uid=e.uid)",
         "UID both present and expunged");
    each("SELECT mailbox||'/'||uid FROM expunged GROUP BY mailbox, uid HAVING count(*)>1", "UID expunged twice");
    each("SELECT e.mailbox||'/'||e.uid FROM expunged e JOIN mailbox m ON m.id=e.mailbox WHERE e.uid>=m.uidnext OR e.modseq>m.modseq",
         "impossible tombstone");
    each("SELECT modseq FROM expunged WHERE modseq<=(SELECT history_from FROM state) LIMIT 1", "tombstone older than the history");
    each("SELECT id FROM message WHERE id>=(SELECT next_message FROM state)", "message id never given out");
    each("SELECT x.id FROM message x JOIN view_entry v ON v.mailbox=x.mailbox AND v.uid=x.uid WHERE x.judged<>CASE v.flags&192 WHEN 64 THEN 1 WHEN 128 THEN 2 ELSE 0 END", "wrong judgement of message");
    each("SELECT message FROM judged_dkim d WHERE NOT EXISTS(SELECT 1 FROM message x WHERE x.id=d.message AND x.judged>0)",
         "judged_dkim row of no judged message");
    each("SELECT message_bytes FROM state WHERE message_bytes<>(SELECT ifnull(sum(size),0) FROM message)", "quota counter is wrong");
    each("SELECT message_count FROM state WHERE message_count<>(SELECT count(*) FROM message)", "message counter is wrong");
  }

  void contents() {
    each("SELECT x.id FROM message x LEFT JOIN content c ON c.id=x.content WHERE c.id IS NULL OR c.size<>x.size",
         "content missing or of another size of message");
    each("SELECT c.id FROM content c WHERE NOT EXISTS(SELECT 1 FROM message x WHERE x.content=c.id)", "no message of content");
    each("SELECT c.id FROM content c LEFT JOIN structure s ON s.content=c.id LEFT JOIN bodystructure b ON b.content=c.id "
         "WHERE s.content IS NULL OR b.content IS NULL", "no structure of content");
    each("SELECT id FROM content WHERE id>=(SELECT next_content FROM state)", "content id never given out");
    each("SELECT id FROM content WHERE file IS NULL AND length(body)<>size", "body of the wrong length of content");
    each("SELECT file FROM garbage WHERE file IN (SELECT file FROM content)", "body file both used and to be removed");
  }

  void structures() {
    auto row = db_.prepare("SELECT s.content, s.part_tree, length(s.envelope), length(b.extended) FROM structure s JOIN bodystructure b ON b.content=s.content");
    while (row.step())
      if (!message::decode(row.text(1)) || row.int64(2) == 0 || row.int64(3) == 0)
        problems_.push_back("structure cannot be read (\"mox reparse\" makes it anew) of content " + row.text(0));
    auto facts = db_.prepare("SELECT content, sort_facts FROM bodystructure WHERE sort_facts IS NOT NULL");
    while (facts.step())
      if (!message::unpackSortFacts(facts.bytes(1)))
        problems_.push_back("sort facts cannot be read (\"mox reparse\" makes them anew) of content " + facts.text(0));
  }

  void bodyFiles(const VerifyOptions& options) {
    std::set<std::string> known;
    auto row = db_.prepare("SELECT file, size-length(body) FROM content WHERE file IS NOT NULL UNION ALL SELECT file, -1 FROM garbage");
    while (row.step()) {
      auto name = fmt::format("{}/{}", row.int64(0) / 8'192, row.int64(0));
      known.insert(name);
      if (row.int64(1) < 0) continue;
      auto size = files_.size(bodies_ + "/" + name);
      if (size < 0)
        problems_.push_back(fmt::format("body file {} is missing; mox lostmessages names its messages", name));
      else if (options.sizes && size != row.int64(1))
        problems_.push_back(fmt::format("body file {} has {} bytes, not {}", name, size, row.int64(1)));
    }
    if (!options.sweep) return;
    for (const auto& directory : files_.list(bodies_))
      for (const auto& file : files_.list(bodies_ + "/" + directory))
        if (!known.contains(directory + "/" + file)) problems_.push_back("body file of no message: " + directory + "/" + file);
  }

  Db& db_;
  Files& files_;
  const std::string bodies_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> verifyAccount(Db& db, Files& files, const std::string& directory, const VerifyOptions& options) {
  return Verifier(db, files, directory + "/bodies").run(options);
}

std::vector<std::string> verifyAuth(Db& db) {
  SystemFiles none;
  return Verifier(db, none, "").runAuth();
}

std::vector<std::string> verify(const Account& account, Files& files, bool bodies) {
  auto look = account.reader();
  VerifyOptions options;
  options.sweep = bodies;
  options.structures = false;  // tests store structures of their own
  return verifyAccount(look.db(), files, account.directory(), options);
}

std::vector<std::string> moveUnknownBodies(Db& db, Files& files, const std::string& directory) {
  std::vector<std::string> moved;
  auto bodies = directory + "/bodies";
  auto known = db.prepare("SELECT 1 FROM content WHERE file=?1 UNION ALL SELECT 1 FROM garbage WHERE file=?1");
  for (const auto& folder : files.list(bodies))
    for (const auto& name : files.list(bodies + "/" + folder)) {
      auto file = parseUnsigned(name);
      bool used = file && known.bind(static_cast<std::int64_t>(*file)).step() && folder == std::to_string(*file / 8'192);
      known.reset();
      if (used) continue;
      moveBodyAway(files, directory, folder, name);
      moved.push_back(folder + "/" + name);
    }
  if (!moved.empty()) files.syncDirectory(directory + "/moved");
  return moved;
}

}  // namespace mox::store
