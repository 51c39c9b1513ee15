// IP addresses as values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mox {

class IpAddress {
 public:
  /// 0.0.0.0.
  IpAddress() = default;
  static IpAddress v4(const std::array<std::uint8_t, 4>& bytes);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  /// Dotted quad or RFC 4291 text; no zone, no brackets. IPv4-mapped IPv6 becomes IPv4.
  static std::optional<IpAddress> parse(std::string_view text);

  bool isV4() const { return v4_; }
  /// 4 or 16 bytes in network order.
  std::string_view bytes() const;
  /// RFC 5952 text.
  std::string text() const;
  /// RFC 5321 §4.1.3: "[192.0.2.1]" or "[IPv6:2001:db8::1]".
  std::string literal() const;
  bool isLoopback() const;
  /// 10/8, 172.16/12, 192.168/16, fc00::/7, fe80::/10, 169.254/16.
  bool isPrivate() const;
  bool isUnspecified() const;
  /// The network of `prefixBits` this address is in, host bits zero.
  IpAddress masked(unsigned prefixBits) const;
  /// "1.2.0.192.in-addr.arpa." or the ip6.arpa form, with trailing dot.
  std::string reverseName() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address and a TCP or UDP port.
struct Endpoint {
  IpAddress ip;
  std::uint16_t port = 0;
  /// "192.0.2.1:25", "[2001:db8::1]:25".
  std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace mox
