// How a connection moves bytes between socket, session and buffers.
#include <algorithm>
#include <stdexcept>

#include "net/Connection.h"
#include "net/Sockets.h"

namespace mox::net {

namespace {

/// Producers are asked in steps of this, well below OutputQueue::highWater.
constexpr std::size_t pieceBytes = 64 * 1024;
/// A tarpitted peer waits this long for each read and each byte.
constexpr Duration slowStep = std::chrono::seconds(1);
constexpr std::size_t unheardPiece = 4'096;
/// A peer that has more to send fills its TLS records better than this.
constexpr std::size_t shortRecord = 4'096;
/// The rest of slow output leaves this long before the peer would be taken for stalled.
constexpr Duration slowReserve = std::chrono::seconds(5);

}  // namespace

// Reads and feeds first, sends once after, and goes round again while sending has set the session free.
void Connection::pump(Worker& worker) {
  readBudget_ = engine_->options.turnBytes;
  writeBudget_ = engine_->options.turnBytes;
  exhausted_ = false;
  bool wakeable = true;
  while (phase_ == Phase::open && wakeable) {
    std::size_t budgetBefore = readBudget_;
    if ((notes_ & woken) != 0 && !waiting()) {
      notes_ &= ~woken;
      starved_ = false;
      session_->onWake(*this);
    }
    while (mayFeed() && readBudget_ > 0 && (feedUnread() || readSome(worker))) {
    }
    // No answer will carry the acknowledgement that a peer with Nagle's algorithm wants before it sends the rest.
    if (readBudget_ < budgetBefore && allSent() && mayFeed()) acknowledgeNow(stream_.fd());
    flush();
    if (phase_ != Phase::open) return;
    if (nextTls_ && allSent()) return beginTls(*std::exchange(nextTls_, nullptr));
    if (wantCompression_ && allSent()) beginCompression();
    bool feedable = mayFeed() && ((unread() > 0 && !starved_) || !exhausted_ || mayUnfold());
    if (feedable && readBudget_ == 0) return signal(again);
    wakeable = feedable || ((notes_ & woken) != 0 && !waiting());
  }
  // A dead socket that nobody reads would report itself for ever.
  if (phase_ == Phase::open && (notes_ & broken) != 0 && !mayFeed()) finish(End::reset, "connection lost");
}

// ---- Input

bool Connection::readSome(Worker& worker) {
  if (exhausted_ && !mayUnfold()) return false;
  std::size_t limit = session_->inputLimit();
  if (unread() >= limit || (slow_ && !mayReadSlowly())) {
    exhausted_ = true;
    return false;
  }
  std::size_t room = std::min({worker.scratch.size(), limit - unread(), readBudget_});
  std::size_t got = 0;
  std::string_view fresh;
  Io io = readStream(worker, room, got, fresh);
  wantWrite_ = io == Io::wantWrite;
  if (io != Io::done) {
    exhausted_ = true;
    if (io != Io::wantRead && io != Io::wantWrite) readFailed(io);
    return false;
  }
  readBudget_ -= std::min(readBudget_, std::max(got, fresh.size()));
  // A short read of a plain socket has emptied it; TLS gives a record at a time. Where this errs, the next event comes at once.
  bool wasLast = stream_.isTls() ? got < std::min(room, shortRecord) && !stream_.pending() : got < room;
  if (slow_ || wasLast) exhausted_ = true;
  if (slow_ && stream_.pending()) slowRead_ = now_ + slowStep;
  if (!fresh.empty()) takeInput(fresh);
  return true;
}

/// Compressed input that came before can give more.
bool Connection::mayUnfold() const { return compression_ && compression_->hasInput() && unread() < session_->inputLimit() && !slow_; }

/// Reads up to `room` octets; `got` of the socket, which give `fresh` for the session.
Io Connection::readStream(Worker& worker, std::size_t room, std::size_t& got, std::string_view& fresh) {
  if (!compression_) {
    Io io = stream_.read(worker.scratch.data(), room, got);
    fresh = std::string_view(worker.scratch).substr(0, got);
    return io;
  }
  if (!compression_->hasInput()) {
    Io io = stream_.read(worker.scratch.data(), room, got);
    if (io != Io::done) return io;
    compression_->give(std::string_view(worker.scratch).substr(0, got));
  } else {
    got = room;  // the socket may have more
  }
  unfolded_.clear();
  if (!compression_->take(unfolded_, room)) {
    malformed_ = true;
    return Io::reset;
  }
  fresh = unfolded_;
  return Io::done;
}

void Connection::readFailed(Io io) {
  if (malformed_) return finish(End::reset, "malformed compressed data");
  if (io == Io::reset) return finish(End::reset, stream_.error());
  if (io == Io::tls) return finish(End::tls, stream_.error());
  ending_ = End::peer;  // it may still read what we have for it
  close();
}

/// True once a second after there was something to read.
bool Connection::mayReadSlowly() {
  if (slowRead_ == never) {
    if ((notes_ & readable) != 0 || stream_.pending()) slowRead_ = now_ + slowStep;
    return false;
  }
  if (now_ < slowRead_) return false;
  slowRead_ = never;
  return true;
}

// Most input is taken at once and never copied.
void Connection::takeInput(std::string_view fresh) {
  starved_ = false;
  if (unread() > 0) {
    input_.erase(0, inputTaken_);
    inputTaken_ = 0;
    input_.append(fresh);
    feedUnread();
    return;
  }
  std::size_t taken = feed(fresh);
  input_.assign(fresh.substr(taken));
  inputTaken_ = 0;
}

bool Connection::feedUnread() {
  if (unread() == 0 || starved_ || !mayFeed()) return false;
  inputTaken_ += feed(std::string_view(input_).substr(inputTaken_));
  return true;
}

std::size_t Connection::feed(std::string_view view) {
  std::size_t taken = 0;
  while (taken < view.size() && mayFeed()) {
    auto rest = view.substr(taken);
    std::size_t count = session_->onInput(*this, rest);
    if (count > rest.size()) throw std::logic_error("onInput() took more than it was given");
    taken += count;
    if (count > 0) {
      overrunTold_ = false;
      continue;
    }
    if (!mayFeed()) break;  // it waits for something and will see the rest again
    if (rest.size() >= session_->inputLimit() && !overrunTold_) {
      overrunTold_ = true;
      session_->onOverrun(*this);
      continue;
    }
    starved_ = true;
    break;
  }
  return taken;
}

/// All that has come and was not fed, as far as it is there: what a peer said before it broke the connection outlives that.
std::string Connection::readUnheard() {
  if (compression_) return "";
  std::string out = input_.substr(inputTaken_);
  Io io = Io::done;
  while (io == Io::done && out.size() < session_->inputLimit()) {
    std::size_t before = out.size(), got = 0;
    out.resize(before + unheardPiece);
    io = stream_.read(out.data() + before, unheardPiece, got);
    out.resize(before + got);
  }
  return out;
}

// ---- Output

void Connection::flush() {
  while (phase_ == Phase::open || phase_ == Phase::closing) {
    output_.refill(pieceBytes);
    if (auto ready = toSend(); !ready.empty()) {
      if (!sendSome(ready)) return;
      continue;
    }
    stall_ = slowWrite_ = slowRush_ = never;
    writeBlocked_ = false;
    unsigned finished = output_.takeFinished();
    if (finished == 0) return;
    starved_ = false;
    for (; finished > 0 && phase_ == Phase::open; --finished) session_->onDrained(*this);
  }
}

/// What goes to the stream next. Compressed pieces are small enough to keep the answer of a slow peer's FETCH bounded.
std::string_view Connection::toSend() {
  if (!compression_) return output_.ready();
  if (compression_->ready().empty() && !output_.ready().empty()) {
    auto piece = output_.ready().substr(0, pieceBytes);
    compression_->put(piece);
    output_.drop(piece.size());
  }
  return compression_->ready();
}

/// True if bytes left and more may.
bool Connection::sendSome(std::string_view ready) {
  bool bytewise = slow_ && sendSlowly();
  if (bytewise && now_ < slowWrite_) return false;
  if (bytewise) ready = ready.substr(0, 1);
  if (writeBudget_ == 0) {
    signal(again);
    return false;
  }
  std::size_t put = 0;
  switch (stream_.write(ready, put)) {
    case Io::done: break;
    case Io::wantRead:
    case Io::wantWrite:
      if (stall_ == never) stall_ = now_ + engine_->options.writeStallTimeout;
      writeBlocked_ = true;
      return false;
    case Io::eof: finish(End::peer, ""); return false;
    case Io::reset: finish(End::reset, stream_.error()); return false;
    case Io::tls: finish(End::tls, stream_.error()); return false;
  }
  if (compression_) compression_->drop(put);
  else output_.drop(put);
  stall_ = never;
  writeBlocked_ = false;
  writeBudget_ -= std::min(writeBudget_, put);
  if (bytewise) slowWrite_ = now_ + slowStep;
  return true;
}

/// True while slow output goes byte by byte.
bool Connection::sendSlowly() {
  if (slowRush_ == never) {
    slowRush_ = now_ + engine_->options.writeStallTimeout - slowReserve;
    slowWrite_ = now_;
  }
  if (now_ < slowRush_) return true;
  slowWrite_ = never;
  return false;
}

// ---- The end

void Connection::closingStep() {
  if (writeBudget_ == 0) writeBudget_ = engine_->options.turnBytes;
  flush();
  if (phase_ != Phase::closing) return;
  if (!allSent()) {
    if ((notes_ & broken) != 0) finish(ending_ == End::closed ? End::reset : ending_, "connection lost");
    return;
  }
  stream_.shutdown();
  End end = ending_;
  endSession(end, "");
  if (end == End::peer) return finish(end, "");
  stream_.releaseTls();
  deadline_ = stall_ = slowRead_ = slowWrite_ = never;
  guard_ = now_ + engine_->options.lingerTimeout;
  phase_ = Phase::linger;
}

void Connection::lingerStep(Worker& worker) {
  Io io = stream_.discard(worker.scratch.data(), worker.scratch.size());
  if (io != Io::done && io != Io::wantRead) finish(End::closed, "");
}

}  // namespace mox::net
