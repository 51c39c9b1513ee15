#include "smtp/DotStuffer.h"

#include <cstring>

namespace mox::smtp {

namespace {
const char* findByte(std::string_view text, char wanted) {
  return text.empty() ? nullptr : static_cast<const char*>(std::memchr(text.data(), wanted, text.size()));
}
}  // namespace

Result<void> DotStuffer::add(std::string_view bytes, std::string& out) {
  if (findByte(bytes, '\0') != nullptr) return fail(Errc::syntax, "NUL in message");
  out.reserve(out.size() + bytes.size() + bytes.size() / 64);
  while (!bytes.empty()) {
    if (cr_) {
      if (bytes.front() != '\n') return fail(Errc::syntax, "bare carriage return in message");
      cr_ = false;
      lineStart_ = true;
      out += '\n';
      bytes.remove_prefix(1);
      continue;
    }
    if (lineStart_ && bytes.front() == '.') out += '.';
    lineStart_ = false;
    const char* lf = findByte(bytes, '\n');
    auto line = lf == nullptr ? bytes : bytes.substr(0, static_cast<std::size_t>(lf - bytes.data()));
    const char* cr = findByte(line, '\r');
    if (cr != nullptr && cr + 1 != line.data() + line.size()) return fail(Errc::syntax, "bare carriage return in message");
    if (lf != nullptr && cr == nullptr) return fail(Errc::syntax, "bare line feed in message");
    out += line;
    bytes.remove_prefix(line.size());
    cr_ = cr != nullptr;  // its LF is next, here or in the next piece
  }
  return {};
}

Result<void> DotStuffer::finish(std::string& out) {
  if (cr_) return fail(Errc::syntax, "bare carriage return in message");
  out += lineStart_ ? ".\r\n" : "\r\n.\r\n";
  return {};
}

}  // namespace mox::smtp
