// room: config
// A whole configuration as JSON or sconf through all checks: never crashes, a
// Config exists exactly if there are no errors, and its lookups hold together.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/Source.h"
#include "config/Write.h"

using namespace mox;
using namespace mox::config;

static void probe(const Config& config) {
  for (const auto& [name, account] : config.accounts()) {
    for (const auto& text : account.addresses) {
      if (text.front() == '@') continue;
      auto address = Address::parse(text);
      if (!address) std::abort();
      auto found = config.lookup(address->localpart, address->domain);
      if (found.kind == Lookup::Kind::unknownDomain || found.kind == Lookup::Kind::unknownAddress || found.kind == Lookup::Kind::alias)
        std::abort();
      if (found.target != nullptr && config.account(found.target->account) == nullptr) std::abort();
      auto sender = config.mayUseFrom(name, *address);
      bool own = found.target != nullptr && found.target->purpose == Target::Purpose::mail && found.target->account == name;
      if (own && sender != Config::Sender::allowed) std::abort();
    }
    config.route(name, account.domain, account.domain, 3);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  FileReader none = [](const std::string&) -> Result<std::string> { return fail(Errc::notFound, "no such file"); };
  bool isJson = text.starts_with("{");
  auto cut = text.find("\n====\n");
  auto loaded = isJson ? loadText("/c/mox.json", text, text, none)
                       : loadText("/c/mox.conf", text.substr(0, cut == std::string::npos ? cut : cut + 1),
                                  cut == std::string::npos ? "" : text.substr(cut + 6), none);
  if (loaded.ok() != loaded.errors.empty()) std::abort();
  for (const auto& problem : loaded.errors) {
    if (problem.text().find('\n') != std::string::npos) std::abort();
  }
  if (loaded.ok()) probe(*loaded.config);
  return 0;
}
