#include "smtp/Reply.h"

#include <algorithm>
#include <utility>

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::smtp {

namespace {

bool isControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool isHighByte(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string cleaned(std::string_view text, bool utf8) {
  bool keepHigh = utf8 && isPlainUtf8(text);
  std::string out(text);
  for (char& c : out)
    if (isControl(c) || (isHighByte(c) && !keepHigh)) c = '?';
  return out;
}

/// How much of `text` goes on a line of `room` octets: all, or up to a good place to break.
std::size_t pieceLength(std::string_view text, std::size_t room, std::size_t preferred) {
  if (text.size() <= room) return text.size();
  auto space = text.rfind(' ', room);
  if (space != std::string_view::npos && space > preferred) return space;
  while (room > 1 && isContinuation(text[room])) --room;  // not within a character
  return room;
}

/// "x.y.z" at the start, up to a space or the end; "" if there is none.
std::string_view enhancedCode(std::string_view line) {
  auto code = line.substr(0, line.find(' '));
  auto parts = split(code, '.');
  if (parts.size() != 3 || parts[0].size() != 1) return {};
  for (auto part : parts)
    if (part.empty() || part.size() > 3 || !std::all_of(part.begin(), part.end(), isDigit)) return {};
  return code;
}

}  // namespace

Reply Reply::make(unsigned code, std::string enhanced, std::string_view text) {
  Reply reply{code, std::move(enhanced), {}};
  for (auto line : split(text, '\n')) reply.lines.emplace_back(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
  return reply;
}

std::string Reply::text(std::size_t limit) const {
  std::string out;
  for (const auto& line : lines) {
    if (!out.empty()) out += ' ';
    out += line;
    if (out.size() > limit) break;
  }
  if (out.size() <= limit) return out;
  while (limit > 0 && isContinuation(out[limit])) --limit;
  return out.substr(0, limit);
}

std::string Reply::wire(bool utf8) const {
  const std::string prefix = std::to_string(code);
  const std::string status = enhanced.empty() ? "" : cleaned(enhanced, false) + " ";
  const std::size_t used = prefix.size() + 1 + status.size();
  std::vector<std::string> pieces;
  for (const auto& line : lines) {
    std::string text = cleaned(line, utf8);
    std::string_view rest = text;
    do {
      auto length = pieceLength(rest, maxReplyLine - used, preferredBreak - used);
      pieces.emplace_back(rest.substr(0, length));
      rest.remove_prefix(length);
      if (rest.starts_with(' ')) rest.remove_prefix(1);
    } while (!rest.empty());
  }
  if (pieces.empty()) pieces.emplace_back();
  std::string out;
  for (const auto& piece : pieces) out += prefix + (&piece == &pieces.back() ? " " : "-") + status + piece + "\r\n";
  return out;
}

void extractEnhanced(Reply& reply) {
  if (reply.lines.empty() || !reply.enhanced.empty()) return;
  std::string code(enhancedCode(reply.lines.front()));
  if (code.empty() || static_cast<unsigned>(code.front() - '0') != reply.code / 100) return;
  if (!std::all_of(reply.lines.begin(), reply.lines.end(), [&](const std::string& line) { return enhancedCode(line) == code; })) return;
  for (auto& line : reply.lines) line.erase(0, std::min(line.size(), code.size() + 1));
  reply.enhanced = std::move(code);
}

Result<std::optional<Reply>> ReplyParser::feed(std::string_view input, std::size_t& used) {
  used = 0;
  while (used < input.size()) {
    auto rest = input.substr(used);
    auto end = rest.find('\n');
    auto piece = rest.substr(0, end);
    if (line_.size() + piece.size() > maxLine) return fail(Errc::tooLong, "reply line too long");
    line_ += piece;
    total_ += piece.size() + 1;
    if (total_ > maxTotal) return fail(Errc::tooLong, "reply too long");
    used += end == std::string_view::npos ? piece.size() : end + 1;
    if (end == std::string_view::npos) break;
    auto last = takeLine();
    if (!last) return tl::unexpected(last.error());
    if (!*last) continue;
    total_ = 0;
    return std::exchange(reply_, {});
  }
  return std::nullopt;
}

/// Takes line_ as one line of the reply; true if it is the last one.
Result<bool> ReplyParser::takeLine() {
  std::string_view line = line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  bool digits = line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3, isDigit);
  if (!digits || line[0] < '2' || line[0] > '5') return fail(Errc::syntax, "malformed reply: " + printable(line, 64));
  auto code = static_cast<unsigned>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
  bool more = line.size() > 3 && line[3] == '-';
  if (line.size() > 3 && !more && line[3] != ' ') return fail(Errc::syntax, "malformed reply: " + printable(line, 64));
  if (!reply_.lines.empty() && reply_.code != code) return fail(Errc::syntax, "reply lines with different codes");
  if (reply_.lines.size() == maxLines) return fail(Errc::tooMany, "reply with too many lines");
  reply_.code = code;
  reply_.lines.push_back(cleaned(line.size() > 4 ? line.substr(4) : std::string_view(), true));
  line_.clear();
  return !more;
}

}  // namespace mox::smtp
