// The words of search keys and what follows each; internal to the room.
#pragma once

#include <array>
#include <string_view>

#include "imap/SearchKey.h"

namespace mox::imap {

struct SearchName {
  enum class Argument : std::uint8_t {
    none, text, fieldAndText, date, size, interval, set, uid, keyword, modSeq, objectId, oneKey, twoKeys,
  };
  std::string_view name;
  SearchKey::Kind kind;
  Argument argument = Argument::none;
  std::string_view flag = {};  ///< of Kind::flag without argument
  bool on = true;
};

/// Null for an unknown word; `name` in upper case.
const SearchName* findSearchName(std::string_view name);
/// The word that says this key. Never null for a key the parser made, but for parentheses and sequence sets.
const SearchName* findSearchName(const SearchKey& key);

}  // namespace mox::imap
