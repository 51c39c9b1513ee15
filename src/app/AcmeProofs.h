// AcmeProofs: what proves to a provider of certificates that our names are ours, where it comes to look.
//
// Put there by the thread that orders certificates, shown by the listeners: TLS-ALPN-01 at ACME.Port (RFC 8737), HTTP-01 at
// the plain HTTP port (RFC 8555 §8.3). Thread safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "acme/Client.h"
#include "app/OneRequestHttp.h"
#include "base/Guarded.h"
#include "base/Random.h"
#include "net/Keys.h"

namespace mox::app {

class AcmeProofs final : public acme::ProofPlace {
 public:
  AcmeProofs(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  void present(acme::Proof proof, const std::string& host, const std::string& token, const std::string& keyAuthorization) override;
  void withdraw(acme::Proof proof, const std::string& host, const std::string& token) override;

  /// For TlsServerOptions::challenge.
  std::optional<net::CertificatePem> certificate(const std::string& host) const;
  /// What the plain HTTP port answers: below /.well-known/acme-challenge/ the proof, else 404.
  HttpReply page(std::string_view path) const;

 private:
  const Clock& clock_;
  Random& random_;
  mutable Guarded<std::map<std::string, net::CertificatePem>> certificates_;  // by host
  mutable Guarded<std::map<std::string, std::string, std::less<>>> pages_;     // by token
};

}  // namespace mox::app
