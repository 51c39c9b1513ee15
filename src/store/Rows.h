// Columns of tables to structs. Private to the room.
#pragma once

#include <string>

#include "store/Db.h"
#include "store/Mailbox.h"
#include "store/Message.h"

namespace mox::store {

/// Columns readMailbox() expects, of "mailbox m".
inline const std::string mailboxColumns =
    "m.id, m.name, m.uidvalidity, m.uidnext, m.createseq, max(m.modseq, (SELECT modseq_floor FROM state)), m.uses, m.keywords, m.total, m.deleted, m.unseen, m.unread, m.size, m.deleted_size";
MailboxRow readMailbox(const Stmt& row);
AnnotationUse annotationUse(Db& db);
/// Columns readMessage() expects, of messageTables.
inline const std::string messageColumns =
    "m.id, m.mailbox, m.original_mailbox, m.uid, max(v.modseq, (SELECT modseq_floor FROM state)), m.createseq, m.content, v.flags, v.keywords, m.size, "
    "m.received, m.saved, m.thread, m.message_id, m.subject_base, m.traits, m.validations, m.destined_mailbox, "
    "m.remote_ip, m.ehlo_domain, m.mailfrom_localpart, m.mailfrom_domain, m.rcptto_localpart, m.rcptto_domain, "
    "m.msgfrom_localpart, m.msgfrom_domain, m.msgfrom_orgdomain, m.dkim_domains";
/// To select by what `m` has, and by mailbox and UID, which are in `v`.
inline const std::string messageTables = "message m CROSS JOIN view_entry v ON v.mailbox=m.mailbox AND v.uid=m.uid";
inline const std::string placedTables = "view_entry v CROSS JOIN message m ON m.id=v.message";
MessageRow readMessage(const Stmt& row);

/// Bits of message.traits.
enum Trait : std::int64_t {
  isMailingListTrait = 1,
  isDsnTrait = 2,
  isForwardTrait = 4,
  isRejectTrait = 8,
  mutedTrait = 16,
  ehloValidatedTrait = 32,
  mailFromValidatedTrait = 64,
  msgFromValidatedTrait = 128,
};

/// Values of message.judged.
enum Judgement : std::int64_t { unjudged = 0, judgedJunk = 1, judgedNotJunk = 2 };
/// Exactly one of $Junk and $NotJunk counts.
Judgement judgement(FlagBits flags);

std::string joinLines(const std::vector<std::string>& lines);
std::vector<std::string> splitLines(std::string_view text);

}  // namespace mox::store
