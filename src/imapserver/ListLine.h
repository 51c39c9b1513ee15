// A LIST response about one mailbox, RFC 9051 §7.3.1: as CREATE, RENAME and NOTIFY tell of it.
#pragma once

#include <optional>
#include <string>

#include "imap/Output.h"
#include "store/Mailbox.h"

namespace mox::imapserver {

/// What is told of a name.
struct ListName {
  std::string name;
  const store::MailboxRow* row = nullptr;  ///< null: there is no such mailbox
  bool subscribed = false;
  /// OLDNAME, RFC 9051 §6.3.9.7: what it was called before, or as the client spelled it.
  std::optional<std::string> oldName;
  bool tellChildren = true;
};

/// Appends "* LIST (\HasChildren \Subscribed \Sent) "/" name\r\n".
void writeListLine(std::string& out, const ListName& entry, imap::OutputMode mode);
/// The start of that, up to and with the name; `attributes` without parentheses.
void openListLine(std::string& out, std::string_view attributes, std::string_view name, imap::OutputMode mode);

}  // namespace mox::imapserver
