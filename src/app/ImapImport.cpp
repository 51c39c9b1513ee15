// mox import imap: another server's mail into an account, as often as wanted until users change over.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>

#include "app/Commands.h"
#include "app/Importing.h"
#include "app/ServerCommands.h"
#include "base/Text.h"
#include "sasl/Hash.h"
#include "transfer/ImapDial.h"
#include "transfer/ImapSource.h"

namespace mox::app {

namespace {

int failed(Invocation& call, const std::string& text) {
  call.err << "error: " << text << "\n";
  return 1;
}

struct Wanted {
  bool startTls = false, again = false, remove = false;
  std::string roots;  ///< here: a file; at the server: its text
  std::string into = "Inbox";
  std::string account, user;
  transfer::ImapServerAddress server;

  Flags flags() {
    Flags out;
    out.toggle("starttls", startTls, "begin without TLS, on port 143 unless told otherwise, then STARTTLS");
    out.toggle("again", again, "also what an earlier import brought");
    out.toggle("remove", remove, "messages that an earlier import brought and that are gone there now go here too, unless they were changed or moved here");
    out.text("cafile", roots, "PEM file of authorities to trust beside the system's");
    out.text("mailbox", into, "mailbox to import into; others are made below it, or beside it if it is Inbox");
    return out;
  }
  /// False after a word on what is wrong.
  bool read(Invocation& call) {
    if (!parseFlags(call, flags(), 3, 3)) return false;
    account = call.args[0];
    user = call.args[2];
    auto address = transfer::imapServerAddress(call.args[1], startTls);
    if (!address) {
      call.err << address.error().text << "\n";
      return false;
    }
    server = std::move(*address);
    return true;
  }
  /// Of a mailbox there while it has a UIDVALIDITY: a number that no other has, but for one chance in 2^63.
  std::int64_t sourceNumber(const std::string& mailbox, std::uint32_t uidValidity) const {
    auto digest = sasl::digest(sasl::HashKind::sha256, fmt::format("{}\n{}", markKey(mailbox), uidValidity));
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(digest[i]);
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(number >> 1));
  }
  /// One setting a source and mailbox.
  std::string markKey(const std::string& mailbox) const { return fmt::format("import-imap {} {} {}\n{}", server.text(), user, into, mailbox); }
};

std::map<std::string, std::string> specialUses(store::Account& account) {
  std::map<std::string, std::string> out;
  const std::pair<store::SpecialUse, const char*> names[] = {{store::archiveUse, "\\archive"}, {store::draftsUse, "\\drafts"}, {store::junkUse, "\\junk"},
                                                             {store::sentUse, "\\sent"}, {store::trashUse, "\\trash"}};
  for (const auto& row : account.reader().mailboxes())
    for (auto [use, name] : names)
      if ((row.uses & use) != 0) out[name] = row.name;
  return out;
}

}  // namespace

int serverImportImap(ServerParts& server, Invocation& call) {
  Wanted wanted;
  if (!wanted.read(call)) return 2;
  transfer::ImportOptions options;
  options.mailbox = wanted.into;
  options.again = wanted.again;
  options.removes = wanted.remove;
  auto importing = Importing::begin(server, call, wanted.account, options);
  if (!importing) return failed(call, importing.error().text);
  auto& account = *importing->account;
  wanted.server.extraRootsPem = wanted.roots;
  auto dialled = transfer::dialImap(wanted.server, server.foundations.clock);
  if (!dialled) return failed(call, dialled.error().text);
  transfer::ImapSourceOptions from;
  from.user = wanted.user;
  from.password.assign(std::istreambuf_iterator<char>(call.in), {});
  from.specialUses = wanted.into == "Inbox" ? specialUses(account) : std::map<std::string, std::string>();
  from.mark = [&](const std::string& mailbox) -> std::optional<std::string> {
    return wanted.again ? std::nullopt : account.reader().setting(wanted.markKey(mailbox));
  };
  from.setMark = [&](const std::string& mailbox, const std::string& value) -> Result<void> {
    if (auto stored = importing->importer->finish(); !stored) return stored;
    account.setSetting(wanted.markKey(mailbox), value);
    return {};
  };
  from.number = [&](const std::string& mailbox, std::uint32_t uidValidity) { return wanted.sourceNumber(mailbox, uidValidity); };
  from.forget = [&](std::int64_t source) { account.forgetOrigins(source); };
  from.follow = [&](const transfer::SourceState& state) { return importing->importer->follow(state); };
  from.wantsRemovals = wanted.remove;
  return importing->end(call, transfer::ImapSource(*dialled->connection, *importing->importer, std::move(from), true).run(dialled->greeting));
}

int commandImportImap(Invocation& call) {
  Wanted wanted;
  if (!wanted.read(call)) return 2;
  std::string roots;
  if (!wanted.roots.empty()) {
    std::ifstream file(wanted.roots, std::ios::binary);
    roots.assign(std::istreambuf_iterator<char>(file), {});
    if (!file || roots.empty()) return failed(call, "cannot read " + wanted.roots);
  }
  auto password = askPassword(call, 1);
  if (!password) return failed(call, password.error().text);
  call.args = {"-mailbox", wanted.into, "--", wanted.account, wanted.server.text(), wanted.user};
  if (!roots.empty()) call.args.insert(call.args.begin(), {"-cafile", roots});
  if (wanted.startTls) call.args.insert(call.args.begin(), "-starttls");
  if (wanted.again) call.args.insert(call.args.begin(), "-again");
  if (wanted.remove) call.args.insert(call.args.begin(), "-remove");
  return forwardToServer(call, "import imap", *password);
}

}  // namespace mox::app
