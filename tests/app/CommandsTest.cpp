#include <signal.h>
#include <sys/stat.h>

#include "AppFixture.h"
#include "app/DataDir.h"
#include "app/Storage.h"
#include "config/Source.h"
#include "net/Keys.h"
#include "queue/Storage.h"
#include "store/Db.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;
using test::run;

struct CommandsTest : test::Suite<CommandsTest> {
  static void list(List& l) {
    l.add("help, version, and what is no command", &CommandsTest::help);
    l.add("of what is no command yet only what begins so is listed", &CommandsTest::incomplete);
    l.add("each command has help", &CommandsTest::allHaveHelp);
    l.add("config test says where the error is", &CommandsTest::configTest);
    l.add("-pedantic is as if the file said so", &CommandsTest::pedantic);
    l.add("templates parse, the schema is JSON", &CommandsTest::templates);
    l.add("the unit is that of the configuration", &CommandsTest::unit);
    l.add("DNS records of a domain", &CommandsTest::dnsRecords);
    l.add("a Received id is undone with the key", &CommandsTest::cid);
    l.add("data of the mox in Go is refused, and nothing of it touched", &CommandsTest::dataOfMoxInGo);
    l.add("verifydata finds damage", &CommandsTest::verifyData);
    l.add("data of a newer version is refused at the start", &CommandsTest::newerData);
    l.add("an account's data is removed only when it is not configured", &CommandsTest::removal);
    l.add("repairs without a server", &CommandsTest::repairs);
    l.add("an export without a server", &CommandsTest::exportAlone);
    l.add("the admin password is a bcrypt hash in its file", &CommandsTest::adminPassword);
    l.add("without a server its commands say so", &CommandsTest::noServer);
    l.add("options of commands are checked", &CommandsTest::options);
  }

  test::TempDir dir;
  std::string conf = dir / "mox.conf";

  void setUp() override { write("\t\tMetricsHTTP:\n\t\t\tEnabled: true\n"); }
  void write(const std::string& listeners, const std::string& top = "") {
    dir.write("mox.conf", test::staticText(listeners) + top);
    dir.write("domains.conf", test::dynamicText());
  }

  void help() {
    CHECK(run({"help", "queue"}).out.find("mox queue list") != std::string::npos);
    CHECK(run({"help", "queue", "list"}).out.find("usage: mox queue list") == 0);
    CHECK(run({"version"}).out.find("mox ") == 0);
    CHECK_EQ(2, run({"nonsense"}).status);
    CHECK_EQ(2, run({}).status);
    CHECK_EQ(2, run({"-nonsense", "version"}).status);
  }

  void incomplete() {
    auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    for (std::vector<std::string> words : {std::vector<std::string>{"queue"}, {"config", "alias"}}) {
      auto ran = run(words);
      words.insert(words.begin(), "help");
      CHECK_EQ(2, ran.status);
      CHECK_EQ(std::string(), ran.out);
      CHECK_MSG(ran.err, ran.err.starts_with("incomplete command: "));
      CHECK_EQ(run(words).out, ran.err.substr(ran.err.find('\n') + 1));
    }
    CHECK_EQ(std::string("incomplete command: dns\n  mox dns records [-format zone|json|nsupdate] [domain]\n"), run({"dns"}).err);
    auto misspelt = run({"queue", "lits", "-n", "3"});
    CHECK_EQ(2, misspelt.status);
    CHECK_MSG(misspelt.err, misspelt.err.starts_with("unknown command: queue lits -n 3\n  mox queue list ") && lines(misspelt.err) < 15);
    auto nonsense = run({"nonsense"}).err;
    CHECK_MSG(nonsense, nonsense.starts_with("unknown command: nonsense\nusage: mox ") && lines(nonsense) > 40);
  }

  void allHaveHelp() {
    for (const auto& command : commands()) {
      CHECK_MSG(std::string(command.words), !command.help.empty() && command.run != nullptr);
      std::vector<std::string> args{"help"};
      std::istringstream words{std::string(command.words)};
      for (std::string word; words >> word;) args.push_back(word);
      CHECK_EQ(0, run(args).status);
    }
  }

