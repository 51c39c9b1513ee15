#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "Options.h"
#include "Wire.h"

namespace mox::bench {

// One IMAP connection of imapload, greeted. Owned by one thread; what goes wrong is a std::runtime_error.
class ImapClient {
 public:
  ImapClient(const Options& options, const Tls& tls, std::size_t number);

  void login(const Options& options);
  // Sends a command and reads up to its tagged OK; no literal may come.
  void command(const std::string& words);
  // Reads up to the tagged OK of a command that was sent.
  void finish(const std::string& words);
  // APPEND with a literal that waits for the continuation; or sent at once, to be finished later.
  void append(const std::string& mailbox, std::string_view message);
  void sendAppend(const std::string& mailbox, std::string_view message);

  struct Bulk {
    std::size_t octets = 0;    // of the whole answer
    std::size_t messages = 0;  // FETCH responses in it
    std::string end;           // its last octets, with the tagged line
  };
  // The answer to a command, counted but not parsed, so that the server is what is measured.
  Bulk bulk(const std::string& words);

  Wire& wire() { return wire_; }

 private:
  Wire wire_;
};

}  // namespace mox::bench
