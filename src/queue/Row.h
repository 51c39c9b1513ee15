// What the parts of the room hand to each other: messages and entries on their way, results. Private to the room.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Address.h"
#include "base/Ip.h"
#include "queue/Queue.h"

namespace mox::queue {

/// A message, without its octets; shared by its entries.
struct MessageRow {
  QueueId id;  ///< that of its first entry
  Time queued{};
  std::string account;
  ReversePath mailFrom;
  bool has8bit = false, smtpUtf8 = false;
  std::string futureRelease, messageId, subject;
  std::uint64_t size = 0;
};
using MessagePtr = std::shared_ptr<const MessageRow>;

/// An address that was dialled for an entry. The host is as in DialHost::name.
struct Dial {
  std::string host;
  IpAddress ip;
  friend bool operator==(const Dial&, const Dial&) = default;
};

/// An entry taken for an attempt: its next attempt is already on disk.
struct Claim {
  QueueId id;
  MessagePtr message;
  Mailbox recipient;
  std::string lane;  ///< of Lanes.h
  int attempts = 0;  ///< with this one
  int maxAttempts = 0;
  Time nextAttempt{};
  std::string transport{};
  std::optional<bool> requireTls{};
  std::vector<Dial> dialled{};  ///< of earlier attempts, oldest first
};

enum class Verdict { delivered, retry, failed };

/// How an attempt went.
struct Record {
  Claim claim;
  Verdict verdict = Verdict::retry;
  Attempt attempt;
  std::string remoteHost;    ///< name for Remote-MTA, "" if nobody answered
  std::vector<Dial> dialled;  ///< in this attempt
};

/// The key of a lane: the recipient's domain in A-labels, or its address literal.
inline std::string laneOf(const Mailbox& recipient) { return hostText(recipient.host, false); }

}  // namespace mox::queue
