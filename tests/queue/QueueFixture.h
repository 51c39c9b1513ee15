// What the queue's suites share: a scheduler with everything below it, and SMTP sinks on the loopback network that do what
// a test says.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dns/CachingResolver.h"
#include "dns/FakeResolver.h"
#include "message/Dsn.h"
#include "net/Peer.h"
#include "queue/Scheduler.h"
#include "store/Files.h"

namespace mox::queue::test {

using net::test::eventually;
using net::test::loopback;
using net::test::TestClock;

/// A message a sink has taken.
struct Taken {
  std::string from;             ///< argument of MAIL
  std::vector<std::string> to;  ///< arguments of RCPT
  std::string data;             ///< unstuffed
  bool tls = false;
};

/// How a sink behaves. Replies are whole, with CRLF.
struct Script {
  std::string greeting = "220 sink ESMTP\r\n";
  std::vector<std::string> extensions{"PIPELINING", "SIZE 100000000", "8BITMIME", "ENHANCEDSTATUSCODES"};
  /// Reply to RCPT by its argument; other recipients are taken.
  std::map<std::string, std::string> rcpt;
  std::string mail = "250 2.1.0 ok\r\n", data = "250 2.0.0 taken\r\n";
  bool closeAfterRcpt = false;
  bool resetAfterData = false;   ///< 250, then the connection is reset
  bool swallowTls = false;       ///< 220 to STARTTLS, then no handshake but a close
  std::shared_ptr<net::TlsContext> tls;
  std::size_t closeAfter = 0;    ///< messages, 0 for never: 421 then
  bool gone = false;             ///< once it has a message it closes at the next command: as if it had done so while idle
  std::size_t rcptLimit = 0;     ///< recipients a transaction; more get 452
  std::string alone;             ///< greeting of a connection that is not the only one, closed then; "" for the same as others
  std::string hold;              ///< "EHLO" or ".": its reply waits for Sink::release(), or for the stop of the engine
};

/// An SMTP server of one script; any number of connections.
class Sink {
 public:
  /// On 127.0.0.1 or what else of 127/8.
  Sink(net::Engine& engine, Script script, std::uint16_t port = 0, const IpAddress& ip = loopback().ip);
  const Endpoint& at() const { return at_; }
  std::vector<Taken> taken() const;
  std::size_t count() const;
  std::size_t connections() const;
  void change(Script script);
  /// Replies that wait, and their end.
  std::size_t held() const;
  void release();

  struct State;

 private:
  std::shared_ptr<State> state_;
  Endpoint at_;
};

std::shared_ptr<net::TlsContext> sinkTls();

Mailbox mailbox(const std::string& text);
NewMessage message(const std::vector<std::string>& to, const std::string& from = "user@example.org");

/// A new empty directory, removed with all in it.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The house below a queue; time by hand.
struct QueueFixture {
  TempDirectory directory;
  store::SystemFiles files;
  TestClock clock;
  SystemRandom random;
  Metrics metrics;
  std::string fixed, dynamic;  ///< mox.conf and domains.conf; reload() after a change
  std::string lines;  ///< of the log, under `logMutex`
  std::mutex logMutex;
  LogSink sink;
  Log log;
  dns::FakeResolver resolver;
  dns::CachingResolver cache{resolver, clock};  ///< what the queue asks
  std::unique_ptr<config::ConfigSource> config;
  std::unique_ptr<net::Engine> engine;
  std::unique_ptr<net::JobPool> pool;
  std::unique_ptr<store::Accounts> accounts;
  SchedulerOptions options;
  std::unique_ptr<Scheduler> queue;

  QueueFixture();
  ~QueueFixture();
  /// For setUp() and tearDown(): CppUnit makes all fixtures at once and keeps them to the end.
  void build();
  void dismantle();
  /// Makes the scheduler (anew, if there is one) and starts it.
  void start();
  void reload();
  /// A domain with one MX at the endpoint's address; ports are all those of `options.smtpPort`.
  void domain(const std::string& name, const Endpoint& at);
  void settle();  ///< until nothing is under way
  void advance(Duration by);
  std::vector<Entry> entries() { return queue->list({}); }
  Entry entry() { return entries().at(0); }
  std::vector<std::string> inbox(const std::string& account);
};

}  // namespace mox::queue::test
