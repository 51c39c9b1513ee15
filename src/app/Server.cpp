#include "app/Server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <ostream>
#include <stdexcept>
#include <thread>

#include "app/Acme.h"
#include "app/Applied.h"
#include "app/DataDir.h"
#include "app/DeclaredPasswords.h"
#include "app/DkimKeys.h"
#include "app/Listeners.h"
#include "app/Resolvers.h"
#include "app/ServerCommands.h"
#include "app/Storage.h"
#include "base/Date.h"
#include "login/Authenticator.h"
#include "net/JobPool.h"
#include "queue/Scheduler.h"

namespace mox::app {

namespace {

/// Password hashes burn CPU: no more at once than there are cores, and few enough waiting that none waits long.
net::JobPoolOptions passwordPool() {
  net::JobPoolOptions options;
  options.name = "password";
  options.maxThreads = std::max(2u, std::thread::hardware_concurrency());
  options.maxQueued = 100;
  return options;
}

/// These wait for name servers. Incoming and outgoing mail have a pool each: neither can take the other's place.
net::JobPoolOptions dnsPool(std::string name) {
  net::JobPoolOptions options;
  options.name = std::move(name);
  options.maxThreads = 64;
  return options;
}

queue::SchedulerOptions queueOptions(const ServerOptions& options, const std::string& dataDir) {
  queue::SchedulerOptions out;
  out.directory = dataDir + "/queue";
  if (!options.localserve) return out;
  for (const auto& socket : options.sockets)
    if (socket.plan.service == Service::smtp && !out.deliverAllTo) out.deliverAllTo = net::localEndpoint(socket.fd.get());
  return out;
}

}  // namespace

struct Server::State {
  State(ServerOptions given, Foundations& f);
  /// Also of a server that failed to start: sessions and jobs must be gone before what they use.
  ~State() { stop(Duration(0)); }
  void stop(Duration grace);
  void openListeners();
  void warnOfSelfSigned() const;
  /// At start: what the configuration asks of the data directory.
  void takeOver();
  std::function<void(std::size_t, std::size_t)> passwordsTold() const;
  /// What unknown logins cost, from what those of the configuration do.
  void useHashKinds(const config::Config& next);
  /// apply(), counted and told to the service manager. With `reloading` held.
  ReloadReport reload();
  ReloadReport apply();
  ReloadReport refused(const std::vector<config::Problem>& problems);
  void reloadCertificates(ReloadReport& report);
  /// Lines for who reloads.
  std::vector<std::string> warnOfExpired(const CertificateFiles& files);
  void useCertificates(const CertificateFiles& files, const std::function<void(const std::string&)>& complain);
  void startAcme();
  /// A command that found no control socket may have changed the file after it was read here. One that comes later finds it.
  void lookAgain();

