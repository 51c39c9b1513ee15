// The declared configuration: the record of what was applied, the plan, passwords and keys by file, reload.
#include <sys/stat.h>

#include <set>

#include "AppFixture.h"
#include "app/Applied.h"
#include "app/Ctl.h"
#include "app/DataDir.h"
#include "app/DeclaredPasswords.h"
#include "app/Server.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

namespace {

const std::string key(32, 'k');
const std::string yescrypt = "$y$j9T$abcdefghijklmnopqrstu.$kAc934MxROZDAsI/8Gis4gjqPiERfozmsLaJ7xz.9R2";  // of "secret-word"

std::string account(const std::string& name, const std::string& lines = "") {
  return "\t" + name + ":\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\t" + name + "@mox.example: nil\n" + lines;
}

std::string domains(const std::string& lines, const std::string& accounts) {
  return "Domains:\n\tmox.example:\n\t\tDescription: x\n" + lines + "Accounts:\n" + account("mjl") + accounts;
}

const std::string selectors = "\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\ts1:\n\t\t\t\t\tAlgorithm: ed25519\n\t\t\tSign:\n\t\t\t\t- s1\n";

}  // namespace

struct DeclaredTest : test::Suite<DeclaredTest> {
  static void list(List& l) {
    l.add("the plan: what differs, one line each", &DeclaredTest::planned);
    l.add("the record: no secrets, and the same again when read", &DeclaredTest::record);
    l.add("passwords by file: at start, on reload, once if they may be changed", &DeclaredTest::passwords);
    l.add("a hash by file", &DeclaredTest::hash);
    l.add("DKIM keys are made once", &DeclaredTest::keys);
    l.add("an account that is not declared is off, and all there when it is again", &DeclaredTest::undeclared);
    l.add("a reload that is refused changes nothing", &DeclaredTest::refused);
    l.add("a start that takes many passwords says that it is at work", &DeclaredTest::manyPasswords);
    l.add("config check and config plan", &DeclaredTest::commands);
  }

  test::TempDir dir;
  Foundations foundations{[](std::string_view) {}, LogLevel::error};
  std::unique_ptr<Server> server;
  std::vector<std::string> statuses;

  DeclaredTest() {
    dir.write("mox.conf", "Declared: true\n" + test::staticText(""));
    secret("pw", "first-word\n");
  }

  void secret(const std::string& name, const std::string& text) {
    dir.write(name, text);
    ::chmod((dir / name).c_str(), 0600);
  }
  void dynamic(const std::string& lines, const std::string& accounts) { dir.write("domains.conf", domains(lines, accounts)); }

  config::ConfigPtr load() {
    auto loaded = config::load(dir / "mox.conf");
    if (!loaded.ok()) throw std::runtime_error(config::text(loaded.errors));
    return loaded.config;
  }
  Applied applied() { return Applied::of(*load(), config::diskFiles(), key); }

  void start() {
    server.reset();
    ServerOptions options;
    options.configPath = dir / "mox.conf";
    options.config = load();
    options.onStatus = [this](const std::string& status, bool busy) { statuses.push_back((busy ? "busy: " : "") + status); };
    server = std::make_unique<Server>(std::move(options), foundations);
  }
  bool takes(const std::string& name, const std::string& password) {
    auto parts = server->parts();
    return parts.storage.passwords.check(parts.storage.accounts.open(name)->get(), name, password);
  }
  std::string reload() {
    auto report = server->reload();
    return join(report.ok ? report.changes : report.errors, "\n");
  }
  static std::string lines(const std::vector<Applied::Change>& changes) {
    std::string out;
    for (const auto& change : changes) out += change.line() + "\n";
    return out;
  }

  void manyPasswords() {
    std::string many;
    for (int i = 0; i < 17; ++i) many += account("a" + std::to_string(i), "\t\tPasswordFile: pw\n");
    dynamic(selectors, many);
    start();
    CHECK_EQ(std::string("busy: taking passwords from files: 16 of 17"), join(statuses, "|"));
    CHECK(takes("a16", "first-word"));
    statuses.clear();
    start();
    CHECK_EQ(std::string(), join(statuses, "|"));
  }

