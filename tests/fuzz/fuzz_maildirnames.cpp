// room: transfer
// Names in maildirs: what is a mailbox becomes a folder that means the same mailbox, suffixes mean the flags they were made of.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "imap/MailboxName.h"
#include "transfer/MaildirNames.h"

using namespace mox;
using namespace mox::transfer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto mailbox = mailboxOfFolder(text); mailbox && !mailbox->empty()) {
    if (!imap::MailboxName::parse(*mailbox)) abort();
    auto again = mailboxOfFolder(folderOf(*mailbox));
    if (!again || *again != *mailbox) abort();
  }
  auto newline = text.find('\n');
  auto keywords = parseDovecotKeywords(newline == text.npos ? std::string_view() : text.substr(newline + 1));
  auto flags = maildirFlags(text.substr(0, newline), keywords);
  std::size_t lost = 0;
  auto letters = assignLetters(flags.keywords);
  auto same = maildirFlags(maildirSuffix(flags, letters, lost), letters);
  if (lost == 0 && same != flags) abort();
  parseDovecotKeywords(dovecotKeywords(keywords));
  return 0;
}
