// Certificates: the TLS contexts of the listeners, and new certificates for them while the server runs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/AcmeFiles.h"
#include "app/AcmeProofs.h"
#include "base/Metrics.h"
#include "base/Result.h"
#include "config/Config.h"
#include "config/Files.h"
#include "net/Keys.h"
#include "net/TlsContext.h"

namespace mox::app {

/// Certificates of the listeners by name; the first is the fallback. Where ACME has brought none for the listener's own name
/// yet, that one has no chain, and a key only if the listener has a host key.
using CertificateFiles = std::map<std::string, std::vector<net::CertificatePem>>;

/// Reads what KeyCerts and HostPrivateKeyFiles name. As root if need be: the files may not be readable later. All that there is,
/// or the first error.
Result<CertificateFiles> readCertificates(const config::Config& config, const config::FileReader& files);
/// The same for who has certificates already: a listener with a file that cannot be read is left out, with the reason.
struct ReadableCertificates {
  CertificateFiles files;
  std::vector<Error> errors;
};
ReadableCertificates readableCertificates(const config::Config& config, const config::FileReader& files);
/// Files of KeyCerts whose certificates have expired: each is told once, and again when it is another that has. Not thread safe.
class ExpiredFiles {
 public:
  struct Expired {
    std::string file;
    Time notAfter;
  };
  /// `files` as readCertificates() gave them.
  std::vector<Expired> untold(const config::Config& config, const CertificateFiles& files, Time now);

 private:
  std::map<std::string, std::string> told_;  // chains by file
};
/// The host keys that readCertificates() found, by listener.
std::map<std::string, std::string> hostKeysOf(const CertificateFiles& files);
/// Adds what ACME has brought to the listeners that have theirs from it.
void addAcmeCertificates(const config::Config& config, const AcmeFiles& kept, CertificateFiles& files);

class Certificates {
 public:
  /// Stands in where a listener has no certificate of its own. `hostKey` is "" if there is none.
  using SelfSigned = std::function<net::CertificatePem(const std::string& hostname, const std::string& hostKey)>;

  /// References outlive the contexts.
  struct Services {
    SelfSigned selfSigned;
    const AcmeProofs& proofs;
    const Clock& clock;
    Random& random;
    Metrics& metrics;
  };

  /// Errc of the library for certificates that cannot be used.
  static Result<std::unique_ptr<Certificates>> make(const config::Config& config, CertificateFiles files, const Services& services);

  /// Port 25: senders resume wrongly, so no session tickets unless configured. Null for a listener without TLS.
  std::shared_ptr<net::TlsContext> delivery(const std::string& listener) const;
  /// Submission and IMAP: client certificates are asked for, they can log in. Null for a listener without TLS.
  std::shared_ptr<net::TlsContext> clients(const std::string& listener) const;
  /// Ports where clients say by ALPN what they speak: proofs for ACME, IMAP and submission where they are EnabledOnHTTPS.
  /// Null for a listener without TLS.
  std::shared_ptr<net::TlsContext> byAlpn(const std::string& listener) const;
  /// Listeners that started with a self-signed certificate.
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
    std::shared_ptr<net::TlsContext> delivery, clients, byAlpn;
    std::vector<net::CertificatePem> current;
    net::CertificatePem selfSigned;  // without a chain if there was no need of it
  };
  std::map<std::string, Contexts> contexts_;
  std::vector<std::string> selfSignedListeners_;
};

}  // namespace mox::app
