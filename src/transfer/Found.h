// What the readers of this room find, and who takes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Result.h"
#include "imap/Flags.h"

namespace mox::transfer {

/// Octets of one imported message; a longer one is left out and named.
inline constexpr std::uint64_t maxMessageBytes = 512ull << 20;

/// A message that begins.
struct Found {
  std::string mailbox;           ///< below the destination, levels divided by "/"; "" is the destination itself
  imap::Flags flags;             ///< what is known before its octets
  std::optional<Time> received;  ///< if the format says
  std::string where;             ///< for people: "in.mbox, octet 1234"
  /// Of a message on another server: its mailbox there, as a number, and its UID. 0: a later import will not follow it.
  std::int64_t source = 0;
  std::uint32_t sourceUid = 0;
};

/// How a stretch of a mailbox on another server is now, as far as an earlier import came.
struct SourceState {
  std::int64_t source = 0;
  std::uint32_t first = 1, last = 0;  ///< UIDs it is about
  std::map<std::uint32_t, imap::Flags> there;
  bool isComplete = false;  ///< what is not in `there` is gone; else nothing is known of it
};

/// Takes messages in order. An error ends the reading; what is merely odd goes to problem() and the rest goes on.
class FoundSink {
 public:
  virtual ~FoundSink() = default;
  virtual void begin(Found found) = 0;
  /// Octets as they are, line ends included.
  virtual void append(std::string_view bytes) = 0;
  /// The message is whole. `flags`: what its octets said beside those of begin().
  virtual Result<void> end(const imap::Flags& flags) = 0;
  /// The message that began is not taken.
  virtual void drop(const Error& reason) = 0;
  /// A mailbox that may have no messages.
  virtual void mailbox(const std::string& name) = 0;
  /// Something odd, beside messages, by which none is lost.
  virtual void problem(const std::string& where, const std::string& reason) = 0;
  /// A mailbox, a folder, a file or so many of them that are mail, or may be, and cannot be read; the others go on, and a
  /// later run may bring them.
  virtual void unread(const std::string& where, const std::string& reason, std::uint64_t count) {
    (void)count;
    problem(where, reason);
  }
};

}  // namespace mox::transfer
