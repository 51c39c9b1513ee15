// MboxReader: the messages of an mbox file that comes in pieces. Its memory does not grow with the file, a message or
// a line.
//
// Reads mboxrd and mboxo (one ">" is taken from a quoted From_ line), CRLF and LF, and goes by From_ lines alone:
// Content-Length lies. Fields that programs keep flags in are read and left out; of a message that begins as
// statusFields() writes it only those, so that what was exported comes back octet by octet.
//
// A From_ line of an unknown form (a date in another language) begins a message if it stands after a blank line and before a
// header field and has a time of day with seconds. Without one it may be text: it stays text, and is a problem with its
// offset, since two messages may have become one.
//
// What stands before the first From_ line is a problem with its offset, and is passed over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transfer/Found.h"
#include "transfer/MboxFormat.h"

namespace mox::transfer {

/// A longer line is no From_ line and no field with flags; it is handed on in pieces.
inline constexpr std::size_t mboxLineLimit = 16 * 1024;

class MboxReader {
 public:
  /// Messages get this mailbox, and `name` in front of their offset. `sink` outlives the reader.
  MboxReader(FoundSink& sink, std::string mailbox, std::string name);

  Result<void> feed(std::string_view bytes);
  Result<void> finish();

 private:
  enum class State { before, header, body };

  Result<void> line(std::string_view whole);
  Result<void> settle(std::string_view next);
  void text(std::string_view whole);
  void keep(std::string_view whole, std::string_view text);
  bool isLeftOut(std::string_view text);
  Result<void> longLine(std::string_view bytes);
  void piece(std::string_view bytes);
  Result<void> start(const FromLine& from);
  Result<void> endMessage();
  void emit(std::string_view bytes);
  void flushBlank();
  std::string where(std::uint64_t offset) const;

  FoundSink& sink_;
  const std::string mailbox_, name_;
  State state_ = State::before;
  std::string held_;            ///< the start of a line whose end has not come
  std::string blank_;           ///< a blank line that may be the one before the next From_ line
  std::string doubtful_;        ///< a From_ line of an unknown form, while the next line has not come
  bool inPieces_ = false;       ///< the line is too long and has been handed on so far
  bool skipFold_ = false;       ///< continuation lines belong to a field that was left out
  bool complained_ = false;
  bool afterBlank_ = true;
  unsigned ourFields_ = 0;      ///< of statusFields(), at the very start
  std::size_t headerLines_ = 0;
  std::uint64_t offset_ = 0;    ///< of the line, or of the doubtful one before it
  std::uint64_t size_ = 0;      ///< of the message
  imap::Flags flags_;
};

}  // namespace mox::transfer
