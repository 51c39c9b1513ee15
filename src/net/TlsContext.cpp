#include "net/TlsContext.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <unordered_map>

#include "base/Guarded.h"
#include "base/Ip.h"
#include "base/Text.h"
#include "net/OpenSsl.h"

namespace mox::net {

namespace {

using SharedCtx = std::shared_ptr<SSL_CTX>;

/// Certificates by name. "*.example.org" stands for exactly one label.
struct CertificateTable {
  std::unordered_map<std::string, SharedCtx> byName;
  SharedCtx first;

  const SharedCtx* find(const std::string& name) const {
    if (auto exact = byName.find(name); exact != byName.end()) return &exact->second;
    auto dot = name.find('.');
    if (dot == std::string::npos) return nullptr;
    auto wild = byName.find("*" + name.substr(dot));
    return wild != byName.end() ? &wild->second : nullptr;
  }
};

int versionNumber(TlsVersion version) {
  switch (version) {
    case TlsVersion::tls10: return TLS1_VERSION;
    case TlsVersion::tls11: return TLS1_1_VERSION;
    case TlsVersion::tls12: return TLS1_2_VERSION;
    case TlsVersion::tls13: return TLS1_3_VERSION;
  }
  throw std::logic_error("TlsVersion");
}

Result<std::string> alpnWire(const std::vector<std::string>& protocols) {
  std::string out;
  for (const auto& name : protocols) {
    if (name.empty() || name.size() > 255) return fail(Errc::syntax, "ALPN protocol name of " + std::to_string(name.size()) + " bytes");
    out += static_cast<char>(name.size());
    out += name;
  }
  return out;
}

SslCtxPtr newCtx(const SSL_METHOD* method, TlsVersion minVersion) {
  SslCtxPtr ctx(SSL_CTX_new(method));
  if (!ctx || SSL_CTX_set_min_proto_version(ctx.get(), versionNumber(minVersion)) != 1)
    throw std::runtime_error("TLS context: " + opensslError());
  // Below 1.2 only SHA-1 signatures exist, which OpenSSL has at level 0 alone.
  if (minVersion < TlsVersion::tls12) SSL_CTX_set_security_level(ctx.get(), 0);
  SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Without it each record costs two read(2): head and body.
  SSL_CTX_set_read_ahead(ctx.get(), 1);
  SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);  // tickets carry sessions; a cache would only grow
  return ctx;
}

Result<std::vector<X509Ptr>> readChain(std::string_view pem) {
  ERR_clear_error();
  BioPtr in = memoryBio(pem);
  std::vector<X509Ptr> out;
  while (X509* certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) out.emplace_back(certificate);
  if (out.empty()) return fail(Errc::syntax, "no certificate in PEM: " + opensslError());
  ERR_clear_error();  // the "no start line" that ended the loop
  return out;
}

Result<void> useCertificate(SSL_CTX& ctx, const CertificatePem& pem) {
  auto chain = readChain(pem.chain);
  if (!chain) return tl::unexpected(chain.error());
  BioPtr keyIn = memoryBio(pem.key);
  KeyPtr key(PEM_read_bio_PrivateKey(keyIn.get(), nullptr, nullptr, nullptr));
  if (!key) return fail(Errc::syntax, "private key: " + opensslError());
  if (SSL_CTX_use_certificate(&ctx, chain->front().get()) != 1) return fail(Errc::denied, "certificate: " + opensslError());
  if (SSL_CTX_use_PrivateKey(&ctx, key.get()) != 1 || SSL_CTX_check_private_key(&ctx) != 1)
    return fail(Errc::denied, "the private key is not the certificate's: " + opensslError());
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&ctx, (*chain)[i].get()) != 1) return fail(Errc::denied, "certificate chain: " + opensslError());
  }
  return {};
}

std::vector<std::string> certificateNames(X509& certificate) {
  std::vector<std::string> out;
  auto take = [&out](const ASN1_STRING* text) {
    auto size = ASN1_STRING_length(text);
    if (size > 0) out.push_back(lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(size)}));
  };
  std::unique_ptr<GENERAL_NAMES, OpenSslDelete<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) take(name->d.dNSName);
  }
  if (names) return out;
  X509_NAME* subject = X509_get_subject_name(&certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) take(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  return out;
}

/// RFC 6066 §3, read raw because the certificate must be chosen before OpenSSL has looked at extensions.
/// Nothing if there is no name; a malformed extension is left for OpenSSL to refuse.
std::optional<std::string> requestedName(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return std::nullopt;
  std::string_view ext(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t head = 5;  // list length, type, name length
  if (ext.size() < head || ext[2] != TLSEXT_NAMETYPE_host_name) return std::nullopt;
  std::size_t length = static_cast<std::size_t>(data[3]) << 8 | data[4];
  if (length == 0 || ext.size() < head + length) return std::nullopt;
  std::string name = lower(ext.substr(head, length));
  if (name.back() == '.') name.pop_back();
  return name;
}

/// RFC 7301 §3.1: `protocol` and no other is offered.
bool offersOnly(SSL* ssl, std::string_view protocol) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) != 1) return false;
  std::string_view ext(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t head = 3;  // list length, name length
  return ext.size() == head + protocol.size() && static_cast<std::size_t>(data[2]) == protocol.size() && ext.substr(head) == protocol;
}

}  // namespace

