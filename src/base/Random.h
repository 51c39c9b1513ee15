// Randomness, injected. Always fit for secrets; tests use a counting fake.
#pragma once

#include <cstdint>
#include <string>

namespace mox {

class Random {
 public:
  virtual ~Random() = default;
  /// `count` random bytes. Thread safe.
  virtual std::string bytes(std::size_t count) = 0;

  /// Uniform in [0, bound), bound > 0; rejection sampled.
  std::uint64_t below(std::uint64_t bound);
};

/// getrandom(2); throws std::system_error if the kernel has none.
class SystemRandom final : public Random {
 public:
  std::string bytes(std::size_t count) override;
};

/// Bytes of a fixed sequence, the same each run. Not thread safe, never for production.
class FakeRandom final : public Random {
 public:
  explicit FakeRandom(std::uint64_t seed = 1) : state_(seed) {}
  std::string bytes(std::size_t count) override;

 private:
  std::uint64_t state_;
};

}  // namespace mox
