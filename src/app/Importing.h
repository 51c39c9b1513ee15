// What all imports into an account share: its limits, how they tell of themselves, how they end.
#pragma once

#include <memory>
#include <string>

#include "app/ServerCommands.h"
#include "store/Accounts.h"
#include "transfer/Importer.h"

namespace mox::app {

struct Importing {
  std::shared_ptr<store::Account> account;
  std::unique_ptr<transfer::Importer> importer;

  /// Of a configured account, with its quotas; progress and problems go to the call's streams. Errc::notFound, and
  /// those of transfer::Importer::make().
  static Result<Importing> begin(ServerParts& server, Invocation& call, const std::string& account, transfer::ImportOptions options);
  /// Stores what is left (also after `done` failed), says what became of it; the exit status.
  int end(Invocation& call, const Result<void>& done);
};

}  // namespace mox::app
