#include "imapserver/Append.h"

#include <fmt/format.h>

#include "imap/Structure.h"
#include "message/Parsed.h"

namespace mox::imapserver {

Append::Append(Context& context, const imap::Command& command) {
  mailboxName_ = command.as<imap::args::Append>().mailbox;
  auto name = imap::MailboxName::parse(mailboxName_);
  auto row = name ? context.account->reader().mailbox(std::string_view(name->text())) : std::nullopt;
  if (!name) {
    refuseWith("CANNOT", name.error().text);
  } else if (!row) {
    refuseWith("TRYCREATE", "no such mailbox");
  } else {
    mailbox_ = row->id;
    uidValidity_ = row->uidValidity;
  }
}

void Append::refuseWith(std::string code, std::string text) {
  if (!refusal_) refusal_ = Refusal{std::move(code), std::move(text)};
  items_.clear();
}

bool Append::startMessage(Context& context, const imap::args::AppendMessage& message) {
  missing_ = message.literal.size;
  utf8_ = message.utf8;
  total_ += missing_;
  if (refusal_) return false;
  auto limit = context.quota();
  if (missing_ == 0) {
    refuseWith("", "a message of no octets cancels APPEND");  // RFC 3502 §6.3.11
  } else if (message.utf8 && !context.utf8) {
    refuseWith("CANNOT", "UTF8 needs ENABLE UTF8=ACCEPT");
  } else if (limit >= 0 && total_ > static_cast<std::uint64_t>(std::max<std::int64_t>(0, limit - context.account->reader().messageBytes()))) {
    refuseWith("OVERQUOTA", "no room left");  // told before the octets cross the network
  } else if (items_.size() >= static_cast<std::size_t>(multiAppendMessages.value)) {
    context.services.limits.hit(multiAppendMessages, context.account->name());
    refuseWith("LIMIT", "too many messages in one APPEND");
  } else if (!items_.empty() && total_ > static_cast<std::uint64_t>(multiAppendBytes.value)) {
    context.services.limits.hit(multiAppendBytes, context.account->name());
    refuseWith("LIMIT", "too many octets in one APPEND");
  }
  if (refusal_) return false;
  items_.push_back({context.services.accounts.spool(), message});
  return true;
}

void Append::take(std::string_view bytes) {
  missing_ -= bytes.size();
  if (!refusal_) items_.back().spool->append(bytes);
}

void Append::refuse(Context& context) { context.no(refusal_->code, refusal_->text); }

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
  auto delivered = context.account->deliver(std::move(messages), options);
  if (!delivered) return context.no(delivered.error().code == Errc::notFound ? "TRYCREATE" : responseCode(delivered.error().code), delivered.error().text);
  imap::NumberSet uids;
  for (const auto& one : *delivered) uids.add(one.uid.value);
  context.ok(imap::appendUidCode(uidValidity_.value, uids), "appended");
}

}  // namespace mox::imapserver