  void planned() {
    dynamic(selectors + "\t\tAliases:\n\t\t\tteam:\n\t\t\t\tAddresses:\n\t\t\t\t\t- mjl@mox.example\n", account("gone", "\t\tPasswordFile: pw\n"));
    auto before = applied();
    CHECK_EQ(std::string(), lines(plan(before, before)));
    CHECK(lines(plan({}, before)).find("alias added: team@mox.example\n") != std::string::npos);
    secret("pw2", "other-word");
    dir.write("domains.conf", "Domains:\n\tmox.example: nil\n\tnew.example: nil\nAccounts:\n" + account("mjl", "\t\tFullName: M\n\t\tPasswordFile: pw2\n"));
    dir.write("mox.conf", "Declared: true\nQuotaMessageSize: 5\n" + test::staticText("\t\tHostname: other.example\n"));
    CHECK_EQ(std::string("domain changed: mox.example (DKIM.Sign, Description)\n"
                         "domain added: new.example\n"
                         "alias removed: team@mox.example\n"
                         "key removed: s1._domainkey.mox.example\n"
                         "account removed: gone (disabled, its mail is kept)\n"
                         "account changed: mjl (FullName, PasswordFile)\n"
                         "password removed: gone\n"
                         "password added: mjl\n"
                         "address removed: gone@mox.example of gone\n"
                         "listener changed: local (Hostname) (needs a restart)\n"
                         "setting added: QuotaMessageSize (needs a restart)\n"),
             lines(plan(before, applied())));
    auto then = applied();
    secret("pw2", "third-word");
    CHECK_EQ(std::string("password changed: mjl\n"), lines(plan(then, applied())));
  }

  void record() {
    dir.write("mox.conf", test::staticText("") + "Transports:\n\ts:\n\t\tSMTP:\n\t\t\tHost: h.example\n\t\t\tAuth:\n\t\t\t\tUsername: u\n\t\t\t\tPassword: inline-word\n");
    dir.write("domains.conf", domains(selectors, account("we\xc3\xbcird%", "\t\tDescription: a\ttab\n\t\tPasswordFile: pw\n")));
    auto now = applied();
    auto text = now.text();
    CHECK(text.find("first-word") == std::string::npos && text.find("inline-word") == std::string::npos);
    auto read = Applied::parse(text);
    CHECK(read && *read == now && read->text() == text);
    CHECK(!now.password("we\xc3\xbcird%").empty() && now.password("mjl").empty());
    CHECK(!Applied::parse("") && !Applied::parse("mox-applied 2\n") && !Applied::parse(text.substr(0, text.size() - 1)));
    auto other = Applied::of(*load(), config::diskFiles(), std::string(32, 'l'));
    CHECK(other.password("we\xc3\xbcird%") != now.password("we\xc3\xbcird%"));
    // What cannot be read now is as it was.
    std::filesystem::rename(dir / "pw", dir / "hidden");
    config::LoadOptions without;
    without.withoutSecrets = true;
    auto blind = config::load(dir / "mox.conf", config::diskFiles(), without);
    CHECK(Applied::of(*blind.config, config::diskFiles(), key, now) == now);
  }

  void passwords() {
    dynamic("", account("fixed", "\t\tPasswordFile: pw\n") + account("own", "\t\tPasswordFile: pw\n\t\tPasswordMutable: true\n"));
    start();
    CHECK(takes("fixed", "first-word") && takes("own", "first-word"));
    auto& storage = server->parts().storage;
    auto stored = [&](const std::string& name) { return (*storage.accounts.open(name))->password()->hash; };
    auto before = stored("fixed");
    CHECK_EQ(std::string(), reload());
    CHECK_EQ(before, stored("fixed"));  // nothing is derived again

    auto refusal = storage.setPassword(*server->config(), "fixed", "user-word");
    CHECK(!refusal && refusal.error().code == Errc::denied && refusal.error().text.find(dir / "pw") != std::string::npos);
    CHECK(storage.setPassword(*server->config(), "own", "user-word").has_value());
    secret("pw", "second-word\n");
    CHECK_EQ(std::string("password changed: fixed\npassword changed: own"), reload());
    CHECK(takes("fixed", "second-word") && !takes("fixed", "first-word"));
    CHECK(takes("own", "user-word") && !takes("own", "second-word"));
    start();  // the same after a restart
    CHECK(takes("fixed", "second-word") && takes("own", "user-word"));
    dynamic("", account("fixed", "\t\tPasswordFile: pw\n") + account("own", "\t\tPasswordFile: pw\n"));
    CHECK_EQ(std::string("account changed: own (PasswordMutable)"), reload());
    CHECK(takes("own", "second-word"));
    // One that was removed with its mail begins anew.
    dynamic("", account("own", "\t\tPasswordFile: pw\n"));
    reload();
    CHECK(server->parts().storage.accounts.remove("fixed").has_value());
    dynamic("", account("fixed", "\t\tPasswordFile: pw\n") + account("own", "\t\tPasswordFile: pw\n"));
    reload();
    CHECK(takes("fixed", "second-word"));
  }

