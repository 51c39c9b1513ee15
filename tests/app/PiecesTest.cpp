#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "AppFixture.h"
#include "app/CreatedFiles.h"
#include "app/DataDir.h"
#include "app/DnsRecords.h"
#include "app/GiveTree.h"
#include "app/ListenPlan.h"
#include "app/Privileges.h"
#include "app/QuickstartConfig.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "app/SystemdUnit.h"
#include "config/Keys.h"
#include "config/Source.h"
#include "net/Keys.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::app;

struct PiecesTest : test::Suite<PiecesTest> {
  static void list(List& l) {
    l.add("mailboxes of new accounts", &PiecesTest::mailboxes);
    l.add("passwords given on standard input", &PiecesTest::passwords);
    l.add("generated passwords", &PiecesTest::generated);
    l.add("secrets are made once, with mode 0600, and never replaced", &PiecesTest::secrets);
    l.add("a self-signed certificate stays, and is for the host key", &PiecesTest::selfSigned);
    l.add("what failed leaves nothing behind", &PiecesTest::createdFiles);
    l.add("passed sockets go to the address they are bound to", &PiecesTest::sockets);
    l.add("which sockets exclude each other", &PiecesTest::socketPairs);
    l.add("users to become", &PiecesTest::users);
    l.add("the data directory is given to its user, and nothing that he puts in its place", &PiecesTest::given);
    l.add("a service manager that does not read is given up, and counted", &PiecesTest::deafManager);
    l.add("who is denied what is said with the folder in the way", &PiecesTest::whoIsDenied);
    l.add("the unit names program, user and directory", &PiecesTest::unit);
  }

  test::TempDir dir;
  store::SystemFiles files;
  SystemRandom random;
  SystemClock clock;

  void mailboxes() {
    config::Static fixed;
    CHECK_EQ(std::size_t(6), initialMailboxes(fixed).size());  // Inbox and the five with roles
    fixed.initialMailboxes.specialUse.sent = "Gesendet";
    fixed.initialMailboxes.regular = {"Todo", "inbox"};
    auto boxes = initialMailboxes(fixed);
    CHECK_EQ(std::size_t(3), boxes.size());
    CHECK(boxes[1].first == "Gesendet" && boxes[1].second == store::sentUse && boxes[2].first == "Todo");
    config::Static old;
    old.defaultMailboxes = {"Inbox", "Sent", "Lists"};
    boxes = initialMailboxes(old);
    CHECK_EQ(std::size_t(3), boxes.size());
    CHECK(boxes[1].second == store::sentUse && boxes[2].second == 0);
  }

