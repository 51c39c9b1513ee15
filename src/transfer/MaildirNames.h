// Names in maildirs: flags in file names, keywords in dovecot-keywords, mailboxes in folders' names.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"
#include "imap/Flags.h"

namespace mox::transfer {

/// Letters "a" to "z" of file names: how many keywords a maildir can have.
inline constexpr std::size_t maildirKeywords = 26;
using MaildirKeywords = std::array<std::string, maildirKeywords>;  ///< "" for a letter without meaning

/// Behind a mailbox's name, that of its mbox file.
inline constexpr std::string_view mboxEnd = ".mbox";

/// Flags behind ":2,", ";2," or "!2," (systems without ":" in names). Letters without meaning are passed over.
imap::Flags maildirFlags(std::string_view fileName, const MaildirKeywords& keywords);
/// ":2," and the letters in order; `lost` counts keywords without a letter.
std::string maildirSuffix(const imap::Flags& flags, const MaildirKeywords& keywords, std::size_t& lost);

/// Lines "0 $Junk". Nothing of it can be wrong enough to refuse the rest.
MaildirKeywords parseDovecotKeywords(std::string_view text);
std::string dovecotKeywords(const MaildirKeywords& keywords);
/// Letters for $Junk, $NotJunk, $Phishing and $MDNSent, and for as many of `keywords` as there is room.
MaildirKeywords assignLetters(const std::vector<std::string>& keywords);

/// The mailbox a folder's path below the import's root means, levels divided by "/"; "" is the root. A level that
/// begins with "." is of Maildir++: ".Lists.mox" is Lists/mox, in modified UTF-7. Others are names as folderOf()
/// writes them. A leading "Maildir" is left out. Errc::syntax for what leads out of the tree or is no mailbox name.
Result<std::string> mailboxOfFolder(std::string_view path);
/// The folder for a mailbox: its name, where a level that would mean something else in a maildir (cur, new, tmp,
/// dovecot-keywords, a leading ".") or beside mbox files (x.mbox is the mailbox x) or has "%" is written with %XX.
std::string folderOf(std::string_view mailbox);

}  // namespace mox::transfer
