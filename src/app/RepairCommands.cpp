// Repairs of accounts (store/Repair.h), and the removal of an account's data.
#include <fmt/format.h>

#include <functional>
#include <ostream>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "store/Damage.h"
#include "store/Repair.h"

namespace mox::app {

namespace {

int failed(Invocation& call, const std::string& text) {
  call.err << "error: " << text << "\n";
  return 1;
}

/// Does one repair on one account and says what it did; a status.
using RepairOne = std::function<int(store::Repair& repair, Invocation& call)>;

int onAccounts(store::Accounts& accounts, const std::vector<std::string>& names, Invocation& call, const RepairOne& repair) {
  int status = 0;
  for (const auto& name : names) {
    if (!accounts.exists(name)) return failed(call, "there is no account \"" + printable(name) + "\"");
    try {
      auto account = accounts.open(name);
      if (!account) return failed(call, account.error().text);
      store::Repair one(**account);
      call.out << "account " << name << ": ";
      status = std::max(status, repair(one, call));
    } catch (const store::AccountDamaged& damaged) {  // the others have their turn
      status = std::max(status, failed(call, "account " + name + ": " + damaged.what()));
    }
  }
  return status;
}

/// Without a server, in this process. Throws if a server uses the directory.
int here(Invocation& call, const std::string& dataDir, std::optional<std::string> name, const RepairOne& repair) {
  SystemClock clock;
  SystemRandom random;
  store::SystemFiles files;
  store::Environment environment;
  environment.files = &files;
  environment.clock = &clock;
  environment.random = &random;
  store::Accounts accounts(dataDir, environment);
  return onAccounts(accounts, name ? std::vector{*name} : accounts.list(), call, repair);
}

std::optional<std::string> firstWord(const Invocation& call) { return call.args.empty() ? std::nullopt : std::optional(call.args[0]); }

/// Repairs that clients would notice: only while no server runs.
int alone(Invocation& call, std::size_t least, std::size_t most, const RepairOne& repair) {
  if (!parseFlags(call, Flags(), least, most)) return 2;
  auto loaded = loadConfig(call.configPath, false, call.err);
  return loaded.config ? here(call, loaded.config->dataDir(), firstWord(call), repair) : 1;
}

/// Repairs that go on beside sessions: by the server if one runs.
int anyhow(Invocation& call, std::string_view words, const Flags& flags, std::size_t least, const RepairOne& repair) {
  auto given = call.args;
  if (!parseFlags(call, flags, least, 1)) return 2;
  auto loaded = loadConfig(call.configPath, false, call.err);
  if (!loaded.config) return 1;
  const auto& dataDir = loaded.config->dataDir();
  CtlRequest request{{std::string(words)}, ""};
  request.words.insert(request.words.end(), given.begin(), given.end());
  if (store::SystemFiles().size(ctlPath(dataDir)) >= 0)
    if (auto status = ctlCall(ctlPath(dataDir), request, call.out, call.err)) return *status;
  return here(call, dataDir, firstWord(call), repair);
}

int onServer(ServerParts& server, Invocation& call, const Flags& flags, std::size_t least, const RepairOne& repair) {
  if (!parseFlags(call, flags, least, 1)) return 2;
  auto& accounts = server.storage.accounts;
  return onAccounts(accounts, call.args.empty() ? accounts.list() : std::vector{call.args[0]}, call, repair);
}

int said(Invocation& call, std::size_t count, std::string_view what) {
  call.out << count << " " << what << "\n";
  return 0;
}

int said(Invocation& call, const Result<std::size_t>& count, std::string_view what) {
  if (!count) return call.out << count.error().text << "\n", 1;
  return said(call, *count, what);
}

int sizes(store::Repair& repair, Invocation& call) { return said(call, repair.fixMessageSizes(), "messages had a wrong size"); }
int counts(store::Repair& repair, Invocation& call) { return said(call, repair.recount(), "counts were wrong"); }

/// Takes minutes for a large account. Telling how far it is fails when nobody listens any more or the server stops: it ends then.
int parse(store::Repair& repair, Invocation& call, bool onlyMissing) {
  constexpr std::size_t toldEvery = 1'000;  // about a second's work
  std::size_t next = toldEvery;
  auto count = repair.reparse(onlyMissing, [&](std::size_t parsed) {
    if (parsed < next) return;
    next = parsed + toldEvery;
    call.out << parsed << " ... " << std::flush;
  });
  return said(call, count, "messages parsed");
}
int parseAll(store::Repair& repair, Invocation& call) { return parse(repair, call, false); }
int parseMissing(store::Repair& repair, Invocation& call) { return parse(repair, call, true); }

Flags lostFlags(bool& removed) {
  Flags flags;
  flags.toggle("remove", removed, "expunge them");
  return flags;
}

int lostMessages(store::Repair& repair, Invocation& call, bool removed) {
  auto lost = repair.lost();
  if (removed) repair.remove(lost);
  call.out << lost.size() << (removed ? " messages without their body file removed\n" : " messages lack their body file\n");
  for (const auto& one : lost) call.out << "  " << printable(one.name) << " UID " << one.uid.value << ": " << printable(one.subject) << "\n";
  return lost.empty() || removed ? 0 : 1;
}

Flags ensureFlags(bool& all) {
  Flags flags;
  flags.toggle("all", all, "all messages, not only those without a stored structure");
  return flags;
}

}  // namespace

int commandBumpUidValidity(Invocation& call) {
  return alone(call, 1, 2, [](store::Repair& repair, Invocation& c) {
    return said(c, repair.bumpUidValidity(c.args.size() > 1 ? c.args[1] : ""), "mailboxes got a new UIDVALIDITY");
  });
}
int commandReassignUids(Invocation& call) {
  return alone(call, 1, 2, [](store::Repair& repair, Invocation& c) {
    return said(c, repair.reassignUids(c.args.size() > 1 ? c.args[1] : ""), "messages got new UIDs");
  });
}
int commandFixUidMeta(Invocation& call) {
  return alone(call, 1, 1, [](store::Repair& repair, Invocation& c) { return said(c, repair.fixUidMeta(), "mailboxes had a wrong UIDNEXT or UIDVALIDITY"); });
}
int commandReassignThreads(Invocation& call) {
  return alone(call, 0, 1, [](store::Repair& repair, Invocation& c) { return said(c, repair.reassignThreads(), "messages changed their thread"); });
}

int commandFixMsgSize(Invocation& call) { return anyhow(call, "fixmsgsize", Flags(), 0, sizes); }
int commandRecalculateCounts(Invocation& call) { return anyhow(call, "recalculatemailboxcounts", Flags(), 1, counts); }
int commandReparse(Invocation& call) { return anyhow(call, "reparse", Flags(), 0, parseAll); }
int commandEnsureParsed(Invocation& call) {
  bool all = false;
  auto flags = ensureFlags(all);
  return anyhow(call, "ensureparsed", flags, 1, [&all](store::Repair& repair, Invocation& c) { return all ? parseAll(repair, c) : parseMissing(repair, c); });
}

int commandLostMessages(Invocation& call) {
  bool removed = false;
  auto flags = lostFlags(removed);
  return anyhow(call, "lostmessages", flags, 0, [&removed](store::Repair& repair, Invocation& c) { return lostMessages(repair, c, removed); });
}
int serverLostMessages(ServerParts& server, Invocation& call) {
  bool removed = false;
  auto flags = lostFlags(removed);
  return onServer(server, call, flags, 0, [&removed](store::Repair& repair, Invocation& c) { return lostMessages(repair, c, removed); });
}

int serverFixMsgSize(ServerParts& server, Invocation& call) { return onServer(server, call, Flags(), 0, sizes); }
int serverRecalculateCounts(ServerParts& server, Invocation& call) { return onServer(server, call, Flags(), 1, counts); }
int serverReparse(ServerParts& server, Invocation& call) { return onServer(server, call, Flags(), 0, parseAll); }
int serverEnsureParsed(ServerParts& server, Invocation& call) {
  bool all = false;
  auto flags = ensureFlags(all);
  return onServer(server, call, flags, 1, [&all](store::Repair& repair, Invocation& c) { return all ? parseAll(repair, c) : parseMissing(repair, c); });
}

int commandRetrain(Invocation& call) {
  return failed(call, "there is no junk filter to train yet: mail is judged by the reputation of its senders, which needs no training");
}

// Removal ------------------------------------------------------------------------------------------------------

namespace {

/// Nobody loses mail by a word in the wrong place: only what the configuration does not have can be removed.
int removeData(store::Accounts& accounts, store::AuthDb& authDb, const config::Config& config, const std::string& name, Invocation& call) {
  if (config.account(name) != nullptr) return failed(call, "account \"" + printable(name) + "\" is configured; remove it from the configuration first");
  if (!accounts.exists(name)) return failed(call, "there is no data of an account \"" + printable(name) + "\"");
  // What is left of it after a crash here is an account nobody can log in to; the command can be given again.
  authDb.removeAccount(name);
  if (auto removed = accounts.remove(name); !removed) return failed(call, removed.error().text);
  call.out << "all data of account " << name << " removed\n";
  return 0;
}

}  // namespace

int serverRemoveData(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  return removeData(server.storage.accounts, server.storage.authDb, *server.config.current(), call.args[0], call);
}

int commandRemoveData(Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto loaded = loadConfig(call.configPath, false, call.err);
  if (!loaded.config) return 1;
  const auto& dataDir = loaded.config->dataDir();
  if (store::SystemFiles().size(ctlPath(dataDir)) >= 0)
    if (auto status = ctlCall(ctlPath(dataDir), {{"account remove-data", call.args[0]}, ""}, call.out, call.err)) return *status;
  Foundations foundations(writeToStderr, LogLevel::error);
  store::Environment environment;
  environment.files = &foundations.files;
  environment.clock = &foundations.clock;
  environment.random = &foundations.random;
  store::Accounts accounts(dataDir, environment);
  store::AuthDb authDb(dataDir + "/auth.db", foundations.clock, foundations.log);
  return removeData(accounts, authDb, *loaded.config, call.args[0], call);
}

}  // namespace mox::app
