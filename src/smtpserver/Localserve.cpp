#include "smtpserver/Localserve.h"

#include "base/Text.h"

namespace mox::smtpserver {

std::optional<WantedFailure> wantedFailure(std::string_view localpart) {
  if (localpart.ends_with("temperror")) return WantedFailure{451, false};
  if (localpart.ends_with("permerror")) return WantedFailure{550, false};
  if (localpart.ends_with("timeout")) return WantedFailure{0, true};
  if (localpart.size() < 3) return std::nullopt;
  auto tail = localpart.substr(localpart.size() - 3);
  if (tail.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  auto code = parseUnsigned(tail).value_or(0);
  if (code < 400 || code >= 600) return std::nullopt;
  return WantedFailure{static_cast<unsigned>(code), false};
}

std::optional<WantedFailure> wantedFailure(const std::vector<delivery::Recipient>& recipients) {
  for (const auto& recipient : recipients)
    if (auto wanted = wantedFailure(recipient.address.localpart.text())) return wanted;
  return std::nullopt;
}

config::Lookup localserveLookup(const config::Config& config) {
  const auto* account = config.account("mox");
  if (account != nullptr && !account->addresses.empty()) {
    auto address = Address::parse(account->addresses.front());
    if (address) return config.lookup(address->localpart, address->domain);
  }
  return {config::Lookup::Kind::unknownAddress, nullptr, nullptr};
}

}  // namespace mox::smtpserver
