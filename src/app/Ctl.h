// The control socket: how `mox queue list` and its like reach the running
// server. A Unix socket in the data directory, for the server's user and group
// only; whoever can open it may do everything, so there is no further login.
//
// The client sends a command with its words and standard input; the server runs
// it and streams back what it prints, then the exit status.
// A descriptor may come with the request's first octet.
//   request   "mox-ctl 1 <words> <input size>\n", each word as "<size>\n<bytes>", the input
//   reply     frames "o <size>\n<bytes>" (output), "e <size>\n<bytes>" (error output), "x <status>\n"
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "base/Log.h"
#include "base/Result.h"
#include "net/Sockets.h"

namespace mox::app {

inline constexpr std::size_t ctlWordLimit = 64 * 1024;    ///< octets of one word
inline constexpr std::size_t ctlWordsLimit = 100'000;     ///< words of one request
inline constexpr std::size_t ctlInputLimit = 256u << 20;  ///< octets of standard input
inline constexpr int ctlTimeoutSeconds = 30;              ///< for a client to send its request, and to take output
inline constexpr std::size_t ctlConnectionLimit = 16;     ///< requests at a time; more wait
inline constexpr Duration ctlStopPatience = std::chrono::seconds(1);  ///< at the end, for requests that run to be answered

struct CtlRequest {
  std::vector<std::string> words;
  std::string input;
  std::shared_ptr<net::Fd> passed = {};  ///< travels with the request (SCM_RIGHTS, unix(7)); null: none
};

/// Runs a request; may throw, which the client sees as an error and status 1.
using CtlHandler = std::function<int(const CtlRequest& request, std::ostream& out, std::ostream& err)>;

/// Serves the socket from its own threads until destroyed. Then no request comes in any more, and those that run have the
/// patience to be answered; after it what they print is taken for unread, which is an error to them. It is over when they
/// are, however long that takes: they work on what is closed next.
class CtlServer {
 public:
  /// Replaces a stale socket file at `path`. Throws std::system_error.
  CtlServer(std::string path, CtlHandler handler, Log log, Duration stopPatience = ctlStopPatience);
  ~CtlServer();
  CtlServer(const CtlServer&) = delete;
  CtlServer& operator=(const CtlServer&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// To the server, as who we are; null with errno if none answers.
std::optional<net::Fd> tryConnect(const std::string& path);
/// To the server, or an error that says so. Root that may not pass the data directory becomes its owner first.
Result<net::Fd> ctlConnect(const std::string& path);

/// Sends the request and copies what comes back; the command's exit status. An error if no server answers.
Result<int> ctlCall(const std::string& path, const CtlRequest& request, std::ostream& out, std::ostream& err);

}  // namespace mox::app
