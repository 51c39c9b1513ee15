// Quickstart: from a domain to a server's configuration, keys and first account, in one go.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "app/Foundations.h"
#include "app/QuickstartChecks.h"

namespace mox::app {

struct QuickstartOptions {
  explicit QuickstartOptions(Address a) : address(std::move(a)) {}

  Address address;
  std::string user = "mox";
  std::optional<Domain> hostname;
  bool skipDial = false;
  bool existingWebserver = false;
  std::string directory = ".";     ///< config/, data/ and quickstart.log are made here; must not be there
  bool unit = true;                ///< writes mox.service
};

/// 0 if all went well; else nothing that it made is left but the log. Throws if the machine fails, with the same result.
int quickstart(const QuickstartOptions& options, QuickstartWorld& world, Foundations& foundations, std::ostream& out, std::ostream& err);

}  // namespace mox::app
