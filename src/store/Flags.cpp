#include "store/Flags.h"

#include "base/Text.h"

namespace mox::store {

std::string joinKeywords(const Keywords& keywords) { return join(keywords, " "); }

Keywords splitKeywords(std::string_view text) {
  Keywords keywords;
  if (text.empty()) return keywords;
  for (auto word : split(text, ' ')) keywords.emplace_back(word);
  return keywords;
}

}  // namespace mox::store
