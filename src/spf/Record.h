// SPF records, RFC 7208 §4.6, §5, §6, §12: text to terms. Any syntax error anywhere in a record makes it permerror.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Ip.h"
#include "base/Result.h"

namespace mox::spf {

/// Octets of a record that are looked at; published ones have a few hundred.
inline constexpr std::size_t maxRecordOctets = 8192;

enum class Qualifier : char { pass = '+', fail = '-', softfail = '~', neutral = '?' };
enum class Mechanism { all, include, a, mx, ptr, ip4, ip6, exists };
std::string_view mechanismName(Mechanism mechanism);

struct Directive {
  Qualifier qualifier = Qualifier::pass;
  Mechanism mechanism = Mechanism::all;
  std::string domainSpec;  ///< macro string, "" if not given
  IpAddress network;       ///< ip4, ip6
  unsigned prefix4 = 32, prefix6 = 128;
  std::string text;  ///< as written
};

struct Record {
  std::vector<Directive> directives;
  std::optional<std::string> redirect, explanation;  ///< macro strings
};

/// RFC 7208 §4.5: "v=spf1" alone or before a space, any case.
bool isSpfRecord(std::string_view txt);
Result<Record> parseRecord(std::string_view txt);

}  // namespace mox::spf
