// TreeReader: the messages in a folder or an archive of maildirs and mbox files, in any mixture.
//
// A file in a folder "cur" or "new" is a message of a maildir; any other file that begins with "From " is an mbox, and
// its name without ".mbox" a mailbox. What programs keep beside mail and empty files are passed over; other files are
// named as unread: who knows whether they are mail.
//
// A hard link in an archive is what it is a link of under another name (Dovecot makes one of a copied message).
#pragma once

#include <deque>
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
inline constexpr std::size_t maxFileProblems = 1'000;           ///< unread files that are named; then they are only counted
inline constexpr std::size_t maxLinkBytes = 64 << 20;           ///< of memory for the names of hard links
inline constexpr std::size_t maxLinksOfFile = 32;               ///< an archive is read once more for each

/// Opens the tree anew.
using OpenEntries = std::function<Result<std::unique_ptr<Entries>>()>;

class TreeReader {
 public:
  /// `single`: the only file is an mbox for the destination itself, whatever its name. `sink` outlives the reader.
  TreeReader(OpenEntries open, FoundSink& sink, bool single);
  /// Reads the tree twice: flags first, as an archive may have them behind the messages. And again for hard links, whose
  /// octets came when nobody could keep them. Errc::unsupported if there is nothing that is mail, nor may be.
  Result<void> run();

 private:
  struct Link {
    std::string path;
    std::optional<Time> modified;
  };

  Result<void> lookAhead(Entries& entries);
  Result<void> readKeywords(Entries& entries, const Entry& entry);
  void noteLink(const Entry& entry);
  Result<void> readMail();
  Result<void> readLinks();
  Result<bool> readLinksOnce();
  Result<void> entry(Entries& entries, const Entry& entry);
  Result<void> maildirMessage(Entries& entries, const Entry& entry, const std::string& folder, std::string_view name);
  Result<void> otherFile(Entries& entries, const Entry& entry);
  Result<void> mbox(Entries& entries, const Entry& entry, std::string_view first);
  void folder(const Entry& entry);
  void unread(const std::string& path, const std::string& reason);

  OpenEntries open_;
  FoundSink& sink_;
  const bool single_;
  std::map<std::string, MaildirKeywords, std::less<>> keywords_;  ///< by folder
  std::map<std::string, std::deque<Link>, std::less<>> links_;     ///< that have still to be read, by the file they name
  std::size_t linkBytes_ = 0;
  std::uint64_t unread_ = 0;
  bool found_ = false;
};

}  // namespace mox::transfer
