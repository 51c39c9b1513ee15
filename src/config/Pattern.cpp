#include "config/Pattern.h"

#include <Poco/Exception.h>
#include <Poco/RegularExpression.h>

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::config {

namespace {

/// Read by PCRE at the start of a pattern. The depth keeps the recursion of a match within some hundred KB of stack.
constexpr std::string_view limits = "(*LIMIT_MATCH=200000)(*LIMIT_RECURSION=1000)";

/// Cut between characters.
std::string_view start(std::string_view subject) {
  if (subject.size() <= Pattern::maxSubjectBytes) return subject;
  auto size = Pattern::maxSubjectBytes;
  while (size > 0 && (static_cast<unsigned char>(subject[size]) & 0xc0) == 0x80) --size;
  return subject.substr(0, size);
}

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(const std::string& text) : expression(std::string(limits) + text, Poco::RegularExpression::RE_UTF8) {}
  Poco::RegularExpression expression;
};

Result<Pattern> Pattern::make(std::string_view text) {
  if (text.size() > maxPatternBytes) return fail(Errc::tooLong, "regular expression longer than 4096 octets");
  if (!isUtf8(text) || text.find('\0') != std::string_view::npos) return fail(Errc::syntax, "regular expression is not plain UTF-8");
  if (text.starts_with("(*")) return fail(Errc::syntax, "regular expression starts with a control verb");
  try {
    Poco::RegularExpression asWritten(std::string(text), Poco::RegularExpression::RE_UTF8);  // so that errors have its offsets
    return Pattern(std::string(text), std::make_shared<const Compiled>(std::string(text)));
  } catch (const Poco::RegularExpressionException& e) {
    return fail(Errc::syntax, "invalid regular expression: " + printable(e.message()));
  }
}

bool Pattern::matches(std::string_view subject) const {
  try {
    Poco::RegularExpression::Match match;
    return compiled_->expression.match(std::string(start(subject)), 0, match) > 0;
  } catch (const Poco::RegularExpressionException&) {
    return false;  // a limit was reached, or the subject is not UTF-8: no match, as the header says
  }
}

}  // namespace mox::config
