#include "smtp/Path.h"

#include "base/Text.h"

namespace mox::smtp {

namespace {

bool isHighByte(char c) { return static_cast<unsigned char>(c) >= 0x80; }

/// RFC 5322 §3.2.3, and UTF8-non-ascii of RFC 6531 §3.3.
bool isAtext(char c) {
  constexpr std::string_view specials = "!#$%&'*+-/=?^_`{|}~";
  return isAlpha(c) || isDigit(c) || specials.find(c) != std::string_view::npos || isHighByte(c);
}

bool isDomainByte(char c) { return isAlpha(c) || isDigit(c) || c == '-' || c == '_' || c == '.' || isHighByte(c); }

/// Quoted-string of RFC 5321 §4.1.2, the opening quote at the scanner. The value without quotes.
Result<std::string> parseQuoted(Scanner& in) {
  in.skip(1);
  std::string out;
  while (!in.atEnd()) {
    char c = in.peek();
    in.skip(1);
    if (c == '"') return out;
    if (c == '\\') {
      c = in.peek();
      if (in.atEnd() || isHighByte(c)) break;  // quoted-pairSMTP is ASCII
      in.skip(1);
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) break;
    out += c;
  }
  return fail(Errc::syntax, "malformed quoted localpart");
}

/// Dot-string. Its dots are checked here: Localpart also holds what must be quoted.
Result<std::string> parseDotString(Scanner& in) {
  auto text = in.takeWhile([](char c) { return isAtext(c) || c == '.'; });
  if (text.empty()) return fail(Errc::syntax, "missing localpart");
  if (text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
    return fail(Errc::syntax, "misplaced dot in localpart");
  return std::string(text);
}

Result<Localpart> parseLocalpart(Scanner& in, const Leniency& leniency) {
  auto text = in.peek() == '"' ? parseQuoted(in) : parseDotString(in);
  if (!text) return tl::unexpected(text.error());
  if (!leniency.longLocalpart && text->size() > strictLocalpartLimit) return fail(Errc::tooLong, "localpart longer than 64 octets");
  return Localpart::make(*text);
}

Result<Host> parseHost(Scanner& in, const Leniency& leniency) {
  if (in.peek() == '[') {
    auto ip = parseAddressLiteral(in);
    if (!ip) return tl::unexpected(ip.error());
    return Host(*ip);
  }
  auto domain = parseDomain(in, leniency);
  if (!domain) return tl::unexpected(domain.error());
  return Host(std::move(*domain));
}

/// "@a,@b:" in front of the mailbox.
Result<bool> skipSourceRoute(Scanner& in, const Leniency& leniency) {
  if (in.peek() != '@') return false;
  do {
    if (!in.take('@')) return fail(Errc::syntax, "malformed source route");
    auto domain = parseDomain(in, leniency);
    if (!domain) return tl::unexpected(domain.error());
  } while (in.take(','));
  if (!in.take(':')) return fail(Errc::syntax, "source route without colon");
  return true;
}

Result<Mailbox> parseMailboxAt(Scanner& in, const Leniency& leniency) {
  auto localpart = parseLocalpart(in, leniency);
  if (!localpart) return tl::unexpected(localpart.error());
  if (!in.take('@')) return fail(Errc::syntax, "address without @");
  auto host = parseHost(in, leniency);
  if (!host) return tl::unexpected(host.error());
  return Mailbox{std::move(*localpart), std::move(*host)};
}

}  // namespace

Result<IpAddress> parseAddressLiteral(Scanner& in) {
  if (!in.take('[')) return fail(Errc::syntax, "missing address literal");
  auto text = in.takeWhile([](char c) { return c != ']'; });
  if (!in.take(']')) return fail(Errc::syntax, "unfinished address literal");
  bool six = startsWithNoCase(text, "IPv6:");
  if (six) text.remove_prefix(5);
  bool looksSix = text.find(':') != std::string_view::npos;
  auto ip = IpAddress::parse(text);
  if (!ip || six != looksSix) return fail(Errc::syntax, "invalid address literal");
  return *ip;
}

Result<Domain> parseDomain(Scanner& in, const Leniency& leniency) {
  auto text = in.takeWhile(isDomainByte);
  if (text.empty()) return fail(Errc::syntax, "missing domain");
  if (text.back() == '.') return fail(Errc::syntax, "trailing dot in domain");
  if (!leniency.underscoreDomain && text.find('_') != std::string_view::npos) return fail(Errc::syntax, "underscore in domain");
  return Domain::make(text);
}

Result<Mailbox> parseMailbox(std::string_view text, const Leniency& leniency) {
  if (text.size() > pathLimit - 2) return fail(Errc::tooLong, "address longer than 254 octets");
  Scanner in(text);
  auto mailbox = parseMailboxAt(in, leniency);
  if (mailbox && !in.atEnd()) return fail(Errc::syntax, "junk after address");
  return mailbox;
}

Result<Path> parsePath(Scanner& in, const Leniency& leniency) {
  const std::string_view all = in.rest();
  if (!in.take('<')) return fail(Errc::syntax, "address must be in angle brackets");
  Path path;
  if (in.take('>')) return path;
  if (startsWithNoCase(in.rest(), "postmaster>")) {
    in.skip(11);
    path.postmaster = true;
    return path;
  }
  auto routed = skipSourceRoute(in, leniency);
  if (!routed) return tl::unexpected(routed.error());
  const std::string_view before = in.rest();
  auto mailbox = parseMailboxAt(in, leniency);
  if (!mailbox) return tl::unexpected(mailbox.error());
  path.ascii = isAscii(before.substr(0, before.size() - in.rest().size()));
  if (!in.take('>')) return fail(Errc::syntax, "address without closing bracket");
  if (all.size() - in.rest().size() > pathLimit) return fail(Errc::tooLong, "path longer than 256 octets");
  path.mailbox = std::move(*mailbox);
  return path;
}

std::string pathText(const ReversePath& path, bool utf8) { return path ? "<" + path->text(utf8) + ">" : "<>"; }

}  // namespace mox::smtp
