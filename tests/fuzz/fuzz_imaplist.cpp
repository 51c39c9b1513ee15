// room: imap
// ListMatcher against a table of all prefixes, the plainest way to say what * and % mean.
//
// Input: pattern, LF, name.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/Text.h"
#include "imap/ListMatcher.h"
#include "imap/MailboxName.h"

using namespace mox;
using namespace mox::imap;

namespace {

bool reference(std::string_view pattern, std::string_view name) {
  if (pattern.empty() || pattern[0] == '/' || pattern.size() > static_cast<std::size_t>(listPatternBytes.value)) return false;
  auto canonical = canonicalInbox(pattern);
  bool inbox = name == "Inbox" || name.substr(0, 6) == "Inbox/";
  // row[n]: the pattern so far matches the first n octets.
  std::vector<bool> row(name.size() + 1);
  row[0] = true;
  for (char p : canonical) {
    std::vector<bool> next(name.size() + 1);
    bool wild = p == '*' || p == '%';
    next[0] = wild && row[0];
    for (std::size_t n = 1; n <= name.size(); ++n) {
      char c = name[n - 1];
      bool same = c == p || (inbox && n <= 5 && asciiLower(c) == asciiLower(p));
      next[n] = wild ? row[n] || (next[n - 1] && (p == '*' || c != '/')) : row[n - 1] && same;
    }
    row = std::move(next);
  }
  return row[name.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto both = cut(input, '\n');
  if (!both || size > 3000) return 0;
  auto [pattern, name] = *both;
  if (ListMatcher("", {std::string(pattern)}).matches(name) != reference(pattern, name)) abort();
  // A reference is put in front.
  auto middle = pattern.size() / 2;
  if (ListMatcher(pattern.substr(0, middle), {std::string(pattern.substr(middle))}).matches(name) != reference(pattern, name)) abort();
  return 0;
}
