#include "app/Localserve.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <stdexcept>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "config/Write.h"
#include "net/Keys.h"
#include "net/Sockets.h"

namespace mox::app {

namespace {

constexpr const char* selector = "localserve";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Loopback of both families, as far as this machine has them.
std::vector<IpAddress> loopback() {
  std::vector<IpAddress> out{*IpAddress::parse("127.0.0.1")};
  auto v6 = *IpAddress::parse("::1");
  if (net::listenTcp({v6, 0}, 1)) out.push_back(v6);
  return out;
}

template <class T>
void writeConfig(store::Files& files, const std::string& path, const T& part) {
  auto text = config::writeSconf(part, config::Comments::brief);
  if (!text) throw std::logic_error("configuration of localserve: " + text.error().text);
  writeNewFile(files, path, *text);
}

void makeAccount(Foundations& f, const std::string& path) {
  auto loaded = config::load(path);
  if (!loaded.ok()) throw std::logic_error("configuration of localserve: " + config::text(loaded.errors));
  Storage storage(f, loaded.config->dataDir());
  storage.createAccounts(*loaded.config);
  auto set = storage.setPassword(*loaded.config, std::string(localAccount), localPassword);
  if (!set) throw std::logic_error("password of localserve: " + set.error().text);
}

void explain(std::ostream& out, const Server& server, const std::string& path) {
  out << "mox localserve: a mail server for developing and testing. Any address gets mail, nothing leaves this machine.\n\n"
      << "  account        " << localAccount << "\n  address        " << localAddress << " (mox+anything@localhost does too)\n  password       "
      << localPassword << "\n  configuration  " << path << "\n";
  for (const auto& opened : server.listeners()) {
    std::string name(serviceName(opened.plan.service));
    out << "  " << name << std::string(15 - name.size(), ' ') << opened.at.text();
    if (opened.plan.service == Service::metrics) out << "  (http, /metrics)";
    else out << (name.ends_with('s') && name != "metrics" ? "  (TLS)" : "  (STARTTLS or plain)");
    out << "\n";
  }
  out << "\nThe certificate is self-signed, for localhost. Recipients whose name ends in temperror, permerror, timeout or three\n"
         "digits (550) fail so. Web pages are not available yet, their ports 1080 and 1443 are not opened.\n\nready"
      << std::endl;
}

bool listensOn(const config::Config& config, const IpAddress& ip) {
  const auto& all = config.listeners();
  return std::any_of(all.begin(), all.end(), [&](const auto& l) { return std::find(l.ips.begin(), l.ips.end(), ip) != l.ips.end(); });
}

struct LocalOptions {
  std::string directory;
  std::optional<IpAddress> ip;
  bool initOnly = false;
};

bool parse(Invocation& call, LocalOptions& options) {
  Flags flags;
  flags.text("dir", options.directory, "Directory for configuration and data; made on first use.")
      .parsed("ip", [&](std::string_view given) -> Result<void> {
        options.ip = IpAddress::parse(given);
        if (!options.ip) return fail(Errc::syntax, "must be an IP address");
        return {};
      }, "Address to listen on instead of loopback.")
      .toggle("initonly", options.initOnly, "Write the files and end.");
  return parseFlags(call, flags, 0, 0);
}

int serveLocal(Invocation& call, Foundations& foundations, const std::string& path, const LocalOptions& options, std::optional<LogLevel> level) {
  auto loaded = loadConfig(path, call.pedantic, call.err);
  if (!loaded.config) return 1;
  foundations.setLevels(loaded.config->fixed(), level);
  for (const auto& problem : loaded.warnings) foundations.log.warn("configuration", {{"problem", problem.text()}});
  if (options.ip && !listensOn(*loaded.config, *options.ip))
    return call.err << "error: " << path << " is there already and listens elsewhere than " << options.ip->text() << "; give another -dir\n", 1;
  auto certificates = readCertificates(*loaded.config, loaded.files);
  if (!certificates) return call.err << "error: " << certificates.error().text << "\n", 1;
  auto bound = getSockets(planSockets(*loaded.config), {}, foundations.log);
  if (!bound) return call.err << "error: " << bound.error().text << "\n", 1;
  ServerOptions server;
  server.configPath = path;
  server.config = loaded.config;
  server.files = loaded.files;
  server.certificates = std::move(*certificates);
  server.sockets = std::move(*bound);
  server.localserve = true;
  server.requestStop = &requestStopBySignal;
  Server running(std::move(server), foundations);
  explain(call.out, running, path);
  runUntilStopped(running, foundations);
  return 0;
}

}  // namespace

config::Static localStatic(const std::vector<IpAddress>& ips) {
  config::Static out;
  out.dataDir = "data";
  out.logLevel = "traceauth";
  out.hostname = "localhost";
  out.pedantic = true;
  out.postmaster = {std::string(localAccount), "Postmaster"};
  out.initialMailboxes.specialUse = {"Sent", "Archive", "Trash", "Drafts", "Junk"};
  auto& listener = out.listeners["local"];
  for (const auto& ip : ips) listener.ips.push_back(ip.text());
  listener.tls.emplace().keyCerts.push_back({"localhost.cert.pem", "localhost.key.pem"});
  listener.smtp.enabled = true;
  listener.smtp.port = localSmtpPort;
  listener.smtp.firstTimeSenderDelay = Duration(0);
  listener.submission = {true, 1587, true};
  listener.submissions = {true, 1465, false};
  listener.imap = {true, 1143, true};
  listener.imaps = {true, 1993, false};
  listener.metricsHttp = {true, 1081};
  return out;
}

config::Dynamic localDynamic() {
  config::Dynamic out;
  auto& domain = out.domains["localhost"];
  domain.localpartCatchallSeparator = "+";
  auto& key = domain.dkim.selectors[selector];
  key.hash = "sha256";
  key.canonicalization = {true, true};
  key.privateKeyFile = std::string("dkim/") + selector + ".privatekey.pkcs8.pem";
  domain.dkim.sign = {selector};
  auto& account = out.accounts[std::string(localAccount)];
  account.domain = "localhost";
  account.destinations[std::string(localAddress)];
  account.noFirstTimeSenderDelay = true;
  return out;
}

std::string defaultLocalDirectory() {
  auto base = environment("XDG_CONFIG_HOME");
  if (base.empty() && !environment("HOME").empty()) base = environment("HOME") + "/.config";
  if (base.empty()) throw std::runtime_error("neither XDG_CONFIG_HOME nor HOME is set; give -dir");
  return base + "/mox-localserve";
}

std::string prepareLocal(Foundations& f, const std::string& directory, const std::vector<IpAddress>& ips) {
  auto path = directory + "/mox.conf";
  if (f.files.size(path) >= 0) return path;
  f.files.makeDirectory(directory + "/dkim");
  // What a start that was interrupted left behind; mox.conf comes last, so that its being there says that all is.
  for (const char* name : {"localhost.cert.pem", "localhost.key.pem", "domains.conf", "mox.conf.new"}) f.files.remove(directory + "/" + name);
  auto dynamic = localDynamic();
  auto keyFile = directory + "/" + dynamic.domains["localhost"].dkim.selectors[selector].privateKeyFile;
  f.files.remove(keyFile);
  writeNewFile(f.files, keyFile, net::generateEd25519());
  std::vector<std::string> names{"localhost"};
  for (const auto& ip : ips) names.push_back(ip.text());
  auto certificate = net::selfSigned(names, f.clock, f.random);
  writeNewFile(f.files, directory + "/localhost.cert.pem", certificate.chain);
  writeNewFile(f.files, directory + "/localhost.key.pem", certificate.key);
  writeConfig(f.files, directory + "/domains.conf", dynamic);
  writeConfig(f.files, path + ".new", localStatic(ips));
  makeAccount(f, path + ".new");
  f.files.rename(path + ".new", path);
  f.files.syncDirectory(directory);
  return path;
}

int commandLocalserve(Invocation& call) {
  LocalOptions options;
  if (!parse(call, options)) return 2;
  auto level = logLevelOption(call);
  if (!level) return call.err << level.error().text << "\n", 2;
  ::umask(007);
  blockSignals();
  Foundations foundations(&writeToStderr, level->value_or(LogLevel::error));
  net::raiseFileLimit();
  auto directory = options.directory.empty() ? defaultLocalDirectory() : options.directory;
  auto path = prepareLocal(foundations, directory, options.ip ? std::vector{*options.ip} : loopback());
  if (options.initOnly) return call.out << "configuration in " << directory << "\n", 0;
  return serveLocal(call, foundations, path, options, *level);
}

}  // namespace mox::app
