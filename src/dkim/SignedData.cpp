#include "dkim/SignedData.h"

#include "base/Text.h"

namespace mox::dkim {

std::string signedData(const std::vector<HeaderField>& fields, const std::vector<std::string>& names, Canonicalization c,
                       std::string_view signatureField, const HeaderField* self) {
  std::map<std::string, std::vector<const HeaderField*>, std::less<>> unused;
  for (const auto& field : fields) {
    if (&field != self) unused[field.name].push_back(&field);
  }
  std::string out;
  for (const auto& name : names) {
    auto found = unused.find(lower(name));
    if (found == unused.end() || found->second.empty()) continue;
    out += canonicalField(c, found->second.back()->raw);
    found->second.pop_back();
  }
  auto last = canonicalField(c, signatureField);
  out.append(last, 0, last.size() - 2);
  return out;
}

const std::string& BodyHashes::of(Canonicalization c, Hash hash) {
  auto known = known_.find({c, hash});
  if (known != known_.end()) return known->second;
  BodyHash hasher(c, hash);
  hasher.update(body_);
  return known_.emplace(std::pair(c, hash), hasher.finish()).first->second;
}

}  // namespace mox::dkim
