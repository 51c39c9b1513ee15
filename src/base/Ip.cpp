#include "base/Ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace mox {

IpAddress IpAddress::v4(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress ip;
  std::copy(bytes.begin(), bytes.end(), ip.bytes_.begin());
  return ip;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress ip;
  ip.v4_ = false;
  ip.bytes_ = bytes;
  return ip;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::string terminated(text);
  if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
  std::array<std::uint8_t, 4> four{};
  if (::inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (::inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

std::string_view IpAddress::bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), v4_ ? 4u : 16u}; }

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

std::string IpAddress::literal() const { return (v4_ ? "[" : "[IPv6:") + text() + "]"; }

bool IpAddress::isLoopback() const {
  if (v4_) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) && bytes_[15] == 1;
}

bool IpAddress::isPrivate() const {
  if (!v4_) return (bytes_[0] & 0xfe) == 0xfc || (bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80);
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) || (bytes_[0] == 192 && bytes_[1] == 168) ||
         (bytes_[0] == 169 && bytes_[1] == 254);
}

bool IpAddress::isUnspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

IpAddress IpAddress::masked(unsigned prefixBits) const {
  IpAddress out = *this;
  for (unsigned i = 0; i < (v4_ ? 4u : 16u); ++i) {
    unsigned keep = prefixBits > i * 8 ? std::min(8u, prefixBits - i * 8) : 0;
    out.bytes_[i] = static_cast<std::uint8_t>(bytes_[i] & (0xff00u >> keep));
  }
  return out;
}

std::string IpAddress::reverseName() const {
  std::string out;
  if (v4_) {
    for (std::size_t i = 4; i-- > 0;) out += std::to_string(bytes_[i]) + ".";
    return out + "in-addr.arpa.";
  }
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 16; i-- > 0;) {
    for (unsigned nibble : {bytes_[i] & 15u, static_cast<unsigned>(bytes_[i] >> 4)}) {
      out += digits[nibble];
      out += '.';
    }
  }
  return out + "ip6.arpa.";
}

std::string Endpoint::text() const {
  return (ip.isV4() ? ip.text() : "[" + ip.text() + "]") + ":" + std::to_string(port);
}

}  // namespace mox
