// CommandTimes: the histogram of each command's duration, found without a lock.
#pragma once

#include <array>
#include <atomic>
#include <string>

#include "base/Metrics.h"
#include "base/Text.h"
#include "imap/CommandKind.h"

namespace mox::imapserver {

/// Thread safe.
class CommandTimes {
 public:
  enum class Outcome : std::uint8_t { ok, userError, badSyntax };

  explicit CommandTimes(Metrics& metrics) : metrics_(metrics) {}

  void observe(imap::CommandKind kind, Outcome outcome, double seconds) {
    auto& place = histograms_.at(static_cast<std::size_t>(kind)).at(static_cast<std::size_t>(outcome));
    auto* histogram = place.load(std::memory_order_acquire);
    if (histogram == nullptr) {
      // The same for all who come here at once.
      histogram = &metrics_.histogram("mox_imap_command_duration_seconds", "Duration of IMAP commands.",
                                      {{"cmd", lower(imap::name(kind))}, {"result", std::string(word(outcome))}});
      place.store(histogram, std::memory_order_release);
    }
    histogram->observe(seconds);
  }

  static std::string_view word(Outcome outcome) {
    return outcome == Outcome::ok ? "ok" : outcome == Outcome::userError ? "usererror" : "badsyntax";
  }

 private:
  static constexpr std::size_t kinds = static_cast<std::size_t>(imap::CommandKind::uidThread) + 1;  // the last of them
  Metrics& metrics_;
  std::array<std::array<std::atomic<Histogram*>, 3>, kinds> histograms_{};
};

}  // namespace mox::imapserver
