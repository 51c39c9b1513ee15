#include "spf/Evaluator.h"

#include <algorithm>

#include "base/Text.h"
#include "dns/Name.h"
#include "spf/Macro.h"

namespace mox::spf {

namespace {

Status statusOf(Qualifier qualifier) {
  switch (qualifier) {
    case Qualifier::pass: return Status::pass;
    case Qualifier::fail: return Status::fail;
    case Qualifier::softfail: return Status::softfail;
    case Qualifier::neutral: return Status::neutral;
  }
  return Status::neutral;
}

std::string absolute(const std::string& name) { return name + "."; }

/// "example.org." at or below "example.org", case aside.
bool isWithin(std::string_view name, std::string_view parent) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (equalsNoCase(name, parent)) return true;
  return name.size() > parent.size() && name[name.size() - parent.size() - 1] == '.' &&
         equalsNoCase(name.substr(name.size() - parent.size()), parent);
}

/// §7.3: IPv6 in dotted nibbles.
std::string dottedAddress(const IpAddress& ip) {
  if (ip.isV4()) return ip.text();
  std::string out;
  for (char digit : hex(ip.bytes())) {
    if (!out.empty()) out += '.';
    out += digit;
  }
  return out;
}

Evaluator::Outcome plain(Status status, std::string reason) { return {status, "", std::move(reason), "", ""}; }

}  // namespace

Evaluator::Evaluator(dns::Resolver& resolver, const Clock& clock, const Arguments& arguments, Address sender, Steady deadline)
    : resolver_(resolver), clock_(clock), arguments_(arguments), sender_(std::move(sender)), deadline_(deadline) {}

/// What a lookup's error means for a mechanism: nothing (no match) for a void lookup, unless there were too many.
template <class T>
std::optional<Evaluator::Matched> Evaluator::failed(const dns::Lookup<T>& lookup) {
  authentic_ = authentic_ && (lookup ? lookup->authentic : lookup.error().authentic);
  if (lookup) return std::nullopt;
  switch (lookup.error().failure) {
    case dns::Failure::noName:
    case dns::Failure::noData:
      if (++voids_ > maxVoidLookups) return Matched{Match::permerror, "more than 2 lookups without result"};
      return Matched{Match::no, ""};
    case dns::Failure::malformed: return Matched{Match::no, ""};
    case dns::Failure::temporary:
    case dns::Failure::bogus: break;
  }
  return Matched{Match::temperror, "DNS: " + lookup.error().text};
}

Evaluator::Outcome Evaluator::checkHost(const std::string& domain) {
  // §4.3: a name that cannot be or that has one label only has no record.
  if (!dns::nameToWire(absolute(domain)) || domain.find('.') == std::string::npos) return plain(Status::none, "malformed domain");
  auto texts = resolver_.txt(absolute(domain), ask());
  authentic_ = authentic_ && (texts ? texts->authentic : texts.error().authentic);
  if (!texts) {
    const auto& error = texts.error();
    if (error.notFound()) return plain(Status::none, "no SPF record");
    return plain(error.failure == dns::Failure::malformed ? Status::permerror : Status::temperror, "DNS: " + error.text);
  }
  std::erase_if(texts->records, [](const auto& text) { return !isSpfRecord(text); });
  if (texts->records.empty()) return plain(Status::none, "no SPF record");
  if (texts->records.size() > 1) return plain(Status::permerror, "more than one SPF record");
  auto record = parseRecord(texts->records.front());
  if (!record) return plain(Status::permerror, record.error().text);
  return evaluate(domain, *record);
}

Evaluator::Outcome Evaluator::evaluate(const std::string& domain, const Record& record) {
  for (const auto& directive : record.directives) {
    auto found = match(domain, directive);
    if (found.match == Match::no) continue;
    if (found.match == Match::temperror) return plain(Status::temperror, std::move(found.reason));
    if (found.match == Match::permerror) return plain(Status::permerror, std::move(found.reason));
    auto status = statusOf(directive.qualifier);
    Outcome out{status, std::string(mechanismName(directive.mechanism)), "matched " + printable(directive.text, 100), "", ""};
    if (status == Status::fail && record.explanation) {
      out.explanationSpec = *record.explanation;
      out.explanationDomain = domain;
    }
    return out;
  }
  if (record.redirect) return redirect(domain, *record.redirect);
  return {Status::neutral, "default", "no mechanism matched", "", ""};
}

