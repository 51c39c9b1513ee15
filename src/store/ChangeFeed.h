// ChangeFeed: what happened to an account, told after the commit and in commit order.
//
// Who asks for a snapshot or reads the database after a change was told sees at least that change.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Strong.h"
#include "store/Mailbox.h"

namespace mox::store {

struct Change {
  enum class Kind {
    messagesAdded,     ///< uids
    messageFlags,      ///< uids
    messagesExpunged,  ///< uids
    mailboxAdded,      ///< name
    mailboxRemoved,    ///< name
    mailboxRenamed,    ///< name, oldName
    subscribed,        ///< name; mailbox 0 if it does not exist
    unsubscribed,      ///< name
    specialUse,        ///< the mailbox's special use changed
    annotation,        ///< name is the entry; mailbox 0 is the server's
  };
  Kind kind = Kind::messagesAdded;
  MailboxId mailbox;
  ModSeq modSeq;
  std::vector<Uid> uids;  ///< ascending
  /// Of changes of messages: the mailbox as the commit left it, so that a thousand listeners need not read it. Without
  /// subscribed and hasChildren.
  std::shared_ptr<const MailboxRow> row;
  std::string name, oldName;
};

/// What one commit of one operation changed; shared by all listeners.
using Changes = std::shared_ptr<const std::vector<Change>>;

class ChangeFeed {
 public:
  /// Runs on the writing thread: only note the changes and wake somebody. Must not throw.
  using Listener = std::function<void(const Changes&)>;

  /// Ends the listening when destroyed; waits for a call of the listener that is under way in another thread.
  class Subscription {
   public:
    Subscription() = default;
    ~Subscription();
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    /// From now on only changes of this mailbox's messages, and all changes of kinds without messages.
    void watch(std::optional<MailboxId> mailbox);

   private:
    friend class ChangeFeed;
    struct Entry;
    void end();
    std::shared_ptr<Entry> entry_;
  };

  ChangeFeed();
  ~ChangeFeed();
  /// `mailbox`: message changes of this one only; nullopt: of all. A listener may outlive the feed.
  [[nodiscard]] Subscription subscribe(std::optional<MailboxId> mailbox, Listener listener);
  /// For the account's writer.
  void publish(const Changes& changes);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mox::store
