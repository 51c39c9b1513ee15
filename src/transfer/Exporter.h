// Exporter: an account's mail as maildirs or mbox files, with flags, keywords and dates. Importing it gives the same
// mailboxes and messages again, octet by octet, but for what the formats cannot say: bare LF (becomes CRLF), in an mbox
// the missing line end of a last line, in a maildir more than 26 keywords a mailbox, and keywords such as "junk" (become
// $Junk, as those of other programs do). A folder of maildirs is read in the order of dates; all else keeps the order of UIDs.
//
// The account may be in use: each message is exported as it is at its moment, those that come while a mailbox is
// exported may be in or not. Memory: a few messages. Errors: store::FileError.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/Result.h"
#include "store/Account.h"
#include "store/Accounts.h"
#include "transfer/MaildirNames.h"
#include "transfer/Target.h"

namespace mox::transfer {

/// Messages read of an account at a time, so that no look at the database lasts.
inline constexpr std::size_t exportBatch = 200;

struct ExportOptions {
  enum class Format { maildir, mbox } format = Format::maildir;
  std::string mailbox;  ///< "" for all; Inbox in any case
  bool single = false;  ///< without the mailboxes below it
};

struct ExportCounts {
  std::uint64_t mailboxes = 0, messages = 0, bytes = 0;
  std::uint64_t lostKeywords = 0;  ///< for which a maildir had no letter
};

class Exporter {
 public:
  /// All outlive it. `spools`: for mbox files on their way. `stopping`: see run().
  Exporter(store::Accounts& spools, store::Account& account, Target& target, ExportOptions options, std::function<bool()> stopping = {});
  /// Errc::notFound, syntax (the mailbox), temporary (stopping said so). The target is not finished then.
  Result<ExportCounts> run();

 private:
  bool isWanted(const std::string& name) const;
  Result<void> maildir(const store::MailboxRow& mailbox);
  Result<void> mbox(const store::MailboxRow& mailbox);
  using Each = std::function<void(const store::MessageRow&, std::string_view body)>;
  Result<void> messages(MailboxId mailbox, const Each& each);

  store::Accounts& spools_;
  store::Account& account_;
  Target& target_;
  ExportOptions options_;
  const std::function<bool()> stopping_;
  ExportCounts counts_;
};

}  // namespace mox::transfer
