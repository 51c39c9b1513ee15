// The end of a message on the wire: what follows 354 up to <CRLF>.<CRLF>.
//
// Only CR LF . CR LF ends (RFC 5321 §4.1.1.4). Peers and forwarders that see
// other ends let strangers smuggle messages into others' connections, so input
// made for them is refused, after reading on to the real end:
//   * CR without LF after it, anywhere;
//   * a line of just a dot, or of a dot and NULs, whose line end before or after
//     is not CRLF, or that holds a NUL: LF.LF, LF.CRLF, CRLF.LF, CRLF NUL.CRLF,
//     CRLF.NUL CRLF.
// Any other LF without CR before it is stored as CRLF, as mox does, or refused
// by option. NUL is reported, or refused by option. The verdict is to be
// answered 500 5.5.2 once done().
//
// How the input is cut into pieces makes no difference. Cost: two or three
// passes of memchr over the input.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mox::smtp {

class DataReader {
 public:
  struct Options {
    std::uint64_t maxSize = 100ull << 20;  ///< octets as stored; what is beyond is read and dropped
    bool refuseBareLf = false;
    bool refuseNul = false;
  };
  /// Message octets, without dot-stuffing, lines ended by CRLF. Pieces are as large as the input allows;
  /// the view lives during the call.
  using Sink = std::function<void(std::string_view)>;

  DataReader(Options options, Sink sink) : options_(options), sink_(std::move(sink)) {}

  /// Takes input up to the end of data and says how much that was: less than all only when done().
  std::size_t feed(std::string_view input);
  bool done() const { return done_; }

  /// Octets of the message as stored, counting what was dropped beyond maxSize.
  std::uint64_t size() const { return size_; }
  bool tooLarge() const { return size_ > options_.maxSize; }
  /// From here on nothing goes to the sink; the end is still looked for.
  void discard() { discard_ = true; }

  bool sawBareCr() const { return bareCr_; }
  bool sawBareLf() const { return bareLf_; }
  bool sawNul() const { return nul_; }
  /// A line that some servers would have taken as the end of data.
  bool sawFalseEnd() const { return falseEnd_; }
  /// True if the message must be refused, once done(): 500 5.5.2 and problem().
  bool refused() const { return !problem().empty(); }
  /// What is wrong, for the reply; "" if nothing.
  std::string_view problem() const;

 private:
  /// What the line so far consists of, NULs aside.
  enum class Head { empty, dot, text };

  void takeBytes(std::string_view input, std::size_t& at);
  void takeHeadByte(std::string_view input, std::size_t& at);
  void takeAfterCr(std::string_view input, std::size_t& at);
  void takeText(std::string_view input, std::size_t& at);
  void endLine(bool crlf, std::string_view input, std::size_t at);
  void keepUpTo(std::string_view input, std::size_t end, std::size_t next);
  void keep(std::string_view bytes);
  void flush();

  Options options_;
  Sink sink_;
  std::uint64_t size_ = 0;
  std::string gathered_;  ///< small pieces on their way to the sink
  std::size_t runStart_ = 0;  ///< first octet of this feed() that is kept but not yet handed on
  std::size_t nextLf_ = 0;    ///< a LF of this feed() at or after the cursor once found; saves searching twice

  Head head_ = Head::empty;
  bool headNul_ = false;   ///< a NUL in the line while it was not text
  bool afterCrlf_ = true;  ///< the line before ended in CRLF; DATA's own line did
  bool cr_ = false;        ///< the last octet was CR
  bool done_ = false, discard_ = false;
  bool bareCr_ = false, bareLf_ = false, nul_ = false, falseEnd_ = false;
};

}  // namespace mox::smtp
