// AcmeFiles: what ACME keeps below the data directory: a key for each provider's account, certificates with their keys.
//
//   acme/PROVIDER.key       the account's key
//   acme/PROVIDER/HOST.pem  private key and chain in one file, so that they are replaced together
//   ... .new                one that is being ordered: its key, and room for its chain
#pragma once

#include <optional>
#include <string>

#include "acme/Certificate.h"
#include "acme/Jws.h"
#include "base/Log.h"
#include "config/Config.h"
#include "store/Files.h"

namespace mox::app {

struct KeptCertificate {
  net::CertificatePem pem;
  acme::Validity validity;
};

class AcmeFiles {
 public:
  /// `files` outlives this.
  AcmeFiles(store::Files& files, const std::string& dataDir, Log log);

  /// Made at first use. Throws; std::runtime_error also if the file holds no such key: with another key the provider would
  /// take us for somebody else.
  acme::AccountKey accountKey(const std::string& provider);
  /// Nothing if there is none, or none that can be used, which is logged: a new one will come.
  std::optional<KeptCertificate> certificate(const std::string& provider, const std::string& host) const;
  /// Before a certificate is ordered for `key` (PEM): writes what is known of its file, and as much as the rest may take, next
  /// to the one in use. What the disk does not take now it would not take then, and a provider gives only so many. Throws
  /// store::FileError.
  void prepare(const std::string& provider, const std::string& host, const std::string& key);
  /// Durable when this returns. Throws store::FileError.
  void keep(const std::string& provider, const std::string& host, const net::CertificatePem& certificate);

 private:
  std::string path(const std::string& provider, const std::string& host) const;
  store::Files& files_;
  const std::string directory_;
  Log log_;
};

/// A certificate that the configuration wants from ACME.
struct AcmeName {
  std::string provider;
  std::string host;                    ///< A-labels
  std::vector<std::string> listeners;  ///< that use it
  /// A listener with HostPrivateKeyFiles is called so: its certificate is for that key, which DANE records name.
  std::string keyOfListener;
};

/// For each provider the host names of its listeners, then what the domains call their servers (ClientSettingsDomain).
std::vector<AcmeName> acmeNames(const config::Config& config);

}  // namespace mox::app
