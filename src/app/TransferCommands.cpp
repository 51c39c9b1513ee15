// Import and export of mail: the client's side, which knows the person's folder, and the server's, which has the accounts.
#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/Importing.h"
#include "app/PassedPath.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "transfer/Exporter.h"
#include "transfer/Target.h"
#include "transfer/TreeReader.h"

namespace mox::app {

namespace {

int failed(Invocation& call, const std::string& text) {
  call.err << "error: " << text << "\n";
  return 1;
}

std::string absolutePath(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

// Import -------------------------------------------------------------------------------------------------------

/// What to read for a path. Errc::unsupported.
Result<std::pair<transfer::OpenEntries, bool>> source(const std::string& path, bool mbox) {
  auto kind = transfer::pathKind(path);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind == transfer::PathKind::archive) return std::pair(transfer::OpenEntries([path] { return transfer::openArchive(path); }), false);
  bool single = *kind == transfer::PathKind::file;
  if (single && !mbox) return fail(Errc::unsupported, path + ": a file and neither a maildir nor a zip or tar file");
  return std::pair(transfer::OpenEntries([path] { return transfer::openFolder(path); }), single);
}

constexpr Limit archiveLimit{"import-archive-ratio", static_cast<std::int64_t>(transfer::maxArchiveRatio), "octets unpacked of one"};
constexpr Limit archiveEntriesLimit{"import-archive-entries", static_cast<std::int64_t>(transfer::maxArchiveEntries), "entries"};

int importFrom(ServerParts& server, Invocation& call, const transfer::ImportOptions& options, const std::string& path, bool mbox) {
  auto from = source(path, mbox);
  if (!from) return failed(call, from.error().text);
  auto importing = Importing::begin(server, call, call.args[0], options);
  if (!importing) return failed(call, importing.error().text);
  auto done = transfer::TreeReader(from->first, *importing->importer, from->second).run();
  if (!done && done.error().code == Errc::tooLong) server.foundations.limits.hit(archiveLimit, call.args[0]);
  if (!done && done.error().code == Errc::tooMany) server.foundations.limits.hit(archiveEntriesLimit, call.args[0]);
  return importing->end(call, done);
}

int importMail(ServerParts& server, Invocation& call, bool mbox) {
  transfer::ImportOptions options;
  std::string passed;
  Flags flags;
  flags.toggle("again", options.again, "also what an earlier import brought").text(passedOption, passed, "the path that came with the request");
  if (!parseFlags(call, flags, 3, 3)) return 2;
  options.mailbox = call.args[1];
  return withPassedPath(server, call, passed, call.args[2],
                        [&](Invocation& inner, const std::string& path) { return importFrom(server, inner, options, path, mbox); });
}

int importHere(Invocation& call, std::string_view words) {
  bool again = false;
  Flags flags;
  flags.toggle("again", again, "also what an earlier import brought");
  if (!parseFlags(call, flags, 3, 3)) return 2;
  auto dataDir = configuredDataDir(call.configPath);
  if (!dataDir) return failed(call, dataDir.error().text);
  call.args[2] = absolutePath(call.args[2]);
  CtlRequest request{{std::string(words)}, ""};
  if (again) request.words.emplace_back("-again");
  request.words.emplace_back("--");
  request.words.insert(request.words.end(), call.args.begin(), call.args.end());
  passSource(call.args[2]).addTo(request);
  auto status = ctlCall(ctlPath(*dataDir), request, call.out, call.err);
  return status ? *status : failed(call, status.error().text);
}

// Export -------------------------------------------------------------------------------------------------------

struct ExportCall {
  bool single = false;
  std::string target, account, mailbox, passed;

