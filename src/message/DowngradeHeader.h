// A header for readers that know no UTF-8 in headers: in ASCII, without NUL. RFC 6855 §3, in the manner of RFC 6857 and 6858.
//
// Fields that are ASCII already stay octet for octet; so do those in some other charset, which nobody can name: every client
// always got them as they are. In others, text and display names become encoded words (RFC 2047),
// parameters get the extended form (RFC 2231), a domain becomes A-labels, and an address whose localpart is not ASCII
// cannot be written to from there: it is shown as the name of an address that does not work.
#pragma once

#include <string>
#include <string_view>

namespace mox::message {

/// What stands for an address that has no ASCII form. RFC 6858 §2.
inline constexpr std::string_view unusableAddress = "invalid@internationalized-address.invalid";

struct HeaderDowngrade {
  bool toAscii = false;    ///< else only NUL is taken out
  std::string_view encoding;  ///< that the body is told to have from now on, if not ""; the header ends with an empty line then
  bool isMessage = false;  ///< of a message, not of a part
};

/// `block` is a header up to and with its empty line, if it has one.
std::string downgradeHeader(std::string_view block, const HeaderDowngrade& how);

}  // namespace mox::message
