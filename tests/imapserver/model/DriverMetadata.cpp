// Entries of mailboxes and of the server, RFC 5464.
#include <fmt/format.h>

#include "imapserver/model/Driver.h"

namespace mox::test::model {

namespace {

constexpr const char* entries[] = {"/private/comment", "/shared/comment", "/private/vendor/acme/colour"};

/// "" for the server.
std::map<std::string, std::string>& metadataOf(Account& account, const std::string& name) {
  return name.empty() ? account.metadata : account.mailboxes.at(name)->metadata;
}

}  // namespace

void Driver::setMetadata(Client& client) {
  auto name = chance(20) ? std::string() : existingName(client.account);
  std::string entry = entries[below(3)];
  std::optional<std::string> value;
  if (chance(70)) value = fmt::format("value {}", below(1000));
  auto got = client.say(fmt::format("SETMETADATA {} ({} {})", wireName(name, client.rev2), entry, value ? "\"" + *value + "\"" : "NIL"), [&](const Outcome& out) {
    lastModSeq_[client.account.mark] = modSeqNow(client.account);
    if (!out.ok()) return;
    auto& metadata = metadataOf(client.account, name);
    if (value) metadata[entry] = *value;
    else metadata.erase(entry);
  });
  if (!got.ok()) client.fail("SETMETADATA failed");
  synced(client, got);
  count("SETMETADATA", got);
}

void Driver::getMetadata(Client& client) {
  auto name = chance(20) ? std::string() : existingName(client.account);
  bool below = chance(50);
  auto got = client.say(fmt::format("GETMETADATA {}{} {}", below ? "(DEPTH infinity) " : "", wireName(name, client.rev2), below ? "/private" : "/shared/comment"));
  if (!got.ok()) client.fail("GETMETADATA failed");
  synced(client, got);
  std::map<std::string, std::string> expected, told;
  for (const auto& [entry, value] : metadataOf(client.account, name))
    if (entry.starts_with(below ? "/private/" : "/shared/comment")) expected[entry] = value;
  for (const auto* line : got.all("METADATA")) {
    const auto& items = line->words.at(2).items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      if (items[i + 1].kind != Value::Kind::nil && items[i].text != "/private/specialuse") told[items[i].text] = items[i + 1].text;
  }
  if (told != expected) client.fail("GETMETADATA tells other entries than were set");
  count("GETMETADATA", got);
}

}  // namespace mox::test::model
