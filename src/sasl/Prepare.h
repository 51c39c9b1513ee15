// Preparing names and passwords for comparison, RFC 8264 and RFC 8265.
#pragma once

#include <string>
#include <string_view>

#include "base/Result.h"

namespace mox::sasl {

/// Longest name taken, in octets of UTF-8.
inline constexpr std::size_t maxNameOctets = 512;
/// Longest password taken, in octets of UTF-8.
inline constexpr std::size_t maxPasswordOctets = 1024;

/// A login name: valid UTF-8 without controls and direction overrides, not empty, brought to NFC.
Result<std::string> prepareName(std::string_view name);

/// RFC 8265 §4.2 OpaqueString: non-ASCII spaces become SPACE, then NFC; empty, controls, ignorable,
/// private-use and unassigned code points are refused. Joiners are taken after a virama only (RFC 5892
/// A.1, A.2); the other contextual rules only concern identifiers people compare by eye, not passwords,
/// and are not applied.
Result<std::string> preparePassword(std::string_view password);

}  // namespace mox::sasl
