#include "transfer/Keywords.h"

#include <algorithm>
#include <vector>

#include "base/Text.h"

namespace mox::transfer {

namespace {

using imap::Flag;

/// Flags that are keywords in these files, spelled with "$".
constexpr Flag worded[] = {Flag::forwarded, Flag::junk, Flag::notJunk, Flag::phishing, Flag::mdnSent};

/// Commas may be in keywords too: it is a list of them only if no other sign parts the words.
bool isCommaList(const std::vector<std::string_view>& parts) {
  return parts.size() > 1 && std::none_of(parts.begin(), parts.end(), [](auto part) { return part.empty() || part.find(' ') != std::string_view::npos; });
}

std::vector<std::string_view> commaParts(std::string_view list) {
  auto parts = split(list, ',');
  for (auto& part : parts) part = trim(part);
  return parts;
}

}  // namespace

void addForeign(std::string_view word, imap::Flags& flags) {
  auto bare = word.starts_with('$') ? word.substr(1) : word;
  if (equalsNoCase(bare, "NonJunk")) return flags.set(Flag::notJunk);
  for (auto flag : worded)
    if (equalsNoCase(bare, imap::flagName(flag).substr(1))) return flags.set(flag);
  flags.add(word);
}

void addForeignList(std::string_view list, imap::Flags& flags) {
  auto words = commaParts(list);
  if (!isCommaList(words)) words = split(list, ' ');
  for (auto word : words)
    if (!word.starts_with('\\')) addForeign(word, flags);  // "\Important" is Gmail's, and no flag a client could have set
}

std::string keywordList(const imap::Flags& flags) {
  std::vector<std::string> words;
  for (auto flag : worded)
    if (flags.has(flag)) words.emplace_back(imap::flagName(flag));
  words.insert(words.end(), flags.keywords.begin(), flags.keywords.end());
  auto list = join(words, " ");
  // Said twice, it has words that only a blank parts.
  return isCommaList(commaParts(list)) ? list + " " + list : list;
}

}  // namespace mox::transfer
