// room: dns
// DNS replies: the first two octets choose the type, the rest is the packet. What comes out must be usable.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dns/Name.h"
#include "dns/Packet.h"

using namespace mox::dns;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void checkRecord(const Record& record, Type type) {
  if (const auto* mx = std::get_if<Mx>(&record)) require(type == Type::mx && isHostName(mx->host));
  if (const auto* srv = std::get_if<Srv>(&record)) require(type == Type::srv && isHostName(srv->target));
  if (std::holds_alternative<mox::IpAddress>(record)) require((type == Type::a) == std::get<mox::IpAddress>(record).isV4());
  if (const auto* text = std::get_if<std::string>(&record)) require(type == Type::txt || isHostName(*text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr Type types[] = {Type::a, Type::ns, Type::cname, Type::ptr, Type::mx, Type::txt, Type::aaaa, Type::srv, Type::tlsa};
  if (size < 1) return 0;
  Question question{types[data[0] % 9], "example.org."};
  std::string_view packet(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (packet.size() > maxReplyOctets) return 0;
  (void)isReplyTo(packet, question, 0);
  (void)isTruncated(packet);
  auto answer = readReply(packet, question, true);
  if (answer) {
    require(!answer->records.empty());
    require(answer->name.ends_with('.'));
    for (const auto& record : answer->records) checkRecord(record, question.type);
  } else {
    require(!answer.error().text.empty() && answer.error().text.find('\n') == std::string::npos);
  }
  if (auto name = nameFromWire(packet)) require(name->ends_with('.'));
  if (auto wire = nameToWire(packet)) require(nameFromWire(*wire).has_value());
  return 0;
}
