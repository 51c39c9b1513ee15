// Result: how anything the network, a file or a user can send comes back.
//
// What a peer can cause is a value: a function that can fail because of its
// input returns Result<T>. What the machine or we break (disk, database, bug)
// is an exception (std::exception). Never swallow either.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace mox {

/// What kind of thing went wrong; servers map it to reply codes in one table a
/// protocol. Rooms that need finer reasons define their own result types.
enum class Errc {
  syntax,       ///< malformed input
  tooLong,      ///< a length limit was passed
  tooMany,      ///< a count or rate limit was passed
  notFound,     ///< the named thing does not exist
  exists,       ///< the named thing exists already
  denied,       ///< not allowed for this party
  unsupported,  ///< valid, but not done here
  overQuota,    ///< no room left for this account
  conflict,     ///< state does not permit it now
  temporary,    ///< may work later (DNS, network, resources)
  timeout,      ///< a deadline passed
  permanent,    ///< will never work
};

/// A reason a person can read. `text` is one line, printable, without secrets,
/// and safe to send to the peer.
struct Error {
  Errc code = Errc::syntax;
  std::string text;
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

/// Passes an error on with the outer context in front: "parsing date: bad zone".
[[nodiscard]] inline tl::unexpected<Error> fail(std::string_view context, Error inner) {
  inner.text = std::string(context) + ": " + inner.text;
  return tl::unexpected<Error>(std::move(inner));
}

}  // namespace mox
