// Domain names as the DNS sees them: labels of any octets, at most 63 each, 255 in all.
//
// Text form here: labels joined by ".", with a "." at the end ("example.org.", "." for the root). Names given
// for lookup are taken octet by octet (a backslash is a backslash), because SPF macros make names out of
// what strangers send. Names found in answers come back in lower case, octets other than printable ASCII
// as \DDD, and "." or "\" inside a label with a backslash. RFC 1035 §2.3.1, §5.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Result.h"

namespace mox::dns {

inline constexpr std::size_t maxLabelOctets = 63;
inline constexpr std::size_t maxNameOctets = 255;  ///< on the wire, with length octets and the root

/// Uncompressed wire form of an absolute name. Refuses names without final dot, empty or long labels, long names.
Result<std::string> nameToWire(std::string_view absolute);
/// Text of an uncompressed, well-formed wire name; nothing if it is damaged or compressed.
std::optional<std::string> nameFromWire(std::string_view wire);
/// Equal in the eyes of the DNS: ASCII case does not count. Both are text in the same form.
bool sameName(std::string_view a, std::string_view b);
/// True for "." and for names of letters, digits, "-" and "_" only: what MX, SRV, NS and PTR should point to.
bool isHostName(std::string_view absolute);

}  // namespace mox::dns
