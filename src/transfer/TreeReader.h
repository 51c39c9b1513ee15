// TreeReader: the messages in a folder or an archive of maildirs and mbox files, in any mixture.
//
// A file in a folder "cur" or "new" is a message of a maildir; any other file that begins with "From " is an mbox, and
// its name without ".mbox" a mailbox. What programs keep beside mail is passed over; other files are named as problems.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "transfer/Entries.h"
#include "transfer/Found.h"
#include "transfer/MaildirNames.h"

namespace mox::transfer {

inline constexpr std::size_t maxKeywordFiles = 10'000;          ///< dovecot-keywords in one import
inline constexpr std::size_t maxKeywordFileBytes = 64 * 1024;
inline constexpr std::size_t maxFileProblems = 1'000;           ///< files named as no mail; then only counted

/// Opens the tree anew.
using OpenEntries = std::function<Result<std::unique_ptr<Entries>>()>;

class TreeReader {
 public:
  /// `single`: the only file is an mbox for the destination itself, whatever its name. `sink` outlives the reader.
  TreeReader(OpenEntries open, FoundSink& sink, bool single);
  /// Reads the tree twice: flags first, as an archive may have them behind the messages.
  Result<void> run();

 private:
  Result<void> readKeywords(Entries& entries);
  Result<void> entry(Entries& entries, const Entry& entry);
  Result<void> maildirMessage(Entries& entries, const Entry& entry, const std::string& folder, std::string_view name);
  Result<void> otherFile(Entries& entries, const Entry& entry);
  Result<void> mbox(Entries& entries, const Entry& entry, std::string_view first);
  void folder(const Entry& entry);
  void noMail(const Entry& entry, const std::string& reason);

  OpenEntries open_;
  FoundSink& sink_;
  const bool single_;
  std::map<std::string, MaildirKeywords, std::less<>> keywords_;  ///< by folder
  std::size_t noMail_ = 0;
};

}  // namespace mox::transfer
