#include "delivery/Checks.h"

namespace mox::delivery {

spf::Verdict Checks::spf(const spf::Arguments& arguments) const {
  return spf::check(*resolver_, *clock_, arguments, deadline(), metrics_);
}

iprev::Result Checks::iprev(const IpAddress& ip) const { return iprev::check(*resolver_, *clock_, ip, deadline(), metrics_); }

std::vector<dkim::Outcome> Checks::dkim(std::string_view message) const {
  return dkim::Verifier(*resolver_, *clock_, *suffixes_, metrics_).verify("", message, deadline());
}

Checks::Reachable Checks::takesMail(const Domain& domain) const {
  dns::Ask ask(deadline(), "smtpserver");
  auto found = resolver_->mx(domain.ascii() + ".", ask);
  if (found) {
    bool isNull = found->records.size() == 1 && found->records.front().host == ".";
    return isNull ? Reachable::no : Reachable::yes;
  }
  if (!found.error().notFound()) return Reachable::unknown;
  return resolves(domain);
}

Checks::Reachable Checks::resolves(const Domain& domain) const {
  auto found = resolver_->addresses(domain.ascii() + ".", dns::Ask(deadline(), "smtpserver"));
  if (found) return Reachable::yes;
  return found.error().notFound() ? Reachable::no : Reachable::unknown;
}

}  // namespace mox::delivery
