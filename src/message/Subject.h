// The subject that replies and forwards share. RFC 5256 §2.1.
#pragma once

#include <string>
#include <string_view>

namespace mox::message {

/// Octets of a subject looked at, and of a base subject kept.
inline constexpr std::size_t maxSubject = 16 << 10;
inline constexpr std::size_t maxBaseSubject = 1'000;

struct BaseSubject {
  std::string text;  ///< decoded, white space collapsed, folded for comparison
  bool isReplyOrForward = false;  ///< "Re:", "Fwd:", "(fwd)" or "[fwd: ...]" was stripped
};

/// `value` raw.
BaseSubject baseSubject(std::string_view value);

}  // namespace mox::message
