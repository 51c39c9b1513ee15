#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Build.h"

namespace mox::config {

namespace {

constexpr std::size_t maxMailboxName = 512;  // octets
constexpr std::size_t maxReplyText = 255;

std::string shown(const std::string& text) { return "\"" + (isPlainUtf8(text) && text.size() <= 200 ? text : printable(text, 200)) + "\""; }

std::string hint(const std::string& text) { return text.ends_with('\r') ? "; the line ends with a carriage return" : ""; }

}  // namespace

std::optional<Domain> checkDomain(Document& file, const Path& path, const std::string& text) {
  auto domain = Domain::make(text);
  if (!domain) {
    file.error(path, shown(text) + " is not a domain: " + domain.error().text + hint(text));
    return std::nullopt;
  }
  if (text.ends_with('.')) file.error(path, "domain must be written without a dot at its end");
  else if (domain->isIdn() && isAscii(text)) file.error(path, "domain must be written in Unicode: " + domain->unicode());
  return *domain;
}

std::optional<Localpart> checkLocalpart(Document& file, const Path& path, const std::string& text) {
  auto localpart = Localpart::make(text);
  if (!localpart) {
    file.error(path, shown(text) + " is not a localpart: " + localpart.error().text + hint(text));
    return std::nullopt;
  }
  return *localpart;
}

std::optional<Pattern> checkPattern(Document& file, const Path& path, const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto pattern = Pattern::make(text);
  if (!pattern) {
    file.error(path, pattern.error().text);
    return std::nullopt;
  }
  return *pattern;
}

void checkMailbox(Document& file, const Path& path, const std::string& name, bool allowInbox) {
  std::string reason;
  if (name.empty()) reason = "is empty";
  else if (name.size() > maxMailboxName) reason = "is longer than 512 octets";
  else if (!isPlainUtf8(name)) reason = "holds a control character" + hint(name);
  else if (!isNfc(name)) reason = "is not in Unicode normalisation form C";
  else if (name.front() == '#') reason = "starts with #";
  else if (name.front() == '/' || name.back() == '/' || name.find("//") != std::string::npos) reason = "has an empty part at a slash";
  else if (!allowInbox && equalsNoCase(name, "Inbox")) reason = "must not be Inbox";
  if (!reason.empty()) file.error(path, "mailbox name " + reason);
}

void checkAccountExists(const Build& b, Document& file, const Path& path, const std::string& name) {
  if (!b.dynamic().accounts.contains(name)) file.error(path, "there is no account " + shown(name) + hint(name));
}

std::uint16_t checkPort(Document& file, const Path& path, std::int64_t port, std::uint16_t standard) {
  if (port < 0 || port > 65535) file.error(path, "port must be from 1 to 65535");
  return port <= 0 || port > 65535 ? standard : static_cast<std::uint16_t>(port);
}

void checkNotNegative(Document& file, const Path& path, std::int64_t value) {
  if (value < 0) file.error(path, "must not be negative");
}

void checkUrl(Document& file, const Path& path, const std::string& text) {
  auto rest = cut(text, ':');
  bool scheme = rest && (equalsNoCase(rest->first, "http") || equalsNoCase(rest->first, "https"));
  bool host = rest && rest->second.starts_with("//") && rest->second.size() > 2 &&
              std::string_view("/?#:").find(rest->second[2]) == std::string_view::npos;
  bool plain = isPlainUtf8(text) && text.find(' ') == std::string::npos;
  if (!scheme || !host || !plain) file.error(path, shown(text) + " is not an http or https URL" + hint(text));
}

void checkReplyText(Document& file, const Path& path, const std::string& text) {
  bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!ascii) file.error(path, "text must be printable ASCII" + hint(text));
  else if (text.size() > maxReplyText) file.error(path, "text must be shorter than 256 characters");
}

std::optional<IpAddress> checkIp(Document& file, const Path& path, const std::string& text) {
  auto ip = IpAddress::parse(text);
  if (!ip) file.error(path, shown(text) + " is not an IP address" + hint(text));
  return ip;
}

}  // namespace mox::config
