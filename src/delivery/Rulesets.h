// Rulesets: which of a destination's rules a message falls under (smtp.md §9).
#pragma once

#include <vector>

#include "config/Config.h"
#include "delivery/Incoming.h"

namespace mox::delivery {

/// The first rule all conditions of which hold; null if none does.
const config::Rule* matchRule(const std::vector<config::Rule>& rules, const Incoming& incoming);
/// EHLO, MAIL FROM or DKIM proved this domain or one below it.
bool isVerifiedWithin(const Incoming& incoming, const Domain& domain);

}  // namespace mox::delivery
