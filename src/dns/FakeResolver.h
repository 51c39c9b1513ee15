// A zone in memory: for tests, and for localserve, which must work without a network.
//
// Names may be given with or without the final dot here; lookups want it. A name that exists only as parent of
// others gives noData, any other unknown name noName. Thread safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/Guarded.h"
#include "dns/Resolver.h"

namespace mox::dns {

class FakeResolver final : public Resolver {
 public:
  FakeResolver& a(std::string_view name, std::string_view ip);
  FakeResolver& aaaa(std::string_view name, std::string_view ip);
  FakeResolver& mx(std::string_view name, std::uint16_t preference, std::string_view host);
  FakeResolver& txt(std::string_view name, std::string text);
  FakeResolver& ptr(std::string_view ip, std::string_view name);
  FakeResolver& cname(std::string_view name, std::string_view target);
  FakeResolver& ns(std::string_view name, std::string_view host);
  FakeResolver& srv(std::string_view name, Srv record);
  FakeResolver& tlsa(std::string_view name, Tlsa record);
  FakeResolver& caa(std::string_view name, Caa record);
  FakeResolver& add(Type type, std::string_view name, Record record);

  /// Lookups of the name (of that type, or of all) fail so.
  FakeResolver& fail(std::string_view name, Failure failure, std::optional<Type> type = std::nullopt);
  /// Whether answers are authentic: for all names not marked themselves (no at first), or for one name.
  FakeResolver& allAuthentic(bool authentic);
  FakeResolver& authentic(std::string_view name, bool authentic);
  /// Of all answers; 300 s at first.
  FakeResolver& ttl(std::chrono::seconds ttl);
  void clear();

  /// "TYPE name" of each query so far, in order.
  std::vector<std::string> queries() const;

  using Resolver::a, Resolver::aaaa, Resolver::mx, Resolver::txt, Resolver::ptr, Resolver::cname, Resolver::ns, Resolver::srv,
      Resolver::tlsa, Resolver::caa;
  Lookup<Record> query(Type type, std::string_view name, const Ask& ask) override;
  /// Nothing is kept: always none.
  std::optional<Lookup<Record>> recall(Type, std::string_view, const Ask&) override { return std::nullopt; }

 private:
  using Key = std::pair<std::string, Type>;
  struct Zone {
    std::map<Key, std::vector<Record>> records;
    std::map<std::pair<std::string, std::optional<Type>>, Failure> failures;
    std::map<std::string, bool> authentic;
    bool allAuthentic = false;
    std::chrono::seconds ttl{300};
    std::vector<std::string> queries;

    bool exists(const std::string& name) const;
    bool isAuthentic(const std::string& name) const;
    std::optional<Failure> failureOf(const std::string& name, Type type) const;
    Lookup<Record> find(Type type, std::string name) const;
  };
  mutable Guarded<Zone> zone_;
};

}  // namespace mox::dns
