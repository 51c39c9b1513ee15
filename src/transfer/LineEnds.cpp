#include "transfer/LineEnds.h"

namespace mox::transfer {

void CrlfWriter::append(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    auto end = piece.find('\n');
    auto line = piece.substr(0, end);
    out.append(line);
    if (!line.empty()) afterCr_ = line.back() == '\r';
    if (end == std::string_view::npos) return;
    if (!afterCr_) out.push_back('\r');
    out.push_back('\n');
    afterCr_ = false;
    piece.remove_prefix(end + 1);
  }
}

bool isPlainCrlf(std::string_view text) {
  for (std::size_t at = 0; (at = text.find_first_of("\r\n", at)) != std::string_view::npos; at += 2)
    if (text.substr(at, 2) != "\r\n") return false;
  return true;
}

void toLf(std::string_view text, std::string& out) {
  while (!text.empty()) {
    auto end = text.find("\r\n");
    out.append(text.substr(0, end));
    if (end == std::string_view::npos) return;
    out.push_back('\n');
    text.remove_prefix(end + 2);
  }
}

}  // namespace mox::transfer
