// Regular expressions of operators and users, run over text of strangers.
//
// Perl syntax, which takes nearly all that mox's RE2 takes. A match has limits
// on steps and depth and only looks at the first maxSubjectBytes, so a bad
// pattern costs a bounded time and stack and then counts as no match.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/Result.h"

namespace mox::config {

class Pattern {
 public:
  static constexpr std::size_t maxPatternBytes = 4096;
  static constexpr std::size_t maxSubjectBytes = 16384;

  /// Errc::syntax with the reason and offset.
  static Result<Pattern> make(std::string_view text);

  const std::string& text() const { return text_; }
  /// Anywhere in `subject`, which should be UTF-8. Thread safe.
  bool matches(std::string_view subject) const;

 private:
  struct Compiled;
  Pattern(std::string text, std::shared_ptr<const Compiled> compiled) : text_(std::move(text)), compiled_(std::move(compiled)) {}
  std::string text_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace mox::config
