// The four messages of SCRAM, RFC 5802 §5 and §7, as values: parsing is the
// same work for server and client, and for the fuzzer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sasl/Hash.h"
#include "base/Result.h"

namespace mox::sasl {

/// RFC 5802 leaves nonces unbounded; ours have 24 characters.
inline constexpr std::size_t minClientNonce = 8;
inline constexpr std::size_t maxNonce = 1024;

/// "SCRAM-SHA-256-PLUS" and so on.
std::string_view scramName(HashKind kind, bool plus);

/// RFC 5802 §7 gs2-cbind-flag.
enum class BindFlag : char { none = 'n', serverCannot = 'y', bound = 'p' };

struct ClientFirst {
  BindFlag flag = BindFlag::none;
  std::string bindingType;  ///< with flag `bound`
  std::string authzid;      ///< unescaped
  std::string user;         ///< unescaped
  std::string nonce;
  std::string gs2Header;  ///< as sent, with both commas
  std::string bare;       ///< client-first-message-bare as sent
};
/// Errc::unsupported for the mandatory extension "m=", else syntax or tooLong.
Result<ClientFirst> parseClientFirst(std::string_view text);

struct ServerFirst {
  std::string nonce;
  std::string salt;
  unsigned iterations = 0;
};
Result<ServerFirst> parseServerFirst(std::string_view text);

struct ClientFinal {
  std::string binding;       ///< cbind-input, decoded
  std::string nonce;
  std::string proof;         ///< decoded
  std::string withoutProof;  ///< as sent, up to the comma before "p="
};
Result<ClientFinal> parseClientFinal(std::string_view text);

/// RFC 5802 §5.1: "," and "=" as =2C and =3D.
std::string escapeName(std::string_view name);
std::optional<std::string> unescapeName(std::string_view name);

}  // namespace mox::sasl
