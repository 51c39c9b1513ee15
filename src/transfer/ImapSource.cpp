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

imap::Flags flagsOf(const ServerResponse& fetch) {
  imap::Flags out;
  if (const auto* flags = itemOf(fetch, "FLAGS"))
    for (const auto& flag : flags->items) (void)out.add(flag.text);  // \\Recent and unknown ones are not ours to keep
  return out;
}

/// The number of "[NAME 12] text"; 0 if the text has another code.
std::uint64_t codeNumber(std::string_view text, std::string_view name) {
  auto start = "[" + std::string(name) + " ";
  if (!startsWithNoCase(text, start)) return 0;
  text.remove_prefix(start.size());
  return parseUnsigned(text.substr(0, text.find(']'))).value_or(0);
}

}  // namespace

ImapSource::ImapSource(ImapConnection& connection, FoundSink& sink, ImapSourceOptions options, bool encrypted)
    : connection_(connection), sink_(sink), options_(std::move(options)), encrypted_(encrypted) {}

Result<void> ImapSource::run(const ServerResponse& greeting) {
  if (auto done = logIn(greeting); !done) return done;
  if (auto asked = askCapabilities(); !asked) return asked;  // there may be more once it knows who asks
  if (auto done = enableUtf8(); !done) return done;
  auto all = folders();
  if (!all) return tl::unexpected(all.error());
  for (const auto& one : *all) {
    sink_.mailbox(one.name);
    auto done = read(one);
    // One mailbox that may not be read is no reason to leave the others.
    if (!done && (done.error().code == Errc::denied || done.error().code == Errc::unsupported)) sink_.unread("mailbox " + printable(one.name), done.error().text, 1);
    else if (!done) return done;
  }
  return {};
}

Result<void> ImapSource::askCapabilities() {
  capabilities_.clear();
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (!said.values.empty() && said.values[0].is("CAPABILITY"))
      for (const auto& value : said.values) addCapabilities(value.text, capabilities_);
    return {};
  };
  return connection_.command("CAPABILITY", listener);
}

Result<void> ImapSource::logIn(const ServerResponse& greeting) {
  if (greeting.condition == "PREAUTH") return {};
  if (auto asked = askCapabilities(); !asked) return asked;
  if (!encrypted_) return fail(Errc::denied, "the password is not sent over a connection without TLS");
  if (has(capabilities_, "AUTH=PLAIN")) {
    auto secret = base64(std::string(1, '\0') + options_.user + std::string(1, '\0') + options_.password);
    return connection_.command("AUTHENTICATE PLAIN", {}, secret);
  }
  auto user = imap::quotedArgument(options_.user), password = imap::quotedArgument(options_.password);
  if (!user || !password) return fail(Errc::unsupported, "the server has no AUTH=PLAIN, and LOGIN takes only ASCII");
  return connection_.command("LOGIN " + *user + " " + *password);
}

Result<void> ImapSource::enableUtf8() {
  if (!has(capabilities_, "ENABLE")) return {};
  const char* wanted = has(capabilities_, "UTF8=ACCEPT") ? "UTF8=ACCEPT" : has(capabilities_, "IMAP4REV2") ? "IMAP4rev2" : nullptr;
  if (wanted == nullptr) return {};
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (!said.values.empty() && said.values[0].is("ENABLED"))
      for (const auto& value : said.values) utf8_ = utf8_ || value.is(wanted);
    return {};
  };
  return connection_.command(std::string("ENABLE ") + wanted, listener);
}

