// Submission: the checks and additions between a message of one of our people and the queue, smtp.md §5.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "smtpserver/Context.h"

namespace mox::smtpserver {

inline constexpr std::size_t maxExtraFields = 100;  ///< X-Mox-Extra-* of one message
inline constexpr std::string_view extraPrefix = "X-Mox-Extra-";

/// A refusal with its label of mox_smtpserver_submission_total.
struct SubmissionError {
  smtp::CommandError reply;
  std::string_view result;
};

class Submission {
 public:
  /// `context` has a transaction and an account.
  Submission(Context& context, std::shared_ptr<const store::Spool> spool);

  /// Nothing if all is well: then send().
  std::optional<SubmissionError> check();
  /// Signs and queues; durable when it returns.
  void send();

 private:
  std::optional<SubmissionError> checkForm() const;
  bool beginsWithField() const;
  std::optional<SubmissionError> checkFrom();
  std::optional<SubmissionError> checkFields();
  std::optional<SubmissionError> checkLimits();
  std::string addedFields() const;
  Time release() const;
  std::string signature(std::string_view added) const;
  std::string trace() const;
  std::vector<Mailbox> recipients() const;
  void noteOutgoing();
  bool needsUtf8() const;

  Context& context_;
  const Transaction& transaction_;
  std::shared_ptr<const store::Spool> spool_;
  message::Parsed parsed_;
  bool utf8_ = false;
  std::optional<bool> requireTls_;
  std::map<std::string, std::string> extra_;
  Time now_;
  std::optional<store::Account::OutgoingRoom> room_;  ///< in the account's limits, once they are checked
  std::string messageId_;  ///< ours, if the message has none
};

}  // namespace mox::smtpserver
