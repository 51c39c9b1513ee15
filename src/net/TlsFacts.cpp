#include "net/TlsFacts.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

#include <array>

#include "base/Text.h"
#include "net/OpenSsl.h"

namespace mox::net {

namespace {

std::string_view asText(const unsigned char* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

/// RFC 9266 §2.
std::string exporterBinding(SSL* ssl) {
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  std::array<unsigned char, 32> out{};
  unsigned char none = 0;
  if (SSL_export_keying_material(ssl, out.data(), out.size(), label.data(), label.size(), &none, 0, 1) != 1) return {};
  return std::string(asText(out.data(), out.size()));
}

/// RFC 5929 §3.1: the first Finished message of the handshake, which is the client's in a full handshake and the
/// server's in an abbreviated one. Only safe with the extended master secret (RFC 7627).
std::string uniqueBinding(SSL* ssl) {
  if (SSL_get_extms_support(ssl) != 1) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  bool serverFirst = SSL_session_reused(ssl) == 1;
  bool ours = (SSL_is_server(ssl) == 1) == serverFirst;
  std::size_t size = ours ? SSL_get_finished(ssl, out.data(), out.size()) : SSL_get_peer_finished(ssl, out.data(), out.size());
  return std::string(asText(out.data(), std::min(size, out.size())));
}

/// RFC 5929 §4.1: the certificate hashed with its signature's hash, SHA-256 in place of MD5 and SHA-1. For
/// signatures without a hash of their own (Ed25519) the RFC defines nothing; SHA-256 is what others send.
std::string serverEndPointBinding(X509* certificate) {
  if (certificate == nullptr) return {};
  int hash = NID_undef;
  int key = NID_undef;
  OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &hash, &key);
  const EVP_MD* digest = hash == NID_undef || hash == NID_md5 || hash == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (digest == nullptr || X509_digest(certificate, digest, out.data(), &size) != 1) return {};
  return std::string(asText(out.data(), size));
}

std::string keyFingerprint(X509* certificate) {
  unsigned char* der = nullptr;
  int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> out{};
  SHA256(der, static_cast<std::size_t>(size), out.data());
  OPENSSL_free(der);
  return base64Url(asText(out.data(), out.size()));
}

}  // namespace

TlsInfo tlsFacts(const ssl_st& constSsl) {
  SSL* ssl = const_cast<SSL*>(&constSsl);  // OpenSSL's getters are not const-correct
  TlsInfo info;
  info.version = SSL_get_version(ssl);
  info.cipher = SSL_get_cipher_name(ssl);
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.serverName = name;
  const unsigned char* alpn = nullptr;
  unsigned alpnSize = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpnSize);
  if (alpnSize > 0) info.alpn = asText(alpn, alpnSize);
  info.resumed = SSL_session_reused(ssl) == 1;
  X509Ptr peer(SSL_get1_peer_certificate(ssl));
  if (peer) info.peerKeyFingerprint = keyFingerprint(peer.get());
  bool isServer = SSL_is_server(ssl) == 1;
  if (!isServer) {
    long verify = SSL_get_verify_result(ssl);
    info.peerVerified = peer && verify == X509_V_OK;
    if (!peer) info.verifyError = "no certificate";
    else if (verify != X509_V_OK) info.verifyError = X509_verify_cert_error_string(verify);
  }
  if (SSL_version(ssl) == TLS1_3_VERSION) info.exporterBinding = exporterBinding(ssl);
  else info.uniqueBinding = uniqueBinding(ssl);
  info.serverEndPointBinding = serverEndPointBinding(isServer ? SSL_get_certificate(ssl) : peer.get());
  ERR_clear_error();
  return info;
}

}  // namespace mox::net
