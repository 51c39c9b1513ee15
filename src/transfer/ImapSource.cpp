#include "transfer/ImapSource.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "imap/MailboxName.h"

namespace mox::transfer {

namespace {

using imap::ResponseValue;
using imap::ServerResponse;

/// The words of "[CAPABILITY a b]" in a condition's text, or of an untagged CAPABILITY.
void addCapabilities(std::string_view words, std::vector<std::string>& out) {
  for (auto word : split(words, ' '))
    if (!word.empty()) out.push_back(upper(word));
}

bool has(const std::vector<std::string>& capabilities, std::string_view name) {
  return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
}

/// The value after an item's name in "(UID 7 FLAGS (\Seen))"; null if it is not there.
const ResponseValue* itemOf(const ServerResponse& fetch, std::string_view name) {
  if (fetch.values.size() < 3) return nullptr;
  const auto& items = fetch.values[2].items;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2)
    if (items[i].is(name)) return &items[i + 1];
  return nullptr;
}

bool isFetch(const ServerResponse& said) { return said.values.size() >= 3 && said.values[1].is("FETCH") && said.values[0].number().has_value(); }

/// "* 12 FETCH (... BODY[] {34}": 12.
std::optional<std::uint32_t> bodyOf(std::string_view line) {
  auto words = split(line, ' ');
  if (words.size() < 4 || words[0] != "*" || !equalsNoCase(words[2], "FETCH")) return std::nullopt;
  auto item = words[words.size() - 2];
  while (item.starts_with('(')) item.remove_prefix(1);
  auto number = parseUnsigned(words[1]);
  if (!equalsNoCase(item, "BODY[]") || !number || *number > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<std::pair<std::uint32_t, std::uint32_t>> parseMark(const std::optional<std::string>& mark) {
  auto parts = mark ? cut(*mark, ' ') : std::nullopt;
  auto validity = parts ? parseUnsigned(parts->first) : std::nullopt, uid = parts ? parseUnsigned(parts->second) : std::nullopt;
  if (!validity || !uid) return std::nullopt;
  return std::pair(static_cast<std::uint32_t>(*validity), static_cast<std::uint32_t>(*uid));
}

}  // namespace

ImapSource::ImapSource(ImapConnection& connection, FoundSink& sink, ImapSourceOptions options, bool encrypted)
    : connection_(connection), sink_(sink), options_(std::move(options)), encrypted_(encrypted) {}

Result<void> ImapSource::run(const ServerResponse& greeting) {
  if (auto done = logIn(greeting); !done) return done;
  auto all = folders();
  if (!all) return tl::unexpected(all.error());
  for (const auto& one : *all) {
    sink_.mailbox(one.name);
    auto done = read(one);
    // One mailbox that may not be read is no reason to leave the others.
    if (!done && (done.error().code == Errc::denied || done.error().code == Errc::unsupported)) sink_.problem("mailbox " + printable(one.name), done.error().text);
    else if (!done) return done;
  }
  return {};
}

Result<void> ImapSource::logIn(const ServerResponse& greeting) {
  if (greeting.condition == "PREAUTH") return {};
  std::vector<std::string> capabilities;
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (!said.values.empty() && said.values[0].is("CAPABILITY"))
      for (const auto& value : said.values) addCapabilities(value.text, capabilities);
    return {};
  };
  if (auto asked = connection_.command("CAPABILITY", listener); !asked) return asked;
  if (!encrypted_) return fail(Errc::denied, "the password is not sent over a connection without TLS");
  if (has(capabilities, "AUTH=PLAIN")) {
    auto secret = base64(std::string(1, '\0') + options_.user + std::string(1, '\0') + options_.password);
    return connection_.command("AUTHENTICATE PLAIN", {}, secret);
  }
  auto user = imap::quotedArgument(options_.user), password = imap::quotedArgument(options_.password);
  if (!user || !password) return fail(Errc::unsupported, "the server has no AUTH=PLAIN, and LOGIN takes only ASCII");
  return connection_.command("LOGIN " + *user + " " + *password);
}

std::optional<ImapSource::Folder> ImapSource::folder(const ServerResponse& line) {
  if (line.values.size() < 4 || !line.values[0].is("LIST")) return std::nullopt;
  Folder out;
  out.wireName = line.values[3].text;
  auto decoded = imap::decodeModifiedUtf7(out.wireName).value_or(out.wireName);
  auto delimiter = line.values[2].text;
  for (const auto& attribute : line.values[1].items) {
    if (attribute.is("\\Noselect") || attribute.is("\\NonExistent")) return std::nullopt;
    auto use = options_.specialUses.find(lower(attribute.text));
    if (use != options_.specialUses.end()) out.name = use->second;
  }
  if (!out.name.empty() || equalsNoCase(decoded, "INBOX")) return out;
  // A level of theirs stays a level: their delimiter becomes ours, and a "/" that was none there must not become one.
  for (char& c : decoded) {
    if (delimiter.size() == 1 && c == delimiter[0]) c = '/';
    else if (c == '/') c = '_';
  }
  out.name = decoded;
  return out;
}

Result<std::vector<ImapSource::Folder>> ImapSource::folders() {
  std::vector<Folder> out;
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (auto one = folder(said)) out.push_back(std::move(*one));
    return {};
  };
  auto done = connection_.command("LIST \"\" \"*\"", listener);
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<void> ImapSource::read(const Folder& folder) {
  auto name = imap::quotedArgument(folder.wireName);
  if (!name) return fail(Errc::unsupported, "its name cannot be sent");
  std::uint32_t count = 0, validity = 0;
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (said.values.size() == 2 && said.values[1].is("EXISTS")) count = static_cast<std::uint32_t>(said.values[0].number().value_or(0));
    if (startsWithNoCase(said.text, "[UIDVALIDITY ")) validity = static_cast<std::uint32_t>(parseUnsigned(said.text.substr(13, said.text.find(']') - 13)).value_or(0));
    return {};
  };
  if (auto opened = connection_.command("EXAMINE " + *name, listener); !opened) return opened;
  auto mark = parseMark(options_.mark(folder.wireName));
  std::uint32_t from = 1;
  if (mark && mark->first == validity && validity != 0) {
    auto first = firstAbove(mark->second, count);
    if (!first) return tl::unexpected(first.error());
    from = *first;
  }
  // Sequence numbers stand: no server may tell of removals while only FETCH is asked (RFC 9051 §7.5.1).
  for (; from <= count; from += imapSourceWindow) {
    auto to = std::min(count, from + imapSourceWindow - 1);
    auto listed = list(from, to);
    if (!listed) return tl::unexpected(listed.error());
    if (auto done = bodies(folder, from, to, *listed); !done) return done;
    auto last = listed->empty() ? 0 : listed->rbegin()->second.uid;
    if (last == 0) continue;
    if (auto kept = options_.setMark(folder.wireName, fmt::format("{} {}", validity, last)); !kept) return kept;
  }
  return {};
}

