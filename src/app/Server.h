// Server: everything a running mail server is made of, in the order it depends on each other.
//
// The constructor opens the data directory and starts listening; when it returns the server answers. stop() ends in
// the reverse order: no new connections or commands, sessions say goodbye, the queue finishes, pools run dry, databases close.
// reload(), changeDomains() and stop() may come from any thread.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/Certificates.h"
#include "app/Ctl.h"
#include "app/Foundations.h"
#include "app/ListenPlan.h"
#include "app/ManagedConfig.h"
#include "config/Source.h"

namespace mox::queue {
class Queue;
}
namespace mox::net {
class Engine;
class Fd;
}
namespace mox::imapserver {
struct Services;
}

namespace mox::app {

class Storage;

/// Running transactions get this long at the end.
inline constexpr Duration stopGrace = std::chrono::seconds(3);

struct ServerOptions {
  std::string configPath;
  config::ConfigPtr config;
  config::FileReader files = config::diskFiles();  ///< for reloading
  CertificateFiles certificates;                   ///< from readCertificates(), perhaps with privileges this process has no more
  std::vector<BoundSocket> sockets;
  /// `mox localserve`: no connection limits, DNS without a network, all outgoing mail comes back to this server.
  bool localserve = false;
  /// What `mox stop` causes. Must not stop() itself, but have it done.
  std::function<void()> requestStop;
  /// Told in a few words how the server is, for a service manager. `busy`: it is at work on a start or a reload; told
  /// again before long, by any thread, several at a time.
  std::function<void(const std::string& status, bool busy)> onStatus;
};

/// What a reload did.
struct ReloadReport {
  bool ok = false;  ///< else the configuration was refused, and the one before stays
  std::vector<std::string> changes;  ///< lines of plan(); of a refused one none
  std::vector<std::string> errors, warnings;

  explicit operator bool() const { return ok; }
};

struct Opened {
  PlannedSocket plan;
  Endpoint at;
};

/// What commands on the control socket work with.
struct ServerParts {
  Foundations& foundations;
  config::ConfigSource& config;
  Storage& storage;
  queue::Queue* queue;  ///< null: this server sends no mail
  /// What is given (null: nothing) is let go of when the data directory is nobody's any more.
  std::function<void(std::shared_ptr<net::Fd> untilOver)> requestStop;
  /// True once the server ends: commands that take long give up.
  std::function<bool()> isStopping;
  net::Engine* engine = nullptr;
  imapserver::Services* imap = nullptr;
  /// Server::changeDomains().
  std::function<Result<std::vector<std::string>>(const Changing&)> changeDomains = {};
  std::function<ReloadReport()> reload = {};
  std::vector<Opened> listeners = {};
  std::shared_ptr<net::Fd> passed = {};  ///< a descriptor that came with the request; null if none
};

class Server {
 public:
  /// `foundations` outlives the server. Throws if anything does not start.
  Server(ServerOptions options, Foundations& foundations);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Configuration, passwords and certificates anew, or nothing of it if the configuration is refused; logged either way.
  ReloadReport reload();
  /// The same after a change of domains.conf that app::changeDomains() makes. What somebody had edited in the files and not
  /// reloaded yet is applied with it: lines of plan() for that, of which the caller should be told.
  Result<std::vector<std::string>> changeDomains(const Changing& changing);
  /// Idempotent; done when it returns, at most a little after `grace`.
  void stop(Duration grace = stopGrace);

  const std::vector<Opened>& listeners() const;
  ServerParts parts();
  config::ConfigPtr config() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::app
