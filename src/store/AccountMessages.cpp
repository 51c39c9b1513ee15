// Flags, copy, move, expunge.
#include <algorithm>
#include <iterator>

#include "store/AccountState.h"
#include "store/Rows.h"

namespace mox::store {

namespace {

/// Ascending, each once: the order in which messages are changed and get new UIDs.
std::vector<Uid> inOrder(std::vector<Uid> uids) {
  std::sort(uids.begin(), uids.end());
  uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  return uids;
}

/// From this many messages on a change gets a transaction of its own.
constexpr std::size_t messagesForOwnTransaction = 256;

Transaction transactionFor(std::uint64_t messages) {
  return messages < messagesForOwnTransaction ? Transaction::shared : Transaction::own;
}

Flags changed(const Flags& from, const FlagChange& change) {
  Flags to;
  if (change.mode == FlagChange::Mode::replace) {
    to = change.flags;
    to.bits |= from.bits & contentMarks;
    return to;
  }
  const auto& other = change.flags;
  auto& out = to.keywords;
  if (change.mode == FlagChange::Mode::add) {
    to.bits = from.bits | other.bits;
    std::set_union(from.keywords.begin(), from.keywords.end(), other.keywords.begin(), other.keywords.end(), std::back_inserter(out));
  } else {
    to.bits = from.bits & ~other.bits;
    std::set_difference(from.keywords.begin(), from.keywords.end(), other.keywords.begin(), other.keywords.end(),
                        std::back_inserter(out));
  }
  return to;
}

/// Messages whose flags are read before the first of them is changed: bounds the memory this takes.
constexpr std::size_t flagsTogether = 1'024;

/// What changed() does to bits.
FlagAdjustment adjustment(const FlagChange& change) {
  switch (change.mode) {
    case FlagChange::Mode::add: return {change.flags.bits, 0};
    case FlagChange::Mode::remove: return {0, change.flags.bits};
    default: return {change.flags.bits, ~contentMarks};
  }
}

void setFlagsOf(FlagsWrite& write, const FlagRow& message, const FlagChange& wanted, FlagsSet& set) {
  if (wanted.unchangedSince && message.entry.modSeq > *wanted.unchangedSince) {
    set.modified.push_back(message.entry.uid);
    write.flush();
    return;
  }
  auto flags = changed(message.flags, wanted);
  if (flags != message.flags && flags.keywords.size() > static_cast<std::size_t>(messageKeywords.value)) throw Refused{{Errc::tooMany, "too many keywords on a message"}};
  write.change(message, flags);
  if (flags == message.flags) return;
  if (wanted.known && message.entry.modSeq > *wanted.known) set.overtaken.emplace_back(message.entry.uid, message.entry.modSeq);
  set.changed.push_back(message.entry.uid);
}

using Transfer = Placed (*)(Operation&, const WriteContext&, const MessageRow&, MailboxEdit&, FlagAdjustment);

Copied transfer(Operation& op, const WriteContext& context, MailboxId from, const std::vector<Uid>& uids, MailboxId to,
                FlagAdjustment adjust, Transfer one) {
  if (from == to) throw Refused{{Errc::conflict, "source and destination are the same mailbox"}};
  op.mailbox(from);
  auto& destination = op.mailbox(to);
  Copied copied;
  copied.destination = to;
  copied.uidValidity = destination.row.uidValidity;
  for (auto uid : uids) {
    auto message = loadMessage(op, from, uid);
    if (!message) continue;
    copied.from.push_back(uid);
    copied.to.push_back(one(op, context, *message, destination, adjust).uid);
  }
  if (!copied.from.empty()) copied.modSeq = op.modSeq();
  return copied;
}

}  // namespace

Result<FlagsSet> Account::setFlags(MailboxId mailbox, const std::vector<Uid>& uids, const FlagChange& change) {
  if (change.flags.keywords.size() > static_cast<std::size_t>(messageKeywords.value)) return fail(Errc::tooMany, "too many keywords");
  FlagChange wanted = change;
  auto& words = wanted.flags.keywords;
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  auto order = inOrder(uids);
  return state_->tryWrite<FlagsSet>([&](Operation& op) {
    FlagsSet set;
    auto& edit = op.mailbox(mailbox);
    FlagsWrite write(op, edit, adjustment(wanted), wanted.mode == FlagChange::Mode::replace || !words.empty());
    for (std::span<const Uid> rest = order; !rest.empty(); rest = rest.subspan(std::min(rest.size(), flagsTogether))) {
      for (const auto& message : loadFlags(op, mailbox, rest.first(std::min(rest.size(), flagsTogether)))) setFlagsOf(write, message, wanted, set);
      write.flush();
    }
    if (!set.changed.empty()) set.modSeq = op.modSeq();
    return set;
  }, Durability::rides, transactionFor(order.size()));
}

Result<Copied> Account::copy(MailboxId from, const std::vector<Uid>& uids, MailboxId to, const CopyOptions& options) {
  auto order = inOrder(uids);
  auto context = state_->context();
  return state_->tryWrite<Copied>([&](Operation& op) {
    auto copied = transfer(op, context, from, order, to, {options.setFlags, options.clearFlags}, copyMessage);
    op.checkQuota(options.quota, options.quotaMessages);
    return copied;
  }, Durability::forced, transactionFor(order.size()));
}

Result<Copied> Account::move(MailboxId from, const std::vector<Uid>& uids, MailboxId to, const CopyOptions& options) {
  auto order = inOrder(uids);
  auto context = state_->context();
  return state_->tryWrite<Copied>([&](Operation& op) {
    return transfer(op, context, from, order, to, {options.setFlags, options.clearFlags}, moveMessage);
  }, Durability::forced, transactionFor(order.size()));
}

Result<Expunged> Account::expunge(MailboxId mailbox, const std::vector<Uid>& uids, bool onlyDeleted) {
  auto order = inOrder(uids);
  return state_->tryWrite<Expunged>([&](Operation& op) {
    Expunged expunged;
    auto& edit = op.mailbox(mailbox);
    expunged.before = edit.row.modSeq;
    for (auto uid : order) {
      auto message = loadMessage(op, mailbox, uid);
      if (!message || (onlyDeleted && !message->flags.has(Flag::deleted))) continue;
      expungeMessage(op, edit, *message);
      expunged.uids.push_back(uid);
    }
    if (!expunged.uids.empty()) expunged.modSeq = op.modSeq();
    return expunged;
  }, Durability::forced, transactionFor(order.size()));
}

Result<Expunged> Account::expungeDeleted(MailboxId mailbox, Uid end) {
  auto before = reader().mailbox(mailbox);
  return state_->tryWrite<Expunged>([&](Operation& op) {
    Expunged expunged;
    auto& edit = op.mailbox(mailbox);
    expunged.before = edit.row.modSeq;
    if (edit.row.counts.deleted == 0) return expunged;
    {
      auto row = op.db().prepare("SELECT uid FROM view_entry WHERE mailbox=?1 AND uid<?2 AND flags & ?3 ORDER BY uid");
      row.bind(mailbox).bind(end).bind(std::int64_t{bit(Flag::deleted)});
      while (row.step()) expunged.uids.push_back(row.id<Uid>(0));
    }
    for (auto uid : expunged.uids) expungeMessage(op, edit, *loadMessage(op, mailbox, uid));
    if (!expunged.uids.empty()) expunged.modSeq = op.modSeq();
    return expunged;
  }, Durability::forced, transactionFor(before ? static_cast<std::uint64_t>(before->counts.deleted) : 0));
}

void Account::setThreadMuted(ThreadId thread, bool muted) {
  state_->write([&](Operation& op) {
    op.db()
        .prepare(muted ? "UPDATE message SET traits = traits | ?1 WHERE id=?2 OR (thread=?2 AND thread<>id)"
                       : "UPDATE message SET traits = traits & ~?1 WHERE id=?2 OR (thread=?2 AND thread<>id)")
        .bind(std::int64_t{mutedTrait})
        .bind(thread)
        .run();
  });
}

}  // namespace mox::store
