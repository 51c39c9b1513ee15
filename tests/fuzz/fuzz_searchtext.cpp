// room: store
// The text of a message is folded UTF-8 without NUL, bounded, and whole unless cut; a cut text is where the whole begins.
// All tokens of a piece of the text are tokens of the text, so an index of tokens never hides a message.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "base/Unicode.h"
#include "message/SearchText.h"
#include "store/SearchTokens.h"

using namespace mox;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool startsCharacter(std::string_view text, std::size_t at) { return at == text.size() || (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto root = message::parse(bytes).root;
  auto whole = message::searchText(root, bytes, true);
  require(isUtf8(whole.text) && whole.text.find('\0') == std::string::npos);
  auto body = message::searchText(root, bytes, false);
  require(whole.text.ends_with(body.text));
  std::size_t limit = size == 0 ? 0 : data[0];
  auto cut = message::searchText(root, bytes, true, limit);
  require(cut.whole ? cut.text == whole.text : true);

  store::SearchTokens tokens;
  const auto& all = tokens.of(whole.text);
  std::set<std::uint32_t> known(all.begin(), all.end());
  std::size_t from = size > 1 ? data[size / 2] : 0, to = from + (size > 2 ? data[size - 1] : 0);
  from = std::min(from, whole.text.size());
  to = std::min(to, whole.text.size());
  while (!startsCharacter(whole.text, from)) ++from;
  while (!startsCharacter(whole.text, to)) ++to;
  if (from < to)
    for (auto token : tokens.of(std::string_view(whole.text).substr(from, to - from))) require(known.contains(token));
  return 0;
}
