#include "app/Quickstart.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <streambuf>

#include "app/Commands.h"
#include "app/CreatedFiles.h"
#include "app/DataDir.h"
#include "app/DnsFormats.h"
#include "app/GiveTree.h"
#include "app/Interruption.h"
#include "app/Privileges.h"
#include "app/QuickstartConfig.h"
#include "app/Resolvers.h"
#include "app/Storage.h"
#include "app/SystemdUnit.h"
#include "base/Text.h"
#include "config/Source.h"
#include "config/Write.h"
#include "net/Keys.h"

namespace mox::app {

namespace {

constexpr const char *logFile = "quickstart.log", *unitFile = "mox.service";

/// What is printed goes to the log file as well.
class Tee final : public std::streambuf {
 public:
  Tee(std::ostream& out, store::Files& files) : out_(out), files_(files) {}
  /// With what was printed so far.
  void into(CreatedFiles& files, const std::string& relative) {
    fd_ = files_.create(files.path(relative));
    files.adopt(relative);
    files_.write(fd_.get(), before_);
  }

 protected:
  int overflow(int c) override {
    char byte = static_cast<char>(c);
    if (c != traits_type::eof()) xsputn(&byte, 1);
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    std::string_view view(text, static_cast<std::size_t>(count));
    out_ << view;
    if (fd_) files_.write(fd_.get(), view);
    else before_ += view;
    return count;
  }
  int sync() override {
    out_.flush();
    return 0;
  }

