#include "transfer/TreeReader.h"

#include <algorithm>

#include "base/Text.h"
#include "transfer/MboxReader.h"

namespace mox::transfer {

namespace {

std::pair<std::string_view, std::string_view> splitLast(std::string_view path) {
  auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

constexpr std::string_view keywordsName = "dovecot-keywords";

/// Files that programs keep beside mail, unless what is in them says that they are mail: people have mailboxes of such
/// names, too.
bool isKnownCompanion(std::string_view name) {
  if (name.ends_with(mboxEnd)) return false;
  static constexpr std::string_view whole[] = {"maildirfolder", "subscriptions", ".subscriptions", "maildirsize", ".nova", "errors.txt",
                                               ".DS_Store",     "Thumbs.db",     "desktop.ini",    "popstate.dat", "msgFilterRules.dat", "filterlog.html"};
  static constexpr std::string_view starts[] = {"dovecot", ".dovecot", "courier", ".uid"};
  static constexpr std::string_view ends[] = {".msf", ".lock", ".index", ".cache"};
  return std::find(std::begin(whole), std::end(whole), name) != std::end(whole) ||
         std::any_of(std::begin(starts), std::end(starts), [&](auto start) { return name.starts_with(start); }) ||
         std::any_of(std::begin(ends), std::end(ends), [&](auto end) { return name.ends_with(end); });
}

/// The same however tar wrote it: "./cur/1", "/cur/1", "cur/1".
std::string_view plainPath(std::string_view path) {
  for (;;) {
    if (path.starts_with('/')) path.remove_prefix(1);
    else if (path.starts_with("./")) path.remove_prefix(2);
    else return path;
  }
}

Result<std::string> readAll(Entries& entries, std::size_t atMost) {
  std::string text;
  for (;;) {
    auto piece = entries.read();
    if (!piece) return tl::unexpected(piece.error());
    if (piece->empty() || text.size() > atMost) return text;
    text.append(*piece);
  }
}

}  // namespace

TreeReader::TreeReader(OpenEntries open, FoundSink& sink, bool single) : open_(std::move(open)), sink_(sink), single_(single) {}

Result<void> TreeReader::run() {
  if (!single_) {
    auto first = open_();
    if (!first) return tl::unexpected(first.error());
    if (auto read = lookAhead(**first); !read) return read;
  }
  if (auto read = readMail(); !read) return read;
  if (auto read = readLinks(); !read) return read;
  if (unread_ > maxFileProblems) {
    auto rest = unread_ - maxFileProblems;
    sink_.unread("the rest", std::to_string(rest) + " more files that are not read", rest);
  }
  if (!found_ && unread_ == 0) return fail(Errc::unsupported, "there is no mail: neither a maildir nor an mbox");
  return {};
}

Result<void> TreeReader::lookAhead(Entries& entries) {
  for (;;) {
    auto next = entries.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) return {};
    const auto& entry = **next;
    bool isKeywords = !entry.isFolder && entry.unread.empty() && splitLast(entry.path).second == keywordsName;
    if (isKeywords) {
      if (auto read = readKeywords(entries, entry); !read) return read;
    } else if (!entry.linkTo.empty()) {
      noteLink(entry);
    }
  }
}

Result<void> TreeReader::readKeywords(Entries& entries, const Entry& entry) {
  if (keywords_.size() >= maxKeywordFiles) return fail(Errc::syntax, "too many dovecot-keywords files");
  auto folder = splitLast(entry.path).first;
  if (!entry.linkTo.empty()) {
    auto same = keywords_.find(splitLast(entry.linkTo).first);
    if (same != keywords_.end()) keywords_.emplace(folder, same->second);
    else unread(entry.path, "a hard link of a file that is not there");
    return {};
  }
  auto text = readAll(entries, maxKeywordFileBytes);
  if (!text) return tl::unexpected(text.error());
  keywords_.emplace(folder, parseDovecotKeywords(*text));
  return {};
}

void TreeReader::noteLink(const Entry& entry) {
  linkBytes_ += entry.path.size() + entry.linkTo.size() + sizeof(Link) + sizeof(decltype(links_)::value_type);
  if (linkBytes_ > maxLinkBytes) return unread(entry.path, "a hard link, of which there are too many");
  links_[std::string(plainPath(entry.linkTo))].push_back({entry.path, entry.modified});
}

Result<void> TreeReader::readMail() {
  auto entries = open_();
  if (!entries) return tl::unexpected(entries.error());
  for (;;) {
    auto next = (*entries)->next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) return {};
    if (!(*next)->linkTo.empty()) continue;
    if (auto done = entry(**entries, **next); !done) return done;
  }
}

Result<void> TreeReader::readLinks() {
  for (std::size_t turn = 0; turn < maxLinksOfFile && !links_.empty(); ++turn) {
    auto some = readLinksOnce();
    if (!some) return tl::unexpected(some.error());
    if (!*some) break;
  }
  for (const auto& [file, links] : links_)
    for (const auto& link : links) unread(link.path, "a hard link of " + printable(file) + ", which is not there, or has too many");
  return {};
}

