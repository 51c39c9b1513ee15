// CommandReader: cuts a byte stream into commands, RFC 9051 §2.2.1 and §4.3.
//
// A command is a line, or lines joined by literals: {n} (the client waits for
// a continuation), {n+} (it does not, RFC 7888), ~{n} (binary, RFC 3516). The
// reader is fed what has arrived, at any split, and says what comes next. It
// knows no grammar beyond literals, except one thing: the message of APPEND
// and REPLACE is never buffered. There it stops with `messageLiteral`; the
// caller takes the n octets from the stream itself and calls messageDone().
// Each stretch of such a command is a Framed of its own, so MULTIAPPEND of any
// length needs no memory here: first "tag APPEND mailbox (flags) date", then
// " (flags) date" for each further message, then "" (or ")" after UTF8) for
// the end, which comes as `command`.
//
// Not thread safe; holds no reference to the input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"

namespace mox::imap {

/// What one command may cost in memory. The limits are named constants; none is null.
struct ReaderLimits {
  const Limit* line;           ///< bytes of one line, without CRLF
  const Limit* text;           ///< bytes of all lines of one command (of one stretch of APPEND)
  const Limit* literal;        ///< bytes of one literal
  const Limit* literalsTotal;  ///< bytes of all literals of one command
  const Limit* literalsCount;  ///< how many literals
  bool messageLiterals;        ///< APPEND and REPLACE hand their message over; else it is a literal like others
};

inline constexpr Limit commandLine{"imap-command-line", 16 * 1024, "bytes"};
inline constexpr Limit commandText{"imap-command-text", 256 * 1024, "bytes"};
inline constexpr Limit commandLiteral{"imap-literal", 100 * 1024, "bytes"};
inline constexpr Limit commandLiteralsTotal{"imap-literals-total", 1000 * 1024, "bytes"};
inline constexpr Limit commandLiteralsCount{"imap-literals-count", 1000, "literals"};
// A stranger gets what LOGIN, AUTHENTICATE and ID need. These have names of their own: a robot that meets them is no reason
// to give users more.
inline constexpr Limit preloginLine{"imap-prelogin-line", 8 * 1024, "bytes"};
inline constexpr Limit preloginText{"imap-prelogin-text", 16 * 1024, "bytes"};
inline constexpr Limit preloginLiteral{"imap-prelogin-literal", 4 * 1024, "bytes"};
inline constexpr Limit preloginLiteralsTotal{"imap-prelogin-literals-total", 8 * 1024, "bytes"};
inline constexpr Limit preloginLiteralsCount{"imap-prelogin-literals-count", 64, "literals"};

inline constexpr ReaderLimits limitsBeforeLogin{&preloginLine, &preloginText, &preloginLiteral, &preloginLiteralsTotal,
                                                &preloginLiteralsCount, false};
inline constexpr ReaderLimits limitsAfterLogin{&commandLine, &commandText, &commandLiteral, &commandLiteralsTotal,
                                               &commandLiteralsCount, true};

/// "{n}", "{n+}", "~{n}" at the end of a line.
struct LiteralHeader {
  std::uint64_t size = 0;     ///< octets; capped at 2^63-1 when the client wrote more
  bool synchronising = true;  ///< the client waits for "+ "
  bool binary = false;        ///< literal8
};

/// One command (or stretch of APPEND) as it was cut. `text` has the lines without the last CRLF; a literal
/// shows as its header and CRLF, its octets are the next entry of `literals`.
struct Framed {
  std::string text;
  std::vector<std::string> literals;
  /// Set with `messageLiteral`: the message that starts now. Its header is not in `text`.
  bool hasMessage = false;
  LiteralHeader message;
  /// This is not the start of a command but what follows a message of APPEND or REPLACE.
  bool afterMessage = false;
  /// The last line ended with LF alone: a syntax error, RFC 9051 §9 note 1.
  bool bareLineFeed = false;
};

enum class ReadOutcome {
  incomplete,        ///< all input was taken; feed more
  needContinuation,  ///< a synchronising literal that fits: send "+ ", then feed on (or abandon())
  messageLiteral,    ///< framed() is the stretch before it. If it synchronises, send "+ " once it is welcome. Then take
                     ///< message.size octets and call messageDone(), or abandon() to refuse it.
  command,           ///< take() it
  refused,           ///< a synchronising literal beyond the limits: BAD [TOOBIG]; the client sends no more of the command
  tooLong,           ///< a line, or all of them together, beyond the limit: BAD, close
  badSync,           ///< a non-synchronising literal beyond the limits or malformed: what follows is unknown. BAD, close
};

class CommandReader {
 public:
  explicit CommandReader(const ReaderLimits& limits = limitsBeforeLogin) : limits_(limits) {}

  /// After login. Takes effect with the next command.
  void setLimits(const ReaderLimits& limits) { limits_ = limits; }
  /// After refused, tooLong, badSync, until abandon(): the limit that was passed. Null if the literal was malformed.
  const Limit* passed() const { return passed_; }

  struct Step {
    ReadOutcome outcome;
    std::size_t taken;  ///< octets of input used; feed the rest again
  };
  /// Any outcome but `incomplete` stands until its call (take, messageDone, abandon); after tooLong and badSync the
  /// reader stays there.
  Step feed(std::string_view input);

  /// For lines that are no commands: SASL responses and DONE. A line here never has literals.
  void setPlainLines(bool plain) { plainLines_ = plain; }

  /// What has been cut so far. After refused, tooLong, badSync: for the tag, see readTag().
  const Framed& framed() const { return framed_; }
  /// The command; the reader is ready for the next.
  Framed take();
  /// The octets of the message literal are taken: cut the next stretch.
  void messageDone();
  /// Forgets the command so far; the next octet fed starts a new one.
  void abandon();
  /// True between commands.
  bool idle() const { return framed_.text.empty() && framed_.literals.empty() && !framed_.afterMessage; }

 private:
  Step line(std::string_view input);
  ReadOutcome endLine();
  ReadOutcome startLiteral(const LiteralHeader& header, std::size_t headerStart);
  bool isMessageLiteral(std::string_view before) const;
  /// The limit that one more literal of so many octets passes; null if it fits.
  const Limit* passedBy(std::uint64_t literal) const;

  ReaderLimits limits_;
  Framed framed_;
  std::size_t lineStart_ = 0;       ///< in framed_.text
  std::size_t literalMissing_ = 0;  ///< octets of the last literal still to come
  std::size_t literalsTotal_ = 0;
  bool plainLines_ = false;
  ReadOutcome state_ = ReadOutcome::incomplete;
  const Limit* passed_ = nullptr;
};

/// The tag at the start of a command or of what there is of one; "" if it is not readable.
std::string readTag(std::string_view text);

}  // namespace mox::imap
