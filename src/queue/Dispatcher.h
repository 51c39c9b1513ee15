// Dispatcher: claims waiting for their destination, and the connections that carry them.
//
// A destination is what a Plan's key says. Its messages wait in line and share connections: a Courier asks for the next
// one as soon as it is done with one. If there is none, its connection is parked for a while and woken for the next, so
// that a steady trickle does not cost a connection each. A destination starts with few connections, gets more while
// messages wait and go through, and fewer when the peer is unwell; all together have a cap, and where a destination has
// less than its part of it, connections of others that had their share or are parked make room. So a destination that
// does not answer holds up nobody but itself.
//
// Thread safe. Nothing is called with the lock held.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/Log.h"
#include "net/Engine.h"
#include "queue/Plan.h"
#include "queue/QueueMetrics.h"
#include "queue/Storage.h"
#include "smtp/Client.h"

namespace mox::queue {

/// Why a message is not delivered, and who says so.
struct Answer {
  Refusal why;
  std::string remote;  ///< as Attempt::remote
  std::string host;    ///< as Record::remoteHost
};

/// Recipients of one message for one destination: one transaction.
struct Parcel {
  MessagePtr message;
  std::vector<Claim> claims;
  std::size_t firstHost = 0;  ///< hosts before this one have said "not now"
  std::vector<Dial> dialled;  ///< in this attempt
  Time start{};
  Steady started{};
  unsigned reconnects = 0;  ///< connections that ended under it before anything was sent
  std::map<QueueId, Answer> heard{};  ///< the last that a server said of an entry, in this attempt
};

/// Recipients of a transaction (RFC 5321 §4.5.3.1.10 asks servers for 100; LIMITS and 452 make it fewer).
inline constexpr std::size_t maxParcelRecipients = 1'000;

struct DispatcherOptions {
  unsigned maxConnections = 100;
  unsigned firstPerDestination = 2, mostPerDestination = 20;
  Duration dialTimeout = std::chrono::seconds(30);  ///< for all addresses of a host
  smtp::ClientTimeouts timeouts;
};

class Courier;

/// What is known of one destination. Under the Dispatcher's lock, but for `plan`.
struct Destination {
  std::shared_ptr<const Plan> plan;
  std::deque<Parcel> waiting;  ///< for any host
  std::deque<Parcel> later;    ///< for a host after the first, which said "not now"
  unsigned couriers = 0;       ///< that started at the first host, parked ones too
  unsigned laterCouriers = 0;
  unsigned busy = 0;           ///< couriers of the first kind in a transaction
  unsigned limit = 0;
  unsigned successes = 0;      ///< since the limit was changed
  bool starving = false;       ///< in the list of those waiting for a free place
};

class Dispatcher {
 public:
  /// `done`: what came of a claim; `released`: claims that came to no attempt because we stop. Both are called on any
  /// thread and must not block.
  struct Sink {
    std::function<void(std::vector<Record>)> done;
    std::function<void(std::vector<Claim>)> released;
  };
  Dispatcher(DispatcherOptions options, net::Engine& engine, Storage& storage, const Clock& clock, Random& random, QueueMetrics& metrics,
             Log log, Sink sink);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  struct Planned {
    Claim claim;
    std::shared_ptr<const Plan> plan;
  };
  void enqueue(std::vector<Planned> planned);
  /// For claims that cannot be tried at all.
  void refuse(const Claim& claim, const Refusal& refusal);
  /// Takes claims that wait (and are in no transaction) back out.
  std::vector<Claim> withdraw(const std::set<QueueId>& ids);
  /// Starts no more transactions; what waits goes to Sink::released.
  void stop();
  /// True if no connection is left at the end of `patience`.
  bool waitIdle(Duration patience);
  void cancelAll();
  std::size_t connections();
  /// Those of them that wait for a message, and the others.
  std::size_t parked(), working();
  /// Dialled since the start: for tests and the bench.
  std::uint64_t dials() const { return dials_; }

 private:
  friend class Courier;
  using DestinationPtr = std::shared_ptr<Destination>;

  // For couriers.
  /// `waker`: null if the connection cannot be parked.
  std::variant<Parcel, smtp::Idle> next(Courier& courier, unsigned transactions, const std::shared_ptr<net::Waker>& waker);
  /// Any of the three may be empty. `again` is for the same host.
  void onTransaction(Courier& courier, bool healthy, bool delivered, std::vector<Record> records, std::optional<Parcel> again,
                     std::optional<Parcel> elsewhere);
  /// `exhausted`: no host would serve, for what answerFor() says.
  void onEnded(const std::shared_ptr<Courier>& courier, bool exhausted);
  bool stopping();
  void engineIsGone();
  std::optional<Parcel> pick(Courier& courier);
  bool mayWork(const Courier& courier, unsigned transactions) const;
  void putBack(Parcel parcel, Destination& destination);
  Record makeRecord(const Claim& claim, const Parcel& parcel, const Answer& last);
  void tell(const Record& record, const Plan* plan, const std::string& tlsMode);

  // Under the lock.
  /// What is to be done once the lock is free.
  struct Starts {
    std::vector<std::shared_ptr<Courier>> dial;
    std::vector<std::shared_ptr<net::Waker>> wake;
  };
  /// A connection that waits. In order of parking; at most maxConnections.
  struct Parked {
    const Courier* courier;
    const Destination* destination;
    std::shared_ptr<net::Waker> waker;
    Steady until;
    bool woken = false;
  };
  std::size_t countParked() const;
  std::optional<Parked> unpark(const Courier& courier);
  void rouse(const Destination& destination, Starts& starts);
  void evict(Starts& starts);
  std::size_t part() const;
  bool isBelowPart(const Destination& destination) const;
  bool isAbovePart(const Destination& destination) const;
  static std::size_t connectionsWorth(const Destination& destination);
  void staff(const std::string& key, const DestinationPtr& destination, Starts& starts);
  void serveStarving(Starts& starts);
  void forgetIfIdle(const std::string& key);
  void shrink(Destination& destination);
  static bool isHungry(const Destination& destination);
  void start(const Starts& starts);

  const DispatcherOptions options_;
  net::Engine& engine_;
  Storage& storage_;
  const Clock& clock_;
  Random& random_;
  QueueMetrics& metrics_;
  const Log log_;
  const Sink sink_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::map<std::string, DestinationPtr> destinations_;
  std::deque<std::string> starving_;
  std::vector<Parked> parked_;
  std::set<std::shared_ptr<Courier>> couriers_;
  unsigned total_ = 0;
  bool stopping_ = false;
  std::atomic<std::uint64_t> dials_{0};
};

}  // namespace mox::queue