/// A link of each file that has some; false if there was no such file.
Result<bool> TreeReader::readLinksOnce() {
  auto entries = open_();
  if (!entries) return tl::unexpected(entries.error());
  bool some = false;
  while (!links_.empty()) {
    auto next = (*entries)->next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    const auto& file = **next;
    auto links = file.isFolder || !file.unread.empty() || !file.linkTo.empty() ? links_.end() : links_.find(plainPath(file.path));
    if (links == links_.end()) continue;
    some = true;
    auto link = std::move(links->second.front());
    links->second.pop_front();
    if (links->second.empty()) links_.erase(links);
    if (auto done = entry(**entries, Entry{link.path, link.modified}); !done) return tl::unexpected(done.error());
  }
  return some;
}

Result<void> TreeReader::entry(Entries& entries, const Entry& entry) {
  if (single_) return mbox(entries, entry, {});
  if (entry.isFolder) return folder(entry), Result<void>();
  auto [parent, name] = splitLast(entry.path);
  auto [folder, kind] = splitLast(parent);
  if (kind == "tmp") return {};
  if (!entry.unread.empty()) {
    if (!isKnownCompanion(name) || name == keywordsName) unread(entry.path, entry.unread);
    return {};
  }
  if (kind == "cur" || kind == "new") return maildirMessage(entries, entry, std::string(folder), name);
  return otherFile(entries, entry);
}

/// A maildir without messages is a mailbox all the same.
void TreeReader::folder(const Entry& entry) {
  if (!entry.unread.empty()) return unread("folder " + entry.path, entry.unread);
  auto [parent, name] = splitLast(entry.path);
  if (name != "cur") return;
  found_ = true;
  if (auto mailbox = mailboxOfFolder(parent)) sink_.mailbox(*mailbox);
  else unread(entry.path, mailbox.error().text);
}

Result<void> TreeReader::maildirMessage(Entries& entries, const Entry& entry, const std::string& folder, std::string_view name) {
  if (name.starts_with('.')) return {};
  found_ = true;
  auto mailbox = mailboxOfFolder(folder);
  if (!mailbox) return unread(entry.path, mailbox.error().text), Result<void>();
  static const MaildirKeywords none{};
  auto keywords = keywords_.find(folder);
  sink_.begin({*mailbox, maildirFlags(name, keywords == keywords_.end() ? none : keywords->second), entry.modified, printable(entry.path)});
  std::uint64_t size = 0;
  for (;;) {
    auto piece = entries.read();
    if (!piece && piece.error().code == Errc::notFound) return sink_.drop({Errc::notFound, "gone or renamed meanwhile"}), Result<void>();
    if (!piece) {
      sink_.drop(piece.error());
      return piece.error().code == Errc::denied ? Result<void>() : tl::unexpected(piece.error());
    }
    if (piece->empty()) break;
    size += piece->size();
    if (size > maxMessageBytes) return sink_.drop({Errc::tooLong, "a message of more than " + std::to_string(maxMessageBytes) + " octets"}), Result<void>();
    sink_.append(*piece);
  }
  if (size == 0) return sink_.drop({Errc::syntax, "an empty file"}), Result<void>();
  return sink_.end({});
}

Result<void> TreeReader::otherFile(Entries& entries, const Entry& entry) {
  auto first = entries.read();
  if (!first && first.error().code != Errc::denied && first.error().code != Errc::notFound) return tl::unexpected(first.error());
  auto name = splitLast(entry.path).second;
  if (first && (first->starts_with("From ") || (first->empty() && name.ends_with(mboxEnd)))) return mbox(entries, entry, *first);
  if (isKnownCompanion(name)) return {};
  if (!first) unread(entry.path, first.error().text);
  else if (!first->empty()) unread(entry.path, "neither a message of a maildir nor an mbox");
  return {};
}

Result<void> TreeReader::mbox(Entries& entries, const Entry& entry, std::string_view first) {
  found_ = true;
  std::string_view path = entry.path;
  if (path.ends_with(mboxEnd)) path.remove_suffix(mboxEnd.size());
  auto mailbox = single_ ? Result<std::string>("") : mailboxOfFolder(path);
  if (!mailbox) return unread(entry.path, mailbox.error().text), Result<void>();
  sink_.mailbox(*mailbox);
  MboxReader reader(sink_, *mailbox, printable(entry.path));
  if (auto fed = reader.feed(first); !fed) return fed;
  for (;;) {
    auto piece = entries.read();
    if (!piece) return tl::unexpected(piece.error());
    if (piece->empty()) return reader.finish();
    if (auto fed = reader.feed(*piece); !fed) return fed;
  }
}

void TreeReader::unread(const std::string& path, const std::string& reason) {
  if (++unread_ <= maxFileProblems) sink_.unread(printable(path), reason, 1);
}

}  // namespace mox::transfer
