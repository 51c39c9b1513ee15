// The session's side and the life of a connection; ConnectionIo.cpp moves the bytes.
#include "net/Connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "base/Text.h"
#include "net/JobPool.h"
#include "net/TlsContext.h"

namespace mox::net {

class Connection::ConnectionWaker final : public Waker {
 public:
  explicit ConnectionWaker(std::weak_ptr<Handler> connection) : connection_(std::move(connection)) {}
  void wake() override {
    if (auto connection = connection_.lock()) connection->signal(woken);
  }

 private:
  std::weak_ptr<Handler> connection_;
};

Connection::Connection(std::shared_ptr<EngineShared> engine, Fd socket, ConnectionMeta meta, std::shared_ptr<TlsContext> tls,
                       std::unique_ptr<Session> session, std::shared_ptr<void> lease)
    : Handler(engine->reactor),
      engine_(std::move(engine)),
      stream_(std::move(socket)),
      session_(std::move(session)),
      lease_(std::move(lease)),
      id_(meta.id),
      remote_(meta.remote),
      local_(meta.local) {
  if (tls) nextTls_ = std::make_unique<StartTls>(StartTls{std::move(tls), {}});
  engine_->countSession(1);
}

Connection::Connection(std::shared_ptr<EngineShared> engine, DialOptions dial, ConnectionMeta meta, std::unique_ptr<Session> session)
    : Handler(engine->reactor),
      engine_(std::move(engine)),
      session_(std::move(session)),
      id_(meta.id),
      remote_(dial.to),
      dial_(std::make_unique<DialOptions>(std::move(dial))) {
  if (dial_->tls) nextTls_ = std::make_unique<StartTls>(StartTls{dial_->tls, dial_->serverName});
  engine_->countSession(1);
}

Connection::~Connection() = default;

// ---- Channel

void Connection::write(std::string_view bytes) {
  if (phase_ == Phase::open) output_.write(bytes);
}

void Connection::stream(std::unique_ptr<Producer> producer) {
  if (phase_ == Phase::open) output_.stream(std::move(producer));
}

void Connection::startTls(std::shared_ptr<TlsContext> context, std::string_view serverName) {
  if (tlsInfo_) throw std::logic_error("startTls() inside TLS");
  if (phase_ == Phase::open) nextTls_ = std::make_unique<StartTls>(StartTls{std::move(context), std::string(serverName)});
}

void Connection::close() {
  if (phase_ != Phase::open) return;
  phase_ = Phase::closing;
  guard_ = now_ + engine_->options.closeTimeout;
  pause_.reset();
  nextTls_.reset();
}

void Connection::setDeadline(Duration fromNow) {
  deadline_ = fromNow >= never - now_ ? never : now_ + engine_->stressed(fromNow);
}

bool Connection::offload(JobPool& pool, std::function<Resume()> job) {
  std::weak_ptr<Handler> weak = weak_from_this();
  bool taken = pool.submit([weak, work = std::move(job)] {
    Resume resume;
    try {
      resume = work();
    } catch (const std::exception& error) {
      // Thrown again where the session is, so that it counts as the session's own failure.
      resume = [what = std::string(error.what())](Channel&) { throw std::runtime_error("job: " + what); };
    }
    auto self = std::static_pointer_cast<Connection>(weak.lock());
    if (!self) return;
    self->jobsDone_.lock()->push_back(std::move(resume));
    self->signal(jobDone);
  });
  if (taken) ++jobs_;
  return taken;
}

void Connection::pause(Duration time, Resume resume) {
  if (pause_) throw std::logic_error("pause() in a pause");
  if (phase_ == Phase::open) pause_ = std::make_unique<Pause>(Pause{now_ + time, std::move(resume)});
}

void Connection::setSlow(bool slow) {
  slow_ = slow;
  if (!slow) slowRead_ = slowWrite_ = slowRush_ = never;
}

void Connection::holdInput(bool hold) { hold_ = hold; }

std::shared_ptr<Waker> Connection::waker() {
  if (!waker_) waker_ = std::make_shared<ConnectionWaker>(weak_from_this());
  return waker_;
}

// ---- Life

void Connection::turn(std::uint32_t signals, Worker& worker) {
  if (phase_ == Phase::over) return;
  if ((signals & (readable | writable | broken)) != 0) isArmed_ = false;
  notes_ |= signals;
  now_ = reactor().clock().steady();
  try {
    Phase before;
    do {
      before = phase_;
      step(worker);
    } while (phase_ != before && phase_ != Phase::over);
    if (phase_ != Phase::over) settle();
  } catch (const std::exception& error) {
    engine_->internalErrors.inc();
    engine_->log.error("connection failed", {{"cid", id_.value}, {"remote", remote_.text()}, {"err", error.what()}});
    finish(End::closed, "internal error");
  }
  notes_ &= woken | stop;  // these wait until the session can be told
}

void Connection::step(Worker& worker) {
  if ((notes_ & forceEnd) != 0) return finish(End::shutdown, "the server stops");
  if ((notes_ & cancelled) != 0) return finish(End::closed, "cancelled");
  engineDeadlines();
  switch (phase_) {
    case Phase::start: return start();
    case Phase::connecting: return connectStep();
    case Phase::handshake: return handshakeStep();
    case Phase::open:
      callbacks();
      return pump(worker);
    case Phase::closing: return closingStep();
    case Phase::linger: return lingerStep(worker);
    case Phase::over: return;
  }
}

void Connection::start() {
  if (dial_) return dial();
  if (nextTls_) return beginTls(*std::exchange(nextTls_, nullptr));
  opened();
}

void Connection::dial() {
  auto fail = [this](const char* what) {
    int error = errno;
    finish(error == ETIMEDOUT ? End::timeout : End::refused, std::string(what) + ": " + std::generic_category().message(error));
  };
  sockaddr_storage to{};
  socklen_t length = toSockaddr(remote_, to);
  Fd socket(::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail("socket");
  if (dial_->source) {
    sockaddr_storage from{};
    socklen_t fromLength = toSockaddr({*dial_->source, 0}, from);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), fromLength) != 0) return fail("bind to source address");
  }
  setTcpOptions(socket.get());
  int result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), length);
  if (result != 0 && errno != EINPROGRESS) return fail("connect");
  stream_.attach(std::move(socket));
  guard_ = now_ + dial_->timeout;
  phase_ = Phase::connecting;
}

