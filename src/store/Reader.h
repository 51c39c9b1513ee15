// Reader: one consistent look at an account's database. Take it, read, let it go: it holds one of few
// connections and pins the WAL, so never keep one while a peer is slow.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/Mailbox.h"
#include "store/Message.h"

namespace mox::store {

class Db;
struct ImportMark;
struct ImportOrigin;

class Reader {
 public:
  ~Reader();
  Reader(Reader&&) noexcept;

  std::optional<MailboxRow> mailbox(MailboxId id);
  std::optional<MailboxRow> mailbox(std::string_view name);
  /// All, sorted by name, Inbox first.
  std::vector<MailboxRow> mailboxes();
  /// Subscribed names, existing or not, sorted.
  std::vector<std::string> subscriptions();

  std::optional<MessageRow> message(MessageId id);
  std::optional<MessageRow> message(MailboxId mailbox, Uid uid);
  std::optional<Structure> structure(MessageId id);
  /// ENVELOPE, BODY or BODYSTRUCTURE, appended to `out`; false if the content is gone. Quick for contents in ascending
  /// order, as a mailbox mostly has them: the next is a step away.
  bool appendEnvelope(ContentId content, std::string& out);
  bool appendBodyStructure(ContentId content, bool extended, std::string& out);
  std::optional<std::string> preview(MessageId id);
  /// What OBJECTID is made of (RFC 8474); nothing if the message is gone.
  std::optional<std::pair<ContentId, ThreadId>> objectIds(MessageId id);
  /// Messages of any mailbox, ascending.
  std::vector<MessageId> messagesOf(ContentId content);
  std::vector<MessageId> messagesOf(ThreadId thread);
  /// False and empty if the message is gone. Inline bodies are read here and now.
  Content content(MessageId id);
  /// The same of what several messages may share.
  Content content(ContentId id);
  /// Only the first `count` octets of the message, without reading the rest; nothing if the message is gone.
  std::optional<std::string> head(MessageId id, std::size_t count);
  /// The header block with the empty line that ends it; nothing if the message is gone.
  std::optional<std::string> header(MessageId id);

  /// Messages of a mailbox in UID order until `row` returns false.
  void forEach(MailboxId mailbox, Uid from, const std::function<bool(const MessageRow&)>& row);
  /// The envelopes of messages as sent, for UIDs `from` to `to`, in UID order.
  void forEachEnvelope(MailboxId mailbox, Uid from, Uid to, const std::function<void(Uid, std::string_view envelope)>& row);
  /// The same with message::SortFacts in their packed form; "" of a message that came before format 5.
  void forEachSortFacts(MailboxId mailbox, Uid from, Uid to, const std::function<void(Uid, std::string_view facts)>& row);
  /// Messages with this canonical Message-ID, in any mailbox.
  std::vector<MessageRow> withMessageId(std::string_view messageId, std::size_t limit = 100);

  /// Messages, sorted, that may contain all of `needles` (each folded by message::searchFold) in what
  /// message::searchText with header says of them; what is not indexed yet is among them. Every one has to be checked.
  /// Nothing if the index cannot tell, as of needles without a word of three characters: all messages are candidates then.
  std::optional<std::vector<MessageId>> searchCandidates(const std::vector<std::string>& needles);

  /// How many messages have this UID or a higher one.
  std::int64_t countFrom(MailboxId mailbox, Uid from);
  /// UIDs expunged after `since`, ascending. Nothing if the history does not reach back that far: the caller then
  /// reports all UIDs that are not there (RFC 7162 §3.2.5.2).
  std::optional<std::vector<Uid>> expungedSince(MailboxId mailbox, ModSeq since);

  /// How often imports have put these octets into the mailbox.
  std::optional<ImportMark> imported(MailboxId mailbox, std::string_view digest);

  /// Origins of a source from UID `from` to `to` there, ascending, at most `most`.
  std::vector<ImportOrigin> importOrigins(std::int64_t source, Uid from, Uid to, std::int64_t most);

  std::vector<Annotation> annotations(MailboxId mailbox);
  AnnotationUse annotationUse();
  std::optional<std::string> setting(std::string_view key);

  /// Sum of message sizes, exact.
  std::int64_t messageBytes();
  /// Number of messages, exact.
  std::int64_t messageCount();
  /// The next content will have this id or a higher one.
  ContentId nextContent();
  /// The account's last modification sequence.
  ModSeq modSeq();
  /// For Reputation.h and Verify.h.
  Db& db();

 private:
  friend class Account;
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
