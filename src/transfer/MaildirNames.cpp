#include "transfer/MaildirNames.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "imap/MailboxName.h"
#include "transfer/Keywords.h"

namespace mox::transfer {

namespace {

using imap::Flag;

/// In the order of the alphabet, as the format wants them.
struct Letter {
  char letter;
  Flag flag;
};
constexpr Letter letters[] = {{'D', Flag::draft}, {'F', Flag::flagged}, {'P', Flag::forwarded}, {'R', Flag::answered}, {'S', Flag::seen}, {'T', Flag::deleted}};
/// Flags that are keywords in a maildir.
constexpr Flag worded[] = {Flag::junk, Flag::notJunk, Flag::phishing, Flag::mdnSent};

std::string_view infoOf(std::string_view name) {
  for (char mark : {':', ';', '!'}) {
    auto at = name.rfind(std::string{mark} + "2,");
    if (at != std::string_view::npos) return name.substr(at + 3);
  }
  return {};
}

std::string percentDecoded(std::string_view level) {
  std::string out;
  for (std::size_t i = 0; i < level.size(); ++i) {
    auto octet = level[i] == '%' && i + 2 < level.size() ? fromHex(level.substr(i + 1, 2)) : std::nullopt;
    if (octet) i += 2;
    out += octet ? *octet : std::string(1, level[i]);
  }
  return out;
}

std::string escaped(char c) { return "%" + upper(hex(std::string_view(&c, 1))); }

/// Levels of ".Lists.mox".
std::string plusLevels(std::string_view folder) {
  std::vector<std::string> levels;
  for (auto level : split(folder.substr(1), '.')) {
    auto decoded = imap::decodeModifiedUtf7(level);
    // Some programs write UTF-8; MailboxName says if it is none.
    levels.push_back(decoded ? *decoded : std::string(level));
  }
  return join(levels, "/");
}

}  // namespace

imap::Flags maildirFlags(std::string_view fileName, const MaildirKeywords& keywords) {
  imap::Flags flags;
  for (char c : infoOf(fileName)) {
    if (c == ',') break;  // what follows is of other programs
    for (auto [letter, flag] : letters)
      if (c == letter) flags.set(flag);
    if (c >= 'a' && c <= 'z') addForeign(keywords[static_cast<std::size_t>(c - 'a')], flags);
  }
  return flags;
}

std::string maildirSuffix(const imap::Flags& flags, const MaildirKeywords& keywords, std::size_t& lost) {
  std::string suffix = ":2,";
  for (auto [letter, flag] : letters)
    if (flags.has(flag)) suffix.push_back(letter);
  std::vector<std::string> words = flags.keywords;
  for (auto flag : worded)
    if (flags.has(flag)) words.push_back(lower(imap::flagName(flag)));
  for (std::size_t i = 0; i < keywords.size(); ++i) {
    auto found = std::find(words.begin(), words.end(), lower(keywords[i]));
    if (keywords[i].empty() || found == words.end()) continue;
    suffix.push_back(static_cast<char>('a' + i));
    words.erase(found);
  }
  lost += words.size();
  return suffix;
}

MaildirKeywords parseDovecotKeywords(std::string_view text) {
  MaildirKeywords keywords;
  for (auto line : split(text, '\n')) {
    auto parts = cut(trim(line), ' ');
    auto index = parts ? parseUnsigned(parts->first) : std::nullopt;
    if (index && *index < keywords.size()) keywords[*index] = std::string(trim(parts->second));
  }
  return keywords;
}

std::string dovecotKeywords(const MaildirKeywords& keywords) {
  std::string out;
  for (std::size_t i = 0; i < keywords.size(); ++i)
    if (!keywords[i].empty()) out += std::to_string(i) + " " + keywords[i] + "\n";
  return out;
}

MaildirKeywords assignLetters(const std::vector<std::string>& keywords) {
  MaildirKeywords assigned;
  std::size_t next = 0;
  for (auto flag : worded) assigned[next++] = imap::flagName(flag);
  for (const auto& keyword : keywords)
    if (next < assigned.size()) assigned[next++] = keyword;
  return assigned;
}

Result<std::string> mailboxOfFolder(std::string_view path) {
  std::vector<std::string> levels;
  bool first = true;
  for (auto level : split(path, '/')) {
    bool isRoot = level.empty() || level == "." || (first && equalsNoCase(level, "Maildir"));
    if (level == "..") return fail(Errc::syntax, "a name that leads out of the folder");
    if (!level.empty() && level != ".") first = false;
    if (isRoot) continue;
    levels.push_back(level.front() == '.' ? plusLevels(level) : percentDecoded(level));
  }
  if (levels.empty()) return std::string();
  auto text = join(levels, "/");
  auto name = imap::MailboxName::parse(isUtf8(text) ? toNfc(text) : text);
  if (!name) return tl::unexpected(name.error());
  return name->text();
}

std::string folderOf(std::string_view mailbox) {
  std::vector<std::string> levels;
  for (auto level : split(mailbox, '/')) {
    bool special = level == "cur" || level == "new" || level == "tmp" || level == "dovecot-keywords" || level.starts_with('.') || equalsNoCase(level, "Maildir");
    auto dot = level.ends_with(mboxEnd) ? level.size() - mboxEnd.size() : level.npos;
    std::string out;
    for (std::size_t i = 0; i < level.size(); ++i)
      out += level[i] == '%' || (special && i == 0) || i == dot ? escaped(level[i]) : std::string(1, level[i]);
    levels.push_back(std::move(out));
  }
  return join(levels, "/");
}

}  // namespace mox::transfer