struct TlsContext::Shared {
  bool isServer = false;
  TlsServerOptions options;
  std::string alpn;  ///< wire form
  SslCtxPtr base;
  Guarded<std::shared_ptr<const CertificateTable>> certificates;

  Result<SslCtxPtr> serverCtx(const CertificatePem* certificate);
  Result<std::shared_ptr<const CertificateTable>> makeTable(const std::vector<CertificatePem>& pems);
  int answerChallenge(SSL* ssl, int* alert);
  static int onClientHello(SSL* ssl, int* alert, void* self);
  static int onAlpn(SSL* ssl, const unsigned char** out, unsigned char* outLength, const unsigned char* in, unsigned inLength, void* self);
};

int TlsContext::Shared::answerChallenge(SSL* ssl, int* alert) {
  auto name = requestedName(ssl);
  auto proof = name ? options.challenge(*name) : std::nullopt;
  auto ctx = proof ? serverCtx(&*proof) : Result<SslCtxPtr>(SslCtxPtr());
  if (!ctx || !*ctx) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  SSL_set_SSL_CTX(ssl, ctx->get());  // which keeps it
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsContext::Shared::onClientHello(SSL* ssl, int* alert, void* self) {
  auto& shared = *static_cast<Shared*>(self);
  if (shared.options.challenge && offersOnly(ssl, shared.options.challengeProtocol)) return shared.answerChallenge(ssl, alert);
  auto table = *shared.certificates.lock();
  auto name = requestedName(ssl);
  const SharedCtx* chosen = name ? table->find(*name) : nullptr;
  if (chosen == nullptr && shared.options.unnamed) shared.options.unnamed(name);
  if (chosen == nullptr && name && !shared.options.fallback) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  SSL_set_SSL_CTX(ssl, (chosen != nullptr ? *chosen : table->first).get());
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsContext::Shared::onAlpn(SSL*, const unsigned char** out, unsigned char* outLength, const unsigned char* in, unsigned inLength,
                               void* self) {
  const std::string& ours = static_cast<Shared*>(self)->alpn;
  unsigned char* chosen = nullptr;
  int found = SSL_select_next_proto(&chosen, outLength, reinterpret_cast<const unsigned char*>(ours.data()),
                                    static_cast<unsigned>(ours.size()), in, inLength);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Every certificate has its own SSL_CTX with the same settings: OpenSSL takes some from the one chosen and some
// from the one the SSL was made with.
Result<SslCtxPtr> TlsContext::Shared::serverCtx(const CertificatePem* certificate) {
  SslCtxPtr ctx = newCtx(TLS_server_method(), options.minVersion);
  const std::string& name = options.sessionContext;
  if (SSL_CTX_set_session_id_context(ctx.get(), reinterpret_cast<const unsigned char*>(name.data()),
                                     static_cast<unsigned>(name.size())) != 1)
    return fail(Errc::tooLong, "TLS session context name is too long");
  if (options.tickets) {
    options.tickets->useFor(*ctx);
  } else {
    SSL_CTX_set_options(ctx.get(), SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx.get(), 0);
  }
  if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(ctx.get(), &Shared::onAlpn, this);
  if (options.requestClientCertificate)
    SSL_CTX_set_verify(ctx.get(), SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  SSL_CTX_set_client_hello_cb(ctx.get(), &Shared::onClientHello, this);
  if (certificate != nullptr) {
    if (auto used = useCertificate(*ctx, *certificate); !used) return tl::unexpected(used.error());
  }
  return ctx;
}

Result<std::shared_ptr<const CertificateTable>> TlsContext::Shared::makeTable(const std::vector<CertificatePem>& pems) {
  if (pems.empty()) return fail(Errc::notFound, "no certificate");
  auto table = std::make_shared<CertificateTable>();
  for (const auto& pem : pems) {
    auto made = serverCtx(&pem);
    if (!made) return tl::unexpected(made.error());
    SharedCtx ctx(made->release(), [](SSL_CTX* c) { SSL_CTX_free(c); });
    for (auto& name : certificateNames(*SSL_CTX_get0_certificate(ctx.get()))) table->byName.emplace(std::move(name), ctx);
    if (!table->first) table->first = ctx;
  }
  return std::shared_ptr<const CertificateTable>(std::move(table));
}

TlsContext::TlsContext(std::shared_ptr<Shared> shared, TlsPolicy policy) : shared_(std::move(shared)), policy_(std::move(policy)) {}
TlsContext::~TlsContext() = default;

bool TlsContext::isServer() const { return shared_->isServer; }

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsServerOptions& options) {
  auto shared = std::make_shared<Shared>();
  shared->isServer = true;
  shared->options = options;
  shared->options.certificates.clear();  // keys stay in OpenSSL's hands only
  auto alpn = alpnWire(options.alpn);
  if (!alpn) return tl::unexpected(alpn.error());
  shared->alpn = std::move(*alpn);
  auto base = shared->serverCtx(nullptr);
  if (!base) return tl::unexpected(base.error());
  shared->base = std::move(*base);
  std::shared_ptr<TlsContext> context(new TlsContext(std::move(shared), {}));
  if (auto replaced = context->replaceCertificates(options.certificates); !replaced) return tl::unexpected(replaced.error());
  return context;
}

Result<void> TlsContext::replaceCertificates(const std::vector<CertificatePem>& certificates) {
  if (!isServer()) throw std::logic_error("replaceCertificates on a client context");
  auto table = shared_->makeTable(certificates);
  if (!table) return tl::unexpected(table.error());
  *shared_->certificates.lock() = std::move(*table);
  return {};
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsClientOptions& options) {
  auto shared = std::make_shared<Shared>();
  shared->base = newCtx(TLS_client_method(), options.minVersion);
  SSL_CTX* ctx = shared->base.get();
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
  SSL_CTX_set_max_proto_version(ctx, versionNumber(options.maxVersion));
  auto alpn = alpnWire(options.alpn);
  if (!alpn) return tl::unexpected(alpn.error());
  if (!alpn->empty() &&
      SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const unsigned char*>(alpn->data()), static_cast<unsigned>(alpn->size())) != 0)
    throw std::runtime_error("ALPN: " + opensslError());
  if (SSL_CTX_dane_enable(ctx) != 1) throw std::runtime_error("DANE: " + opensslError());
  if (options.systemRoots && SSL_CTX_set_default_verify_paths(ctx) != 1) throw std::runtime_error("system roots: " + opensslError());
  if (!options.extraRootsPem.empty()) {
    auto roots = readChain(options.extraRootsPem);
    if (!roots) return fail("extra roots", roots.error());
    for (const auto& root : *roots) X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root.get());
  }
  if (options.certificate) {
    if (auto used = useCertificate(*ctx, *options.certificate); !used) return fail("client certificate", used.error());
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(shared), options.policy));
}

