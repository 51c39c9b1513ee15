#include "spf/Macro.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/Text.h"

namespace mox::spf {

namespace {

constexpr std::string_view delimiters = ".-+,/_=";
constexpr std::string_view domainLetters = "slodipvh";
constexpr std::string_view explanationLetters = "slodipvhcrt";
constexpr std::size_t maxNameText = 253;

/// One piece of a macro string: literal text or a macro.
struct Piece {
  std::string_view literal;  ///< if `letter` is 0
  char letter = 0;           ///< as written
  std::size_t keep = 0;      ///< right-hand parts kept, 0 for all
  bool reverse = false;
  std::string_view split;    ///< delimiters, "" for "."
};

/// "{" letter transformers "}" after the "%". Takes it off `rest`.
Result<Piece> readMacro(std::string_view& rest) {
  auto close = rest.find('}');
  if (close == std::string_view::npos || close < 2) return fail(Errc::syntax, "bad macro");
  auto inside = rest.substr(1, close - 1);
  rest.remove_prefix(close + 1);
  Piece out;
  out.letter = inside[0];
  inside.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < inside.size() && isDigit(inside[digits])) ++digits;
  if (digits > 0) {
    auto keep = parseUnsigned(inside.substr(0, digits));
    if (keep && *keep == 0) return fail(Errc::syntax, "zero in macro");
    // More than any name has parts: the same as all.
    out.keep = keep ? static_cast<std::size_t>(std::min<std::uint64_t>(*keep, maxExpansion)) : maxExpansion;
    inside.remove_prefix(digits);
  }
  if (!inside.empty() && asciiLower(inside[0]) == 'r') {
    out.reverse = true;
    inside.remove_prefix(1);
  }
  if (inside.find_first_not_of(delimiters) != std::string_view::npos) return fail(Errc::syntax, "bad macro");
  out.split = inside;
  return out;
}

Result<Piece> nextPiece(std::string_view& rest) {
  auto percent = rest.find('%');
  if (percent != 0) {
    Piece out;
    out.literal = rest.substr(0, percent);
    rest.remove_prefix(out.literal.size());
    return out;
  }
  rest.remove_prefix(1);
  if (!rest.empty() && rest[0] == '{') return readMacro(rest);
  Piece out;
  if (rest.starts_with('%')) {
    out.literal = "%";
  } else if (rest.starts_with('_')) {
    out.literal = " ";
  } else if (rest.starts_with('-')) {
    out.literal = "%20";
  } else {
    return fail(Errc::syntax, "bad macro");
  }
  rest.remove_prefix(1);
  return out;
}

std::string transform(const Piece& macro, const std::string& value) {
  std::string_view at = macro.split.empty() ? "." : macro.split;
  std::vector<std::string_view> parts;
  std::string_view rest = value;
  for (;;) {
    auto end = rest.find_first_of(at);
    parts.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (macro.reverse) std::reverse(parts.begin(), parts.end());
  std::size_t first = macro.keep > 0 && macro.keep < parts.size() ? parts.size() - macro.keep : 0;
  std::string out;
  for (std::size_t i = first; i < parts.size(); ++i) {
    if (i > first) out += '.';
    out += parts[i];
  }
  return out;
}

/// RFC 7208 §7.3, RFC 3986 §2.3 unreserved.
std::string urlEscape(const std::string& text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (isAlpha(c) || isDigit(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      auto octet = static_cast<unsigned char>(c);
      out += '%';
      out += digits[octet >> 4];
      out += digits[octet & 15];
    }
  }
  return out;
}

Result<void> checkLetters(std::string_view text, std::string_view letters) {
  while (!text.empty()) {
    auto piece = nextPiece(text);
    if (!piece) return tl::unexpected(piece.error());
    if (piece->letter != 0 && letters.find(asciiLower(piece->letter)) == std::string_view::npos) {
      return fail(Errc::syntax, "unknown macro letter");
    }
  }
  return {};
}

/// toplabel: letters, digits and inner hyphens, not all digits.
bool isTopLabel(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  bool nondigit = false;
  for (char c : label) {
    if (!isAlpha(c) && !isDigit(c) && c != '-') return false;
    nondigit = nondigit || !isDigit(c);
  }
  return nondigit;
}

}  // namespace

Result<void> checkMacroString(std::string_view text) { return checkLetters(text, explanationLetters); }

Result<void> checkDomainSpec(std::string_view text) {
  if (text.empty()) return fail(Errc::syntax, "empty domain");
  if (auto ok = checkLetters(text, domainLetters); !ok) return ok;
  // domain-end: a macro-expand ("%{..}", "%%", "%_", "%-") or ".toplabel" and perhaps a dot.
  std::string_view rest = text;
  Piece last;
  bool lastIsLiteral = false;
  while (!rest.empty()) {
    lastIsLiteral = rest[0] != '%';
    last = *nextPiece(rest);
  }
  if (!lastIsLiteral) return {};
  auto end = last.literal;
  if (end.ends_with('.')) end.remove_suffix(1);
  auto dot = end.rfind('.');
  if (dot == std::string_view::npos || !isTopLabel(end.substr(dot + 1))) return fail(Errc::syntax, "bad domain");
  return {};
}

Result<std::string> expandMacros(std::string_view text, MacroUse use, const MacroValue& value) {
  auto letters = use == MacroUse::domain ? domainLetters : explanationLetters;
  if (auto ok = checkLetters(text, letters); !ok) return tl::unexpected(ok.error());
  std::string out;
  while (!text.empty()) {
    auto piece = *nextPiece(text);
    if (piece.letter == 0) {
      out += piece.literal;
    } else {
      auto expanded = transform(piece, value(asciiLower(piece.letter)));
      out += asciiLower(piece.letter) == piece.letter ? expanded : urlEscape(expanded);
    }
    if (out.size() > maxExpansion) return fail(Errc::tooLong, "macro expansion longer than 16384 octets");
  }
  return out;
}

std::string fitDomain(std::string expanded) {
  if (expanded.ends_with('.')) expanded.pop_back();
  while (expanded.size() > maxNameText) {
    auto dot = expanded.find('.');
    if (dot == std::string::npos) break;
    expanded.erase(0, dot + 1);
  }
  return expanded;
}

}  // namespace mox::spf
