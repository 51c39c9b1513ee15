#include "store/MailboxNames.h"

#include <algorithm>

namespace mox::store {

std::optional<MailboxKey> MailboxNames::find(const std::string& name, const std::function<std::optional<MailboxKey>()>& read) {
  std::uint64_t version = 0;
  {
    auto known = known_.lock();
    if (auto found = known->keys.find(name); found != known->keys.end()) return found->second;
    version = known->version;
  }
  auto key = read();
  auto known = known_.lock();
  if (!key || known->version != version) return key;
  if (known->keys.size() >= most) known->keys.clear();
  known->keys.emplace(name, *key);
  return key;
}

void MailboxNames::committed(const std::vector<Change>& changes) {
  auto isOfMessages = [](const Change& change) {
    return change.kind == Change::Kind::messagesAdded || change.kind == Change::Kind::messageFlags || change.kind == Change::Kind::messagesExpunged;
  };
  // Of a commit that tells nothing (a repair) nothing is known.
  if (!changes.empty() && std::all_of(changes.begin(), changes.end(), isOfMessages)) return;
  auto known = known_.lock();
  ++known->version;
  known->keys.clear();
}

}  // namespace mox::store
