// What the suites of the store share: a directory of their own, a clock that stands, messages to deliver.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "base/Random.h"
#include "store/Account.h"
#include "store/Files.h"
#include "store/Verify.h"
#include "support/Test.h"

namespace mox::store::test {

/// A new empty directory, removed with all in it.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// A message to deliver and what it points to.
struct Mail {
  message::Parsed parsed;
  std::string data;

  explicit Mail(std::string text = "Subject: hi\r\n\r\nbody\r\n");
  Mail& id(const std::string& messageId);
  Mail& references(std::vector<std::string> ids);
  Mail& subject(const std::string& base, bool reply = false);
  Mail& to(const std::string& localpart, const std::string& domain);
  NewMessage in(MailboxId mailbox, Flags flags = {}) const;
};

/// A message of that many octets in all.
Mail mailOfSize(std::size_t octets);

struct AccountFixture {
  TempDirectory directory;
  SystemFiles files;
  FakeClock clock;
  FakeRandom random;
  Environment environment();
  std::unique_ptr<Account> account;
  MailboxId inbox, sent;

  /// Opens, and makes Inbox and Sent.
  explicit AccountFixture(bool open = true);
  void reopen();
  MailboxId id(const std::string& name);
  MailboxRow row(MailboxId mailbox) { return *account->reader().mailbox(mailbox); }
  Delivered deliver(const Mail& mail, MailboxId mailbox, Flags flags = {});
  std::vector<Uid> deliverMany(std::size_t count, MailboxId mailbox);
  /// UIDs in the mailbox, by snapshot.
  std::vector<Uid> uids(MailboxId mailbox);
  /// Fails the test if verify() finds something.
  void checkSound(bool bodies = true);
};

Flags flags(FlagBits bits, Keywords keywords = {});
std::vector<Uid> uidList(std::initializer_list<std::uint32_t> values);
std::string show(const std::vector<Uid>& uids);
std::string show(const std::vector<std::string>& lines);

}  // namespace mox::store::test
