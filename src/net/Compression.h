// DEFLATE both ways between a session and its stream, RFC 4978: raw deflate (RFC 1951), flushed after each piece so that
// the peer can read what was sent so far. Internal to net.
//
// What comes out of input is bounded by what the caller has room for, so a small packet that unfolds to gigabytes is
// unfolded as it is eaten. Input that a peer flushed is given out at once. Not thread safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace mox::net {

class Compression {
 public:
  Compression();
  ~Compression();

  /// Compresses `bytes` and flushes; more is ready() then.
  void put(std::string_view bytes);
  /// Compressed bytes to send.
  std::string_view ready() const;
  void drop(std::size_t bytes);

  /// Compressed bytes that have come.
  void give(std::string_view bytes);
  /// Input may give more without more being given.
  bool hasInput() const;
  /// Appends at most `room` octets of what the peer said. False if that is no DEFLATE, or it has ended.
  bool take(std::string& to, std::size_t room);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::net
