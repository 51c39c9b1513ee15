#include "dkim/Key.h"

#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdexcept>

#include "base/Text.h"

namespace mox::dkim {

namespace {

constexpr std::size_t ed25519Octets = 32;

using Pkey = std::shared_ptr<evp_pkey_st>;
struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

Pkey own(EVP_PKEY* key) { return Pkey(key, EVP_PKEY_free); }

const unsigned char* octetsOf(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

/// Never asks a terminal for a passphrase.
int noPassphrase(char*, int, int, void*) { return -1; }

const EVP_MD* algorithm(Hash hash) { return hash == Hash::sha1 ? EVP_sha1() : EVP_sha256(); }

Result<void> checkRsaBits(unsigned bits) {
  if (bits < minRsaBits) return fail(Errc::denied, "RSA key of " + std::to_string(bits) + " bits is too small");
  if (bits > maxRsaBits) return fail(Errc::denied, "RSA key of " + std::to_string(bits) + " bits is too large");
  return {};
}

/// RFC 8463 §3: the SHA-256 digest is what Ed25519 signs.
struct Input {
  const EVP_MD* md;
  std::string hashed;
  std::string_view text;
};
Input inputFor(KeyType type, Hash hash, std::string_view text) {
  if (type == KeyType::rsa) return {algorithm(hash), "", text};
  return {nullptr, digest(Hash::sha256, text), {}};
}

Pkey rsaPublic(std::string_view der) {
  const unsigned char* at = octetsOf(der);
  auto size = static_cast<long>(der.size());
  if (EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, size)) {
    auto owned = own(key);
    return at == octetsOf(der) + size ? owned : nullptr;
  }
  at = octetsOf(der);
  EVP_PKEY* key = d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size);
  auto owned = own(key);
  return key != nullptr && at == octetsOf(der) + size ? owned : nullptr;
}

std::string readAll(BIO* bio) {
  char* data = nullptr;
  auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

PrivateKey::PrivateKey(Pkey key)
    : key_(std::move(key)),
      type_(EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519 ? KeyType::ed25519 : KeyType::rsa),
      bits_(static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()))) {}

Result<PrivateKey> PrivateKey::fromPem(std::string_view pem) {
  if (pem.size() > 64 * 1024) return fail(Errc::tooLong, "private key file longer than 65536 octets");
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  auto key = own(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr));
  ERR_clear_error();
  if (!key) return fail(Errc::syntax, "no private key in PEM form without passphrase");
  int kind = EVP_PKEY_get_base_id(key.get());
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519) return fail(Errc::unsupported, "private key is neither RSA nor Ed25519");
  PrivateKey out(std::move(key));
  if (out.type_ == KeyType::rsa) {
    if (auto ok = checkRsaBits(out.bits_); !ok) return tl::unexpected(ok.error());
  }
  return out;
}

PrivateKey PrivateKey::generateRsa(unsigned bits) {
  auto key = own(EVP_RSA_gen(bits));
  if (!key) throw std::runtime_error("cannot make an RSA key");
  return PrivateKey(std::move(key));
}

PrivateKey PrivateKey::generateEd25519() {
  auto key = own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) throw std::runtime_error("cannot make an Ed25519 key");
  return PrivateKey(std::move(key));
}

std::string PrivateKey::pem() const {
  Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    throw std::runtime_error("cannot write a private key");
  }
  return readAll(bio.get());
}

std::string PrivateKey::record() const {
  if (type_ == KeyType::ed25519) {
    std::string raw(ed25519Octets, '\0');
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) != 1) {
      throw std::runtime_error("cannot read an Ed25519 public key");
    }
    return "v=DKIM1;h=sha256;k=ed25519;p=" + base64(raw);
  }
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key_.get(), &der);
  if (size <= 0) throw std::runtime_error("cannot write an RSA public key");
  std::string octets(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return "v=DKIM1;h=sha256;p=" + base64(octets);
}

std::string PrivateKey::sign(Hash hash, std::string_view text) const {
  auto input = inputFor(type_, hash, text);
  auto signedText = input.md != nullptr ? input.text : std::string_view(input.hashed);
  Context context(EVP_MD_CTX_new());
  std::string out(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = out.size();
  bool ok = context && EVP_DigestSignInit(context.get(), nullptr, input.md, nullptr, key_.get()) == 1 &&
            EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, octetsOf(signedText), signedText.size()) == 1;
  if (!ok) throw std::runtime_error("signing failed");
  out.resize(size);
  return out;
}

Result<PublicKey> PublicKey::make(KeyType type, std::string_view octets) {
  if (type == KeyType::ed25519) {
    if (octets.size() != ed25519Octets) return fail(Errc::syntax, "Ed25519 key is not 32 octets long");
    auto key = own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octetsOf(octets), octets.size()));
    ERR_clear_error();
    if (!key) return fail(Errc::syntax, "malformed Ed25519 key");
    return PublicKey(std::move(key), type, ed25519Octets * 8);
  }
  if (octets.size() > maxKeyOctets) return fail(Errc::denied, "RSA key is too large");
  auto key = rsaPublic(octets);
  ERR_clear_error();
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return fail(Errc::syntax, "malformed RSA key");
  auto bits = static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
  if (auto ok = checkRsaBits(bits); !ok) return tl::unexpected(ok.error());
  return PublicKey(std::move(key), type, bits);
}

bool PublicKey::verify(Hash hash, std::string_view text, std::string_view signature) const {
  auto input = inputFor(type_, hash, text);
  auto signedText = input.md != nullptr ? input.text : std::string_view(input.hashed);
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  bool good = EVP_DigestVerifyInit(context.get(), nullptr, input.md, nullptr, key_.get()) == 1 &&
              EVP_DigestVerify(context.get(), octetsOf(signature), signature.size(), octetsOf(signedText), signedText.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace mox::dkim