Evaluator::Outcome Evaluator::redirect(const std::string& domain, const std::string& spec) {
  if (++terms_ > maxDnsTerms) return plain(Status::permerror, "more than 10 terms that need DNS");
  auto name = target(domain, spec);
  if (!name) return plain(Status::permerror, name.error().text);
  auto out = checkHost(*name);
  // §6.1
  if (out.status == Status::none) return plain(Status::permerror, "redirect to a domain without SPF record");
  return out;
}

Evaluator::Matched Evaluator::match(const std::string& domain, const Directive& directive) {
  switch (directive.mechanism) {
    case Mechanism::all: return {Match::yes, ""};
    case Mechanism::ip6:
      // "ip6:::ffff:192.0.2.1" is kept as IPv4 by the address type, but §5.6 never matches it with an IPv4 client.
      if (directive.network.isV4()) return {Match::no, ""};
      [[fallthrough]];
    case Mechanism::ip4: return {inNetwork(directive.network, directive) ? Match::yes : Match::no, ""};
    default: break;
  }
  if (++terms_ > maxDnsTerms) return {Match::permerror, "more than 10 terms that need DNS"};
  if (clock_.steady() >= deadline_) return {Match::temperror, "time for SPF is over"};
  auto name = target(domain, directive.domainSpec);
  if (!name) return {Match::permerror, name.error().text};
  switch (directive.mechanism) {
    case Mechanism::include: return matchInclude(*name);
    case Mechanism::a: return matchAddress(*name, directive);
    case Mechanism::mx: return matchMx(*name, directive);
    case Mechanism::ptr: return matchPtr(*name);
    default: return matchExists(*name);
  }
}

bool Evaluator::inNetwork(const IpAddress& network, const Directive& directive) const {
  const auto& ip = arguments_.remoteIp;
  if (ip.isV4() != network.isV4()) return false;
  unsigned bits = ip.isV4() ? directive.prefix4 : directive.prefix6;
  return ip.masked(bits) == network.masked(bits);
}

/// §5.2
Evaluator::Matched Evaluator::matchInclude(const std::string& target) {
  auto inner = checkHost(target);
  switch (inner.status) {
    case Status::pass: return {Match::yes, ""};
    case Status::fail:
    case Status::softfail:
    case Status::neutral: return {Match::no, ""};
    case Status::temperror: return {Match::temperror, "include: " + inner.reason};
    case Status::permerror:
    case Status::none: break;
  }
  return {Match::permerror, "include: " + inner.reason};
}

dns::Lookup<IpAddress> Evaluator::addresses(const std::string& name) {
  return arguments_.remoteIp.isV4() ? resolver_.a(name, ask()) : resolver_.aaaa(name, ask());
}

/// §5.3
Evaluator::Matched Evaluator::matchAddress(const std::string& target, const Directive& directive) {
  auto found = addresses(absolute(target));
  if (auto trouble = failed(found)) return *trouble;
  bool any = std::any_of(found->records.begin(), found->records.end(), [&](const auto& ip) { return inNetwork(ip, directive); });
  return {any ? Match::yes : Match::no, ""};
}

/// §5.4
Evaluator::Matched Evaluator::matchMx(const std::string& target, const Directive& directive) {
  auto hosts = resolver_.mx(absolute(target), ask());
  if (auto trouble = failed(hosts)) return *trouble;
  if (hosts->records.size() > maxMxNames) return {Match::permerror, "more than 10 MX records"};
  std::sort(hosts->records.begin(), hosts->records.end());
  for (const auto& mx : hosts->records) {
    if (mx.host == ".") continue;
    auto found = addresses(mx.host);
    if (auto trouble = failed(found)) {
      if (trouble->match != Match::no) return *trouble;
      continue;
    }
    if (std::any_of(found->records.begin(), found->records.end(), [&](const auto& ip) { return inNetwork(ip, directive); })) {
      return {Match::yes, ""};
    }
  }
  return {Match::no, ""};
}

