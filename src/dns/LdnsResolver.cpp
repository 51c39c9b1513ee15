#include "dns/LdnsResolver.h"

#include <algorithm>

#include "base/Text.h"
#include "dns/Name.h"
#include "dns/Packet.h"
#include "dns/Transport.h"

namespace mox::dns {

namespace {

LookupError errorOf(Failure failure, std::string text, std::string_view name) {
  LookupError error;
  error.failure = failure;
  error.text = std::move(text);
  error.name = std::string(name);
  return error;
}

bool isLocalhost(std::string_view name) {
  auto text = lower(name);
  return text == "localhost." || text.ends_with(".localhost.");
}

Lookup<Record> localhost(Type type, std::string_view name) {
  Answer<Record> answer{{}, false, std::chrono::seconds(0), lower(name)};
  if (type == Type::a) answer.records.emplace_back(*IpAddress::parse("127.0.0.1"));
  if (type == Type::aaaa) answer.records.emplace_back(*IpAddress::parse("::1"));
  if (answer.records.empty()) return tl::unexpected(errorOf(Failure::noData, "localhost has only addresses", name));
  return answer;
}

}  // namespace

LdnsResolver::LdnsResolver(const Clock& clock, Random& random, Options options)
    : clock_(clock), random_(random), options_(std::move(options)), resolvConf_(options_.resolvConf) {}

Lookup<Record> LdnsResolver::query(Type type, std::string_view name, const Ask& ask) {
  if (auto wire = nameToWire(name); !wire) return tl::unexpected(errorOf(Failure::malformed, wire.error().text, ""));
  if (isLocalhost(name)) return localhost(type, name);
  auto use = options_.servers.empty() ? resolvConf_.current() : NameServers{options_.servers, options_.trustAd};
  Question question{type, std::string(name)};
  LookupError last = errorOf(Failure::temporary, "no DNS server answered", name);
  Duration tryTime = options_.tryTime;
  for (unsigned round = 0; round < options_.rounds; ++round, tryTime *= 2) {
    for (const auto& server : use.servers) {
      auto now = clock_.steady();
      if (now >= ask.deadline) {
        last.timeout = true;
        return tl::unexpected(std::move(last));
      }
      auto id = static_cast<std::uint16_t>(random_.below(65536));
      if (stopped_.isRaised()) return tl::unexpected(errorOf(Failure::temporary, "the server stops", name));
      auto reply = exchange({clock_, std::min(ask.deadline, now + tryTime), stopped_.fd()}, server, question, id);
      if (!reply) {
        last = errorOf(Failure::temporary, server.text() + ": " + reply.error().text, name);
        last.timeout = reply.error().code == Errc::timeout;
        continue;
      }
      auto answer = readReply(*reply, question, use.trustAd || server.ip.isLoopback());
      if (answer || answer.error().failure != Failure::temporary) return answer;
      last = std::move(answer.error());
    }
  }
  return tl::unexpected(std::move(last));
}

}  // namespace mox::dns
