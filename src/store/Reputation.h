// What past mail says about a sender: the questions delivery asks (smtp.md §8), answered by indices that hold
// only messages flagged $Junk or $NotJunk, so a delivery pays for none of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Strong.h"
#include "store/Reader.h"

namespace mox::store {

/// A message that somebody judged.
struct Judged {
  bool isJunk = false;
  bool validated = false;  ///< the identity asked about was
  Time received{};
  std::string msgFromLocalpart, msgFromDomain;
};

/// IPv4 /32 /26 /21, IPv6 /64 /48 /32.
IpAddress maskedIp(const IpAddress& ip, unsigned level);

class Reputation {
 public:
  /// Looks at messages that came in for `mailbox`. The reader must outlive this.
  Reputation(Reader& reader, MailboxId mailbox) : reader_(reader), mailbox_(mailbox) {}

  // Each: newest first, received since `since`, at most `limit`.
  std::vector<Judged> byFrom(const std::string& localpart, const std::string& domain, std::optional<bool> validated, Time since, std::size_t limit);
  std::vector<Judged> byFromDomain(const std::string& domain, std::optional<bool> validated, Time since, std::size_t limit);
  std::vector<Judged> byFromOrgDomain(const std::string& domain, std::optional<bool> validated, Time since, std::size_t limit);
  std::vector<Judged> byDkimDomain(const std::string& domain, Time since, std::size_t limit);
  /// Validated MAIL FROM only. Localpart "" asks for the domain.
  std::vector<Judged> byMailFrom(const std::string& localpart, const std::string& domain, Time since, std::size_t limit);
  /// Validated EHLO only.
  std::vector<Judged> byEhlo(const std::string& domain, Time since, std::size_t limit);
  /// `level` 1 to 3 as in maskedIp.
  std::vector<Judged> byIp(const IpAddress& ip, unsigned level, Time since, std::size_t limit);

  /// True if we ever sent to the address, the domain, the organisational domain (since `since`).
  bool sentTo(const Address& address, Time since);
  bool sentToDomain(const std::string& domain, Time since);
  bool sentToOrgDomain(const std::string& domain, Time since);

  struct Rate {
    std::int64_t messages = 0, bytes = 0;
  };
  /// Messages received from the masked network, judged or not, in any mailbox; counting stops at `limit` messages.
  Rate received(const IpAddress& ip, unsigned level, Time since, std::int64_t limit);

 private:
  Reader& reader_;
  MailboxId mailbox_;
};

}  // namespace mox::store