  ServerOptions options;
  Foundations& foundations;
  Log log;
  config::ConfigSource config;
  std::string dataDir;
  Guarded<std::vector<std::shared_ptr<net::Fd>>> untilOver;  // goes after all that has files open: who asked for the stop waits for that
  std::unique_ptr<ServerResolver> resolver;
  Storage storage;
  AcmeFiles acmeFiles;
  AcmeProofs proofs;
  std::map<std::string, std::string> hostKeys;
  std::unique_ptr<Certificates> certificates;
  ExpiredFiles expired;
  std::map<std::string, std::string> hashes;  // declared ones, by account
  std::unique_ptr<net::JobPool> passwordJobs, dnsJobs, queueJobs;
  login::Authenticator authenticator;
  net::Engine engine;
  queue::Scheduler queue;
  imapserver::Services imap;
  smtpserver::Services smtp;
  std::unique_ptr<Listeners> listeners;
  Gauge& connections;
  MetricsSource metricsSource;
  std::vector<Opened> opened;
  std::unique_ptr<CtlServer> control;
  std::unique_ptr<Acme> acme;
  std::atomic<bool> ready{false}, ending{false};
  std::mutex reloading;  // held while the configuration changes
  std::mutex stopping;   // held while stopping, so that a second call returns when it is done
  bool stopped = false;
};

Server::State::State(ServerOptions given, Foundations& f)
    : options(std::move(given)),
      foundations(f),
      log(f.log),
      config(options.configPath, options.config, options.files),
      dataDir(options.config->dataDir()),
      resolver(options.localserve ? localResolver(*options.config) : systemResolver(f)),
      storage(f, dataDir),
      acmeFiles(f.files, dataDir, f.log.room("acme")),
      proofs(f.clock, f.random),
      hostKeys(hostKeysOf(options.certificates)),
      passwordJobs(std::make_unique<net::JobPool>(passwordPool(), f.metrics, f.log.room("net"))),
      dnsJobs(std::make_unique<net::JobPool>(dnsPool("dns"), f.metrics, f.log.room("net"))),
      queueJobs(std::make_unique<net::JobPool>(dnsPool("queue"), f.metrics, f.log.room("net"))),
      authenticator(login::Services{config, storage.accounts, storage.authDb, storage.passwords, *passwordJobs, f.clock, f.random,
                                    f.log.room("login"), f.metrics, storage.saltKey}),
      engine(net::EngineOptions(), f.clock, f.metrics, f.log.room("net")),
      queue(queueOptions(options, dataDir),
            queue::SchedulerServices{config, storage.accounts, *resolver, *queueJobs, engine, f.files, f.clock, f.random, f.metrics, f.log.room("queue")}),
      imap{config, storage.accounts, authenticator, f.clock, f.metrics, f.limits, f.log.room("imapserver")},
      smtp{config, storage.accounts, authenticator, queue, *resolver, *dnsJobs, storage.suffixes, storage.receivedId, f.clock, f.random, f.metrics,
           f.limits, f.log.room("smtpserver"), options.localserve},
      connections(f.metrics.gauge("mox_connections_count", "Open connections.")),
      metricsSource{[this] {
                      connections.set(static_cast<double>(engine.connections()));
                      return foundations.metricsText();
                    }, [this] { return ready.load(); }} {
  warnOfExpired(options.certificates);
  addAcmeCertificates(*options.config, acmeFiles, options.certificates);
  auto selfSigned = [this](const std::string& hostname, const std::string& hostKey) {
    return readOrMakeSelfSigned(foundations.files, foundations.random, foundations.clock, dataDir, hostname, hostKey);
  };
  auto made = Certificates::make(*options.config, std::move(options.certificates), {selfSigned, proofs, f.clock, f.random, f.metrics});
  if (!made) throw std::runtime_error(made.error().text);
  certificates = std::move(*made);
}

void Server::State::openListeners() {
  listeners = std::make_unique<Listeners>(ListenerServices{imap, smtp, metricsSource, *certificates, proofs, foundations.clock, foundations.limits, options.localserve});
  const auto& infos = options.config->listeners();
  for (auto& socket : options.sockets) {
    auto plan = socket.plan;
    auto listener = std::find_if(infos.begin(), infos.end(), [&](const auto& info) { return info.name == plan.listener; });
    if (listener == infos.end()) throw std::logic_error("socket of an unknown listener");
    opened.push_back({plan, listeners->open(engine, *listener, std::move(socket))});
    log.info("listening", {{"listener", plan.listener}, {"service", serviceName(plan.service)}, {"address", opened.back().at.text()}});
  }
  options.sockets.clear();
}

void Server::State::warnOfSelfSigned() const {
  for (const auto& name : certificates->selfSignedListeners())
    log.warn("the listener has a self-signed certificate, which clients do not trust, until ACME brings one", {{"listener", name}});
}

Server::Server(ServerOptions options, Foundations& foundations) : state_(std::make_unique<State>(std::move(options), foundations)) {
  auto& s = *state_;
  s.takeOver();
  s.queue.start();
  // Before the listeners: who sees a port answer may give commands.
  s.control = std::make_unique<CtlServer>(ctlPath(s.dataDir), [this](const CtlRequest& request, std::ostream& out, std::ostream& err) {
    auto server = parts();
    return runServerCommand(server, request, out, err);
  }, s.log.room("ctl"));
  s.openListeners();
  s.warnOfSelfSigned();
  s.startAcme();
  s.lookAgain();
  s.ready = true;
}

Server::~Server() = default;

ReloadReport Server::reload() {
  std::lock_guard hold(state_->reloading);
  return state_->reload();
}

Result<std::vector<std::string>> Server::changeDomains(const Changing& changing) {
  auto& s = *state_;
  std::lock_guard hold(s.reloading);
  ManagedFiles managed{s.options.configPath, s.config.current()->staticText(), s.options.files, s.foundations.files, std::chrono::seconds(configLockWait.value)};
  std::vector<std::string> edited;
  auto changed = app::changeDomains(managed, [&](Change& change) {
    auto before = readApplied(s.options.files, s.dataDir);
    for (const auto& edit : plan(before, Applied::of(change.config, s.options.files, s.storage.saltKey, before))) edited.push_back(edit.line());
    return changing(change);
  });
  if (!changed && changed.error().code == Errc::timeout) s.foundations.limits.hit(configLockWait, s.options.configPath);
  if (!changed) return tl::unexpected(changed.error());
  auto report = s.reload();
  if (!report) return fail(Errc::temporary, "domains.conf is changed, but was not taken over: " + report.errors.front());
  return edited;
}

std::function<void(std::size_t, std::size_t)> Server::State::passwordsTold() const {
  return [this](std::size_t done, std::size_t all) {
    if (options.onStatus) options.onStatus(fmt::format("taking passwords from files: {} of {}", done, all), true);
  };
}

void Server::State::useHashKinds(const config::Config& next) {
  hashes = declaredHashes(next, options.files, hashes);
  std::vector<std::string> given;
  for (const auto& [account, hash] : hashes) given.push_back(hash);
  storage.passwords.useKinds(given, next.accounts().size() - given.size());
}

void Server::State::takeOver() {
  if (!makeDkimKeys(foundations.files, *config.current(), log).empty()) {
    auto again = config.reload();
    if (!again.ok()) throw std::runtime_error(config::text(again.errors));
  }
  auto now = config.current();
  auto before = readApplied(options.files, dataDir);
  auto after = Applied::of(*now, options.files, storage.saltKey, before);
  auto passwords = derivePasswords(*now, options.files, before, after, storage, foundations, passwordsTold());
  if (!passwords) throw std::runtime_error(passwords.error().text);
  storage.createAccounts(*now);
  setPasswords(*passwords, storage, log);
  useHashKinds(*now);
  if (after == before) return;
  if (!before.empty())
    for (const auto& change : plan(before, after)) log.info("configuration", {{"change", change.text}});
  writeApplied(foundations.files, dataDir, after);
}

ReloadReport Server::State::refused(const std::vector<config::Problem>& problems) {
  ReloadReport out;
  for (const auto& problem : problems) out.errors.push_back(problem.text());
  for (const auto& error : out.errors) log.error("configuration", {{"problem", error}});
  log.error("configuration not reloaded, the one before stays");
  return out;
}

ReloadReport Server::State::apply() {
  auto prepared = config.prepare();
  if (prepared.next.ok() && !makeDkimKeys(foundations.files, *prepared.next.config, log).empty()) prepared = config.prepare();
  if (!prepared.next.ok()) return refused(prepared.next.errors);
  auto next = prepared.next.config;
  auto before = readApplied(options.files, dataDir);
  auto after = Applied::of(*next, options.files, storage.saltKey, before);
  auto passwords = derivePasswords(*next, options.files, before, after, storage, foundations, passwordsTold());
  if (!passwords) return refused({{options.configPath, 0, "", passwords.error().text}});

  // Nothing was changed so far, and from here on nothing is refused.
  ReloadReport out;
  out.ok = true;
  for (const auto& change : plan(before, Applied::of(*prepared.wanted, options.files, storage.saltKey, before))) out.changes.push_back(change.line());
  for (const auto& problem : prepared.next.warnings) out.warnings.push_back(problem.text());
  for (const auto& warning : out.warnings) log.warn("configuration", {{"problem", warning}});
  for (const auto& change : out.changes) log.info("configuration", {{"change", change}});
  if (out.changes.empty()) log.info("configuration reloaded, nothing changed");
  storage.createAccounts(*next);
  setPasswords(*passwords, storage, log);
  useHashKinds(*next);
  config.use(next);
  auto ended = imap.loggedIn->end([&](const std::string& name) {
    const auto* account = next->account(name);
    return account == nullptr || account->loginDisabled;
  });
  if (ended > 0) log.info("sessions ended, their accounts may not be used any more", {{"sessions", ended}});
  if (after != before) writeApplied(foundations.files, dataDir, after);
  reloadCertificates(out);
  if (acme) acme->wake();
  return out;
}

ReloadReport Server::State::reload() {
  auto count = [&](std::string result) {
    foundations.metrics.counter("mox_config_reload_total", "Reloads of the configuration, by result.", {{"result", std::move(result)}}).inc();
  };
  auto tell = [&](const std::string& status) {
    if (options.onStatus) options.onStatus(status, false);
  };
  try {
    auto out = apply();
    count(out.ok ? "ok" : "failed");
    tell(out.ok ? "serving mail" : "serving mail; the last reload was refused: " + out.errors.front());
    return out;
  } catch (...) {  // the disk failed: the server goes on with what it has
    count("failed");
    tell("serving mail; the last reload failed");
    throw;
  }
}

void Server::State::reloadCertificates(ReloadReport& report) {
  auto readable = readableCertificates(*config.current(), options.files);
  auto complain = [&](const std::string& error) {
    report.warnings.push_back("certificate not reloaded, the one before stays: " + error);
    log.error("certificate not reloaded, the one before stays", {{"err", error}});
  };
  for (const auto& error : readable.errors) complain(error.text);
  for (auto& warning : warnOfExpired(readable.files)) report.warnings.push_back(std::move(warning));
  useCertificates(readable.files, complain);
}

std::vector<std::string> Server::State::warnOfExpired(const CertificateFiles& files) {
  std::vector<std::string> out;
  for (const auto& [file, notAfter] : expired.untold(*config.current(), files, foundations.clock.now())) {
    log.warn("the certificate has expired", {{"file", file}, {"not_after", rfc3339Seconds(notAfter)}});
    out.push_back(file + ": the certificate has expired at " + rfc3339Seconds(notAfter));
  }
  return out;
}

void Server::State::useCertificates(const CertificateFiles& files, const std::function<void(const std::string&)>& complain) {
  auto all = files;
  addAcmeCertificates(*config.current(), acmeFiles, all);
  auto reloaded = certificates->reload(all);
  for (const auto& name : reloaded.changed) log.info("new certificate", {{"listener", name}});
  for (const auto& error : reloaded.errors) complain(error);
}

void Server::State::lookAgain() {
  std::lock_guard hold(reloading);
  auto now = options.files(config::dynamicPath(options.configPath));
  if (now && *now != config.current()->dynamicText()) reload();
}

void Server::State::startAcme() {
  acme = std::make_unique<Acme>(AcmeParts{foundations, config, options.files, *resolver, acmeFiles, proofs, hostKeys, [this] {
    std::lock_guard hold(reloading);
    useCertificates({}, [this](const std::string& error) { log.error("new certificate not used", {{"err", error}}); });
  }});
}

void Server::State::stop(Duration grace) {
  std::lock_guard hold(stopping);
  if (stopped) return;
  stopped = true;
  ready = false;
  ending = true;
  log.info("stopping");
  // Commands, the queue and the sessions have the same time, side by side: mail does not come in for as long as a command runs.
  // Where the machine has no thread left, one after the other.
  constexpr auto beside = std::launch::async | std::launch::deferred;
  auto commandsStop = std::async(beside, [&] { control.reset(); });
  queue.beginStop();
  auto queueStops = std::async(beside, [&] { queue.stop(grace); });
  engine.shutdown(grace);
  if (acme) acme->stop();
  // Who still waits for a name waits for others, perhaps for half a minute.
  resolver->stop();
  // A command may reload, and works on the stores.
  commandsStop.get();
  acme.reset();
  queueStops.get();
  // Jobs of sessions that are gone may still run; what they use goes after them.
  queueJobs.reset();
  dnsJobs.reset();
  passwordJobs.reset();
  storage.authDb.flush();
  log.info("stopped");
}

void Server::stop(Duration grace) { state_->stop(grace); }

const std::vector<Opened>& Server::listeners() const { return state_->opened; }

ServerParts Server::parts() {
  return {state_->foundations, state_->config, state_->storage, &state_->queue,
          [this](std::shared_ptr<net::Fd> untilOver) {
            state_->untilOver.lock()->push_back(std::move(untilOver));
            state_->options.requestStop();
          },
          [this] { return state_->ending.load(); }, &state_->engine, &state_->imap,
          [this](const Changing& changing) { return changeDomains(changing); }, [this] { return reload(); }, state_->opened};
}

config::ConfigPtr Server::config() const { return state_->config.current(); }

}  // namespace mox::app
