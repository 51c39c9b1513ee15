// Judge: may this message into this account? The decision list of smtp.md §7.
//
// The list is a row of small steps of the same shape; the first that has something to say decides. A step that does
// not exist yet is a row that is missing, not a special case.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/Config.h"
#include "delivery/Incoming.h"
#include "delivery/Rates.h"
#include "delivery/Reason.h"
#include "smtp/CommandError.h"
#include "store/Account.h"

namespace mox::delivery {

struct Verdict {
  bool accepted = true;
  Reason reason = Reason::noBadSignals;
  // Of a refusal: the reply.
  unsigned code = 0;
  std::string enhanced, text;
  std::string details;  ///< for X-Mox-Reason and logs, one line

  static Verdict accept(Reason why, std::string details = "") { return {true, why, 0, "", "", std::move(details)}; }
  static Verdict reject(unsigned code, std::string enhanced, std::string text, Reason why) {
    return {false, why, code, std::move(enhanced), std::move(text), ""};
  }
};

/// The reply that a destination was told to give. 421 would say that the connection is closed (RFC 5321 §4.2.2), where
/// only one recipient is meant: 450 says so.
smtp::CommandError replyOf(const config::SmtpError& error);

/// One account that may take the message.
struct Candidate {
  Mailbox recipient;  ///< as in RCPT
  const config::Target* target = nullptr;
  const config::AccountInfo* info = nullptr;
  const config::Rule* rule = nullptr;  ///< the ruleset it falls under, or null
  std::shared_ptr<store::Account> account;

  /// Where it goes when accepted.
  const std::string& mailbox() const;
  bool isForward() const { return rule != nullptr && rule->settings.isForward; }
};

class Judge {
 public:
  Judge(Rates& rates, LimitHits& limits) : rates_(rates), limits_(limits) {}

  struct Case {
    const Incoming& incoming;
    const Candidate& candidate;
    store::Reader& reader;  ///< of the candidate's account
    Rates& rates;
    LimitHits& limits;
  };
  struct Step {
    std::string_view name;
    std::optional<Verdict> (*decide)(const Case&);
  };
  /// In order.
  static std::span<const Step> steps();

  Verdict judge(const Incoming& incoming, const Candidate& candidate) const;

 private:
  Rates& rates_;
  LimitHits& limits_;
};

/// Somebody this account has written to or has kept good mail of (3 years back): no delay for them.
bool isKnownSender(const Incoming& incoming, const Candidate& candidate);

}  // namespace mox::delivery
