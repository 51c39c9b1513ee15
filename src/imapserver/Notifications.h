// Notifications: what a session is told of its account without asking. Entries that others changed, after ENABLE METADATA
// (RFC 5464 §4.1), and what NOTIFY asks for (RFC 5465).
//
// The account's writer only notes what happened, one note a mailbox however much happens there, and wakes the session.
// What costs time (names, filters, STATUS) is done by the session when it tells: NotifyTell.cpp. Messages of the selected
// mailbox are not noted at all: they are the difference of two views (Selected::sync).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/Limits.h"
#include "imap/Command.h"
#include "net/Session.h"
#include "store/Account.h"

namespace mox::imapserver {

/// Notes waiting for a session that is busy; what is beyond is NOTIFICATIONOVERFLOW (RFC 5465 §5.8).
inline constexpr Limit notifyBacklog{"imap-notify-backlog", 1'000, "notes"};

/// How the selected mailbox is told of.
struct SelectedEvents {
  bool tells = true;          ///< message events are told at all
  bool atOnce = false;        ///< without a command
  bool expungesWait = false;  ///< SELECTED-DELAYED: those for a command that allows them
  bool flags = true;
  std::vector<imap::FetchItem> items;  ///< to fetch of each new message
};

class Notifications {
 public:
  using Group = imap::args::Notify::Group;
  using Event = imap::args::Notify::Event::Kind;

  Notifications(std::shared_ptr<store::Account> account, std::shared_ptr<net::Waker> waker);

  void enableMetadata();
  /// NOTIFY SET; names in the groups as canonicalFilter() has them.
  void set(std::vector<Group> groups);
  /// NOTIFY NONE, and after an overflow.
  void none();
  /// Wakes the session for entries too: it is in IDLE.
  void idle(bool isIdle);
  /// The mailbox that is selected now, 0 for none. What was noted of its messages is forgotten: sync() tells it.
  void select(MailboxId mailbox);
  /// A change this session made itself and needs no word of.
  void own(ModSeq change) { own_.push_back(change); }

  /// False until a NOTIFY: then the session is told as RFC 9051 has it.
  bool isNotifying() const { return isNotifying_; }
  const std::vector<Group>& groups() const { return groups_; }
  const SelectedEvents& selectedEvents() const { return selected_; }
  bool tellsMetadata() const { return metadata_ && !isNotifying_; }

  /// Message events of one mailbox.
  struct Note {
    bool messages = false, flags = false;
    std::vector<ModSeq> changes;  ///< the first few
    std::shared_ptr<const store::MailboxRow> row;  ///< as the last change left it
  };
  struct Notes {
    std::map<MailboxId, Note> messages;
    std::vector<store::Change> changes;  ///< of mailboxes, subscriptions and entries, in order
    bool overflow = false;
  };
  /// What was noted since the last time, without this session's own changes.
  Notes take();

  /// New messages from this UID on are told to the client but not fetched yet; nothing: none.
  std::optional<Uid> fetchFrom;
  /// Whether the session made this change itself; until clearOwn().
  bool isOwn(ModSeq change) const;
  void clearOwn() { own_.clear(); }

 private:
  /// What the writer's thread touches.
  struct Shared {
    std::mutex mutex;
    Notes notes;
    bool messages = false, others = false, metadata = false, metadataWakes = false, atOnce = false;
    MailboxId selected;
    std::shared_ptr<net::Waker> waker;

    void note(const store::Changes& changes);
    bool noteOne(const store::Change& change);
  };
  void listen();

  std::shared_ptr<store::Account> account_;
  std::shared_ptr<Shared> shared_;
  bool metadata_ = false, isNotifying_ = false;
  std::vector<Group> groups_;
  SelectedEvents selected_;
  std::vector<ModSeq> own_;
  store::ChangeFeed::Subscription subscription_;  // last: it ends before what its listener uses
};

/// True if the group has the event.
bool hasEvent(const Notifications::Group& group, Notifications::Event event);

}  // namespace mox::imapserver
