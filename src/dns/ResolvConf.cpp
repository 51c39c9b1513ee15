#include "dns/ResolvConf.h"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "base/Text.h"

namespace mox::dns {

namespace {

constexpr std::uint16_t dnsPort = 53;
constexpr std::size_t maxFileOctets = 64 * 1024;

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < line.size();) {
    if (isWsp(line[at])) {
      ++at;
      continue;
    }
    auto end = line.find_first_of(" \t", at);
    if (end == std::string_view::npos) end = line.size();
    out.push_back(line.substr(at, end - at));
    at = end;
  }
  return out;
}

}  // namespace

NameServers parseResolvConf(std::string_view text) {
  NameServers out;
  for (auto line : split(text, '\n')) {
    line = trim(line.substr(0, line.find_first_of("#;")));
    auto parts = words(line);
    if (parts.size() < 2) continue;
    if (parts[0] == "nameserver" && out.servers.size() < maxNameServers) {
      if (auto ip = IpAddress::parse(parts[1])) out.servers.push_back({*ip, dnsPort});
    } else if (parts[0] == "options") {
      for (auto option : parts) out.trustAd = out.trustAd || option == "trust-ad";
    }
  }
  if (out.servers.empty()) {
    out.servers = {{*IpAddress::parse("127.0.0.1"), dnsPort}, {*IpAddress::parse("::1"), dnsPort}};
  }
  return out;
}

NameServers ResolvConf::current() {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return parseResolvConf("");
  auto seen = seen_.lock();
  Seen now{info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size, info.st_ino, {}};
  if (now.seconds == seen->seconds && now.nanoseconds == seen->nanoseconds && now.size == seen->size && now.inode == seen->inode) {
    return seen->servers;
  }
  std::ifstream file(path_, std::ios::binary);
  std::string text(maxFileOctets, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  now.servers = parseResolvConf(text);
  *seen = std::move(now);
  return seen->servers;
}

}  // namespace mox::dns
