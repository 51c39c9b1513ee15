#include "imapserver/Append.h"

#include <fmt/format.h>

#include "imap/Structure.h"
#include "imapserver/Handlers.h"
#include "message/Parsed.h"

namespace mox::imapserver {

const imap::args::AppendMessage* firstMessage(const imap::Command& command) {
  if (command.kind == imap::CommandKind::append) return &command.as<imap::args::Append>().first;
  bool replaces = command.kind == imap::CommandKind::replace || command.kind == imap::CommandKind::uidReplace;
  return replaces ? &command.as<imap::args::Replace>().message : nullptr;
}

Append::Append(Context& context, const imap::Command& command) {
  if (command.kind == imap::CommandKind::append) {
    mailboxName_ = command.as<imap::args::Append>().mailbox;
  } else {
    const auto& arguments = command.as<imap::args::Replace>();
    mailboxName_ = arguments.mailbox;
    findReplaced(context, arguments);
  }
  findMailbox(context);
}

void Append::findMailbox(Context& context) {
  auto name = imap::MailboxName::parse(mailboxName_);
  auto key = name ? context.account->findMailbox(std::string(name->text())) : std::nullopt;
  if (!name) {
    context.noteName(name.error());
    refuseWith("CANNOT", name.error().text);
  } else if (!key) {
    refuseWith("TRYCREATE", "no such mailbox");
  } else {
    mailbox_ = key->id;
    uidValidity_ = key->uidValidity;
  }
}

/// RFC 8508 §3.2: one message of the selected mailbox.
void Append::findReplaced(Context& context, const imap::args::Replace& arguments) {
  replaced_ = Replaced{};
  if (context.selected->isReadOnly()) return refuseWith("CANNOT", "the mailbox is open read-only");
  auto set = context.selected->resolve(arguments.target, arguments.uid);
  if (!set) return refuseWith("", "there is no message with that number", true);
  auto uids = context.selected->list(*set);
  if (uids.empty()) return refuseWith("", "no such message");
  replaced_->uid = uids.front();
  auto now = context.selected->current();
  auto index = now ? now->indexOf(replaced_->uid) : std::nullopt;
  if (!index) return refuseWith("EXPUNGEISSUED", "the message is gone");
  replaced_->size = now->at(*index).size;
}

void Append::refuseWith(std::string code, std::string text, bool isBad) {
  if (!refusal_) refusal_ = Refusal{isBad, std::move(code), std::move(text)};
  items_.clear();
}

std::int64_t Append::room(Context& context) const {
  auto limit = context.quota();
  if (limit < 0) return -1;
  auto free = limit - context.account->reader().messageBytes() + static_cast<std::int64_t>(replaced_ ? replaced_->size : 0);
  return std::max<std::int64_t>(0, free);
}

bool Append::tooMany(Context& context) const {
  auto limit = context.quotaMessages();
  auto more = static_cast<std::int64_t>(items_.size()) + (replaced_ ? 0 : 1);
  return limit >= 0 && more > 0 && context.account->reader().messageCount() + more > limit;
}

/// All that can be told before the octets cross the network.
void Append::checkLimits(Context& context, const imap::args::AppendMessage& message) {
  auto size = message.literal.size;
  auto left = room(context);
  auto hit = [&](const Limit& limit, std::string code, std::string text) {
    context.services.limits.hit(limit, context.account->name());
    refuseWith(std::move(code), std::move(text));
  };
  if (size == 0) {
    refuseWith("", "a message of no octets cancels the command");  // RFC 3502 §6.3.11
  } else if (message.utf8 && !context.utf8) {
    refuseWith("CANNOT", "UTF8 needs ENABLE UTF8=ACCEPT");
  } else if (size > static_cast<std::uint64_t>(appendBytes.value)) {
    hit(appendBytes, "TOOBIG", "the message is larger than APPENDLIMIT");
  } else if (left >= 0 && total_ > static_cast<std::uint64_t>(left)) {
    refuseWith("OVERQUOTA", "no room left");
  } else if (tooMany(context)) {
    refuseWith("OVERQUOTA", "no room left for another message");
  } else if (items_.size() >= static_cast<std::size_t>(context.listener->messageLimit.value)) {
    hit(context.listener->messageLimit, messageLimitCode(context), "too many messages in one APPEND");  // RFC 9738 §3.1
  } else if (items_.size() >= static_cast<std::size_t>(multiAppendMessages.value)) {
    hit(multiAppendMessages, "LIMIT", "too many messages in one APPEND");
  } else if (!items_.empty() && total_ > static_cast<std::uint64_t>(multiAppendBytes.value)) {
    hit(multiAppendBytes, "LIMIT", "too many octets in one APPEND");
  }
}

Append::Answer Append::startMessage(Context& context, const imap::args::AppendMessage& message) {
  missing_ = message.literal.size;
  utf8_ = message.utf8;
  total_ += missing_;
  if (!refusal_) checkLimits(context, message);
  if (!refusal_) {
    items_.push_back({context.services.accounts.spool(), message});
    return Answer::welcome;
  }
  if (message.literal.synchronising) return Answer::refused;
  thrownAway_ += missing_;
  if (thrownAway_ <= static_cast<std::uint64_t>(refusedBytes.value)) return Answer::refused;
  context.services.limits.hit(refusedBytes, context.account->name());
  return Answer::tooMuch;
}

void Append::take(std::string_view bytes) {
  missing_ -= bytes.size();
  if (!refusal_) items_.back().spool->append(bytes);
}

void Append::refuse(Context& context) {
  if (refusal_->isBad) context.bad(refusal_->text, refusal_->code);
  else context.no(refusal_->code, refusal_->text);
}

void Append::commit(Context& context) {
  if (refusal_) return refuse(context);
  store(context);
}

void Append::store(Context& context) {
  std::vector<message::Parsed> parsed;
  std::vector<store::NewMessage> messages;
  parsed.reserve(items_.size());
  for (auto& item : items_) {
    item.spool->finish();
    parsed.push_back(message::parse(item.spool->data()));
    const auto& one = parsed.back();
    if (one.hasNul && !item.arguments.literal.binary) return context.bad("NUL in a message that is no literal8");
    store::NewMessage message;
    message.mailbox = mailbox_;
    message.spool = item.spool.get();
    message.parsed = &one;
    message.envelope = imap::renderEnvelope(*one.root.envelope);
    message.bodyStructure = imap::renderBody(one.root);
    message.bodyStructureExtended = imap::renderBodyStructure(one.root);
    message.partTree = message::encode(one.root);
    message.flags = item.arguments.flags;
    message.received = item.arguments.date ? item.arguments.date->time : context.services.clock.now();
    messages.push_back(std::move(message));
  }
  store::DeliverOptions options;
  options.quota = context.quota();
  if (replaced_) {
    options.expungeFrom = context.selected->mailbox();
    options.expunge = {replaced_->uid};
    options.expungeMustExist = true;
  }
  options.quotaMessages = context.quotaMessages();
  auto delivered = context.account->deliver(std::move(messages), options);
  if (delivered) context.own(delivered->front().modSeq);
  if (delivered) return answer(context, *delivered);
  auto code = delivered.error().code;
  if (code == Errc::notFound) context.no("TRYCREATE", delivered.error().text);
  else if (code == Errc::conflict) context.no("EXPUNGEISSUED", delivered.error().text);
  else context.no(delivered.error(), keywordLimit(context, mailbox_, keywords()));
}

store::Keywords Append::keywords() const {
  imap::Flags all;
  for (const auto& item : items_) all = imap::unite(all, item.arguments.flags);
  return all.keywords;
}

void Append::answer(Context& context, const std::vector<store::Delivered>& delivered) {
  imap::NumberSet uids;
  for (const auto& one : delivered) uids.add(one.uid.value);
  auto appendUid = imap::appendUidCode(uidValidity_.value, uids);
  if (!replaced_) return context.ok(appendUid, "appended");
  // RFC 8508 §4.3: APPENDUID goes first, then the new message, then the old one leaves.
  context.untagged("OK [" + appendUid + "] replacement is stored");
  context.sync();
  if (!context.condstore) return context.ok("replaced");
  // RFC 8508 §4.5, RFC 7162 §3.2.9: as UID EXPUNGE.
  context.ok(fmt::format("HIGHESTMODSEQ {}", context.selected->toldModSeq().value), "replaced");
}

}  // namespace mox::imapserver
