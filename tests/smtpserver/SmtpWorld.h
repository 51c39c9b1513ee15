// A house for SMTP sessions: a real store in a directory of its own, DNS in memory, a queue that only remembers, a clock
// that stands. Accounts "mjl", "other", "small", "limited" and "broken" (whose database cannot be opened) have
// ACCOUNT@mox.example and password "test1234"; more addresses are in SmtpWorld.cpp.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/Source.h"
#include "dkim/PublicSuffix.h"
#include "dns/CachingResolver.h"
#include "dns/FakeResolver.h"
#include "login/Authenticator.h"
#include "net/JobPool.h"
#include "queue/Queue.h"
#include "smtpserver/Services.h"
#include "store/Accounts.h"
#include "store/AuthDb.h"
#include "support/Dialogue.h"

namespace mox::test {

/// Remembers what was added; the rest does nothing.
class FakeQueue final : public queue::Queue {
 public:
  struct Added {
    queue::NewMessage message;  ///< spool and data are void
    std::string text;           ///< prefix and message
  };
  std::vector<Added> added;
  bool isDiskFull = false;

  std::vector<QueueId> add(const queue::NewMessage& message) override;
  std::vector<queue::Entry> list(const queue::Filter&) override { return {}; }
  std::size_t setHold(const queue::Filter&, bool) override { return 0; }
  std::size_t schedule(const queue::Filter&, Duration, bool) override { return 0; }
  std::size_t setTransport(const queue::Filter&, const std::string&) override { return 0; }
  std::size_t setRequireTls(const queue::Filter&, std::optional<bool>) override { return 0; }
  std::size_t fail(const queue::Filter&) override { return 0; }
  std::size_t drop(const queue::Filter&) override { return 0; }
  Result<std::string> dump(QueueId) override { return mox::fail(Errc::notFound, "no such entry"); }
  std::size_t size() override { return added.size(); }
  store::BackupCounts backup(const std::string&) override { return {}; }
};

/// A file system that is full when told.
class FullFiles final : public store::Files {
 public:
  bool isFull = false;
  store::Fd create(const std::string& path) override;
  void write(int fd, std::string_view bytes) override;
};

class SmtpWorld : public DialogueWorld {
 public:
  explicit SmtpWorld(smtpserver::Kind kind, bool localserve = false);
  ~SmtpWorld() override;

  std::unique_ptr<net::Session> connect() override;
  bool implicitTls() const override { return listener->implicitTls; }
  net::TlsInfo tls() const override;
  /// "inbox ACCOUNT COUNT" and "queued COUNT" check; "has TEXT" looks for a text in the last message of mjl's Inbox,
  /// "ends TEXT" (with \r, \n, \t) for one at its end, "sent TEXT" in the last queued one; "plain", "tls", "require-tls", "no-starttls", "no-requiretls", "pedantic",
  /// "max-size N", "delay SECONDS", "disk-full", "disk-free", "queue-full" change what later commands meet;
  /// later TLS connections come with the registered client certificate of an account after "client-key ACCOUNT".
  bool act(std::string_view words) override;

  std::vector<std::string> messages(const std::string& account, const std::string& mailbox = "Inbox");
  store::Accounts& accounts() { return *accounts_; }
  double metric(const std::string& name, const Metrics::Labels& labels) { return metrics_.value(name, labels); }

  std::shared_ptr<smtpserver::ListenerSettings> listener;
  std::unique_ptr<smtpserver::Services> services;
  FakeQueue queue;
  dns::FakeResolver resolver;
  dns::CachingResolver remembering;  ///< what sessions ask: the first message of a connection waits for it, the next need not
  FullFiles files;
  std::string dkimRecord;  ///< of the signing key of mox.example, selector "test"

 private:
  struct Directory {
    std::filesystem::path path;
    Directory();
    ~Directory();
  };
  void loadConfig(bool pedantic);
  void fillDns();
  void presentKey(const std::string& account);

  Directory directory_;
  FakeRandom random_;
  Metrics metrics_;
  LimitHits limits_;
  dkim::PublicSuffixList suffixes_;
  delivery::ReceivedId receivedId_;
  std::unique_ptr<config::ConfigSource> config_;
  std::unique_ptr<store::Accounts> accounts_;
  std::unique_ptr<store::AuthDb> authDb_;
  std::unique_ptr<store::PasswordChecker> passwords_;
  std::unique_ptr<net::JobPool> pool_;
  std::unique_ptr<login::Authenticator> authenticator_;
  std::vector<std::shared_ptr<void>> old_;  ///< what sessions of an earlier configuration still refer to
  std::string clientKey_;  ///< "" for none
  bool localserve_;
};

}  // namespace mox::test
