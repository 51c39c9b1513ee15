// MD5's state is only reachable through the old functions.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sasl/Hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>

#include <array>
#include <limits>
#include <stdexcept>

namespace mox::sasl {

namespace {

const EVP_MD* openSslDigest(HashKind kind) { return kind == HashKind::sha1 ? EVP_sha1() : EVP_sha256(); }

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

int checkedInt(std::size_t size) {
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) throw std::length_error("hash input too long");
  return static_cast<int>(size);
}

constexpr std::size_t md5Block = 64;
constexpr std::size_t md5Size = 16;

using Md5Words = std::array<MD5_LONG*, 4>;

Md5Words words(MD5_CTX& context) { return {&context.A, &context.B, &context.C, &context.D}; }

std::string exportState(MD5_CTX& context) {
  std::string out;
  for (const MD5_LONG* word : words(context))
    for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(*word >> shift & 0xff);
  return out;
}

/// A context that has taken one block and stands at `state`.
MD5_CTX importState(const std::string& state) {
  if (state.size() != md5Size) throw std::invalid_argument("MD5 state is not 16 octets long");
  MD5_CTX context;
  MD5_Init(&context);
  std::size_t at = 0;
  for (MD5_LONG* word : words(context)) {
    *word = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) *word |= static_cast<MD5_LONG>(static_cast<unsigned char>(state[at++])) << shift;
  }
  context.Nl = md5Block * 8;  // length so far, in bits
  return context;
}

std::string finishMd5(MD5_CTX& context, std::string_view data) {
  MD5_Update(&context, data.data(), data.size());
  std::string out(md5Size, '\0');
  MD5_Final(raw(out), &context);
  return out;
}

std::string stateAfterPad(std::string block, char pad) {
  for (char& c : block) c = static_cast<char>(c ^ pad);
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, block.data(), block.size());
  return exportState(context);
}

}  // namespace

std::size_t hashSize(HashKind kind) { return kind == HashKind::sha1 ? 20 : 32; }

std::string digest(HashKind kind, std::string_view data) {
  std::string out(hashSize(kind), '\0');
  if (EVP_Digest(data.data(), data.size(), raw(out), nullptr, openSslDigest(kind), nullptr) != 1)
    throw std::runtime_error("EVP_Digest failed");
  return out;
}

std::string hmac(HashKind kind, std::string_view key, std::string_view data) {
  std::string out(hashSize(kind), '\0');
  const char* keyData = key.empty() ? "" : key.data();  // HMAC() takes a null key as "the one before"
  if (HMAC(openSslDigest(kind), keyData, checkedInt(key.size()), raw(data), data.size(), raw(out), nullptr) == nullptr)
    throw std::runtime_error("HMAC failed");
  return out;
}

std::string saltedPassword(HashKind kind, std::string_view password, std::string_view salt, unsigned iterations) {
  std::string out(hashSize(kind), '\0');
  int done = PKCS5_PBKDF2_HMAC(password.empty() ? "" : password.data(), checkedInt(password.size()), raw(salt), checkedInt(salt.size()),
                               checkedInt(iterations), openSslDigest(kind), checkedInt(out.size()), raw(out));
  if (done != 1) throw std::runtime_error("PKCS5_PBKDF2_HMAC failed");
  return out;
}

std::string exclusiveOr(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) throw std::invalid_argument("exclusiveOr of different lengths");
  std::string out(a);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

bool equalConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

HmacMd5States hmacMd5States(std::string_view key) {
  std::string block(key);
  if (block.size() > md5Block) {
    MD5_CTX context;
    MD5_Init(&context);
    block = finishMd5(context, key);
  }
  block.resize(md5Block, '\0');
  return {stateAfterPad(block, 0x36), stateAfterPad(block, 0x5c)};
}

std::string hmacMd5(const HmacMd5States& states, std::string_view data) {
  MD5_CTX inner = importState(states.inner);
  MD5_CTX outer = importState(states.outer);
  return finishMd5(outer, finishMd5(inner, data));
}

}  // namespace mox::sasl
