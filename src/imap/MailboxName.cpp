#include "imap/MailboxName.h"

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::imap {

namespace {

constexpr std::string_view inboxName = "Inbox";

bool isTooLong(std::string_view name) { return name.size() > static_cast<std::size_t>(mailboxNameBytes.value); }

/// Why the name cannot be, or nothing.
std::string_view defect(std::string_view name) {
  if (name.empty()) return "mailbox name is empty";
  if (isTooLong(name)) return "mailbox name is too long";
  if (!isUtf8(name)) return "mailbox name is not UTF-8";
  if (!isPlainUtf8(name)) return "mailbox name has control characters";
  if (!isNfc(name)) return "mailbox name is not in Unicode normal form C";
  if (name.front() == '#') return "mailbox name starts with #";
  for (auto level : split(name, separator)) {
    if (level.empty()) return "mailbox name has an empty level";
    if (level == "." || level == "..") return "mailbox name has . or .. as a level";
  }
  return {};
}

}  // namespace

std::string canonicalInbox(std::string_view name) {
  std::string out(name);
  bool first = startsWithNoCase(name, inboxName) && (name.size() == inboxName.size() || name[inboxName.size()] == separator);
  if (first) out.replace(0, inboxName.size(), inboxName);
  return out;
}

Result<MailboxName> MailboxName::parse(std::string_view utf8) {
  auto why = defect(utf8);
  if (!why.empty()) return fail(isTooLong(utf8) ? Errc::tooLong : Errc::syntax, std::string(why));
  return MailboxName(canonicalInbox(utf8));
}

Result<MailboxName> MailboxName::parseForCreate(std::string_view utf8) {
  if (utf8.size() > 1 && utf8.back() == separator) utf8.remove_suffix(1);
  return parse(utf8);
}

MailboxName MailboxName::inbox() { return MailboxName(std::string(inboxName)); }

std::optional<MailboxName> MailboxName::parent() const {
  auto at = text_.rfind(separator);
  if (at == std::string::npos) return std::nullopt;
  return MailboxName(text_.substr(0, at));
}

std::string_view MailboxName::leaf() const {
  auto at = text_.rfind(separator);
  return std::string_view(text_).substr(at == std::string::npos ? 0 : at + 1);
}

bool MailboxName::isWithin(const MailboxName& ancestor) const {
  return text_.size() > ancestor.text_.size() && text_.compare(0, ancestor.text_.size(), ancestor.text_) == 0 &&
         text_[ancestor.text_.size()] == separator;
}

Result<MailboxName> MailboxName::renamed(const MailboxName& from, const MailboxName& to) const {
  return parse(to.text_ + text_.substr(from.text_.size()));
}

}  // namespace mox::imap
