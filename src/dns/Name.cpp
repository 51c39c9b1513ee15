#include "dns/Name.h"

#include <algorithm>

#include "base/Text.h"

namespace mox::dns {

Result<std::string> nameToWire(std::string_view absolute) {
  if (absolute.empty() || absolute.back() != '.') return fail(Errc::syntax, "DNS name is not absolute (no final dot)");
  if (absolute == ".") return std::string(1, '\0');
  if (absolute.size() >= maxNameOctets) return fail(Errc::tooLong, "DNS name longer than 255 octets");
  std::string wire;
  wire.reserve(absolute.size() + 1);
  for (auto label : split(absolute.substr(0, absolute.size() - 1), '.')) {
    if (label.empty()) return fail(Errc::syntax, "empty label in DNS name");
    if (label.size() > maxLabelOctets) return fail(Errc::tooLong, "label longer than 63 octets in DNS name");
    wire += static_cast<char>(label.size());
    wire += label;
  }
  wire += '\0';
  return wire;
}

namespace {

void appendLabel(std::string& text, std::string_view label) {
  for (char c : label) {
    auto octet = static_cast<unsigned char>(c);
    if (c == '.' || c == '\\') {
      text += '\\';
      text += c;
    } else if (octet > 0x20 && octet < 0x7f) {
      text += asciiLower(c);
    } else {
      text += '\\';
      text += static_cast<char>('0' + octet / 100);
      text += static_cast<char>('0' + octet / 10 % 10);
      text += static_cast<char>('0' + octet % 10);
    }
  }
  text += '.';
}

}  // namespace

std::optional<std::string> nameFromWire(std::string_view wire) {
  if (wire.empty() || wire.size() > maxNameOctets) return std::nullopt;
  if (wire.size() == 1) return wire[0] == '\0' ? std::optional<std::string>(".") : std::nullopt;
  std::string text;
  std::size_t at = 0;
  while (at < wire.size()) {
    std::size_t length = static_cast<unsigned char>(wire[at++]);
    if (length == 0) return at == wire.size() ? std::optional(text) : std::nullopt;
    if (length > maxLabelOctets || length > wire.size() - at) return std::nullopt;
    appendLabel(text, wire.substr(at, length));
    at += length;
  }
  return std::nullopt;
}

bool sameName(std::string_view a, std::string_view b) { return equalsNoCase(a, b); }

bool isHostName(std::string_view absolute) {
  if (absolute == ".") return true;
  if (!nameToWire(absolute)) return false;
  return std::all_of(absolute.begin(), absolute.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace mox::dns
