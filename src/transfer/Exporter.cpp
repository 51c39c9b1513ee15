#include "transfer/Exporter.h"

#include <fmt/format.h>

#include "imap/MailboxName.h"
#include "store/Spool.h"
#include "transfer/LineEnds.h"
#include "transfer/MboxFormat.h"

namespace mox::transfer {

namespace {

constexpr std::size_t writeSize = 256 * 1024;

/// As files on Unix have it, unless an import could not make the same of that again.
std::string_view asFile(std::string_view body, std::string& room) {
  if (!isPlainCrlf(body)) return body;
  room.clear();
  room.reserve(body.size());
  toLf(body, room);
  return room;
}

/// mboxrd: From_ lines quoted, a line end at the end, a blank line behind.
void appendQuoted(std::string_view text, std::string& out) {
  std::string_view run = text;  // what is written in one piece
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
    text.remove_prefix(line.size());
    if ((line.front() != 'F' && line.front() != '>') || !isQuotedFrom(line)) continue;
    out.append(run.substr(0, static_cast<std::size_t>(line.data() - run.data())));
    out.append(">");
    run.remove_prefix(static_cast<std::size_t>(line.data() - run.data()));
  }
  out.append(run);
  if (!run.ends_with('\n')) out.append("\n");
  out.append("\n");
}

}  // namespace

Exporter::Exporter(store::Accounts& spools, store::Account& account, Target& target, ExportOptions options, std::function<bool()> stopping)
    : spools_(spools), account_(account), target_(target), options_(std::move(options)), stopping_(std::move(stopping)) {}

bool Exporter::isWanted(const std::string& name) const {
  if (options_.mailbox.empty() || name == options_.mailbox) return true;
  return !options_.single && store::isBelow(name, options_.mailbox);
}

Result<ExportCounts> Exporter::run() {
  if (!options_.mailbox.empty()) {
    auto name = imap::MailboxName::parse(options_.mailbox);
    if (!name) return tl::unexpected(name.error());
    options_.mailbox = name->text();
  }
  auto mailboxes = account_.reader().mailboxes();
  for (const auto& mailbox : mailboxes) {
    if (!isWanted(mailbox.name)) continue;
    ++counts_.mailboxes;
    auto done = options_.format == ExportOptions::Format::mbox ? mbox(mailbox) : maildir(mailbox);
    if (!done) return tl::unexpected(done.error());
  }
  if (counts_.mailboxes == 0) return fail(Errc::notFound, "there is no mailbox of that name");
  return counts_;
}

Result<void> Exporter::messages(MailboxId mailbox, const Each& each) {
  Uid next(1);
  for (bool more = true; more;) {
    if (stopping_ && stopping_()) return fail(Errc::temporary, "the server stops");
    std::vector<store::MessageRow> rows;
    std::vector<store::Content> bodies;
    {
      auto look = account_.reader();
      std::uint64_t held = 0;
      look.forEach(mailbox, next, [&](const store::MessageRow& row) {
        rows.push_back(row);
        held += std::min<std::uint64_t>(row.size, store::bodyInlineLimit);
        return rows.size() < exportBatch && held < (8u << 20);
      });
      for (const auto& row : rows) bodies.push_back(look.content(row.id));
    }
    more = !rows.empty();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      next = rows[i].uid.next();
      if (!bodies[i]) continue;  // expunged meanwhile
      each(rows[i], bodies[i].view());
      bodies[i] = {};
      ++counts_.messages;
      counts_.bytes += rows[i].size;
    }
  }
  return {};
}

Result<void> Exporter::maildir(const store::MailboxRow& mailbox) {
  auto folder = folderOf(mailbox.name);
  target_.folder(folder);
  for (const char* part : {"/cur", "/new", "/tmp"}) target_.folder(folder + part);
  auto keywords = assignLetters(mailbox.keywords);
  target_.file(folder + "/dovecot-keywords", dovecotKeywords(keywords), fromUnixSeconds(0));
  std::string room;
  return messages(mailbox.id, [&](const store::MessageRow& row, std::string_view body) {
    // The time first, as is the custom; the UID makes it unique and keeps the order.
    auto name = fmt::format("{}.{:010}.mox{}", unixSeconds(row.received), row.uid.value, maildirSuffix(row.flags, keywords, counts_.lostKeywords));
    target_.file(folder + "/cur/" + name, asFile(body, room), row.received);
  });
}

Result<void> Exporter::mbox(const store::MailboxRow& mailbox) {
  auto path = folderOf(mailbox.name);
  if (auto slash = path.rfind('/'); slash != std::string::npos) target_.folder(path.substr(0, slash));
  // An archive wants to know the size first.
  auto file = spools_.spool();
  std::string room, out;
  auto done = messages(mailbox.id, [&](const store::MessageRow& row, std::string_view body) {
    out += fromLine(row.received);
    out += statusFields(row.flags);
    appendQuoted(asFile(body, room), out);
    if (out.size() < writeSize) return;
    file->append(out);
    out.clear();
  });
  if (!done) return done;
  file->append(out);
  file->finish();
  target_.file(path.append(mboxEnd), file->data(), fromUnixSeconds(0));
  return {};
}

}  // namespace mox::transfer
