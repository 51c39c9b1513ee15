// The commands of RFC 5321 §4.1 with the extensions mox speaks, as values.
//
// A server takes a line off its input (nextLine), splits the verb off
// (splitCommand), decides whether the verb is legal in its state, and then has
// the arguments parsed. Errors carry the reply to give. A client makes command
// lines from the same values, so neither side can put a line break into one.
//
// Everything is linear in the line, which is at most maxCommandLine octets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/Address.h"
#include "base/Clock.h"
#include "smtp/CommandError.h"
#include "smtp/Leniency.h"

namespace mox::smtp {

/// Octets of a command line with its end; a longer one is answered 500 5.5.0 and the connection closed.
inline constexpr std::size_t maxCommandLine = 2048;
/// RFC 4954 §4: octets of a line within an AUTH exchange, with its end.
inline constexpr std::size_t maxAuthLine = 12'288;
/// RFC 1870 §3: digits of SIZE.
inline constexpr std::size_t maxSizeDigits = 20;
/// RFC 4865 §5: digits of HOLDFOR.
inline constexpr std::size_t maxHoldForDigits = 9;

/// One line at the start of `input`, ended by CRLF or LF.
struct InputLine {
  std::string_view text;     ///< without line end
  std::size_t consumed = 0;  ///< with it
};
/// Nothing yet if there is no line end within `limit` octets; if input is that long already, the line is too
/// long: see isOverlong().
std::optional<InputLine> nextLine(std::string_view input, std::size_t limit = maxCommandLine);
bool isOverlong(std::string_view input, std::size_t limit = maxCommandLine);

enum class Verb { unknown, helo, ehlo, startTls, auth, mail, rcpt, data, rset, vrfy, expn, help, noop, quit };
std::string_view verbName(Verb verb);

struct CommandLine {
  Verb verb = Verb::unknown;
  std::string_view name;       ///< as sent
  std::string_view arguments;  ///< after the verb, with its leading space
};
/// An error for controls (CR, NUL, ...) anywhere: 500 5.5.2. An unknown verb is no error here.
Parsed<CommandLine> splitCommand(std::string_view line);
/// For RFC 5321 §4.2.4: 500 5.5.1 "unknown command".
CommandError unknownCommand();

struct HelloArguments {
  std::optional<Host> host;  ///< nothing only under Leniency::anyHello
  std::string text;          ///< as sent, printable
};

struct AuthArguments {
  std::string mechanism;               ///< upper case
  std::optional<std::string> initial;  ///< base64 or "=", not checked: sasl::ServerExchange does
};

enum class BodyKind { sevenBit, eightBitMime };

struct MailArguments {
  ReversePath from;
  std::optional<std::uint64_t> size;  ///< RFC 1870; over 2^64-1 becomes 2^64-1
  std::optional<BodyKind> body;       ///< RFC 6152
  bool smtpUtf8 = false;              ///< RFC 6531
  bool requireTls = false;            ///< RFC 8689
  std::optional<std::string> auth;    ///< RFC 4954 §5: decoded mailbox, "" for "<>"
  std::optional<std::uint32_t> holdFor;  ///< RFC 4865, seconds
  std::optional<Time> holdUntil;         ///< RFC 4865
};

struct RcptArguments {
  std::optional<Mailbox> to;  ///< nothing: bare Postmaster
};

Parsed<HelloArguments> parseHelo(std::string_view arguments, const Leniency& leniency);
Parsed<HelloArguments> parseEhlo(std::string_view arguments, const Leniency& leniency);
Parsed<AuthArguments> parseAuth(std::string_view arguments, const Leniency& leniency);
Parsed<MailArguments> parseMail(std::string_view arguments, const Leniency& leniency);
/// `smtpUtf8`: what MAIL said.
Parsed<RcptArguments> parseRcpt(std::string_view arguments, const Leniency& leniency, bool smtpUtf8);
/// VRFY and EXPN: the string, which must be there.
Parsed<std::string> parseLookup(std::string_view arguments, const Leniency& leniency);
/// HELP and NOOP: an optional string.
Parsed<std::string> parseOptionalText(std::string_view arguments, const Leniency& leniency);
/// DATA, RSET, QUIT, STARTTLS.
Parsed<bool> parseNothing(std::string_view arguments, const Leniency& leniency);

/// "MAIL FROM:<a@b> SIZE=7" without line end.
std::string commandText(const MailArguments& arguments);
/// `utf8`: domains as U-labels.
std::string commandText(const RcptArguments& arguments, bool utf8);

}  // namespace mox::smtp
