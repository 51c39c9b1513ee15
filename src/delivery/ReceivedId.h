// ReceivedId: the id of Received fields and replies. It names a connection to the administrator and nobody else.
//
// AES-128 over eight random octets of this installation and the connection's number, base64url: strangers cannot count
// our connections, `mox cid` can undo it. The key is data/receivedid.key. Immutable, thread safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Result.h"
#include "base/Strong.h"

namespace mox::delivery {

class ReceivedId {
 public:
  /// Octets of the key file: 16 of AES key, 8 of the installation.
  static constexpr std::size_t keySize = 24;

  /// Errc::syntax if `key` has another size.
  static Result<ReceivedId> make(std::string_view key);

  /// 22 characters.
  std::string encode(ConnectionId id) const;
  /// Nothing for an id that is not of this installation.
  std::optional<ConnectionId> decode(std::string_view text) const;

 private:
  ReceivedId(std::string key, std::string prefix) : key_(std::move(key)), prefix_(std::move(prefix)) {}
  std::string key_, prefix_;
};

}  // namespace mox::delivery
