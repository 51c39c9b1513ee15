#include "app/Changes.h"

#include <map>

#include "config/Write.h"

namespace mox::app {

namespace {

template <class T>
void compare(std::vector<std::string>& out, const std::string& what, const std::map<std::string, T>& before, const std::map<std::string, T>& after) {
  for (const auto& [name, value] : before)
    if (!after.contains(name)) out.push_back(what + " removed: " + name);
  for (const auto& [name, value] : after) {
    auto old = before.find(name);
    if (old == before.end()) out.push_back(what + " added: " + name);
    else if (config::writeJson(old->second) != config::writeJson(value)) out.push_back(what + " changed: " + name);
  }
}

}  // namespace

std::vector<std::string> changes(const config::Dynamic& before, const config::Dynamic& after) {
  std::vector<std::string> out;
  compare(out, "domain", before.domains, after.domains);
  compare(out, "account", before.accounts, after.accounts);
  config::Dynamic restBefore = before, restAfter = after;
  for (auto* rest : {&restBefore, &restAfter}) {
    rest->domains.clear();
    rest->accounts.clear();
  }
  if (config::writeJson(restBefore) != config::writeJson(restAfter)) out.push_back("settings beside domains and accounts changed");
  return out;
}

}  // namespace mox::app
