#include "acme/Documents.h"

#include <Poco/Exception.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include "base/Text.h"

namespace mox::acme {

namespace {

using Object = Poco::JSON::Object::Ptr;
constexpr std::size_t maxDepth = 16;
constexpr std::size_t maxTexts = 100;        // authorizations or challenges of one document
constexpr std::size_t tokenMax = 256;        // octets
constexpr std::string_view errorPrefix = "urn:ietf:params:acme:error:";

Result<Object> parseObject(const std::string& json) {
  try {
    Poco::JSON::Parser parser;
    parser.setDepth(maxDepth);
    return parser.parse(json).extract<Object>();
  } catch (const Poco::Exception&) {
    return fail(Errc::syntax, "the answer is not a JSON object");
  } catch (const std::exception&) {  // Poco's parser lets some of the standard library's through
    return fail(Errc::syntax, "the answer is not a JSON object");
  }
}

std::string text(const Object& object, const std::string& name) {
  if (!object->has(name)) return "";
  auto value = object->get(name);
  return value.isString() ? value.extract<std::string>() : "";
}

Result<std::string> url(const Object& object, const std::string& name) {
  auto value = text(object, name);
  if (value.empty() || !isOneLine(value)) return fail(Errc::syntax, "the answer has no \"" + name + "\"");
  return value;
}

Status status(const Object& object) {
  auto word = text(object, "status");
  if (word == "pending") return Status::pending;
  if (word == "processing") return Status::processing;
  if (word == "ready") return Status::ready;
  if (word == "valid") return Status::valid;
  if (word == "invalid") return Status::invalid;
  return Status::other;
}

std::optional<Problem> error(const Object& object) {
  auto inner = object->isObject("error") ? object->getObject("error") : Object();
  if (inner.isNull()) return std::nullopt;
  auto type = text(inner, "type");
  if (type.starts_with(errorPrefix)) type.erase(0, errorPrefix.size());
  return Problem{printable(type, 100), printable(text(inner, "detail"))};
}

/// RFC 8555 §8: base64url. It becomes part of what is served and compared.
bool isToken(std::string_view token) {
  for (char c : token)
    if (!isAlpha(c) && !isDigit(c) && c != '-' && c != '_') return false;
  return !token.empty() && token.size() <= tokenMax;
}

Result<std::vector<std::string>> urls(const Object& object, const std::string& name) {
  std::vector<std::string> out;
  auto list = object->isArray(name) ? object->getArray(name) : Poco::JSON::Array::Ptr();
  if (list.isNull() || list->empty() || list->size() > maxTexts) return fail(Errc::syntax, "the answer has no \"" + name + "\"");
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto value = list->get(static_cast<unsigned>(i));
    if (!value.isString() || !isOneLine(value.extract<std::string>())) return fail(Errc::syntax, "the answer has a wrong \"" + name + "\"");
    out.push_back(value.extract<std::string>());
  }
  return out;
}

}  // namespace

Result<Directory> parseDirectory(const std::string& json) {
  auto object = parseObject(json);
  if (!object) return tl::unexpected(object.error());
  Directory out;
  for (auto [name, target] : {std::pair{"newNonce", &out.newNonce}, {"newAccount", &out.newAccount}, {"newOrder", &out.newOrder}}) {
    auto value = url(*object, name);
    if (!value) return tl::unexpected(value.error());
    *target = *value;
  }
  auto meta = (*object)->isObject("meta") ? (*object)->getObject("meta") : Object();
  if (!meta.isNull() && meta->has("externalAccountRequired")) {
    auto value = meta->get("externalAccountRequired");
    out.externalAccountRequired = value.isBoolean() && value.extract<bool>();
  }
  return out;
}

Result<Order> parseOrder(const std::string& json) {
  auto object = parseObject(json);
  if (!object) return tl::unexpected(object.error());
  Order out;
  out.status = status(*object);
  out.error = error(*object);
  out.certificate = text(*object, "certificate");
  auto finalize = url(*object, "finalize");
  if (!finalize) return tl::unexpected(finalize.error());
  out.finalize = *finalize;
  auto authorizations = urls(*object, "authorizations");
  if (!authorizations) return tl::unexpected(authorizations.error());
  out.authorizations = std::move(*authorizations);
  return out;
}

Result<Authorization> parseAuthorization(const std::string& json) {
  auto object = parseObject(json);
  if (!object) return tl::unexpected(object.error());
  Authorization out;
  out.status = status(*object);
  auto list = (*object)->isArray("challenges") ? (*object)->getArray("challenges") : Poco::JSON::Array::Ptr();
  if (list.isNull() || list->size() > maxTexts) return fail(Errc::syntax, "the answer has no \"challenges\"");
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto one = list->isObject(static_cast<unsigned>(i)) ? list->getObject(static_cast<unsigned>(i)) : Object();
    if (one.isNull()) return fail(Errc::syntax, "the answer has wrong \"challenges\"");
    ChallengeOffer offer{text(one, "type"), text(one, "url"), text(one, "token"), error(one)};
    // Of a kind we do not know nothing else is asked.
    if (offer.type.ends_with("-01") && isToken(offer.token) && isOneLine(offer.url) && !offer.url.empty()) out.challenges.push_back(std::move(offer));
  }
  return out;
}

Problem parseProblem(const std::string& text) {
  // The document is an error object itself; as a member it is read by the same words.
  auto object = parseObject("{\"error\":" + text + "}");
  if (object)
    if (auto found = error(*object)) return *found;
  return {"", printable(text)};
}

}  // namespace mox::acme
