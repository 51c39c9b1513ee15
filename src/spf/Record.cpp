#include "spf/Record.h"

#include <algorithm>
#include <array>

#include "base/Text.h"
#include "spf/Macro.h"

namespace mox::spf {

namespace {

constexpr std::string_view version = "v=spf1";
constexpr std::array<std::pair<std::string_view, Mechanism>, 8> mechanisms{{{"all", Mechanism::all},
                                                                           {"include", Mechanism::include},
                                                                           {"a", Mechanism::a},
                                                                           {"mx", Mechanism::mx},
                                                                           {"ptr", Mechanism::ptr},
                                                                           {"ip4", Mechanism::ip4},
                                                                           {"ip6", Mechanism::ip6},
                                                                           {"exists", Mechanism::exists}}};

tl::unexpected<Error> bad(std::string_view what, std::string_view term) {
  return fail(Errc::syntax, std::string(what) + " in \"" + printable(term, 60) + "\"");
}

/// RFC 7208 §12: "0" or a number without leading zero, at most `limit`.
std::optional<unsigned> prefixLength(std::string_view digits, unsigned limit) {
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  auto value = parseUnsigned(digits);
  if (!value || *value > limit) return std::nullopt;
  return static_cast<unsigned>(*value);
}

/// Digits at the end of `text` after `slash`; cut off together if they are there.
std::optional<std::string_view> cutTail(std::string_view& text, std::string_view slash) {
  std::size_t digits = 0;
  while (digits < text.size() && isDigit(text[text.size() - 1 - digits])) ++digits;
  auto head = text.substr(0, text.size() - digits);
  if (digits == 0 || !head.ends_with(slash)) return std::nullopt;
  auto tail = text.substr(head.size());
  text = head.substr(0, head.size() - slash.size());
  return tail;
}

/// dual-cidr-length. What is no prefix length stays: then it must be valid as part of a domain-spec, or is an error there.
bool takeDualPrefix(std::string_view& text, Directive& out) {
  if (auto six = cutTail(text, "//")) {
    auto bits = prefixLength(*six, 128);
    if (!bits) return false;
    out.prefix6 = *bits;
  }
  if (auto four = cutTail(text, "/")) {
    auto bits = prefixLength(*four, 32);
    if (!bits) return false;
    out.prefix4 = *bits;
  }
  return true;
}

Result<void> readNetwork(std::string_view argument, Directive& out) {
  bool v4 = out.mechanism == Mechanism::ip4;
  auto slash = argument.find('/');
  if (slash != std::string_view::npos) {
    auto bits = prefixLength(argument.substr(slash + 1), v4 ? 32 : 128);
    if (!bits) return bad("bad prefix length", out.text);
    (v4 ? out.prefix4 : out.prefix6) = *bits;
  }
  auto text = argument.substr(0, slash);
  bool looksV4 = text.find(':') == std::string_view::npos;
  auto ip = IpAddress::parse(text);
  if (!ip || looksV4 != v4) return bad("bad address", out.text);
  out.network = *ip;
  return {};
}

Result<void> readArguments(std::string_view rest, Directive& out) {
  bool hasArgument = rest.starts_with(':');
  switch (out.mechanism) {
    case Mechanism::all:
      if (!rest.empty()) return bad("argument where none may be", out.text);
      return {};
    case Mechanism::ip4:
    case Mechanism::ip6:
      if (!hasArgument) return bad("missing address", out.text);
      return readNetwork(rest.substr(1), out);
    case Mechanism::a:
    case Mechanism::mx:
      if (!takeDualPrefix(rest, out)) return bad("bad prefix length", out.text);
      break;
    default: break;
  }
  if (!rest.empty()) {
    if (rest[0] != ':') return bad("unexpected text", out.text);
    out.domainSpec = std::string(rest.substr(1));
    if (auto ok = checkDomainSpec(out.domainSpec); !ok) return bad(ok.error().text, out.text);
  }
  bool needsDomain = out.mechanism == Mechanism::include || out.mechanism == Mechanism::exists;
  if (needsDomain && out.domainSpec.empty()) return bad("missing domain", out.text);
  return {};
}

Result<Directive> readDirective(std::string_view term) {
  Directive out;
  out.text = std::string(term);
  if (term.find_first_of("+-~?") == 0) {
    out.qualifier = static_cast<Qualifier>(term[0]);
    term.remove_prefix(1);
  }
  auto name = term.substr(0, term.find_first_of(":/"));
  auto known = std::find_if(mechanisms.begin(), mechanisms.end(), [&](const auto& m) { return equalsNoCase(m.first, name); });
  if (known == mechanisms.end()) return bad("unknown mechanism", out.text);
  out.mechanism = known->second;
  if (auto ok = readArguments(term.substr(name.size()), out); !ok) return tl::unexpected(ok.error());
  return out;
}

/// RFC 7208 §12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ).
bool isModifierName(std::string_view name) {
  return !name.empty() && isAlpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '-' || c == '_' || c == '.'; });
}

Result<void> readModifier(std::string_view term, std::string_view name, std::string_view value, Record& out) {
  bool redirect = equalsNoCase(name, "redirect");
  if (!redirect && !equalsNoCase(name, "exp")) {
    if (auto ok = checkMacroString(value); !ok) return bad(ok.error().text, term);
    return {};
  }
  auto& slot = redirect ? out.redirect : out.explanation;
  if (slot) return bad("repeated modifier", term);
  if (auto ok = checkDomainSpec(value); !ok) return bad(ok.error().text, term);
  slot = std::string(value);
  return {};
}

}  // namespace

std::string_view mechanismName(Mechanism mechanism) {
  for (const auto& [name, value] : mechanisms) {
    if (value == mechanism) return name;
  }
  return "";
}

bool isSpfRecord(std::string_view txt) {
  return startsWithNoCase(txt, version) && (txt.size() == version.size() || txt[version.size()] == ' ');
}

Result<Record> parseRecord(std::string_view txt) {
  if (!isSpfRecord(txt)) return fail(Errc::syntax, "no SPF record");
  if (txt.size() > maxRecordOctets) return fail(Errc::tooLong, "SPF record longer than 8192 octets");
  Record out;
  for (auto term : split(txt.substr(version.size()), ' ')) {
    if (term.empty()) continue;
    auto visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (!std::all_of(term.begin(), term.end(), visible)) return bad("character that is not printable ASCII", term);
    auto equals = term.find('=');
    if (equals != std::string_view::npos && isModifierName(term.substr(0, equals))) {
      if (auto ok = readModifier(term, term.substr(0, equals), term.substr(equals + 1), out); !ok) return tl::unexpected(ok.error());
      continue;
    }
    auto directive = readDirective(term);
    if (!directive) return tl::unexpected(directive.error());
    out.directives.push_back(std::move(*directive));
  }
  return out;
}

}  // namespace mox::spf
