// Certificates: the TLS contexts of the listeners, and new certificates for them while the server runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/Result.h"
#include "config/Config.h"
#include "config/Files.h"
#include "net/Keys.h"
#include "net/TlsContext.h"

namespace mox::app {

/// Certificates of the listeners by name. A listener without files (ACME) has one with its host key and no chain, or, if
/// it has no host key either, none.
using CertificateFiles = std::map<std::string, std::vector<net::CertificatePem>>;

/// Reads what KeyCerts and HostPrivateKeyFiles name. As root if need be: the files may not be readable later.
Result<CertificateFiles> readCertificates(const config::Config& config, const config::FileReader& files);

class Certificates {
 public:
  /// Stands in where a listener has no certificate of its own. `hostKey` is "" if there is none.
  using SelfSigned = std::function<net::CertificatePem(const std::string& hostname, const std::string& hostKey)>;

  /// Errc of the library for certificates that cannot be used.
  static Result<std::unique_ptr<Certificates>> make(const config::Config& config, CertificateFiles files, const SelfSigned& selfSigned);

  /// Port 25: senders resume wrongly, so no session tickets unless configured. Null for a listener without TLS.
  std::shared_ptr<net::TlsContext> delivery(const std::string& listener) const;
  /// Submission and IMAP: client certificates are asked for, they can log in. Null for a listener without TLS.
  std::shared_ptr<net::TlsContext> clients(const std::string& listener) const;
  /// Listeners that run with a self-signed certificate.
  const std::vector<std::string>& selfSignedListeners() const { return selfSignedListeners_; }

  /// Takes new files over; names of the listeners whose certificates changed. All that can be used is used, the
  /// first error is reported.
  struct Reloaded {
    std::vector<std::string> changed;
    std::vector<std::string> errors;
  };
  Reloaded reload(const CertificateFiles& files);

 private:
  struct Contexts {
    std::shared_ptr<net::TlsContext> delivery, clients;
    std::vector<net::CertificatePem> current;
  };
  std::map<std::string, Contexts> contexts_;
  std::vector<std::string> selfSignedListeners_;
};

}  // namespace mox::app
