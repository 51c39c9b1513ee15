#include "dns/Server.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

namespace mox::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool bindTo(int fd, std::uint16_t port) {
  auto address = loopback(port);
  return ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

DnsServer::DnsServer(Answer answer) : answer_(std::move(answer)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    udpSocket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    tcpSocket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (bindTo(udpSocket_, 0) && ::getsockname(udpSocket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      port_ = ntohs(address.sin_port);
      if (bindTo(tcpSocket_, port_) && ::listen(tcpSocket_, 8) == 0) {
        thread_ = std::thread([this] { run(); });
        return;
      }
    }
    ::close(udpSocket_);
    ::close(tcpSocket_);
  }
  throw std::runtime_error("no port for the test name server");
}

DnsServer::~DnsServer() {
  std::uint64_t one = 1;
  if (::write(stop_, &one, sizeof one) == sizeof one) thread_.join();
  for (int fd : {udpSocket_, tcpSocket_, stop_}) ::close(fd);
}

Endpoint DnsServer::endpoint() const { return {*IpAddress::parse("127.0.0.1"), port_}; }

void DnsServer::run() {
  for (;;) {
    pollfd waiting[3] = {{udpSocket_, POLLIN, 0}, {tcpSocket_, POLLIN, 0}, {stop_, POLLIN, 0}};
    if (::poll(waiting, 3, -1) < 0 || waiting[2].revents != 0) return;
    if (waiting[0].revents != 0) {
      char buffer[4096];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto n = ::recvfrom(udpSocket_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n <= 0) continue;
      ++udp_;
      for (const auto& packet : answer_(std::string(buffer, static_cast<std::size_t>(n)), false)) {
        ::sendto(udpSocket_, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    }
    if (waiting[1].revents != 0) serveTcp();
  }
}

void DnsServer::serveTcp() {
  int fd = ::accept4(tcpSocket_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  ++tcp_;
  unsigned char length[2];
  if (::recv(fd, length, 2, MSG_WAITALL) == 2) {
    std::string query(static_cast<std::size_t>(length[0] << 8 | length[1]), '\0');
    if (::recv(fd, query.data(), query.size(), MSG_WAITALL) == static_cast<ssize_t>(query.size())) {
      for (const auto& packet : answer_(query, true)) {
        std::string framed{static_cast<char>(packet.size() >> 8), static_cast<char>(packet.size() & 0xff)};
        framed += packet;
        ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
      }
    }
  }
  ::close(fd);
}

namespace {

void pushAll(ldns_rr_list* list, const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    ldns_rr* rr = nullptr;
    if (ldns_rr_new_frm_str(&rr, line.c_str(), 0, nullptr, nullptr) != LDNS_STATUS_OK) throw std::invalid_argument("bad record: " + line);
    ldns_rr_list_push_rr(list, rr);
  }
}

}  // namespace

std::string replyTo(const std::string& query, const Reply& reply) {
  ldns_pkt* raw = nullptr;
  if (ldns_wire2pkt(&raw, reinterpret_cast<const std::uint8_t*>(query.data()), query.size()) != LDNS_STATUS_OK) {
    throw std::invalid_argument("query cannot be parsed");
  }
  std::unique_ptr<ldns_pkt, void (*)(ldns_pkt*)> packet(raw, ldns_pkt_free);
  ldns_pkt_set_qr(raw, true);
  ldns_pkt_set_ra(raw, true);
  ldns_pkt_set_ad(raw, reply.authentic);
  ldns_pkt_set_tc(raw, reply.truncated);
  ldns_pkt_set_rcode(raw, static_cast<std::uint8_t>(reply.rcode));
  pushAll(ldns_pkt_answer(raw), reply.answer);
  pushAll(ldns_pkt_authority(raw), reply.authority);
  ldns_pkt_set_ancount(raw, static_cast<std::uint16_t>(reply.answer.size()));
  ldns_pkt_set_nscount(raw, static_cast<std::uint16_t>(reply.authority.size()));
  if (reply.extendedCode >= 0) {
    std::string option{'\0', '\x0f', '\0', static_cast<char>(reply.extendedText.size() + 2), static_cast<char>(reply.extendedCode >> 8),
                       static_cast<char>(reply.extendedCode & 0xff)};
    option += reply.extendedText;
    ldns_pkt_set_edns_data(raw, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, option.size(), option.data()));
  }
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&wire, raw, &size) != LDNS_STATUS_OK) throw std::runtime_error("reply cannot be written");
  std::string out(reinterpret_cast<char*>(wire), size);
  LDNS_FREE(wire);
  return out;
}

}  // namespace mox::test
