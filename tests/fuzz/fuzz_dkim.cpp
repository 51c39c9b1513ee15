// room: dkim
// A message, a signature value or a key record, whatever the input makes; canonicalisation is idempotent.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Unicode.h"
#include "dkim/Canonical.h"
#include "dkim/HeaderBlock.h"
#include "dkim/Key.h"
#include "dkim/KeyRecord.h"
#include "dkim/Verifier.h"
#include "dns/FakeResolver.h"

using namespace mox;
using namespace mox::dkim;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string body(Canonicalization c, std::string_view text, std::size_t piece) {
  std::string out;
  CanonicalBody canonical(c, [&](std::string_view octets) { out += octets; });
  for (std::size_t at = 0; at < text.size(); at += piece) canonical.update(text.substr(at, piece));
  canonical.finish();
  return out;
}

void canonicals(std::string_view text) {
  for (auto c : {Canonicalization::simple, Canonicalization::relaxed}) {
    auto once = body(c, text, text.size() + 1);
    require(once == body(c, text, 3));
    require(once == body(c, once, once.size() + 1));
    auto field = canonicalField(c, text);
    require(field.ends_with("\r\n"));
    require(field == canonicalField(c, field));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const PublicSuffixList suffixes;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  canonicals(text);
  if (auto signature = Signature::parse(text)) {
    require(signature->valueStart <= signature->valueEnd && signature->valueEnd <= text.size());
    require(isPlainUtf8(signature->identity()));
    require(signature->shortSignature().size() <= 12);
    require(signature->isSigned("FROM"));
  }
  if (auto record = KeyRecord::parse(text)) {
    require(KeyRecord::looksLikeOne(text));
    (void)PublicKey::make(record->keyType, record->key);
  }
  (void)PublicKey::make(KeyType::rsa, text);
  auto header = split("", text);
  for (const auto& field : header.fields) require(!field.name.empty() && field.raw.find(':') != std::string_view::npos);

  FakeClock clock;
  dns::FakeResolver dns;
  dns.txt("brisbane._domainkey.football.example.com", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  auto results = Verifier(dns, clock, suffixes).verify("", text, clock.steady() + std::chrono::minutes(1));
  require(results.size() <= maxReported && dns.queries().size() <= maxEvaluated);
  return 0;
}