const std::vector<std::string>& Evaluator::validatedNames() {
  if (ptrAsked_) return *validated_;
  ptrAsked_ = true;
  validated_.emplace();
  auto names = resolver_.ptr(arguments_.remoteIp, ask());
  if (auto trouble = failed(names)) {
    // §5.5: DNS trouble is no match; only the limit on void lookups is an error.
    if (trouble->match == Match::permerror) ptrTrouble_ = *trouble;
    return *validated_;
  }
  for (std::size_t i = 0; i < std::min(names->records.size(), maxPtrNames); ++i) {
    auto found = addresses(names->records[i]);
    authentic_ = authentic_ && (found ? found->authentic : found.error().authentic);
    if (found && std::find(found->records.begin(), found->records.end(), arguments_.remoteIp) != found->records.end()) {
      validated_->push_back(names->records[i]);
    }
  }
  return *validated_;
}

/// §5.5
Evaluator::Matched Evaluator::matchPtr(const std::string& target) {
  const auto& names = validatedNames();
  if (ptrTrouble_.match != Match::no) return ptrTrouble_;
  bool any = std::any_of(names.begin(), names.end(), [&](const auto& name) { return isWithin(name, target); });
  return {any ? Match::yes : Match::no, ""};
}

/// §5.7: always A, also for IPv6 clients.
Evaluator::Matched Evaluator::matchExists(const std::string& target) {
  auto found = resolver_.a(absolute(target), ask());
  if (auto trouble = failed(found)) return *trouble;
  return {Match::yes, ""};
}

Result<std::string> Evaluator::target(const std::string& domain, const std::string& spec) {
  if (spec.empty()) return domain;
  auto expanded = expandMacros(spec, MacroUse::domain, [&](char letter) { return macroValue(letter, domain); });
  if (!expanded) return expanded;
  return fitDomain(std::move(*expanded));
}

std::string Evaluator::macroValue(char letter, const std::string& domain) {
  switch (letter) {
    case 's': return sender_.localpart.text() + "@" + sender_.domain.ascii();
    case 'l': return sender_.localpart.text();
    case 'o': return sender_.domain.ascii();
    case 'd': return domain;
    case 'i': return dottedAddress(arguments_.remoteIp);
    case 'v': return arguments_.remoteIp.isV4() ? "in-addr" : "ip6";
    case 'h': return hostText(arguments_.helo, false);
    case 'c': return arguments_.remoteIp.text();
    case 'r': return arguments_.receiver.ascii();
    case 't': return std::to_string(unixSeconds(clock_.now()));
    default: break;
  }
  // "p", §7.3: the domain itself, else a name below it, else any, else "unknown".
  const auto& names = validatedNames();
  auto pick = std::find_if(names.begin(), names.end(), [&](const auto& name) { return equalsNoCase(name, absolute(domain)); });
  if (pick == names.end()) pick = std::find_if(names.begin(), names.end(), [&](const auto& name) { return isWithin(name, domain); });
  if (pick == names.end()) pick = names.begin();
  return pick == names.end() ? "unknown" : pick->substr(0, pick->size() - 1);
}

std::string Evaluator::explain(const Outcome& outcome) {
  if (outcome.explanationSpec.empty()) return "";
  auto name = target(outcome.explanationDomain, outcome.explanationSpec);
  if (!name) return "";
  auto texts = resolver_.txt(absolute(*name), ask());
  if (!texts || texts->records.size() != 1) return "";
  const auto& domain = outcome.explanationDomain;
  auto text = expandMacros(texts->records.front(), MacroUse::explanation, [&](char letter) { return macroValue(letter, domain); });
  bool showable = text && std::all_of(text->begin(), text->end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  return showable ? text->substr(0, maxExplanation) : "";
}

}  // namespace mox::spf
