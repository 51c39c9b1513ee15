#include "app/Server.h"

#include "AppFixture.h"
#include "app/Commands.h"
#include "app/Ctl.h"
#include "app/DataDir.h"
#include "app/FolderLock.h"
#include "app/Localserve.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "config/Source.h"
#include "message/Parsed.h"
#include "net/Keys.h"
#include "queue/Queue.h"
#include "store/Db.h"
#include "support/Test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <fstream>
#include <future>
#include <thread>

using namespace mox;
using namespace mox::app;

namespace {

/// A blocking connection of a client; ten seconds are for tests that fail.
class Client {
 public:
  explicit Client(const Endpoint& to) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    auto size = net::toSockaddr(to, address);
    timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) throw std::runtime_error("cannot connect to " + to.text());
  }
  void send(const std::string& text) {
    if (::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) throw std::runtime_error("send");
  }
  std::string line() {
    std::string out;
    for (char c; !out.ends_with("\n") && ::recv(fd_.get(), &c, 1, 0) == 1;) out += c;
    return out;
  }
  /// The line that begins with `start`; others before it are skipped.
  std::string until(const std::string& start) {
    for (;;) {
      auto got = line();
      if (got.starts_with(start)) return got;
      if (got.empty()) throw std::runtime_error("connection over before " + start);
    }
  }
  std::string rest() {
    std::string out;
    for (auto got = line(); !got.empty(); got = line()) out += got;
    return out;
  }

 private:
  net::Fd fd_;
};

constexpr const char* extraAccount = "\tnew:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tnew@mox.example: nil\n";

}  // namespace

struct ServerTest : test::Suite<ServerTest> {
  static void list(List& l) {
    l.add("starts on passed sockets, makes accounts and keys, speaks IMAP, SMTP and HTTP", &ServerTest::speaks);
    l.add("passwords are set by the control socket, and log in", &ServerTest::password);
    l.add("reload takes over accounts and certificates, and keeps what it had on errors", &ServerTest::reload);
    l.add("managed commands are worked by at once, and one after the other", &ServerTest::managed);
    l.add("one address cannot hold the port of the metrics, nor the room of mail with it", &ServerTest::httpLimit);
    l.add("log levels", &ServerTest::logLevels);
    l.add("reindex", &ServerTest::reindex);
    l.add("queue commands", &ServerTest::queueCommands);
    l.add("queue list: codes of an attempt only if it has them", &ServerTest::queueResults);
    l.add("queue drop: an option that chooses nothing is refused, and nothing dropped", &ServerTest::emptyChoice);
    l.add("client keys", &ServerTest::clientKeys);
    l.add("stop: asked for by the command, says goodbye, ends once", &ServerTest::stop);
    l.add("the command stop returns when the data directory is free, and says so if it is not", &ServerTest::stopCommand);
    l.add("healthcheck: well while it runs, whatever is in the files; a port that is closed is named", &ServerTest::health);
    l.add("healthcheck: who is refused for too many failed logins has found a server that is well, one that is busy is not", &ServerTest::limitedHealth);
    l.add("a second server on the same data is refused", &ServerTest::second);
    l.add("an account without its database is unavailable, the rest goes on, and nothing is made in its place", &ServerTest::damagedAccount);
    l.add("a backup into the data directory leaves itself and others out", &ServerTest::backupInside);
    l.add("a backup has what links in the folder of the configuration lead to, and names what is elsewhere", &ServerTest::backupOfLinks);
    l.add("of two backups into one folder the second is refused", &ServerTest::backupsAtOnce);
    l.add("backup, export and import go by what the command has opened, whatever the server sees by the name", &ServerTest::passedPaths);
    l.add("localserve: submission comes back to the Inbox", &ServerTest::local);
  }

  test::TempDir dir;
  Foundations foundations{[](std::string_view) {}, LogLevel::error};
  std::unique_ptr<Server> server;
  int stopsAsked = 0;
  std::promise<void> stopAsked;

  std::string ctl() const { return ctlPath(dir / "data"); }
  std::string conf() const { return dir / "mox.conf"; }

  void writeCertificate() { writeCertificate(foundations.clock); }
  void writeCertificate(const Clock& clock) {
    auto made = net::selfSigned({"mox.example"}, clock, foundations.random);
    dir.write("cert.pem", made.chain);
    dir.write("key.pem", made.key);
  }

  ServerOptions optionsOf(const config::ConfigPtr& config) {
    ServerOptions options;
    options.configPath = conf();
    options.config = config;
    options.certificates = readCertificates(*config, config::diskFiles()).value();
    options.requestStop = [this] {
      ++stopsAsked;
      stopAsked.set_value();
    };
    return options;
  }

