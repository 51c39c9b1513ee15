// Beginning: how a message from outside begins, made safe to stand below our trace fields.
//
// They are put straight in front of the message. If it begins with white space, that would continue our last field, and
// the sender would write in our name; what is no field at all would stand in the middle of a header, where readers differ.
// RFC 5322 §3.5 wants fields or the empty line, so:
//   * an mbox line ("From " or ">From ", no part of the message) is dropped, once;
//   * before anything else that is neither field nor empty line an empty line is put in: then it is body for everybody.
// Done as the octets come, so that all that is read, verified, indexed and stored later is the same.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace mox::smtpserver {

class Beginning {
 public:
  using Sink = std::function<void(std::string_view)>;
  explicit Beginning(Sink sink) : sink_(std::move(sink)) {}

  /// The next octets of the message.
  void feed(std::string_view bytes);
  /// No more of them.
  void finish();

 private:
  enum class At { firstLine, mboxLine, rest };
  /// True if it knows what to do with what is held.
  bool decide(bool isComplete);
  void pass();

  Sink sink_;
  At at_ = At::firstLine;
  bool dropped_ = false;
  std::string held_;  ///< of the first line, until it says what it is
};

}  // namespace mox::smtpserver
