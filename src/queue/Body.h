// Body: the octets of a queued message while it is sent. Free of the database; a message dropped meanwhile is still read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/Session.h"
#include "store/Files.h"

namespace mox::queue {

/// Immutable; any thread.
struct Body {
  std::string head;  ///< all of it, or the prefix
  store::Fd file;    ///< the rest, if open
  std::uint64_t size = 0;

  /// Up to `count` octets from `offset`. Throws FileError.
  void read(std::uint64_t offset, std::size_t count, std::string& out) const;
};

/// Sends it in pieces.
std::unique_ptr<net::Producer> makeProducer(std::shared_ptr<const Body> body);

}  // namespace mox::queue