  /// Ports are the kernel's choice: a configuration of port 0 would mean the standard one.
  void start() {
    writeCertificate();
    auto at = *IpAddress::parse("127.0.0.1");
    std::vector<net::Fd> sockets;
    std::vector<std::uint16_t> ports;
    for (int i = 0; i < 4; ++i) {
      sockets.push_back(std::move(*net::listenTcp({at, 0}, 8)));
      ports.push_back(net::localEndpoint(sockets.back().get()).port);
    }
    auto port = [&](std::size_t i) { return "\t\t\tPort: " + std::to_string(ports[i]) + "\n"; };
    dir.write("mox.conf", test::staticText("\t\tTLS:\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: cert.pem\n\t\t\t\t\tKeyFile: key.pem\n"
                                           "\t\tSMTP:\n\t\t\tEnabled: true\n" + port(0) + "\t\tSubmission:\n\t\t\tEnabled: true\n\t\t\tNoRequireSTARTTLS: true\n" + port(1) +
                                           "\t\tIMAP:\n\t\t\tEnabled: true\n\t\t\tNoRequireSTARTTLS: true\n" + port(2) + "\t\tMetricsHTTP:\n\t\t\tEnabled: true\n" + port(3)));
    dir.write("domains.conf", test::dynamicText());
    auto loaded = config::load(conf());
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    std::vector<net::PassedSocket> passed;
    for (auto& socket : sockets) passed.push_back({socket.release(), ""});
    auto options = optionsOf(loaded.config);
    options.sockets = getSockets(planSockets(*loaded.config), std::move(passed), foundations.log).value();
    server = std::make_unique<Server>(std::move(options), foundations);
  }

  Endpoint at(Service service) {
    for (const auto& opened : server->listeners())
      if (opened.plan.service == service) return opened.at;
    throw std::runtime_error("not listening");
  }

  test::Ran ask(std::vector<std::string> words, const std::string& input = "") {
    std::ostringstream out, err;
    auto status = ctlCall(ctl(), {std::move(words), input}, out, err);
    return {status.value(), out.str(), err.str()};
  }

  bool logsIn(const std::string& login, const std::string& password) {
    Client imap(at(Service::imap));
    imap.until("* OK");
    imap.send("a LOGIN " + login + " \"" + password + "\"\r\n");
    return imap.until("a ").starts_with("a OK");
  }

  void speaks() {
    start();
    CHECK_EQ(std::size_t(4), server->listeners().size());
    CHECK_EQ(std::uintmax_t(24), std::filesystem::file_size(dir / "data/receivedid.key"));
    CHECK_EQ(std::uintmax_t(32), std::filesystem::file_size(dir / "data/salt.key"));
    CHECK(dir.has("data/accounts/mjl/account.db"));
    CHECK(Client(at(Service::imap)).line().starts_with("* OK"));
    CHECK(Client(at(Service::smtp)).line().starts_with("220 mox.example"));
    CHECK(Client(at(Service::submission)).line().starts_with("220 "));
    Client imap(at(Service::imap));
    imap.until("* OK");
    Client http(at(Service::metrics));
    http.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    auto metrics = http.rest();
    CHECK(metrics.find("mox_imap_connection_total") != std::string::npos);
    CHECK(metrics.find("mox_connections_count ") != std::string::npos);
    CHECK(metrics.find("mox_logging_level_error_total") != std::string::npos);
    Client ready(at(Service::metrics));
    ready.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(ready.line().starts_with("HTTP/1.1 200"));
  }

  void password() {
    start();
    CHECK(!logsIn("mjl@mox.example", ""));
    CHECK_EQ(0, ask({"setaccountpassword", "mjl"}, "correct horse\n").status);
    CHECK(logsIn("mjl@mox.example", "correct horse"));
    CHECK(!logsIn("mjl@mox.example", "wrong horse"));
    CHECK(ask({"setaccountpassword", "mjl"}, "1234567\n").err.find("at least 8") != std::string::npos);
    CHECK_EQ(1, ask({"setaccountpassword", "nobody"}, "correct horse\n").status);
    CHECK_EQ(2, ask({"setaccountpassword"}, "correct horse\n").status);
    CHECK(logsIn("mjl@mox.example", "correct horse"));
  }

