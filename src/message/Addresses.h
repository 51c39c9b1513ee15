// Address lists of header fields. RFC 5322 §3.4 and §4.4, RFC 6854 (groups in From).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "message/Parsed.h"

namespace mox::message {

struct AddressList {
  std::vector<EnvelopeAddress> addresses;  ///< with start and end entries of groups
  bool wellFormed = true;  ///< nothing had to be guessed or skipped
};

/// `value` raw. Lenient: what cannot be understood is skipped or becomes a name. A word without domain is a mailbox
/// with an empty host (not missing: that would say group). A comment after an address without name is its name.
/// Stops after `limit` entries (an open group is still closed).
AddressList addresses(std::string_view value, std::size_t limit = maxAddresses);

/// Addresses in the list, group entries not counted.
std::size_t countAddresses(const std::vector<EnvelopeAddress>& list);

/// The one address of a From value, if there is just one and no reader could see another: well formed, no group, a
/// domain (no literal) and a localpart that are valid. `"a@x" <b@y>` has one; `a@x <b@y>` has only if both are the same.
std::optional<Address> singleFrom(std::string_view value);

}  // namespace mox::message