  void deafManager() {
    net::Fd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto path = dir / "notify";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    CHECK_EQ(0, ::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    Foundations foundations([](std::string_view) {}, LogLevel::error);
    auto hits = [&] { return foundations.metrics.value("mox_limit_hits_total", {{"limit", "notify-wait"}}); };
    notifyStatus("fine", false, foundations);
    CHECK_EQ(0.0, hits());
    for (int i = 0; i < 10'000 && hits() == 0; ++i) notifyStatus("fine", false, foundations);
    ::unsetenv("NOTIFY_SOCKET");
    CHECK_EQ(1.0, hits());
  }

  void passwords() {
    CHECK_EQ(std::string("12345678"), passwordFromInput("12345678\n").value());
    CHECK_EQ(std::string("pass word "), passwordFromInput("pass word \r\n").value());
    CHECK(!passwordFromInput("1234567\n"));
    CHECK(!passwordFromInput(""));
    CHECK(!passwordFromInput("first line\nsecond\n"));
  }

  void generated() {
    FakeRandom fake(3);
    std::string seen;
    for (int i = 0; i < 300; ++i) {
      auto password = generatePassword(fake);
      CHECK_EQ(generatedPasswordLength, password.size());
      seen += password;
    }
    for (char c : std::string("abzAZ09!@#$%^&*-_;:,<.>/")) CHECK(seen.find(c) != std::string::npos);
    CHECK(seen.find_first_of(" \"'\\`") == std::string::npos);
  }

  void secrets() {
    auto path = dir / "key";
    auto made = readOrMakeSecret(files, random, path, 24);
    CHECK_EQ(std::size_t(24), made.size());
    CHECK(made == readOrMakeSecret(files, random, path, 24));
    struct stat info {};
    CHECK(::stat(path.c_str(), &info) == 0 && (info.st_mode & 0777) == 0600);
    CHECK_THROWS(std::runtime_error, readOrMakeSecret(files, random, path, 32));
    CHECK(made == dir.read("key"));
  }

  void selfSigned() {
    auto first = readOrMakeSelfSigned(files, random, clock, dir.path, "mox.example");
    auto again = readOrMakeSelfSigned(files, random, clock, dir.path, "mox.example");
    CHECK(first.chain == again.chain && first.key == again.key);
    auto key = net::generateEcdsaP256();
    auto forKey = readOrMakeSelfSigned(files, random, clock, dir.path, "mox.example", key);
    CHECK(forKey.key == key);
    CHECK(config::inspectKeyPair(forKey.chain, key).has_value());
    CHECK(forKey.chain == readOrMakeSelfSigned(files, random, clock, dir.path, "mox.example", key).chain);
    CHECK_THROWS(std::runtime_error, (void)net::makeSelfSigned(net::SelfSignedOptions{{"mox.example"}, "no key", ""}, clock, random));
    CHECK_EQ(std::size_t(32), tlsaData(key)->size());
    CHECK(!tlsaData("no key"));
  }

  void createdFiles() {
    dir.write("mine", "x");
    {
      CreatedFiles made(files, dir.path);
      made.tree("config");
      made.directory("config/dkim");
      made.file("config/dkim/key", "secret");
      CHECK_THROWS(store::FileError, made.file("mine", "other"));
    }
    CHECK(!dir.has("config"));
    CHECK_EQ(std::string("x"), dir.read("mine"));
    {
      CreatedFiles made(files, dir.path);
      made.tree("config");
      made.file("config/a", "b");
      made.keep();
    }
    CHECK_EQ(std::string("b"), dir.read("config/a"));
    CreatedFiles later(files, dir.path);
    CHECK_THROWS(store::FileError, later.tree("config"));
  }

  void sockets() {
    auto passed = net::listenTcp({*IpAddress::parse("127.0.0.1"), 0}, 8);
    auto stray = net::listenTcp({*IpAddress::parse("127.0.0.1"), 0}, 8);
    auto at = net::localEndpoint(passed->get());
    int fd = passed->get();
    std::vector<PlannedSocket> plan{{"local", Service::imap, at}, {"local", Service::smtp, {at.ip, 0}}};
    auto got = getSockets(plan, {{stray->release(), ""}, {passed->release(), "imap"}}, Log());
    CHECK(got.has_value());
    CHECK_EQ(std::size_t(2), got->size());
    CHECK_EQ(fd, (*got)[0].fd.get());
    CHECK(net::localEndpoint((*got)[1].fd.get()).port != 0);
    auto taken = getSockets({{"local", Service::imap, at}}, {}, Log());
    CHECK(!taken && taken.error().text.find("local, imap at 127.0.0.1") == 0);
    // Mail does not hang on ports that another web server may have.
    for (auto service : {Service::https, Service::acme, Service::acmeHttp}) CHECK(getSockets({{"local", service, at}}, {}, Log())->empty());
  }

  /// The check of a configuration goes by what the kernel does.
  void socketPairs() {
    auto port = net::localEndpoint(net::listenTcp({*IpAddress::parse("127.0.0.1"), 0}, 8)->get()).port;
    for (auto [one, other] : {std::pair("127.0.0.1", "127.0.0.1"), {"127.0.0.1", "0.0.0.0"}, {"0.0.0.0", "127.0.0.1"}, {"127.0.0.1", "127.0.0.2"}, {"0.0.0.0", "::"},
                              {"::", "0.0.0.0"}, {"::", "::1"}, {"::1", "::"}, {"::", "127.0.0.1"}, {"::1", "127.0.0.1"}}) {
      Endpoint first{*IpAddress::parse(one), port}, second{*IpAddress::parse(other), port};
      if (!net::listenTcp(first, 8) || !net::listenTcp(second, 8)) continue;  // no IPv6 here
      auto both = getSockets({{"a", Service::imap, first}, {"b", Service::imap, second}}, {}, Log());
      CHECK_MSG(first.text() + " " + second.text(), both.has_value() != config::excludeEachOther(first, second));
    }
  }

  void users() {
    CHECK(!findUser("root"));
    CHECK(!findUser("0"));
    CHECK(!findUser("no-such-user-here"));
    CHECK(!findUser("4294967295"));
    auto number = findUser("64321");  // images often have no entry for their user
    CHECK(number && number->uid == 64321 && number->gid == 64321);
  }

  uid_t owner(const std::string& name) const {
    struct stat info {};
    CHECK_EQ(0, ::lstat((dir / name).c_str(), &info));
    return info.st_uid;
  }

  void given() {
    if (!isRoot()) return;  // only root can give
    constexpr uid_t user = 64'321;
    const ServiceUser taker{"taker", user, user};
    for (const char* folder : {"etc/ssl", "data/accounts/bob", "data/x/ssl"}) std::filesystem::create_directories(dir / folder);
    for (const char* file : {"etc/shadow", "etc/ssl/key", "etc/hosts", "data/auth.db", "data/accounts/bob/account.db", "data/x/shadow", "data/x/ssl/key", "data/of-another"})
      dir.write(file, "x");
    std::filesystem::create_hard_link(dir / "etc/hosts", dir / "data/hosts");
    std::filesystem::create_symlink(dir / "etc/shadow", dir / "data/link");
    CHECK_EQ(0, ::lchown((dir / "data/of-another").c_str(), 64'322, 64'322));

    // A folder and a file that have just been opened change their meaning.
    giveTree(dir / "data", taker, [&](const std::string& path) {
      if (path == dir / "data/x") {
        std::filesystem::rename(path, dir / "data/was-x");
        std::filesystem::create_symlink(dir / "etc", path);
      } else if (path == dir / "data/auth.db") {
        std::filesystem::rename(path, dir / "data/was-auth.db");
        std::filesystem::create_hard_link(dir / "etc/shadow", path);
      }
    });
    for (const char* mine : {"data", "data/accounts/bob/account.db", "data/was-x", "data/was-x/shadow", "data/was-x/ssl/key", "data/was-auth.db"}) CHECK_EQ(user, owner(mine));
    for (const char* others : {"etc", "etc/shadow", "etc/ssl", "etc/ssl/key", "etc/hosts", "data/x", "data/link"}) CHECK_EQ(uid_t(0), owner(others));
    CHECK_EQ(uid_t(64'322), owner("data/of-another"));

    // By a link of root to where the data is, but by none of the user to somewhere else.
    std::filesystem::create_directory_symlink("etc/../", dir / "here");
    std::filesystem::create_directory_symlink(dir / "etc", dir / "there");
    CHECK_EQ(0, ::lchown((dir / "there").c_str(), user, user));
    CHECK(!giveTree(dir / "there/ssl", taker));
    CHECK_EQ(uid_t(0), owner("etc/ssl"));
    CHECK(giveTree(dir / "here/etc/ssl", taker));
    CHECK_EQ(user, owner("etc/ssl"));

    // One file and its mode, and never what it was swapped for.
    auto readable = [&](const std::string&, bool) { return Owner{0, user, 0640}; };
    auto modeOf = [&](const char* name) { return std::filesystem::status(dir / name).permissions(); };
    auto before = modeOf("etc/shadow");
    for (const char* name : {"made", "swapped"}) dir.write(name, "x");
    CHECK(giveTree(dir / "made", readable));
    CHECK_EQ(0640, static_cast<int>(modeOf("made")));
    CHECK(giveTree(dir / "swapped", readable, [&](const std::string& path) {
      std::filesystem::rename(path, dir / "was-swapped");
      std::filesystem::create_symlink(dir / "etc/shadow", path);
    }));
    CHECK_EQ(0640, static_cast<int>(modeOf("was-swapped")));
    CHECK(before == modeOf("etc/shadow"));
  }

  /// What `ask` says as a user who is not root.
  static std::string asNobody(const std::function<std::string()>& ask) {
    int ends[2];
    CHECK_EQ(0, ::pipe(ends));
    auto child = ::fork();
    if (child == 0) {
      constexpr uid_t nobody = 65'534;
      auto said = ::setresuid(nobody, nobody, nobody) == 0 ? ask() : "still root";
      auto written = ::write(ends[1], said.data(), said.size());
      ::_exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    std::string said(1'000, '\0');
    auto got = ::read(ends[0], said.data(), said.size());
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return said.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }

  void whoIsDenied() {
    CHECK_EQ(std::string(), whyDenied(dir / "absent/file", R_OK));
    if (!isRoot()) return;  // only root can ask as somebody else
    std::filesystem::create_directories(dir / "config");
    std::filesystem::create_directories(dir / "data/accounts/bob");
    dir.write("data/accounts/bob/account.db", "x");
    auto mode = [&](const std::string& name, mode_t bits) { CHECK_EQ(0, ::chmod((dir / name).c_str(), bits)); };
    auto says = [&] { return asNobody([&] { return whyDataDenied(dir / "config/../data"); }); };
    mode("", 0755);
    mode("config", 0700);
    for (const char* name : {"data", "data/accounts", "data/accounts/bob"}) mode(name, 0777);
    CHECK_EQ("user nobody may not pass " + (dir / "config") + ", which belongs to user root (mode 0700)", says());
    mode("config", 0755);
    mode("data/accounts/bob/account.db", 0600);
    CHECK_EQ("user nobody may not read " + (dir / "config/../data/accounts/bob/account.db") + ", which belongs to user root (mode 0600)", says());
    mode("data/accounts/bob/account.db", 0644);
    CHECK(says().find("may not write") != std::string::npos);
    mode("data/accounts/bob/account.db", 0666);
    CHECK_EQ(std::string(), says());
  }

  void unit() {
    auto text = systemdUnit({"/usr/bin/mox", "/srv/mail/config/mox.conf", "/srv/mail/data", "post"});
    for (const char* wanted : {"ExecStart=/usr/bin/mox serve\n", "User=post\n", "WorkingDirectory=/srv/mail\n", "Type=notify\n",
                               "ReadWritePaths=/srv/mail/config /srv/mail/data\n", "BindPaths=/srv/mail\n", "AmbientCapabilities=CAP_NET_BIND_SERVICE\n"})
      CHECK_MSG(wanted, text.find(wanted) != std::string::npos);
    // As systemd reads each of them: a working directory is the whole line, the others are words.
    auto odd = systemdUnit({"/opt/my \"mox\"/mox", "/srv/my mail:50%/config/mox.conf", "/srv/my mail:50%/data", "post"});
    for (const char* wanted : {"ExecStart=\"/opt/my \\\"mox\\\"/mox\" serve\n", "WorkingDirectory=/srv/my mail:50%%\n",
                               "ReadWritePaths=\"/srv/my mail:50%%/config\" \"/srv/my mail:50%%/data\"\n", "BindPaths=\"/srv/my mail\\:50%%\"\n"})
      CHECK_MSG(odd, odd.find(wanted) != std::string::npos);
    // A configuration that the server would not find by itself, with its data elsewhere.
    auto apart = systemdUnit({"/usr/bin/mox", "/etc/my mox/mox.conf", "/home/mox", "mox"});
    for (const char* wanted : {"[Unit]\n", "ExecStart=/usr/bin/mox -config \"/etc/my mox/mox.conf\" serve\n", "WorkingDirectory=/etc/my mox\n",
                               "ReadWritePaths=\"/etc/my mox\" /home/mox\n", "BindPaths=\"/etc/my mox\" /home/mox\n"})
      CHECK_MSG(apart, apart.find(wanted) != std::string::npos);
  }
};
SUITE(PiecesTest);
