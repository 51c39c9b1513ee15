// Commands that read the configuration and print.
#include <ostream>

#include "app/Commands.h"
#include "app/DnsRecords.h"
#include "app/Serving.h"
#include "app/SystemdUnit.h"
#include "base/Text.h"
#include "config/Write.h"

namespace mox::app {

int commandConfigTest(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  for (const auto& problem : loaded.warnings) call.err << "warning: " << problem.text() << "\n";
  if (!loaded.config) return 1;
  call.out << "config OK\n";
  return 0;
}

int commandDescribeStatic(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  call.out << config::describeSconf<config::Static>();
  return 0;
}

int commandDescribeDomains(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  call.out << config::describeSconf<config::Dynamic>();
  return 0;
}

int commandConfigSchema(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  call.out << config::jsonSchema<config::Whole>("mox configuration") << "\n";
  return 0;
}

int commandPrintService(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  call.out << systemdUnit(UnitPaths::ofThisProcess());
  return 0;
}

int commandDnsRecords(Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto domain = Domain::make(call.args[0]);
  if (!domain) return call.err << "error: " << domain.error().text << "\n", 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) return 1;
  auto records = dnsRecords(*loaded.config, *domain, loaded.files, DnssecState::unknown);
  if (!records) return call.err << "error: " << records.error().text << "\n", 1;
  for (const auto& line : *records) call.out << line << "\n";
  return 0;
}

}  // namespace mox::app
