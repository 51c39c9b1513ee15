#include "transfer/MboxReader.h"

#include <fmt/format.h>

#include <array>

#include "base/Text.h"

namespace mox::transfer {

namespace {

/// The fields of statusFields(), in order.
constexpr std::array<std::string_view, 3> ourFields{"Status", "X-Status", "X-Keywords"};

std::string_view withoutLineEnd(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

MboxReader::MboxReader(FoundSink& sink, std::string mailbox, std::string name)
    : sink_(sink), mailbox_(std::move(mailbox)), name_(std::move(name)) {}

std::string MboxReader::where(std::uint64_t offset) const { return fmt::format("{}, octet {}", name_, offset); }

Result<void> MboxReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    auto end = bytes.find('\n');
    bool whole = end != std::string_view::npos;
    auto part = bytes.substr(0, whole ? end + 1 : bytes.size());
    bytes.remove_prefix(part.size());
    Result<void> done;
    if (inPieces_) {
      piece(part);
      inPieces_ = !whole;
    } else if (!whole || !held_.empty()) {
      held_.append(part);
      if (!whole && held_.size() <= mboxLineLimit) continue;
      auto text = std::move(held_);
      held_.clear();
      inPieces_ = !whole;
      done = whole ? line(text) : longLine(text);
    } else {
      done = line(part);
    }
    if (!done) return done;
  }
  return {};
}

Result<void> MboxReader::finish() {
  if (!held_.empty()) {
    auto text = std::move(held_);
    held_.clear();
    if (auto done = line(text); !done) return done;
  }
  if (auto done = settle(""); !done) return done;
  return endMessage();
}

/// The start of a line that is too long to be anything but text, or all of it.
Result<void> MboxReader::longLine(std::string_view bytes) {
  auto done = settle("");
  piece(bytes);
  return done;
}

/// More of it.
void MboxReader::piece(std::string_view bytes) {
  if (state_ == State::before && !complained_) {
    sink_.unread(where(offset_), "not an mbox: no From line where a message should begin", 1);
    complained_ = true;
  }
  if (state_ == State::header) state_ = State::body;
  flushBlank();
  if (state_ == State::body) emit(bytes);
  afterBlank_ = false;
  offset_ += bytes.size();
}

Result<void> MboxReader::line(std::string_view whole) {
  // The same however the file is cut.
  if (whole.size() > mboxLineLimit + (whole.ends_with('\n') ? 1 : 0)) return longLine(whole);
  auto line = withoutLineEnd(whole);
  if (auto done = settle(line); !done) return done;
  bool isFrom = line.starts_with("From ");
  if (auto from = isFrom ? parseFromLine(line, afterBlank_) : std::nullopt) {
    auto done = start(*from);
    offset_ += whole.size();
    return done;
  }
  if (isFrom && afterBlank_) doubtful_ = whole;
  else text(whole);
  return {};
}

/// What the line before was, now that the next is known.
Result<void> MboxReader::settle(std::string_view next) {
  if (doubtful_.empty()) return {};
  auto whole = std::move(doubtful_);
  doubtful_.clear();
  bool beforeField = isFieldLine(next);
  if (beforeField && (state_ == State::before || hasTimeOfDay(whole))) {
    auto done = start({});
    offset_ += whole.size();
    return done;
  }
  if (beforeField) sink_.unread(where(offset_), "a line \"From ...\" of an unknown form: if a message begins there, it is now part of the one before", 1);
  text(whole);
  return {};
}

void MboxReader::text(std::string_view whole) {
  auto line = withoutLineEnd(whole);
  if (state_ == State::before && !line.empty()) return piece(whole);
  afterBlank_ = line.empty();
  if (state_ != State::before) keep(whole, line);
  offset_ += whole.size();
}

void MboxReader::keep(std::string_view whole, std::string_view text) {
  flushBlank();
  if (text.empty()) {
    // Perhaps the one before the next From_ line.
    blank_ = whole;
    state_ = State::body;
    return;
  }
  if (text.front() == '>' && isQuotedFrom(text)) whole.remove_prefix(1);
  if (state_ == State::body || !isLeftOut(text)) emit(whole);
}

/// Of a line in the header: it belongs to the mailbox and not to the message.
bool MboxReader::isLeftOut(std::string_view text) {
  bool first = headerLines_++ == 0;
  if (isWsp(text.front()) && !first) return skipFold_;
  auto field = cut(text, ':');
  skipFold_ = ourFields_ < ourFields.size() && field && isMailboxField(field->first);
  if (!skipFold_) return false;
  addFieldFlags(field->first, field->second, flags_);
  if (ourFields_ + 1 == headerLines_ && equalsNoCase(field->first, ourFields[ourFields_])) ++ourFields_;
  return true;
}

Result<void> MboxReader::start(const FromLine& from) {
  if (auto done = endMessage(); !done) return done;
  state_ = State::header;
  afterBlank_ = false;
  headerLines_ = 0;
  ourFields_ = 0;
  skipFold_ = false;
  size_ = 0;
  flags_ = {};
  sink_.begin({mailbox_, {}, from.date, where(offset_)});
  return {};
}

Result<void> MboxReader::endMessage() {
  if (state_ == State::before) return {};
  blank_.clear();
  state_ = State::before;
  if (size_ == 0) sink_.drop({Errc::syntax, "an empty message"});
  else if (size_ > maxMessageBytes) sink_.drop({Errc::tooLong, fmt::format("a message of {} octets is too large", size_)});
  else return sink_.end(flags_);
  return {};
}

void MboxReader::emit(std::string_view bytes) {
  size_ += bytes.size();
  if (size_ <= maxMessageBytes) sink_.append(bytes);
}

void MboxReader::flushBlank() {
  if (blank_.empty()) return;
  emit(blank_);
  blank_.clear();
}

}  // namespace mox::transfer
