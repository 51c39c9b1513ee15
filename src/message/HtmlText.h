// The words of an HTML text, for previews and search. No tree is built: tags are read one after the other.
#pragma once

#include <string>
#include <string_view>

namespace mox::message {

/// Octets of text given at most.
inline constexpr std::size_t maxHtmlText = 4 << 10;

/// `html` in UTF-8; any bytes are safe. Lines end with LF; lines in a blockquote start with "> ". What nobody reads
/// (head, script, style, svg and the like) is left out. Linear, stops at `limit`.
std::string htmlToText(std::string_view html, std::size_t limit = maxHtmlText);

}  // namespace mox::message