  void reload() {
    start();
    dir.write("domains.conf", test::dynamicText(extraAccount));
    writeCertificate();
    CHECK(server->reload());
    CHECK(server->config()->account("new") != nullptr);
    CHECK(dir.has("data/accounts/new/account.db"));
    writeCertificate(FakeClock(fromUnixSeconds(1'000'000'000)));  // for four years
    auto expired = server->reload();
    CHECK_MSG(join(expired.errors, "|") + join(expired.warnings, "|"), expired && expired.warnings.back().ends_with("cert.pem: the certificate has expired at 2005-09-08T00:46:40Z"));
    CHECK_EQ(expired.warnings.size() - 1, server->reload().warnings.size());
    dir.write("domains.conf", "nonsense\n");
    CHECK(!server->reload());
    CHECK(server->config()->account("new") != nullptr);
    dir.write("domains.conf", test::dynamicText());
    dir.write("key.pem", "no key");
    CHECK(!server->reload());  // the certificate is checked with the configuration
    CHECK(Client(at(Service::imap)).line().starts_with("* OK"));
  }

  void managed() {
    start();
    CHECK_EQ(0, ask({"config account add", "new", "new@mox.example"}).status);
    CHECK(server->config()->account("new") != nullptr && dir.has("data/accounts/new/account.db"));
    CHECK_EQ(0, ask({"setaccountpassword", "new"}, "a new password\n").status);
    CHECK(logsIn("new@mox.example", "a new password"));
    CHECK_EQ(0, ask({"config account disable", "new", "gone"}).status);
    CHECK(!logsIn("new@mox.example", "a new password"));
    CHECK_EQ(0, ask({"config account enable", "new"}).status);
    CHECK(logsIn("new@mox.example", "a new password"));
    // The command line finds the server.
    auto added = test::run({"-config", conf(), "config", "domain", "add", "new.example", "new"});
    CHECK_MSG(added.err, added.status == 0 && added.out.find("does not run") == std::string::npos);
    CHECK_EQ(std::size_t(1), server->config()->domain(Domain::make("new.example").value())->signingKeys.size());
    auto refused = ask({"config account rm", "mjl"});
    CHECK(refused.status == 1 && refused.err.find("Postmaster.Account") != std::string::npos && server->config()->account("mjl") != nullptr);
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back([this, i] { CHECK_EQ(0, ask({"config address add", "a" + std::to_string(i) + "@new.example", "new"}).status); });
    for (auto& client : clients) client.join();
    CHECK_EQ(std::size_t(9), server->config()->account("new")->addresses.size());
    // What was edited and not reloaded is applied too, and told; the next command has nothing of that to tell.
    auto text = dir.read("domains.conf");
    dir.write("domains.conf", text + "\tby-hand:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\thand@mox.example: nil\n");
    auto told = ask({"config account disable", "new", "gone"});
    CHECK_EQ(std::string("Also applied, since the files had been edited: account added: by-hand\n"
                         "Also applied, since the files had been edited: address added: hand@mox.example of by-hand\n"),
             told.out.substr(told.out.find('\n') + 1));
    CHECK(server->config()->account("by-hand") != nullptr);
    auto quiet = ask({"config account enable", "new"});
    CHECK_MSG(quiet.out, quiet.status == 0 && quiet.out.find("Also") == std::string::npos);
    // A change that is refused applies nothing of it.
    dir.write("domains.conf", text);
    CHECK_EQ(1, ask({"config account rm", "mjl"}).status);
    CHECK(server->config()->account("by-hand") != nullptr);
    CHECK(ask({"config account disable", "new", "gone"}).out.find("edited: account removed: by-hand") != std::string::npos);
    CHECK_EQ(0, ask({"config account enable", "new"}).status);
    // One who has the file for long does not keep the server from stopping.
    {
      auto held = FolderLock::take(dir.path, Duration(0));
      auto late = ask({"config account enable", "new"});
      CHECK_MSG(late.err, held.has_value() && late.status == 1 && late.err.find("somebody else is changing") != std::string::npos);
      CHECK_EQ(1.0, foundations.metrics.value("mox_limit_hits_total", {{"limit", "config-lock-wait"}}));
    }
    // Removed: the mail stays.
    for (int i = 0; i < 8; ++i) CHECK_EQ(0, ask({"config address rm", "a" + std::to_string(i) + "@new.example"}).status);
    CHECK_EQ(0, ask({"config domain rm", "new.example"}).status);
    CHECK_EQ(0, ask({"config account rm", "new"}).status);
    CHECK(!logsIn("new@mox.example", "a new password"));
    CHECK_EQ(test::dynamicText(), dir.read("domains.conf"));
    CHECK(dir.has("data/accounts/new/account.db"));
    CHECK_EQ(0, ask({"account remove-data", "new"}).status);
  }

  void httpLimit() {
    start();
    auto hits = [&](const char* limit) { return foundations.metrics.value("mox_limit_hits_total", {{"limit", limit}}); };
    std::vector<std::unique_ptr<Client>> held;
    for (int i = 0; i < 30; ++i) held.push_back(std::make_unique<Client>(at(Service::metrics)));
    CHECK_EQ(std::string(), Client(at(Service::metrics)).rest());
    CHECK_EQ(1.0, hits("http-connections"));
    held.front()->send("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(held.front()->line().starts_with("HTTP/1.1 200"));
    CHECK(Client(at(Service::smtp)).line().starts_with("220 "));
    CHECK(Client(at(Service::imap)).line().starts_with("* OK"));
    CHECK_EQ(0.0, hits("smtp-connections") + hits("imap-connections"));
  }

  void logLevels() {
    start();
    CHECK_EQ(std::string("(default): error\n"), ask({"loglevels"}).out);
    CHECK_EQ(0, ask({"loglevels", "debug", "queue"}).status);
    CHECK(ask({"loglevels"}).out.find("queue: debug\n") != std::string::npos);
    CHECK_EQ(0, ask({"loglevels", "", "queue"}).status);
    CHECK_EQ(std::string("(default): error\n"), ask({"loglevels"}).out);
    CHECK_EQ(2, ask({"loglevels", "loud"}).status);
    CHECK_EQ(2, ask({"loglevels", ""}).status);
    auto misspelt = ask({"loglevels", "trace", "imapsrvr"});
    CHECK_EQ(2, misspelt.status);
    CHECK_MSG(misspelt.err, misspelt.err.find("unknown package imapsrvr, there are acme, app, ctl, imapserver,") == 0);
    CHECK_EQ(2, ask({"loglevels", "", "imapsrvr"}).status);
    CHECK_EQ(std::string("(default): error\n"), ask({"loglevels"}).out);
    CHECK_EQ(2, ask({"no such command"}).status);
  }

  void reindex() {
    start();
    CHECK_EQ(std::string("mjl: indexed\n"), ask({"reindex"}).out);
    auto account = *server->parts().storage.accounts.open("mjl");
    auto inbox = account->reader().mailbox("Inbox")->id;
    std::string text = "Subject: x\r\n\r\nneedle\r\n";
    auto parsed = message::parse(text);
    store::NewMessage message;
    message.mailbox = inbox;
    message.data = text;
    message.parsed = &parsed;
    message.partTree = message::encode(parsed.root);
    CHECK(account->deliver({message, message}).has_value());
    auto done = ask({"reindex", "mjl"});
    CHECK_EQ(0, done.status);
    CHECK_EQ(std::string("mjl: indexed\n"), done.out);
    CHECK_EQ(std::size_t(2), account->reader().searchCandidates({"needle"})->size());
    CHECK_EQ(std::size_t(0), account->reader().searchCandidates({"nothing"})->size());
    CHECK_EQ(1, ask({"reindex", "nobody"}).status);
    CHECK_EQ(2, ask({"reindex", "mjl", "mjl"}).status);
  }

  void queueCommands() {
    start();
    CHECK_EQ(std::string("no messages\n"), ask({"queue list"}).out);
    auto parts = server->parts();
    queue::NewMessage message;
    message.senderAccount = "mjl";
    message.data = "Subject: x\r\n\r\nhello\r\n";
    message.notBefore = foundations.clock.now() + std::chrono::hours(5);
    for (const char* to : {"a", "b"}) message.recipients.push_back({*Localpart::make(to), *Domain::make("remote.example")});
    auto ids = parts.queue->add(message);
    CHECK(ask({"queue list"}).out.find("-> a@remote.example") != std::string::npos);
    CHECK_EQ(std::string("no messages\n"), ask({"queue list", "-to", "@other.example"}).out);
    CHECK_EQ(std::string("no messages\n"), ask({"queue list", "-nextattempt", "<4h"}).out);
    CHECK(ask({"queue list", "-nextattempt", ">4h", "-n", "1"}).out.find("attempts 0/") != std::string::npos);
    CHECK_EQ(std::string("1 message changed\n"), ask({"queue hold", "-ids", std::to_string(ids[0].value)}).out);
    CHECK(ask({"queue list", "-hold", "true"}).out.find("[hold]") != std::string::npos);
    CHECK_EQ(std::string("1 message changed\n"), ask({"queue unhold", "-hold=true"}).out);
    CHECK_EQ(std::string("2 messages changed\n"), ask({"queue schedule", "1h"}).out);
    CHECK_EQ(std::string("2 messages changed\n"), ask({"queue requiretls", "yes"}).out);
    CHECK_EQ(2, ask({"queue requiretls", "maybe"}).status);
    CHECK_EQ(1, ask({"queue transport", "absent"}).status);
    CHECK_EQ(std::string("2 messages changed\n"), ask({"queue transport", ""}).out);
    CHECK(ask({"queue dump", std::to_string(ids[1].value)}).out.ends_with("hello\r\n"));
    CHECK_EQ(1, ask({"queue dump", "987654"}).status);
    CHECK_EQ(2, ask({"queue list", "-submitted", "1h"}).status);
    CHECK_EQ(2, ask({"queue list", "-sort", "size"}).status);
    CHECK_EQ(std::string("2 messages changed\n"), ask({"queue drop"}).out);
    CHECK_EQ(std::string("no messages\n"), ask({"queue list"}).out);
  }

  void queueResults() {
    start();
    queue::NewMessage message;
    message.senderAccount = "mjl";
    message.data = "Subject: x\r\n\r\nhello\r\n";
    message.notBefore = foundations.clock.now() + std::chrono::hours(5);
    for (const char* to : {"a", "b", "c"}) message.recipients.push_back({*Localpart::make(to), *Domain::make("remote.example")});
    auto ids = server->parts().queue->add(message);
    store::Db db(dir / "data/queue/queue.db");
    auto attempt = [&](QueueId id, std::int64_t code, std::string_view enhanced, std::string_view text) {
      db.prepare("INSERT INTO attempt VALUES(?, 0, 0, 0, ?, ?, ?, '')").bind(id).bind(code).bind(enhanced).bind(text).run();
    };
    attempt(ids[0], 0, "4.4.2", "connecting: refused");
    attempt(ids[1], 450, "", "later");
    attempt(ids[2], 451, "4.7.1", "greylisted");
    auto listed = ask({"queue list"}).out;
    for (const char* result : {": 4.4.2 connecting: refused\n", ": 450 later\n", ": 451 4.7.1 greylisted\n"})
      CHECK_MSG(listed, listed.find("last attempt 1970-01-01T00:00:00Z" + std::string(result)) != std::string::npos);
  }

  void emptyChoice() {
    start();
    queue::NewMessage message;
    message.senderAccount = "mjl";
    message.data = "Subject: x\r\n\r\nhello\r\n";
    message.notBefore = foundations.clock.now() + std::chrono::hours(5);
    message.recipients.push_back({*Localpart::make("ann"), *Domain::make("remote.example")});
    server->parts().queue->add(message);
    for (const char* option : {"-to", "-from", "-account"})
      for (const char* given : {"", "ann@"}) CHECK_EQ(2, ask({"queue drop", option, given}).status);
    CHECK_EQ(std::size_t(1), server->parts().queue->size());
    CHECK_EQ(0, ask({"queue drop", "-to", "ann@remote.example"}).status);
    CHECK_EQ(std::size_t(0), server->parts().queue->size());
  }

  void clientKeys() {
    start();
    auto pem = net::selfSigned({"client"}, foundations.clock, foundations.random).chain;
    CHECK_EQ(1, ask({"config tlspubkey add", "stranger@other.example"}, pem).status);
    CHECK_EQ(1, ask({"config tlspubkey add", "mjl@mox.example"}, "no certificate").status);
    auto added = ask({"config tlspubkey add", "-no-imap-preauth", "mjl@mox.example", "laptop"}, pem);
    CHECK_MSG(added.err, added.status == 0 && added.out.find("ecdsa-p256") != std::string::npos);
    CHECK_EQ(1, ask({"config tlspubkey add", "mjl@mox.example"}, pem).status);
    CHECK(ask({"config tlspubkey list"}).out == added.out);
    auto fingerprint = added.out.substr(12, 43);
    CHECK_EQ(added.out, ask({"config tlspubkey get", fingerprint}).out);
    CHECK_EQ(0, ask({"config tlspubkey rm", fingerprint}).status);
    CHECK_EQ(std::string(), ask({"config tlspubkey list", "mjl"}).out);
    CHECK_EQ(1, ask({"config tlspubkey get", fingerprint}).status);
    for (auto words : {"config tlspubkey get", "config tlspubkey rm"}) {
      auto dashed = ask({words, "-" + fingerprint.substr(1)});
      CHECK_MSG(dashed.err, dashed.status == 1 && dashed.err.find("no such") != std::string::npos);
      CHECK_EQ(2, ask({words, "-fingerprint"}).status);
    }
    auto made = test::run({"config", "tlspubkey", "gen", dir / "phone"});
    CHECK_MSG(made.err, made.status == 0);
    std::size_t keys = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path)) {
      auto name = entry.path().filename().string();
      if (!name.starts_with("phone.")) continue;
      auto text = dir.read(name);
      keys += text.find("PRIVATE KEY") != std::string::npos;
      if (!name.ends_with(".certificate.pem")) continue;
      auto phone = ask({"config tlspubkey add", "mjl@mox.example"}, text);
      CHECK_MSG(phone.err, phone.out.find("type ed25519") != std::string::npos && made.out.find(phone.out.substr(12, 43)) != std::string::npos);
    }
    CHECK_EQ(std::size_t(1), keys);
  }

  void stop() {
    start();
    Client imap(at(Service::imap));
    imap.until("* OK");
    Client smtp(at(Service::smtp));
    smtp.until("220 ");
    auto imapAt = at(Service::imap);
    CHECK_EQ(0, ask({"stop"}).status);
    CHECK_EQ(1, stopsAsked);
    server->stop();
    server->stop();
    CHECK(imap.rest().find("* BYE") != std::string::npos);
    CHECK(smtp.rest().starts_with("421 "));
    CHECK_THROWS(std::runtime_error, Client{imapAt});
    CHECK(!dir.has("data/ctl"));
  }

  void stopCommand() {
    start();
    auto command = std::async(std::launch::async, [&] {
      auto ran = test::run({"-config", conf(), "stop"});
      store::lockAccounts(dir / "data/accounts");  // throws if somebody has it
      return ran;
    });
    CHECK(stopAsked.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);  // at once, unless it failed
    server.reset();
    auto ran = command.get();
    CHECK_EQ(0, ran.status);
    CHECK_EQ(std::string("stopping\nstopped\n"), ran.out);
    // One that stops for long.
    std::shared_ptr<net::Fd> untilOver;
    CtlServer slow(ctl(), [&](const CtlRequest& request, std::ostream& out, std::ostream&) {
      untilOver = request.passed;
      out << "stopping\n";
      return 0;
    }, Log());
    std::istringstream in;
    std::ostringstream out, err;
    Invocation call{conf(), false, "", {}, in, out, err, "stop"};
    CHECK_EQ(1, stopServer(call, ctl(), Duration(0)));
    CHECK_EQ(std::string("error: the server stops, but still uses its data directory after 0 seconds\n"), err.str());
  }

  void health() {
    start();
    auto check = [&] { return test::run({"-config", conf(), "healthcheck"}); };
    CHECK_EQ(std::string("healthy\n"), check().out);
    // A mistake in the files does no harm to a server that runs.
    std::ofstream(dir / "mox.conf", std::ios::app) << "NoSuchField: 1\n";
    CHECK_EQ(std::string("healthy\n"), check().out);
    auto smtp = at(Service::smtp);
    server->stop();
    auto ill = check();
    CHECK_EQ(1, ill.status);
    CHECK_MSG(ill.err, ill.err.find("unhealthy: control socket: ") == 0);
    CtlServer claims(dir / "data/ctl", [&](const CtlRequest&, std::ostream& out, std::ostream&) {
      out << "smtp " << smtp.ip.text() << " " << smtp.port << "\nsomething else\n";
      return 0;
    }, Log());
    ill = check();
    CHECK_MSG(ill.err, ill.err.find("unhealthy: smtp at " + smtp.text() + ": ") == 0);
    CHECK_MSG(ill.err, ill.err.find("unhealthy: control socket: the server names no port with \"something else\"\n") != std::string::npos);
  }

  void limitedHealth() {
    start();
    auto check = [&] { return test::run({"-config", conf(), "healthcheck"}); };
    auto isLimited = [&] { return Client(at(Service::submission)).line().starts_with("421 4.7.0 "); };
    int guesses = 0;
    while (!isLimited() && ++guesses < 50) {
      Client imap(at(Service::imap));
      imap.send("a LOGIN mjl@mox.example \"wrong horse\"\r\n");
      imap.until("a NO");
    }
    CHECK_MSG(std::to_string(guesses), guesses < 50);
    CHECK_EQ(std::string("healthy\n"), check().out);
    server->stop();
    // What a server says that has no room, or stops.
    auto greeter = net::listenTcp({*IpAddress::parse("127.0.0.1"), 0}, 8).value();
    auto here = net::localEndpoint(greeter.get());
    CtlServer claims(ctl(), [&](const CtlRequest&, std::ostream& out, std::ostream&) {
      out << "submission " << here.ip.text() << " " << here.port << "\n";
      return 0;
    }, Log());
    std::thread busy([&] {
      pollfd wait{greeter.get(), POLLIN, 0};
      ::poll(&wait, 1, 10'000);
      net::Fd client(::accept(greeter.get(), nullptr, nullptr));
      std::string_view greeting = "421 4.3.2 too busy, try again later\r\n";
      [[maybe_unused]] auto sent = ::send(client.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
    });
    auto ill = check();
    busy.join();
    CHECK_EQ(1, ill.status);
    CHECK_EQ("unhealthy: submission at " + here.text() + ": greets with 421 4.3.2 too busy, try again later\n", ill.err);
  }

  void second() {
    start();
    auto config = server->config();
    CHECK_THROWS(std::exception, Server(optionsOf(config), foundations));
    CHECK(Client(at(Service::imap)).line().starts_with("* OK"));
  }

  void damagedAccount() {
    std::filesystem::create_directories(dir / "data/accounts/mjl/bodies/0");
    dir.write("data/accounts/mjl/bodies/0/1", "mail");
    start();
    CHECK_EQ(std::string("mail"), dir.read("data/accounts/mjl/bodies/0/1"));
    CHECK(!dir.has("data/accounts/mjl/account.db"));
    Client imap(at(Service::imap));
    imap.until("* OK");
    imap.send("a LOGIN mjl@mox.example \"correct horse\"\r\n");
    CHECK(imap.until("a ").starts_with("a NO [UNAVAILABLE] "));
    // The exchange ends with it: the next line is a command, and no response.
    imap.send("b AUTHENTICATE SCRAM-SHA-256 biwsbj1tamxAbW94LmV4YW1wbGUscj1hYmNkZWZnaA==\r\n");
    CHECK(imap.until("b ").starts_with("b NO [UNAVAILABLE] "));
    imap.send("c NOOP\r\n");
    CHECK(imap.until("c ").starts_with("c OK"));
    auto health = test::run({"-config", conf(), "healthcheck"});
    CHECK_EQ(std::string("healthy\n"), health.out);
    CHECK_MSG(health.err, health.err.starts_with("warning: account mjl: ") && health.err.find("the database is missing") != std::string::npos);
    dir.write("domains.conf", test::dynamicText(extraAccount));
    CHECK(server->reload());
    CHECK_EQ(0, ask({"setaccountpassword", "new"}, "a new password\n").status);
    CHECK(logsIn("new@mox.example", "a new password"));
    auto copied = backup(dir / "copy");
    CHECK_MSG(copied.err, copied.status == 1 && copied.err.find("account mjl: ") == 0 && copied.err.find("FAILED: 1 part") != std::string::npos);
    CHECK(dir.has("copy/data/accounts/new/account.db"));
    CHECK_EQ(std::string("mail"), dir.read("data/accounts/mjl/bodies/0/1"));
  }

  test::Ran backup(const std::string& destination) { return test::run({"-config", conf(), "backup", destination}); }
  void checkVerified(const std::string& data) {
    auto verified = test::run({"verifydata", dir / data});
    CHECK_MSG(verified.out, verified.out.ends_with("no problems\n"));
  }

  void backupInside() {
    start();
    for (int again = 0; again < 2; ++again) {
      auto done = backup(dir / "data/backup");
      CHECK_MSG(done.out + done.err, done.status == 0);
    }
    auto other = backup(dir / "data/other");
    CHECK_MSG(other.out + other.err, other.status == 0 && other.out.find("data/backup: another backup") != std::string::npos);
    for (const char* name : {"data/receivedid.key", "data/salt.key", "data/moxversion", "data/queue/queue.db", "config/mox.conf", "config/key.pem"})
      CHECK_MSG(name, dir.has(std::string("data/other/") + name));
    for (const char* name : {"data/backup", "data/other", "config/data", "data/backup-unfinished"}) CHECK_MSG(name, !dir.has(std::string("data/other/") + name));
    checkVerified("data/other/data");
    std::filesystem::remove_all(dir / "data/other/data/queue");
    CHECK(test::run({"verifydata", dir / "data/other/data"}).out.find("data: there is no queue/queue.db: mail that was to be sent\n") != std::string::npos);
    for (const char* taken : {"data/accounts/b", "data/tmp/b", "data/queue"}) {
      auto refused = backup(dir / taken);
      CHECK_MSG(refused.err, refused.status == 1 && refused.err.find("belongs to the server") != std::string::npos);
    }
    CHECK(backup(dir / "data").err.find("the data directory itself") != std::string::npos);
  }

  void backupOfLinks() {
    test::TempDir outside;
    start();
    outside.write("secret", "s");
    std::filesystem::create_directory(outside / "tls");
    outside.write("tls/chain.pem", "c");
    std::filesystem::create_symlink(outside / "secret", dir / "secret");
    std::filesystem::create_directory_symlink(outside / "tls", dir / "tls");
    std::filesystem::create_directory_symlink(dir.path, dir / "loop");
    std::filesystem::create_symlink(outside / "absent", dir / "nothing");
    outside.write("cert.pem", dir.read("cert.pem"));
    auto text = dir.read("mox.conf");
    dir.write("mox.conf", text.replace(text.find("CertFile: cert.pem"), 18, "CertFile: " + (outside / "cert.pem")));
    auto done = backup(outside / "copy");
    CHECK_MSG(done.err, done.status == 0);
    CHECK_EQ(std::string("s"), outside.read("copy/config/secret"));
    CHECK_EQ(std::string("c"), outside.read("copy/config/tls/chain.pem"));
    for (const auto& said : {"which names it: " + (outside / "cert.pem"), (dir / "nothing") + ": a link to nothing", (dir / "loop") + ": a link to a folder it is in"})
      CHECK_MSG(done.out, done.out.find(said) != std::string::npos);
  }

  void backupsAtOnce() {
    start();
    std::filesystem::create_directories(dir / "copy/data");
    dir.write("copy/data/backup-unfinished", "");
    net::Fd other(::open((dir / "copy/data/backup-unfinished").c_str(), O_RDONLY | O_CLOEXEC));
    CHECK_EQ(0, ::flock(other.get(), LOCK_EX | LOCK_NB));
    auto second = backup(dir / "copy");
    CHECK_EQ(1, second.status);
    CHECK_EQ("error: another backup into " + (dir / "copy") + " is under way\n", second.err);
    other = net::Fd();
    CHECK_EQ(0, backup(dir / "copy").status);
  }

  /// A command whose folder or file comes as a descriptor, and is another than the server has under that name.
  test::Ran askWith(const std::string& real, std::vector<std::string> words) {
    std::ostringstream out, err;
    CtlRequest request{std::move(words), "", std::make_shared<net::Fd>(::open(real.c_str(), O_PATH | O_CLOEXEC))};
    auto status = ctlCall(ctl(), request, out, err);
    return {status.value(), out.str(), err.str()};
  }

  void passedPaths() {
    start();
    for (const char* name : {"real", "seen"}) std::filesystem::create_directory(dir / name);
    auto seen = dir / "seen";
    auto done = askWith(dir / "real", {"backup", "-passed", seen, "--", seen + "/deep/copy"});
    CHECK_MSG(done.err, done.status == 0 && std::filesystem::is_empty(seen));
    checkVerified("real/deep/copy/data");
    done = askWith(dir / "real", {"backup", "-passed", seen, "--", seen + "/deep/copy"});
    CHECK_MSG(done.out, done.out.find("; of the files 0 were copied, ") != std::string::npos);  // it went on with that one
    done = askWith(dir / "real", {"export mbox", "-passed", seen, "--", seen + "/mail.zip", "mjl"});
    CHECK_MSG(done.err, done.status == 0 && dir.has("real/mail.zip"));
    done = askWith(dir / "real", {"export mbox", "-passed", seen, "--", seen + "/mail.zip", "mjl"});
    CHECK_MSG(done.err, done.status == 1 && done.err.find("will not write over " + seen + "/mail.zip") != std::string::npos);
    dir.write("real/mail.mbox", "From a@b.test Mon Jan  2 15:04:05 2006\nSubject: x\n\nbody\n\n");
    done = askWith(dir / "real/mail.mbox", {"import mbox", "-passed", seen + "/mail.mbox", "--", "mjl", "Inbox", seen + "/mail.mbox"});
    CHECK_MSG(done.out + done.err, done.status == 0 && done.out.find("1 messages imported") != std::string::npos);
    std::filesystem::create_directory(dir / "real/boxes");
    std::filesystem::rename(dir / "real/mail.mbox", dir / "real/boxes/Lists.mbox");
    done = askWith(dir / "real/boxes", {"import mbox", "-passed", seen + "/boxes", "--", "mjl", "Old", seen + "/boxes"});
    CHECK_MSG(done.out + done.err, done.status == 0 && done.out.find("1 messages imported") != std::string::npos);
  }

  void local() {
    auto path = prepareLocal(foundations, dir.path, {*IpAddress::parse("127.0.0.1")});
    CHECK_EQ(path, prepareLocal(foundations, dir.path, {}));  // what is there is kept
    auto config = config::load(path).config;
    auto options = optionsOf(config);
    options.localserve = true;
    for (auto service : {Service::smtp, Service::submission, Service::imap})
      options.sockets.push_back({{"local", service, {}}, std::move(*net::listenTcp({*IpAddress::parse("127.0.0.1"), 0}, 8))});
    server = std::make_unique<Server>(std::move(options), foundations);
    CHECK(logsIn("mox@localhost", "moxmoxmox"));

    Client imap(at(Service::imap));
    imap.until("* OK");
    imap.send("a LOGIN mox@localhost moxmoxmox\r\nb SELECT Inbox\r\nc IDLE\r\n");
    imap.until("+ ");
    Client smtp(at(Service::submission));
    smtp.until("220 ");
    smtp.send("EHLO client.example\r\n");
    smtp.until("250 ");
    smtp.send("AUTH PLAIN AG1veEBsb2NhbGhvc3QAbW94bW94bW94\r\n");
    smtp.until("235 ");
    smtp.send("MAIL FROM:<mox@localhost>\r\n");
    smtp.until("250 ");
    smtp.send("RCPT TO:<someone@remote.example>\r\n");
    smtp.until("250 ");
    smtp.send("DATA\r\n");
    smtp.until("354 ");
    smtp.send("From: <mox@localhost>\r\nTo: <someone@remote.example>\r\nSubject: round\r\n\r\nhello\r\n.\r\n");
    smtp.until("250 ");
    CHECK_EQ(std::string("* 1 EXISTS\r\n"), imap.until("* 1 EXISTS"));
  }
};
SUITE(ServerTest);
