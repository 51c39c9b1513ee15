#include "app/Importing.h"

#include <fmt/format.h>

#include <ostream>

#include "app/Storage.h"
#include "base/Text.h"

namespace mox::app {

namespace {

std::string countsText(const transfer::ImportCounts& counts) {
  auto text = fmt::format("{} messages imported ({} octets), {} there already, {} refused", counts.added, counts.bytes, counts.known, counts.refused);
  if (counts.changed > 0) text += fmt::format(", flags of {} changed", counts.changed);
  if (counts.removed > 0) text += fmt::format(", {} removed", counts.removed);
  if (counts.unread > 0) text += fmt::format(", {} mailboxes, folders or files not read", counts.unread);
  return text;
}

}  // namespace

Result<Importing> Importing::begin(ServerParts& server, Invocation& call, const std::string& name, transfer::ImportOptions options) {
  auto config = server.config.current();
  const auto* info = config->account(name);
  if (info == nullptr) return fail(Errc::notFound, "there is no account \"" + printable(name) + "\"");
  if (info->quota > 0) options.quota = info->quota;
  if (info->quotaMessages > 0) options.quotaMessages = info->quotaMessages;
  auto account = server.storage.accounts.open(name);
  if (!account) return tl::unexpected(account.error());
  transfer::ImportListener listener;
  listener.progress = [&call](const transfer::ImportCounts& counts) { call.out << countsText(counts) << " so far" << std::endl; };
  listener.problem = [&call](const std::string& where, const std::string& reason) { call.err << where << ": " << reason << "\n"; };
  listener.stopping = server.isStopping;
  auto& f = server.foundations;
  auto importer = transfer::Importer::make({server.storage.accounts, f.clock, f.random, f.limits}, *account, std::move(options), listener);
  if (!importer) return tl::unexpected(importer.error());
  return Importing{std::move(*account), std::move(*importer)};
}

int Importing::end(Invocation& call, const Result<void>& done) {
  auto finished = importer->finish();
  const auto& counts = importer->counts();
  call.out << countsText(counts) << "\n";
  const auto& failure = done ? finished : done;
  if (!failure) {
    call.err << "error: " << failure.error().text << (counts.added > 0 ? "; run the import again to go on" : "") << "\n";
    return 1;
  }
  return counts.refused == 0 && counts.unread == 0 ? 0 : 1;
}

}  // namespace mox::app