std::shared_ptr<TlsContext> TlsContext::withPolicy(TlsPolicy policy) const {
  if (isServer()) throw std::logic_error("withPolicy on a server context");
  return std::shared_ptr<TlsContext>(new TlsContext(shared_, std::move(policy)));
}

namespace {

/// RFC 7672 §3.1. True if at least one record can be used.
Result<bool> addTlsa(SSL& ssl, const std::string& name, const std::vector<TlsaRecord>& records) {
  if (SSL_dane_enable(&ssl, name.c_str()) <= 0) return fail(Errc::syntax, "DANE: " + opensslError());
  SSL_dane_set_flags(&ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);  // RFC 7672 §3.1.1
  bool usable = false;
  for (const auto& record : records) {
    int added = SSL_dane_tlsa_add(&ssl, record.usage, record.selector, record.matching,
                                  reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size());
    if (added < 0) return fail(Errc::syntax, "TLSA record: " + opensslError());
    usable = usable || added > 0;
  }
  return usable;
}

Result<void> checkNames(SSL& ssl, const std::string& name, const std::vector<std::string>& extra) {
  SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (!name.empty()) {
    bool isIp = IpAddress::parse(name).has_value();
    int set = isIp ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&ssl), name.c_str()) : SSL_set1_host(&ssl, name.c_str());
    if (set != 1) return fail(Errc::syntax, "server name: " + opensslError());
  }
  for (const auto& other : extra)
    if (SSL_add1_host(&ssl, other.c_str()) != 1) return fail(Errc::syntax, "server name: " + opensslError());
  return {};
}

}  // namespace

Result<ssl_st*> TlsContext::newSsl(std::string_view serverName) const {
  ERR_clear_error();
  SslPtr ssl(SSL_new(shared_->base.get()));
  if (!ssl) throw std::runtime_error("SSL_new: " + opensslError());
  if (isServer()) {
    SSL_set_accept_state(ssl.get());
    return ssl.release();
  }
  SSL_set_connect_state(ssl.get());
  std::string name(serverName);
  if (!isOneLine(name)) return fail(Errc::syntax, "server name");
  bool usable = false;
  if (policy_.verify == TlsPolicy::Verify::dane) {
    auto added = addTlsa(*ssl, name, policy_.tlsa);  // sets SNI as well
    if (!added) return tl::unexpected(added.error());
    usable = *added;
  } else if (!name.empty() && !IpAddress::parse(name) && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1) {
    return fail(Errc::syntax, "server name: " + opensslError());
  }
  if (auto checked = checkNames(*ssl, name, policy_.extraNames); !checked) return tl::unexpected(checked.error());
  // Without a name there is nothing PKIX could check.
  if (policy_.verify == TlsPolicy::Verify::pkix && name.empty()) return fail(Errc::syntax, "no server name to verify");
  bool enforce = policy_.verify == TlsPolicy::Verify::pkix || usable;
  SSL_set_verify(ssl.get(), enforce ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return ssl.release();
}

}  // namespace mox::net
