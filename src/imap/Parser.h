// Parser: from a cut command (CommandReader.h) to a Command. RFC 9051 §9, RFC 3501 §9 and the grammars of the extensions.
//
// Strict, linear in the text, nesting capped. Pure functions, thread safe.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "imap/Command.h"

namespace mox::imap {

struct ParseMode {
  /// IMAP4rev2 or UTF8=ACCEPT was enabled: quoted strings may hold UTF-8, and mailbox names are UTF-8 instead of
  /// modified UTF-7.
  bool utf8 = false;
};

/// For "tag BAD reason" (or "* BAD reason" without a tag).
struct SyntaxError {
  std::string tag;     ///< "" if none could be read
  std::string reason;  ///< one line, printable
  std::optional<CommandKind> kind = std::nullopt;  ///< if the command word was known
  const Limit* limit = nullptr;     ///< that the command passed
};

/// The whole command; for APPEND and REPLACE all up to the (first) message, when framed.hasMessage.
tl::expected<Command, SyntaxError> parseCommand(const Framed& framed, const ParseMode& mode);

/// What follows a message of APPEND (framed.afterMessage): the next message, or nothing at the end of the command.
/// `previousUtf8`: AppendMessage::utf8 of the one before. After REPLACE: `mayContinue` false.
tl::expected<std::optional<args::AppendMessage>, SyntaxError> parseAfterMessage(const Framed& framed, bool previousUtf8,
                                                                              bool mayContinue = true);

/// "[1.HEADER]" without brackets, as in BODY[…]; for tests and tools.
std::optional<Section> parseSection(std::string_view text);

}  // namespace mox::imap
