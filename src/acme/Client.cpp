#include "acme/Client.h"

#include <algorithm>

#include "acme/Certificate.h"
#include "acme/JsonText.h"
#include "base/Text.h"

namespace mox::acme {

namespace {

using Kind = Refusal::Kind;
constexpr std::chrono::seconds longestPause{30};
constexpr std::chrono::hours longestRetryAfter{24};

tl::unexpected<Refusal> refuse(Kind kind, std::string text) { return tl::unexpected<Refusal>(Refusal{kind, std::move(text), std::nullopt}); }

template <class T>
tl::unexpected<Refusal> passOn(const Outcome<T>& failed) {
  return tl::unexpected<Refusal>(failed.error());
}

/// A document that makes no sense is as good as none.
template <class T>
Outcome<T> understood(Result<T> parsed) {
  if (!parsed) return refuse(Kind::unreachable, parsed.error().text);
  return std::move(*parsed);
}

std::string words(const Problem& problem) {
  if (problem.type.empty()) return problem.detail.empty() ? "no reason given" : problem.detail;
  return problem.type + ": " + problem.detail;
}

/// RFC 9110 §10.2.3 in seconds; providers of certificates do not use the form of a date.
std::optional<Duration> retryAfter(const net::HttpResponse& response) {
  auto seconds = parseUnsigned(response.field("retry-after"));
  if (!seconds) return std::nullopt;
  return std::min<Duration>(std::chrono::seconds(std::min<std::uint64_t>(*seconds, 1'000'000)), longestRetryAfter);
}

/// Takes a proof away again however the check ends.
class Presented {
 public:
  Presented(ProofPlace& place, Proof proof, std::string host, std::string token) : place_(place), proof_(proof), host_(std::move(host)), token_(std::move(token)) {}
  ~Presented() { place_.withdraw(proof_, host_, token_); }
  Presented(const Presented&) = delete;
  Presented& operator=(const Presented&) = delete;

