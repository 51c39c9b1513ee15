// A house for IMAP sessions: a real store in a directory of its own, a configuration of two accounts, a clock that
// stands. Account "mjl" logs in as mjl@mox.example, "other" as other@mox.example, both with password "test1234".
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config/Source.h"
#include "imapserver/Services.h"
#include "login/Authenticator.h"
#include "net/JobPool.h"
#include "store/Accounts.h"
#include "store/AuthDb.h"
#include "support/Dialogue.h"

namespace mox::test {

class ImapWorld : public DialogueWorld {
 public:
  explicit ImapWorld(bool tlsFromStart = true);
  ~ImapWorld() override;

  std::unique_ptr<net::Session> connect() override;
  bool implicitTls() const override { return listener->implicitTls; }
  /// "deliver MAILBOX" puts a small message there, "mail MAILBOX Field: value|Field: value||Body" one of its own, both as if
  /// some session had heard of it; "deliver-unseen MAILBOX": it is \Recent to the first that does; "flag MAILBOX UID FLAG" sets one; "expunge MAILBOX UID";
  /// "message-limit N" sets MESSAGELIMIT; "forget-history" prunes what is known of expunged messages; "forget-sort-facts" makes all
  /// messages such as came before format 5; "plain" makes later connections begin without TLS.
  bool act(std::string_view words) override;

  /// True if the greeting names the capability.
  bool announces(std::string_view capability);
  store::Account& account() { return *account_; }
  double metric(const std::string& name, const Metrics::Labels& labels = {}) { return metrics_.value(name, labels); }
  store::AuthDb& authDb() { return *authDb_; }
  /// Logins, and sessions made from now on, log up to `level`, to logged().
  void logTo(LogLevel level);
  const std::string& logged() const { return logged_; }
  imapserver::LoggedIn& loggedIn() { return *services_->loggedIn; }
  void deliver(const std::string& mailbox, std::string_view message) { deliverTo("mjl", mailbox, message); }
  void deliverTo(const std::string& account, const std::string& mailbox, std::string_view message) {
    deliverAll(account, mailbox, {std::string(message)});
  }
  /// In one commit.
  void deliverAll(const std::string& account, const std::string& mailbox, const std::vector<std::string>& messages);
  std::shared_ptr<store::Account> open(const std::string& account) { return *accounts_->open(account); }
  MailboxId mailboxId(const std::string& name);

  std::shared_ptr<imapserver::ListenerSettings> listener;

 private:
  struct Directory {
    std::filesystem::path path;
    Directory();
    ~Directory();
  };
  void takeRecent(const std::string& mailbox);
  Directory directory_;
  std::string logged_;
  std::unique_ptr<LogSink> sink_;
  store::SystemFiles files_;
  FakeRandom random_;
  Metrics metrics_;
  LimitHits limits_;
  std::unique_ptr<config::ConfigSource> config_;
  std::unique_ptr<store::Accounts> accounts_;
  std::unique_ptr<store::AuthDb> authDb_;
  std::unique_ptr<store::PasswordChecker> passwords_;
  std::unique_ptr<net::JobPool> pool_;
  std::unique_ptr<login::Authenticator> authenticator_;
  std::unique_ptr<imapserver::Services> services_;
  std::shared_ptr<store::Account> account_;
};

}  // namespace mox::test
