// Append: an APPEND or REPLACE under way. The messages, one or several (RFC 3502), are streamed from the client into
// spools and stored together at the end, all or none; REPLACE (RFC 8508) expunges in the same commit.
//
// When it is refused (no such mailbox, quota, ...) and the client sends its octets all the same (LITERAL+), they are
// taken and thrown away, and the refusal is the answer at the end of the command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imap/Command.h"
#include "imapserver/Context.h"
#include "store/Spool.h"

namespace mox::imapserver {

inline constexpr Limit multiAppendMessages{"imap-multiappend-messages", 1000, "messages"};
inline constexpr Limit multiAppendBytes{"imap-multiappend-bytes", 256 << 20, "bytes"};  ///< of all messages but the first
/// Of one message; announced as APPENDLIMIT (RFC 7889). What the store can hold, and the most an rev1 number can say.
inline constexpr Limit appendBytes{"imap-append-bytes", 0xffffffff, "bytes"};
/// Of messages that are refused but come all the same: more than that, and the connection is closed instead.
inline constexpr Limit refusedBytes{"imap-refused-append-bytes", 128 << 20, "bytes"};

/// The message that APPEND or REPLACE begins with; null for other commands.
const imap::args::AppendMessage* firstMessage(const imap::Command& command);

class Append {
 public:
  /// Begins with the first stretch of the command, which has a firstMessage().
  Append(Context& context, const imap::Command& command);

  /// What becomes of a message literal that is about to start.
  enum class Answer {
    welcome,  ///< take() its octets; the session sends "+ " if the literal synchronises
    refused,  ///< if it synchronises, abandon the command and refuse(); else take() its octets for nothing
    tooMuch,  ///< it does not synchronise and is beyond refusedBytes: refuse() and close
  };
  Answer startMessage(Context& context, const imap::args::AppendMessage& message);
  /// Octets of the literal.
  void take(std::string_view bytes);
  std::uint64_t missing() const { return missing_; }
  bool lastWasUtf8() const { return utf8_; }
  /// If another message may follow.
  bool mayContinue() const { return !replaced_; }
  /// Answers with the reason.
  void refuse(Context& context);
  /// The command line has ended: stores the messages and answers.
  void commit(Context& context);

 private:
  struct Item {
    std::unique_ptr<store::Spool> spool;
    imap::args::AppendMessage arguments;
  };
  struct Replaced {
    Uid uid;
    std::uint64_t size = 0;
  };
  struct Refusal {
    bool isBad = false;
    std::string code, text;
  };
  void findMailbox(Context& context);
  void findReplaced(Context& context, const imap::args::Replace& arguments);
  void refuseWith(std::string code, std::string text, bool isBad = false);
  /// Octets that may still be stored; negative is no limit.
  std::int64_t room(Context& context) const;
  /// One more message is past the quota of messages.
  bool tooMany(Context& context) const;
  void checkLimits(Context& context, const imap::args::AppendMessage& message);
  void store(Context& context);
  store::Keywords keywords() const;  ///< of all messages together
  void answer(Context& context, const std::vector<store::Delivered>& delivered);

  std::string mailboxName_;
  MailboxId mailbox_;
  UidValidity uidValidity_;
  std::optional<Replaced> replaced_;
  std::vector<Item> items_;
  std::uint64_t missing_ = 0, total_ = 0, thrownAway_ = 0;
  bool utf8_ = false;
  std::optional<Refusal> refusal_;
};

}  // namespace mox::imapserver
