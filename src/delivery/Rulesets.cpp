#include "delivery/Rulesets.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/HeaderFields.h"

namespace mox::delivery {

namespace {

using HeaderCondition = std::pair<config::Pattern, config::Pattern>;

std::string folded(std::string_view text) { return isUtf8(text) ? toLowerUtf8(text) : lower(text); }

bool anyFieldMatches(const HeaderCondition& condition, std::string_view header) {
  message::HeaderFields fields(header);
  while (auto field = fields.next()) {
    if (condition.first.matches(lower(field->name)) && condition.second.matches(folded(message::unfold(field->value)))) return true;
  }
  return false;
}

bool matches(const config::Rule& rule, const Incoming& incoming) {
  if (rule.smtpMailFrom && !(incoming.mailFrom && rule.smtpMailFrom->matches(incoming.mailFrom->text()))) return false;
  if (rule.msgFrom && !(incoming.from() && rule.msgFrom->matches(incoming.from()->text()))) return false;
  if (rule.verifiedDomain && !isVerifiedWithin(incoming, *rule.verifiedDomain)) return false;
  return std::all_of(rule.headers.begin(), rule.headers.end(),
                     [&](const HeaderCondition& condition) { return anyFieldMatches(condition, incoming.message->data()); });
}

}  // namespace

bool isVerifiedWithin(const Incoming& incoming, const Domain& domain) {
  if (incoming.spf.status == spf::Status::pass && incoming.spf.domain && incoming.spf.domain->isWithin(domain)) return true;
  auto signers = incoming.dkimDomains();
  return std::any_of(signers.begin(), signers.end(), [&](const Domain& signer) { return signer.isWithin(domain); });
}

const config::Rule* matchRule(const std::vector<config::Rule>& rules, const Incoming& incoming) {
  auto found = std::find_if(rules.begin(), rules.end(), [&](const config::Rule& rule) { return matches(rule, incoming); });
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace mox::delivery
