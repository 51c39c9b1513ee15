// Append: an APPEND under way, one or several messages (RFC 3502), streamed from the client into spools and stored
// together at the end, all or none.
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

class Append {
 public:
  /// Begins with the first stretch of the command.
  Append(Context& context, const imap::Command& command);

  /// A message literal of this size is about to start. True: its octets are welcome (the session sends "+ " if the
  /// literal synchronises). False and the literal synchronises: the session abandons the command and calls refuse().
  bool startMessage(Context& context, const imap::args::AppendMessage& message);
  /// Octets of the literal.
  void take(std::string_view bytes);
  std::uint64_t missing() const { return missing_; }
  bool lastWasUtf8() const { return utf8_; }
  bool isRefused() const { return refusal_.has_value(); }
  /// Answers NO with the reason.
  void refuse(Context& context);
  /// The command line has ended: stores the messages and answers.
  void commit(Context& context);

 private:
  struct Item {
    std::unique_ptr<store::Spool> spool;
    imap::args::AppendMessage arguments;
  };
  void refuseWith(std::string code, std::string text);
  void store(Context& context);

  std::string mailboxName_;
  MailboxId mailbox_;
  UidValidity uidValidity_;
  std::vector<Item> items_;
  std::uint64_t missing_ = 0, total_ = 0;
  bool utf8_ = false;
  struct Refusal {
    std::string code, text;
  };
  std::optional<Refusal> refusal_;
};

}  // namespace mox::imapserver
