// ImapConnection: the client's side of IMAP, as far as reading another server's mail needs it. Blocking, one command at a
// time; a message's octets go through in pieces and are never held whole. RFC 9051, RFC 3501.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/Result.h"
#include "imap/ServerResponse.h"

namespace mox::transfer {

inline constexpr std::size_t maxResponseBytes = 1 << 20;  ///< of one response, messages' octets not counted

/// Octets to and from a server. Errors: Errc::timeout, temporary.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// What has come, at least an octet, valid until the next call; "" when the server has closed.
  virtual Result<std::string_view> read() = 0;
  virtual Result<void> write(std::string_view bytes) = 0;
};

/// Who hears what comes before a command's end.
struct ImapListener {
  /// An untagged response that is whole.
  std::function<Result<void>(const imap::ServerResponse&)> untagged;
  /// A literal of `size` octets follows `line`, the response so far. True: it goes to octets(), then to ended(), and is empty
  /// in the response.
  std::function<bool(std::string_view line, std::uint64_t size)> takesLiteral;
  std::function<void(std::string_view)> octets;
  std::function<Result<void>()> ended;
  /// Octets were on their way and will not come.
  std::function<void(const Error&)> broken;
};

class ImapConnection {
 public:
  /// `stream` outlives this.
  explicit ImapConnection(ByteStream& stream) : stream_(stream) {}

  /// The first response: OK or PREAUTH. Errc::denied (BYE), syntax.
  Result<imap::ServerResponse> greeting();
  /// Sends a command without its tag and reads up to its tagged response. `continuation` is sent, with CRLF, when the
  /// server asks for it. Errc::denied for NO, unsupported for BAD, and errors of the stream and the listener.
  Result<void> command(const std::string& text, const ImapListener& listener = {}, const std::string& continuation = "");

 private:
  Result<std::string> line();
  Result<imap::ServerResponse> response(const ImapListener& listener);
  Result<void> literal(std::uint64_t size, const std::function<void(std::string_view)>& take);
  Result<void> fill();

  ByteStream& stream_;
  std::string held_;      ///< read and not yet taken, from at_
  std::size_t at_ = 0;
  int tags_ = 0;
};

}  // namespace mox::transfer
