// Command: what a client asks, one struct for the arguments of each command.
//
// Everything here is syntactically right; whether it is legal in the state,
// whether the mailbox may have that name, and whether it can be done is for
// the session. Mailbox names and patterns are decoded to UTF-8 but not checked
// (MailboxName::parse does that).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/Limits.h"
#include "base/Date.h"
#include "imap/CommandKind.h"
#include "imap/CommandReader.h"
#include "imap/Flags.h"
#include "imap/NumberSet.h"
#include "imap/SearchKey.h"
#include "imap/Section.h"

namespace mox::imap {

/// STATUS items, RFC 9051 §6.3.11, RFC 7162, 7889, 8438, 8474, 9208.
enum class StatusItem : std::uint8_t {
  messages, uidNext, uidValidity, unseen, deleted, deletedStorage, size, recent, appendLimit, highestModSeq, mailboxId,
};
std::string_view statusItemName(StatusItem item);

/// Different items of one FETCH.
inline constexpr Limit fetchItems{"imap-fetch-items", 1000, "items"};

// Of ID, RFC 2971 §3.3: fields, and octets of the name and of the value of each.
inline constexpr Limit idFields{"imap-id-fields", 30, "fields"};
inline constexpr Limit idNameBytes{"imap-id-name-bytes", 30, "bytes"};
inline constexpr Limit idValueBytes{"imap-id-value-bytes", 1024, "bytes"};

/// A data item of FETCH, RFC 9051 §6.4.5 and extensions.
struct FetchItem {
  enum class Kind : std::uint8_t {
    envelope, flags, internalDate, saveDate, rfc822Size, uid, modSeq, emailId, threadId,
    bodyStructure,
    body,          ///< BODY without brackets: structure without extension data
    section,       ///< BODY[…]: section, partial, peek
    binary,        ///< BINARY[…]: section.part, partial, peek
    binarySize,    ///< BINARY.SIZE[…]: section.part
    rfc822, rfc822Header, rfc822Text,
    preview,       ///< lazy
  };
  Kind kind = Kind::flags;
  bool peek = false;
  bool lazy = false;
  Section section;
  std::optional<Partial> partial;

