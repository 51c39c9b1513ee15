#include "message/FieldLexer.h"

#include "base/Text.h"

namespace mox::message {

namespace {

bool isFws(char c) { return isWsp(c) || c == '\r' || c == '\n'; }

}  // namespace

bool FieldLexer::take(char c) {
  if (atEnd() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool FieldLexer::skipCfws() {
  auto start = at_;
  while (!atEnd()) {
    if (isFws(text_[at_])) ++at_;
    else if (text_[at_] == '(') skipComment();
    else break;
  }
  return at_ > start;
}

void FieldLexer::skipComment() {
  auto start = ++at_;
  std::size_t depth = 1;
  for (; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (c == '\\') {
      if (at_ + 1 < text_.size()) ++at_;  // a backslash may be the last octet
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      break;
    }
  }
  commentStart_ = start;
  commentEnd_ = at_;
  if (atEnd()) wellFormed_ = false;
  else ++at_;
}

void FieldLexer::skipTo(char c) {
  while (skipCfws(), !atEnd() && text_[at_] != c) {
    if (text_[at_] == '"') quotedString();
    else ++at_;
  }
}

std::string_view FieldLexer::run(const OctetSet& ends) {
  auto start = at_;
  while (at_ < text_.size() && !ends.has(text_[at_])) ++at_;
  return text_.substr(start, at_ - start);
}

std::string FieldLexer::quotedString() {
  std::string out;
  ++at_;
  for (; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      return out;
    }
    if (c == '\\' && at_ + 1 < text_.size()) c = text_[++at_];
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  }
  wellFormed_ = false;
  return out;
}

std::string FieldLexer::domainLiteral() {
  std::string out;
  for (; at_ < text_.size(); ++at_) {
    char c = text_[at_];
    if (!isFws(c) && c != '\0') out += c;
    if (c == ']') {
      ++at_;
      return out;
    }
  }
  wellFormed_ = false;
  return out;
}

std::optional<std::string> FieldLexer::lastComment() {
  if (commentEnd_ <= commentStart_) return std::nullopt;
  std::string out;
  for (auto i = commentStart_; i < commentEnd_; ++i) {
    char c = text_[i];
    if (c == '\\' && i + 1 < commentEnd_) c = text_[++i];
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  }
  commentStart_ = commentEnd_ = 0;
  return std::string(trim(out));
}

}  // namespace mox::message
