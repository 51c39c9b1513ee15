// Dialogue tests: text files of what a client says and a server answers, run
// against a session without sockets. integration/dialogue.py runs the same
// files against a live server.
//
//   # RFC 5321 §4.1.1.1             a comment
//   S: 220 * ESMTP *                the server sends this line; * is any text
//   C: EHLO client.example          the client sends this line and CRLF
//   S...                            any lines, up to one that matches the next S line; last: anything
//   S: 250 {=last}                  {=name} keeps what is there, {$name} puts it in again
//   C+: NOOP\r\nNO                  bytes as they are: \r \n \t \0 \\ \xNN, nothing added
//   S+: \x00                        exactly these bytes
//   ! tls                           a handshake is made now (after the server agreed to it)
//   ! compress                      both sides deflate now (after the server agreed to it)
//   ! advance 30s                   time passes (ms, s, m, h)
//   ! close                         the server has closed, and everything it sent was read
//   ! hangup                        the client closes
//   ! open                          hangs up and connects again
//   ! use second                    goes on with the connection of that name, new at first use ("main" is the first)
//   ! from 192.0.2.7                later connections come from this address
//   ! silence                       the server has nothing to say
//   ! do WORDS                      DialogueWorld::act
//   ! repeat 100 … ! end            the lines between, so often; not nested
//
// "* " at the start of an S line is IMAP's untagged mark, not a wildcard. What
// is left unread at the end fails.
#pragma once

#include <cppunit/extensions/TestFactoryRegistry.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "base/Ip.h"
#include "net/Session.h"
#include "support/FakeChannel.h"

namespace mox::test {

/// What a dialogue talks to. A new one is made for each run of a file, so no file sees another's traces.
class DialogueWorld {
 public:
  virtual ~DialogueWorld() = default;
  /// The session of a new connection; the world must outlive it.
  virtual std::unique_ptr<net::Session> connect() = 0;
  virtual FakeClock& clock() { return clock_; }
  /// True for listeners that begin with TLS.
  virtual bool implicitTls() const { return false; }
  virtual net::TlsInfo tls() const { return FakeChannel::defaultTls(); }
  virtual Endpoint local() const { return FakeChannel::defaultLocal(); }
  /// For "{$name}".
  virtual std::map<std::string, std::string> variables() const { return {}; }
  /// "! do WORDS": false if the words mean nothing.
  virtual bool act(std::string_view words) {
    (void)words;
    return false;
  }

 private:
  FakeClock clock_;
};

/// How the client's bytes are cut; a server must not tell the difference.
enum class Split {
  lines,   ///< each C line by itself
  bytes,   ///< each byte by itself
  joined,  ///< neighbouring C lines at once
};

struct DialogueStep {
  std::size_t line = 0;  ///< 1-based, for messages
  enum class Kind { send, sendRaw, expect, expectRaw, skip, control } kind = Kind::control;
  std::string text;  ///< escapes are undone for raw kinds
};

/// Throws std::runtime_error "NAME:LINE: reason" for a malformed file.
std::vector<DialogueStep> parseDialogue(std::string_view text, const std::string& name);

/// True if `line` is of the pattern's form; adds captures. `pattern` has its {$name} put in already.
bool matchesLine(std::string_view pattern, std::string_view line, std::map<std::string, std::string>& captures);

/// Nothing if all went as written, else "NAME:LINE: reason" with what the server said.
std::string runDialogue(const std::vector<DialogueStep>& steps, const std::string& name, DialogueWorld& world, Split split);

using MakeWorld = std::function<std::unique_ptr<DialogueWorld>()>;

/// A suite of three tests (one a Split) for each file tests/dialogues/FOLDER/*.txt.
class DialogueFactory : public CppUnit::TestFactory {
 public:
  DialogueFactory(std::string name, std::string folder, MakeWorld make);
  CppUnit::Test* makeTest() override;

 private:
  std::string name_, folder_;
  MakeWorld make_;
};

}  // namespace mox::test

/// DIALOGUES(SmtpDialogues, "smtp", [] { return std::make_unique<SmtpWorld>(); });
#define DIALOGUES(Name, folder, ...) static mox::test::DialogueFactory Name##_dialogues(#Name, folder, __VA_ARGS__)
