#include "imap/CommandReader.h"

#include <algorithm>
#include <optional>

#include "base/Text.h"
#include "imap/Lexer.h"

namespace mox::imap {

namespace {

constexpr std::uint64_t largestSize = 0x7fffffffffffffff;  // number64, RFC 9051 §9

struct LineEnd {
  bool malformed = false;  ///< ends as a non-synchronising literal would, but is none: what follows may be its octets
  std::optional<LiteralHeader> header;
  std::size_t headerStart = 0;
};

/// Looks for a literal header at the end of a line.
LineEnd lineEnd(std::string_view line) {
  LineEnd out;
  if (line.empty() || line.back() != '}') return out;
  auto open = line.rfind('{');
  auto digits = open == std::string_view::npos ? std::string_view() : line.substr(open + 1, line.size() - open - 2);
  bool plus = line.size() >= 2 && line[line.size() - 2] == '+';
  if (plus && !digits.empty()) digits.remove_suffix(1);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), isDigit)) {
    // An atom may end so. But { is no character of atoms: where it is right it is in a quoted string, which ends after it.
    out.malformed = plus && open != std::string_view::npos && digits.find('"') == std::string_view::npos;
    return out;
  }
  LiteralHeader header;
  header.size = std::min(parseUnsigned(digits).value_or(largestSize), largestSize);
  header.synchronising = !plus;
  header.binary = open > 0 && line[open - 1] == '~';
  out.headerStart = header.binary ? open - 1 : open;
  out.header = header;
  return out;
}

/// Takes a word and the space after it from `text`; the word alone leaves nothing.
std::string_view takeWord(std::string_view& text) {
  auto end = std::min(text.find(' '), text.size());
  auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::size_t most(const Limit* limit) { return static_cast<std::size_t>(limit->value); }

}  // namespace

std::string readTag(std::string_view text) {
  auto tag = text.substr(0, std::min(text.find(' '), text.size()));
  bool good = std::all_of(tag.begin(), tag.end(), isTagChar);
  return good ? std::string(tag) : std::string();
}

bool CommandReader::isMessageLiteral(std::string_view before) const {
  if (framed_.afterMessage) return true;
  if (!limits_.messageLiterals) return false;
  takeWord(before);  // the tag
  auto word = takeWord(before);
  if (equalsNoCase(word, "UID")) word = takeWord(before);
  // The mailbox may be a literal too: it is the one that directly follows the command word, or the number of REPLACE.
  if (equalsNoCase(word, "APPEND")) return !before.empty();
  if (!equalsNoCase(word, "REPLACE")) return false;
  takeWord(before);
  return !before.empty();
}

CommandReader::Step CommandReader::feed(std::string_view input) {
  if (state_ == ReadOutcome::needContinuation) state_ = ReadOutcome::incomplete;
  std::size_t taken = 0;
  while (state_ == ReadOutcome::incomplete && taken < input.size()) {
    auto rest = input.substr(taken);
    if (literalMissing_ > 0) {
      auto piece = rest.substr(0, literalMissing_);
      framed_.literals.back() += piece;
      literalMissing_ -= piece.size();
      taken += piece.size();
      continue;
    }
    auto step = line(rest);
    taken += step.taken;
    state_ = step.outcome;
  }
  return {state_, taken};
}

CommandReader::Step CommandReader::line(std::string_view input) {
  auto newline = input.find('\n');
  bool ends = newline != std::string_view::npos;
  auto piece = ends ? input.substr(0, newline) : input;
  // One octet more than the limit may be the CR.
  std::size_t have = framed_.text.size();
  std::size_t inLine = most(limits_.line) + 1 - std::min(have - lineStart_, most(limits_.line) + 1);
  std::size_t inText = most(limits_.text) - std::min(have, most(limits_.text));
  std::size_t room = std::min(inLine, inText);
  framed_.text += piece.substr(0, room);
  if (piece.size() > room) {
    passed_ = inLine <= inText ? limits_.line : limits_.text;
    return {ReadOutcome::tooLong, room};
  }
  if (!ends) return {ReadOutcome::incomplete, piece.size()};
  return {endLine(), newline + 1};
}

ReadOutcome CommandReader::endLine() {
  auto& text = framed_.text;
  if (text.size() > lineStart_ && text.back() == '\r') {
    text.pop_back();
  } else {
    framed_.bareLineFeed = true;
  }
  if (text.size() - lineStart_ > most(limits_.line)) {
    passed_ = limits_.line;
    return ReadOutcome::tooLong;
  }
  if (plainLines_) return ReadOutcome::command;
  auto end = lineEnd(std::string_view(text).substr(lineStart_));
  if (end.malformed) return ReadOutcome::badSync;
  if (!end.header) return ReadOutcome::command;
  // After a bare LF nobody knows what the client thinks it sends.
  if (framed_.bareLineFeed) return end.header->synchronising ? ReadOutcome::command : ReadOutcome::badSync;
  return startLiteral(*end.header, lineStart_ + end.headerStart);
}

ReadOutcome CommandReader::startLiteral(const LiteralHeader& header, std::size_t headerStart) {
  auto& text = framed_.text;
  if (isMessageLiteral(std::string_view(text).substr(0, headerStart))) {
    text.resize(headerStart);
    framed_.hasMessage = true;
    framed_.message = header;
    return ReadOutcome::messageLiteral;
  }
  passed_ = passedBy(header.size);
  if (passed_ != nullptr) return header.synchronising ? ReadOutcome::refused : ReadOutcome::badSync;
  text += "\r\n";
  lineStart_ = text.size();
  literalMissing_ = static_cast<std::size_t>(header.size);
  literalsTotal_ += literalMissing_;
  framed_.literals.emplace_back();
  return header.synchronising ? ReadOutcome::needContinuation : ReadOutcome::incomplete;
}

const Limit* CommandReader::passedBy(std::uint64_t literal) const {
  // The sum cannot wrap: what it adds is within the limit of one literal.
  if (literal > most(limits_.literal)) return limits_.literal;
  if (literalsTotal_ + literal > most(limits_.literalsTotal)) return limits_.literalsTotal;
  if (framed_.literals.size() >= most(limits_.literalsCount)) return limits_.literalsCount;
  // Its header is in the text, and a CRLF follows.
  if (framed_.text.size() + 2 > most(limits_.text)) return limits_.text;
  return nullptr;
}

Framed CommandReader::take() {
  Framed out = std::move(framed_);
  abandon();
  return out;
}

void CommandReader::messageDone() {
  abandon();
  framed_.afterMessage = true;
}

void CommandReader::abandon() {
  if (state_ == ReadOutcome::tooLong || state_ == ReadOutcome::badSync) return;
  framed_ = {};
  lineStart_ = literalMissing_ = literalsTotal_ = 0;
  passed_ = nullptr;
  state_ = ReadOutcome::incomplete;
}

}  // namespace mox::imap
