#include "message/HeaderFields.h"

#include <cstring>

#include "base/Text.h"

namespace mox::message {

namespace {

/// Length of the field name that starts `line`, or 0. RFC 5322 §3.6.8 ftext, §4.5 white space before the colon.
std::size_t fieldNameLength(std::string_view line) {
  std::size_t size = 0;
  while (size < line.size() && size <= maxFieldName && line[size] > ' ' && line[size] < 0x7f && line[size] != ':') ++size;
  if (size == 0 || size > maxFieldName) return 0;
  auto colon = size;
  while (colon < line.size() && isWsp(line[colon])) ++colon;
  return colon < line.size() && line[colon] == ':' ? size : 0;
}

}  // namespace

HeaderLine classifyHeaderLine(std::string_view line, bool first) {
  if (line.empty()) return HeaderLine::blank;
  if (isWsp(line[0])) return first ? HeaderLine::ignored : HeaderLine::continuation;
  if (fieldNameLength(line) > 0) return HeaderLine::field;
  if (line.starts_with("From ") || line.starts_with(">From ")) return HeaderLine::ignored;
  return HeaderLine::none;
}

std::string_view lineAt(std::string_view text, std::size_t at, std::size_t& next) {
  const char* start = text.data() + at;
  const auto* newline = static_cast<const char*>(std::memchr(start, '\n', text.size() - at));
  if (newline == nullptr) {
    next = text.size();
    return text.substr(at);
  }
  auto size = static_cast<std::size_t>(newline - start);
  next = at + size + 1;
  if (size > 0 && start[size - 1] == '\r') --size;
  return text.substr(at, size);
}

bool HeaderField::is(std::string_view otherName) const { return equalsNoCase(name, otherName); }

std::optional<HeaderField> HeaderFields::next() {
  while (!done_ && at_ < block_.size()) {
    std::size_t after = at_;
    auto line = lineAt(block_, at_, after);
    auto kind = classifyHeaderLine(line, first_);
    if (kind == HeaderLine::ignored || kind == HeaderLine::continuation) {
      at_ = after;
      continue;
    }
    if (kind != HeaderLine::field) {
      done_ = true;
      hasBlankLine_ = kind == HeaderLine::blank;
      bodyStart_ = hasBlankLine_ ? after : at_;
      return std::nullopt;
    }
    first_ = false;
    auto start = at_;
    auto end = at_ + line.size();
    while (after < block_.size() && isWsp(block_[after])) {
      auto more = after;
      auto folded = lineAt(block_, more, after);
      end = more + folded.size();
    }
    at_ = after;
    auto colon = block_.find(':', start);
    return HeaderField{line.substr(0, fieldNameLength(line)), block_.substr(colon + 1, end - colon - 1), block_.substr(start, after - start)};
  }
  if (!done_) bodyStart_ = at_;
  done_ = true;
  return std::nullopt;
}

std::optional<std::string_view> firstField(std::string_view block, std::string_view name) {
  HeaderFields fields(block);
  while (auto field = fields.next())
    if (field->is(name)) return field->value;
  return std::nullopt;
}

std::size_t countFields(std::string_view block, std::string_view name) {
  std::size_t count = 0;
  HeaderFields fields(block);
  while (auto field = fields.next()) count += field->is(name);
  return count;
}

std::string unfold(std::string_view value) {
  std::string out;
  for (char c : trim(value))
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  return out;
}

}  // namespace mox::message