  void hash() {
    secret("hash", yescrypt + "\n");
    dynamic("", account("h", "\t\tPasswordHashFile: hash\n"));
    start();
    CHECK(takes("h", "secret-word") && !takes("h", "first-word"));
    // Unknown logins cost what this account does now and then, and no more when it has a password of our own kind.
    auto strangers = [&] {
      std::set<std::string> kinds;
      for (int i = 0; i < 100; ++i) kinds.insert(server->parts().storage.passwords.dummyFor("user" + std::to_string(i) + "@mox.example").substr(0, 7));
      return kinds;
    };
    CHECK(strangers().contains("$y$j9T$"));
    // A file that cannot be read any more is as it was.
    auto config = load();
    auto known = declaredHashes(*config, config::diskFiles(), {});
    config::FileReader denied([](const std::string&) -> Result<std::string> { return fail(Errc::denied, "permission denied"); });
    CHECK(known.size() == 1 && declaredHashes(*config, denied, known) == known && declaredHashes(*config, denied, {}).empty());
    dynamic("", account("h", "\t\tPasswordFile: pw\n"));
    CHECK_EQ(std::string("account changed: h (PasswordFile, PasswordHashFile)\npassword changed: h"), reload());
    CHECK(takes("h", "first-word") && !takes("h", "secret-word"));
    CHECK(strangers() == std::set<std::string>{"$2b$10$"});
  }

  void keys() {
    dynamic(selectors, "");
    start();
    auto path = dir / "data/dkim/mox.example/s1.pem";
    struct stat info {};
    CHECK_EQ(0, ::stat(path.c_str(), &info));
    CHECK_EQ(0600, int(info.st_mode & 0777));
    CHECK_EQ(std::size_t(1), server->config()->domains().front()->signingKeys.size());
    auto made = dir.read("data/dkim/mox.example/s1.pem");
    start();
    CHECK_EQ(made, dir.read("data/dkim/mox.example/s1.pem"));
    // One more on a reload signs at once.
    auto two = selectors + "\t\t\t\t- s2\n";
    two.insert(two.find("\t\t\tSign"), "\t\t\t\ts2:\n\t\t\t\t\tAlgorithm: rsa2048\n");
    dynamic(two, "");
    CHECK_EQ(std::string("domain changed: mox.example (DKIM.Sign)\nkey added: s2._domainkey.mox.example"), reload());
    CHECK_EQ(std::size_t(2), server->config()->domains().front()->signingKeys.size());
    CHECK_EQ(made, dir.read("data/dkim/mox.example/s1.pem"));
    CHECK(test::run({"-config", dir / "mox.conf", "config", "dnsrecords", "mox.example"}).out.find("s2._domainkey.mox.example.") != std::string::npos);
  }

  void undeclared() {
    dynamic("", account("away", "\t\tPasswordFile: pw\n"));
    start();
    auto& accounts = server->parts().storage.accounts;
    auto uid = [&] { return (*accounts.open("away"))->reader().mailbox("Inbox")->uidValidity; };
    auto before = uid();
    auto known = [&] { return server->config()->loginLookup("away@mox.example").has_value(); };
    CHECK(known());
    dynamic("", "");
    CHECK_EQ(std::string("account removed: away (disabled, its mail is kept)\npassword removed: away\naddress removed: away@mox.example of away"), reload());
    CHECK(!known() && accounts.exists("away"));
    dynamic("", account("away", "\t\tPasswordFile: pw\n"));
    reload();
    CHECK(known() && takes("away", "first-word") && uid() == before);
  }

