#include "app/Serving.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <ostream>
#include <system_error>

#include "app/Privileges.h"
#include "base/Text.h"
#include "config/Document.h"
#include "config/Write.h"
#include "net/Sockets.h"

namespace mox::app {

namespace {

/// The static part with Pedantic set, whatever the file says. Text that does not parse is left to load() to complain of.
std::string withPedantic(const std::string& path, const std::string& text) {
  bool json = path.ends_with(".json");
  auto document = json ? config::parseJson(path, text) : config::parseSconf(path, text);
  if (json) {
    auto whole = config::read<config::Whole>(document);
    whole.fixed.pedantic = true;
    return document.ok() ? config::writeJson(whole) : text;
  }
  auto fixed = config::read<config::Static>(document);
  fixed.pedantic = true;
  auto written = config::writeSconf(fixed);
  return document.ok() && written ? *written : text;
}

config::FileReader pedanticFiles(std::string path) {
  auto disk = readableFiles();
  auto read = [path = std::move(path), disk](const std::string& wanted) -> Result<std::string> {
    auto text = disk(wanted);
    if (!text || wanted != path) return text;
    return withPedantic(path, *text);
  };
  return {std::move(read), [disk](const std::string& wanted) { return disk.look(wanted); }};
}

sigset_t waitedFor() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int signal : {SIGHUP, SIGINT, SIGTERM}) ::sigaddset(&set, signal);
  return set;
}

void notify(const std::string& state, Foundations& foundations) {
  auto sent = net::notifyManager(state);
  if (sent) return;
  if (sent.error().code == Errc::timeout) foundations.limits.hit(notifyWait, "NOTIFY_SOCKET");
  foundations.log.warn("cannot notify the service manager", {{"err", sent.error().text}});
}

std::string reloadingState() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // sd_notify(3) wants the manager's own clock
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}", static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000);
}

}  // namespace

LoadedConfig loadConfig(const std::string& path, bool pedantic, std::ostream& err, const config::LoadOptions& options) {
  auto files = pedantic ? pedanticFiles(path) : readableFiles();
  auto loaded = config::load(path, files, options);
  for (const auto& problem : loaded.errors) err << "error: " << problem.text() << "\n";
  return {loaded.config, std::move(files), std::move(loaded.warnings)};
}

Result<std::string> configuredDataDir(const std::string& path) {
  auto text = config::diskFiles()(path);
  if (!text) return fail(path, text.error());
  auto document = path.ends_with(".json") ? config::parseJson(path, *text) : config::parseSconf(path, *text);
  for (const auto& entry : document.root.entries)
    if (entry.key == "DataDir" && !entry.value.text.empty()) return config::resolvePath(config::directoryOf(path), entry.value.text);
  return fail(Errc::syntax, document.ok() ? path + ": has no DataDir" : document.errors().front().text());
}

Result<std::optional<LogLevel>> logLevelOption(const Invocation& call) {
  if (call.logLevel.empty()) return std::optional<LogLevel>();
  auto level = parseLogLevel(call.logLevel);
  if (!level) return fail(Errc::syntax, "unknown log level " + printable(call.logLevel));
  return level;
}

void blockSignals() {
  auto set = waitedFor();
  ::sigaddset(&set, SIGPIPE);
  if (int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) throw std::system_error(error, std::generic_category(), "pthread_sigmask");
}

void runUntilStopped(Server& server, Foundations& foundations) {
  notify("READY=1\nSTATUS=serving mail\nMAINPID=" + std::to_string(::getpid()), foundations);
  auto set = waitedFor();
  for (;;) {
    int signal = 0;
    if (int error = ::sigwait(&set, &signal); error != 0) throw std::system_error(error, std::generic_category(), "sigwait");
    if (signal != SIGHUP) break;
    notify(reloadingState(), foundations);
    try {
      server.reload();
    } catch (const std::exception& broken) {  // the disk failed: the server goes on with what it has
      foundations.log.error("reload failed", {{"err", broken.what()}});
    }
    notify("READY=1", foundations);
  }
  notify("STOPPING=1", foundations);
  server.stop();
}

void notifyStatus(const std::string& status, bool busy, Foundations& foundations) {
  notify((busy ? fmt::format("EXTEND_TIMEOUT_USEC={}\n", busyPatience.count()) : "") + "STATUS=" + status, foundations);
}

void requestStopBySignal() { ::kill(::getpid(), SIGTERM); }

}  // namespace mox::app