void Connection::connectStep() {
  if ((notes_ & stop) != 0) return finish(End::shutdown, "the server stops");
  if ((notes_ & (writable | broken)) == 0) return;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(stream_.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return finish(error == ETIMEDOUT ? End::timeout : End::refused, "connect: " + std::generic_category().message(error));
  local_ = localEndpoint(stream_.fd());
  dial_.reset();
  guard_ = never;
  if (nextTls_) return beginTls(*std::exchange(nextTls_, nullptr));
  opened();
}

void Connection::opened() {
  phase_ = Phase::open;
  opened_ = true;
  session_->onOpen(*this);
}

void Connection::beginTls(const StartTls& tls) {
  std::string().swap(input_);  // RFC 3207 §4.2: what came in the clear must not be taken for what came by TLS
  inputTaken_ = 0;
  if (!stream_.startTls(tls.context, tls.serverName)) return finish(End::tls, stream_.error());
  phase_ = Phase::handshake;
  guard_ = now_ + engine_->stressed(engine_->options.handshakeTimeout);
}

/// What was read ahead is compressed already.
void Connection::beginCompression() {
  wantCompression_ = false;
  compression_ = std::make_unique<Compression>();
  compression_->give(std::string_view(input_).substr(inputTaken_));
  std::string().swap(input_);
  inputTaken_ = 0;
  starved_ = exhausted_ = false;
}

void Connection::handshakeStep() {
  if ((notes_ & stop) != 0) return finish(End::shutdown, "the server stops");
  Io io = stream_.handshake();
  wantWrite_ = io == Io::wantWrite;
  if (io == Io::wantRead || io == Io::wantWrite) return;
  if (io != Io::done) {
    engine_->tlsFailures.inc();
    return finish(End::tls, stream_.error().empty() ? "connection closed during the TLS handshake" : stream_.error());
  }
  phase_ = Phase::open;
  guard_ = never;
  starved_ = overrunTold_ = false;
  tlsInfo_ = std::make_unique<TlsInfo>(stream_.info());
  session_->onTls(*this, *tlsInfo_);
  if (phase_ == Phase::open && !opened_) opened();
}

// The session's own events. Wakes wait until it is parked, see pump().
void Connection::callbacks() {
  bool pauseFirst = pause_ && pause_->until <= deadline_;
  for (bool pauseTurn : {pauseFirst, !pauseFirst}) {
    if (phase_ != Phase::open) return;
    if (pauseTurn && pause_ && now_ >= pause_->until) {
      Resume resume = std::move(pause_->resume);
      pause_.reset();
      starved_ = false;
      if (resume) resume(*this);
    } else if (!pauseTurn && now_ >= deadline_) {
      deadline_ = never;
      starved_ = false;
      session_->onDeadline(*this);
    }
  }
  if ((notes_ & jobDone) != 0) runJobs();
  if (phase_ == Phase::open && (notes_ & stop) != 0) {
    notes_ &= ~stop;
    starved_ = false;
    session_->onShutdown(*this);
  }
}

void Connection::runJobs() {
  notes_ &= ~jobDone;
  std::vector<Resume> done;
  jobsDone_.lock()->swap(done);
  starved_ = false;
  for (auto& resume : done) {
    --jobs_;
    if (phase_ == Phase::open && resume) resume(*this);
  }
}

void Connection::engineDeadlines() {
  if (now_ >= guard_) {
    switch (phase_) {
      case Phase::connecting: return finish(End::timeout, "connect: timeout");
      case Phase::handshake: return finish(End::timeout, "TLS handshake: timeout");
      default: return finish(ending_, "output did not leave in time");
    }
  }
  if (now_ >= stall_) {
    engine_->stalls.inc();
    return finish(End::timeout, "the peer takes no output");
  }
  if (phase_ != Phase::open && now_ >= deadline_) return finish(phase_ == Phase::closing ? ending_ : End::timeout, "deadline");
}

void Connection::finish(End end, std::string_view detail) {
  if (phase_ == Phase::over) return;
  bool brokenOff = phase_ == Phase::open && output_.streaming() && (end == End::peer || end == End::reset || end == End::timeout);
  phase_ = Phase::over;
  if (end == End::shutdown && opened_) stream_.shutdown();
  std::string why(detail);  // it may be the stream's, which goes on
  endSession(end, why, brokenOff ? readUnheard() : "");
  stream_.close();
  reactor().remove(*this);
}

void Connection::endSession(End end, std::string_view detail, const std::string& unheard) {
  auto session = std::move(session_);
  if (!session) return;
  pause_.reset();
  nextTls_.reset();
  output_.clear();
  compression_.reset();
  std::string().swap(input_);
  inputTaken_ = 0;
  auto tell = [this](const auto& call) {
    try {
      call();
    } catch (const std::exception& error) {
      engine_->internalErrors.inc();
      engine_->log.error("ending a session failed", {{"cid", id_.value}, {"err", error.what()}});
    }
  };
  if (!unheard.empty()) tell([&] { session->onUnheard(unheard); });
  tell([&] { session->onEnd(end, detail); });
  session.reset();
  lease_.reset();
  engine_->countSession(-1);
}

void Connection::endUnstarted() {
  phase_ = Phase::over;
  endSession(End::shutdown, "the server stops");
}

// What to wait for.

void Connection::settle() {
  if (unread() == 0) {
    std::string().swap(input_);
    std::string().swap(unfolded_);
    inputTaken_ = 0;
  }
  output_.shrink();
  reactor().setDue(*this, nextDue());
  std::uint32_t want = interest();
  if (isArmed_ && want == armed_) return;
  reactor().arm(*this, stream_.fd(), want, registered_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
  registered_ = isArmed_ = true;
  armed_ = want;
}

std::uint32_t Connection::interest() const {
  constexpr std::uint32_t in = EPOLLIN | EPOLLRDHUP;
  switch (phase_) {
    case Phase::connecting: return EPOLLOUT;
    case Phase::handshake: return wantWrite_ ? EPOLLOUT : in;
    case Phase::open: break;
    case Phase::linger: return in;
    default: return writeBlocked_ ? EPOLLOUT : 0u;
  }
  bool read = mayFeed() && slowRead_ == never && unread() < session_->inputLimit();
  return (read ? in : 0u) | (writeBlocked_ || wantWrite_ ? EPOLLOUT : 0u);
}

Steady Connection::nextDue() const {
  Steady due = std::min({deadline_, guard_, stall_, slowRead_, slowWrite_});
  return pause_ ? std::min(due, pause_->until) : due;
}

bool Connection::waiting() const { return jobs_ > 0 || pause_ || nextTls_ || wantCompression_ || output_.streaming(); }

bool Connection::mayFeed() const {
  return phase_ == Phase::open && !waiting() && !hold_ && output_.unsent() <= OutputQueue::highWater;
}

}  // namespace mox::net
