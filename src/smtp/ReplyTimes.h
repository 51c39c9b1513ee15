// ReplyTimes: how long servers take to answer our commands, and with what: mox_smtpclient_command_duration_seconds.
//
// What they answer is theirs to choose, and each combination of labels costs memory for as long as the process lives. So a code
// that RFCs do not know is told by its class alone ("5yz"), an enhanced code beyond the registry's range (RFC 3463 and those
// that extend it) as "", and once there are maxDetailed combinations a new one comes without its enhanced code and by class.
// Thread safe.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Metrics.h"
#include "smtp/Reply.h"

namespace mox::smtp {

class ReplyTimes {
 public:
  static constexpr std::size_t maxDetailed = 500;

  /// Both outlive this.
  ReplyTimes(Metrics& metrics, const Clock& clock) : metrics_(metrics), clock_(clock) {}

  Steady now() const { return clock_.steady(); }
  /// `command` is one of our own words.
  void observe(std::string_view command, const Reply& reply, Steady since);

 private:
  Histogram& histogram(std::string_view command, const Reply& reply);
  Metrics& metrics_;
  const Clock& clock_;
  Guarded<std::map<std::string, Histogram*>> known_;
};

}  // namespace mox::smtp