  void configTest() {
    CHECK_EQ(std::string("config OK\n"), run({"-config", conf, "config", "test"}).out);
    dir.write("domains.conf", "Domains:\n\tmox.example: nil\nAccounts:\n\tmjl:\n\t\tNonsense: x\n");
    auto bad = run({"-config", conf, "config", "check"});
    CHECK_EQ(1, bad.status);
    CHECK(bad.err.find("domains.conf:5:") != std::string::npos);
    CHECK_EQ(1, run({"-config", dir / "absent.conf", "config", "test"}).status);
  }

  void pedantic() {
    CHECK_EQ(0, run({"-pedantic", "-config", conf, "config", "test"}).status);
    write("\t\tMetricsHTTP:\n\t\t\tEnabled: true\n", "Pedantic: true\n");
    CHECK_EQ(0, run({"-pedantic", "-config", conf, "config", "test"}).status);
    dir.write("mox.conf", "Hostname mox.example\n");
    CHECK(run({"-pedantic", "-config", conf, "config", "test"}).err.find("mox.conf:1:") != std::string::npos);
  }

  void templates() {
    CHECK(run({"config", "describe-static"}).out.find("DataDir:") != std::string::npos);
    CHECK(run({"config", "describe-domains"}).out.find("Accounts:") != std::string::npos);
    auto schema = run({"config", "schema"}).out;
    CHECK(schema.starts_with("{") && schema.find("2020-12") != std::string::npos);
  }

  void unit() {
    write("\t\tMetricsHTTP:\n\t\t\tEnabled: true\n", "User: 65432\n");
    auto folder = std::filesystem::canonical(dir.path).string();
    auto says = [&](const std::string& path, const std::vector<std::string>& wanted) {
      auto printed = run({"-config", path, "config", "printservice"});
      CHECK_EQ(0, printed.status);
      for (const auto& line : wanted) CHECK_MSG(line + " in\n" + printed.out, ("\n" + printed.out).find("\n" + line) != std::string::npos);
      return printed.out;
    };
    auto printed = says(conf, {"User=65432\n", "WorkingDirectory=" + folder + "\n", "ReadWritePaths=" + folder + "\n", "BindPaths=" + folder + "\n"});
    CHECK_MSG(printed, printed.starts_with("[Unit]\n") && printed.find(" -config " + folder + "/mox.conf serve\n") != std::string::npos);
    // As quickstart has it.
    std::filesystem::create_directory(dir / "config");
    dir.write("config/mox.conf", std::string(test::staticText("\t\tMetricsHTTP:\n\t\t\tEnabled: true\n")).replace(0, 13, "DataDir: ../data"));
    dir.write("config/domains.conf", test::dynamicText());
    printed = says(dir / "config/mox.conf", {"User=mox\n", "WorkingDirectory=" + folder + "\n", "ReadWritePaths=" + folder + "/config " + folder + "/data\n"});
    CHECK_MSG(printed, printed.find("/mox.conf") == std::string::npos && printed.find(" serve\n") != std::string::npos);
    // One that does not load: what quickstart would have made.
    std::filesystem::remove(dir / "config/domains.conf");
    says(dir / "config/mox.conf", {"# The configuration does not load, assumed are the user mox and the data directory " + folder + "/data:\n",
                                   "# " + (dir / "config/domains.conf") + ": ", "User=mox\n", "ReadWritePaths=" + folder + "/config " + folder + "/data\n"});
  }

