#include "delivery/Rates.h"

#include "store/Reputation.h"

namespace mox::delivery {

namespace {

constexpr std::int64_t minuteSeconds = 60, daySeconds = 24 * 3600;

bool passes(std::int64_t messages, std::int64_t bytes, std::uint64_t size, std::int64_t maxMessages, std::int64_t maxBytes) {
  return messages + 1 > maxMessages || bytes + static_cast<std::int64_t>(size) > maxBytes;
}

}  // namespace

void Rates::roll(Counts& counts, Time now) {
  auto roll = [&](Window& window, std::int64_t seconds) {
    std::int64_t number = unixSeconds(now) / seconds;
    if (window.number != number) window = {number, 0, 0};
  };
  roll(counts.minute, minuteSeconds);
  roll(counts.day, daySeconds);
}

Rates::Counts Rates::stored(store::Reader& reader, const Key& key, Time now) {
  store::Reputation past(reader, MailboxId());
  const auto& limits = rateLimits[key.level - 1];
  Counts counts;
  roll(counts, now);
  auto read = [&](Window& window, std::int64_t seconds, std::int64_t limit) {
    auto rate = past.received(key.network, key.level, fromUnixSeconds(window.number * seconds), limit);
    window.messages = rate.messages;
    window.bytes = rate.bytes;
  };
  read(counts.minute, minuteSeconds, limits.messagesPerMinute);
  read(counts.day, daySeconds, limits.messagesPerDay);
  return counts;
}

bool Rates::isHigh(const std::string& account, store::Reader& reader, const IpAddress& ip, std::uint64_t size, Time now) {
  for (unsigned level = 1; level <= 3; level++) {
    Key key{account, level, store::maskedIp(ip, level)};
    std::optional<Counts> known;
    {
      auto counts = counts_.lock();
      if (auto at = counts->find(key); at != counts->end()) known = at->second;
    }
    if (!known) {
      known = stored(reader, key, now);  // not under the lock: it reads the disk
      auto counts = counts_.lock();
      if (counts->size() >= maxNetworks) counts->clear();
      known = counts->try_emplace(key, *known).first->second;
    }
    roll(*known, now);
    const auto& limits = rateLimits[level - 1];
    if (passes(known->minute.messages, known->minute.bytes, size, limits.messagesPerMinute, limits.bytesPerMinute)) return true;
    if (passes(known->day.messages, known->day.bytes, size, limits.messagesPerDay, limits.bytesPerDay)) return true;
  }
  return false;
}

void Rates::count(const std::string& account, const IpAddress& ip, std::uint64_t size, Time now) {
  auto counts = counts_.lock();
  for (unsigned level = 1; level <= 3; level++) {
    auto at = counts->find(Key{account, level, store::maskedIp(ip, level)});
    if (at == counts->end()) continue;  // forgotten meanwhile: the store will say
    roll(at->second, now);
    for (auto* window : {&at->second.minute, &at->second.day}) {
      window->messages++;
      window->bytes += static_cast<std::int64_t>(size);
    }
  }
}

}  // namespace mox::delivery
