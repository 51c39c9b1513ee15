// mox reindex: the full-text indexes made anew, by the running server.
#include <ostream>

#include "app/ServerCommands.h"
#include "app/Storage.h"
#include "base/Text.h"

namespace mox::app {

namespace {

constexpr Duration progressEvery = std::chrono::seconds(1);

/// False if the index could not be finished.
bool reindex(store::Account& account, const Clock& clock, std::ostream& out) {
  account.resetSearch();
  auto told = clock.steady();
  while (account.updateSearch(true)) {
    if (clock.steady() - told < progressEvery) continue;
    told = clock.steady();
    auto progress = account.searchProgress();
    // Fails if nobody reads it any more, or the server stops: what is left is done in the background.
    out << account.name() << ": " << progress.done << " of " << progress.all << std::endl;
  }
  auto progress = account.searchProgress();
  return progress.done >= progress.all;
}

}  // namespace

int serverReindex(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 1)) return 2;
  auto& accounts = server.storage.accounts;
  auto names = call.args.empty() ? accounts.list() : call.args;
  int status = 0;
  for (const auto& name : names) {
    if (!accounts.exists(name)) return call.err << "no such account: " << printable(name) << "\n", 1;
    auto account = accounts.open(name);
    if (!account) return call.err << account.error().text << "\n", 1;
    if (reindex(**account, server.foundations.clock, call.out)) {
      call.out << name << ": indexed" << std::endl;
    } else {
      call.err << name << ": the index could not be made, the server's log says why" << std::endl;
      status = 1;
    }
  }
  return status;
}

}  // namespace mox::app
