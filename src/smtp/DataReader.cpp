#include "smtp/DataReader.h"

#include <algorithm>
#include <cstring>

namespace mox::smtp {

namespace {

/// Pieces below this are gathered, up to gatherLimit, so that a message of bare LFs does not become a call
/// of the sink an octet.
constexpr std::size_t directPiece = 4096;
constexpr std::size_t gatherLimit = 64 * 1024;

std::size_t findByte(std::string_view text, char wanted, std::size_t from, std::size_t end) {
  if (from >= end) return end;
  const void* hit = std::memchr(text.data() + from, wanted, end - from);
  return hit == nullptr ? end : static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
}

}  // namespace

std::string_view DataReader::problem() const {
  if (falseEnd_) return "malformed end of data, possible smtp smuggling";
  if (bareCr_) return "bare carriage return in message, possible smtp smuggling";
  if (bareLf_ && options_.refuseBareLf) return "bare line feed in message, possible smtp smuggling";
  if (nul_ && options_.refuseNul) return "NUL in message";
  return {};
}

std::size_t DataReader::feed(std::string_view input) {
  if (done_) return 0;
  std::size_t at = 0;
  runStart_ = 0;
  nextLf_ = 0;
  takeBytes(input, at);
  if (!nul_) nul_ = findByte(input, '\0', 0, at) != at;
  // The lone dot's octets are not part of the message, nor is its CR while it waits for the LF.
  if (!done_) keepUpTo(input, at, at);
  flush();
  return at;
}

void DataReader::takeBytes(std::string_view input, std::size_t& at) {
  while (at < input.size() && !done_) {
    if (cr_) takeAfterCr(input, at);
    else if (head_ == Head::text) takeText(input, at);
    else takeHeadByte(input, at);
  }
}

/// One octet of a line that is not text yet.
void DataReader::takeHeadByte(std::string_view input, std::size_t& at) {
  char c = input[at];
  if (c == '\n') {
    endLine(false, input, at);
    ++at;
  } else if (c == '\r') {
    cr_ = true;
    // If this is ".\r" after CRLF it is the end, or refused: either way no CR of the message.
    if (head_ == Head::dot && afterCrlf_) keepUpTo(input, at, at + 1);
    ++at;
  } else if (c == '\0') {
    headNul_ = true;
    ++at;
  } else if (c == '.' && head_ == Head::empty) {
    // A leading dot after CRLF was put there by the sender (RFC 5321 §4.5.2), or is the end. After a bare LF
    // there was no line for the sender to stuff.
    if (afterCrlf_ && !headNul_) keepUpTo(input, at, at + 1);
    head_ = Head::dot;
    ++at;
  } else {
    head_ = Head::text;  // looked at again as text
  }
}

void DataReader::takeAfterCr(std::string_view input, std::size_t& at) {
  cr_ = false;
  if (input[at] == '\n') {
    endLine(true, input, at);
    ++at;
    return;
  }
  bareCr_ = true;
  head_ = Head::text;  // so that ".", CR, CR, LF is no end
}

/// Within a line: to its end if it is here.
void DataReader::takeText(std::string_view input, std::size_t& at) {
  if (nextLf_ < at || nextLf_ == 0) nextLf_ = findByte(input, '\n', at, input.size());
  std::size_t carriage = findByte(input, '\r', at, nextLf_);
  if (carriage < nextLf_) {
    cr_ = true;
    at = carriage + 1;
    return;
  }
  at = nextLf_;
  if (at == input.size()) return;
  endLine(false, input, at);
  ++at;
}

/// The LF is at `at`.
void DataReader::endLine(bool crlf, std::string_view input, std::size_t at) {
  if (head_ == Head::dot) {
    if (afterCrlf_ && crlf && !headNul_) {
      done_ = true;
      return;
    }
    falseEnd_ = true;
  }
  if (!crlf) {
    bareLf_ = true;
    keepUpTo(input, at, at + 1);
    keep("\r\n");
  }
  afterCrlf_ = crlf;
  head_ = Head::empty;
  headNul_ = false;
}

/// Hands on what is kept before `end`; what follows starts at `next`.
void DataReader::keepUpTo(std::string_view input, std::size_t end, std::size_t next) {
  if (end > runStart_) keep(input.substr(runStart_, end - runStart_));
  runStart_ = next;
}

void DataReader::keep(std::string_view bytes) {
  bool fits = size_ + bytes.size() <= options_.maxSize;
  size_ += bytes.size();
  if (!fits || discard_ || refused()) return;
  if (gathered_.empty() && bytes.size() >= directPiece) {
    sink_(bytes);
    return;
  }
  gathered_ += bytes;
  if (gathered_.size() >= gatherLimit) flush();
}

void DataReader::flush() {
  if (!gathered_.empty() && !discard_) sink_(gathered_);
  gathered_.clear();
}

}  // namespace mox::smtp
