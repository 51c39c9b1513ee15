// Client certificates that log in, AUT-04: list, get, add, rm, gen.
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <istream>
#include <iterator>
#include <memory>
#include <ostream>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/ServerCommands.h"
#include "app/Storage.h"
#include "base/Date.h"
#include "base/Text.h"

namespace mox::app {

namespace {

std::string describeType(EVP_PKEY* key) {
  std::string type = lower(EVP_PKEY_get0_type_name(key) == nullptr ? "unknown" : EVP_PKEY_get0_type_name(key));
  if (type == "rsa") return "rsa-" + std::to_string(EVP_PKEY_get_bits(key));
  if (type == "ec") return "ecdsa-p" + std::to_string(EVP_PKEY_get_bits(key));
  return type;
}

/// Fingerprint, type and DER of the first certificate in PEM text.
Result<store::TlsPublicKey> fromPem(const std::string& pem) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  std::unique_ptr<X509, decltype(&X509_free)> cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  if (!cert) return fail(Errc::syntax, "no certificate in PEM on standard input");
  store::TlsPublicKey key;
  unsigned char* der = nullptr;
  int size = i2d_X509(cert.get(), &der);
  if (size > 0) key.certificate.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  unsigned char* spki = nullptr;
  size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert.get()), &spki);
  if (size <= 0) return fail(Errc::syntax, "certificate has no usable key");
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(spki, static_cast<std::size_t>(size), digest);
  OPENSSL_free(spki);
  key.fingerprint = base64Url({reinterpret_cast<char*>(digest), sizeof digest});
  auto* publicKey = X509_get0_pubkey(cert.get());
  if (publicKey == nullptr) return fail(Errc::syntax, "certificate has no usable key");
  key.type = describeType(publicKey);
  return key;
}

/// The 32 octets of an Ed25519 key, RFC 8032 §5.1.5: what configuration of mail submission takes as text.
std::string ed25519Seed(const std::string& pem) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  unsigned char seed[32];
  std::size_t size = sizeof seed;
  if (!key || EVP_PKEY_get_raw_private_key(key.get(), seed, &size) != 1 || size != sizeof seed) throw std::logic_error("not an Ed25519 key");
  return {reinterpret_cast<char*>(seed), size};
}

void show(std::ostream& out, const store::TlsPublicKey& key) {
  out << "fingerprint " << key.fingerprint << "\n  account " << key.account << ", login address " << key.loginAddress << "\n  name "
      << (key.name.empty() ? "-" : key.name) << ", type " << key.type << ", no IMAP preauth " << (key.noImapPreauth ? "yes" : "no")
      << ", added " << rfc3339Seconds(key.created) << "\n";
}

/// Base64url of SHA-256: one of 64 begins with "-".
bool isFingerprint(std::string_view word) {
  auto octets = fromBase64Url(word);
  return octets && octets->size() == SHA256_DIGEST_LENGTH;
}

bool oneFingerprint(Invocation& call) {
  Flags flags;
  flags.operands(&isFingerprint);
  return parseFlags(call, flags, 1, 1);
}

int refuse(Invocation& call, const Error& error) {
  call.err << error.text << "\n";
  return 1;
}

}  // namespace

int commandTlsKeyGen(Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  SystemClock clock;
  SystemRandom random;
  store::SystemFiles files;
  auto key = net::generateEd25519();
  auto certificate = net::makeSelfSigned(net::SelfSignedOptions{{"mox-client"}, key, ""}, clock, random).chain;
  auto described = fromPem(certificate);
  if (!described) throw std::logic_error(described.error().text);
  auto stem = call.args[0] + "." + described->fingerprint.substr(0, 8);
  auto keyFile = stem + ".ed25519privatekey.pkcs8.pem", certificateFile = stem + ".certificate.pem";
  writeNewFile(files, keyFile, key);
  writeNewFile(files, certificateFile, certificate);
  call.out << "private key:  " << keyFile << "\ncertificate:  " << certificateFile << "\nfingerprint:  " << described->fingerprint
           << "\nkey as text:  " << base64Url(ed25519Seed(key)) << "\n\nLet it log in: mox config tlspubkey add address < " << certificateFile << "\n";
  return 0;
}

int tlsKeyList(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 1)) return 2;
  for (const auto& key : server.storage.authDb.keys(call.args.empty() ? "" : call.args[0])) show(call.out, key);
  return 0;
}

int tlsKeyGet(ServerParts& server, Invocation& call) {
  if (!oneFingerprint(call)) return 2;
  auto key = server.storage.authDb.key(call.args[0]);
  if (!key) return refuse(call, {Errc::notFound, "no such key"});
  show(call.out, *key);
  return 0;
}

int tlsKeyAdd(ServerParts& server, Invocation& call) {
  bool noPreauth = false;
  Flags flags;
  flags.toggle("no-imap-preauth", noPreauth, "The key logs in by AUTHENTICATE EXTERNAL only.");
  if (!parseFlags(call, flags, 1, 2)) return 2;
  auto config = server.config.current();
  auto account = config->loginLookup(call.args[0]);
  if (!account) return refuse(call, account.error());
  auto key = fromPem(std::string(std::istreambuf_iterator<char>(call.in), {}));
  if (!key) return refuse(call, key.error());
  key->created = server.foundations.clock.now();
  key->account = (*account)->name;
  key->loginAddress = call.args[0];
  key->name = call.args.size() > 1 ? call.args[1] : "";
  key->noImapPreauth = noPreauth;
  if (auto added = server.storage.authDb.addKey(*key); !added) return refuse(call, added.error());
  show(call.out, *key);
  return 0;
}

int tlsKeyRemove(ServerParts& server, Invocation& call) {
  if (!oneFingerprint(call)) return 2;
  auto removed = server.storage.authDb.removeKey(call.args[0]);
  return removed ? 0 : refuse(call, removed.error());
}

}  // namespace mox::app
