// FakeChannel: the world of one session in sans-I/O tests.
//
// It keeps the contract of net::Channel without sockets, threads or time:
// output is recorded, TLS is a value, jobs run at once or when released, and
// pauses and deadlines fall due when the test moves the clock. A session is
// never entered twice: what it asks for while it is called happens after it
// has returned, as on the engine.
//
// A breach of the contract (taking more than it was given, using the channel
// outside a call) throws std::logic_error, so the test fails. Exceptions of the
// session and of jobs come out of the call that caused them.
//
// Threads: one, but for waker()->wake(), which may come from any; the wake is
// delivered by the next call of the test, or by settle().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/Clock.h"
#include "net/Session.h"

namespace mox::test {

class FakeChannel final : public net::Channel {
 public:
  /// What becomes of offload().
  enum class Jobs {
    run,   ///< done as soon as the session returns
    held,  ///< waits for releaseJobs()
    full,  ///< refused: the pool is full
  };
  /// How the peer reads.
  enum class Reader {
    eager,  ///< takes everything at once
    steps,  ///< takes a piece a drainStep()
  };

  /// Both must outlive the channel. Nothing is called before open().
  FakeChannel(net::Session& session, FakeClock& clock, Endpoint remote = defaultRemote(), Endpoint local = defaultLocal(),
              ConnectionId id = ConnectionId(1));
  ~FakeChannel() override;

  /// 192.0.2.1:50000 and 198.51.100.1:25.
  static Endpoint defaultRemote();
  static Endpoint defaultLocal();
  /// TLS 1.3 with no client certificate.
  static net::TlsInfo defaultTls();

  // The test's side.

  /// The connection stands: onOpen().
  void open();
  /// An implicit-TLS connection stands: onTls(), then onOpen().
  void openTls();
  /// Bytes from the peer.
  void feed(std::string_view bytes);
  /// The same, one byte a call.
  void feedBytewise(std::string_view bytes);
  /// Moves the clock; pauses and deadlines on the way fire in order, each at its own time.
  void advance(Duration by);
  /// Delivers what is due (wakes, timers after the clock was moved elsewhere). All other calls do it too.
  void settle();
  /// The peer closed in order: onEnd(End::peer).
  void peerCloses();
  /// Any other end: onEnd(end, detail), and onUnheard() before it if that breaks off a stream.
  void breakConnection(net::End end, std::string_view detail);
  /// The engine stops: onShutdown().
  void shutDown();

  /// Output since the last take. Plaintext and TLS alike.
  std::string take();
  const std::string& output() const { return output_; }

  void setJobs(Jobs mode) { jobsMode_ = mode; }
  /// Runs the jobs held so far, oldest first, and goes on with what they return.
  void releaseJobs();
  std::size_t heldJobs() const { return jobs_.size(); }

  void setReader(Reader reader) { reader_ = reader; }
  /// Takes the next queued bytes, or one piece of a producer. False if nothing was queued.
  bool drainStep();

  /// What the next handshake comes to: this, or failure with `detail`.
  void setTls(net::TlsInfo info);
  void failTls(std::string detail);

  bool ended() const { return end_.has_value(); }
  std::optional<net::End> end() const { return end_; }
  /// Bytes fed that the session has not taken.
  const std::string& unread() const { return input_; }
  bool slow() const { return slow_; }
  bool inputHeld() const { return holdInput_; }
  /// True while a job, pause, stream or handshake keeps input from the session.
  bool waiting() const;
  /// Time to the deadline, nothing if there is none.
  std::optional<Duration> deadlineIn() const;
  /// What startTls() was given last.
  const std::shared_ptr<net::TlsContext>& tlsContext() const { return tlsContext_; }
  const std::string& tlsServerName() const { return tlsServerName_; }

  // The session's side.
  void write(std::string_view bytes) override;
  void stream(std::unique_ptr<net::Producer> producer) override;
  void startTls(std::shared_ptr<net::TlsContext> context, std::string_view serverName) override;
  /// Compression is a value, like TLS: bytes stay as they are.
  void startCompression() override;
  bool compressed() const override { return compressed_; }
  void close() override;
  void setDeadline(Duration fromNow) override;
  [[nodiscard]] bool offload(net::JobPool& pool, std::function<net::Resume()> job) override;
  void pause(Duration time, net::Resume resume) override;
  void setSlow(bool slow) override;
  void holdInput(bool hold) override;
  std::shared_ptr<net::Waker> waker() override;
  const Endpoint& remote() const override { return remote_; }
  const Endpoint& local() const override { return local_; }
  const net::TlsInfo* tls() const override { return tls_ ? &*tls_ : nullptr; }
  ConnectionId id() const override { return id_; }
  std::size_t unsent() const override;

 private:
  class FlagWaker;
  struct Pause {
    Steady until;
    net::Resume resume;
  };
  using Queued = std::variant<std::string, std::unique_ptr<net::Producer>>;

  template <class Call>
  void enter(Call call);
  void requireInside(const char* method) const;
  void finish(net::End end, std::string_view detail);
  void pump();
  bool pumpOnce();
  bool streaming() const;
  bool flush();
  bool takeQueued();
  bool finishTls();
  bool runJob();
  bool fireTimer();
  bool feedSession();

  net::Session& session_;
  FakeClock& clock_;
  Endpoint remote_, local_;
  ConnectionId id_;

  bool inside_ = false;  ///< the session is being called
  bool open_ = false;
  bool closing_ = false;
  bool slow_ = false;
  bool compressed_ = false;
  bool holdInput_ = false;
  bool overrunTold_ = false;
  bool newInput_ = false;  ///< something changed since the session last took nothing
  std::optional<net::End> end_;

  std::string input_, output_;
  std::deque<Queued> queue_;
  Reader reader_ = Reader::eager;

  Jobs jobsMode_ = Jobs::run;
  std::deque<std::function<net::Resume()>> jobs_;
  std::size_t releasedJobs_ = 0;
  std::optional<Pause> pause_;
  std::optional<Steady> deadline_;

  bool tlsWanted_ = false;
  std::optional<net::TlsInfo> tls_;
  std::optional<net::TlsInfo> nextTls_;  ///< nothing: the handshake fails
  std::string tlsFailure_;
  std::shared_ptr<net::TlsContext> tlsContext_;
  std::string tlsServerName_;
  std::shared_ptr<FlagWaker> waker_;
};

}  // namespace mox::test
