// SearchText: what there is to read in a message, as one text to search in.
//
// The same text is what the full-text index knows of a message and what a hit is checked against, so both find the
// same: header fields with their encoded words decoded, text parts with transfer encoding and charset undone, HTML as
// its words, embedded messages with their header (RFC 9051 §6.4.4 TEXT and BODY). Names of attachments are in it as the
// field has them and as people see them. Never fails; linear in the message.
#pragma once

#include <string>
#include <string_view>

#include "message/Parsed.h"

namespace mox::message {

/// Octets of text taken from one message; what lies beyond is not found.
inline constexpr std::size_t maxSearchText = 16 << 20;

struct SearchText {
  std::string text;   ///< UTF-8, case folded, without NUL; fields and parts end with LF
  bool whole = true;  ///< false if the limit cut something off
};

/// `bytes` is the message `root` was made of; `withHeader` puts its header fields in front, and then those of its parts, each
/// as "name: value".
SearchText searchText(const Part& root, std::string_view bytes, bool withHeader, std::size_t limit = maxSearchText);

/// A string to look for (or a text to look in), folded as searchText does. What is no UTF-8 is taken as ASCII.
std::string searchFold(std::string_view text);

}  // namespace mox::message