std::optional<ImapSource::Folder> ImapSource::folder(const ServerResponse& line) {
  if (line.values.size() < 4 || !line.values[0].is("LIST")) return std::nullopt;
  Folder out;
  out.wireName = line.values[3].text;
  auto decoded = utf8_ ? out.wireName : imap::decodeModifiedUtf7(out.wireName).value_or(out.wireName);
  out.key = utf8_ ? imap::encodeModifiedUtf7(out.wireName) : out.wireName;
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

Result<ImapSource::Opened> ImapSource::open(const Folder& folder) {
  auto name = imap::quotedArgument(folder.wireName, utf8_);
  if (!name) return fail(Errc::unsupported, "its name cannot be sent");
  Opened out;
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (said.values.size() == 2 && said.values[1].is("EXISTS")) out.count = static_cast<std::uint32_t>(said.values[0].number().value_or(0));
    if (auto number = codeNumber(said.text, "UIDVALIDITY")) out.validity = static_cast<std::uint32_t>(number);
    if (auto number = codeNumber(said.text, "HIGHESTMODSEQ")) out.modSeq = number;
    return {};
  };
  bool condstore = has(capabilities_, "CONDSTORE") || has(capabilities_, "QRESYNC");
  if (auto done = connection_.command("EXAMINE " + *name + (condstore ? " (CONDSTORE)" : ""), listener); !done) return tl::unexpected(done.error());
  if (!condstore) out.modSeq = 0;
  return out;
}

/// "uidvalidity uid modseq"; the first versions had no modseq.
std::optional<ImapSource::Mark> ImapSource::parseMark(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  auto words = split(*text, ' ');
  if (words.size() < 2) return std::nullopt;
  auto validity = parseUnsigned(words[0]), uid = parseUnsigned(words[1]);
  if (!validity || !uid) return std::nullopt;
  auto modSeq = words.size() > 2 ? parseUnsigned(words[2]).value_or(0) : 0;
  return Mark{static_cast<std::uint32_t>(*validity), static_cast<std::uint32_t>(*uid), modSeq};
}

Result<void> ImapSource::setMark(const Folder& folder, const Opened& opened, std::uint32_t uid) {
  return options_.setMark(folder.key, fmt::format("{} {} {}", opened.validity, uid, opened.modSeq));
}

Result<void> ImapSource::read(const Folder& folder) {
  auto opened = open(folder);
  if (!opened) return tl::unexpected(opened.error());
  auto mark = parseMark(options_.mark(folder.key));
  std::uint32_t from = 1;
  if (mark && mark->validity == opened->validity && opened->validity != 0) {
    auto first = firstAbove(mark->uid, opened->count);
    if (!first) return tl::unexpected(first.error());
    from = *first;
    if (auto done = follow(folder, *opened, *mark, from - 1); !done) return done;
    if (auto kept = setMark(folder, *opened, mark->uid); !kept) return kept;
  } else if (mark) {
    options_.forget(options_.number(folder.key, mark->validity));
  }
  // Sequence numbers stand: no server may tell of removals while only FETCH is asked (RFC 9051 §7.5.1).
  for (; from <= opened->count; from += imapSourceWindow) {
    auto to = std::min(opened->count, from + imapSourceWindow - 1);
    auto listed = list(from, to);
    if (!listed) return tl::unexpected(listed.error());
    if (auto done = bodies(folder, *opened, from, to, *listed); !done) return done;
    auto last = listed->empty() ? 0 : listed->rbegin()->second.uid;
    if (last == 0) continue;
    if (auto kept = setMark(folder, *opened, last); !kept) return kept;
  }
  return {};
}

Result<void> ImapSource::follow(const Folder& folder, const Opened& opened, const Mark& mark, std::uint32_t known) {
  auto source = options_.number(folder.key, opened.validity);
  bool canAskForChanges = opened.modSeq != 0 && mark.modSeq != 0;
  bool isUnchanged = canAskForChanges && opened.modSeq == mark.modSeq;
  // The mark may be of a run that looked for no removals, so they are never known to be unchanged.
  if (!options_.wantsRemovals && isUnchanged) return {};
  if (!options_.wantsRemovals && canAskForChanges) return followChanged(source, mark);
  return followAll(source, opened, mark, known);
}

