// The parts of a mail address as types that cannot hold CR, LF or NUL.
//
// Localpart is kept as meant (unquoted, NFC); Domain in both its A-label and
// U-label form, lower case, without trailing dot. RFC 5321 §4.1.2, RFC 6531.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/Ip.h"
#include "base/Result.h"

namespace mox {

/// RFC 5321 §4.5.3.1.1 says 64 octets; real senders pass it, so 128 unless pedantic.
inline constexpr std::size_t localpartLimit = 128;
/// RFC 5321 §4.5.3.1.2.
inline constexpr std::size_t domainLimit = 255;

class Localpart {
 public:
  /// `text` unquoted. Refuses empty, controls, invalid UTF-8 and more than localpartLimit octets; normalises to NFC.
  static Result<Localpart> make(std::string_view text);

  const std::string& text() const { return text_; }
  bool isAscii() const;
  /// As on the wire: dot-string where it can be, else quoted-string.
  std::string wire() const;

  friend auto operator<=>(const Localpart&, const Localpart&) = default;

 private:
  explicit Localpart(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class Domain {
 public:
  /// A- or U-labels, IDNA 2008 non-transitional. One trailing dot is dropped. Underscores are taken
  /// (service names, some MX targets). No address literals.
  static Result<Domain> make(std::string_view text);

  /// Lower case A-labels: for DNS and for peers without SMTPUTF8.
  const std::string& ascii() const { return ascii_; }
  /// U-labels: for people, and for peers with SMTPUTF8.
  const std::string& unicode() const { return unicode_.empty() ? ascii_ : unicode_; }
  bool isIdn() const { return !unicode_.empty(); }
  /// True if this is `parent` or below it.
  bool isWithin(const Domain& parent) const;

  friend bool operator==(const Domain& a, const Domain& b) { return a.ascii_ == b.ascii_; }
  friend auto operator<=>(const Domain& a, const Domain& b) { return a.ascii_ <=> b.ascii_; }

 private:
  std::string ascii_;
  std::string unicode_;  ///< empty if it is the same as ascii_
};

/// localpart@domain.
struct Address {
  Localpart localpart;
  Domain domain;

  /// "user@example.org" or quoted localpart, domain in A-labels unless `utf8`. A localpart beyond ASCII stays UTF-8.
  std::string text(bool utf8 = true) const;
  bool isAscii() const { return localpart.isAscii(); }
  /// Splits at the last "@"; a quoted localpart is unquoted. For configuration and command lines;
  /// SMTP has its own grammar (smtp/), message headers theirs (message/).
  static Result<Address> parse(std::string_view text);

  friend auto operator<=>(const Address&, const Address&) = default;
};

/// RFC 5321 §4.1.2 domain / address-literal.
using Host = std::variant<Domain, IpAddress>;
/// Domain (A-labels unless `utf8`) or literal in brackets.
std::string hostText(const Host& host, bool utf8 = true);

/// Mailbox of a forward- or reverse-path.
struct Mailbox {
  Localpart localpart;
  Host host;

  std::string text(bool utf8 = true) const;
  std::optional<Address> address() const;
  friend auto operator<=>(const Mailbox&, const Mailbox&) = default;
};

/// RFC 5321 §4.1.2: empty is the null reverse-path "<>".
using ReversePath = std::optional<Mailbox>;

}  // namespace mox

template <>
struct std::hash<mox::Domain> {
  std::size_t operator()(const mox::Domain& d) const noexcept { return std::hash<std::string>{}(d.ascii()); }
};
