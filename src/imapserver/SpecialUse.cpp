#include "imapserver/SpecialUse.h"

#include <algorithm>
#include <array>

#include "base/Text.h"

namespace mox::imapserver {

namespace {

struct Name {
  store::SpecialUse use;
  std::string_view text;
};
constexpr std::array names{
    Name{store::archiveUse, "\\Archive"}, Name{store::draftsUse, "\\Drafts"}, Name{store::importantUse, "\\Important"},
    Name{store::junkUse, "\\Junk"},       Name{store::sentUse, "\\Sent"},     Name{store::trashUse, "\\Trash"},
};

}  // namespace

std::optional<store::SpecialUses> parseSpecialUses(const std::vector<std::string>& texts) {
  store::SpecialUses uses = 0;
  for (const auto& text : texts) {
    auto found = std::find_if(names.begin(), names.end(), [&](const Name& name) { return equalsNoCase(name.text, text); });
    if (found == names.end()) return std::nullopt;
    uses |= found->use;
  }
  return uses;
}

std::string specialUsesText(store::SpecialUses uses) {
  std::string out;
  for (const auto& name : names)
    if ((uses & name.use) != 0) out.append(out.empty() ? "" : " ").append(name.text);
  return out;
}

}  // namespace mox::imapserver
