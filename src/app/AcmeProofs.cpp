#include "app/AcmeProofs.h"

#include "acme/Certificate.h"

namespace mox::app {

namespace {

constexpr std::string_view challengePath = "/.well-known/acme-challenge/";

}  // namespace

void AcmeProofs::present(acme::Proof proof, const std::string& host, const std::string& token, const std::string& keyAuthorization) {
  if (proof == acme::Proof::http01) pages_.lock()->insert_or_assign(token, keyAuthorization);
  else certificates_.lock()->insert_or_assign(host, acme::proofCertificate(host, keyAuthorization, clock_, random_));
}

void AcmeProofs::withdraw(acme::Proof proof, const std::string& host, const std::string& token) {
  if (proof == acme::Proof::http01) pages_.lock()->erase(token);
  else certificates_.lock()->erase(host);
}

std::optional<net::CertificatePem> AcmeProofs::certificate(const std::string& host) const {
  auto all = certificates_.lock();
  auto found = all->find(host);
  return found == all->end() ? std::nullopt : std::optional(found->second);
}

HttpReply AcmeProofs::page(std::string_view path) const {
  if (!path.starts_with(challengePath)) return HttpReply::plain(404);
  auto all = pages_.lock();
  auto found = all->find(path.substr(challengePath.size()));
  if (found == all->end()) return HttpReply::plain(404);
  return {200, "application/octet-stream", found->second};
}

}  // namespace mox::app