  void dnsRecords() {
    std::filesystem::create_directory(dir / "dkim");
    dir.write("dkim/s.pem", net::generateEd25519());
    dir.write("domains.conf", "Domains:\n\tmox.example:\n\t\tDKIM:\n\t\t\tSelectors:\n\t\t\t\ts:\n\t\t\t\t\tPrivateKeyFile: dkim/s.pem\n\t\t\tSign:\n\t\t\t\t- s\n"
                              "Accounts:\n\tmjl:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tmjl@mox.example: nil\n");
    auto records = run({"-config", conf, "config", "dnsrecords", "mox.example"});
    CHECK_MSG(records.err, records.status == 0);
    for (const char* wanted : {"MX 10 mox.example.", "s._domainkey.mox.example.", "\"v=DKIM1;", "k=ed25519", "\"v=spf1 mx ~all\"", "_dmarc.mox.example.",
                               "_pop3._tcp.mox.example.", "0 0 0 ."})
      CHECK_MSG(records.out, records.out.find(wanted) != std::string::npos);
    CHECK_EQ(1, run({"-config", conf, "config", "dnsrecords", "other.example"}).status);
    CHECK(run({"-config", conf, "dns", "records"}).out.find("mox.example. 300 IN MX 10 mox.example.\n") != std::string::npos);
    CHECK(run({"-config", conf, "dns", "records", "-format", "json", "mox.example"}).out.starts_with("{\n"));
    CHECK(run({"-config", conf, "dns", "records", "-format=nsupdate"}).out.ends_with("send\n"));
    CHECK_EQ(2, run({"-config", conf, "dns", "records", "-format", "bind"}).status);
    CHECK_EQ(1, run({"-config", conf, "dns", "records", "other.example"}).status);
    CHECK_EQ(1, run({"-config", conf, "config", "dnscheck", "other.example"}).status);
  }

  void cid() {
    std::filesystem::create_directory(dir / "data");
    std::string key(delivery::ReceivedId::keySize, 'k');
    dir.write("data/receivedid.key", key);
    auto id = delivery::ReceivedId::make(key)->encode(ConnectionId(4711));
    CHECK_EQ(std::string("4711\n"), run({"-config", conf, "cid", id}).out);
    CHECK_EQ(1, run({"-config", conf, "cid", "AAAAAAAAAAAAAAAAAAAAAA"}).status);
    dir.write("data/receivedid.key", "short");
    CHECK_EQ(1, run({"-config", conf, "cid", id}).status);
  }

  /// As a server does.
  void makeQueue() {
    store::SystemFiles files;
    queue::StorageOptions options;
    options.directory = dir / "data/queue";
    queue::Storage(options, files, Log());
  }

