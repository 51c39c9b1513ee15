// Commands that read the configuration and print.
#include <istream>
#include <iterator>
#include <map>
#include <ostream>

#include "app/Applied.h"
#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/DnsCheck.h"
#include "app/DnsFormats.h"
#include "app/Privileges.h"
#include "app/Resolvers.h"
#include "app/Serving.h"
#include "app/SystemdUnit.h"
#include "base/Text.h"
#include "config/Write.h"

namespace mox::app {

namespace {

constexpr int exitChanges = 3;  ///< of "config plan -exitcode": there is something to change

}  // namespace

int commandConfigCheck(Invocation& call) {
  config::LoadOptions options;
  Flags flags;
  flags.toggle("no-secrets", options.withoutSecrets, "do not look for files with secrets");
  if (!parseFlags(call, flags, 0, 1)) return 2;
  config::Loaded loaded;
  if (!call.args.empty() && call.args[0] == "-") {
    std::string text(std::istreambuf_iterator<char>(call.in), {});
    loaded = config::loadText("stdin.json", text, text, config::diskFiles(), options);
  } else {
    loaded = config::load(call.args.empty() ? call.configPath : call.args[0], readableFiles(), options);
  }
  for (const auto& problem : loaded.errors) call.err << "error: " << problem.text() << "\n";
  for (const auto& problem : loaded.warnings) call.err << "warning: " << problem.text() << "\n";
  if (!loaded.ok()) return 1;
  call.out << "config OK\n";
  return 0;
}

int commandConfigPlan(Invocation& call) {
  bool exitCode = false;
  Flags flags;
  flags.toggle("exitcode", exitCode, "status 3 if there is anything to change");
  if (!parseFlags(call, flags, 0, 0)) return 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  for (const auto& problem : loaded.warnings) call.err << "warning: " << problem.text() << "\n";
  if (!loaded.config) return 1;
  const auto& dataDir = loaded.config->dataDir();
  auto record = loaded.files(appliedPath(dataDir)), key = loaded.files(saltKeyPath(dataDir));
  for (const auto* read : {&record, &key}) {
    if (*read || read->error().code == Errc::notFound) continue;
    return call.err << "error: the record of what was applied, in " << dataDir << ": " << read->error().text << "\n", 1;
  }
  auto before = readApplied(loaded.files, dataDir);
  if (before.empty()) call.err << "nothing was applied yet: all is new\n";
  auto changes = plan(before, Applied::of(*loaded.config, loaded.files, key.value_or(""), before));
  // Before the first start nothing runs that would have to be started again.
  for (const auto& change : changes) call.out << (before.empty() ? change.text : change.line()) << "\n";
  if (changes.empty()) call.out << "nothing to change\n";
  return exitCode && !changes.empty() ? exitChanges : 0;
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
  call.out << systemdUnit(configuredUnit(call.configPath));
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
  call.out << printRecords(*records, RecordFormat::mox);
  return 0;
}

int commandDnsCheck(Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto domain = Domain::make(call.args[0]);
  if (!domain) return call.err << "error: " << domain.error().text << "\n", 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) return 1;
  Foundations foundations(&writeToStderr, LogLevel::error);
  auto resolver = systemResolver(foundations);
  std::map<DnsFinding::Level, int> counts;
  auto tell = [&](const DnsFinding& finding) {
    ++counts[finding.level];
    call.out << findingText(finding) << std::flush;
  };
  auto done = checkDns(*loaded.config, *domain, {*resolver, foundations.clock, loaded.files, tell});
  if (!done) return call.err << "error: " << done.error().text << "\n", 1;
  auto errors = counts[DnsFinding::Level::error];
  call.out << counts[DnsFinding::Level::ok] << " ok, " << counts[DnsFinding::Level::warning] << " to consider, " << errors << " wrong\n";
  return errors == 0 ? 0 : 1;
}

int commandDnsRecordsFormatted(Invocation& call) {
  auto format = RecordFormat::zone;
  Flags flags;
  flags.parsed("format", [&](std::string_view name) -> Result<void> {
    auto known = recordFormat(name);
    if (!known) return fail(Errc::syntax, "a format is zone, json or nsupdate");
    format = *known;
    return {};
  }, "zone, json or nsupdate");
  if (!parseFlags(call, flags, 0, 1)) return 2;
  auto domain = call.args.empty() ? Result<Domain>(fail(Errc::notFound, "")) : Domain::make(call.args[0]);
  if (!domain && !call.args.empty()) return call.err << "error: " << domain.error().text << "\n", 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) return 1;
  auto records = domain ? dnsRecords(*loaded.config, *domain, loaded.files, DnssecState::unknown)
                        : allDnsRecords(*loaded.config, loaded.files, DnssecState::unknown);
  if (!records) return call.err << "error: " << records.error().text << "\n", 1;
  call.out << printRecords(*records, format);
  for (const auto& problem : records->problems) call.err << "error: " << problem << "\n";
  return records->problems.empty() ? 0 : 1;
}

}  // namespace mox::app
