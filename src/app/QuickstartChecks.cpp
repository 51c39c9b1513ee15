#include "app/QuickstartChecks.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <ostream>
#include <system_error>

#include "net/Sockets.h"

namespace mox::app {

namespace {

constexpr Duration lookupLimit = std::chrono::seconds(10);
constexpr Duration blockListLimit = std::chrono::seconds(5);
constexpr Duration dialLimit = std::chrono::seconds(10);
constexpr const char* blockLists[] = {"sbl.spamhaus.org", "bl.spamcop.net"};
/// Has many connections a second and answers on port 25 for everybody: if it does not, our provider is in between.
constexpr const char* dialDomain = "gmail.com.";

std::string list(const std::vector<IpAddress>& ips) {
  std::string out;
  for (const auto& ip : ips) out += (out.empty() ? "" : ", ") + ip.text();
  return out.empty() ? "none" : out;
}

std::vector<IpAddress> listOf(const std::vector<IpAddress>& a, const std::vector<IpAddress>& b) {
  auto out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

}  // namespace

HostAddresses interfaceAddresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) throw std::system_error(errno, std::generic_category(), "listing network interfaces");
  std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  std::map<std::string, std::vector<IpAddress>> byInterface;
  for (auto* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    auto family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    auto ip = net::fromSockaddr(storage).ip;
    bool linkLocal = !ip.isV4() && ip.masked(10) == *IpAddress::parse("fe80::");
    if (!linkLocal) byInterface[entry->ifa_name].push_back(ip);  // needs a zone: nobody can be told to use it
  }
  HostAddresses out;
  for (const auto& [name, ips] : byInterface) {
    bool isPrivate = std::any_of(ips.begin(), ips.end(), [](const auto& ip) { return ip.isPrivate() || ip.isLoopback(); });
    for (const auto& ip : ips) (ip.isLoopback() ? out.loopback : isPrivate ? out.privateIps : out.publicIps).push_back(ip);
  }
  return out;
}

bool dialTcp(const Endpoint& to, Duration timeout) {
  sockaddr_storage address{};
  auto size = net::toSockaddr(to, address);
  net::Fd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd wait{fd.get(), POLLOUT, 0};
  auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  if (::poll(&wait, 1, static_cast<int>(milliseconds)) != 1) return false;
  int error = 0;
  socklen_t errorSize = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &errorSize) == 0 && error == 0;
}

dns::Ask QuickstartChecks::ask(Duration limit) const { return dns::Ask(world_.clock.steady() + limit, "quickstart"); }

void QuickstartChecks::warn(const std::string& text) { out_ << "\nWARNING: " << text << "\n\n"; }

void QuickstartChecks::checkResolver() {
  out_ << "Checking DNS and DNSSEC ... " << std::flush;
  auto com = world_.resolver.ns("com.", ask(lookupLimit));
  if (!com && !com.error().notFound()) {
    offline_ = true;
    out_ << "no answer\n";
    return warn(fmt::format("the name servers of this machine (/etc/resolv.conf) do not answer: {}. All checks that need DNS are left out; run\n"
                            "quickstart again elsewhere, or check by hand what it would have checked.", com.error().text));
  }
  if (com && com->authentic) {
    out_ << "ok\n";
    return;
  }
  out_ << "not verified\n";
  warn("the name servers of this machine do not check DNSSEC, or are not trusted to. Without it the server cannot use DANE, so somebody\n"
       "between mail servers can read mail unnoticed. Install unbound on this machine, let /etc/resolv.conf say \"nameserver 127.0.0.1\" and\n"
       "\"options edns0 trust-ad\", and see that nothing overwrites that.");
}

std::optional<Domain> QuickstartChecks::hostnameByReverse() {
  for (const auto& ip : world_.addresses.publicIps) {
    auto names = world_.resolver.ptr(ip, ask(lookupLimit));
    if (!names) continue;
    if (auto domain = Domain::make(names->records.front())) return *domain;
  }
  return std::nullopt;
}

Domain QuickstartChecks::findHostname(const Domain& emailDomain, const std::optional<Domain>& given) {
  if (given) return *given;
  if (world_.osHostname.find('.') != std::string::npos) {
    if (auto own = Domain::make(world_.osHostname)) return *own;
  }
  if (!offline_) {
    if (auto reverse = hostnameByReverse()) return *reverse;
  }
  auto label = world_.osHostname.empty() ? std::string("mail") : world_.osHostname.substr(0, world_.osHostname.find('.'));
  auto guessed = Domain::make(label + "." + emailDomain.ascii());
  auto name = guessed ? *guessed : emailDomain;
  warn(fmt::format("the name of this machine is a guess: {}. If it is wrong, run quickstart again with -hostname.", name.unicode()));
  return name;
}