 private:
  std::ostream& out_;
  store::Files& files_;
  store::Fd fd_;
  std::string before_;  ///< there was a file
};

template <class T>
std::string sconf(const T& part) {
  auto text = config::writeSconf(part, config::Comments::brief);
  if (!text) throw std::runtime_error("configuration cannot be written: " + text.error().text);
  return *text;
}

std::string makeKey(const std::string& kind) { return kind == "ecdsap256" ? net::generateEcdsaP256() : net::generateRsa2048(); }

void writeFiles(const QuickstartPlan& plan, Foundations& f, CreatedFiles& files, const std::string& adminPassword) {
  files.tree("config");
  for (const char* folder : {"config/dkim", "config/hostkeys"}) files.directory(folder);
  for (const auto& [file, kind] : plan.keyFiles()) files.file("config/" + file, makeKey(kind));
  auto certificates = plan.certificates();
  if (!certificates.empty()) files.directory("config/certs");
  for (const auto& [name, pair] : certificates) {
    auto made = net::selfSigned({name}, f.clock, f.random);
    files.file("config/" + pair.certFile, made.chain);
    files.file("config/" + pair.keyFile, made.key);
  }
  files.file("config/adminpasswd", store::bcryptHash(adminPassword, f.random));
  files.file("config/domains.conf", sconf(plan.dynamic()) + aliasExample());
  files.file("config/mox.conf", annotated(sconf(plan.fixed())));
}

/// Reads back what was written: what does not load must not be handed over.
config::ConfigPtr readBack(const CreatedFiles& files, std::ostream& err) {
  auto loaded = config::load(files.path("config/mox.conf"));
  for (const auto& problem : loaded.errors) err << "error: " << problem.text() << "\n";
  return loaded.config;
}

void makeAccount(const QuickstartPlan& plan, const config::Config& config, Foundations& f, CreatedFiles& files, const std::string& password) {
  files.tree("data");
  Storage storage(f, config.dataDir());
  storage.createAccounts(config);
  if (auto set = storage.setPassword(config, plan.account, password); !set) throw std::runtime_error("setting the password: " + set.error().text);
}

/// The user may read the configuration and owns the data. Commands change domains.conf and add DKIM keys through the server:
/// it owns that file, and where it may make files the sticky bit keeps it from those of root.
void giveAway(const CreatedFiles& files, const std::string& userName, std::ostream& out) {
  if (!isRoot()) return;
  auto user = findUser(userName);
  if (!user) {
    out << "\nNote: " << user.error().text << ". Make it (useradd --system --no-create-home " << userName << "), then give it the files:\n"
        << "chgrp -R " << userName << " config; chmod -R g+rX config; chmod g+w,+t config config/dkim; chown " << userName << " config/domains.conf; chown -R "
        << userName << ": data\n";
    return;
  }
  auto given = giveTree(files.path("config"), [&](const std::string& path, bool isFolder) {
    if (path == files.path("config") || path == files.path("config/dkim")) return Owner{0, user->gid, 01770};
    return Owner{path == files.path("config/domains.conf") ? user->uid : 0, user->gid, isFolder ? 0750 : 0640};
  });
  if (!given || !giveTree(files.path("data"), *user)) throw std::runtime_error("on the way here is a symbolic link of another than root: nothing is given to " + user->name);
}

void tellPasswords(const QuickstartPlan& plan, const std::string& password, const std::string& adminPassword, std::ostream& out) {
  out << fmt::format("\nAccount:         {}\nAddress, login:  {}\nPassword:        {}\nAdmin password:  {}\n\n", plan.account, plan.address.text(), password, adminPassword);
  auto host = "mail." + plan.address.domain.ascii();
  out << fmt::format("Mail programs:   IMAP {} port 993 (TLS); SMTP submission {} port 465 (TLS); user name is the address\n", host, host);
  if (plan.existingWebserver)
    out << "\nThe certificates in config/certs are self-signed stand-ins: put the files of your web server there, or change KeyCerts in\n"
           "config/mox.conf. Forward https://autoconfig." << plan.address.domain.ascii() << "/ and https://mta-sts." << plan.address.domain.ascii()
        << "/ to port 81 of this machine.\n";
  else out << "\nThe server gets its certificates from Let's Encrypt, which comes to ports 443 and 80 of the addresses that DNS has for " << plan.facts.hostname.ascii()
           << ".\nBy running it you accept their terms of service, https://letsencrypt.org/repository/.\n";
}

void tellRecords(const QuickstartPlan& plan, const config::Config& config, std::ostream& out) {
  out << "\nDNS records to publish, but for those that say \"Only if\":\n\n";
  auto records = dnsRecords(config, plan.address.domain, config::diskFiles(), plan.facts.dnssec);
  if (!records) throw std::logic_error(records.error().text);
  // The keys of certificates that stand in go soon: nobody should rely on them.
  if (plan.existingWebserver) std::erase_if(records->records, [](const auto& record) { return record.type == dns::Type::tlsa; });
  out << printRecords(*records, RecordFormat::mox);
}

void tellNextSteps(const QuickstartPlan& plan, bool unit, std::ostream& out) {
  out << "\nNext:\n- Publish the DNS records above; \"mox config dnsrecords " << plan.address.domain.unicode() << "\" prints them again, \"mox dns records\" for tools,\n  and \"mox config dnscheck "
      << plan.address.domain.unicode() << "\" tells what is right of them.\n"
      << "- Read config/mox.conf and config/domains.conf, change what should be different, and run \"mox config test\".\n";
  if (unit) out << "- Start the server with systemd: systemctl enable --now $PWD/mox.service; or run \"mox serve\".\n";
  else out << "- Start the server: mox serve\n";
  out << "- Pages of the web, autoconfig, the policy of MTA-STS and the judging of spam are not in this program yet: \"mox config test\" names the settings\n"
         "  that wait for them.\n"
      << "- The passwords are in quickstart.log too: remove it when you have noted them.\n";
}

/// What is there of what is to be made.
std::vector<std::string> inTheWay(const QuickstartOptions& options, const CreatedFiles& files) {
  std::vector<std::string> out{"config", "data", logFile};
  if (options.unit) out.emplace_back(unitFile);
  std::erase_if(out, [&](const std::string& name) { return !files.isThere(name); });
  return out;
}

/// Nothing is on disk before the checks are done, which take long. From there on an interruption takes all away again.
int build(const QuickstartOptions& options, QuickstartWorld& world, Foundations& f, CreatedFiles& files, std::optional<Interruption>& interruption, Tee& tee,
          std::ostream& err) {
  std::ostream out(&tee);
  out.exceptions(std::ios::badbit);
  QuickstartChecks checks(world, out);
  QuickstartPlan plan(options.address, checks.run(options.address.domain, options.hostname, options.skipDial));
  interruption.emplace();
  plan.addresses = world.addresses;
  plan.account = lower(options.address.localpart.text());
  plan.user = options.user;
  plan.existingWebserver = options.existingWebserver;
  plan.now = world.clock.now();
  if (!store::isAccountName(plan.account)) return err << "error: " << printable(plan.account) << " cannot be the name of an account\n", 1;

  tee.into(files, logFile);
  auto password = generatePassword(f.random), adminPassword = generatePassword(f.random);
  writeFiles(plan, f, files, adminPassword);
  auto config = readBack(files, err);
  if (!config) return err << "error: the configuration made here has errors; please report this\n", 1;
  makeAccount(plan, *config, f, files, password);
  auto unit = quickstartUnit((std::filesystem::canonical(options.directory) / "config/mox.conf").string());
  unit.user = options.user;
  if (options.unit) files.file(unitFile, systemdUnit(unit));
  giveAway(files, options.user, out);
  if (interruption->happened()) return err << "interrupted: what was made is removed again\n", 1;
  tellPasswords(plan, password, adminPassword, out);
  tellRecords(plan, *config, out);
  tellNextSteps(plan, options.unit, out);
  return 0;
}

bool parse(Invocation& call, std::optional<QuickstartOptions>& options) {
  bool skipDial = false, existingWebserver = false;
  std::optional<Domain> hostname;
  Flags flags;
  flags.toggle("skipdial", skipDial, "Do not try to connect to another mail server.")
      .toggle("existing-webserver", existingWebserver, "Ports 80 and 443 belong to another web server; no ACME.")
      .parsed("hostname", [&](std::string_view given) -> Result<void> {
        auto domain = Domain::make(given);
        if (!domain) return tl::unexpected(domain.error());
        hostname = *domain;
        return {};
      }, "Name of this machine in the DNS.");
  if (!parseFlags(call, flags, 1, 2)) return false;
  auto address = Address::parse(call.args[0]);
  if (!address) return call.err << "error: " << address.error().text << "\n", false;
  options.emplace(*address);
  options->skipDial = skipDial;
  options->existingWebserver = existingWebserver;
  options->hostname = hostname;
  if (call.args.size() > 1) options->user = call.args[1];
  return true;
}

std::string osHostname() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

int quickstart(const QuickstartOptions& options, QuickstartWorld& world, Foundations& foundations, std::ostream& out, std::ostream& err) {
  std::optional<Interruption> interruption;  // until what was made is kept, or removed again
  CreatedFiles files(foundations.files, options.directory);
  if (auto there = inTheWay(options, files); !there.empty()) {
    err << "error: already here: " << join(there, ", ") << ". Quickstart overwrites nothing: run it in another folder, or, if an earlier run that was cut\n"
        << "short left them and they hold nothing you need, remove them first.\n";
    return 1;
  }
  Tee tee(out, foundations.files);
  int status = build(options, world, foundations, files, interruption, tee, err);
  if (status == 0) files.keep();
  return status;
}

int commandQuickstart(Invocation& call) {
  std::optional<QuickstartOptions> options;
  if (!parse(call, options)) return 2;
  options->unit = std::getenv("MOX_DOCKER") == nullptr;
  ::umask(007);
  Foundations foundations(&writeToStderr, LogLevel::error);
  auto resolver = systemResolver(foundations);
  QuickstartWorld world{*resolver, foundations.clock, interfaceAddresses(), osHostname(), &dialTcp};
  return quickstart(*options, world, foundations, call.out, call.err);
}

}  // namespace mox::app