Result<void> ImapSource::followChanged(std::int64_t source, const Mark& mark) {
  SourceState state{source, 1, mark.uid, {}, false};
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    const auto* uid = isFetch(said) ? itemOf(said, "UID") : nullptr;
    if (uid == nullptr || itemOf(said, "FLAGS") == nullptr) return {};
    state.there[static_cast<std::uint32_t>(uid->number().value_or(0))] = flagsOf(said);
    if (state.there.size() < imapFollowWindow) return {};
    auto done = options_.follow(state);
    state.there.clear();
    return done;
  };
  auto done = connection_.command(fmt::format("UID FETCH 1:{} (UID FLAGS) (CHANGEDSINCE {})", mark.uid, mark.modSeq), listener);
  return done ? options_.follow(state) : done;
}

/// What is not told, whatever the reason, is not known to be gone; nor is what comes after it, whose place nobody knows.
Result<void> ImapSource::followAll(std::int64_t source, const Opened& opened, const Mark& mark, std::uint32_t known) {
  auto isWhole = endsAt(opened, mark, known);
  if (!isWhole) return tl::unexpected(isWhole.error());
  std::uint32_t next = 1;  // UID
  for (std::uint32_t from = 1; from <= known; from += imapFollowWindow) {
    auto to = std::min(known, from + imapFollowWindow - 1);
    auto listed = list(from, to, "UID FLAGS");
    if (!listed) return tl::unexpected(listed.error());
    SourceState state{source, next, mark.uid, {}, false};
    for (const auto& [number, one] : *listed) state.there[one.uid] = one.flags;
    *isWhole = *isWhole && state.there.size() == to - from + 1 && !state.there.contains(0);
    state.isComplete = *isWhole;
    if (state.there.empty()) continue;
    if (to < known) state.last = state.there.rbegin()->first;
    if (auto done = options_.follow(state); !done) return done;
    next = state.last + 1;
  }
  if (known > 0 || !*isWhole) return {};
  return options_.follow({source, next, mark.uid, {}, true});  // all are gone
}

/// Whether the message after the first `known` is surely above the mark.
Result<bool> ImapSource::endsAt(const Opened& opened, const Mark& mark, std::uint32_t known) {
  if (known >= opened.count) return true;
  auto after = list(known + 1, known + 1, "UID FLAGS");
  if (!after) return tl::unexpected(after.error());
  return !after->empty() && after->begin()->second.uid > mark.uid;
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

Result<std::map<std::uint32_t, ImapSource::Listed>> ImapSource::list(std::uint32_t from, std::uint32_t to, std::string_view items) {
  std::map<std::uint32_t, Listed> out;
  ImapListener listener;
  listener.untagged = [&](const ServerResponse& said) -> Result<void> {
    if (!isFetch(said)) return {};
    auto number = static_cast<std::uint32_t>(*said.values[0].number());
    const auto* uid = itemOf(said, "UID");
    if (number < from || number > to || uid == nullptr) return {};  // of somebody else's doing
    auto& one = out[number];
    one.uid = static_cast<std::uint32_t>(uid->number().value_or(0));
    if (itemOf(said, "FLAGS") != nullptr) one.flags = flagsOf(said);
    if (const auto* date = itemOf(said, "INTERNALDATE"))
      if (auto parsed = parseImapDateTime(date->text)) one.received = parsed->time;
    return {};
  };
  auto done = connection_.command(fmt::format("FETCH {}:{} ({})", from, to, items), listener);
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<void> ImapSource::bodies(const Folder& folder, const Opened& opened, std::uint32_t from, std::uint32_t to, const std::map<std::uint32_t, Listed>& listed) {
  bool tooLong = false;
  auto source = opened.validity == 0 ? 0 : options_.number(folder.key, opened.validity);
  auto begin = [&](std::uint32_t number) {
    auto known = listed.find(number);
    if (known == listed.end()) return false;
    const auto& one = known->second;
    sink_.begin({folder.name, one.flags, one.received, fmt::format("{}, UID {}", printable(folder.wireName), one.uid), source, one.uid});
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
