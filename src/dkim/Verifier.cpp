#include "dkim/Verifier.h"

#include <algorithm>

#include "base/Text.h"
#include "dkim/Key.h"
#include "dkim/SignedData.h"

namespace mox::dkim {

namespace {

/// Why a signature does not pass.
struct Refusal {
  Status status;
  std::string reason;
};
using Checked = std::optional<Refusal>;

/// One signature's way through §6.1.1 to §6.1.3.
class Check {
 public:
  Check(dns::Resolver& resolver, const Clock& clock, const PublicSuffixList& suffixes, const Verifier::Options& options,
        const HeaderBlock& header, BodyHashes& hashes)
      : resolver_(resolver), clock_(clock), suffixes_(suffixes), options_(options), header_(header), hashes_(hashes) {}

  Outcome run(const HeaderField& field, Steady deadline) {
    Outcome out;
    auto signature = Signature::parse(field.value());
    if (!signature) {
      out.status = Status::permerror;
      out.reason = signature.error().text;
      return out;
    }
    out.signature = *signature;
    auto refusal = policy(*signature);
    std::optional<KeyRecord> record;
    if (!refusal) refusal = fetch(*signature, deadline, out, record);
    if (!refusal) refusal = suits(*signature, *record);
    if (!refusal) refusal = prove(*signature, *record, field, out);
    out.status = refusal ? refusal->status : Status::pass;
    out.reason = refusal ? refusal->reason : "";
    // §3.6.1: a domain that tests wants to be treated as if it had not signed.
    bool verdict = out.status != Status::pass && out.status != Status::temperror;
    if (out.testing && verdict && !options_.ignoreTesting) out.status = Status::none;
    return out;
  }

 private:
  Checked policy(const Signature& signature) const {
    if (header_.cut) return Refusal{Status::policy, "message header too large"};
    if (signature.expires && *signature.expires < clock_.now()) return Refusal{Status::permerror, "signature has expired"};
    if (suffixes_.isRegistry(signature.domain)) return Refusal{Status::permerror, "d= is a public suffix"};
    if (signature.length && options_.refuseLength) return Refusal{Status::policy, "l= leaves part of the body unsigned"};
    if (options_.requireSubject && !signature.isSigned("subject")) return Refusal{Status::policy, "Subject is not signed"};
    return std::nullopt;
  }

  /// §6.1.2
  Checked fetch(const Signature& signature, Steady deadline, Outcome& out, std::optional<KeyRecord>& record) const {
    auto texts = resolver_.txt(signature.keyName(), dns::Ask(deadline, "dkim"));
    out.authentic = texts ? texts->authentic : texts.error().authentic;
    if (!texts) {
      const auto& error = texts.error();
      bool forGood = error.notFound() || error.failure == dns::Failure::malformed;
      return Refusal{forGood ? Status::permerror : Status::temperror, forGood ? "no key record" : "key record: " + error.text};
    }
    std::erase_if(texts->records, [](const auto& text) { return !KeyRecord::looksLikeOne(text); });
    if (texts->records.empty()) return Refusal{Status::permerror, "no key record"};
    if (texts->records.size() > 1) return Refusal{Status::temperror, "more than one key record"};
    auto parsed = KeyRecord::parse(texts->records.front());
    if (!parsed) return Refusal{Status::permerror, "key record: " + parsed.error().text};
    record = *parsed;
    out.testing = record->testing;
    out.services = record->services;
    return std::nullopt;
  }

  Checked suits(const Signature& signature, const KeyRecord& record) const {
    if (!record.allowsService(options_.service)) return Refusal{Status::permerror, "key is not for " + options_.service};
    if (!record.allows(signature.hash)) return Refusal{Status::permerror, "key does not allow hash " + std::string(hashName(signature.hash))};
    if (record.keyType != signature.keyType) return Refusal{Status::permerror, "key is of another type than the signature"};
    if (record.key.empty()) return Refusal{Status::permerror, "key has been revoked"};
    if (record.strictIdentity && signature.identityDomain && *signature.identityDomain != signature.domain) {
      return Refusal{Status::permerror, "key does not allow i= in a subdomain"};
    }
    return std::nullopt;
  }

  /// §6.1.3
  Checked prove(const Signature& signature, const KeyRecord& record, const HeaderField& field, Outcome& out) {
    auto key = PublicKey::make(record.keyType, record.key);
    if (!key) return Refusal{Status::permerror, key.error().text};
    out.keyBits = key->bits();
    if (hashes_.of(signature.body, signature.hash) != signature.bodyHash) return Refusal{Status::fail, "body hash does not match"};
    auto start = static_cast<std::size_t>(field.value().data() - field.raw.data());
    std::string bare(field.raw.substr(0, start + signature.valueStart));
    bare += field.raw.substr(start + signature.valueEnd);
    auto text = signedData(header_.fields, signature.names, signature.header, bare, &field);
    if (!key->verify(signature.hash, text, signature.signature)) return Refusal{Status::fail, "signature does not match"};
    return std::nullopt;
  }

  dns::Resolver& resolver_;
  const Clock& clock_;
  const PublicSuffixList& suffixes_;
  const Verifier::Options& options_;
  const HeaderBlock& header_;
  BodyHashes& hashes_;
};

}  // namespace

std::string_view statusName(Status status) {
  switch (status) {
    case Status::none: return "none";
    case Status::pass: return "pass";
    case Status::fail: return "fail";
    case Status::policy: return "policy";
    case Status::neutral: return "neutral";
    case Status::temperror: return "temperror";
    case Status::permerror: return "permerror";
  }
  return "neutral";
}

Verifier::Verifier(dns::Resolver& resolver, const Clock& clock, const PublicSuffixList& suffixes, Metrics* metrics, Options options)
    : resolver_(resolver), clock_(clock), suffixes_(suffixes), metrics_(metrics), options_(std::move(options)) {}
Verifier::Verifier(dns::Resolver& resolver, const Clock& clock, const PublicSuffixList& suffixes, Metrics* metrics)
    : Verifier(resolver, clock, suffixes, metrics, Options()) {}

std::vector<Outcome> Verifier::verify(std::string_view prefix, std::string_view data, Steady deadline) const {
  auto header = split(prefix, data);
  BodyHashes hashes(header.body);
  std::vector<Outcome> out;
  for (const auto& field : header.fields) {
    if (field.name != "dkim-signature" || out.size() >= maxReported) continue;
    if (out.size() >= maxEvaluated) {
      out.emplace_back();
      out.back().status = Status::policy;
      out.back().reason = "too many signatures";
      continue;
    }
    auto start = clock_.steady();
    out.push_back(Check(resolver_, clock_, suffixes_, options_, header, hashes).run(field, deadline));
    if (metrics_ == nullptr) continue;
    auto algorithm = out.back().signature ? out.back().signature->algorithm() : "unknown";
    metrics_
        ->histogram("mox_dkim_verify_duration_seconds", "Evaluations of DKIM signatures.",
                    {{"algorithm", algorithm}, {"status", std::string(statusName(out.back().status))}})
        .observe(std::chrono::duration<double>(clock_.steady() - start).count());
  }
  return out;
}

}  // namespace mox::dkim
