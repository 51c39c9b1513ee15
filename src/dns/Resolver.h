// Resolver: every DNS question of the server goes through one of these.
//
// Calls block, so they belong on job-pool threads, never on an engine worker. All resolvers are thread safe.
// Names are absolute ("example.org."): a search list would let the local domain answer for strangers.
// CNAMEs are followed; Answer::name says where they led.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "dns/Answer.h"

namespace mox::dns {

/// When to give up, and for whom we ask ("spf", "dkim"): a label of the lookup metric.
struct Ask {
  Ask(Steady until, std::string_view room = "other") : deadline(until), pkg(room) {}  // NOLINT: a bare deadline is fine
  Steady deadline;
  std::string_view pkg;
  /// Nothing remembered will do: somebody has changed the DNS and waits for it to be seen.
  bool fresh = false;
};

class Resolver {
 public:
  virtual ~Resolver() = default;

  /// The one question all others are made of. The records are of the alternative that Record says for `type`.
  virtual Lookup<Record> query(Type type, std::string_view name, const Ask& ask) = 0;
  /// What query() would give, if nobody need be asked for it. Does not block: any thread. Of each class its own answer: one that
  /// hands questions on and forgot this would send all of its callers the long way.
  virtual std::optional<Lookup<Record>> recall(Type type, std::string_view name, const Ask& ask) = 0;

  Lookup<IpAddress> a(std::string_view name, const Ask& ask);
  Lookup<IpAddress> aaaa(std::string_view name, const Ask& ask);
  /// Both families. Errors of one family are reported only if the other has no address; authentic only if all
  /// the addresses are.
  Lookup<IpAddress> addresses(std::string_view name, const Ask& ask);
  /// Unsorted; a null MX is one record with host ".".
  Lookup<Mx> mx(std::string_view name, const Ask& ask);
  /// One string a record: its character-strings joined without spaces (RFC 7208 §3.3). Any octets.
  Lookup<std::string> txt(std::string_view name, const Ask& ask);
  /// Host names of an address.
  Lookup<std::string> ptr(const IpAddress& ip, const Ask& ask);
  /// The alias itself, one step.
  Lookup<std::string> cname(std::string_view name, const Ask& ask);
  Lookup<std::string> ns(std::string_view name, const Ask& ask);
  Lookup<Srv> srv(std::string_view name, const Ask& ask);
  Lookup<Tlsa> tlsa(std::string_view name, const Ask& ask);
  Lookup<Caa> caa(std::string_view name, const Ask& ask);

 private:
  template <class T>
  Lookup<T> typed(Type type, std::string_view name, const Ask& ask);
};

}  // namespace mox::dns
