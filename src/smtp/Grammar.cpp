#include "smtp/Grammar.h"

#include <algorithm>
#include <array>

#include "base/Text.h"
#include "base/Unicode.h"
#include "smtp/Path.h"
#include "smtp/Scanner.h"

namespace mox::smtp {

namespace {

struct VerbName {
  Verb verb;
  std::string_view name;
};
constexpr std::array<VerbName, 13> verbNames{{{Verb::helo, "HELO"},
                                              {Verb::ehlo, "EHLO"},
                                              {Verb::startTls, "STARTTLS"},
                                              {Verb::auth, "AUTH"},
                                              {Verb::mail, "MAIL"},
                                              {Verb::rcpt, "RCPT"},
                                              {Verb::data, "DATA"},
                                              {Verb::rset, "RSET"},
                                              {Verb::vrfy, "VRFY"},
                                              {Verb::expn, "EXPN"},
                                              {Verb::help, "HELP"},
                                              {Verb::noop, "NOOP"},
                                              {Verb::quit, "QUIT"}}};

bool isControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string_view withoutTrailingSpace(std::string_view text, const Leniency& leniency) {
  while (leniency.trailingSpace && !text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<HelloArguments> parseHost(std::string_view text, const Leniency& leniency, bool literals) {
  HelloArguments out;
  out.text = printable(text);
  Scanner in(text);
  if (literals && in.peek() == '[') {
    auto ip = parseAddressLiteral(in);
    bool tail = leniency.textAfterLiteral && in.peek() == ' ';
    if (!ip || (!in.atEnd() && !tail)) return std::nullopt;
    out.host = Host(*ip);
    return out;
  }
  if (auto ip = IpAddress::parse(text); leniency.bareIpv6Hello && ip && text.find(':') != std::string_view::npos) {
    out.host = Host(*ip);
    return out;
  }
  auto domain = parseDomain(in, leniency);
  if (!domain || !in.atEnd()) return std::nullopt;
  out.host = Host(*domain);
  return out;
}

Parsed<HelloArguments> parseHello(std::string_view arguments, const Leniency& leniency, bool literals) {
  Scanner in(withoutTrailingSpace(arguments, leniency));
  if (!in.take(' ') && !(leniency.anyHello && in.atEnd())) return badSyntax("missing domain");
  if (auto host = parseHost(in.rest(), leniency, literals)) return *host;
  if (leniency.anyHello) return HelloArguments{std::nullopt, printable(in.rest())};
  return badSyntax(literals ? "need a domain or an address literal" : "need a domain");
}

}  // namespace

std::optional<InputLine> nextLine(std::string_view input, std::size_t limit) {
  auto window = input.substr(0, limit);
  auto end = window.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  auto text = window.substr(0, end);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return InputLine{text, end + 1};
}

bool isOverlong(std::string_view input, std::size_t limit) { return input.size() >= limit && !nextLine(input, limit); }

std::string_view verbName(Verb verb) {
  auto it = std::find_if(verbNames.begin(), verbNames.end(), [&](const VerbName& v) { return v.verb == verb; });
  return it == verbNames.end() ? "(unknown)" : it->name;
}

CommandError unknownCommand() { return {500, "5.5.1", "unknown command"}; }

Parsed<CommandLine> splitCommand(std::string_view line) {
  if (std::any_of(line.begin(), line.end(), isControl)) return refuse(500, "5.5.2", "control character in command");
  CommandLine out;
  auto space = line.find(' ');
  out.name = line.substr(0, space);
  out.arguments = space == std::string_view::npos ? std::string_view() : line.substr(space);
  for (const auto& [verb, name] : verbNames)
    if (equalsNoCase(out.name, name)) out.verb = verb;
  return out;
}

Parsed<HelloArguments> parseHelo(std::string_view arguments, const Leniency& leniency) { return parseHello(arguments, leniency, false); }
Parsed<HelloArguments> parseEhlo(std::string_view arguments, const Leniency& leniency) { return parseHello(arguments, leniency, true); }

Parsed<AuthArguments> parseAuth(std::string_view arguments, const Leniency& leniency) {
  Scanner in(withoutTrailingSpace(arguments, leniency));
  if (!in.take(' ')) return badSyntax("missing mechanism");
  auto name = in.takeWhile([](char c) { return isAlpha(c) || isDigit(c) || c == '-' || c == '_'; });
  constexpr std::size_t maxMechanismName = 20;  // RFC 4422 §3.1
  if (name.empty() || name.size() > maxMechanismName) return badSyntax("malformed mechanism name");
  AuthArguments out{upper(name), std::nullopt};
  if (in.atEnd()) return out;
  auto spaces = in.skipSpaces();
  if (spaces == 0 || (spaces > 1 && !leniency.doubleSpaceAuth)) return badSyntax("need one space before the initial response");
  auto initial = in.rest();
  if (initial.empty() || initial.find(' ') != std::string_view::npos) return badSyntax("malformed initial response");
  out.initial = std::string(initial);
  return out;
}

Parsed<std::string> parseLookup(std::string_view arguments, const Leniency& leniency) {
  auto text = parseOptionalText(arguments, leniency);
  if (text && text->empty()) return badSyntax("missing argument");
  return text;
}

Parsed<std::string> parseOptionalText(std::string_view arguments, const Leniency& leniency) {
  auto text = withoutTrailingSpace(arguments, leniency);
  if (text.empty()) return std::string();
  if (text.front() != ' ') return badSyntax("malformed argument");
  text.remove_prefix(1);
  if (!isPlainUtf8(text)) return badSyntax("argument is not plain UTF-8");
  return std::string(text);
}

Parsed<bool> parseNothing(std::string_view arguments, const Leniency& leniency) {
  if (!withoutTrailingSpace(arguments, leniency).empty()) return badParameter("command takes no parameters");
  return true;
}

}  // namespace mox::smtp
