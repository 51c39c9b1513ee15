// What TLS connections of one kind share: certificates or roots, versions, ALPN, policy.
//
// Thread safe and immutable once made, but for a server's certificates, which can be swapped while it runs; later
// handshakes see the new ones, connections that stand keep theirs.
// RFC 8446, RFC 5246, RFC 6066 §3 (SNI), RFC 7301 (ALPN), RFC 7672 (DANE for SMTP).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"
#include "net/Keys.h"
#include "net/TicketKeys.h"

struct ssl_st;  // OpenSSL's SSL

namespace mox::net {

enum class TlsVersion { tls10, tls11, tls12, tls13 };

struct TlsServerOptions {
  /// Found by the DNS names of the leaf (subjectAltName, else common name). The first is the fallback.
  std::vector<CertificatePem> certificates;
  /// What a client that asks for a name we do not have gets: the first certificate, or the alert unrecognized_name.
  /// One that asks for no name gets the first certificate either way.
  bool fallback = true;
  /// Told of clients that ask for no name (nothing given), or for one we do not have. Called on workers, by several at once.
  std::function<void(const std::optional<std::string>& name)> unnamed;
  /// Protocols we speak, best first; empty ignores ALPN. A client that offers others only is refused.
  std::vector<std::string> alpn;
  TlsVersion minVersion = TlsVersion::tls12;
  /// Asks for a client certificate and takes any; the session judges TlsInfo::peerKeyFingerprint.
  bool requestClientCertificate = false;
  /// Of session tickets; null: there are none. Port 25 wants them off: some senders resume wrongly. They stay when certificates
  /// are replaced, and sessions with them.
  std::shared_ptr<TicketKeys> tickets;
  /// Proofs that a name is ours (RFC 8737): who offers `challengeProtocol` and nothing else by ALPN gets the certificate that
  /// this gives for the name it asks for, or the alert unrecognized_name. Called on workers, by several at once.
  std::function<std::optional<CertificatePem>(const std::string& name)> challenge;
  std::string challengeProtocol;  ///< one of `alpn`
  /// Sessions made under one context name are not resumed under another.
  std::string sessionContext = "mox";
};

/// RFC 6698 §2.1.
struct TlsaRecord {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::string data;
};

/// How a client judges the server of one connection.
struct TlsPolicy {
  enum class Verify {
    opportunistic,  ///< any certificate will do; TlsInfo tells whether it verified
    pkix,           ///< must chain to the roots and carry the name
    dane,           ///< must match a TLSA record; with no usable record as opportunistic
  };
  Verify verify = Verify::opportunistic;
  /// Names that are as good as the one connected to.
  std::vector<std::string> extraNames;
  std::vector<TlsaRecord> tlsa;
};

struct TlsClientOptions {
  bool systemRoots = true;
  std::string extraRootsPem;
  TlsVersion minVersion = TlsVersion::tls12;
  TlsVersion maxVersion = TlsVersion::tls13;
  std::vector<std::string> alpn;
  std::optional<CertificatePem> certificate;
  TlsPolicy policy;
};

class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> server(const TlsServerOptions& options);
  /// Loading the system's roots takes some milliseconds: keep one and derive from it by withPolicy().
  /// Client sessions are never resumed: a resumed one is not verified again.
  static Result<std::shared_ptr<TlsContext>> client(const TlsClientOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// A client context that shares everything but the policy.
  std::shared_ptr<TlsContext> withPolicy(TlsPolicy policy) const;
  /// Servers only. All or nothing.
  Result<void> replaceCertificates(const std::vector<CertificatePem>& certificates);

  bool isServer() const;
  /// A new SSL in accept or connect state; the caller frees it and keeps this context alive as long.
  /// `serverName` (clients): SNI and the name to verify; "" sends none. Fails on records or names that are none.
  Result<ssl_st*> newSsl(std::string_view serverName) const;

 private:
  struct Shared;
  TlsContext(std::shared_ptr<Shared> shared, TlsPolicy policy);
  std::shared_ptr<Shared> shared_;
  TlsPolicy policy_;
};

}  // namespace mox::net
