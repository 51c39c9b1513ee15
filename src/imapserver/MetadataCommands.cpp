// GETMETADATA and SETMETADATA, RFC 5464 §4.2 and §4.3; the special use as an entry, RFC 6154 §4.
//
// /private and /shared are kept apart but belong to the same person: accounts are not shared.
#include <fmt/format.h>

#include <algorithm>

#include "base/Text.h"
#include "imap/CommandReader.h"
#include "imapserver/Handlers.h"
#include "imapserver/Metadata.h"
#include "imapserver/SpecialUse.h"

namespace mox::imapserver {

namespace {

/// What the entries belong to.
struct Annotated {
  std::optional<store::MailboxRow> row;  ///< nothing: the server
  const store::MailboxRow* mailbox() const { return row ? &*row : nullptr; }
  std::string name() const { return row ? row->name : std::string(); }
};

/// The server for "", else the mailbox; says NO if there is none.
std::optional<Annotated> annotated(Context& context, const std::string& name) {
  if (name.empty()) return Annotated{};
  auto row = context.mailbox(name);
  return row ? std::optional(Annotated{std::move(row)}) : std::nullopt;
}

/// Why the entry cannot be set, "" if it can. RFC 5464 §3.2.1.
std::string_view defect(std::string_view entry) {
  if (!entry.starts_with("/private/") && !entry.starts_with("/shared/")) return "an entry begins with /private/ or /shared/";
  auto levels = split(entry, '/');  // the first is empty
  if (levels.size() >= 3 && levels[2] == "vendor" && levels.size() < 5) return "a vendor's entry has its name and one more level";
  return "";
}

/// SETMETADATA as it is done: the special use is no annotation.
struct Setting {
  std::vector<store::AnnotationChange> annotations;
  std::optional<store::SpecialUses> uses;
};

/// Nothing if it was refused.
std::optional<Setting> readSetting(Context& context, const imap::args::SetMetadata& set, const Annotated& target) {
  Setting setting;
  for (const auto& entry : set.entries) {
    if (auto why = defect(entry.name); !why.empty()) return context.bad(why), std::nullopt;
    if (entry.name != specialUseEntry) {
      setting.annotations.push_back({entry.name, entry.value, !entry.binary});
      continue;
    }
    if (!target.row) return context.no("CANNOT", "the server has no special use"), std::nullopt;
    std::vector<std::string> names;
    if (entry.value)
      for (auto word : split(*entry.value, ' '))
        if (!word.empty()) names.emplace_back(word);
    setting.uses = parseSpecialUses(names);
    if (!setting.uses) return context.no("USEATTR", "that special use is not supported"), std::nullopt;
  }
  return setting;
}

void refuse(Context& context, const Error& error) {
  if (error.code == Errc::tooMany) {
    context.services.limits.hit(store::annotationEntries, context.account->name());
    return context.no("METADATA TOOMANY", error.text);
  }
  if (error.code != Errc::tooLong) return context.no(error);
  refuseMetadataSize(context, error.text);
}

}  // namespace

void refuseMetadataSize(Context& context, std::string_view text) {
  context.services.limits.hit(store::annotationBytes, context.account->name());
  auto room = std::max<std::int64_t>(0, store::annotationBytes.value - context.account->reader().annotationUse().bytes);
  context.no(fmt::format("METADATA MAXSIZE {}", std::min<std::int64_t>(room, imap::commandLiteral.value)), text);
}

void handleGetMetadata(Context& context, const imap::Command& command) {
  const auto& get = command.as<imap::args::GetMetadata>();
  auto target = annotated(context, get.mailbox);
  if (!target) return;
  MetadataEntries entries;
  {
    auto reader = context.account->reader();
    entries = metadataEntries(reader, target->mailbox());
  }
  auto longest = writeMetadata(context.out, target->name(), entries, {get.entries, get.depth, get.maxSize}, context.outputMode());
  if (longest == 0) return context.ok("done");
  context.ok(fmt::format("METADATA LONGENTRIES {}", longest), "some are larger");
}

void handleSetMetadata(Context& context, const imap::Command& command) {
  const auto& set = command.as<imap::args::SetMetadata>();
  auto target = annotated(context, set.mailbox);
  if (!target) return;
  auto setting = readSetting(context, set, *target);
  if (!setting) return;
  auto id = target->row ? target->row->id : MailboxId();
  if (setting->uses && !setting->annotations.empty())
    return context.no("CANNOT", "the special use is set alone");  // two changes, of which one might fail: §4.3 wants all or none
  auto done = setting->uses ? context.account->setSpecialUse(id, *setting->uses) : context.account->setAnnotations(id, setting->annotations);
  if (!done) return refuse(context, done.error());
  context.own(*done);
  context.ok("set");
}

}  // namespace mox::imapserver
