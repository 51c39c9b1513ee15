#include "store/Passwords.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>

#include "base/Guarded.h"
#include "base/Text.h"
#include "sasl/Prepare.h"
#include "store/Account.h"

namespace mox::store {

namespace {

constexpr std::size_t bcryptSaltBytes = 16;
constexpr std::size_t bcryptSettingChars = 29, bcryptDigestChars = 31;
/// Passwords remembered at most; beyond it the oldest go.
constexpr std::size_t cacheEntries = 10'000;

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

/// What bcrypt gets: it stops at NUL and after 72 bytes, so such passwords are condensed first.
std::string bcryptInput(std::string_view password) {
  if (password.size() <= bcryptMaxBytes && password.find('\0') == std::string_view::npos) return std::string(password);
  return base64(sha256(password));
}

std::string crypt(const std::string& phrase, const std::string& setting) {
  auto data = std::make_unique<crypt_data>();
  const char* hash = ::crypt_r(phrase.c_str(), setting.c_str(), data.get());
  std::string result = hash == nullptr ? "*0" : hash;
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return result;
}

/// "$2b$10$" and the salt.
std::string bcryptSetting(Random& random) {
  auto salt = random.bytes(bcryptSaltBytes);
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (::crypt_gensalt_rn("$2b$", bcryptCost, salt.data(), static_cast<int>(salt.size()), setting, sizeof setting) == nullptr)
    throw std::runtime_error("this libcrypt has no bcrypt");
  return setting;
}

/// A hash that no password has, as costly to check as any: computing one would cost the start 50 ms.
std::string dummyHash(Random& random) { return bcryptSetting(random) + std::string(bcryptDigestChars, '.'); }

std::string hmacSha256(std::string_view key, std::string_view input) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(input.data()), input.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &length);
  return digest;
}

bool sameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string bcryptHash(std::string_view password, Random& random) {
  auto hash = crypt(bcryptInput(password), bcryptSetting(random));
  if (hash.empty() || hash[0] == '*') throw std::runtime_error("bcrypt failed");
  return hash;
}

bool passwordVerify(std::string_view password, const std::string& hash) {
  auto matches = [&](const std::string& phrase) {
    auto computed = crypt(phrase, hash);
    return computed[0] != '*' && sameSecret(computed, hash);
  };
  bool isBcrypt = hash.starts_with("$2");
  bool isCut = password.find('\0') != std::string_view::npos;  // crypt(3) stops there
  if (isBcrypt && matches(bcryptInput(password))) return true;
  // A hash made elsewhere, of the long password as it is.
  return !isCut && (!isBcrypt || password.size() > bcryptMaxBytes) && matches(std::string(password));
}

std::string hashSetting(const std::string& hash) {
  if (hash.starts_with("$2")) return hash.substr(0, bcryptSettingChars);
  return hash.starts_with('$') ? hash.substr(0, hash.rfind('$') + 1) : hash;  // the old kinds begin with their salt
}

Result<PasswordSecrets> makeSecrets(std::string_view password, Random& random) {
  auto prepared = sasl::preparePassword(password);
  if (!prepared) return tl::unexpected<Error>(prepared.error());
  auto derived = sasl::derive(*prepared, random);
  if (!derived) return tl::unexpected<Error>(derived.error());
  return PasswordSecrets{bcryptHash(*prepared, random), std::move(*derived)};
}

struct PasswordChecker::State {
  struct Cache {
    std::map<std::string, Steady> until;  // by cacheKey
  };
  /// In order, so that an account more or less makes few logins cost something else.
  struct Kinds {
    std::vector<std::string> settings;
    std::size_t others = 1;
  };
  State(const Clock& c, Random& r, std::string s, Verify v)
      : clock(c), random(r), key(r.bytes(32)), secret(std::move(s)), verify(std::move(v)), dummy(dummyHash(r)) {}

