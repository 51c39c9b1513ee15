#include "dkim/Signature.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "dkim/TagList.h"
#include "dns/Name.h"

namespace mox::dkim {

namespace {

/// Seconds of t= and x= have at most 12 digits (§3.5); the year 9999 is enough for us.
constexpr std::uint64_t lastSecond = 253402300799;

Result<Canonicalization> canonicalization(std::string_view text) {
  if (equalsNoCase(text, "simple")) return Canonicalization::simple;
  if (equalsNoCase(text, "relaxed")) return Canonicalization::relaxed;
  return fail(Errc::unsupported, "unknown canonicalization \"" + printable(text, 40) + "\"");
}

Result<void> readAlgorithm(std::string_view text, Signature& out) {
  auto name = lower(text);
  if (name != "rsa-sha256" && name != "rsa-sha1" && name != "ed25519-sha256") {
    return fail(Errc::unsupported, "unknown algorithm \"" + printable(text, 40) + "\"");
  }
  out.keyType = name.starts_with("rsa") ? KeyType::rsa : KeyType::ed25519;
  out.hash = name.ends_with("sha1") ? Hash::sha1 : Hash::sha256;
  return {};
}

Result<void> readCanonicalization(std::string_view text, Signature& out) {
  auto slash = text.find('/');
  auto header = canonicalization(trim(text.substr(0, slash)));
  if (!header) return tl::unexpected(header.error());
  out.header = *header;
  if (slash == std::string_view::npos) return {};
  auto body = canonicalization(trim(text.substr(slash + 1)));
  if (!body) return tl::unexpected(body.error());
  out.body = *body;
  return {};
}

Result<Time> readTime(std::string_view text) {
  auto seconds = parseUnsigned(text);
  if (!seconds) return fail(Errc::syntax, "bad time");
  return fromUnixSeconds(static_cast<std::int64_t>(std::min(*seconds, lastSecond)));
}

Result<std::string> readSelector(std::string_view text) {
  auto name = Domain::make(text);
  if (!name || text.ends_with('.')) return fail(Errc::syntax, "bad selector");
  return name->ascii();
}

bool isFieldName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ':' && c != ';'; });
}

Result<void> readNames(std::string_view text, Signature& out) {
  auto names = colonList(text);
  if (names.size() > maxSignedNames) return fail(Errc::tooMany, "more than 1000 names in h=");
  for (auto name : names) {
    if (!isFieldName(name)) return fail(Errc::syntax, "bad header field name in h=");
    out.names.emplace_back(name);
  }
  if (!out.isSigned("from")) return fail(Errc::syntax, "From is not signed");
  return {};
}

Result<void> readIdentity(std::string_view text, Signature& out) {
  auto decoded = decodeQuotedPrintable(text);
  if (!decoded) return fail(Errc::syntax, "bad quoted-printable in i=");
  auto at = decoded->rfind('@');
  if (at == std::string::npos) return fail(Errc::syntax, "i= without @");
  auto domain = Domain::make(decoded->substr(at + 1));
  if (!domain) return fail("i=", domain.error());
  // §6.1.1: i= must be d= or below.
  if (!domain->isWithin(out.domain)) return fail(Errc::syntax, "i= is not within d=");
  out.identityLocalpart = decoded->substr(0, at);
  out.identityDomain = *domain;
  return {};
}

Result<void> readHashes(const TagList& tags, Signature& out) {
  const auto* b = tags.find("b");
  out.valueStart = b->valueStart;
  out.valueEnd = b->valueEnd;
  out.signatureText = withoutSpace(b->value);
  auto signature = fromBase64(out.signatureText);
  if (!signature || signature->empty()) return fail(Errc::syntax, "bad base64 in b=");
  out.signature = *signature;
  auto bodyHash = fromBase64(withoutSpace(tags.find("bh")->value));
  if (!bodyHash) return fail(Errc::syntax, "bad base64 in bh=");
  out.bodyHash = *bodyHash;
  return {};
}

Result<void> readTimes(const TagList& tags, Signature& out) {
  for (auto [name, slot] : {std::pair("t", &out.signedAt), std::pair("x", &out.expires)}) {
    const auto* tag = tags.find(name);
    if (tag == nullptr) continue;
    auto time = readTime(tag->value);
    if (!time) return fail(std::string(name) + "=", time.error());
    *slot = *time;
  }
  if (out.signedAt && out.expires && *out.expires <= *out.signedAt) return fail(Errc::syntax, "x= is not after t=");
  return {};
}

Result<void> readOptional(const TagList& tags, Signature& out) {
  if (const auto* c = tags.find("c")) {
    if (auto ok = readCanonicalization(c->value, out); !ok) return ok;
  }
  if (const auto* i = tags.find("i")) {
    if (auto ok = readIdentity(i->value, out); !ok) return ok;
  }
  if (const auto* l = tags.find("l")) {
    out.length = parseUnsigned(l->value);
    if (!out.length) return fail(Errc::syntax, "bad length in l=");
  }
  if (const auto* q = tags.find("q")) {
    auto methods = colonList(q->value);
    bool known = std::any_of(methods.begin(), methods.end(), [](auto method) { return equalsNoCase(method, "dns/txt"); });
    if (!known) return fail(Errc::unsupported, "unknown query method");
  }
  return readTimes(tags, out);
}

}  // namespace

std::string_view keyTypeName(KeyType type) { return type == KeyType::ed25519 ? "ed25519" : "rsa"; }

std::string Signature::algorithm() const { return std::string(keyTypeName(keyType)) + "-" + std::string(hashName(hash)); }

std::string Signature::identity() const {
  std::string localpart = identityLocalpart.value_or("");
  if (!isPlainUtf8(localpart)) localpart = printable(localpart);
  return localpart + "@" + (identityDomain ? *identityDomain : domain).ascii();
}

bool Signature::isSigned(std::string_view name) const {
  return std::any_of(names.begin(), names.end(), [&](const auto& each) { return equalsNoCase(each, name); });
}

std::string Signature::keyName() const { return selector + "._domainkey." + domain.ascii() + "."; }

Result<Signature> Signature::parse(std::string_view value) {
  auto tags = TagList::parse(value);
  if (!tags) return tl::unexpected(tags.error());
  for (const char* name : {"v", "a", "b", "bh", "d", "h", "s"}) {
    if (tags->find(name) == nullptr) return fail(Errc::syntax, std::string("no ") + name + "= tag");
  }
  if (tags->find("v")->value != "1") return fail(Errc::unsupported, "unknown version");
  auto domain = Domain::make(tags->find("d")->value);
  if (!domain) return fail("d=", domain.error());
  Signature out(*domain);
  auto selector = readSelector(tags->find("s")->value);
  if (!selector) return tl::unexpected(selector.error());
  out.selector = *selector;
  if (!dns::nameToWire(out.keyName())) return fail(Errc::tooLong, "selector and domain too long for a DNS name");
  if (auto ok = readAlgorithm(tags->find("a")->value, out); !ok) return tl::unexpected(ok.error());
  if (auto ok = readNames(tags->find("h")->value, out); !ok) return tl::unexpected(ok.error());
  if (auto ok = readHashes(*tags, out); !ok) return tl::unexpected(ok.error());
  if (auto ok = readOptional(*tags, out); !ok) return tl::unexpected(ok.error());
  return out;
}

}  // namespace mox::dkim
