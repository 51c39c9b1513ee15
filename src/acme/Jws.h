// Signed requests of ACME: the account's key, and JSON Web Signatures made with it.
//
// RFC 7515 (JWS), RFC 7517 and 7518 (ES256), RFC 7638 (thumbprint), RFC 8555 §6.2 and §7.3.4. All encodings are base64url
// without padding. Failure of the library is an exception (std::runtime_error).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/Result.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace mox::acme {

/// ECDSA P-256. Immutable, thread safe.
class AccountKey {
 public:
  static AccountKey generate();
  /// PEM, as pem() gives it. Errc::syntax for what is no key, unsupported for one of another kind.
  static Result<AccountKey> fromPem(std::string_view pem);

  std::string pem() const;
  /// Members in the order of RFC 7638, no white space.
  std::string jwk() const;
  std::string thumbprint() const;
  /// ES256: R and S, 32 octets each.
  std::string sign(std::string_view input) const;

 private:
  explicit AccountKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

struct SignedHead {
  std::string nonce;
  std::string url;
  std::string accountUrl;  ///< "" sends the key itself, which only a new account does
};

/// The flattened JSON serialization of RFC 8555 §6.2. `payload` "" is POST-as-GET.
std::string signedRequest(const AccountKey& key, const SignedHead& head, std::string_view payload);

/// An account one has with the provider by other means, RFC 8555 §7.3.4.
struct ExternalAccount {
  std::string keyId;
  std::string key;  ///< octets
};

/// Value of externalAccountBinding in the request for a new account at `url`.
std::string externalBinding(const ExternalAccount& account, const AccountKey& key, std::string_view url);

/// What proves control: token and key, RFC 8555 §8.1.
std::string keyAuthorization(std::string_view token, const AccountKey& key);

}  // namespace mox::acme