 private:
  ProofPlace& place_;
  Proof proof_;
  std::string host_, token_;
};

const ChallengeOffer* offered(const Authorization& authorization, Proof proof) {
  for (const auto& offer : authorization.challenges)
    if (offer.type == proofName(proof)) return &offer;
  return nullptr;
}

}  // namespace

std::string_view proofName(Proof proof) { return proof == Proof::tlsAlpn01 ? "tls-alpn-01" : "http-01"; }

Client::Client(net::HttpClient& http, const AccountKey& key, ProviderSettings settings, ProofPlace& place, const Clock& clock, Wait wait)
    : http_(http), key_(key), settings_(std::move(settings)), place_(place), clock_(clock), wait_(std::move(wait)) {}

Outcome<net::HttpResponse> Client::fetch(const net::HttpRequest& request) {
  // Where the directory is safe from eavesdroppers, all it points to must be.
  if (settings_.directoryUrl.starts_with("https:") && !request.url.starts_with("https:"))
    return refuse(Kind::unreachable, "the provider names a URL without https: " + printable(request.url));
  auto answer = http_.send(request);
  if (!answer) return refuse(Kind::unreachable, answer.error().text);
  if (auto fresh = answer->field("replay-nonce"); !fresh.empty() && isOneLine(fresh)) nonce_ = fresh;
  return std::move(*answer);
}

Refusal Client::refusal(const net::HttpResponse& response) const {
  auto problem = parseProblem(response.body);
  auto kind = response.status >= 500 ? Kind::unreachable : Kind::refused;
  return {kind, words(problem) + " (status " + std::to_string(response.status) + ")", retryAfter(response)};
}

Outcome<void> Client::start() {
  if (!directory_) {
    net::HttpRequest request;
    request.url = settings_.directoryUrl;
    auto answer = fetch(request);
    if (!answer) return passOn(answer);
    if (answer->status != 200) return tl::unexpected(refusal(*answer));
    auto parsed = understood(parseDirectory(answer->body));
    if (!parsed) return passOn(parsed);
    directory_ = std::move(*parsed);
  }
  return accountUrl_.empty() ? makeAccount() : Outcome<void>();
}

Outcome<void> Client::makeAccount() {
  if (directory_->externalAccountRequired && !settings_.externalAccount)
    return refuse(Kind::refused, "the provider wants ExternalAccountBinding to be configured");
  auto payload = R"({"termsOfServiceAgreed":true,"contact":[)" + jsonText("mailto:" + settings_.contactEmail) + "]";
  if (settings_.externalAccount) payload += R"(,"externalAccountBinding":)" + externalBinding(*settings_.externalAccount, key_, directory_->newAccount);
  auto answer = post(directory_->newAccount, payload + "}");
  if (!answer) {
    auto failed = answer.error();
    failed.text = "account: " + failed.text;
    return tl::unexpected(failed);
  }
  auto location = answer->field("location");
  if (location.empty() || !isOneLine(location)) return refuse(Kind::unreachable, "the provider names no URL of the account");
  accountUrl_ = location;
  return {};
}

Outcome<std::string> Client::nonce() {
  if (nonce_.empty()) {
    net::HttpRequest request;
    request.method = "HEAD";
    request.url = directory_->newNonce;
    if (auto answer = fetch(request); !answer) return passOn(answer);
    if (nonce_.empty()) return refuse(Kind::unreachable, "the provider gives no nonce");
  }
  return std::exchange(nonce_, "");  // good once
}

Outcome<net::HttpResponse> Client::post(const std::string& url, const std::string& payload) {
  for (int tries = 1;; ++tries) {
    auto fresh = nonce();
    if (!fresh) return passOn(fresh);
    net::HttpRequest request;
    request.method = "POST";
    request.url = url;
    request.fields["Content-Type"] = "application/jose+json";
    request.body = signedRequest(key_, {*fresh, url, accountUrl_}, payload);
    auto answer = fetch(request);
    if (!answer) return passOn(answer);
    if (answer->status < 300 && answer->status >= 200) return answer;
    if (tries < nonceTries && parseProblem(answer->body).type == "badNonce") continue;
    return tl::unexpected(refusal(*answer));
  }
}

Outcome<void> Client::pauseFor(const net::HttpResponse& last, int round, Steady until, const char* what) {
  auto pause = std::min<Duration>(retryAfter(last).value_or(std::chrono::seconds(1 << std::min(round, 4))), longestPause);
  if (clock_.steady() + pause > until) return refuse(Kind::unreachable, std::string("the provider takes too long with ") + what);
  if (!wait_(pause)) return refuse(Kind::stopped, "the server stops");
  return {};
}

Outcome<void> Client::check(const std::string& authorizationUrl, const ChallengeOffer& offer, Proof proof) {
  if (auto said = post(offer.url, "{}"); !said) return passOn(said);
  auto until = clock_.steady() + checkLimit;
  for (int round = 0;; ++round) {
    auto answer = post(authorizationUrl, "");
    if (!answer) return passOn(answer);
    auto now = understood(parseAuthorization(answer->body));
    if (!now) return passOn(now);
    if (now->status == Status::valid) return {};
    if (now->status != Status::pending) {
      const auto* ours = offered(*now, proof);
      auto why = ours != nullptr && ours->error ? words(*ours->error) : "no reason given";
      return refuse(Kind::unproven, std::string(proofName(proof)) + ": " + why);
    }
    if (auto paused = pauseFor(*answer, round, until, "checking the name"); !paused) return paused;
  }
}

Outcome<void> Client::prove(const std::string& authorizationUrl, const std::string& host, Proof proof) {
  auto answer = post(authorizationUrl, "");
  if (!answer) return passOn(answer);
  auto authorization = understood(parseAuthorization(answer->body));
  if (!authorization) return passOn(authorization);
  if (authorization->status == Status::valid) return {};  // proven before, not long ago
  const auto* offer = offered(*authorization, proof);
  if (offer == nullptr) return refuse(Kind::unproven, "the provider does not offer " + std::string(proofName(proof)));
  place_.present(proof, host, offer->token, keyAuthorization(offer->token, key_));
  Presented until(place_, proof, host, offer->token);
  return check(authorizationUrl, *offer, proof);
}

Outcome<Order> Client::settled(const std::string& orderUrl, Order order) {
  auto until = clock_.steady() + checkLimit;
  for (int round = 0; order.status == Status::pending || order.status == Status::processing; ++round) {
    auto answer = post(orderUrl, "");
    if (!answer) return passOn(answer);
    auto now = understood(parseOrder(answer->body));
    if (!now) return passOn(now);
    order = std::move(*now);
    if (order.status != Status::pending && order.status != Status::processing) break;
    if (auto paused = pauseFor(*answer, round, until, "the order"); !paused) return passOn(paused);
  }
  if (order.status != Status::ready && order.status != Status::valid)
    return refuse(Kind::refused, "order: " + (order.error ? words(*order.error) : std::string("no reason given")));
  return order;
}

Outcome<std::string> Client::obtain(const std::string& host, const std::string& keyPem, Proof proof) {
  auto request = certificateRequest(host, keyPem);
  if (!request) return refuse(Kind::refused, request.error().text);
  if (auto started = start(); !started) return passOn(started);
  auto made = post(directory_->newOrder, R"({"identifiers":[{"type":"dns","value":)" + jsonText(host) + "}]}");
  if (!made) return passOn(made);
  auto orderUrl = made->field("location");
  if (orderUrl.empty() || !isOneLine(orderUrl)) return refuse(Kind::unreachable, "the provider names no URL of the order");
  auto order = understood(parseOrder(made->body));
  if (!order) return passOn(order);
  for (const auto& authorization : order->authorizations)
    if (auto proven = prove(authorization, host, proof); !proven) return passOn(proven);

  order = settled(orderUrl, std::move(*order));
  if (!order) return passOn(order);
  if (order->status == Status::ready) {
    auto finalized = post(order->finalize, R"({"csr":")" + base64Url(*request) + "\"}");
    if (!finalized) return passOn(finalized);
    auto now = understood(parseOrder(finalized->body));
    if (!now) return passOn(now);
    order = settled(orderUrl, std::move(*now));
    if (!order) return passOn(order);
  }
  if (order->status != Status::valid || order->certificate.empty()) return refuse(Kind::unreachable, "the provider names no certificate");
  auto chain = post(order->certificate, "");
  if (!chain) return passOn(chain);
  return chain->body;
}

}  // namespace mox::acme
