#include "store/Mailbox.h"

#include "base/Text.h"
#include "base/Unicode.h"
#include "imap/MailboxName.h"

namespace mox::store {

Result<void> checkMailboxName(std::string_view name) {
  if (name.empty()) return fail(Errc::syntax, "empty mailbox name");
  if (name.size() > static_cast<std::size_t>(imap::mailboxNameBytes.value)) return fail(Errc::tooLong, "mailbox name too long");
  if (!isPlainUtf8(name) || !isNfc(name)) return fail(Errc::syntax, "mailbox name with controls or not in Unicode normal form C");
  if (name.front() == '#') return fail(Errc::syntax, "mailbox name begins with #");
  bool first = true;
  for (auto part : split(name, '/')) {
    if (part.empty() || part == "." || part == "..") return fail(Errc::syntax, "mailbox name with an empty, \".\" or \"..\" level");
    if (first && equalsNoCase(part, "Inbox") && part != "Inbox") return fail(Errc::syntax, "Inbox must be spelled Inbox");
    first = false;
  }
  return {};
}

std::string_view parentName(std::string_view name) {
  auto slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

bool isBelow(std::string_view name, std::string_view ancestor) {
  return name.size() > ancestor.size() && name[ancestor.size()] == '/' && name.substr(0, ancestor.size()) == ancestor;
}

}  // namespace mox::store
