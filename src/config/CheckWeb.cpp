// WebDomainRedirects and WebHandlers.
#include <algorithm>

#include "base/Text.h"
#include "config/Build.h"

namespace mox::config {

namespace {

bool isFieldName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return isAlpha(c) || isDigit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;  // RFC 9110 §5.6.2
  });
}

void checkHeaders(Document& file, const Path& path, const std::map<std::string, std::string>& headers) {
  for (const auto& [name, value] : headers) {
    if (!isFieldName(name)) file.error(path / name, "not the name of a header field");
    if (!isOneLine(value)) file.error(path / name, "value must be one line");
  }
}

void checkStatic(Document& file, const Path& path, const WebStatic& handler) {
  if (!handler.stripPrefix.empty() && handler.stripPrefix.front() != '/') file.error(path / "StripPrefix", "must start with a slash");
  if (handler.root.empty()) file.error(path / "Root", "must not be empty");
  checkHeaders(file, path / "ResponseHeaders", handler.responseHeaders);
}

/// Scheme and host, no path.
void checkBase(Document& file, const Path& path, const std::string& url) {
  checkUrl(file, path, url);
  auto host = url.find("//");
  auto end = host == std::string::npos ? host : url.find_first_of("/?#", host + 2);
  if (end != std::string::npos && url[end] == '/') file.error(path, "must have no path");
}

void checkRedirect(Document& file, const Path& path, const WebRedirect& handler) {
  if (!handler.baseUrl.empty()) checkBase(file, path / "BaseURL", handler.baseUrl);
  bool original = !handler.origPathRegexp.empty(), replace = !handler.replacePath.empty();
  if (original != replace) file.error(path, "OrigPathRegexp and ReplacePath need each other");
  if (handler.baseUrl.empty() && !original) file.error(path, "needs BaseURL, or OrigPathRegexp and ReplacePath");
  checkPattern(file, path / "OrigPathRegexp", handler.origPathRegexp);
  bool code = handler.statusCode == 0 || (handler.statusCode >= 300 && handler.statusCode <= 399);
  if (!code) file.error(path / "StatusCode", "must be from 300 to 399");
}

void checkForward(Document& file, const Path& path, const WebForward& handler) {
  checkUrl(file, path / "URL", handler.url);
  checkHeaders(file, path / "ResponseHeaders", handler.responseHeaders);
}

void checkInternal(Document& file, const Path& path, const WebInternal& handler) {
  if (!handler.basePath.starts_with('/') || !handler.basePath.ends_with('/'))
    file.error(path / "BasePath", "must start and end with a slash");
}

void checkHandler(Document& file, const Path& path, const WebHandler& handler) {
  checkDomain(file, path / "Domain", handler.domain);
  if (!handler.pathRegexp.starts_with('^')) file.error(path / "PathRegexp", "must start with ^");
  checkPattern(file, path / "PathRegexp", handler.pathRegexp);
  int kinds = (handler.webStatic ? 1 : 0) + (handler.webRedirect ? 1 : 0) + (handler.webForward ? 1 : 0) + (handler.webInternal ? 1 : 0);
  if (kinds != 1) file.error(path, "needs exactly one of WebStatic, WebRedirect, WebForward and WebInternal");
  if (handler.webStatic) checkStatic(file, path / "WebStatic", *handler.webStatic);
  if (handler.webRedirect) checkRedirect(file, path / "WebRedirect", *handler.webRedirect);
  if (handler.webForward) checkForward(file, path / "WebForward", *handler.webForward);
  if (handler.webInternal) checkInternal(file, path / "WebInternal", *handler.webInternal);
}

}  // namespace

void checkWeb(Build& b) {
  auto& file = b.dynamicFile;
  for (const auto& [from, to] : b.dynamic().webDomainRedirects) {
    Path path = Path() / "WebDomainRedirects" / from;
    auto source = checkDomain(file, path, from), target = checkDomain(file, path, to);
    if (source && target && *source == *target) file.error(path, "redirects to itself");
  }
  const auto& handlers = b.dynamic().webHandlers;
  for (std::size_t i = 0; i < handlers.size(); ++i) checkHandler(file, Path() / "WebHandlers" / i, handlers[i]);
}

}  // namespace mox::config
