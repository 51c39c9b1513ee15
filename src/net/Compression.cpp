#include "net/Compression.h"

#include <zlib.h>

#include <new>
#include <utility>

namespace mox::net {

namespace {

// RFC 4978 §4 leaves the sizes to each side. A window of 8 KB and 32 KB of tables compress mail nearly as well as the most,
// for a quarter of its 256 KB a connection. What we read may use the whole 32 KB window.
constexpr int writeWindowBits = 13;
constexpr int writeMemoryLevel = 6;
constexpr int readWindowBits = 15;
constexpr std::size_t stepBytes = 16 * 1024;

}  // namespace

struct Compression::State {
  z_stream out{}, in{};
  std::string sending;
  std::size_t sent = 0;
  std::string received;
  std::size_t used = 0;      ///< of received
  bool mayHold = false;      ///< inflate filled all its room: it may hold more
};

Compression::Compression() : state_(std::make_unique<State>()) {
  if (::deflateInit2(&state_->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -writeWindowBits, writeMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  if (::inflateInit2(&state_->in, -readWindowBits) != Z_OK) {
    ::deflateEnd(&state_->out);
    throw std::bad_alloc();
  }
}

Compression::~Compression() {
  ::deflateEnd(&state_->out);
  ::inflateEnd(&state_->in);
}

// ---- Output

void Compression::put(std::string_view bytes) {
  auto& z = state_->out;
  auto& to = state_->sending;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  do {
    auto before = to.size();
    to.resize(before + stepBytes);
    z.next_out = reinterpret_cast<Bytef*>(to.data() + before);
    z.avail_out = static_cast<uInt>(stepBytes);
    ::deflate(&z, Z_SYNC_FLUSH);  // fails only if it has nothing to do
    to.resize(to.size() - z.avail_out);
  } while (z.avail_out == 0);
}

std::string_view Compression::ready() const { return std::string_view(state_->sending).substr(state_->sent); }

void Compression::drop(std::size_t bytes) {
  state_->sent += bytes;
  if (state_->sent < state_->sending.size()) return;
  std::string().swap(state_->sending);
  state_->sent = 0;
}

// ---- Input

void Compression::give(std::string_view bytes) {
  state_->received.erase(0, std::exchange(state_->used, 0));
  state_->received.append(bytes);
}

bool Compression::hasInput() const { return state_->mayHold || state_->used < state_->received.size(); }

bool Compression::take(std::string& to, std::size_t room) {
  auto& z = state_->in;
  auto before = to.size();
  to.resize(before + room);
  z.next_in = reinterpret_cast<Bytef*>(state_->received.data() + state_->used);
  z.avail_in = static_cast<uInt>(state_->received.size() - state_->used);
  z.next_out = reinterpret_cast<Bytef*>(to.data() + before);
  z.avail_out = static_cast<uInt>(room);
  int result = ::inflate(&z, Z_SYNC_FLUSH);
  to.resize(to.size() - z.avail_out);
  state_->used = state_->received.size() - z.avail_in;
  state_->mayHold = z.avail_out == 0;
  if (state_->used == state_->received.size()) {
    std::string().swap(state_->received);
    state_->used = 0;
  }
  return result == Z_OK || result == Z_BUF_ERROR;  // the latter: it needs more input
}

}  // namespace mox::net
