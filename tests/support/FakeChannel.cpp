#include "support/FakeChannel.h"

#include <atomic>
#include <stdexcept>
#include <utility>

namespace mox::test {

class FakeChannel::FlagWaker final : public net::Waker {
 public:
  void wake() override { woken_ = true; }
  bool takeWake() { return woken_.exchange(false); }
  bool woken() const { return woken_; }

 private:
  std::atomic<bool> woken_{false};
};

FakeChannel::FakeChannel(net::Session& session, FakeClock& clock, Endpoint remote, Endpoint local, ConnectionId id)
    : session_(session),
      clock_(clock),
      remote_(remote),
      local_(local),
      id_(id),
      nextTls_(defaultTls()),
      waker_(std::make_shared<FlagWaker>()) {}

FakeChannel::~FakeChannel() = default;

Endpoint FakeChannel::defaultRemote() { return {IpAddress::v4({192, 0, 2, 1}), 50000}; }
Endpoint FakeChannel::defaultLocal() { return {IpAddress::v4({198, 51, 100, 1}), 25}; }

net::TlsInfo FakeChannel::defaultTls() {
  net::TlsInfo info;
  info.version = "TLSv1.3";
  info.cipher = "TLS_AES_128_GCM_SHA256";
  info.exporterBinding = "fake exporter binding, 32 bytes!";
  info.serverEndPointBinding = "fake end-point binding, 32 bytes";
  return info;
}

// Every call of the session goes through here, so that requireInside() can tell.
template <class Call>
void FakeChannel::enter(Call call) {
  if (inside_) throw std::logic_error("session called while it is being called");
  inside_ = true;
  try {
    call();
  } catch (...) {
    inside_ = false;
    throw;
  }
  inside_ = false;
  newInput_ = true;
}

void FakeChannel::requireInside(const char* method) const {
  if (!inside_) throw std::logic_error(std::string(method) + "() outside a call of the session");
}

void FakeChannel::open() {
  open_ = true;
  enter([&] { session_.onOpen(*this); });
  pump();
}

void FakeChannel::openTls() {
  open_ = true;
  if (!nextTls_) return finish(net::End::tls, tlsFailure_);
  tls_ = nextTls_;
  enter([&] { session_.onTls(*this, *tls_); });
  if (!closing_) enter([&] { session_.onOpen(*this); });
  pump();
}

void FakeChannel::feed(std::string_view bytes) {
  if (ended() || closing_) return;  // as to a socket that is being closed
  input_ += bytes;
  newInput_ = true;
  pump();
}

void FakeChannel::feedBytewise(std::string_view bytes) {
  for (char c : bytes) feed(std::string_view(&c, 1));
}

void FakeChannel::advance(Duration by) {
  settle();
  Steady target = clock_.steady() + by;
  for (;;) {
    std::optional<Steady> next;
    if (pause_) next = pause_->until;
    if (deadline_ && (!next || *deadline_ < *next)) next = deadline_;
    if (ended() || !next || *next > target) break;
    if (*next > clock_.steady()) clock_.advance(*next - clock_.steady());
    settle();
  }
  clock_.advance(target - clock_.steady());
  settle();
}

void FakeChannel::settle() { pump(); }

void FakeChannel::peerCloses() {
  pump();
  finish(net::End::peer, "");
}

void FakeChannel::breakConnection(net::End end, std::string_view detail) {
  bool brokenOff = !ended() && streaming() && (end == net::End::peer || end == net::End::reset || end == net::End::timeout);
  if (brokenOff && !input_.empty()) enter([&] { session_.onUnheard(input_); });
  finish(end, detail);
}

void FakeChannel::shutDown() {
  if (ended() || closing_) return;
  enter([&] { session_.onShutdown(*this); });
  pump();
}

std::string FakeChannel::take() {
  settle();
  return std::exchange(output_, {});
}

void FakeChannel::releaseJobs() {
  releasedJobs_ = jobs_.size();
  pump();
}

bool FakeChannel::drainStep() {
  bool some = takeQueued();
  pump();
  return some;
}

void FakeChannel::setTls(net::TlsInfo info) { nextTls_ = std::move(info); }

void FakeChannel::failTls(std::string detail) {
  nextTls_.reset();
  tlsFailure_ = std::move(detail);
}

bool FakeChannel::streaming() const {
  for (const Queued& item : queue_)
    if (std::holds_alternative<std::unique_ptr<net::Producer>>(item)) return true;
  return false;
}

bool FakeChannel::waiting() const { return !jobs_.empty() || pause_ || tlsWanted_ || streaming(); }

std::optional<Duration> FakeChannel::deadlineIn() const {
  if (!deadline_) return std::nullopt;
  return *deadline_ - clock_.steady();
}

void FakeChannel::write(std::string_view bytes) {
  requireInside("write");
  if (closing_ || bytes.empty()) return;
  if (queue_.empty() || !std::holds_alternative<std::string>(queue_.back())) queue_.emplace_back(std::string());
  std::get<std::string>(queue_.back()) += bytes;
}

void FakeChannel::stream(std::unique_ptr<net::Producer> producer) {
  requireInside("stream");
  if (!closing_) queue_.emplace_back(std::move(producer));
}

void FakeChannel::startTls(std::shared_ptr<net::TlsContext> context, std::string_view serverName) {
  requireInside("startTls");
  if (tls_) throw std::logic_error("startTls() inside TLS");
  tlsWanted_ = true;
  tlsContext_ = std::move(context);
  tlsServerName_ = serverName;
}

void FakeChannel::startCompression() {
  requireInside("startCompression");
  if (compressed_) throw std::logic_error("startCompression() twice");
  compressed_ = true;
}

void FakeChannel::close() {
  requireInside("close");
  closing_ = true;
}

void FakeChannel::setDeadline(Duration fromNow) {
  requireInside("setDeadline");
  if (fromNow == Duration::max())
    deadline_.reset();
  else
    deadline_ = clock_.steady() + fromNow;
}

bool FakeChannel::offload(net::JobPool&, std::function<net::Resume()> job) {
  requireInside("offload");
  if (jobsMode_ == Jobs::full) return false;
  jobs_.push_back(std::move(job));
  return true;
}

void FakeChannel::pause(Duration time, net::Resume resume) {
  requireInside("pause");
  if (pause_) throw std::logic_error("pause() in a pause");
  pause_ = Pause{clock_.steady() + time, std::move(resume)};
}

void FakeChannel::setSlow(bool slow) {
  requireInside("setSlow");
  slow_ = slow;
}

void FakeChannel::holdInput(bool hold) {
  requireInside("holdInput");
  holdInput_ = hold;
}

std::shared_ptr<net::Waker> FakeChannel::waker() { return waker_; }

std::size_t FakeChannel::unsent() const {
  std::size_t total = 0;
  for (const Queued& item : queue_)
    if (const auto* text = std::get_if<std::string>(&item)) total += text->size();
  return total;
}

void FakeChannel::finish(net::End end, std::string_view detail) {
  if (ended()) return;
  end_ = end;
  closing_ = true;
  queue_.clear();
  pause_.reset();
  deadline_.reset();
  enter([&] { session_.onEnd(end, detail); });
}

void FakeChannel::pump() {
  if (inside_) throw std::logic_error("the test drives the channel from inside the session");
  while (!ended() && pumpOnce()) {
  }
}

// One step of whatever can happen now, in the engine's order: output first, then what the session
// waits for, timers, wakes, input. False if nothing can.
bool FakeChannel::pumpOnce() {
  if (flush()) return true;
  if (closing_) {
    if (queue_.empty()) finish(net::End::closed, "");
    return false;
  }
  if (fireTimer() || finishTls() || runJob()) return true;
  if (!waiting() && waker_->takeWake()) {
    enter([&] { session_.onWake(*this); });
    return true;
  }
  return feedSession();
}

bool FakeChannel::flush() { return reader_ == Reader::eager && takeQueued(); }

bool FakeChannel::takeQueued() {
  if (queue_.empty()) return false;
  if (auto* text = std::get_if<std::string>(&queue_.front())) {
    output_ += *text;
    queue_.pop_front();
    return true;
  }
  if (std::get<std::unique_ptr<net::Producer>>(queue_.front())->produce(output_)) return true;
  queue_.pop_front();
  if (!closing_) enter([&] { session_.onDrained(*this); });
  return true;
}

bool FakeChannel::finishTls() {
  if (!tlsWanted_ || !queue_.empty()) return false;
  tlsWanted_ = false;
  input_.clear();  // plaintext read ahead, RFC 3207 §4.2
  if (!nextTls_) {
    finish(net::End::tls, tlsFailure_);
    return true;
  }
  tls_ = nextTls_;
  enter([&] { session_.onTls(*this, *tls_); });
  return true;
}

bool FakeChannel::runJob() {
  if (jobs_.empty() || (jobsMode_ == Jobs::held && releasedJobs_ == 0)) return false;
  if (releasedJobs_ > 0) --releasedJobs_;
  net::Resume resume = jobs_.front()();  // outside the session, as in a pool
  jobs_.pop_front();
  if (resume) enter([&] { resume(*this); });
  return true;
}

bool FakeChannel::fireTimer() {
  Steady now = clock_.steady();
  bool pauseFirst = pause_ && (!deadline_ || pause_->until <= *deadline_);
  if (pauseFirst && pause_->until <= now) {
    net::Resume resume = std::move(pause_->resume);
    pause_.reset();
    enter([&] { resume(*this); });
    return true;
  }
  if (deadline_ && *deadline_ <= now) {
    deadline_.reset();
    enter([&] { session_.onDeadline(*this); });
    return true;
  }
  return false;
}

bool FakeChannel::feedSession() {
  if (!open_ || waiting() || holdInput_ || input_.empty() || !newInput_) return false;
  std::string_view seen = std::string_view(input_).substr(0, session_.inputLimit());
  std::size_t taken = 0;
  enter([&] { taken = session_.onInput(*this, seen); });
  if (taken > seen.size()) throw std::logic_error("onInput() took more than it was given");
  bool full = seen.size() >= session_.inputLimit();
  input_.erase(0, taken);
  if (taken > 0) {
    overrunTold_ = false;
    return true;
  }
  newInput_ = false;
  if (full && !overrunTold_ && !waiting() && !closing_) {
    overrunTold_ = true;
    enter([&] { session_.onOverrun(*this); });
  }
  return true;
}

}  // namespace mox::test
