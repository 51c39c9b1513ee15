#include "store/Flags.h"

#include <algorithm>
#include <iterator>

#include "base/Text.h"

namespace mox::store {

std::string joinKeywords(const Keywords& keywords) { return join(keywords, " "); }

Keywords splitKeywords(std::string_view text) {
  Keywords keywords;
  if (text.empty()) return keywords;
  for (auto word : split(text, ' ')) keywords.emplace_back(word);
  return keywords;
}

bool exceedMailbox(const Keywords& known, const Keywords& more) {
  Keywords all;
  std::set_union(known.begin(), known.end(), more.begin(), more.end(), std::back_inserter(all));
  return all.size() > static_cast<std::size_t>(mailboxKeywords.value);
}

}  // namespace mox::store
