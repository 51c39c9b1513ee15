#include "store/ViewPack.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "store/Db.h"

namespace mox::store {

namespace {

/// Of what a pack begins with: another one is read from the rows.
constexpr std::uint64_t packFormat = 1;

void put(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

/// How much more than before, which is little for what grows along the way.
void putStep(std::string& out, std::int64_t value, std::int64_t& before) {
  auto step = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(before);
  put(out, (step << 1) ^ (0 - (step >> 63)));
  before = value;
}

struct Steps {
  std::int64_t uid = 0, message = 0, content = 0, modSeq = 0, received = 0;
};

class Cursor {
 public:
  explicit Cursor(std::string_view rest) : at_(rest.data()), end_(rest.data() + rest.size()) {}
  bool isGood() const { return good_; }
  bool isAtEnd() const { return at_ == end_; }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      auto octet = static_cast<unsigned char>(*at_++);
      value |= std::uint64_t{octet & 0x7fu} << shift;
      if (octet < 0x80) return value;
    }
    good_ = false;
    return 0;
  }
  std::int64_t step(std::int64_t& before) {
    auto coded = number();
    return before = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) + ((coded >> 1) ^ (0 - (coded & 1))));
  }
  std::string_view text() {
    auto size = number();
    if (size > static_cast<std::size_t>(end_ - at_)) good_ = false;
    if (!good_) return {};
    std::string_view found(at_, static_cast<std::size_t>(size));
    at_ += size;
    return found;
  }
  std::uint32_t number32() {
    auto value = number();
    if (value > std::numeric_limits<std::uint32_t>::max()) good_ = false;
    return static_cast<std::uint32_t>(value);
  }

 private:
  const char* at_;
  const char* end_;
  bool good_ = true;
};

std::vector<DeltaEntry> entriesOf(Db& db, MailboxId mailbox, std::uint32_t part) {
  auto row = db.prepare("SELECT uid, flags, modseq, size, received, keywords, message, content FROM view_entry "
                        "WHERE mailbox=? AND uid>=? AND uid<? ORDER BY uid");
  row.bind(mailbox).bind(firstOf(part)).bind(firstOf(part + 1));
  std::vector<DeltaEntry> entries;
  while (row.step()) entries.push_back({readEntry(row, ModSeq()), row.text(5)});
  return entries;
}

}  // namespace

std::string packEntries(const std::vector<DeltaEntry>& entries) {
  std::map<std::string_view, std::uint64_t> sets;
  std::string keywords;
  for (const auto& entry : entries)
    if (sets.emplace(entry.keywords, sets.size()).second) put(keywords, entry.keywords.size()), keywords += entry.keywords;
  std::string out;
  put(out, packFormat);
  put(out, sets.size());
  out += keywords;
  put(out, entries.size());
  Steps steps;
  for (const auto& [entry, text] : entries) {
    putStep(out, entry.uid.value, steps.uid);
    put(out, entry.flags);
    put(out, sets.find(text)->second);
    put(out, entry.size);
    putStep(out, entry.message.value, steps.message);
    putStep(out, entry.content.value, steps.content);
    putStep(out, entry.modSeq.value, steps.modSeq);
    putStep(out, entry.received, steps.received);
  }
  return out;
}

bool unpackEntries(std::string_view pack, const std::function<std::uint32_t(std::string_view)>& keywordSet, std::vector<ViewEntry>& out) {
  const auto before = out.size();
  Cursor cursor(pack);
  if (cursor.number() != packFormat) return false;
  std::vector<std::uint32_t> sets;
  for (auto count = cursor.number(); count > 0 && cursor.isGood(); --count) sets.push_back(keywordSet(cursor.text()));
  auto count = cursor.number();
  if (!cursor.isGood() || count > viewPart) return false;
  Steps steps;
  for (; count > 0; --count) {
    ViewEntry entry;
    entry.uid = Uid(static_cast<std::uint32_t>(cursor.step(steps.uid)));
    if (out.size() > before && entry.uid <= out.back().uid) return false;
    entry.flags = cursor.number32();
    auto set = cursor.number();
    entry.size = cursor.number32();
    entry.message = MessageId(cursor.step(steps.message));
    entry.content = ContentId(cursor.step(steps.content));
    entry.modSeq = ModSeq(cursor.step(steps.modSeq));
    entry.received = cursor.step(steps.received);
    if (!cursor.isGood() || set >= sets.size()) return false;
    entry.keywords = sets[static_cast<std::size_t>(set)];
    out.push_back(entry);
  }
  return cursor.isAtEnd();
}

std::optional<std::uint32_t> packParts(Db& db, MailboxId mailbox, std::uint32_t from, std::size_t enough) {
  auto next = db.prepare("SELECT uidnext FROM mailbox WHERE id=?");
  if (!next.bind(mailbox).step()) return std::nullopt;
  auto end = partOf(next.id<Uid>(0));
  next.reset();
  std::set<std::uint32_t> known;
  auto row = db.prepare("SELECT part FROM view_pack WHERE mailbox=? AND part>=?");
  row.bind(mailbox).bind(std::int64_t{from});
  while (row.step()) known.insert(static_cast<std::uint32_t>(row.int64(0)));
  auto insert = db.prepare("INSERT INTO view_pack(mailbox, part, entries) VALUES(?,?,?)");
  auto first = db.prepare("SELECT min(uid) FROM view_entry WHERE mailbox=? AND uid>=?");
  std::size_t seen = 0;
  for (auto part = from; part < end; ++part) {
    if (known.contains(part)) continue;
    if (seen >= enough) return part;
    first.bind(mailbox).bind(firstOf(part)).step();
    auto there = partOf(first.id<Uid>(0));  // of none: 0
    first.reset();
    if (there < part || there >= end) return std::nullopt;
    if (there > part) {
      part = there - 1;
      continue;
    }
    auto entries = entriesOf(db, mailbox, part);
    seen += entries.size() + 1;
    if (entries.size() < packWorthwhile) continue;
    auto pack = packEntries(entries);
    insert.bind(mailbox).bind(std::int64_t{part}).bindBlob(pack).run();
  }
  return std::nullopt;
}

void unpackParts(Db& db, MailboxId mailbox, const std::vector<Uid>& uids, Uid uidNext) {
  auto end = partOf(uidNext);
  for (auto next = uids.begin(); next != uids.end() && partOf(*next) < end;) {
    auto part = partOf(*next);
    db.prepare("DELETE FROM view_pack WHERE mailbox=? AND part=?").bind(mailbox).bind(std::int64_t{part}).run();
    next = std::lower_bound(next, uids.end(), firstOf(part + 1));
  }
}

}  // namespace mox::store
