#include "queue/Verify.h"

#include <fmt/format.h>

#include <set>

#include "queue/Schema.h"
#include "store/Db.h"

namespace mox::queue {

namespace {

void each(store::Db& db, std::vector<std::string>& problems, std::string_view sql, std::string_view problem) {
  auto row = db.prepare(sql);
  while (row.step()) problems.push_back(fmt::format("{}: {}", problem, row.bytes(0)));
}

}  // namespace

std::vector<std::string> verify(const std::string& directory, store::Files& files, bool sizes, bool fix) {
  std::vector<std::string> problems;
  store::Db db(directory + "/queue.db");
  if (auto format = db.scalar("PRAGMA user_version"); format > schemaVersion)
    return {fmt::format("written by a newer version (format {}, this one knows up to {})", format, schemaVersion)};
  auto check = db.prepare("PRAGMA integrity_check");
  while (check.step())
    if (check.bytes(0) != "ok") problems.push_back("SQLite: " + check.text(0));
  each(db, problems, "PRAGMA foreign_key_check", "row whose parent is missing in table");
  each(db, problems, "SELECT id FROM message WHERE NOT EXISTS(SELECT 1 FROM entry WHERE entry.message=message.id)", "message without recipients");
  each(db, problems, "SELECT id FROM message WHERE has_file=0 AND length(body)<>size", "body of the wrong length of message");
  std::set<std::string> known;
  auto bodies = directory + "/bodies";
  auto row = db.prepare("SELECT id, size-length(body) FROM message WHERE has_file=1");
  while (row.step()) {
    known.insert(row.text(0));
    auto size = files.size(bodies + "/" + row.text(0));
    if (size < 0) problems.push_back(fmt::format("body file {} is missing", row.int64(0)));
    else if (sizes && size != row.int64(1)) problems.push_back(fmt::format("body file {} has {} bytes, not {}", row.int64(0), size, row.int64(1)));
  }
  for (const auto& name : files.list(bodies)) {
    if (known.contains(name)) continue;
    problems.push_back("body file of no message: " + name);
    if (!fix) continue;
    files.makeDirectory(directory + "/moved");
    files.rename(bodies + "/" + name, directory + "/moved/" + name);
    problems.back() += ", moved";
  }
  return problems;
}

}  // namespace mox::queue
