// room: acme
// What a provider of certificates answers: any octets are read or refused, within bounds, and what is kept of them for people
// is one printable line.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "acme/Documents.h"
#include "base/Text.h"

using namespace mox;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void checkProblem(const acme::Problem& problem) {
  for (const auto& text : {problem.type, problem.detail})
    for (char c : text) require(static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  if (auto directory = acme::parseDirectory(text)) require(isOneLine(directory->newNonce) && isOneLine(directory->newAccount) && isOneLine(directory->newOrder));
  if (auto order = acme::parseOrder(text)) {
    require(!order->authorizations.empty() && order->authorizations.size() <= 100);
    for (const auto& url : order->authorizations) require(isOneLine(url));
    if (order->error) checkProblem(*order->error);
  }
  if (auto authorization = acme::parseAuthorization(text)) {
    require(authorization->challenges.size() <= 100);
    for (const auto& offer : authorization->challenges) {
      require(isOneLine(offer.url) && !offer.token.empty() && offer.token.find('/') == std::string::npos);
      if (offer.error) checkProblem(*offer.error);
    }
  }
  checkProblem(acme::parseProblem(text));
  return 0;
}
