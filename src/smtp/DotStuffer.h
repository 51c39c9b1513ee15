// A message on its way out: doubles leading dots, sees to the final CRLF and
// writes the lone dot (RFC 5321 §4.5.2).
//
// Refuses bare CR, bare LF and NUL, so that nothing we relay is read with other
// line ends by the next server (SMTP smuggling) and 8BITMIME's rule against NUL
// (RFC 6152 §3) holds. After an error the output must not be ended with a dot:
// the connection has to be dropped. Input may come in pieces of any size.
#pragma once

#include <string>
#include <string_view>

#include "base/Result.h"

namespace mox::smtp {

class DotStuffer {
 public:
  /// Appends to `out`. Errors: Errc::syntax.
  Result<void> add(std::string_view bytes, std::string& out);
  /// Final CRLF if it is missing, and ".", CRLF.
  Result<void> finish(std::string& out);

 private:
  bool lineStart_ = true;
  bool cr_ = false;
};

}  // namespace mox::smtp
