#include "dkim/KeyRecord.h"

#include <algorithm>

#include "base/Text.h"
#include "dkim/TagList.h"

namespace mox::dkim {

bool KeyRecord::allows(Hash hash) const {
  return hashes.empty() || std::find(hashes.begin(), hashes.end(), hashName(hash)) != hashes.end();
}

bool KeyRecord::allowsService(std::string_view service) const {
  return services.empty() ||
         std::any_of(services.begin(), services.end(), [&](const auto& each) { return each == "*" || each == service; });
}

bool KeyRecord::looksLikeOne(std::string_view txt) {
  auto tags = TagList::parse(txt);
  // A damaged record that begins as one of DKIM is one, so that its error is told.
  if (!tags) return trim(txt.substr(0, std::min(txt.find(';'), txt.size()))) == "v=DKIM1";
  const auto* version = tags->find("v");
  return version != nullptr ? version->value == "DKIM1" : tags->find("p") != nullptr;
}

Result<KeyRecord> KeyRecord::parse(std::string_view txt) {
  auto tags = TagList::parse(txt);
  if (!tags) return tl::unexpected(tags.error());
  if (const auto* v = tags->find("v"); v != nullptr && (v->value != "DKIM1" || tags->position("v") != 0)) {
    return fail(Errc::unsupported, "key record is not of version DKIM1");
  }
  KeyRecord out;
  if (const auto* k = tags->find("k")) {
    if (!equalsNoCase(k->value, "rsa") && !equalsNoCase(k->value, "ed25519")) {
      return fail(Errc::unsupported, "unknown key type \"" + printable(k->value, 40) + "\"");
    }
    out.keyType = equalsNoCase(k->value, "rsa") ? KeyType::rsa : KeyType::ed25519;
  }
  const auto* p = tags->find("p");
  if (p == nullptr) return fail(Errc::syntax, "key record without p=");
  auto key = fromBase64(withoutSpace(p->value));
  if (!key) return fail(Errc::syntax, "bad base64 in p=");
  out.key = *key;
  auto words = [&](const char* name) {
    std::vector<std::string> list;
    if (const auto* tag = tags->find(name)) {
      for (auto word : colonList(tag->value)) list.push_back(lower(word));
    }
    return list;
  };
  out.hashes = words("h");
  out.services = words("s");
  for (const auto& flag : words("t")) {
    out.testing = out.testing || flag == "y";
    out.strictIdentity = out.strictIdentity || flag == "s";
  }
  if (const auto* n = tags->find("n")) {
    auto notes = decodeQuotedPrintable(n->value);
    if (!notes) return fail(Errc::syntax, "bad quoted-printable in n=");
    out.notes = *notes;
  }
  return out;
}

}  // namespace mox::dkim
