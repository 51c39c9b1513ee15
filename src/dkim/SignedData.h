// The octets a signature is over: chosen header fields and the signature field itself, RFC 6376 §3.7, §5.4.2.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dkim/Canonical.h"
#include "dkim/HeaderBlock.h"

namespace mox::dkim {

/// `names` in order; each takes the last field of that name not yet taken, or nothing if there is none.
/// `signatureField` has the value of b= already cut out; it goes last, without its CRLF. `self`, the same field
/// among `fields` when verifying, is never one of the names (§3.5 "h="); may be null.
std::string signedData(const std::vector<HeaderField>& fields, const std::vector<std::string>& names, Canonicalization c,
                       std::string_view signatureField, const HeaderField* self);

/// Hashes of one body, each kind computed once however many signatures want it.
class BodyHashes {
 public:
  explicit BodyHashes(std::string_view body) : body_(body) {}
  const std::string& of(Canonicalization c, Hash hash);

 private:
  std::string_view body_;
  std::map<std::pair<Canonicalization, Hash>, std::string> known_;
};

}  // namespace mox::dkim
