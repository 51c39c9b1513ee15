// Queue: messages on their way out, kept in data/queue until they are delivered, failed or dropped.
//
// One entry a recipient; the recipients of a message share its octets. add() returns when all entries are durable: the
// submitter may be told 250 then, not before. The next attempt of an entry is written before its host is dialled, so a
// crash never makes a storm of retries.
//
// Thread safe. Errors: Result for what callers can cause; store::DatabaseError and store::FileError for the machine.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Result.h"
#include "base/Strong.h"
#include "store/Backup.h"

namespace mox::store {
class Spool;
}

namespace mox::queue {

/// A message to send. What is pointed to must live until add() returns.
struct NewMessage {
  std::string senderAccount;  ///< whose message it is, gets the DSNs; "" for the server's own (no DSNs: mailFrom is null)
  ReversePath mailFrom;
  std::vector<Mailbox> recipients;
  const store::Spool* spool = nullptr;  ///< finished; or
  std::string_view data;                ///< the message itself if there is no spool
  std::string prefix;                   ///< header fields put in front (Received, DKIM-Signature, ...), each ended by CRLF
  std::string messageId;                ///< canonical, as message::Parsed::messageId
  std::string subject;
  bool has8bit = false;
  bool smtpUtf8 = false;                ///< needs SMTPUTF8 (RFC 6531) on the way
  std::optional<bool> requireTls;       ///< true: REQUIRETLS; false: TLS-Required: No (RFC 8689)
  std::optional<Time> notBefore;        ///< FUTURERELEASE (RFC 4865)
  std::string futureReleaseRequest;     ///< "for;..." or "until;..." for DSNs
  std::string transport;                ///< instead of what routes say; "" for those
  std::map<std::string, std::string> extra;  ///< X-Mox-Extra-*
};

/// One try to deliver an entry.
struct Attempt {
  Time start{};
  Duration duration{};
  bool success = false;
  int code = 0;          ///< SMTP code, 0 if none came
  std::string enhanced;  ///< "4.4.1"
  std::string text;      ///< one line, safe to show
  std::string remote;    ///< host name and address dialled
};

/// An entry as it stands.
struct Entry {
  QueueId id;
  QueueId base;  ///< the first entry of the same message
  Time queued{};
  bool hold = false;
  std::string senderAccount;
  ReversePath mailFrom;
  Mailbox recipient;
  int attempts = 0, maxAttempts = 0;
  Time nextAttempt{};
  std::optional<Time> lastAttempt{};
  std::vector<Attempt> results{};
  bool has8bit = false, smtpUtf8 = false;
  std::optional<bool> requireTls{};
  std::uint64_t size = 0;
  std::string messageId{}, subject{}, transport{}, futureReleaseRequest{};
};

/// Which entries: all conditions that are set must hold. (In mox `from` or `to` is enough: who drops what ann sent to bob by
/// that loses all that ann sent.)
struct Filter {
  std::vector<QueueId> ids;
  std::string account;
  std::string from, to;  ///< an address, "@example.org" for a whole domain, or without "@" a part of an address
  std::optional<bool> hold;
  std::optional<std::string> transport;
  std::optional<Time> submittedBefore, submittedAfter, nextAttemptBefore, nextAttemptAfter;
  std::size_t max = 0;  ///< 0 for all
  enum class Sort { nextAttempt, queued } sort = Sort::nextAttempt;
  bool ascending = true;
};

/// What sessions and commands see of the queue; the scheduler behind it is Scheduler.h.
class Queue {
 public:
  virtual ~Queue() = default;

  /// Ids in the order of the recipients.
  virtual std::vector<QueueId> add(const NewMessage& message) = 0;
  virtual std::vector<Entry> list(const Filter& filter) = 0;
  /// Each returns how many entries it changed.
  virtual std::size_t setHold(const Filter& filter, bool hold) = 0;
  /// `fromNow`: the next attempt is now plus `by`, else what it was plus `by`.
  virtual std::size_t schedule(const Filter& filter, Duration by, bool fromNow) = 0;
  virtual std::size_t setTransport(const Filter& filter, const std::string& transport) = 0;
  virtual std::size_t setRequireTls(const Filter& filter, std::optional<bool> requireTls) = 0;
  /// With a DSN to the sender.
  virtual std::size_t fail(const Filter& filter) = 0;
  /// Without a word.
  virtual std::size_t drop(const Filter& filter) = 0;
  /// The message as it would be sent. Errc::notFound.
  virtual Result<std::string> dump(QueueId id) = 0;
  virtual std::size_t size() = 0;
  /// A consistent copy into a folder, while in use; again and again into the same one.
  virtual store::BackupCounts backup(const std::string& directory) = 0;
};

}  // namespace mox::queue
