#include "smtp/Extensions.h"

#include <algorithm>

#include "base/Text.h"

namespace mox::smtp {

namespace {

/// RFC 9422 §3: name=value; what is unknown or malformed is skipped, 0 is no limit that makes sense.
void parseLimits(const std::vector<std::string_view>& words, Extensions& out) {
  for (auto word : words) {
    auto parts = cut(word, '=');
    auto value = parts ? parseUnsigned(parts->second) : std::nullopt;
    if (!value || *value == 0) continue;
    if (equalsNoCase(parts->first, "RCPTMAX")) out.rcptMax = value;
    if (equalsNoCase(parts->first, "MAILMAX")) out.mailMax = value;
    if (equalsNoCase(parts->first, "RCPTDOMAINMAX")) out.rcptDomainMax = value;
  }
}

void parseKeyword(std::string_view keyword, const std::vector<std::string_view>& words, Extensions& out) {
  if (equalsNoCase(keyword, "STARTTLS")) out.startTls = true;
  else if (equalsNoCase(keyword, "PIPELINING")) out.pipelining = true;
  else if (equalsNoCase(keyword, "8BITMIME")) out.eightBitMime = true;
  else if (equalsNoCase(keyword, "SMTPUTF8")) out.smtpUtf8 = true;
  else if (equalsNoCase(keyword, "REQUIRETLS")) out.requireTls = true;
  else if (equalsNoCase(keyword, "ENHANCEDSTATUSCODES")) out.enhancedCodes = true;
  else if (equalsNoCase(keyword, "LIMITS")) parseLimits(words, out);
  else if (equalsNoCase(keyword, "AUTH")) std::transform(words.begin(), words.end(), std::back_inserter(out.auth), upper);
  else if (equalsNoCase(keyword, "SIZE")) {
    out.size = true;
    out.maxSize = words.empty() ? 0 : parseUnsigned(words.front()).value_or(0);
  }
}

}  // namespace

Extensions Extensions::parse(const Reply& ehlo) {
  Extensions out;
  for (std::size_t i = 1; i < ehlo.lines.size(); ++i) {
    std::string_view line = trim(ehlo.lines[i]);
    // "AUTH=LOGIN" is how servers spoke before RFC 2554 and some still do.
    auto keyword = line.substr(0, line.find_first_of(" ="));
    bool old = keyword.size() < line.size() && line[keyword.size()] == '=' && equalsNoCase(keyword, "AUTH");
    if (!old) keyword = line.substr(0, line.find(' '));
    std::vector<std::string_view> words;
    for (auto word : split(line.substr(std::min(line.size(), keyword.size() + 1)), ' '))
      if (!word.empty()) words.push_back(word);
    parseKeyword(keyword, words, out);
  }
  return out;
}

}  // namespace mox::smtp
