// Importer: puts found messages into an account, in batches of bounded size, each one commit.
//
// An import can be repeated: what it brought is remembered with the account (SCHEMA.md, table imported), in the same
// commit as the messages, so a run that was killed goes on where it was when it is started again, and a second run adds
// only what is new. Equal messages in one import are all taken. `again` takes everything once more.
//
// Memory: one batch. Threads: one; another import into the same account is refused (Errc::conflict).
// Errors: Result for quota, limits and input; exceptions for disk and database.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "base/Limits.h"
#include "base/Random.h"
#include "store/Account.h"
#include "store/Accounts.h"
#include "store/Spool.h"
#include "transfer/Found.h"
#include "transfer/LineEnds.h"

namespace mox::transfer {

// A batch, whichever comes first. Short enough that a delivery waiting for its turn does not notice.
inline constexpr std::size_t importBatchMessages = 256;
inline constexpr std::size_t importBatchBytes = 4 << 20;
/// Between lines of progress.
inline constexpr Duration importProgressEvery = std::chrono::seconds(2);

struct ImportOptions {
  std::string mailbox;      ///< where to; "" and Inbox: mailboxes below get their names at the top level
  std::int64_t quota = -1;  ///< octets, negative for none
  bool again = false;       ///< also what an earlier import brought
  std::int64_t quotaMessages = -1;
  bool removes = false;  ///< what is gone at the source goes here, too, if nobody has touched it here: follow()
};

struct ImportCounts {
  std::uint64_t added = 0;
  std::uint64_t known = 0;    ///< there since an earlier import
  std::uint64_t refused = 0;  ///< named as problems
  std::uint64_t unread = 0;   ///< mailboxes, folders or files that could not be read, named as problems
  std::uint64_t bytes = 0;    ///< of added
  std::uint64_t changed = 0;  ///< that an earlier import brought: flags were changed there since
  std::uint64_t removed = 0;  ///< and removed there
};

/// How an import tells of itself. Exceptions of these end the import (a client that hung up).
struct ImportListener {
  std::function<void(const ImportCounts&)> progress;
  /// A message or file that is not taken, by name.
  std::function<void(const std::string& where, const std::string& reason)> problem;
  /// True: the import ends at the next batch, with Errc::temporary.
  std::function<bool()> stopping;
};

struct ImportServices {
  store::Accounts& accounts;
  const Clock& clock;
  Random& random;
  LimitHits& limits;
};

class Importer final : public FoundSink {
 public:
  /// The account is configured or not, but exists. Errc::conflict, syntax (the mailbox).
  static Result<std::unique_ptr<Importer>> make(ImportServices services, std::shared_ptr<store::Account> account, ImportOptions options,
                                                ImportListener listener);
  ~Importer() override;

  void begin(Found found) override;
  void append(std::string_view bytes) override;
  Result<void> end(const imap::Flags& flags) override;
  void drop(const Error& reason) override;
  void mailbox(const std::string& name) override;
  void problem(const std::string& where, const std::string& reason) override;
  void unread(const std::string& where, const std::string& reason, std::uint64_t count) override;

  /// Takes over what became of messages an earlier import brought. Flags that were set or cleared there since are set or
  /// cleared here; what was changed here besides stays. A message that is gone there is removed only with `removes`, and
  /// only while it is where the import put it and as the import left it: one that was read, flagged or moved here is
  /// somebody's. What was expunged or moved here is left alone.
  Result<void> follow(const SourceState& now);

  /// Stores what is left.
  Result<void> finish();
  const ImportCounts& counts() const { return counts_; }

 private:
  struct Item;
  struct Ready;
  Importer(ImportServices services, std::shared_ptr<store::Account> account, ImportOptions options, ImportListener listener);

  Result<MailboxId> resolve(const std::string& name);
  std::string destination(const std::string& name) const;
  Result<void> flush();
  /// The n-th copy of these octets in this run: true if there is no n-th in the account.
  store::DeliverOptions deliverOptions(const std::vector<Item*>& items) const;
  bool isNew(store::Reader& look, std::map<std::string, store::ImportMark>& marks, const Item& item);
  Result<void> store(std::vector<Item*>& items, const std::map<std::string, store::ImportMark>& marks);
  Result<void> storeSingly(std::vector<Item*>& items, const std::map<std::string, store::ImportMark>& marks);
  void refuse(const Item& item, const Error& error);
  void tellProgress();

  ImportServices services_;
  std::shared_ptr<store::Account> account_;
  ImportOptions options_;
  ImportListener listener_;
  std::shared_ptr<void> hold_;
  const std::int64_t run_;
  ImportCounts counts_;
  std::map<std::string, Result<MailboxId>> mailboxes_;
  std::unique_ptr<Item> current_;
  std::string lines_;  ///< room for append()
  std::vector<std::unique_ptr<Item>> batch_;
  std::size_t batchBytes_ = 0;
  Steady told_;
};

}  // namespace mox::transfer
