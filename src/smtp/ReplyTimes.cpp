#include "smtp/ReplyTimes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/Text.h"

namespace mox::smtp {

namespace {

/// RFC 5321 §4.2.3, RFC 3207 §4, RFC 4954 §6, RFC 7504 §4.
constexpr std::array knownCodes{211u, 214u, 220u, 221u, 235u, 250u, 251u, 252u, 334u, 354u, 421u, 432u, 450u, 451u, 452u, 454u, 455u, 500u, 501u,
                                502u, 503u, 504u, 521u, 530u, 534u, 535u, 538u, 550u, 551u, 552u, 553u, 554u, 555u, 556u};
/// Of enhanced codes; RFC 3463 §3 and the registry of RFC 5248.
constexpr std::uint64_t lastSubject = 7, lastDetail = 30;

std::string codeClass(unsigned code) { return std::to_string(code / 100) + "yz"; }

std::string codeLabel(unsigned code) {
  bool isKnown = std::find(knownCodes.begin(), knownCodes.end(), code) != knownCodes.end();
  return isKnown ? std::to_string(code) : codeClass(code);
}

/// extractEnhanced() has seen that it is three numbers, and that its class is the code's.
std::string enhancedLabel(const std::string& enhanced) {
  auto parts = split(enhanced, '.');
  if (parts.size() != 3) return "";
  auto subject = parseUnsigned(parts[1]), detail = parseUnsigned(parts[2]);
  bool isPlain = subject && detail && parts[1] == std::to_string(*subject) && parts[2] == std::to_string(*detail);
  return isPlain && *subject <= lastSubject && *detail <= lastDetail ? enhanced : "";
}

}  // namespace

Histogram& ReplyTimes::histogram(std::string_view command, const Reply& reply) {
  auto code = codeLabel(reply.code), enhanced = enhancedLabel(reply.enhanced);
  auto key = [&] { return std::string(command) + " " + code + " " + enhanced; };
  auto known = known_.lock();
  auto found = known->find(key());
  if (found != known->end()) return *found->second;
  if (known->size() >= maxDetailed) {
    code = codeClass(reply.code);
    enhanced.clear();
  }
  auto& made = metrics_.histogram("mox_smtpclient_command_duration_seconds", "SMTP client command duration and result codes in seconds.",
                                  {{"cmd", std::string(command)}, {"code", code}, {"secode", enhanced}},
                                  {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 60, 120});
  known->emplace(key(), &made);
  return made;
}

void ReplyTimes::observe(std::string_view command, const Reply& reply, Steady since) {
  std::chrono::duration<double> took = now() - since;
  histogram(command, reply).observe(took.count());
}

}  // namespace mox::smtp
