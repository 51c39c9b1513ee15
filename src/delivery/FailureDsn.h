// The one report for recipients that failed after the message was taken for others, smtp.md §6.12 (SMI-17).
#pragma once

#include <optional>
#include <string>

#include "delivery/Place.h"

namespace mox::delivery {

struct FailureDsn {
  std::string message;    ///< complete, CRLF line ends
  std::string messageId;  ///< canonical
  Domain domain;          ///< whose postmaster it is from
  Mailbox to;
  std::string subject;
  bool utf8 = false;
};

/// Nothing if all or none were delivered, or there is nobody to tell. Throws if it cannot be composed.
std::optional<FailureDsn> failureDsn(const Incoming& incoming, const std::vector<Recipient>& recipients, const std::vector<Outcome>& outcomes,
                                     Time now, Random& random);

}  // namespace mox::delivery
