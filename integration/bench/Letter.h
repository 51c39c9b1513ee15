#pragma once
#include <cstddef>
#include <string>

namespace mox::bench {

// A message of about that many octets, told apart by its number: bench.py's letter() writes the same. Every 200th has the
// word "zanzibar" in its body, every 50th "quarterly" in its subject. `run`: makes the Message-ID unique.
[[nodiscard]] std::string letter(std::size_t number, std::size_t size, const std::string& run);

}  // namespace mox::bench
