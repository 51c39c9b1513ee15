#include "imapserver/ImapWorld.h"

#include <stdlib.h>

#include "base/Text.h"
#include "imap/Structure.h"
#include "message/Parsed.h"
#include "net/TlsContext.h"
#include "store/Db.h"
#include "support/TestPassword.h"

namespace mox::test {

namespace {

constexpr const char* staticText =
    "DataDir: data\nLogLevel: error\nHostname: mox.example\nPostmaster:\n\tAccount: mjl\n\tMailbox: Inbox\n"
    "Listeners:\n\tlocal:\n\t\tIPs:\n\t\t\t- 127.0.0.1\n\t\tIMAP:\n\t\t\tEnabled: true\n\t\t\tNoRequireSTARTTLS: true\n";

constexpr const char* dynamicText =
    "Domains:\n\tmox.example:\n\t\tLocalpartCatchallSeparator: +\n"
    "Accounts:\n\tmjl:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tmjl@mox.example: nil\n\t\tQuotaMessageSize: 1000000\n"
    "\tother:\n\t\tDomain: mox.example\n\t\tDestinations:\n\t\t\tother@mox.example: nil\n\t\tQuotaMessageCount: 3\n"
    "\tshy:\n\t\tDomain: mox.example\n\t\tIMAPCapabilitiesDisabled:\n\t\t\t- IDLE\n\t\t\t- condstore\n\t\t\t- UTF8=ACCEPT\n\t\t\t- MESSAGELIMIT\n"
    "\t\tDestinations:\n\t\t\tshy@mox.example: nil\n"
    "\tclosed:\n\t\tDomain: mox.example\n\t\tLoginDisabled: ask the boss\n\t\tDestinations:\n\t\t\tclosed@mox.example: nil\n";

config::ConfigPtr configuration(const std::string& path) {
  auto loaded = config::loadText(path, staticText, dynamicText, config::diskFiles());
  if (!loaded.ok()) throw std::runtime_error("test configuration: " + loaded.errors.at(0).text());
  return loaded.config;
}

std::shared_ptr<net::TlsContext> someTls() {
  static const std::shared_ptr<net::TlsContext> made = [] {
    FakeClock clock;
    FakeRandom random;
    net::TlsServerOptions options;
    options.certificates = {net::selfSigned({"mox.example"}, clock, random)};
    return *net::TlsContext::server(options);
  }();
  return made;
}

}  // namespace

ImapWorld::Directory::Directory() {
  std::string name = (std::filesystem::temp_directory_path() / "mox-imap-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path = name;
}
ImapWorld::Directory::~Directory() { std::filesystem::remove_all(path); }

ImapWorld::ImapWorld(bool tlsFromStart) : limits_(metrics_, Log()) {
  listener = std::make_shared<imapserver::ListenerSettings>();
  listener->hostname = "mox.example";
  listener->implicitTls = tlsFromStart;
  listener->tls = someTls();
  auto path = directory_.path.string();
  config_ = std::make_unique<config::ConfigSource>(path + "/mox.conf", configuration(path + "/mox.conf"));
  accounts_ = std::make_unique<store::Accounts>(path, store::Environment{&files_, &clock(), &random_, Log(), nullptr, {}});
  authDb_ = std::make_unique<store::AuthDb>(path + "/auth.db", clock(), Log());
  passwords_ = std::make_unique<store::PasswordChecker>(clock(), random_, std::string(32, 'k'), &verifyTestPassword);
  pool_ = std::make_unique<net::JobPool>(net::JobPoolOptions{"password"}, metrics_, Log());
  authenticator_ = std::make_unique<login::Authenticator>(login::Services{*config_, *accounts_, *authDb_, *passwords_, *pool_, clock(),
                                                                          random_, Log(), metrics_, std::string(32, 'k')});
  services_ = std::make_unique<imapserver::Services>(imapserver::Services{*config_, *accounts_, *authenticator_, clock(), metrics_, limits_, Log()});
  for (const char* name : {"mjl", "other", "shy", "closed"}) {
    auto account = *accounts_->open(name);
    account->ensureMailboxes({{"Inbox", 0}, {"Sent", store::sentUse}, {"Archive", store::archiveUse}, {"Trash", store::trashUse},
                              {"Drafts", store::draftsUse}, {"Junk", store::junkUse}});
    account->setPassword(testSecrets());
    if (std::string_view(name) == "mjl") account_ = account;
  }
}

ImapWorld::~ImapWorld() = default;

void ImapWorld::logTo(LogLevel level) {
  sink_ = std::make_unique<LogSink>(clock(), LogFormat::logfmt, level, [this](std::string_view line) { logged_ += line; });
  services_->log = Log(*sink_, "imapserver");
  authenticator_->services().log = Log(*sink_, "login");
}

std::unique_ptr<net::Session> ImapWorld::connect() { return imapserver::makeSession(*services_, listener); }

bool ImapWorld::announces(std::string_view capability) {
  auto session = connect();
  FakeChannel channel(*session, clock());
  channel.openTls();
  auto greeting = channel.take();
  return greeting.find(" " + std::string(capability) + " ") != std::string::npos;
}

MailboxId ImapWorld::mailboxId(const std::string& name) { return account_->reader().mailbox(std::string_view(name)).value().id; }

void ImapWorld::deliverAll(const std::string& name, const std::string& mailbox, const std::vector<std::string>& messages) {
  auto account = open(name);
  auto destination = account->reader().mailbox(std::string_view(mailbox)).value().id;
  std::vector<message::Parsed> parsed;
  for (const auto& text : messages) parsed.push_back(message::parse(text));
  std::vector<store::NewMessage> fresh;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& message = fresh.emplace_back();
    const auto& root = parsed[i].root;
    message.mailbox = destination;
    message.data = messages[i];
    message.parsed = &parsed[i];
    message.envelope = imap::renderEnvelope(*root.envelope);
    message.bodyStructure = imap::renderBody(root);
    message.bodyStructureExtended = imap::renderBodyStructure(root);
    message.partTree = message::encode(root);
    message.received = clock().now();
  }
  auto done = account->deliver(std::move(fresh));
  if (!done) throw std::runtime_error(done.error().text);
}

void ImapWorld::takeRecent(const std::string& mailbox) {
  auto row = account_->reader().mailbox(mailboxId(mailbox));
  account_->takeRecent(row->id, row->uidNext);
}

bool ImapWorld::act(std::string_view words) {
  auto parts = split(words, ' ');
  std::string mailbox(parts.size() > 1 ? parts[1] : "");
  if (parts[0] == "plain") {
    listener->implicitTls = false;
  } else if (parts[0] == "plain-passwords") {
    listener->requireTls = false;
  } else if (parts[0] == "deliver" || parts[0] == "deliver-unseen") {
    deliver(mailbox, "From: <a@remote.example>\r\nTo: <mjl@mox.example>\r\nSubject: hello\r\nMessage-ID: <1@remote.example>\r\n"
                     "Date: Mon, 02 Jan 2006 15:04:05 -0700\r\n\r\nHello world\r\n");
    if (parts[0] == "deliver") takeRecent(mailbox);
  } else if ((parts[0] == "mail" || parts[0] == "mail-large") && parts.size() > 2) {
    // Fields divided by "|", then perhaps an empty one and the body. A large one ends with so many octets more that it has a file.
    auto text = std::string(words.substr(words.find(mailbox, parts[0].size()) + mailbox.size() + 1));
    for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.replace(at, 1, "\r\n");
    if (parts[0] == "mail-large") text.append(300 * 1024, 'x');
    deliver(mailbox, text + "\r\n");
    takeRecent(mailbox);
  } else if (parts[0] == "lose-bodies") {
    return std::filesystem::remove_all(account_->directory() + "/bodies") > 0;
  } else if (parts[0] == "flag" && parts.size() == 4) {
    store::FlagChange change{store::FlagChange::Mode::add, {}, {}};
    change.flags.add(parts[3]);
    auto done = account_->setFlags(mailboxId(mailbox), {Uid(static_cast<std::uint32_t>(*parseUnsigned(parts[2])))}, change);
    return done.has_value();
  } else if (parts[0] == "expunge" && parts.size() == 3) {
    return account_->expunge(mailboxId(mailbox), {Uid(static_cast<std::uint32_t>(*parseUnsigned(parts[2])))}, false).has_value();
  } else if (parts[0] == "message-limit" && parts.size() == 2) {
    listener->messageLimit.value = static_cast<std::int64_t>(*parseUnsigned(parts[1]));
  } else if (parts[0] == "forget-history") {
    account_->pruneHistory(account_->reader().modSeq());
  } else if (parts[0] == "forget-sort-facts") {
    store::Db(account_->directory() + "/account.db").exec("UPDATE bodystructure SET sort_facts=NULL");
  } else if (parts[0] == "delete-mailbox") {
    return account_->deleteMailbox(mailbox).has_value();
  } else {
    return false;
  }
  return true;
}

}  // namespace mox::test
