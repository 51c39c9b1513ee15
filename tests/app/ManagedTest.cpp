#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "AppFixture.h"
#include "app/FolderLock.h"
#include "app/ManagedCommands.h"
#include "app/ManagedConfig.h"
#include "config/Source.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

namespace {

/// As people write: comments, empty lines, another spelling, an odd order.
constexpr const char* handmade =
    "# Do not touch without Ann.\n"
    "Accounts:\n"
    "\n"
    "\tmjl:\n"
    "\t\tDestinations:\n"
    "\t\t\t# the first of all\n"
    "\t\t\tMjl@MOX.example: nil\n"
    "\t\t\told: nil\n"
    "\t\tDomain: mox.example\n"
    "\t# Ann, since March\n"
    "\tann:\n"
    "\t\tDomain: mox.example\n"
    "\t\tDestinations:\n"
    "\t\t\tann@mox.example: nil\n"
    "\n"
    "# What we serve.\n"
    "Domains:\n"
    "\tMox.Example:\n"
    "\t\tLocalpartCatchallSeparator: +\n"
    "\t\tAliases:\n"
    "\t\t\tTeam:\n"
    "\t\t\t\t# in order of seniority\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- mjl@mox.example\n"
    "\t\t\t\t\t- Ann@mox.example\n"
    "# the end\n";

}  // namespace

struct ManagedTest : test::Suite<ManagedTest> {
  static void list(List& l) {
    l.add("accounts: list, add, disable, enable, rm", &ManagedTest::accounts);
    l.add("addresses: add, catchall, rm in any spelling", &ManagedTest::addresses);
    l.add("domains: add with keys, disable, enable, rm", &ManagedTest::domains);
    l.add("a domain with its first account", &ManagedTest::domainWithAccount);
    l.add("aliases", &ManagedTest::aliases);
    l.add("what would not load is refused with the reason", &ManagedTest::refused);
    l.add("words that are wrong", &ManagedTest::wrong);
    l.add("a quickstarted file of mox 0.0.15", &ManagedTest::fixture);
    l.add("declared configurations and JSON are not written", &ManagedTest::notManaged);
    l.add("a file with errors is left alone", &ManagedTest::broken);
    l.add("an edit by hand meanwhile is noticed", &ManagedTest::meanwhile);
    l.add("mode, owner and symbolic link stay", &ManagedTest::likeBefore);
    l.add("many at once: each is there, or says that it is not", &ManagedTest::concurrent);
    l.add("limit: how long others may keep the file", &ManagedTest::locked);
    l.add("a domain that comes back in the same second has new keys", &ManagedTest::sameSecond);
    l.add("a sticky directory: who must own the file", &ManagedTest::sticky);
    l.add("a failing write leaves the file, and no key", &ManagedTest::failing);
  }

  test::TempDir dir;
  std::string conf = dir / "mox.conf";

  void setUp() override {
    dir.write("mox.conf", test::staticText("\t\tMetricsHTTP:\n\t\t\tEnabled: true\n"));
    dir.write("domains.conf", handmade);
  }