void QuickstartChecks::checkHost(QuickstartFacts& facts) {
  auto name = facts.hostname.ascii() + ".";
  out_ << "Looking up " << name << " ... " << std::flush;
  auto found = world_.resolver.addresses(name, ask(lookupLimit));
  const auto& own = world_.addresses;
  if (!found) {
    out_ << "not found\n";
    return warn(fmt::format("{} has no address in the DNS ({}). Other servers need A and AAAA records of it to deliver mail.", name, found.error().text));
  }
  out_ << list(found->records) << "\n";
  facts.dnssec = found->authentic ? DnssecState::secure : DnssecState::insecure;
  if (!found->authentic) out_ << "The zone of the host is not signed with DNSSEC, or not verified: DANE will not protect mail to it.\n";
  bool loops = std::any_of(found->records.begin(), found->records.end(), [](const auto& ip) { return ip.isLoopback(); });
  if (loops) warn("the name leads to loopback; that often comes from /etc/hosts. It must lead to the public addresses.");
  if (own.publicIps.empty() && !loops) {
    for (const auto& ip : found->records)
      if (!ip.isPrivate()) facts.natIps.push_back(ip);
    if (!facts.natIps.empty()) out_ << "This machine has private addresses only: mail to " << list(facts.natIps) << " must be forwarded to it.\n";
  }
  for (const auto& ip : found->records) {
    bool known = !own.publicIps.empty() && std::find(own.publicIps.begin(), own.publicIps.end(), ip) != own.publicIps.end();
    if (!own.publicIps.empty() && !known && !ip.isLoopback()) warn(fmt::format("{} is not an address of this machine, but {} leads there.", ip.text(), name));
  }
  checkReverse(facts, facts.natIps.empty() ? own.publicIps : facts.natIps);
}

void QuickstartChecks::checkReverse(const QuickstartFacts& facts, const std::vector<IpAddress>& ips) {
  auto wanted = facts.hostname.ascii() + ".";
  for (const auto& ip : ips) {
    auto names = world_.resolver.ptr(ip, ask(lookupLimit));
    bool right = names && names->records.size() == 1 && names->records.front() == wanted;
    out_ << "Reverse name of " << ip.text() << ": " << (names ? names->records.front() : "none") << "\n";
    if (!right) warn(fmt::format("the reverse name of {} should be {} and nothing else; many servers refuse mail otherwise. Whoever gave you the address sets it.", ip.text(), wanted));
  }
}

void QuickstartChecks::checkDial() {
  out_ << "Connecting to port 25 of another mail server ... " << std::flush;
  auto mx = world_.resolver.mx(dialDomain, ask(lookupLimit));
  auto ips = mx ? world_.resolver.a(mx->records.front().host, ask(lookupLimit)) : dns::Lookup<IpAddress>(tl::unexpected(mx.error()));
  if (!ips) {
    out_ << "not tried, " << ips.error().text << "\n";
    return;
  }
  if (world_.dial({ips->records.front(), 25}, dialLimit)) {
    out_ << "ok\n";
    return;
  }
  out_ << "failed\n";
  warn("no connection to port 25 of other servers: mail cannot be sent. Many providers open the port on request.");
}

void QuickstartChecks::checkBlockLists(const std::vector<IpAddress>& ips) {
  for (const auto& ip : ips) {
    auto reverse = ip.reverseName();
    auto labels = reverse.substr(0, reverse.rfind(ip.isV4() ? "in-addr.arpa." : "ip6.arpa."));
    for (const char* zone : blockLists) {
      auto listed = world_.resolver.a(labels + zone + ".", ask(blockListLimit));
      if (!listed && listed.error().notFound()) continue;
      if (listed) warn(fmt::format("{} is on the block list {}: others will refuse its mail. See the list's web site on how to get off.", ip.text(), zone));
      else out_ << "Block list " << zone << " gave no answer for " << ip.text() << ": " << listed.error().text << "\n";
    }
  }
}

QuickstartFacts QuickstartChecks::run(const Domain& emailDomain, const std::optional<Domain>& given, bool skipDial) {
  checkResolver();
  const auto& own = world_.addresses;
  out_ << "Addresses of this machine: public " << list(own.publicIps) << "; private " << list(listOf(own.privateIps, own.loopback)) << "\n";
  QuickstartFacts facts(findHostname(emailDomain, given));
  out_ << "Host name: " << facts.hostname.unicode() << "\n";
  if (offline_) return facts;
  checkHost(facts);
  if (!skipDial) checkDial();
  checkBlockLists(facts.natIps.empty() ? own.publicIps : facts.natIps);
  return facts;
}

}  // namespace mox::app