  /// RFC 9051 §6.4.5: reading this sets \Seen.
  bool setsSeen() const;
  /// The name in the response: "BODY[TEXT]<0>", "RFC822.SIZE".
  std::string responseName() const;
  friend bool operator==(const FetchItem&, const FetchItem&) = default;
};

/// Which mailboxes: RFC 5465 §6 (NOTIFY) and RFC 7377 §2.2 (ESEARCH IN).
struct MailboxFilter {
  enum class Kind : std::uint8_t { selected, selectedDelayed, inboxes, personal, subscribed, subtree, subtreeOne, mailboxes };
  Kind kind = Kind::selected;
  std::vector<std::string> mailboxes;  ///< of subtree, subtreeOne, mailboxes
};

namespace args {

struct None {};

struct Id { std::optional<std::vector<std::pair<std::string, std::optional<std::string>>>> fields; };  ///< nothing: NIL
struct Authenticate {
  std::string mechanism;                       ///< upper case
  std::optional<std::string> initialResponse;  ///< decoded; "=" is empty
};
struct Login { std::string user, password; };
struct Enable { std::vector<std::string> capabilities; };  ///< upper case
struct Compress { std::string algorithm; };                ///< upper case

struct Qresync {
  std::uint32_t uidValidity = 0;
  std::uint64_t modSeq = 0;
  std::optional<NumberSet> knownUids;
  std::optional<std::pair<NumberSet, NumberSet>> sequenceMatch;  ///< known sequence numbers, their UIDs; as many of each
};
struct Select {  ///< SELECT, EXAMINE
  std::string mailbox;
  bool condstore = false;
  std::optional<Qresync> qresync;
};
struct Create {
  std::string mailbox;
  std::vector<std::string> specialUse;  ///< USE (\Sent …), as written
};
struct Mailbox { std::string mailbox; };  ///< DELETE, SUBSCRIBE, UNSUBSCRIBE, GETQUOTAROOT
struct Rename { std::string from, to; };

struct List {  ///< LIST and LSUB
  bool extended = false;  ///< any option or a list of patterns was given
  bool selectSubscribed = false, selectRemote = false, selectRecursiveMatch = false, selectSpecialUse = false;
  std::string reference;
  std::vector<std::string> patterns;
  bool returnGiven = false;
  bool returnSubscribed = false, returnChildren = false, returnSpecialUse = false;
  std::vector<StatusItem> returnStatus;
  std::vector<std::string> returnMetadata;  ///< entry names, lower case
};
struct Status {
  std::string mailbox;
  std::vector<StatusItem> items;
};

/// One message of APPEND or REPLACE. The octets are still on the wire: see CommandReader.
struct AppendMessage {
  Flags flags;
  std::optional<ZonedTime> date;
  bool utf8 = false;  ///< UTF8 (~{n}…), RFC 6855 §4: a ")" follows the octets
  LiteralHeader literal;
};
struct Append {
  std::string mailbox;
  AppendMessage first;
};
struct Replace {
  bool uid = false;
  SequenceSet target;  ///< a single number or `*`
  std::string mailbox;
  AppendMessage message;
};

struct Quota { std::string root; };  ///< GETQUOTA
struct SetQuota {
  std::string root;
  std::vector<std::pair<std::string, std::uint64_t>> limits;  ///< resource names upper case
};
struct GetMetadata {
  enum class Depth : std::uint8_t { zero, one, infinity };
  std::string mailbox;  ///< "" is the server
  std::optional<std::uint64_t> maxSize;
  Depth depth = Depth::zero;
  std::vector<std::string> entries;  ///< lower case
};
struct SetMetadata {
  struct Entry {
    std::string name;  ///< lower case
    std::optional<std::string> value;
    bool binary = false;  ///< came as literal8
  };
  std::string mailbox;
  std::vector<Entry> entries;
};

struct Notify {
  struct Event {
    enum class Kind : std::uint8_t {
      messageNew, messageExpunge, flagChange, annotationChange, mailboxName, subscriptionChange, mailboxMetadataChange,
      serverMetadataChange, unknown,
    };
    Kind kind = Kind::unknown;
    std::string name;              ///< as written; for BADEVENT
    std::vector<FetchItem> items;  ///< of messageNew
  };
  struct Group {
    MailboxFilter filter;
    std::vector<Event> events;  ///< empty: NONE
  };
  bool status = false;
  std::optional<std::vector<Group>> groups;  ///< nothing: NOTIFY NONE
};

struct Search {
  bool uid = false;
  SearchProgram program;
};
struct Esearch {
  std::vector<MailboxFilter> sources;  ///< empty: no IN, the selected mailbox
  SearchProgram program;
};
struct Sort {
  enum class Key : std::uint8_t { arrival, cc, date, from, size, subject, to, displayFrom, displayTo, relevancy };
  struct Criterion {
    Key key = Key::arrival;
    bool reverse = false;
  };
  bool uid = false;
  std::vector<Criterion> criteria;
  SearchProgram program;
};
struct Thread {
  bool uid = false;
  std::string algorithm;  ///< upper case
  SearchProgram program;
};

struct Fetch {
  bool uid = false;
  SequenceSet set;
  std::vector<FetchItem> items;  ///< macros spelled out
  std::optional<std::uint64_t> changedSince;
  bool vanished = false;
  std::optional<SearchReturn::Window> partial;
};
struct Store {
  enum class Action : std::uint8_t { replace, add, remove };
  bool uid = false;
  SequenceSet set;
  std::optional<std::uint64_t> unchangedSince;
  Action action = Action::replace;
  bool silent = false;
  Flags flags;
};
struct Copy {  ///< COPY, MOVE
  bool uid = false;
  SequenceSet set;
  std::string mailbox;
};
struct UidExpunge { SequenceSet set; };
struct CancelUpdate { std::vector<std::string> tags; };

}  // namespace args

struct Command {
  std::string tag;
  CommandKind kind = CommandKind::noop;
  std::variant<args::None, args::Id, args::Authenticate, args::Login, args::Enable, args::Compress, args::Select, args::Create,
               args::Mailbox, args::Rename, args::List, args::Status, args::Append, args::Replace, args::Quota, args::SetQuota,
               args::GetMetadata, args::SetMetadata, args::Notify, args::Search, args::Esearch, args::Sort, args::Thread,
               args::Fetch, args::Store, args::Copy, args::UidExpunge, args::CancelUpdate>
      arguments;

  template <class T>
  const T& as() const { return std::get<T>(arguments); }
};

}  // namespace mox::imap
