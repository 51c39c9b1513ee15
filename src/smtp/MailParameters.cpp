// MAIL and RCPT of Grammar.h: paths and ESMTP parameters (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2).

#include <algorithm>
#include <limits>
#include <vector>

#include "base/Date.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "smtp/Grammar.h"
#include "smtp/Path.h"
#include "smtp/Xtext.h"

namespace mox::smtp {

namespace {

struct Parameter {
  std::string name;  ///< upper case
  std::optional<std::string_view> value;
};

/// RFC 5321 §4.1.2 esmtp-param, UTF-8 values as in RFC 6531.
bool isValueByte(char c) { return c != '=' && static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }
bool isKeywordByte(char c) { return isAlpha(c) || isDigit(c) || c == '-'; }

Parsed<std::vector<Parameter>> parseParameters(Scanner& in, const Leniency& leniency) {
  std::vector<Parameter> out;
  while (!in.atEnd()) {
    if (!in.take(' ')) return badSyntax("missing space before parameter");
    if (in.rest().find_first_not_of(' ') == std::string_view::npos && leniency.trailingSpace) break;
    Parameter parameter;
    parameter.name = upper(in.takeWhile(isKeywordByte));
    if (parameter.name.empty() || parameter.name.front() == '-') return badSyntax("malformed parameter");
    if (in.take('=')) {
      parameter.value = in.takeWhile(isValueByte);
      if (parameter.value->empty()) return badParameter("empty parameter value");
    }
    bool twice = std::any_of(out.begin(), out.end(), [&](const Parameter& p) { return p.name == parameter.name; });
    if (twice) return badParameter("parameter given twice");
    out.push_back(std::move(parameter));
  }
  return out;
}

std::optional<CommandError> takeFlag(const Parameter& parameter, bool& flag) {
  if (parameter.value) return CommandError{501, "5.5.4", parameter.name + " takes no value"};
  flag = true;
  return std::nullopt;
}

std::optional<CommandError> badValue(const Parameter& parameter) {
  return CommandError{501, "5.5.4", "invalid value for " + parameter.name};
}

std::optional<CommandError> takeSize(const Parameter& parameter, std::string_view value, MailArguments& out) {
  if (value.empty() || value.size() > maxSizeDigits || !std::all_of(value.begin(), value.end(), isDigit)) return badValue(parameter);
  constexpr auto top = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t size = 0;
  for (char c : value) {
    auto digit = static_cast<std::uint64_t>(c - '0');
    size = size > (top - digit) / 10 ? top : size * 10 + digit;
    if (size == top) break;
  }
  out.size = size;
  return std::nullopt;
}

std::optional<CommandError> takeBody(const Parameter& parameter, std::string_view value, MailArguments& out) {
  if (equalsNoCase(value, "7BIT")) out.body = BodyKind::sevenBit;
  else if (equalsNoCase(value, "8BITMIME")) out.body = BodyKind::eightBitMime;
  else return badValue(parameter);
  return std::nullopt;
}

/// RFC 4954 §5: xtext of a mailbox or "<>". Only looked at for its form; nothing is decided by it.
std::optional<CommandError> takeAuth(const Parameter& parameter, std::string_view value, MailArguments& out) {
  auto text = decodeXtext(value);
  if (!text || !isPlainUtf8(*text)) return badValue(parameter);
  out.auth = *text == "<>" ? "" : *text;
  return std::nullopt;
}

/// RFC 4865 §5: one of the two.
std::optional<CommandError> takeHold(const Parameter& parameter, std::string_view value, MailArguments& out) {
  if (parameter.name == "HOLDFOR") {
    auto seconds = value.size() <= maxHoldForDigits ? parseUnsigned(value) : std::nullopt;
    if (!seconds) return badValue(parameter);
    out.holdFor = static_cast<std::uint32_t>(*seconds);
  } else {
    auto time = parseRfc3339(value);
    if (!time || asciiUpper(value.back()) != 'Z') return badValue(parameter);
    out.holdUntil = *time;
  }
  if (out.holdFor && out.holdUntil) return CommandError{501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other"};
  return std::nullopt;
}

std::optional<CommandError> takeMailParameter(const Parameter& parameter, MailArguments& out) {
  auto value = parameter.value.value_or("");
  if (parameter.name == "SIZE") return takeSize(parameter, value, out);
  if (parameter.name == "BODY") return takeBody(parameter, value, out);
  if (parameter.name == "SMTPUTF8") return takeFlag(parameter, out.smtpUtf8);
  if (parameter.name == "REQUIRETLS") return takeFlag(parameter, out.requireTls);
  if (parameter.name == "AUTH") return takeAuth(parameter, value, out);
  if (parameter.name == "HOLDFOR" || parameter.name == "HOLDUNTIL") return takeHold(parameter, value, out);
  return CommandError{555, "5.3.3", "parameter not recognized"};
}

/// "FROM:" or "TO:" and the path; `enhanced` is what a bad path is called.
Parsed<Path> parsePathArgument(Scanner& in, std::string_view keyword, const char* enhanced, const Leniency& leniency) {
  if (!in.take(' ') || !in.takeNoCase(keyword)) return badSyntax("expected " + std::string(keyword));
  if (leniency.spaceAfterColon) in.skipSpaces();
  auto path = parsePath(in, leniency);
  if (!path) return refuse(501, enhanced, path.error().text);
  return *path;
}

}  // namespace

Parsed<MailArguments> parseMail(std::string_view arguments, const Leniency& leniency) {
  Scanner in(arguments);
  auto path = parsePathArgument(in, "FROM:", "5.1.7", leniency);
  if (!path) return tl::unexpected(path.error());
  if (path->postmaster) return refuse(501, "5.1.7", "sender address without domain");
  MailArguments out;
  out.from = path->mailbox;
  auto parameters = parseParameters(in, leniency);
  if (!parameters) return tl::unexpected(parameters.error());
  for (const auto& parameter : *parameters)
    if (auto error = takeMailParameter(parameter, out)) return tl::unexpected(*error);
  if (!path->ascii && !out.smtpUtf8) return refuse(550, "5.6.7", "address beyond ASCII needs SMTPUTF8");
  return out;
}

Parsed<RcptArguments> parseRcpt(std::string_view arguments, const Leniency& leniency, bool smtpUtf8) {
  Scanner in(arguments);
  auto path = parsePathArgument(in, "TO:", "5.1.3", leniency);
  if (!path) return tl::unexpected(path.error());
  if (!path->mailbox && !path->postmaster) return refuse(501, "5.1.3", "empty recipient address");
  auto parameters = parseParameters(in, leniency);
  if (!parameters) return tl::unexpected(parameters.error());
  if (!parameters->empty()) return refuse(555, "5.3.3", "parameter not recognized");
  if (!path->ascii && !smtpUtf8) return refuse(553, "5.6.7", "address beyond ASCII needs SMTPUTF8");
  return RcptArguments{path->mailbox};
}

std::string commandText(const MailArguments& arguments) {
  std::string out = "MAIL FROM:" + pathText(arguments.from, arguments.smtpUtf8);
  if (arguments.size) out += " SIZE=" + std::to_string(*arguments.size);
  if (arguments.body) out += *arguments.body == BodyKind::sevenBit ? " BODY=7BIT" : " BODY=8BITMIME";
  if (arguments.smtpUtf8) out += " SMTPUTF8";
  if (arguments.requireTls) out += " REQUIRETLS";
  if (arguments.auth) out += " AUTH=" + (arguments.auth->empty() ? std::string("<>") : encodeXtext(*arguments.auth));
  if (arguments.holdFor) out += " HOLDFOR=" + std::to_string(*arguments.holdFor);
  if (arguments.holdUntil) out += " HOLDUNTIL=" + rfc3339(*arguments.holdUntil);
  return out;
}

std::string commandText(const RcptArguments& arguments, bool utf8) {
  return "RCPT TO:" + (arguments.to ? pathText(arguments.to, utf8) : std::string("<postmaster>"));
}

}  // namespace mox::smtp
