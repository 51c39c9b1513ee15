#include "delivery/Incoming.h"

#include <algorithm>

namespace mox::delivery {

namespace {

store::Validation validationOf(spf::Status status) {
  switch (status) {
    case spf::Status::none: return store::Validation::none;
    case spf::Status::neutral: return store::Validation::neutral;
    case spf::Status::pass: return store::Validation::pass;
    case spf::Status::fail: return store::Validation::fail;
    case spf::Status::softfail: return store::Validation::softFail;
    case spf::Status::temperror: return store::Validation::tempError;
    case spf::Status::permerror: return store::Validation::permError;
  }
  return store::Validation::unknown;
}

}  // namespace

spf::Arguments Incoming::spfArguments() const {
  return {remote.ip, mailFrom ? mailFrom->address() : std::nullopt, helo, hostname};
}

bool Incoming::isFromValidated() const {
  using store::Validation;
  return fromValidation == Validation::strict || fromValidation == Validation::dmarc || fromValidation == Validation::relaxed;
}

bool Incoming::isMailFromValidated() const { return spf.status == spf::Status::pass && spf.identity == spf::Identity::mailFrom; }

std::vector<Domain> Incoming::dkimDomains() const {
  std::vector<Domain> out;
  for (const auto& outcome : dkim) {
    if (outcome.status != dkim::Status::pass || !outcome.signature) continue;
    const auto& domain = outcome.signature->domain;
    if (std::find(out.begin(), out.end(), domain) == out.end()) out.push_back(domain);
  }
  return out;
}

bool Incoming::hasTemporaryTrouble() const {
  auto temporary = [](const dkim::Outcome& outcome) { return outcome.status == dkim::Status::temperror; };
  return spf.status == spf::Status::temperror || std::any_of(dkim.begin(), dkim.end(), temporary);
}

store::Validation validateFrom(const Incoming& incoming, const dkim::PublicSuffixList& suffixes) {
  if (!incoming.from()) return store::Validation::none;
  std::vector<Domain> proved = incoming.dkimDomains();
  if (incoming.isMailFromValidated() && incoming.spf.domain) proved.push_back(*incoming.spf.domain);
  const auto& from = incoming.from()->domain;
  if (std::find(proved.begin(), proved.end(), from) != proved.end()) return store::Validation::strict;
  auto organisation = suffixes.organisational(from);
  auto same = [&](const Domain& domain) { return suffixes.organisational(domain) == organisation; };
  return std::any_of(proved.begin(), proved.end(), same) ? store::Validation::relaxed : store::Validation::none;
}

store::Origin originOf(const Incoming& incoming, const Mailbox& recipient, const dkim::PublicSuffixList& suffixes) {
  store::Origin origin;
  origin.remoteIp = incoming.remote.ip;
  if (const auto* name = std::get_if<Domain>(&incoming.helo)) origin.ehloDomain = name->ascii();
  if (auto sender = incoming.mailFrom ? incoming.mailFrom->address() : std::nullopt) {
    origin.mailFromLocalpart = sender->localpart.text();
    origin.mailFromDomain = sender->domain.ascii();
  }
  if (auto to = recipient.address()) {
    origin.rcptToLocalpart = to->localpart.text();
    origin.rcptToDomain = to->domain.ascii();
  }
  if (const auto& from = incoming.from()) {
    origin.msgFromLocalpart = from->localpart.text();
    origin.msgFromDomain = from->domain.ascii();
    origin.msgFromOrgDomain = suffixes.organisational(from->domain).ascii();
  }
  bool helo = incoming.spf.identity == spf::Identity::helo;
  (helo ? origin.ehloValidation : origin.mailFromValidation) = validationOf(incoming.spf.status);
  origin.ehloValidated = helo && incoming.spf.status == spf::Status::pass;
  origin.mailFromValidated = incoming.isMailFromValidated();
  origin.msgFromValidation = incoming.fromValidation;
  origin.msgFromValidated = incoming.isFromValidated();
  for (const auto& domain : incoming.dkimDomains()) origin.dkimDomains.push_back(domain.ascii());
  return origin;
}

}  // namespace mox::delivery
