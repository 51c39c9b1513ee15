// Names of mailboxes: Unicode NFC, levels divided by "/", "Inbox" in one spelling.
//
// A MailboxName cannot hold anything else: no empty level, no "." or "..", no
// leading "#" or "/", no controls, valid UTF-8. RFC 9051 §5.1.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/Limits.h"
#include "base/Result.h"

namespace mox::imap {

inline constexpr char separator = '/';
/// Of a whole name, in UTF-8.
inline constexpr Limit mailboxNameBytes{"imap-mailbox-name-bytes", 1024, "bytes"};

class MailboxName {
 public:
  /// `utf8` as decoded from the wire. "inbox" in any case, alone or as first level, becomes "Inbox".
  /// Errors are for NO [CANNOT]. tooLong: mailboxNameBytes.
  static Result<MailboxName> parse(std::string_view utf8);
  /// The same, but one "/" at the end is dropped: RFC 9051 §6.3.4 lets CREATE say so.
  static Result<MailboxName> parseForCreate(std::string_view utf8);
  static MailboxName inbox();

  const std::string& text() const { return text_; }
  bool isInbox() const { return text_ == "Inbox"; }
  /// Nothing for a top-level name.
  std::optional<MailboxName> parent() const;
  /// The last level.
  std::string_view leaf() const;
  /// True if `this` is below `ancestor` (not if it is the same).
  bool isWithin(const MailboxName& ancestor) const;
  /// The name this gets when `from`, which it is or is within, becomes `to`.
  Result<MailboxName> renamed(const MailboxName& from, const MailboxName& to) const;

  friend auto operator<=>(const MailboxName&, const MailboxName&) = default;

 private:
  explicit MailboxName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Puts "Inbox" in one spelling where it is the first level; for patterns and names that need not be valid.
std::string canonicalInbox(std::string_view name);

/// RFC 3501 §5.1.3 modified UTF-7. `utf8` must be valid UTF-8.
std::string encodeModifiedUtf7(std::string_view utf8);
/// Strict: nothing for octets outside printable ASCII, unfinished shifts, stray bits, lone surrogates, printable ASCII
/// in base64 and shifts that follow each other: so there is one spelling of each name.
std::optional<std::string> decodeModifiedUtf7(std::string_view text);

}  // namespace mox::imap

template <>
struct std::hash<mox::imap::MailboxName> {
  std::size_t operator()(const mox::imap::MailboxName& name) const noexcept { return std::hash<std::string>{}(name.text()); }
};
