// Which transport outgoing messages take. Routes stand in an account, a domain
// and at the top; the first that matches, in that order, decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/Describe.h"

namespace mox::config {

struct Route {
  std::vector<std::string> fromDomain;  ///< empty: any; a leading dot means the domain and all below it
  std::vector<std::string> toDomain;
  std::int64_t minimumAttempts = 0;  ///< attempts made before this route counts
  std::string transport;
};

void describe(described::Fields&, Route&);

}  // namespace mox::config
