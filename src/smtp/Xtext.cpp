#include "smtp/Xtext.h"

#include "base/Text.h"

namespace mox::smtp {

namespace {
bool isXchar(char c) { return c > 0x20 && c < 0x7f && c != '+' && c != '='; }
bool isUpperHex(char c) { return isDigit(c) || (c >= 'A' && c <= 'F'); }
}  // namespace

std::string encodeXtext(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    if (isXchar(c)) out += c;
    else out += "+" + upper(hex(std::string_view(&c, 1)));
  }
  return out;
}

std::optional<std::string> decodeXtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (isXchar(text[i])) {
      out += text[i];
      continue;
    }
    auto code = text.substr(i, 3);
    if (code.size() != 3 || code[0] != '+' || !isUpperHex(code[1]) || !isUpperHex(code[2])) return std::nullopt;
    char c = fromHex(code.substr(1))->front();
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
    i += 2;
  }
  return out;
}

}  // namespace mox::smtp
