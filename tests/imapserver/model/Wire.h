// Wire: what an IMAP server said, as values. A client's reading of RFC 9051 §7, written apart from the server's code so
// that the two can disagree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mox::test::model {

/// An atom, string or list.
struct Value {
  enum class Kind { atom, text, list, nil };
  Kind kind = Kind::atom;
  std::string text;            ///< of atom and text
  std::vector<Value> items;    ///< of list

  bool is(std::string_view atom) const;  ///< an atom, compared without case
  std::uint64_t number() const;          ///< throws if it is none
};

/// One response line: its words after "*" or the tag. Literals are part of it.
struct Response {
  std::string tag;            ///< "*", "+", or a tag
  std::vector<Value> words;   ///< up to the human text of a status response
  std::string code;           ///< of a status response, without brackets: "COPYUID 1 2 3"; "" if none
  std::string line;           ///< as it was, for messages
};

/// All of `output`, which must be whole lines. Throws std::runtime_error for what is no response.
std::vector<Response> parseResponses(std::string_view output);

/// "1:3,7" as numbers, in the order given. Throws for "*" and for what is no set.
std::vector<std::uint32_t> parseSet(std::string_view text);
/// The shortest set of ascending numbers; "" for none.
std::string formatSet(const std::vector<std::uint32_t>& numbers);
std::vector<std::string> words(std::string_view text);

}  // namespace mox::test::model
