#include "app/DkimKeys.h"

#include "app/DataDir.h"
#include "config/Files.h"
#include "dkim/Key.h"

namespace mox::app {

std::vector<std::string> makeDkimKeys(store::Files& files, const config::Config& config, const Log& log) {
  std::vector<std::string> made;
  for (const auto* domain : config.domains()) {
    for (const auto& [selector, file] : domain->keyFiles) {
      if (!file.isOurs() || files.size(file.path) >= 0) continue;
      auto directory = config::directoryOf(file.path);
      files.makeDirectory(directory);
      auto key = file.algorithm == "ed25519" ? dkim::PrivateKey::generateEd25519() : dkim::PrivateKey::generateRsa();
      // A crash leaves half a key under another name, never one that counts.
      auto unfinished = file.path + ".new";
      files.remove(unfinished);
      writeNewFile(files, unfinished, key.pem());
      files.link(unfinished, file.path);
      files.remove(unfinished);
      files.syncDirectory(directory);
      made.push_back(selector + "._domainkey." + domain->name.ascii());
      log.info("DKIM key made, publish its record", {{"name", made.back()}, {"algorithm", file.algorithm}, {"record", key.record()}});
    }
  }
  return made;
}

}  // namespace mox::app
