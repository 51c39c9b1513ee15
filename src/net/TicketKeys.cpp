#include "net/TicketKeys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <algorithm>
#include <exception>

#include "net/OpenSsl.h"

namespace mox::net {

namespace {

// What OpenSSL wants to hear.
constexpr int failed = -1, unknown = 0, good = 1, goodAndReplace = 2;

template <std::size_t Size>
void fill(std::array<unsigned char, Size>& key, Random& random) {
  auto bytes = random.bytes(Size);
  std::copy(bytes.begin(), bytes.end(), key.begin());
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

bool useMac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  auto bytes = key.mac;  // the parameter is not const
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, bytes.data(), bytes.size()),
                                   OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  bool done = EVP_MAC_CTX_set_params(mac, parameters) == 1;
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return done;
}

int encrypt(TicketKeys& keys, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  auto key = keys.today();
  auto random = keys.initialVector(static_cast<std::size_t>(EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())));
  std::copy(key->name.begin(), key->name.end(), name);
  std::copy(random.begin(), random.end(), vector);
  return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), vector) == 1 && useMac(mac, *key) ? good : failed;
}

int decrypt(TicketKeys& keys, SSL* ssl, const unsigned char* name, const unsigned char* vector, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  auto key = keys.named({reinterpret_cast<const char*>(name), std::tuple_size_v<decltype(TicketKey::name)>});
  if (!key) return unknown;
  if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), vector) != 1 || !useMac(mac, *key)) return failed;
  // RFC 8446 §C.4: a client shows a ticket of TLS 1.3 once, so it gets another each time.
  return SSL_version(ssl) >= TLS1_3_VERSION || key != keys.today() ? goodAndReplace : good;
}

int onTicket(SSL* ssl, unsigned char* name, unsigned char* vector, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int isNew) {
  auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  try {
    return isNew != 0 ? encrypt(keys, name, vector, cipher, mac) : decrypt(keys, ssl, name, vector, cipher, mac);
  } catch (const std::exception&) {  // OpenSSL's code is no way for it; the handshake fails
    return failed;
  }
}

}  // namespace

TicketKey::TicketKey(Random& random) {
  fill(name, random);
  fill(cipher, random);
  fill(mac, random);
}

TicketKey::~TicketKey() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

TicketKeys::TicketKeys(const Clock& clock, Random& random) : clock_(clock), random_(random), start_(clock.steady()) {}

void TicketKeys::useFor(ssl_ctx_st& ctx) {
  SSL_CTX_set_app_data(&ctx, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&ctx, &onTicket);
  // Of two, as the library sends by itself, libesmtp waits for another record before it says a word.
  SSL_CTX_set_num_tickets(&ctx, 1);
}

void TicketKeys::turn(Kept& kept) {
  auto day = (clock_.steady() - start_) / period;
  if (day == kept.day) return;
  kept.yesterday = day == kept.day + 1 ? std::move(kept.today) : nullptr;
  kept.today = std::make_shared<TicketKey>(random_);
  kept.day = day;
}

TicketKeys::Key TicketKeys::today() {
  auto kept = kept_.lock();
  turn(*kept);
  return kept->today;
}

TicketKeys::Key TicketKeys::named(std::string_view name) {
  auto kept = kept_.lock();
  turn(*kept);
  for (const auto& key : {kept->today, kept->yesterday})
    if (key && std::equal(name.begin(), name.end(), key->name.begin(), key->name.end(), [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; })) return key;
  return nullptr;
}

}  // namespace mox::net
