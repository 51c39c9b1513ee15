// What a connection has yet to send: text and producers in order. Holds nothing on the heap while empty.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/Session.h"

namespace mox::net {

class OutputQueue {
 public:
  /// No producer is asked while this much is unsent.
  static constexpr std::size_t highWater = 256 * 1024;

  void write(std::string_view bytes);
  void stream(std::unique_ptr<Producer> producer);
  /// Asks producers until `enough` bytes are ready or all are done. Throws what they throw.
  void refill(std::size_t enough);
  /// What can be sent now, after refill().
  std::string_view ready() const { return std::string_view(text_).substr(sent_); }
  void drop(std::size_t bytes);
  /// Producers that are done since the last call.
  unsigned takeFinished();
  void clear();
  /// Gives memory back if nothing is left.
  void shrink();

  bool empty() const { return sent_ == text_.size() && items_.empty(); }
  /// A producer is not done, or what it made has not left.
  bool streaming() const { return !items_.empty() || finished_ > 0; }
  /// Bytes held, not counting what producers will make.
  std::size_t unsent() const;

 private:
  struct Item {
    std::unique_ptr<Producer> producer;
    std::string after;  ///< text that follows it
  };
  std::string text_;
  std::size_t sent_ = 0;  ///< of text_
  std::vector<Item> items_;
  unsigned finished_ = 0;
};

}  // namespace mox::net
