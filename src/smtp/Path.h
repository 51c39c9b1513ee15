// Forward- and reverse-paths: RFC 5321 §4.1.2, RFC 6531 §3.3.
//
// Source routes are parsed and dropped (RFC 5321 appendix C). What comes out
// cannot hold CR, LF or NUL: Localpart and Domain see to it. Localparts come
// out in NFC, unquoted; an address literal must be an IP address.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Address.h"
#include "base/Result.h"
#include "smtp/Leniency.h"
#include "smtp/Scanner.h"

namespace mox::smtp {

/// RFC 5321 §4.5.3.1.3, with the angle brackets.
inline constexpr std::size_t pathLimit = 256;
/// RFC 5321 §4.5.3.1.1, held to when pedantic.
inline constexpr std::size_t strictLocalpartLimit = 64;

/// "<...>" at the scanner; "<>" gives nothing, "<postmaster>" without domain a path with `postmaster`.
struct Path {
  std::optional<Mailbox> mailbox;
  bool postmaster = false;  ///< bare, in any case
  bool ascii = true;        ///< as written, localpart and domain
};
Result<Path> parsePath(Scanner& in, const Leniency& leniency);

/// localpart@domain or localpart@[literal], without brackets, all of `text`.
Result<Mailbox> parseMailbox(std::string_view text, const Leniency& leniency);
/// RFC 5321 §4.1.3, with brackets: "[192.0.2.1]", "[IPv6:2001:db8::1]"; other tags are refused.
Result<IpAddress> parseAddressLiteral(Scanner& in);
/// A domain at the scanner, up to the first octet that cannot be part of one. No trailing dot.
Result<Domain> parseDomain(Scanner& in, const Leniency& leniency);

/// "<a@b>" or "<>".
std::string pathText(const ReversePath& path, bool utf8);

}  // namespace mox::smtp
