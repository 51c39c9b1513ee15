// What goes into the store with a message and what comes out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Strong.h"
#include "message/Parsed.h"
#include "store/Flags.h"

namespace mox::store {

class Spool;

/// How an identity was established; store.md §2. Values are on disk.
enum class Validation : std::uint8_t {
  unknown, strict, dmarc, relaxed, pass, neutral, tempError, permError, fail, softFail, none
};

/// Where a message came from: what reputation looks at later (smtp.md §8). All empty for APPEND.
struct Origin {
  std::optional<IpAddress> remoteIp;  ///< empty also for forwards, whose IP says nothing of the author
  std::string ehloDomain;             ///< A-labels, "" if none
  std::string mailFromLocalpart, mailFromDomain;
  std::string rcptToLocalpart, rcptToDomain;
  std::string msgFromLocalpart, msgFromDomain, msgFromOrgDomain;
  bool ehloValidated = false, mailFromValidated = false, msgFromValidated = false;
  Validation ehloValidation = Validation::unknown, mailFromValidation = Validation::unknown,
             msgFromValidation = Validation::unknown;
  std::vector<std::string> dkimDomains;  ///< of signatures that verified, without repeats
  bool isForward = false, isReject = false;
  /// Mailbox the message was meant for when it was rejected into another one.
  std::optional<MailboxId> destined;
};

/// A message to store. Everything pointed to must live until deliver() returns.
struct NewMessage {
  MailboxId mailbox;
  const Spool* spool = nullptr;  ///< finished; or
  std::string_view data;         ///< the message itself if there is no spool
  std::string prefix;            ///< header fields put in front of it, each ended by CRLF
  const message::Parsed* parsed = nullptr;  ///< of prefix and data
  std::string envelope;                     ///< ENVELOPE ready to send, imap/
  std::string bodyStructure;                ///< BODY ready to send
  std::string bodyStructureExtended;        ///< BODYSTRUCTURE ready to send
  std::string partTree;                     ///< message::encode(parsed->root)
  /// The store adds none but \Seen for a muted thread; $Junk and $NotJunk by mailbox are the caller's.
  Flags flags;
  Time received{};            ///< INTERNALDATE
  std::optional<Time> saved;  ///< SAVEDATE; now if not set
  Origin origin;
};

/// A row of the message table.
struct MessageRow {
  MessageId id;
  MailboxId mailbox, originalMailbox;
  Uid uid;
  ModSeq modSeq, createSeq;
  ContentId content;
  Flags flags;
  std::uint64_t size = 0;
  Time received{}, saved{};
  ThreadId thread;
  std::string messageId, subjectBase;  ///< as in message::Parsed
  bool muted = false, isMailingList = false, isDsn = false;
  Origin origin;
};

/// What is computed once at delivery.
struct Structure {
  std::string envelope, bodyStructure, bodyStructureExtended;
  std::string partTree;  ///< message::decode
  std::string preview;
  std::uint64_t headerSize = 0;  ///< octets up to and including the empty line
};

/// The octets of a message. Immutable and free of the database: may be read while sending to a slow peer,
/// and after the message was expunged. Copies share. Any thread.
class Content {
 public:
  Content() = default;
  std::uint64_t size() const;
  /// Up to `count` octets from `offset`; "" past the end. Throws FileError.
  std::string read(std::uint64_t offset, std::size_t count) const;
  void readInto(std::uint64_t offset, std::size_t count, std::string& out) const;
  /// All octets, contiguous, as long as any copy lives. A large one is mapped (and, if it has a prefix, copied).
  std::string_view view() const;
  explicit operator bool() const { return state_ != nullptr; }

 private:
  friend class Reader;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mox::store
