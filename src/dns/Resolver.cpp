#include "dns/Resolver.h"

#include <algorithm>
#include <utility>

namespace mox::dns {

std::string_view typeName(Type type) {
  switch (type) {
    case Type::a: return "A";
    case Type::ns: return "NS";
    case Type::cname: return "CNAME";
    case Type::ptr: return "PTR";
    case Type::mx: return "MX";
    case Type::txt: return "TXT";
    case Type::aaaa: return "AAAA";
    case Type::srv: return "SRV";
    case Type::tlsa: return "TLSA";
    case Type::caa: return "CAA";
  }
  return "unknown";
}

template <class T>
Lookup<T> Resolver::typed(Type type, std::string_view name, const Ask& ask) {
  auto got = query(type, name, ask);
  if (!got) return tl::unexpected(std::move(got.error()));
  Answer<T> out{{}, got->authentic, got->ttl, std::move(got->name)};
  out.records.reserve(got->records.size());
  for (auto& record : got->records) out.records.push_back(std::get<T>(std::move(record)));
  return out;
}

Lookup<IpAddress> Resolver::a(std::string_view name, const Ask& ask) { return typed<IpAddress>(Type::a, name, ask); }
Lookup<IpAddress> Resolver::aaaa(std::string_view name, const Ask& ask) { return typed<IpAddress>(Type::aaaa, name, ask); }
Lookup<Mx> Resolver::mx(std::string_view name, const Ask& ask) { return typed<Mx>(Type::mx, name, ask); }
Lookup<std::string> Resolver::txt(std::string_view name, const Ask& ask) { return typed<std::string>(Type::txt, name, ask); }
Lookup<std::string> Resolver::cname(std::string_view name, const Ask& ask) { return typed<std::string>(Type::cname, name, ask); }
Lookup<std::string> Resolver::ns(std::string_view name, const Ask& ask) { return typed<std::string>(Type::ns, name, ask); }
Lookup<Srv> Resolver::srv(std::string_view name, const Ask& ask) { return typed<Srv>(Type::srv, name, ask); }
Lookup<Tlsa> Resolver::tlsa(std::string_view name, const Ask& ask) { return typed<Tlsa>(Type::tlsa, name, ask); }
Lookup<std::string> Resolver::ptr(const IpAddress& ip, const Ask& ask) {
  return typed<std::string>(Type::ptr, ip.reverseName(), ask);
}
Lookup<Caa> Resolver::caa(std::string_view name, const Ask& ask) { return typed<Caa>(Type::caa, name, ask); }

Lookup<IpAddress> Resolver::addresses(std::string_view name, const Ask& ask) {
  auto four = a(name, ask);
  auto six = aaaa(name, ask);
  if (four && six) {
    four->records.insert(four->records.end(), six->records.begin(), six->records.end());
    four->authentic = four->authentic && six->authentic;
    four->ttl = std::min(four->ttl, six->ttl);
    return four;
  }
  if (four) return four;
  if (six) return six;
  // The worse news wins: "not there" is only true if both families say so.
  return four.error().notFound() ? six : four;
}

}  // namespace mox::dns
