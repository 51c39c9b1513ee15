#include "imapserver/Notifications.h"

#include <algorithm>

namespace mox::imapserver {

namespace {

using Kind = store::Change::Kind;
using Filter = imap::MailboxFilter::Kind;
using Event = Notifications::Event;

/// Changes of a mailbox that are remembered one by one, to see later whether all were the session's own.
constexpr std::size_t remembered = 8;

bool isSelectedFilter(Filter kind) { return kind == Filter::selected || kind == Filter::selectedDelayed; }

SelectedEvents selectedEventsOf(const std::vector<Notifications::Group>& groups) {
  SelectedEvents events;
  auto group = std::find_if(groups.begin(), groups.end(), [](const auto& one) { return isSelectedFilter(one.filter.kind); });
  events.tells = events.atOnce = group != groups.end() && hasEvent(*group, Event::messageNew);
  if (!events.tells) return events;
  events.expungesWait = group->filter.kind == Filter::selectedDelayed;
  events.flags = hasEvent(*group, Event::flagChange);
  for (const auto& event : group->events)
    if (event.kind == Event::messageNew) events.items = event.items;
  return events;
}

}  // namespace

bool hasEvent(const Notifications::Group& group, Event event) {
  return std::any_of(group.events.begin(), group.events.end(), [event](const auto& one) { return one.kind == event; });
}

// Shared: on the writer's thread -------------------------------------------------------------------------------

/// True if the session is to be woken.
bool Notifications::Shared::noteOne(const store::Change& change) {
  bool isFlags = change.kind == Kind::messageFlags;
  if (isFlags || change.kind == Kind::messagesAdded || change.kind == Kind::messagesExpunged) {
    if (change.mailbox == selected) return atOnce;
    if (!messages) return false;
    auto& note = notes.messages[change.mailbox];
    (isFlags ? note.flags : note.messages) = true;
    note.row = change.row;
    if (note.changes.size() <= remembered) note.changes.push_back(change.modSeq);
    return true;
  }
  // The selected mailbox is gone, and with it its messages: no change of theirs says so.
  bool losesSelected = change.kind == Kind::mailboxRemoved && change.mailbox == selected && atOnce;
  bool isEntry = change.kind == Kind::annotation || change.kind == Kind::specialUse;
  if (!(isEntry ? metadata || others : others)) return losesSelected;
  notes.changes.push_back(change);
  return others || metadataWakes || losesSelected;
}

void Notifications::Shared::note(const store::Changes& changes) {
  bool wakes = false;
  {
    std::lock_guard lock(mutex);
    for (const auto& change : *changes) wakes = noteOne(change) || wakes;
    if (notes.messages.size() + notes.changes.size() > static_cast<std::size_t>(notifyBacklog.value)) {
      notes = {};
      notes.overflow = wakes = true;
    }
  }
  if (wakes) waker->wake();
}

// The session's side -------------------------------------------------------------------------------------------

Notifications::Notifications(std::shared_ptr<store::Account> account, std::shared_ptr<net::Waker> waker)
    : account_(std::move(account)), shared_(std::make_shared<Shared>()) {
  shared_->waker = std::move(waker);
  subscription_ = account_->feed().subscribe(std::nullopt, [shared = shared_](const store::Changes& changes) { shared->note(changes); });
}

void Notifications::listen() {
  auto any = [&](auto&& test) { return std::any_of(groups_.begin(), groups_.end(), test); };
  std::lock_guard lock(shared_->mutex);
  shared_->messages = any([](const Group& group) { return !isSelectedFilter(group.filter.kind) && hasEvent(group, Event::messageNew); });
  shared_->others = any([](const Group& group) {
    return std::any_of(group.events.begin(), group.events.end(), [](const auto& event) { return event.kind >= Event::mailboxName; });
  });
  shared_->metadata = tellsMetadata();
  shared_->atOnce = selected_.atOnce;
  shared_->notes = {};
}

void Notifications::enableMetadata() {
  metadata_ = true;
  std::lock_guard lock(shared_->mutex);
  shared_->metadata = tellsMetadata();
}

void Notifications::set(std::vector<Group> groups) {
  isNotifying_ = true;
  groups_ = std::move(groups);
  selected_ = selectedEventsOf(groups_);
  fetchFrom.reset();
  listen();
}

void Notifications::none() { set({}); }

void Notifications::idle(bool isIdle) {
  std::lock_guard lock(shared_->mutex);
  shared_->metadataWakes = isIdle;
}

void Notifications::select(MailboxId mailbox) {
  std::lock_guard lock(shared_->mutex);
  if (shared_->selected == mailbox) return;
  shared_->selected = mailbox;
  shared_->notes.messages.erase(mailbox);
  fetchFrom.reset();
}

bool Notifications::isOwn(ModSeq change) const { return std::find(own_.begin(), own_.end(), change) != own_.end(); }

Notifications::Notes Notifications::take() {
  Notes notes;
  {
    std::lock_guard lock(shared_->mutex);
    notes = std::exchange(shared_->notes, {});
  }
  std::erase_if(notes.changes, [&](const store::Change& change) { return isOwn(change.modSeq); });
  std::erase_if(notes.messages, [&](const auto& entry) {
    const auto& changes = entry.second.changes;
    return changes.size() <= remembered && std::all_of(changes.begin(), changes.end(), [&](ModSeq one) { return isOwn(one); });
  });
  return notes;
}

}  // namespace mox::imapserver
