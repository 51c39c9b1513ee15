#include "sasl/Server.h"

#include "base/Text.h"
#include "base/Unicode.h"
#include "sasl/PasswordServers.h"
#include "sasl/ScramServer.h"

namespace mox::sasl {

std::string CredentialSource::canonicalLogin(const std::string& login) { return foldCase(login); }

std::string_view failureName(FailureReason reason) {
  switch (reason) {
    case FailureReason::syntax: return "syntax";
    case FailureReason::tooLong: return "toolong";
    case FailureReason::cancelled: return "cancelled";
    case FailureReason::badCredentials: return "badcredentials";
    case FailureReason::authorizationDenied: return "authorizationdenied";
    case FailureReason::channelBindingMismatch: return "channelbindingmismatch";
    case FailureReason::unsupportedBinding: return "unsupportedbinding";
    case FailureReason::unsupportedExtension: return "unsupportedextension";
    case FailureReason::internal: return "internal";
  }
  return "unknown";
}

bool sendsPassword(std::string_view mechanism) { return equalsNoCase(mechanism, "PLAIN") || equalsNoCase(mechanism, "LOGIN"); }

std::unique_ptr<ServerMechanism> makeServer(std::string_view mechanism, ServerContext context) {
  std::string name = upper(mechanism);
  if (name == "PLAIN") return makePlainServer();
  if (name == "LOGIN") return makeLoginServer();
  if (name == "CRAM-MD5") return makeCramMd5Server(std::move(context));
  if (name == "EXTERNAL" && !context.certificateLogin.empty()) return makeExternalServer(std::move(context));
  for (HashKind kind : {HashKind::sha1, HashKind::sha256})
    for (bool plus : {false, true})
      if (name == scramName(kind, plus)) return makeScramServer(kind, plus, std::move(context));
  return nullptr;
}

Step ServerExchange::start(std::optional<std::string_view> initial) {
  if (!initial) return checked(mechanism_->start(std::nullopt));
  if (*initial == "=") return checked(mechanism_->start(std::string_view()));
  if (initial->size() > maxResponseOctets) return checked(Failure{FailureReason::tooLong, "response too long"});
  auto bytes = fromBase64(*initial);
  // An initial response of no octets is spelled "=" (RFC 4954 §4), so "" cannot be one.
  if (!bytes || initial->empty()) return checked(Failure{FailureReason::syntax, "response is not base64"});
  return checked(mechanism_->start(std::string_view(*bytes)));
}

Step ServerExchange::respond(std::string_view line) {
  if (over_) return Failure{FailureReason::syntax, "exchange is over"};
  if (line == "*") return checked(Failure{FailureReason::cancelled, "client cancelled"});
  if (line.size() > maxResponseOctets) return checked(Failure{FailureReason::tooLong, "response too long"});
  auto bytes = fromBase64(line);
  if (!bytes) return checked(Failure{FailureReason::syntax, "response is not base64"});
  return checked(mechanism_->step(*bytes));
}

Step ServerExchange::checked(Step step) {
  over_ = !std::holds_alternative<Challenge>(step);
  return step;
}

}  // namespace mox::sasl
