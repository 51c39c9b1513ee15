// What an ACME provider answers, read from JSON: directory, account, order, authorization, problem.
//
// RFC 8555 §7.1, §6.7. Members we do not use are passed over; one we need and that is not there, or is of another type, is
// Errc::syntax. The texts come from another machine: what is kept of them for people is printable and short.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"

namespace mox::acme {

struct Directory {
  std::string newNonce, newAccount, newOrder;  ///< URLs
  bool externalAccountRequired = false;
};

/// RFC 7807 and RFC 8555 §6.7.
struct Problem {
  std::string type;    ///< "badNonce": what follows urn:ietf:params:acme:error:, else the whole URI
  std::string detail;  ///< for people
};

enum class Status { pending, processing, ready, valid, invalid, other };

struct Order {
  Status status = Status::other;
  std::vector<std::string> authorizations;  ///< URLs
  std::string finalize;                     ///< URL
  std::string certificate;                  ///< URL, "" until it is valid
  std::optional<Problem> error;
};

struct ChallengeOffer {
  std::string type;  ///< "http-01", "tls-alpn-01", "dns-01", ...
  std::string url, token;
  std::optional<Problem> error;
};

struct Authorization {
  Status status = Status::other;
  std::vector<ChallengeOffer> challenges;
};

Result<Directory> parseDirectory(const std::string& json);
Result<Order> parseOrder(const std::string& json);
Result<Authorization> parseAuthorization(const std::string& json);
/// Of any text: one that is no problem document gives its beginning as the detail.
Problem parseProblem(const std::string& text);

}  // namespace mox::acme
