// Place: from "the message is here and checked" to "each recipient has it or a reason why not".
//
//   Placement placement(services, incoming, config, recipients);
//   placement.judge();               // aliases become accounts, each is judged
//   if (placement.wantsDelay()) ...  // a stranger: the session waits before it goes on
//   placement.deliver();             // one deliver() an account; durable when it returns
//
// What breaks for one account (its disk is full, its database is damaged) is logged and fails its recipients with 4xx;
// the others get their mail. judge() and deliver() block on our own disk only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/Log.h"
#include "base/Metrics.h"
#include "base/Random.h"
#include "config/Config.h"
#include "delivery/Incoming.h"
#include "delivery/Judge.h"
#include "smtp/Reply.h"
#include "store/Accounts.h"

namespace mox::delivery {

/// All outlive the placement.
struct PlaceServices {
  store::Accounts& accounts;
  const dkim::PublicSuffixList& suffixes;
  Rates& rates;
  LimitHits& limits;
  Metrics& metrics;
  Log log;
};

struct Recipient {
  Mailbox address;        ///< as in RCPT; postmaster@hostname for a bare Postmaster
  config::Lookup lookup;  ///< in the config the placement has; account, alias or unknownAddress
};

/// How it ended for one recipient.
struct Outcome {
  bool delivered = false;
  unsigned code = 451;
  std::string enhanced = "4.3.0", text = "error processing";
};

class Placement {
 public:
  Placement(PlaceServices services, std::shared_ptr<const Incoming> incoming, config::ConfigPtr config, std::vector<Recipient> recipients);
  ~Placement();
  Placement(Placement&&) noexcept;

  void judge();
  /// Somebody unknown to an account that wants strangers to wait: smtp.md §6.11.
  bool wantsDelay() const;
  /// Something was refused for what it is: the peer deserves slow mode.
  bool anyRejected() const;
  void deliver();
  /// In the order of the recipients, once deliver() has returned.
  const std::vector<Outcome>& outcomes() const { return outcomes_; }
  const std::vector<Recipient>& recipients() const { return recipients_; }

 private:
  struct Copy;  ///< one message for one account
  void judgeOne(std::size_t recipient);
  void judgeAccount(std::size_t recipient, const config::Target& target);
  void judgeAlias(std::size_t recipient, const config::AliasTarget& alias);
  bool mayPost(const config::AliasTarget& alias) const;
  bool isSame(const Address& a, const Address& b) const;
  bool isAuthor(const config::AliasTarget::Member& member) const;
  bool isDisabled(const Domain& name) const;
  /// The copy that somebody gets who was looked at before; null if none.
  Copy* copyFor(const config::Target& target);
  Candidate candidate(const Mailbox& recipient, const config::Target& target) const;
  std::optional<Candidate> candidateOfList(const Mailbox& list, const config::AliasTarget::Member& member) const;
  Verdict judged(const Candidate& candidate) const;
  void deliverTo(const std::string& account, std::vector<Copy*>& copies);
  void deliverAll(store::Account& account, std::vector<Copy*>& copies);
  /// `failure` null: stored.
  void conclude(std::vector<Copy*>& copies, const Outcome* failure, std::string_view result);
  void count(std::string_view result, Reason reason) const;

  PlaceServices services_;
  std::shared_ptr<const Incoming> incoming_;
  config::ConfigPtr config_;
  std::vector<Recipient> recipients_;
  std::vector<Outcome> outcomes_;
  std::vector<Copy> copies_;
  bool rejected_ = false;
};

/// The reply to DATA when no recipient has the message, smtp.md §6.12.
smtp::Reply combinedReply(const std::vector<Recipient>& recipients, const std::vector<Outcome>& outcomes);
/// What our own failure is to the peer: 452 4.3.1 if the disk is full, else 451 4.3.0.
Outcome failureOf(const std::exception& broken);

}  // namespace mox::delivery
