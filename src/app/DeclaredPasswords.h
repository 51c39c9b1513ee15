// Passwords of accounts that the configuration gives by file, brought into the accounts.
//
// Deriving what is kept of a password takes CPU on purpose, so it is done only for those that changed: the record of
// what was applied tells which may have, the account itself which have.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "app/Applied.h"
#include "app/Storage.h"
#include "base/Result.h"

namespace mox::app {

/// A password ready to be set.
struct NewPassword {
  std::string account;
  store::PasswordSecrets secrets;
  std::string source;  ///< digest of what the file holds
};

/// Of the accounts whose file differs from what was applied, or that are new. An account whose user has changed the
/// password is left alone if that is allowed (PasswordMutable). Uses all cores. `told` now and then how many of how many are done:
/// it may block, and be called by several threads at a time. Errors name the account and its file.
Result<std::vector<NewPassword>> derivePasswords(const config::Config& config, const config::FileReader& files, const Applied& before,
                                                 const Applied& after, Storage& storage, Foundations& foundations,
                                                 const std::function<void(std::size_t done, std::size_t all)>& told);

/// Hashes that accounts have by file, by account; what cannot be read any more is as it was `before`.
std::map<std::string, std::string> declaredHashes(const config::Config& config, const config::FileReader& files,
                                                  const std::map<std::string, std::string>& before);

/// Durable when this returns.
void setPasswords(const std::vector<NewPassword>& passwords, Storage& storage, const Log& log);

}  // namespace mox::app
