#include "imapserver/NotifyTell.h"

#include <algorithm>
#include <set>
#include <utility>

#include "imapserver/Fetch.h"
#include "imapserver/Handlers.h"
#include "imapserver/ListLine.h"
#include "imapserver/MailboxFilter.h"
#include "imapserver/Notifications.h"
#include "imapserver/SpecialUse.h"
#include "store/ViewDiff.h"

namespace mox::imapserver {

namespace {

using Event = Notifications::Event;
using Kind = store::Change::Kind;

/// One round of telling. Numbers of mailboxes come with the notes, so a round that tells of messages alone does not touch
/// the database: a thousand sessions that hear of the same message would otherwise queue for connections to it.
class Teller {
 public:
  explicit Teller(Context& context)
      : context_(context),
        notifications_(*context.notifications),
        config_(context.services.config.current()),
        account_(config_->account(context.account->name())) {}

  void tell(const Notifications::Notes& notes) {
    for (const auto& change : notes.changes) tell(change);
    for (const auto& [id, names] : entries_) metadataLine(id, names);
    for (const auto& [id, note] : notes.messages) {
      if (isSelected(id)) continue;
      // A mailbox that was renamed or deleted meanwhile is not what its note says.
      bool isStale = std::any_of(notes.changes.begin(), notes.changes.end(), [id = id](const auto& one) { return one.mailbox == id; });
      if (!isStale) statusLine(*note.row, note.messages, note.flags);
      else if (auto row = reader().mailbox(id)) statusLine(*row, note.messages, note.flags);
    }
  }

  void statusOfAll() {
    for (const auto& row : reader().mailboxes())
      if (!isSelected(row.id)) statusLine(row, true, true, true);
  }

 private:
  bool isSelected(MailboxId id) const { return context_.selected && context_.selected->mailbox() == id; }
  store::Reader& reader() {
    if (!reader_) reader_.emplace(context_.account->reader());
    return *reader_;
  }

  struct Subject {
    std::string_view name, oldName;
    bool subscribed = false;
  };
  /// Groups are asked in order. The first that means the mailbox and has the event says yes, one that has none says no.
  bool wants(Event event, const Subject& subject) const {
    auto means = [&](const auto& filter, std::string_view name) { return !name.empty() && matches(filter, name, subject.subscribed, account_); };
    for (const auto& group : notifications_.groups()) {
      bool applies = event == Event::serverMetadataChange || means(group.filter, subject.name) || means(group.filter, subject.oldName);
      if (!applies) continue;
      if (hasEvent(group, event)) return true;
      if (group.events.empty() && event != Event::serverMetadataChange) return false;
    }
    return false;
  }

  void tell(const store::Change& change) {
    switch (change.kind) {
      case Kind::mailboxAdded:
      case Kind::mailboxRemoved:
      case Kind::mailboxRenamed: return named(change);
      case Kind::subscribed:
      case Kind::unsubscribed:
        if (wants(Event::subscriptionChange, {change.name, {}, true})) listLine(change.name, {});
        return;
      case Kind::annotation: return entry(change.mailbox, change.name);
      case Kind::specialUse: return entry(change.mailbox, std::string(specialUseEntry));
      default: return;
    }
  }

  void named(const store::Change& change) {
    // RFC 5465 §5.4: mailboxes below a renamed one are renamed with it, without a word of their own.
    bool isBelowRoot = change.kind == Kind::mailboxRenamed && change.modSeq == renaming_ && store::isBelow(change.oldName, renamedRoot_);
    if (isBelowRoot) return;
    if (change.kind == Kind::mailboxRenamed) {
      renaming_ = change.modSeq;
      renamedRoot_ = change.oldName;
    }
    if (wants(Event::mailboxName, {change.name, change.oldName, isSubscribed(change.name)})) listLine(change.name, change.oldName);
    if (change.kind != Kind::mailboxRenamed) affected(std::string(store::parentName(change.name)));
  }

  /// RFC 5465 §5.4: what is made or deleted affects its parent, too, which may have children now or no more.
  void affected(const std::string& parent) {
    if (wants(Event::mailboxName, {parent, {}, isSubscribed(parent)})) listLine(parent, {});
  }

  /// What is true of the name now, so once a round is enough.
  void listLine(const std::string& name, const std::string& oldName) {
    if (!told_.insert(name + '\n' + oldName).second) return;
    if (oldName.empty() && !toldNames_.insert(name).second) return;
    toldNames_.insert(name);
    auto row = reader().mailbox(std::string_view(name));
    std::optional<std::string> old;
    if (!oldName.empty()) old = oldName;
    writeListLine(context_.out, {name, row ? &*row : nullptr, isSubscribed(name), old, true}, context_.outputMode());
  }

  bool asksForSubscribed() const {
    const auto& groups = notifications_.groups();
    return std::any_of(groups.begin(), groups.end(), [](const auto& group) { return group.filter.kind == imap::MailboxFilter::Kind::subscribed; });
  }

  bool isSubscribed(const std::string& name) {
    if (!subscriptions_) subscriptions_ = reader().subscriptions();
    return std::binary_search(subscriptions_->begin(), subscriptions_->end(), name);
  }

