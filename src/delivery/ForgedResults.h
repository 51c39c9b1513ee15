// RFC 8601 §5: what a message from outside claims that we have found out about it.
#pragma once

#include <vector>

#include "base/Address.h"
#include "store/Spool.h"

namespace mox::delivery {

/// What Authentication-Results of others in our name are called from then on: as long, so that nothing moves.
inline constexpr std::string_view forgedResultsName = "X-Removed-Auth-Results";

/// Renames Authentication-Results fields that bear one of our names, after the signatures were verified, which may cover
/// them. Readers that trust us take these fields for ours.
void renameForgedResults(store::Spool& message, const std::vector<Domain>& ourNames);

}  // namespace mox::delivery
