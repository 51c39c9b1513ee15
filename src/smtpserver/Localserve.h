// Addresses that fail on purpose, for programs under test against `mox localserve` (smtp.md §11).
#pragma once

#include <optional>
#include <string_view>

#include "config/Config.h"
#include "delivery/Place.h"

namespace mox::smtpserver {

inline constexpr Duration localserveHang = std::chrono::hours(1);

struct WantedFailure {
  unsigned code = 0;
  bool hangs = false;  ///< no reply for localserveHang
};
/// By the end of a localpart: "temperror", "permerror", "timeout", or three digits 400 to 599.
std::optional<WantedFailure> wantedFailure(std::string_view localpart);
/// The first of the recipients' localparts that wants one.
std::optional<WantedFailure> wantedFailure(const std::vector<delivery::Recipient>& recipients);
/// Where addresses go that nobody has: the account "mox". unknownAddress if there is none.
config::Lookup localserveLookup(const config::Config& config);

}  // namespace mox::smtpserver
