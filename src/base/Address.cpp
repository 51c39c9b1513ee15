#include "base/Address.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox {

namespace {

/// RFC 5322 §3.2.3, and RFC 6532 §3.2 for bytes above 127.
bool isAtext(char c) {
  constexpr std::string_view specials = "!#$%&'*+-/=?^_`{|}~";
  return isAlpha(c) || isDigit(c) || specials.find(c) != std::string_view::npos || static_cast<unsigned char>(c) >= 0x80;
}

bool isDotString(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || isAtext(c); });
}

/// A localpart may hold a tab or any printable text when quoted, but no other control.
bool hasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

struct Idn2Free {
  void operator()(char* p) const { ::idn2_free(p); }
};
using IdnString = std::unique_ptr<char, Idn2Free>;

bool isLdhLabel(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '-' || c == '_'; });
}

Result<std::string> toAscii(const std::string& text) {
  char* raw = nullptr;
  int rc = ::idn2_to_ascii_8z(text.c_str(), &raw, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT | IDN2_NO_TR46);
  if (rc != IDN2_OK) rc = ::idn2_to_ascii_8z(text.c_str(), &raw, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (rc != IDN2_OK) return fail(Errc::syntax, std::string("invalid internationalized domain name: ") + ::idn2_strerror(rc));
  IdnString hold(raw);
  return lower(raw);
}

}  // namespace

Result<Localpart> Localpart::make(std::string_view text) {
  if (text.empty()) return fail(Errc::syntax, "empty localpart");
  if (hasControl(text)) return fail(Errc::syntax, "control character in localpart");
  if (!isUtf8(text)) return fail(Errc::syntax, "localpart is not valid UTF-8");
  if (!mox::isAscii(text) && !isPlainUtf8(text)) return fail(Errc::syntax, "control or direction character in localpart");
  std::string normal = toNfc(text);
  if (normal.size() > localpartLimit) return fail(Errc::tooLong, "localpart longer than 128 octets");
  return Localpart(std::move(normal));
}

bool Localpart::isAscii() const { return mox::isAscii(text_); }

std::string Localpart::wire() const {
  if (isDotString(text_)) return text_;
  std::string out = "\"";
  for (char c : text_) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

Result<Domain> Domain::make(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty()) return fail(Errc::syntax, "empty domain");
  if (text.size() > 4 * domainLimit || !isUtf8(text) || !isPlainUtf8(text)) return fail(Errc::syntax, "invalid domain name");
  Domain out;
  out.ascii_ = lower(text);
  if (!mox::isAscii(text)) {
    auto ascii = toAscii(std::string(text));
    if (!ascii) return tl::unexpected(ascii.error());
    out.ascii_ = *ascii;
  }
  if (out.ascii_.size() > domainLimit) return fail(Errc::tooLong, "domain longer than 255 octets");
  auto labels = split(out.ascii_, '.');
  if (!std::all_of(labels.begin(), labels.end(), isLdhLabel)) return fail(Errc::syntax, "invalid label in domain name");
  if (out.ascii_.find("xn--") == std::string::npos) return out;
  char* raw = nullptr;
  if (::idn2_to_unicode_8z8z(out.ascii_.c_str(), &raw, IDN2_NONTRANSITIONAL) == IDN2_OK) {
    IdnString hold(raw);
    // A label can decode to what IDNA forbids; such a name only has its ASCII form.
    if (out.ascii_ != raw && isPlainUtf8(raw) && toAscii(raw) == out.ascii_) out.unicode_ = raw;
  }
  return out;
}

bool Domain::isWithin(const Domain& parent) const {
  if (*this == parent) return true;
  const auto& tail = parent.ascii_;
  return ascii_.size() > tail.size() && ascii_.ends_with(tail) && ascii_[ascii_.size() - tail.size() - 1] == '.';
}

std::string Address::text(bool utf8) const { return localpart.wire() + "@" + (utf8 ? domain.unicode() : domain.ascii()); }

Result<Address> Address::parse(std::string_view text) {
  auto at = text.rfind('@');
  if (at == std::string_view::npos) return fail(Errc::syntax, "address without @");
  auto localpart = Localpart::make(unquote(text.substr(0, at)));
  if (!localpart) return tl::unexpected(localpart.error());
  auto domain = Domain::make(text.substr(at + 1));
  if (!domain) return tl::unexpected(domain.error());
  return Address{*localpart, *domain};
}

std::string hostText(const Host& host, bool utf8) {
  if (const auto* ip = std::get_if<IpAddress>(&host)) return ip->literal();
  const auto& domain = std::get<Domain>(host);
  return utf8 ? domain.unicode() : domain.ascii();
}

std::string Mailbox::text(bool utf8) const { return localpart.wire() + "@" + hostText(host, utf8); }

std::optional<Address> Mailbox::address() const {
  if (const auto* domain = std::get_if<Domain>(&host)) return Address{localpart, *domain};
  return std::nullopt;
}

}  // namespace mox