  void refused() {
    dynamic("", account("a", "\t\tPasswordFile: pw\n"));
    start();
    auto before = server->config();
    auto stays = [&](const std::string& reason) {
      auto why = reload();
      CHECK_MSG(why, why.find(reason) != std::string::npos);
      CHECK(server->config() == before);
      CHECK(statuses.back().find("refused: ") != std::string::npos);
    };
    dir.write("domains.conf", "nonsense\n");
    stays("domains.conf:1: expected");
    dynamic("", account("a", "\t\tPasswordFile: pw\n"));
    ::chmod((dir / "pw").c_str(), 0644);
    stays("domains.conf:13: Accounts.a.PasswordFile: pw can be read by everybody");
    secret("pw", "changed-word");
    dir.write("mox.conf", "Declared: true\n" + test::staticText("") + "Nonsense: 1\n");
    stays("mox.conf:12: Nonsense: unknown key");
    CHECK(takes("a", "first-word"));
    // What needs the new static part is refused until the restart.
    dir.write("mox.conf", "Declared: true\n" + test::staticText("") + "Transports:\n\tt: nil\n");
    dir.write("domains.conf", domains("", "") + "Routes:\n\t-\n\t\tTransport: t\n");
    stays("mox.conf: has changed; that takes effect at the next start");
    dynamic("", account("a", "\t\tPasswordFile: pw\n"));
    CHECK_EQ(std::string("password changed: a\ntransport added: t (needs a restart)"), reload());
    CHECK_EQ(std::string("serving mail"), statuses.back());
    auto metrics = foundations.metricsText();
    CHECK(metrics.find("mox_config_reload_total{result=\"failed\"} 4") != std::string::npos);
    CHECK(metrics.find("mox_config_reload_total{result=\"ok\"} 1") != std::string::npos);
    std::ostringstream out, err;
    CHECK_EQ(0, *ctlCall(ctlPath(dir / "data"), {{"reload"}, ""}, out, err));
    CHECK_EQ(std::string("transport added: t (needs a restart)\n"), out.str());
    dir.write("domains.conf", "nonsense\n");
    CHECK_EQ(1, test::run({"-config", dir / "mox.conf", "reload"}).status);
  }

  void commands() {
    auto mox = [&](std::vector<std::string> words, const std::string& input = "") {
      words.insert(words.begin(), {"-config", dir / "mox.conf", "config"});
      return test::run(words, input);
    };
    dynamic("", account("a", "\t\tPasswordFile: pw\n"));
    CHECK_EQ(std::string("config OK\n"), mox({"check"}).out);
    auto plan = mox({"plan", "-exitcode"});
    CHECK_EQ(3, plan.status);
    CHECK_EQ(std::string("nothing was applied yet: all is new\n"), plan.err);
    CHECK(plan.out.find("account added: a\n") != std::string::npos);
    start();
    CHECK_EQ(std::string("nothing to change\n"), mox({"plan", "-exitcode"}).out);
    dynamic("", account("b"));
    plan = mox({"plan"});
    CHECK_EQ(0, plan.status);
    CHECK_EQ(reload() + "\n", plan.out);
    CHECK_EQ(0, mox({"plan", "-exitcode"}).status);
    std::filesystem::remove(dir / "pw");
    dynamic("", account("a", "\t\tPasswordFile: pw\n"));
    auto check = mox({"check"});
    CHECK_EQ(1, check.status);
    CHECK_EQ("error: " + (dir / "domains.conf") + ":13: Accounts.a.PasswordFile: cannot read pw: No such file or directory\n", check.err);
    CHECK_EQ(1, mox({"plan"}).status);
    CHECK_EQ(0, mox({"check", "-no-secrets"}).status);
    CHECK_EQ(0, mox({"check", "-no-secrets", dir / "mox.conf"}).status);
    check = mox({"check", "-"}, "{\n\"Declared\": 1}");
    CHECK_EQ(1, check.status);
    CHECK(check.err.find("error: stdin.json:2: /Declared: expected true or false\n") == 0);
    dir.write("admin", "x");
    dir.write("mox.conf", "Declared: true\nAdminPasswordFile: admin\n" + test::staticText(""));
    ::chmod((dir / "admin").c_str(), 0600);
    secret("pw", "first-word");
    CHECK(test::run({"-config", dir / "mox.conf", "setadminpassword"}, "long enough\n").err.find("declared") != std::string::npos);
  }
};
SUITE(DeclaredTest);
