#include "delivery/ReceivedId.h"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

#include "base/Text.h"

namespace mox::delivery {

namespace {

constexpr std::size_t aesKey = 16, aesBlock = 16, prefixSize = 8;

/// One block, one key, no mode: ECB of a block that is never the same twice.
std::string aes(const std::string& key, const std::string& block, bool encrypt) {
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  std::string out(aesBlock * 2, '\0');
  int length = 0;
  auto* octets = reinterpret_cast<unsigned char*>(out.data());
  bool ok = context && EVP_CipherInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, reinterpret_cast<const unsigned char*>(key.data()), nullptr, encrypt) == 1 &&
            EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
            EVP_CipherUpdate(context.get(), octets, &length, reinterpret_cast<const unsigned char*>(block.data()), static_cast<int>(block.size())) == 1;
  if (!ok || length != static_cast<int>(aesBlock)) throw std::runtime_error("AES-128 is not available");
  out.resize(aesBlock);
  return out;
}

}  // namespace

Result<ReceivedId> ReceivedId::make(std::string_view key) {
  if (key.size() != keySize) return fail(Errc::syntax, "the key of Received ids must have 24 octets");
  return ReceivedId(std::string(key.substr(0, aesKey)), std::string(key.substr(aesKey)));
}

std::string ReceivedId::encode(ConnectionId id) const {
  std::string block = prefix_;
  for (int shift = 56; shift >= 0; shift -= 8) block.push_back(static_cast<char>(id.value >> shift & 0xff));
  return base64Url(aes(key_, block, true));
}

std::optional<ConnectionId> ReceivedId::decode(std::string_view text) const {
  auto octets = fromBase64Url(text);
  if (!octets || octets->size() != aesBlock) return std::nullopt;
  auto block = aes(key_, *octets, false);
  if (block.substr(0, prefixSize) != prefix_) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = prefixSize; i < aesBlock; i++) value = value << 8 | static_cast<unsigned char>(block[i]);
  return ConnectionId(value);
}

}  // namespace mox::delivery
