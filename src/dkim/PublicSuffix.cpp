#include "dkim/PublicSuffix.h"

#include <libpsl.h>

#include <stdexcept>

namespace mox::dkim {

PublicSuffixList::PublicSuffixList() : list_(::psl_latest(nullptr)) {
  if (list_ == nullptr) throw std::runtime_error("no public suffix list");
}

PublicSuffixList::PublicSuffixList(const std::string& file) : list_(::psl_load_file(file.c_str())) {
  if (list_ == nullptr) throw std::runtime_error("public suffix list cannot be read: " + file);
}

// Does nothing for the built-in list, which psl_latest() may return.
PublicSuffixList::~PublicSuffixList() { ::psl_free(list_); }

Domain PublicSuffixList::organisational(const Domain& domain) const {
  const char* found = ::psl_registrable_domain(list_, domain.ascii().c_str());
  if (found == nullptr) return domain;
  return Domain::make(found).value_or(domain);
}

bool PublicSuffixList::isRegistry(const Domain& domain) const {
  return ::psl_is_public_suffix2(list_, domain.ascii().c_str(), PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

}  // namespace mox::dkim