Result<std::uint32_t> ImapSource::firstAbove(std::uint32_t uid, std::uint32_t count) {
  std::uint32_t low = 1, high = count + 1;
  while (low < high) {
    auto middle = low + (high - low) / 2;
    auto one = list(middle, middle);
    if (!one) return tl::unexpected(one.error());
    if (!one->empty() && one->begin()->second.uid <= uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

Result<std::map<std::uint32_t, ImapSource::Listed>> ImapSource::list(std::uint32_t from, std::uint32_t to) {
  std::map<std::uint32_t, Listed> out;
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (!isFetch(said)) return {};
    auto number = static_cast<std::uint32_t>(*said.values[0].number());
    const auto* uid = itemOf(said, "UID");
    if (number < from || number > to || uid == nullptr) return {};  // of somebody else's doing
    auto& one = out[number];
    one.uid = static_cast<std::uint32_t>(uid->number().value_or(0));
    if (const auto* flags = itemOf(said, "FLAGS"))
      for (const auto& flag : flags->items) (void)one.flags.add(flag.text);  // \Recent and unknown ones are not ours to keep
    if (const auto* date = itemOf(said, "INTERNALDATE"))
      if (auto parsed = parseImapDateTime(date->text)) one.received = parsed->time;
    return {};
  };
  auto done = connection_.command(fmt::format("FETCH {}:{} (UID FLAGS INTERNALDATE)", from, to), listener);
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<void> ImapSource::bodies(const Folder& folder, std::uint32_t from, std::uint32_t to, const std::map<std::uint32_t, Listed>& listed) {
  bool tooLong = false;
  auto begin = [&](std::uint32_t number) {
    auto known = listed.find(number);
    if (known == listed.end()) return false;
    const auto& one = known->second;
    sink_.begin({folder.name, one.flags, one.received, fmt::format("{}, UID {}", printable(folder.wireName), one.uid)});
    return true;
  };
  ImapListener listener;
  listener.takesLiteral = [&](std::string_view line, std::uint64_t size) {
    auto number = bodyOf(line);
    tooLong = size > maxMessageBytes;
    return number && begin(*number);
  };
  listener.octets = [&](std::string_view piece) {
    if (!tooLong) sink_.append(piece);
  };
  listener.ended = [&]() -> Result<void> {
    if (!tooLong) return sink_.end({});
    sink_.drop({Errc::tooLong, "longer than a message may be"});
    return {};
  };
  listener.broken = [&](const Error& why) { sink_.drop(why); };
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    // A short message may come as a quoted string.
    const auto* body = isFetch(said) ? itemOf(said, "BODY[]") : nullptr;
    if (body == nullptr || body->kind != ResponseValue::Kind::string || body->text.empty()) return {};
    if (!begin(static_cast<std::uint32_t>(*said.values[0].number()))) return {};
    sink_.append(body->text);
    return sink_.end({});
  };
  return connection_.command(fmt::format("FETCH {}:{} (UID BODY.PEEK[])", from, to), listener);
}

}  // namespace mox::transfer