  test::Ran mox(std::vector<std::string> words) {
    words.insert(words.begin(), {"-config", conf, "config"});
    return test::run(words);
  }
  void good(std::vector<std::string> words) {
    auto ran = mox(std::move(words));
    CHECK_MSG(ran.out + ran.err, ran.status == 0);
    CHECK_MSG(ran.out, !ran.out.empty());
  }
  /// That the command fails, says so, and leaves the file as it is.
  void bad(std::vector<std::string> words, const std::string& text, int status = 1) {
    auto before = dir.read("domains.conf");
    auto ran = mox(std::move(words));
    CHECK_EQ(status, ran.status);
    CHECK_MSG(ran.err, ran.err.find(text) != std::string::npos);
    CHECK_EQ(before, dir.read("domains.conf"));
  }
  bool hasUnfinished() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir.path))
      if (entry.path().extension() == ".new") return true;
    return false;
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    auto at = text.find(from);
    CHECK_MSG(from + " in " + text, at != std::string::npos);
    return text.replace(at, from.size(), to);
  }
  config::ConfigPtr loadedNow;  // what load() gave last lives
  config::ConfigPtr load() {
    auto loaded = config::load(conf);
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    return loadedNow = loaded.config;
  }

  void accounts() {
    good({"account", "disable", "ann", "back on Monday: wait"});
    auto disabled = replaced(handmade, "\t\t\tann@mox.example: nil\n", "\t\t\tann@mox.example: nil\n\t\tLoginDisabled: back on Monday: wait\n");
    CHECK_EQ(disabled, dir.read("domains.conf"));
    CHECK_EQ(std::string("ann\tdisabled: back on Monday: wait\nmjl\n"), mox({"account", "list"}).out);
    good({"account", "disable", "ann", "gone"});
    good({"account", "enable", "ann"});
    CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    bad({"account", "enable", "ann"}, "is not disabled");
    bad({"account", "disable", "ann", ""}, "a text is needed");
    bad({"account", "disable", "ann", "two\nlines"}, "cannot be made");
    bad({"account", "disable", "bob", "x"}, "no account \"bob\"");
    good({"account", "add", "bob", "bob@mox.example"});
    auto added = load()->account("bob");
    CHECK(added != nullptr && added->settings.rejectsMailbox == "Rejects" && added->addresses == std::vector<std::string>{"bob@mox.example"});
    CHECK(dir.read("domains.conf").find("\tbob:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tbob@mox.example: nil\n") != std::string::npos);
    bad({"account", "add", "bob", "rob@mox.example"}, "is there already");
    bad({"account", "add", "../x", "x@mox.example"}, "cannot be the name");
    bad({"account", "add", "cid", "bob@mox.example"}, "the same address as bob@mox.example of account bob");
    bad({"account", "add", "cid", "cid@other.example"}, "other.example is not configured");
    good({"account", "rm", "bob"});
    CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    bad({"account", "rm", "mjl"}, "Postmaster.Account");
    bad({"account", "rm", "ann"}, "Aliases.Team");
    bad({"account", "rm", "nobody"}, "no account");
  }

  void addresses() {
    good({"address", "add", "info@mox.example", "ann"});
    good({"address", "add", "@mox.example", "ann"});
    CHECK_EQ(replaced(handmade, "ann@mox.example: nil\n", "ann@mox.example: nil\n\t\t\tinfo@mox.example: nil\n\t\t\t@mox.example: nil\n"), dir.read("domains.conf"));
    bad({"address", "add", "INFO@mox.example", "mjl"}, "the same address as info@mox.example of account ann");
    bad({"address", "add", "@mox.example", "mjl"}, "has the rest of this domain already");
    bad({"address", "add", "info@mox.example", "ann"}, "is there already");
    bad({"address", "add", "x@other.example", "ann"}, "is not configured");
    bad({"address", "add", "@other.example", "ann"}, "is not configured");
    bad({"address", "add", "no address", "ann"}, "is not an address");
    bad({"address", "add", "x@mox.example", "nobody"}, "no account");
    bad({"address", "add", "a+b@mox.example", "ann"}, "holds a separator");
    bad({"address", "add", "\"a:b\"@mox.example", "ann"}, "cannot be made in the file");
    good({"address", "rm", "Info@Mox.Example"});
    good({"address", "rm", "@MOX.example"});
    good({"address", "rm", "old@mox.example"});  // written without its domain
    CHECK_EQ(replaced(handmade, "\t\t\told: nil\n", ""), dir.read("domains.conf"));
    bad({"address", "rm", "ann@mox.example"}, "is not an address of an account");  // a member of the alias
    bad({"address", "rm", "nobody@mox.example"}, "is not an address of an account");
  }

  void domains() {
    good({"domain", "add", "-disabled", "Bücher.example", "ann"});
    auto config = load();
    const auto* info = config->domain(Domain::make("bücher.example").value());
    CHECK(info != nullptr && info->disabled && info->keyFiles.size() == 2 && info->signingKeys.size() == 1);
    CHECK(info->settings.dmarc->account == "ann" && info->settings.clientSettingsDomain == "mail.bücher.example" && !info->settings.mtaSts);
    for (const auto& [name, file] : info->keyFiles) {
      struct stat key {};
      CHECK(::stat(file.path.c_str(), &key) == 0 && (key.st_mode & 0007) == 0);
    }
    auto text = dir.read("domains.conf");
    CHECK(text.starts_with(std::string(handmade).substr(0, std::string(handmade).find("# the end"))) && text.ends_with("\n# the end\n"));
    bad({"domain", "add", "xn--bcher-kva.example", "ann"}, "is there already");
    good({"domain", "enable", "xn--bcher-kva.example"});
    CHECK(!load()->domain(Domain::make("bücher.example").value())->disabled);
    bad({"domain", "enable", "bücher.example"}, "is not disabled");
    good({"domain", "disable", "mox.example"});
    CHECK(load()->domain(Domain::make("mox.example").value())->disabled);
    good({"domain", "enable", "mox.example"});
    good({"domain", "rm", "bücher.example"});
    CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    bad({"domain", "rm", "mox.example"}, "missing required key \"Domains\"");
    bad({"domain", "rm", "other.example"}, "is not configured");
    bad({"domain", "add", "not a domain", "ann"}, "is not a domain");
  }

  void domainWithAccount() {
    bad({"domain", "add", "new.example", "cid"}, "with a localpart it is made");
    CHECK(!dir.has("dkim"));
    bad({"domain", "add", "new.example", "ann", "ann"}, "only for a new one");
    bad({"domain", "add", "new.example", "../cid", "cid"}, "cannot be the name");
    CHECK(!dir.has("dkim"));  // keys that were made are gone
    good({"domain", "add", "new.example", "cid", "cid"});
    CHECK_EQ(std::string("new.example"), load()->account("cid")->domain.unicode());
    CHECK_EQ(std::string("cid"), load()->lookup(Localpart::make("cid").value(), Domain::make("new.example").value()).target->account);
    bad({"domain", "rm", "new.example"}, "is not under Domains");
  }

  void aliases() {
    CHECK_EQ(std::string("Team@mox.example\n"), mox({"alias", "list", "MOX.example"}).out);
    CHECK_EQ(std::string("# postpublic false\n# listmembers false\n# allowmsgfrom false\n# members:\nmjl@mox.example\nAnn@mox.example\n"), mox({"alias", "print", "team@mox.example"}).out);
    good({"alias", "update", "-postpublic", "true", "-listmembers=false", "team@mox.example"});
    CHECK_EQ(replaced(handmade, "- Ann@mox.example\n", "- Ann@mox.example\n\t\t\t\tPostPublic: true\n"), dir.read("domains.conf"));
    good({"alias", "update", "-postpublic", "false", "team@mox.example"});
    CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    // What loading would warn of is said here too.
    auto later = mox({"alias", "update", "-listmembers", "true", "-allowmsgfrom", "true", "team@mox.example"});
    CHECK_EQ(0, later.status);
    CHECK_EQ(std::string("warning: Domains.Mox.Example.Aliases.Team.ListMembers: accepted, but not available yet in this program\n"), later.err);
    CHECK_EQ(std::string(), mox({"alias", "update", "-listmembers", "false", "-allowmsgfrom", "false", "team@mox.example"}).err);
    good({"alias", "rmaddr", "team@mox.example", "ann@mox.example"});
    CHECK_EQ(replaced(handmade, "\t\t\t\t\t- Ann@mox.example\n", ""), dir.read("domains.conf"));
    bad({"alias", "rmaddr", "team@mox.example", "mjl@mox.example"}, "needs a member");
    bad({"alias", "rmaddr", "team@mox.example", "x@mox.example"}, "is not a member");
    good({"alias", "addaddr", "team@mox.example", "Ann@mox.example"});
    CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    bad({"alias", "addaddr", "team@mox.example", "ann@mox.example"}, "listed twice");
    bad({"alias", "addaddr", "team@mox.example", "x@other.example"}, "is not an address of an account");
    good({"alias", "add", "sales@mox.example", "mjl@mox.example", "ann@mox.example"});
    CHECK_EQ(std::string("Team@mox.example\nsales@mox.example\n"), mox({"alias", "list", "mox.example"}).out);
    bad({"alias", "add", "SALES@mox.example", "mjl@mox.example"}, "is an alias already");
    bad({"alias", "add", "ann@mox.example", "mjl@mox.example"}, "is an address of account ann already");
    good({"alias", "rm", "sales@mox.example"});
    CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    good({"alias", "rm", "team@mox.example"});  // with the last one the list of them goes; its comment was inside
    CHECK_EQ(replaced(handmade, std::string(handmade).substr(std::string(handmade).find("\t\tAliases:"), std::string(handmade).find("# the end") - std::string(handmade).find("\t\tAliases:")), ""),
             dir.read("domains.conf"));
    bad({"alias", "rm", "team@mox.example"}, "no alias");
    bad({"alias", "update", "team@mox.example"}, "nothing to change");
    CHECK_EQ(1, mox({"alias", "list", "other.example"}).status);
    CHECK_EQ(1, mox({"alias", "print", "x@mox.example"}).status);
  }

  void refused() {
    // The reason has no line of a file that is nowhere.
    auto ran = mox({"account", "rm", "mjl"});
    CHECK_MSG(ran.err, ran.err.find("with this change the configuration would be wrong: Postmaster.Account") != std::string::npos);
  }

  void wrong() {
    for (auto words : std::vector<std::vector<std::string>>{{"account", "add", "x"}, {"account", "list", "x"}, {"address", "rm"}, {"domain", "add", "x"}, {"alias", "add", "x"},
                                                            {"alias", "update", "-postpublic", "maybe", "x"}, {"domain", "add", "-nonsense", "x", "y"}})
      bad(words, "mox help", 2);
  }

  void fixture() {
    auto text = config::diskFiles()(std::string(MOX_SOURCE_DIR) + "/tests/data/config/quickstart.domains.conf").value();
    // Its keys are elsewhere, and here is no listener for MTA-STS.
    auto cutOut = [&](const std::string& from, const std::string& to) { text.erase(text.find(from), text.find(to) - text.find(from)); };
    cutOut("\t\tDKIM:\n", "\t\tDMARC:\n");
    cutOut("\t\tMTASTS:\n", "\t\tTLSRPT:\n");
    dir.write("domains.conf", text);
    dir.write("mox.conf", replaced(dir.read("mox.conf"), "Account: mjl", "Account: me"));
    good({"address", "add", "new@example.org", "me"});
    good({"domain", "add", "second.example", "me"});
    good({"alias", "add", "all@second.example", "me@example.org"});
    auto now = dir.read("domains.conf");
    CHECK(now.find("\t\t\told: nil\n\t\t\tnew@example.org: nil\n\n\t\t\t# A commented example, as the program writes one:\n\t\t\t# me@example.org:\n") != std::string::npos);
    for (auto words : std::vector<std::vector<std::string>>{{"alias", "rm", "all@second.example"}, {"domain", "rm", "second.example"}, {"address", "rm", "new@example.org"}}) good(words);
    CHECK_EQ(text, dir.read("domains.conf"));
  }

  void notManaged() {
    auto managed = dir.read("mox.conf");
    dir.write("mox.conf", "Declared: true\n" + managed);
    bad({"account", "rm", "ann"}, "this configuration is declared: change");
    bad({"domain", "add", "new.example", "ann"}, "declared");
    CHECK(!dir.has("dkim"));
    CHECK_EQ(0, mox({"account", "list"}).status);
    dir.write("mox.json", R"({"DataDir":"data","LogLevel":"error","Hostname":"mox.example","Postmaster":{"Account":"mjl","Mailbox":"Inbox"},
      "Listeners":{"local":{"IPs":["127.0.0.1"]}},"Domains":{"mox.example":{}},
      "Accounts":{"mjl":{"Domain":"mox.example","Destinations":{"mjl@mox.example":{}}}}})");
    conf = dir / "mox.json";
    bad({"address", "add", "x@mox.example", "mjl"}, "in JSON is not changed by commands");
  }

  void broken() {
    dir.write("domains.conf", std::string(handmade) + "Nonsense: x\n");
    bad({"account", "add", "bob", "bob@mox.example"}, "domains.conf:27:");
  }

  void meanwhile() {
    store::SystemFiles files;
    auto loaded = config::load(conf);
    // Whoever reads it a second time sees what an editor wrote.
    int reads = 0;
    config::FileReader reader([&](const std::string& path) -> Result<std::string> {
      if (path.ends_with("domains.conf") && ++reads == 2) dir.write("domains.conf", std::string(handmade) + "# by hand\n");
      return config::diskFiles()(path);
    });
    auto done = changeDomains({conf, loaded.config->staticText(), reader, files}, [&](Change& change) {
      change.created.directory("dkim");
      return change.file.set(config::Path() / "Accounts" / "ann" / "FullName", "Ann");
    });
    CHECK_EQ(Errc::conflict, done.error().code);
    CHECK(dir.read("domains.conf") == std::string(handmade) + "# by hand\n" && !dir.has("dkim") && !hasUnfinished());
  }

  void likeBefore() {
    ::chmod((dir / "domains.conf").c_str(), 0664);
    bool root = ::geteuid() == 0;
    if (root) CHECK_EQ(0, ::chown((dir / "domains.conf").c_str(), 65532, 65531));
    std::filesystem::create_directory(dir / "real");
    std::filesystem::rename(dir / "domains.conf", dir / "real/domains.conf");
    std::filesystem::create_symlink("real/domains.conf", dir / "domains.conf");
    dir.write("real/domains.conf.4711.new", "left by a crash");
    for (const char* others : {"real/domains.conf.bak.new", "real/domains.conf.new", "real/other.conf.4711.new"}) dir.write(others, "mine");
    good({"account", "disable", "ann", "x"});
    good({"domain", "add", "new.example", "ann"});
    struct stat info {};
    CHECK(std::filesystem::is_symlink(dir / "domains.conf") && ::stat((dir / "domains.conf").c_str(), &info) == 0);
    CHECK_EQ(0664u, info.st_mode & 07777u);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir / "real")) files += entry.is_regular_file();
    CHECK_EQ(std::size_t(4), files);  // the configuration and what others have
    if (!root) return;
    CHECK(info.st_uid == 65532 && info.st_gid == 65531);
    for (const auto& entry : std::filesystem::directory_iterator(dir / "dkim")) {
      CHECK_EQ(0, ::stat(entry.path().c_str(), &info));
      CHECK(info.st_uid == 65532 && info.st_gid == 65531 && (info.st_mode & 07777) == 0640);
    }
  }

  Result<config::ConfigPtr> setName(const std::string& account, const std::string& name, Duration patience = configLockPatience) {
    store::SystemFiles files;
    auto text = dir.read("mox.conf");
    return changeDomains({conf, text, config::diskFiles(), files, patience}, [&](Change& change) {
      return change.file.add(config::Path() / "Accounts" / account, "Domain: mox.example\nDestinations:\n\t" + account + "@mox.example: nil\nFullName: " + name + "\n");
    });
  }

  void concurrent() {
    std::vector<std::thread> all;
    std::atomic<int> done = 0;
    for (int i = 0; i < 16; ++i) all.emplace_back([&, i] { done += setName("par" + std::to_string(i), "P").has_value(); });
    for (auto& one : all) one.join();
    CHECK_EQ(16, done.load());
    CHECK_EQ(std::size_t(18), load()->accounts().size());
  }

  void locked() {
    {
      auto held = FolderLock::take(dir.path, Duration(0));
      CHECK(held.has_value());
      auto late = setName("late", "L", std::chrono::milliseconds(30));
      CHECK(!late && late.error().code == Errc::timeout && late.error().text.find("somebody else is changing") == 0);
      CHECK_EQ(std::string(handmade), dir.read("domains.conf"));
    }
    CHECK(setName("late", "L", Duration(0)).has_value());
    CHECK_EQ(Errc::denied, FolderLock::take(dir / "nowhere", Duration(0)).error().code);
  }

  void sameSecond() {
    FakeClock still;
    auto text = dir.read("mox.conf");
    store::SystemFiles files;
    auto change = [&](const Changing& changing) {
      return changeDomains({conf, text, config::diskFiles(), files}, changing).map([](const config::ConfigPtr&) { return std::vector<std::string>(); });
    };
    auto go = [&](std::string_view words, std::vector<std::string> args) {
      std::istringstream in;
      std::ostringstream out, err;
      Invocation call{conf, false, "", std::move(args), in, out, err, words};
      int status = runManaged({load(), change, still}, call);
      CHECK_MSG(err.str(), status == 0);
    };
    for (int i = 0; i < 3; ++i) {
      go("config domain add", {"new.example", "ann"});
      CHECK_EQ(2 * (i + 1), static_cast<int>(std::distance(std::filesystem::directory_iterator(dir / "dkim"), {})));
      if (i < 2) go("config domain rm", {"new.example"});
    }
    CHECK_EQ(std::size_t(1), load()->domain(Domain::make("new.example").value())->signingKeys.size());
  }

  void sticky() {
    if (::geteuid() != 0) return;  // other owners are root's to make
    struct Refusing final : store::Files {
      void rename(const std::string&, const std::string& to) override { throw store::FileError(EPERM, std::generic_category(), "renaming to " + to); }
    } files;
    CHECK(::chown(dir.path.c_str(), 65533, 65533) == 0 && ::chmod(dir.path.c_str(), 01777) == 0 && ::chown((dir / "domains.conf").c_str(), 65532, 65532) == 0);
    auto done = changeDomains({conf, dir.read("mox.conf"), config::diskFiles(), files}, [](Change& c) {
      return c.file.set(config::Path() / "Accounts" / "ann" / "FullName", "Ann");
    });
    CHECK(!done && done.error().code == Errc::denied);
    CHECK_MSG(done.error().text, done.error().text.find("is sticky, only its owner may replace") != std::string::npos && done.error().text.find("the server's while it runs, must own it (chown 0 ") != std::string::npos);
  }

  void failing() {
    struct Failing final : store::Files {
      void rename(const std::string&, const std::string& to) override { throw store::FileError(error, std::generic_category(), "renaming to " + to); }
      int error = EIO;
    } files;
    auto loaded = config::load(conf);
    auto change = [&] {
      return changeDomains({conf, loaded.config->staticText(), config::diskFiles(), files}, [](Change& c) {
        c.created.directory("dkim");
        c.created.file("dkim/x.pem", "key");
        return c.file.set(config::Path() / "Accounts" / "ann" / "FullName", "Ann");
      });
    };
    CHECK_THROWS(store::FileError, change());
    files.error = EACCES;
    auto done = change();
    CHECK(!done && done.error().code == Errc::denied && done.error().text.find("must be able to write") != std::string::npos);
    CHECK(dir.read("domains.conf") == handmade && !dir.has("dkim") && !hasUnfinished());
  }
};
SUITE(ManagedTest);