  /// A server sets up its process before it looks at what it is to serve.
  test::Ran servedHere() {
    sigset_t signals;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &signals);
    auto mask = ::umask(0);
    auto ran = run({"-config", conf, "serve"});
    ::umask(mask);
    ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
    return ran;
  }

  void dataOfMoxInGo() {
    for (const char* database : {"data/queue/index.db", "data/accounts/mjl/index.db"}) {
      std::filesystem::remove_all(dir / "data");
      std::filesystem::create_directories(std::filesystem::path(dir / database).parent_path());
      std::filesystem::create_directories(dir / "data/accounts");
      dir.write(database, "mail");
      auto expected = (dir / database) + ": this is data of the mox that is written in Go";
      auto served = servedHere();
      CHECK_MSG(served.err, served.status == 1 && served.err.find("error: " + expected) != std::string::npos);
      CHECK(run({"verifydata", dir / "data"}).err.find(expected) != std::string::npos);
      Foundations foundations([](std::string_view) {});
      try {
        Storage storage(foundations, dir / "data");
        CHECK(false);
      } catch (const std::runtime_error& refused) {
        CHECK_MSG(refused.what(), std::string(refused.what()).starts_with(expected));
      }
      CHECK_EQ(std::string("mail"), dir.read(database));
      CHECK(!dir.has("data/salt.key") && !dir.has("data/accounts/mjl/account.db"));
    }
    // What is left of it beside accounts of ours is nobody's harm.
    std::filesystem::create_directory(dir / "data/accounts/you");
    dir.write("data/accounts/you/account.db", "");
    CHECK_EQ(std::string(), foreignData(dir / "data"));
  }

  void verifyData() {
    {
      Foundations foundations([](std::string_view) {});
      Storage storage(foundations, dir / "data");
      CHECK_EQ(std::size_t(1), storage.createAccounts(*config::load(conf).config).size());
      CHECK(run({"verifydata", dir / "data"}).err.find("another process uses") != std::string::npos);
    }
    auto lacking = run({"verifydata", dir / "data"});
    CHECK_EQ(std::string("data: there is no queue/queue.db: mail that was to be sent\naccount mjl: ok\nauth.db: ok\n1 problem\n"), lacking.out);
    makeQueue();
    auto good = run({"verifydata", dir / "data"});
    CHECK_MSG(good.out + good.err, good.status == 0 && good.out == "account mjl: ok\nauth.db: ok\nqueue: ok\nno problems\n");
    // The full-text index is no mail: only a warning.
    dir.write("data/accounts/mjl/search.db", "not a database, whatever it says" + std::string(4'096, 'x'));
    auto warned = run({"verifydata", dir / "data"});
    CHECK_MSG(warned.out, warned.status == 0 && warned.out.find("account mjl: warning: full-text index: ") != std::string::npos);
    std::filesystem::remove(dir / "data/accounts/mjl/search.db");
    // Files of no message: named, and moved if asked for.
    std::filesystem::create_directories(dir / "data/accounts/mjl/bodies/0");
    dir.write("data/accounts/mjl/bodies/0/7", "lost");
    dir.write("data/backup-unfinished", "");
    CHECK_EQ(std::string("backup: was not finished: what is here may lack mail\naccount mjl: body file of no message: 0/7\nauth.db: ok\nqueue: ok\n2 problems\n"),
             run({"verifydata", dir / "data"}).out);
    CHECK(run({"verifydata", "-fix", dir / "data"}).out.find("body file of no message: 0/7, moved") != std::string::npos);
    std::filesystem::remove(dir / "data/backup-unfinished");
    CHECK_EQ(0, run({"verifydata", dir / "data"}).status);
    CHECK_EQ(std::string("lost"), dir.read("data/accounts/mjl/moved/0-7"));
    dir.write("data/accounts/mjl/account.db", std::string(8192, 'x'));
    auto bad = run({"verifydata", dir / "data"});
    CHECK_EQ(1, bad.status);
    CHECK(bad.out.find("account mjl: " + (dir / "data/accounts/mjl/account.db") + ": damaged: this is not a database") == 0);
    dir.write("data/accounts/mjl/bodies/0/8", "mail");
    dir.write("data/accounts/mjl/account.db", "");
    CHECK(run({"verifydata", "-fix", dir / "data"}).out.find("the database is empty, but the folder has what is left of an account") != std::string::npos);
    CHECK_EQ(std::string("mail"), dir.read("data/accounts/mjl/bodies/0/8"));
    CHECK_EQ(1, run({"verifydata", dir / "nothing"}).status);
  }

  void newerData() {
    Foundations foundations([](std::string_view) {});
    { Storage(foundations, dir / "data").createAccounts(*config::load(conf).config); }
    { store::Db(dir / "data/accounts/mjl/account.db").exec("PRAGMA user_version=99"); }
    try {
      Storage again(foundations, dir / "data");
      CPPUNIT_FAIL("opened data of a newer version");
    } catch (const std::runtime_error& refused) {
      CHECK(std::string(refused.what()).find("account.db: written by a newer version (format 99, this one knows up to 5): upgrade") != std::string::npos);
    }
    CHECK(run({"verifydata", dir / "data"}).out.find("written by a newer version") != std::string::npos);
  }

  void removal() {
    Foundations foundations([](std::string_view) {});
    {
      Storage storage(foundations, dir / "data");
      storage.createAccounts(*config::load(conf).config);
      CHECK(storage.accounts.open("gone").has_value());
    }
    auto configured = run({"-config", conf, "account", "remove-data", "mjl"});
    CHECK_EQ(1, configured.status);
    CHECK(configured.err.find("is configured") != std::string::npos && dir.has("data/accounts/mjl/account.db"));
    CHECK_EQ(1, run({"-config", conf, "account", "remove-data", "../mjl"}).status);
    CHECK_EQ(0, run({"-config", conf, "account", "remove-data", "gone"}).status);
    CHECK(!dir.has("data/accounts/gone") && !dir.has("data/accounts/.removed-gone"));
    CHECK_EQ(1, run({"-config", conf, "account", "remove-data", "gone"}).status);
  }

  void repairs() {
    Foundations foundations([](std::string_view) {});
    { Storage(foundations, dir / "data").createAccounts(*config::load(conf).config); }
    for (const char* command : {"bumpuidvalidity", "reassignuids", "fixuidmeta", "fixmsgsize", "recalculatemailboxcounts", "reparse", "ensureparsed", "reassignthreads"}) {
      auto done = run({"-config", conf, command, "mjl"});
      CHECK_MSG(command + done.err, done.status == 0 && done.out.starts_with("account mjl: "));
      CHECK_EQ(1, run({"-config", conf, command, "nobody"}).status);
    }
    CHECK_EQ(1, run({"-config", conf, "bumpuidvalidity", "mjl", "Missing"}).status);
    CHECK(run({"-config", conf, "retrain"}).err.find("no junk filter") != std::string::npos);
    CHECK_EQ(std::string("account mjl: 0 messages lack their body file\n"), run({"-config", conf, "lostmessages", "mjl"}).out);
    makeQueue();
    CHECK_EQ(0, run({"verifydata", dir / "data"}).status);
  }

  void exportAlone() {
    Foundations foundations([](std::string_view) {});
    { Storage(foundations, dir / "data").createAccounts(*config::load(conf).config); }
    auto done = run({"-config", conf, "export", "mbox", dir / "out.zip", "mjl"});
    CHECK_MSG(done.err, done.status == 0 && dir.has("out.zip"));
    CHECK(run({"-config", conf, "export", "mbox", dir / "out.zip", "mjl"}).err.find("will not write over") != std::string::npos);
    CHECK_EQ(1, run({"-config", conf, "export", "maildir", dir / "out", "nobody"}).status);
    CHECK(run({"-config", conf, "import", "mbox", "mjl", "Inbox", dir / "out.zip"}).err.find("no server answers") != std::string::npos);
  }

  void adminPassword() {
    CHECK_EQ(1, run({"-config", conf, "setadminpassword"}, "long enough\n").status);
    write("\t\tMetricsHTTP:\n\t\t\tEnabled: true\n", "AdminPasswordFile: adminpasswd\n");
    CHECK_EQ(1, run({"-config", conf, "setadminpassword"}, "short\n").status);
    CHECK(!dir.has("adminpasswd"));
    CHECK_EQ(0, run({"-config", conf, "setadminpassword"}, "long enough\n").status);
    CHECK_EQ(0, run({"-config", conf, "setadminpassword"}, "long enough 2\n").status);
    CHECK(store::passwordVerify("long enough 2", dir.read("adminpasswd")));
  }

  void noServer() {
    for (std::vector<std::string> words : {std::vector<std::string>{"stop"}, {"loglevels"}, {"queue", "list"}, {"config", "tlspubkey", "list"}}) {
      words.insert(words.begin(), {"-config", conf});
      auto ran = run(words);
      CHECK_EQ(1, ran.status);
      CHECK(ran.err.find("no server answers") != std::string::npos);
    }
    CHECK(run({"-config", conf, "setaccountpassword", "mjl"}, "1234567\n").err.find("at least 8") != std::string::npos);
  }

  void options() {
    CHECK_EQ(2, run({"config", "test", "a", "b"}).status);
    CHECK_EQ(2, run({"cid"}).status);
    CHECK_EQ(2, run({"localserve", "-ip", "nonsense"}).status);
    CHECK_EQ(2, run({"quickstart", "no-address"}).status);
    CHECK_EQ(2, run({"-loglevel", "loud", "-config", conf, "serve"}).status);
  }
};
SUITE(CommandsTest);
