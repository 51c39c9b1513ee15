// One connection: socket, session, buffers, deadlines. Internal to net.
//
// All members but the Guarded ones belong to the worker inside turn(). A turn takes notes from other threads
// (timer, jobs, wake), calls the session, moves bytes, and ends by telling the reactor what to wait for next.
#pragma once

#include <vector>

#include "net/Compression.h"
#include "net/EngineShared.h"
#include "net/OutputQueue.h"
#include "net/TlsStream.h"

namespace mox::net {

class Connection final : public Handler, public Channel {
 public:
  // Signals beyond Handler's.
  static constexpr std::uint32_t started = free, woken = free << 1, jobDone = free << 2, stop = free << 3, forceEnd = free << 4,
                                 cancelled = free << 5;

  /// An accepted socket.
  Connection(std::shared_ptr<EngineShared> engine, Fd socket, ConnectionMeta meta, std::shared_ptr<TlsContext> tls,
             std::unique_ptr<Session> session, std::shared_ptr<void> lease);
  /// One to be dialled.
  Connection(std::shared_ptr<EngineShared> engine, DialOptions dial, ConnectionMeta meta, std::unique_ptr<Session> session);
  ~Connection() override;

  void write(std::string_view bytes) override;
  void stream(std::unique_ptr<Producer> producer) override;
  void startTls(std::shared_ptr<TlsContext> context, std::string_view serverName) override;
  void startCompression() override { wantCompression_ = true; }
  bool compressed() const override { return compression_ != nullptr || wantCompression_; }
  void close() override;
  void setDeadline(Duration fromNow) override;
  bool offload(JobPool& pool, std::function<Resume()> job) override;
  void pause(Duration time, Resume resume) override;
  void setSlow(bool slow) override;
  void holdInput(bool hold) override;
  std::shared_ptr<Waker> waker() override;
  const Endpoint& remote() const override { return remote_; }
  const Endpoint& local() const override { return local_; }
  const TlsInfo* tls() const override { return tlsInfo_.get(); }
  ConnectionId id() const override { return id_; }
  std::size_t unsent() const override { return output_.unsent() + (compression_ ? compression_->ready().size() : 0); }

  /// For a connection the reactor would not take: tells the session that the engine stops.
  void endUnstarted();

 private:
  enum class Phase : std::uint8_t { start, connecting, handshake, open, closing, linger, over };
  struct Pause {
    Steady until;
    Resume resume;
  };
  struct StartTls {
    std::shared_ptr<TlsContext> context;
    std::string serverName;
  };
  class ConnectionWaker;

  void turn(std::uint32_t signals, Worker& worker) override;
  void step(Worker& worker);
  void start();
  void dial();
  void connectStep();
  void beginTls(const StartTls& tls);
  void beginCompression();
  void handshakeStep();
  void opened();
  void callbacks();
  void runJobs();
  void pump(Worker& worker);
  bool readSome(Worker& worker);
  Io readStream(Worker& worker, std::size_t room, std::size_t& got, std::string_view& fresh);
  bool mayUnfold() const;
  void readFailed(Io io);
  bool mayReadSlowly();
  void takeInput(std::string_view fresh);
  std::size_t feed(std::string_view view);
  bool feedUnread();
  void flush();
  std::string_view toSend();
  bool sendSome(std::string_view ready);
  bool allSent() const { return output_.empty() && (!compression_ || compression_->ready().empty()); }
  bool sendSlowly();
  void closingStep();
  void lingerStep(Worker& worker);
  void engineDeadlines();
  void finish(End end, std::string_view detail);
  std::string readUnheard();
  void endSession(End end, std::string_view detail, const std::string& unheard = {});
  void settle();
  std::uint32_t interest() const;
  Steady nextDue() const;
  bool waiting() const;
  bool mayFeed() const;
  std::size_t unread() const { return input_.size() - inputTaken_; }

  const std::shared_ptr<EngineShared> engine_;
  TlsStream stream_;
  std::unique_ptr<Session> session_;
  std::shared_ptr<void> lease_;
  const ConnectionId id_;
  Endpoint remote_, local_;
  std::unique_ptr<DialOptions> dial_;  ///< until connected
  std::unique_ptr<StartTls> nextTls_;  ///< wanted as soon as output has left
  std::unique_ptr<TlsInfo> tlsInfo_;
  std::unique_ptr<Pause> pause_;
  std::shared_ptr<ConnectionWaker> waker_;
  Guarded<std::vector<Resume>> jobsDone_;

  std::string input_;
  std::size_t inputTaken_ = 0;
  OutputQueue output_;
  std::unique_ptr<Compression> compression_;
  std::string unfolded_;               ///< what came, when it is compressed

  Steady now_;                         ///< of this turn
  Steady deadline_ = never;            ///< the session's
  Steady guard_ = never;               ///< ours, for the phase: dial, handshake, close, linger
  Steady stall_ = never;               ///< since when output does not move, plus the time-out
  Steady slowRead_ = never;            ///< when slow input may be read
  Steady slowWrite_ = never;           ///< when the next slow byte may go
  Steady slowRush_ = never;            ///< when the rest of slow output goes
  std::uint32_t notes_ = 0;            ///< signals not yet acted on
  std::uint32_t armed_ = 0;            ///< what epoll waits for, if isArmed_
  unsigned jobs_ = 0;                  ///< in a pool
  End ending_ = End::closed;
  Phase phase_ = Phase::start;
  bool registered_ = false, isArmed_ = false;
  bool opened_ = false, slow_ = false, hold_ = false;
  bool starved_ = false;               ///< the session took nothing of what is unread
  bool overrunTold_ = false;
  bool wantCompression_ = false;       ///< as soon as output has left
  bool malformed_ = false;             ///< what came was no DEFLATE
  bool exhausted_ = false;             ///< the socket has nothing more in this turn
  bool wantWrite_ = false;             ///< TLS must write before it can read
  bool writeBlocked_ = false;
  std::size_t readBudget_ = 0, writeBudget_ = 0;
};

}  // namespace mox::net
