// A name server on loopback for tests of the transport: UDP and TCP on one port the kernel chose.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/Ip.h"

namespace mox::test {

class DnsServer {
 public:
  /// Packets to send back for a query, in order; none to stay silent.
  using Answer = std::function<std::vector<std::string>(const std::string& query, bool tcp)>;

  explicit DnsServer(Answer answer);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  Endpoint endpoint() const;
  int udpQueries() const { return udp_; }
  int tcpQueries() const { return tcp_; }

 private:
  void run();
  void serveTcp();

  Answer answer_;
  int udpSocket_ = -1, tcpSocket_ = -1, stop_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> udp_{0}, tcp_{0};
  std::thread thread_;
};

/// What a reply says besides its records, given as zone file lines.
struct Reply {
  std::vector<std::string> answer{}, authority{};
  int rcode = 0;
  bool authentic = false, truncated = false;
  int extendedCode = -1;
  std::string extendedText{};
};
/// A reply to `query` made with ldns.
std::string replyTo(const std::string& query, const Reply& reply);

}  // namespace mox::test