  /// Entries of one mailbox are told together.
  void entry(MailboxId mailbox, const std::string& name) {
    if (!notifications_.tellsMetadata() && !wantsEntry(mailbox)) return;
    auto place = std::find_if(entries_.begin(), entries_.end(), [&](const auto& one) { return one.first == mailbox; });
    if (place == entries_.end()) place = entries_.insert(place, {mailbox, {}});
    auto& names = place->second;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }

  bool wantsEntry(MailboxId mailbox) {
    if (!mailbox) return wants(Event::serverMetadataChange, {});
    auto row = reader().mailbox(mailbox);
    return row && wants(Event::mailboxMetadataChange, {row->name, {}, row->subscribed});
  }

  /// RFC 5464 §4.4.2: names without values.
  void metadataLine(MailboxId mailbox, const std::vector<std::string>& names) {
    auto row = mailbox ? reader().mailbox(mailbox) : std::nullopt;
    if (mailbox && !row) return;
    context_.out += "* METADATA ";
    imap::writeMailbox(context_.out, row ? row->name : std::string(), context_.outputMode());
    for (const auto& name : names) {
      context_.out += ' ';
      imap::writeAstring(context_.out, name);
    }
    context_.out += "\r\n";
  }

  /// RFC 5465 §3.1, §5.1–§5.3: numbers of a mailbox that is not selected. `first`: of the STATUS indicator, which wants
  /// UIDVALIDITY as well. Of flags a client is told HIGHESTMODSEQ, whether it has enabled CONDSTORE or not.
  void statusLine(const store::MailboxRow& row, bool messages, bool flags, bool first = false) {
    Subject subject{row.name, {}, asksForSubscribed() && isSubscribed(row.name)};
    messages = messages && wants(Event::messageNew, subject);
    flags = flags && wants(Event::flagChange, subject);
    if (!messages && !flags) return;
    using Item = imap::StatusItem;
    std::vector<Item> items;
    if (messages) items = {Item::messages, Item::uidNext};
    if (flags || first) items.push_back(Item::uidValidity);
    items.push_back(Item::unseen);
    if (flags || context_.condstore) items.push_back(Item::highestModSeq);
    context_.out += "* STATUS ";
    imap::writeMailbox(context_.out, row.name, context_.outputMode());
    context_.out += " " + statusText(context_, row, items) + "\r\n";
  }

  Context& context_;
  Notifications& notifications_;
  const config::ConfigPtr config_;
  const config::AccountInfo* const account_;
  std::optional<store::Reader> reader_;  ///< opened when needed
  std::optional<std::vector<std::string>> subscriptions_;
  ModSeq renaming_;
  std::string renamedRoot_;
  std::set<std::string> told_, toldNames_;
  std::vector<std::pair<MailboxId, std::vector<std::string>>> entries_;
};

/// RFC 5465 §6.1: with SELECTED at once; with SELECTED-DELAYED at once as well, until an expunge waits for a command
/// that allows it, and all that came after it waits in its order.
void syncSelected(Context& context) {
  const auto& events = context.notifications->selectedEvents();
  if (!events.atOnce || !context.selected) return;
  auto now = context.selected->current();
  if (now == context.selected->held()) return;
  bool waits = events.expungesWait && !context.idling;
  if (waits && (!now || !store::difference(context.selected->view(), *now).removed.empty())) return;
  context.sync();
}

/// RFC 5465 §5.2: what the client wants to know of each new message, but of those it has put there itself.
void fetchNew(Context& context) {
  auto& notifications = *context.notifications;
  auto from = std::exchange(notifications.fetchFrom, std::nullopt);
  const auto& items = notifications.selectedEvents().items;
  if (!from || !context.selected || items.empty()) return;
  const auto& view = context.selected->view();
  imap::NumberSet uids;
  for (auto index = view.lowerBound(*from); index < view.size(); ++index)
    if (!notifications.isOwn(view.at(index).modSeq)) uids.add(view.at(index).uid.value);
  if (uids.empty()) return;
  FetchRequest request{context.account, MessageWalk(context.selected->held(), context.selected->held(), std::move(uids)), items};
  request.tellModSeq = context.condstore;  // RFC 7162 §3.1: in what comes unasked
  request.tell = context.tellMode();
  if (request.tell.recent) request.recent = context.selected->recent();
  request.mode = context.outputMode();
  context.stream(makeFetchProducer(std::move(request), std::make_shared<FetchOutcome>()), [](Context&) {});
}

}  // namespace

void tellStatusOfAll(Context& context) { Teller(context).statusOfAll(); }

void tellNoted(Context& context) {
  auto& notifications = *context.notifications;
  auto notes = notifications.take();
  if (notes.overflow) {
    context.services.limits.hit(notifyBacklog, context.account->name());
    context.untagged("OK [NOTIFICATIONOVERFLOW] too much has happened");
    if (notifications.isNotifying()) notifications.none();
  } else if (!notes.changes.empty() || !notes.messages.empty()) {
    Teller(context).tell(notes);
  }
}

void tellNotifications(Context& context) {
  context.notifications->select(context.selected ? context.selected->mailbox() : MailboxId());
  syncSelected(context);
  tellNoted(context);
  fetchNew(context);
  context.notifications->clearOwn();
}

}  // namespace mox::imapserver
