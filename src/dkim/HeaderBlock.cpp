#include "dkim/HeaderBlock.h"

#include "base/Text.h"

namespace mox::dkim {

namespace {

/// Length of the line with its LF, or what is left.
std::size_t lineLength(std::string_view text) {
  auto lf = text.find('\n');
  return lf == std::string_view::npos ? text.size() : lf + 1;
}

bool isEmptyLine(std::string_view line) { return line == "\n" || line == "\r\n"; }

void add(HeaderBlock& out, std::string_view raw) {
  auto colon = raw.find(':');
  if (colon == std::string_view::npos || isWsp(raw[0])) return;
  auto name = raw.substr(0, colon);
  while (!name.empty() && isWsp(name.back())) name.remove_suffix(1);
  if (name.empty() || name.find_first_of(" \t\r\n") != std::string_view::npos) return;
  out.fields.push_back({lower(name), raw});
}

/// Cuts `text` up to the empty line; what follows it is left.
std::string_view cutFields(HeaderBlock& out, std::string_view text) {
  std::size_t looked = 0;
  while (!text.empty()) {
    std::size_t end = lineLength(text);
    if (isEmptyLine(text.substr(0, end))) return text.substr(end);
    while (end < text.size() && isWsp(text[end])) end += lineLength(text.substr(end));
    looked += end;
    if (out.fields.size() >= maxHeaderFields || looked > maxHeaderOctets) {
      out.cut = true;
    } else {
      add(out, text.substr(0, end));
    }
    text.remove_prefix(end);
  }
  return {};
}

}  // namespace

std::string_view HeaderField::value() const { return raw.substr(raw.find(':') + 1); }

HeaderBlock split(std::string_view prefix, std::string_view data) {
  HeaderBlock out;
  cutFields(out, prefix);
  out.body = cutFields(out, data);
  return out;
}

}  // namespace mox::dkim
