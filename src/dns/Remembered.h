// Remembered: a resolver that asks nobody and answers from what another one remembers, so that it may be used where nobody
// may wait. What is not known is an exception, not an answer: whoever gets it starts anew in a job, with the other one.
#pragma once

#include <exception>

#include "dns/Resolver.h"

namespace mox::dns {

class NotRemembered final : public std::exception {
 public:
  const char* what() const noexcept override { return "the answer of DNS is not known yet"; }
};

class Remembered final : public Resolver {
 public:
  /// `from` outlives this.
  explicit Remembered(Resolver& from) : from_(from) {}

  /// Throws NotRemembered.
  Lookup<Record> query(Type type, std::string_view name, const Ask& ask) override {
    auto known = from_.recall(type, name, ask);
    if (!known) throw NotRemembered();
    return std::move(*known);
  }
  std::optional<Lookup<Record>> recall(Type type, std::string_view name, const Ask& ask) override { return from_.recall(type, name, ask); }

 private:
  Resolver& from_;
};

}  // namespace mox::dns
