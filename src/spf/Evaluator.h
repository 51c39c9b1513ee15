// The state of one check_host() run: limits, lookups, macros. RFC 7208 §4, §5. Used by check() only.
#pragma once

#include <string>
#include <vector>

#include "spf/Record.h"
#include "spf/Spf.h"

namespace mox::spf {

class Evaluator {
 public:
  struct Outcome {
    Status status = Status::none;
    std::string mechanism;
    std::string reason;
    /// On fail: where the explanation is to be had, not yet expanded, and the domain of that record.
    std::string explanationSpec, explanationDomain;
  };

  Evaluator(dns::Resolver& resolver, const Clock& clock, const Arguments& arguments, Address sender, Steady deadline);

  /// Depth is bounded by maxDnsTerms: each level costs a term.
  Outcome checkHost(const std::string& domain);
  /// The printable, cut text of §6.2; "" for any trouble.
  std::string explain(const Outcome& outcome);
  bool authentic() const { return authentic_; }

 private:
  enum class Match { no, yes, temperror, permerror };
  struct Matched {
    Match match = Match::no;
    std::string reason;
  };

  Outcome evaluate(const std::string& domain, const Record& record);
  Outcome redirect(const std::string& domain, const std::string& spec);
  Matched match(const std::string& domain, const Directive& directive);
  Matched matchInclude(const std::string& target);
  Matched matchAddress(const std::string& target, const Directive& directive);
  Matched matchMx(const std::string& target, const Directive& directive);
  Matched matchPtr(const std::string& target);
  Matched matchExists(const std::string& target);
  bool inNetwork(const IpAddress& network, const Directive& directive) const;

  /// Domain-spec or the current domain, expanded and cut.
  Result<std::string> target(const std::string& domain, const std::string& spec);
  std::string macroValue(char letter, const std::string& domain);
  /// §5.5 and the macro "p": names of the client that lead back to it, validated once.
  const std::vector<std::string>& validatedNames();

  template <class T>
  std::optional<Matched> failed(const dns::Lookup<T>& lookup);
  dns::Lookup<IpAddress> addresses(const std::string& name);
  dns::Ask ask() const { return dns::Ask(deadline_, "spf"); }

  dns::Resolver& resolver_;
  const Clock& clock_;
  const Arguments& arguments_;
  Address sender_;
  Steady deadline_;
  unsigned terms_ = 0, voids_ = 0;
  bool authentic_ = true;
  std::optional<std::vector<std::string>> validated_;
  bool ptrAsked_ = false;
  Matched ptrTrouble_;
};

}  // namespace mox::spf
