#include "store/Rows.h"

#include "base/Text.h"

namespace mox::store {

MailboxRow readMailbox(const Stmt& row) {
  MailboxRow mailbox;
  mailbox.id = row.id<MailboxId>(0);
  mailbox.name = row.text(1);
  mailbox.uidValidity = row.id<UidValidity>(2);
  mailbox.uidNext = row.id<Uid>(3);
  mailbox.createSeq = row.id<ModSeq>(4);
  mailbox.modSeq = row.id<ModSeq>(5);
  mailbox.uses = static_cast<SpecialUses>(row.int64(6));
  mailbox.keywords = splitKeywords(row.bytes(7));
  mailbox.counts.total = row.int64(8);
  mailbox.counts.deleted = row.int64(9);
  mailbox.counts.unseen = row.int64(10);
  mailbox.counts.unread = row.int64(11);
  mailbox.counts.size = row.int64(12);
  mailbox.counts.deletedSize = row.int64(13);
  return mailbox;
}

AnnotationUse annotationUse(Db& db) {
  auto row = db.prepare("SELECT count(*), ifnull(sum(length(CAST(key AS BLOB)) + length(value)), 0) FROM annotation");
  row.step();
  return {row.int64(0), row.int64(1)};
}

namespace {

std::optional<IpAddress> ipOf(std::string_view bytes) {
  if (bytes.size() == 4) {
    std::array<std::uint8_t, 4> four{};
    for (std::size_t i = 0; i < 4; ++i) four[i] = static_cast<std::uint8_t>(bytes[i]);
    return IpAddress::v4(four);
  }
  if (bytes.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> sixteen{};
  for (std::size_t i = 0; i < 16; ++i) sixteen[i] = static_cast<std::uint8_t>(bytes[i]);
  return IpAddress::v6(sixteen);
}

Origin readOrigin(const Stmt& row, std::int64_t traits) {
  Origin origin;
  auto validations = row.int64(16);
  origin.ehloValidation = static_cast<Validation>(validations & 15);
  origin.mailFromValidation = static_cast<Validation>(validations >> 4 & 15);
  origin.msgFromValidation = static_cast<Validation>(validations >> 8 & 15);
  origin.ehloValidated = (traits & ehloValidatedTrait) != 0;
  origin.mailFromValidated = (traits & mailFromValidatedTrait) != 0;
  origin.msgFromValidated = (traits & msgFromValidatedTrait) != 0;
  origin.isForward = (traits & isForwardTrait) != 0;
  origin.isReject = (traits & isRejectTrait) != 0;
  if (!row.isNull(17)) origin.destined = row.id<MailboxId>(17);
  origin.remoteIp = ipOf(row.bytes(18));
  origin.ehloDomain = row.text(19);
  origin.mailFromLocalpart = row.text(20);
  origin.mailFromDomain = row.text(21);
  origin.rcptToLocalpart = row.text(22);
  origin.rcptToDomain = row.text(23);
  origin.msgFromLocalpart = row.text(24);
  origin.msgFromDomain = row.text(25);
  origin.msgFromOrgDomain = row.text(26);
  origin.dkimDomains = splitLines(row.bytes(27));
  return origin;
}

}  // namespace

MessageRow readMessage(const Stmt& row) {
  MessageRow message;
  message.id = row.id<MessageId>(0);
  message.mailbox = row.id<MailboxId>(1);
  message.originalMailbox = row.id<MailboxId>(2);
  message.uid = row.id<Uid>(3);
  message.modSeq = row.id<ModSeq>(4);
  message.createSeq = row.id<ModSeq>(5);
  message.content = row.id<ContentId>(6);
  message.flags.bits = static_cast<FlagBits>(row.int64(7));
  message.flags.keywords = splitKeywords(row.bytes(8));
  message.size = static_cast<std::uint64_t>(row.int64(9));
  message.received = fromUnixSeconds(row.int64(10));
  message.saved = fromUnixSeconds(row.int64(11));
  message.thread = row.id<ThreadId>(12);
  message.messageId = row.text(13);
  message.subjectBase = row.text(14);
  auto traits = row.int64(15);
  message.muted = (traits & mutedTrait) != 0;
  message.isMailingList = (traits & isMailingListTrait) != 0;
  message.isDsn = (traits & isDsnTrait) != 0;
  message.origin = readOrigin(row, traits);
  return message;
}

Judgement judgement(FlagBits flags) {
  bool junk = (flags & bit(Flag::junk)) != 0, notJunk = (flags & bit(Flag::notJunk)) != 0;
  if (junk == notJunk) return unjudged;
  return junk ? judgedJunk : judgedNotJunk;
}

std::string joinLines(const std::vector<std::string>& lines) { return join(lines, "\n"); }

std::vector<std::string> splitLines(std::string_view text) {
  std::vector<std::string> lines;
  if (text.empty()) return lines;
  for (auto line : split(text, '\n')) lines.emplace_back(line);
  return lines;
}

}  // namespace mox::store
