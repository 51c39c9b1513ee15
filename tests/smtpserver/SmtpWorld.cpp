#include "smtpserver/SmtpWorld.h"

#include <stdlib.h>

#include <cerrno>
#include <fstream>

#include "base/Text.h"
#include "dkim/Key.h"
#include "net/TlsContext.h"
#include "store/Spool.h"
#include "support/TestPassword.h"

namespace mox::test {

namespace {

constexpr const char* staticText =
    "DataDir: data\nLogLevel: error\nHostname: mail.mox.example\nPostmaster:\n\tAccount: mjl\n\tMailbox: Inbox\n"
    "Listeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 198.51.100.1\n\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tNoSTARTTLS: true\n";

constexpr const char* dynamicText =
    "Domains:\n"
    "\tmox.example:\n"
    "\t\tLocalpartCatchallSeparator: +\n"
    "\t\tDKIM:\n"
    "\t\t\tSelectors:\n"
    "\t\t\t\ttest:\n"
    "\t\t\t\t\tPrivateKeyFile: test.pem\n"
    "\t\t\t\t\tExpiration: 72h\n"
    "\t\t\tSign:\n"
    "\t\t\t\t- test\n"
    "\t\tTLSRPT:\n"
    "\t\t\tLocalpart: tlsreports\n"
    "\t\t\tAccount: mjl\n"
    "\t\t\tMailbox: TLSRPT\n"
    "\t\tAliases:\n"
    "\t\t\tteam:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- mjl@mox.example\n"
    "\t\t\t\t\t- other@mox.example\n"
    "\t\t\t\tAllowMsgFrom: true\n"
    "\t\t\tpublic:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- mjl@mox.example\n"
    "\t\t\t\t\t- other@mox.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\t\t\thalf:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- mjl@disabled.example\n"
    "\t\t\t\t\t- other@mox.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\t\t\toff:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- mjl@disabled.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\t\t\tsmall1:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- small@mox.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\t\t\tsmall2:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- small@mox.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\t\t\thurt:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- lost@mox.example\n"
    "\t\t\t\t\t- other@mox.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\t\t\tgone:\n"
    "\t\t\t\tAddresses:\n"
    "\t\t\t\t\t- lost@mox.example\n"
    "\t\t\t\tPostPublic: true\n"
    "\tdisabled.example:\n"
    "\t\tDisabled: true\n"
    "Accounts:\n"
    "\tmjl:\n"
    "\t\tDomain: mox.example\n"
    "\t\tDestinations:\n"
    "\t\t\tmjl@mox.example: nil\n"
    "\t\t\tmjl@disabled.example: nil\n"
    "\t\t\tπ@mox.example: nil\n"
    "\tother:\n"
    "\t\tDomain: mox.example\n"
    "\t\tDestinations:\n"
    "\t\t\tother@mox.example: nil\n"
    "\t\t\trefuses@mox.example:\n"
    "\t\t\t\tSMTPError: 550 nobody here any more\n"
    "\t\t\tlater@mox.example:\n"
    "\t\t\t\tSMTPError: 421 moving house\n"
    "\t\t\tproved@mox.example:\n"
    "\t\t\t\tMessageAuthRequiredSMTPError: prove who you are\n"
    "\t\t\tlists@mox.example:\n"
    "\t\t\t\tRulesets:\n"
    "\t\t\t\t\t-\n"
    "\t\t\t\t\t\tSMTPMailFromRegexp: ^list@sender\\.example$\n"
    "\t\t\t\t\t\tHeadersRegexp:\n"
    "\t\t\t\t\t\t\t^list-id$: <news\\.sender\\.example>\n"
    "\t\t\t\t\t\tListAllowDomain: sender.example\n"
    "\t\t\t\t\t\tMailbox: Lists\n"
    "\tsmall:\n"
    "\t\tDomain: mox.example\n"
    "\t\tQuotaMessageSize: 3000\n"
    "\t\tDestinations:\n"
    "\t\t\tsmall@mox.example: nil\n"
    "\tlimited:\n"
    "\t\tDomain: mox.example\n"
    "\t\tMaxOutgoingMessagesPerDay: 3\n"
    "\t\tMaxFirstTimeRecipientsPerDay: 2\n"
    "\t\tDestinations:\n"
    "\t\t\tlimited@mox.example: nil\n"
    "\tclosed:\n"
    "\t\tDomain: mox.example\n"
    "\t\tLoginDisabled: ask the boss\n"
    "\t\tDestinations:\n"
    "\t\t\tclosed@mox.example: nil\n"
    "\tbroken:\n"
    "\t\tDomain: mox.example\n"
    "\t\tDestinations:\n"
    "\t\t\tbroken@mox.example: nil\n"
    "\tlost:\n"
    "\t\tDomain: mox.example\n"
    "\t\tDestinations:\n"
    "\t\t\tlost@mox.example: nil\n"
    "\tmox:\n"
    "\t\tDomain: mox.example\n"
    "\t\tDestinations:\n"
    "\t\t\tmox@mox.example: nil\n";

const dkim::PrivateKey& signingKey() {
  static const dkim::PrivateKey made = dkim::PrivateKey::generateEd25519();
  return made;
}

std::shared_ptr<net::TlsContext> someTls() {
  static const std::shared_ptr<net::TlsContext> made = [] {
    FakeClock clock;
    FakeRandom random;
    net::TlsServerOptions options;
    options.certificates = {net::selfSigned({"mail.mox.example"}, clock, random)};
    return *net::TlsContext::server(options);
  }();
  return made;
}

[[noreturn]] void diskFull() { throw store::FileError(std::error_code(ENOSPC, std::generic_category()), "write"); }

}  // namespace

std::vector<QueueId> FakeQueue::add(const queue::NewMessage& message) {
  if (isDiskFull) diskFull();
  Added one{message, message.prefix + std::string(message.spool != nullptr ? message.spool->data() : message.data)};
  one.message.spool = nullptr;
  one.message.data = {};
  added.push_back(std::move(one));
  return std::vector<QueueId>(message.recipients.size(), QueueId(static_cast<std::int64_t>(added.size())));
}

store::Fd FullFiles::create(const std::string& path) {
  if (isFull) diskFull();
  return Files::create(path);
}

void FullFiles::write(int fd, std::string_view bytes) {
  if (isFull) diskFull();
  Files::write(fd, bytes);
}

SmtpWorld::Directory::Directory() {
  std::string name = (std::filesystem::temp_directory_path() / "mox-smtp-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path = name;
}
SmtpWorld::Directory::~Directory() { std::filesystem::remove_all(path); }

SmtpWorld::SmtpWorld(smtpserver::Kind kind, bool localserve)
    : listener(std::make_shared<smtpserver::ListenerSettings>(smtpserver::ListenerSettings{.kind = kind, .hostname = *Domain::make("mail.mox.example")})),
      remembering(resolver, clock()),
      limits_(metrics_, Log()),
      receivedId_(*delivery::ReceivedId::make("0123456789abcdefABCDEFGH")),
      localserve_(localserve) {
  listener->tls = someTls();
  listener->implicitTls = kind == smtpserver::Kind::submission;
  listener->requireTls = kind == smtpserver::Kind::submission;
  listener->firstTimeSenderDelay = Duration::zero();
  loadConfig(false);
  auto path = directory_.path.string();
  accounts_ = std::make_unique<store::Accounts>(path, store::Environment{&files, &clock(), &random_, Log(), nullptr, {}});
  authDb_ = std::make_unique<store::AuthDb>(path + "/auth.db", clock(), Log());
  passwords_ = std::make_unique<store::PasswordChecker>(clock(), random_, std::string(32, 'k'), &verifyTestPassword);
  pool_ = std::make_unique<net::JobPool>(net::JobPoolOptions{"test"}, metrics_, Log());
  for (const char* name : {"mjl", "other", "small", "limited", "closed", "mox"}) {
    auto account = *accounts_->open(name);
    account->ensureMailboxes({{"Inbox", 0}});
    account->setPassword(testSecrets());
  }
  std::filesystem::create_directories(directory_.path / "accounts" / "broken" / "account.db");  // no database can be there
  std::filesystem::create_directories(directory_.path / "accounts" / "lost" / "bodies" / "0");  // whose database is gone
  std::ofstream(directory_.path / "accounts" / "lost" / "bodies" / "0" / "1") << "mail";
  fillDns();
  loadConfig(false);
}

SmtpWorld::~SmtpWorld() = default;

void SmtpWorld::loadConfig(bool pedantic) {
  auto path = directory_.path.string() + "/mox.conf";
  auto read = [](const std::string& file) -> Result<std::string> {
    if (file.ends_with("/test.pem")) return signingKey().pem();
    return fail(Errc::notFound, "no such file");
  };
  auto loaded = config::loadText(path, std::string(staticText) + (pedantic ? "Pedantic: true\n" : ""), dynamicText, read);
  if (!loaded.ok()) throw std::runtime_error("test configuration: " + loaded.errors.at(0).text());
  if (services) {
    old_.emplace_back(std::move(services));
    old_.emplace_back(std::move(authenticator_));
    old_.emplace_back(std::move(config_));
  }
  config_ = std::make_unique<config::ConfigSource>(path, loaded.config, read);
  if (!accounts_) return;
  authenticator_ = std::make_unique<login::Authenticator>(login::Services{*config_, *accounts_, *authDb_, *passwords_, *pool_, clock(), random_,
                                                                          Log(), metrics_, std::string(32, 'k')});
  services = std::make_unique<smtpserver::Services>(smtpserver::Services{*config_, *accounts_, *authenticator_, queue, remembering, *pool_, suffixes_,
                                                                         receivedId_, clock(), random_, metrics_, limits_, Log(), localserve_});
}

void SmtpWorld::fillDns() {
  dkimRecord = signingKey().record();
  resolver.a("client.example", "192.0.2.1").ptr("192.0.2.1", "client.example.");
  resolver.mx("sender.example", 10, "mail.sender.example.").a("mail.sender.example", "192.0.2.9").txt("sender.example", "v=spf1 ip4:192.0.2.1 -all");
  resolver.mx("nospf.example", 10, "mail.sender.example.").mx("spoofed.example", 10, "mail.sender.example.").txt("spoofed.example", "v=spf1 -all");
  resolver.mx("nullmx.example", 0, ".").a("addressonly.example", "192.0.2.9").fail("trouble.example", dns::Failure::temporary);
  resolver.txt("test._domainkey.mox.example", dkimRecord).mx("mox.example", 10, "mail.mox.example.");
}

net::TlsInfo SmtpWorld::tls() const {
  auto info = DialogueWorld::tls();
  info.peerKeyFingerprint = clientKey_;
  return info;
}

void SmtpWorld::presentKey(const std::string& account) {
  clientKey_ = "key of " + account;
  store::TlsPublicKey key;
  key.fingerprint = clientKey_;
  key.account = account;
  key.loginAddress = account + "@mox.example";
  if (!authDb_->addKey(key)) throw std::runtime_error("the key cannot be added");
}

std::unique_ptr<net::Session> SmtpWorld::connect() { return smtpserver::makeSession(*services, listener); }

std::vector<std::string> SmtpWorld::messages(const std::string& account, const std::string& mailbox) {
  auto opened = *accounts_->open(account);
  auto reader = opened->reader();
  std::vector<std::string> out;
  auto row = reader.mailbox(std::string_view(mailbox));
  if (!row) return out;
  std::vector<MessageId> ids;
  reader.forEach(row->id, Uid(1), [&](const store::MessageRow& message) {
    ids.push_back(message.id);
    return true;
  });
  for (auto id : ids) out.emplace_back(reader.content(id).view());
  return out;
}

namespace {

void expectCount(std::string_view what, std::size_t expected, std::size_t actual) {
  if (expected != actual) throw std::runtime_error(std::string(what) + ": expected " + std::to_string(expected) + ", got " + std::to_string(actual));
}

void expectText(const std::vector<std::string>& texts, std::string_view wanted) {
  if (texts.empty()) throw std::runtime_error("no message");
  if (texts.back().find(wanted) == std::string::npos) throw std::runtime_error("no \"" + std::string(wanted) + "\" in\n" + texts.back());
}

void expectEnd(const std::vector<std::string>& texts, std::string_view wanted) {
  std::string end(wanted);
  for (auto [written, meant] : {std::pair("\\r", "\r"), std::pair("\\n", "\n"), std::pair("\\t", "\t")})
    for (auto at = end.find(written); at != std::string::npos; at = end.find(written)) end.replace(at, 2, meant);
  if (texts.empty() || !texts.back().ends_with(end)) throw std::runtime_error("no \"" + std::string(wanted) + "\" ends\n" + (texts.empty() ? "" : texts.back()));
}

}  // namespace

bool SmtpWorld::act(std::string_view words) {
  auto parts = split(words, ' ');
  auto verb = parts[0];
  auto number = [&](std::size_t at) { return parseUnsigned(parts.at(at)).value(); };
  auto rest = words.size() > verb.size() ? words.substr(verb.size() + 1) : std::string_view();
  if (verb == "inbox") expectCount(words, number(2), messages(std::string(parts.at(1))).size());
  else if (verb == "box") expectCount(words, number(3), messages(std::string(parts.at(1)), std::string(parts.at(2))).size());
  else if (verb == "queued") expectCount(words, number(1), queue.added.size());
  else if (verb == "has") expectText(messages("mjl"), rest);
  else if (verb == "ends") expectEnd(messages("mjl"), rest);
  else if (verb == "sent") expectText(queue.added.empty() ? std::vector<std::string>() : std::vector<std::string>{queue.added.back().text}, rest);
  else if (verb == "plain") listener->implicitTls = false;
  else if (verb == "tls") listener->implicitTls = true;
  else if (verb == "require-tls") listener->requireTls = true;
  else if (verb == "no-starttls") listener->announceStartTls = false;
  else if (verb == "no-requiretls") listener->requireTlsExtension = false;
  else if (verb == "pedantic") loadConfig(true);
  else if (verb == "max-size") listener->maxMessageSize = number(1);
  else if (verb == "delay") listener->firstTimeSenderDelay = std::chrono::seconds(number(1));
  else if (verb == "disk-full") files.isFull = true;
  else if (verb == "disk-free") files.isFull = queue.isDiskFull = false;
  else if (verb == "queue-full") queue.isDiskFull = true;
  else if (verb == "client-key") presentKey(std::string(parts.at(1)));
  else return false;
  return true;
}

}  // namespace mox::test
