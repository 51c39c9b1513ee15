// Notices: what the sender is told of messages that failed or take longer (smtp.md §15): a DSN straight into the Inbox
// of the account, or of the postmaster if the account is gone. Never for the null reverse-path (RFC 3464 §2, RFC 5321
// §4.5.5), so two servers cannot send each other reports of reports.
#pragma once

#include <vector>

#include "base/Log.h"
#include "base/Random.h"
#include "config/Source.h"
#include "queue/Row.h"
#include "queue/Storage.h"
#include "store/Accounts.h"

namespace mox::queue {

class Notices {
 public:
  Notices(config::ConfigSource& config, store::Accounts& accounts, Storage& storage, const Clock& clock, Random& random, Log log);

  /// `records` are of one message, not empty, and all failed or all delayed. Durable when it returns. False if there is
  /// nobody to tell. Throws what store throws; std::runtime_error if there is no account that could take it.
  bool send(const std::vector<Record>& records);

 private:
  std::shared_ptr<store::Account> recipientOf(const config::Config& config, const std::string& account);
  void deliver(store::Account& account, const std::string& text);
  std::string originalHeader(QueueId message);

  config::ConfigSource& config_;
  store::Accounts& accounts_;
  Storage& storage_;
  const Clock& clock_;
  Random& random_;
  const Log log_;
};

}  // namespace mox::queue
