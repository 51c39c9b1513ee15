// The public suffix list (libpsl): where registries end and organisations begin. RFC 7489 §3.2, RFC 6376 §6.1.1.
#pragma once

#include <memory>
#include <string>

#include "base/Address.h"

struct psl_ctx_st;

namespace mox::dkim {

/// Immutable, thread safe.
class PublicSuffixList {
 public:
  /// The newest of the system's list and the one built into libpsl.
  PublicSuffixList();
  /// A list in the public format. Throws std::runtime_error if it cannot be read.
  explicit PublicSuffixList(const std::string& file);
  ~PublicSuffixList();
  PublicSuffixList(const PublicSuffixList&) = delete;
  PublicSuffixList& operator=(const PublicSuffixList&) = delete;

  /// The domain a registrant holds: one label below the public suffix. A public suffix is its own. An unknown
  /// top-level domain counts as a public suffix.
  Domain organisational(const Domain& domain) const;
  /// True for what a registry runs ("com", "co.uk"): listed in the ICANN part. Single labels that no list knows
  /// ("localhost") are not.
  bool isRegistry(const Domain& domain) const;

 private:
  psl_ctx_st* list_;
};

}  // namespace mox::dkim
