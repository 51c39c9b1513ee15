#include "dns/FakeResolver.h"

#include <algorithm>
#include <stdexcept>

#include "base/Text.h"
#include "dns/Name.h"
#include "dns/Packet.h"

namespace mox::dns {

namespace {

std::string absolute(std::string_view name) {
  auto text = lower(name);
  if (text.empty() || text.back() != '.') text += '.';
  return text;
}

IpAddress address(std::string_view text) {
  auto ip = IpAddress::parse(text);
  if (!ip) throw std::invalid_argument("not an IP address: " + std::string(text));
  return *ip;
}

}  // namespace

FakeResolver& FakeResolver::add(Type type, std::string_view name, Record record) {
  zone_.lock()->records[{absolute(name), type}].push_back(std::move(record));
  return *this;
}

FakeResolver& FakeResolver::a(std::string_view name, std::string_view ip) { return add(Type::a, name, address(ip)); }
FakeResolver& FakeResolver::aaaa(std::string_view name, std::string_view ip) { return add(Type::aaaa, name, address(ip)); }
FakeResolver& FakeResolver::mx(std::string_view name, std::uint16_t preference, std::string_view host) {
  return add(Type::mx, name, Mx{preference, absolute(host)});
}
FakeResolver& FakeResolver::txt(std::string_view name, std::string text) { return add(Type::txt, name, std::move(text)); }
FakeResolver& FakeResolver::ptr(std::string_view ip, std::string_view name) {
  return add(Type::ptr, address(ip).reverseName(), absolute(name));
}
FakeResolver& FakeResolver::cname(std::string_view name, std::string_view target) { return add(Type::cname, name, absolute(target)); }
FakeResolver& FakeResolver::ns(std::string_view name, std::string_view host) { return add(Type::ns, name, absolute(host)); }
FakeResolver& FakeResolver::srv(std::string_view name, Srv record) { return add(Type::srv, name, std::move(record)); }
FakeResolver& FakeResolver::tlsa(std::string_view name, Tlsa record) { return add(Type::tlsa, name, std::move(record)); }
FakeResolver& FakeResolver::caa(std::string_view name, Caa record) { return add(Type::caa, name, std::move(record)); }

FakeResolver& FakeResolver::fail(std::string_view name, Failure failure, std::optional<Type> type) {
  zone_.lock()->failures[{absolute(name), type}] = failure;
  return *this;
}

FakeResolver& FakeResolver::allAuthentic(bool authentic) {
  zone_.lock()->allAuthentic = authentic;
  return *this;
}

FakeResolver& FakeResolver::authentic(std::string_view name, bool authentic) {
  zone_.lock()->authentic[absolute(name)] = authentic;
  return *this;
}

FakeResolver& FakeResolver::ttl(std::chrono::seconds ttl) {
  zone_.lock()->ttl = ttl;
  return *this;
}

void FakeResolver::clear() { *zone_.lock() = Zone(); }

std::vector<std::string> FakeResolver::queries() const { return zone_.lock()->queries; }

bool FakeResolver::Zone::exists(const std::string& name) const {
  return std::any_of(records.begin(), records.end(),
                     [&](const auto& entry) { return entry.first.first == name || entry.first.first.ends_with("." + name); });
}

bool FakeResolver::Zone::isAuthentic(const std::string& name) const {
  auto marked = authentic.find(name);
  return marked == authentic.end() ? allAuthentic : marked->second;
}

std::optional<Failure> FakeResolver::Zone::failureOf(const std::string& name, Type type) const {
  for (auto which : {std::optional(type), std::optional<Type>()}) {
    if (auto found = failures.find({name, which}); found != failures.end()) return found->second;
  }
  return std::nullopt;
}

Lookup<Record> FakeResolver::Zone::find(Type type, std::string name) const {
  bool allOfIt = true;
  LookupError error;
  for (unsigned step = 0; step <= maxAliases; ++step) {
    allOfIt = allOfIt && isAuthentic(name);
    error.name = name;
    if (auto failure = failureOf(name, type)) {
      error.failure = *failure;
      error.text = "failure set for " + name;
      return tl::unexpected(error);
    }
    if (auto found = records.find({name, type}); found != records.end()) return Answer<Record>{found->second, allOfIt, ttl, name};
    auto alias = records.find({name, Type::cname});
    if (alias == records.end()) {
      error.failure = exists(name) ? Failure::noData : Failure::noName;
      error.text = error.failure == Failure::noData ? "no " + std::string(typeName(type)) + " records" : "no such name";
      error.authentic = allOfIt;
      error.ttl = ttl;
      return tl::unexpected(error);
    }
    name = std::get<std::string>(alias->second.front());
  }
  error.failure = Failure::malformed;
  error.text = "CNAME loop or chain too long";
  return tl::unexpected(error);
}

Lookup<Record> FakeResolver::query(Type type, std::string_view name, const Ask&) {
  if (auto wire = nameToWire(name); !wire) {
    LookupError error;
    error.failure = Failure::malformed;
    error.text = wire.error().text;
    return tl::unexpected(error);
  }
  auto zone = zone_.lock();
  zone->queries.push_back(std::string(typeName(type)) + " " + lower(name));
  return zone->find(type, lower(name));
}

}  // namespace mox::dns
