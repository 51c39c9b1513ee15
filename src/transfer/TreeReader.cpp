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

/// Files that programs keep beside mail.
bool isKnownCompanion(std::string_view name) {
  static constexpr std::string_view whole[] = {"maildirfolder", "subscriptions", ".subscriptions", "maildirsize", ".nova", "errors.txt"};
  static constexpr std::string_view starts[] = {"dovecot", ".dovecot", "courier", ".uid"};
  static constexpr std::string_view ends[] = {".msf", ".lock", ".index", ".cache"};
  return std::find(std::begin(whole), std::end(whole), name) != std::end(whole) ||
         std::any_of(std::begin(starts), std::end(starts), [&](auto start) { return name.starts_with(start); }) ||
         std::any_of(std::begin(ends), std::end(ends), [&](auto end) { return name.ends_with(end); });
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
    if (auto read = readKeywords(**first); !read) return read;
  }
  auto entries = open_();
  if (!entries) return tl::unexpected(entries.error());
  for (;;) {
    auto next = (*entries)->next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    if (auto done = entry(**entries, **next); !done) return done;
  }
  if (noMail_ > maxFileProblems) sink_.problem("the rest", std::to_string(noMail_ - maxFileProblems) + " more files that are no mail");
  return {};
}

Result<void> TreeReader::readKeywords(Entries& entries) {
  for (;;) {
    auto next = entries.next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) return {};
    auto [folder, name] = splitLast((*next)->path);
    if ((*next)->isFolder || name != "dovecot-keywords") continue;
    if (keywords_.size() >= maxKeywordFiles) return fail(Errc::syntax, "too many dovecot-keywords files");
    auto text = readAll(entries, maxKeywordFileBytes);
    if (!text) return tl::unexpected(text.error());
    keywords_.emplace(folder, parseDovecotKeywords(*text));
  }
}

Result<void> TreeReader::entry(Entries& entries, const Entry& entry) {
  if (single_) return mbox(entries, entry, {});
  if (entry.isFolder) return folder(entry), Result<void>();
  auto [parent, name] = splitLast(entry.path);
  auto [folder, kind] = splitLast(parent);
  if (kind == "cur" || kind == "new") return maildirMessage(entries, entry, std::string(folder), name);
  if (kind == "tmp" || isKnownCompanion(name)) return {};
  return otherFile(entries, entry);
}

/// A maildir without messages is a mailbox all the same.
void TreeReader::folder(const Entry& entry) {
  if (!entry.unread.empty()) return sink_.unread("folder " + printable(entry.path), entry.unread);
  auto [parent, name] = splitLast(entry.path);
  if (name != "cur") return;
  if (auto mailbox = mailboxOfFolder(parent)) sink_.mailbox(*mailbox);
  else noMail(entry, mailbox.error().text);
}

Result<void> TreeReader::maildirMessage(Entries& entries, const Entry& entry, const std::string& folder, std::string_view name) {
  if (name.starts_with('.')) return {};
  auto mailbox = mailboxOfFolder(folder);
  if (!mailbox) return noMail(entry, mailbox.error().text), Result<void>();
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
  if (!first) return noMail(entry, first.error().text), Result<void>();
  bool isMbox = first->starts_with("From ") || (first->empty() && entry.path.ends_with(".mbox"));
  if (!isMbox) return noMail(entry, "neither a message of a maildir nor an mbox"), Result<void>();
  return mbox(entries, entry, *first);
}

Result<void> TreeReader::mbox(Entries& entries, const Entry& entry, std::string_view first) {
  std::string_view path = entry.path;
  if (path.ends_with(".mbox")) path.remove_suffix(5);
  auto mailbox = single_ ? Result<std::string>("") : mailboxOfFolder(path);
  if (!mailbox) return noMail(entry, mailbox.error().text), Result<void>();
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

void TreeReader::noMail(const Entry& entry, const std::string& reason) {
  if (++noMail_ <= maxFileProblems) sink_.problem(printable(entry.path), reason);
}

}  // namespace mox::transfer
