#include "base/Random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

namespace mox {

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / bound * bound;
  for (;;) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    if (value < limit) return value % bound;
  }
}

std::string SystemRandom::bytes(std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t done = 0; done < count;) {
    auto got = ::getrandom(out.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
    done += static_cast<std::size_t>(got);
  }
  return out;
}

std::string FakeRandom::bytes(std::size_t count) {
  std::string out;
  while (out.size() < count) {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    out.append(reinterpret_cast<const char*>(&z), sizeof z);
  }
  out.resize(count);
  return out;
}

}  // namespace mox