  const Clock& clock;
  Random& random;
  const std::string key;    ///< of this process: a dump of the cache alone cannot be searched
  const std::string secret;
  const Verify verify;
  const std::string dummy;  ///< hash of a password nobody knows
  Guarded<Kinds> kinds;
  Guarded<Cache> cache;
  std::atomic<std::uint64_t> hashes{0};

  /// Bound to the stored hash: a changed password is not found.
  std::string cacheKey(const std::string& hash, std::string_view password) const {
    std::string input = hash + std::string(1, '\0') + std::string(password);
    auto digest = hmacSha256(key, input);
    OPENSSL_cleanse(input.data(), input.size());
    return digest;
  }
  std::string dummyFor(std::string_view login) {
    auto digest = hmacSha256(secret, "cost of a login" + std::string(1, '\0') + std::string(login));
    std::uint64_t place = 0;
    for (std::size_t i = 0; i < 4; ++i) place = place << 8 | static_cast<unsigned char>(digest[i]);
    auto access = kinds.lock();
    auto at = static_cast<std::size_t>(place * (access->others + access->settings.size()) >> 32);
    return at < access->others ? dummy : access->settings[at - access->others];
  }
  bool known(const std::string& cached) {
    auto access = cache.lock();
    auto found = access->until.find(cached);
    if (found == access->until.end()) return false;
    if (clock.steady() < found->second) return true;
    access->until.erase(found);
    return false;
  }
  void remember(const std::string& cached) {
    auto now = clock.steady();
    auto access = cache.lock();
    if (access->until.size() >= cacheEntries) std::erase_if(access->until, [&](const auto& entry) { return entry.second <= now; });
    if (access->until.size() >= cacheEntries) access->until.clear();
    access->until[cached] = now + passwordCacheTime;
  }
};

PasswordChecker::PasswordChecker(const Clock& clock, Random& random, std::string secret, Verify verify)
    : state_(std::make_unique<State>(clock, random, std::move(secret), std::move(verify))) {}
PasswordChecker::~PasswordChecker() = default;

void PasswordChecker::useKinds(const std::vector<std::string>& given, std::size_t others) {
  State::Kinds kinds{{}, given.empty() ? std::max<std::size_t>(others, 1) : others};
  for (const auto& hash : given) kinds.settings.push_back(hashSetting(hash));
  std::sort(kinds.settings.begin(), kinds.settings.end());
  *state_->kinds.lock() = std::move(kinds);
}

bool PasswordChecker::check(Account* account, std::string_view login, std::string_view given) {
  auto& s = *state_;
  // What cannot be a password cannot be right; it still costs the same.
  auto prepared = sasl::preparePassword(given);
  std::string_view password = prepared ? std::string_view(*prepared) : std::string_view();
  auto secrets = account == nullptr ? std::nullopt : account->password();
  bool hasHash = secrets && !secrets->hash.empty();
  if (!prepared || !hasHash) {
    ++s.hashes;
    s.verify(password, hasHash ? secrets->hash : s.dummyFor(login));
    return false;
  }
  bool cacheable = password.size() >= passwordCacheMinimum;
  auto cached = cacheable ? s.cacheKey(secrets->hash, password) : std::string();
  if (cacheable && s.known(cached)) return true;
  ++s.hashes;
  if (!s.verify(password, secrets->hash)) return false;
  if (cacheable) s.remember(cached);
  if (secrets->sasl.scramSha256.empty())
    if (auto derived = sasl::derive(password, s.random)) account->addSaslSecrets(secrets->hash, *derived);
  return true;
}

bool PasswordChecker::cached(const Account& account, std::string_view given) {
  auto password = sasl::preparePassword(given);
  if (!password || password->size() < passwordCacheMinimum) return false;
  auto secrets = account.password();
  return secrets && state_->known(state_->cacheKey(secrets->hash, *password));
}

std::string PasswordChecker::dummyFor(std::string_view login) const { return state_->dummyFor(login); }

std::uint64_t PasswordChecker::hashesRun() const { return state_->hashes; }

}  // namespace mox::store