  /// False if the command was called wrongly.
  bool parse(Invocation& call, bool onServer) {
    Flags flags;
    flags.toggle("single", single, "without the mailboxes below the one named");
    if (onServer) flags.text(passedOption, passed, "the folder that came with the request");
    if (!parseFlags(call, flags, 2, 3)) return false;
    target = call.args[0];
    account = call.args[1];
    mailbox = call.args.size() > 2 ? call.args[2] : "";
    return true;
  }
};

int exportFrom(store::Accounts& accounts, store::Files& files, const ExportCall& wanted, Invocation& call, bool mbox, std::function<bool()> stopping) {
  if (!accounts.exists(wanted.account)) return failed(call, "there is no account \"" + printable(wanted.account) + "\"");
  auto account = accounts.open(wanted.account);
  if (!account) return failed(call, account.error().text);
  auto target = transfer::makeTarget(files, wanted.target);
  transfer::ExportOptions options;
  options.format = mbox ? transfer::ExportOptions::Format::mbox : transfer::ExportOptions::Format::maildir;
  options.mailbox = wanted.mailbox;
  options.single = wanted.single;
  auto counts = transfer::Exporter(accounts, **account, *target, options, std::move(stopping)).run();
  if (!counts) return failed(call, counts.error().text);
  target->finish();
  call.out << fmt::format("{} messages ({} octets) of {} mailboxes exported to {}\n", counts->messages, counts->bytes, counts->mailboxes, wanted.target);
  if (counts->lostKeywords > 0)
    call.err << fmt::format("{} keywords of messages were lost: a maildir has letters for {} in a mailbox\n", counts->lostKeywords, transfer::maildirKeywords);
  return 0;
}

int exportOnServer(ServerParts& server, Invocation& call, bool mbox) {
  ExportCall wanted;
  if (!wanted.parse(call, true)) return 2;
  return withPassedPath(server, call, wanted.passed, wanted.target, [&](Invocation& inner, const std::string& path) {
    auto there = wanted;
    there.target = path;
    return exportFrom(server.storage.accounts, server.foundations.files, there, inner, mbox, server.isStopping);
  });
}

/// Without a server the accounts are free to be opened here.
int exportHere(Invocation& call, std::string_view words, bool mbox) {
  ExportCall wanted;
  if (!wanted.parse(call, false)) return 2;
  auto loaded = loadConfig(call.configPath, false, call.err);
  if (!loaded.config) return 1;
  wanted.target = absolutePath(wanted.target);
  CtlRequest request{{std::string(words)}, ""};
  if (wanted.single) request.words.emplace_back("-single");
  for (const auto& word : {std::string("--"), wanted.target, wanted.account}) request.words.push_back(word);
  if (!wanted.mailbox.empty()) request.words.push_back(wanted.mailbox);
  const auto& dataDir = loaded.config->dataDir();
  store::SystemFiles files;
  if (files.size(ctlPath(dataDir)) >= 0) {
    auto isFolder = transfer::targetKind(wanted.target) == transfer::TargetKind::folder;
    (isFolder ? passFolder(wanted.target, ctlPath(dataDir)) : passParent(wanted.target)).addTo(request);
    if (auto status = ctlCall(ctlPath(dataDir), request, call.out, call.err)) return *status;
  }
  SystemClock clock;
  SystemRandom random;
  store::Environment environment;
  environment.files = &files;
  environment.clock = &clock;
  environment.random = &random;
  store::Accounts accounts(dataDir, environment);  // throws if a server uses the directory
  return exportFrom(accounts, files, wanted, call, mbox, {});
}

}  // namespace

int serverImportMaildir(ServerParts& server, Invocation& call) { return importMail(server, call, false); }
int serverImportMbox(ServerParts& server, Invocation& call) { return importMail(server, call, true); }
int serverExportMaildir(ServerParts& server, Invocation& call) { return exportOnServer(server, call, false); }
int serverExportMbox(ServerParts& server, Invocation& call) { return exportOnServer(server, call, true); }

int commandImportMaildir(Invocation& call) { return importHere(call, "import maildir"); }
int commandImportMbox(Invocation& call) { return importHere(call, "import mbox"); }
int commandExportMaildir(Invocation& call) { return exportHere(call, "export maildir", false); }
int commandExportMbox(Invocation& call) { return exportHere(call, "export mbox", true); }

}  // namespace mox::app
