// Client: an IMAP client that believes what it is told (RFC 9051 §7), and is checked against the truth.
//
// It numbers messages as EXISTS, EXPUNGE and VANISHED tell it, remembers flags it was told or set itself, and throws
// std::runtime_error as soon as something it was told is not so.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imapserver/ImapWorld.h"
#include "imapserver/model/Truth.h"
#include "imapserver/model/Wire.h"

namespace mox::test::model {

/// A message at the client; its position is its sequence number.
struct Known {
  std::uint32_t uid = 0;
  std::optional<FlagSet> flags;  ///< nothing: never told
};

/// How a command ended.
struct Outcome {
  std::string status;  ///< "OK", "NO", "BAD"
  std::string code;    ///< "APPENDUID 1 2", "" if none
  std::vector<Response> untagged;

  bool ok() const { return status == "OK"; }
  /// The arguments of a code: "COPYUID" of "COPYUID 1 2:3 4:5"; empty if the code is another.
  std::vector<std::string> codeWords(std::string_view name) const;
  /// Untagged responses whose first (or, after a number, second) word is `name`.
  std::vector<const Response*> all(std::string_view name) const;
};

/// What a client keeps on disk to come back with QRESYNC, RFC 7162 §3.2.5.
struct Cache {
  std::string mailbox;
  std::uint32_t uidValidity = 0;
  std::uint64_t modSeq = 0;
  std::vector<Known> list;
  bool tellUids = true;  ///< the client says which UIDs it knows, and hears of no others
};

class Client {
 public:
  Client(ImapWorld& world, Account& account, std::string login, std::string name);

  /// A new connection, logged in.
  void connect();
  /// Sends a command without its tag and reads what comes back. `effect` runs before the answer is looked at: it changes
  /// the truth as the command should.
  Outcome say(const std::string& command, const std::function<void(const Outcome&)>& effect = {});
  /// Sends bytes as they are; for IDLE and literals.
  std::string sendRaw(const std::string& bytes);
  /// Untagged responses that came without a command (IDLE).
  void listen();
  /// Takes untagged responses in `bytes` to heart.
  void hearAll(std::string_view bytes);

  /// Goes into a mailbox. `cache`: with QRESYNC; then flags of all messages must be known at the end.
  Outcome select(const std::string& mailbox, bool readOnly, const Cache* cache = nullptr);
  void leave();
  /// Nothing unless a mailbox is selected and all flags are known.
  std::optional<Cache> cache() const;
  /// After a command that tells of everything: the list is the truth.
  void checkSynced();
  /// What the client would think after STORE.SILENT.
  void assume(std::uint32_t uid, const FlagSet& flags, char action);

  [[noreturn]] void fail(const std::string& why) const;

  Account& account;
  const std::string name;
  std::shared_ptr<Mailbox> selected;  ///< null if none
  std::string selectedName;
  bool readOnly = false;
  bool condstore = false, qresync = false, rev2 = false;
  bool idling = false;
  bool notified = false;  ///< NOTIFY SET (SELECTED ...) or SELECTED-DELAYED: told without a command
  bool delayed = false;   ///< SELECTED-DELAYED: not all at once
  std::vector<Known> list;

 private:
  std::vector<Response> read();
  void hear(const Response& response);
  void hearExists(std::uint64_t count);
  void hearFetch(std::uint64_t number, const Value& items);
  void hearVanished(const Response& response);
  void forget(std::size_t index);
  void log(const std::string& line);

  ImapWorld& world_;
  std::string login_;
  std::unique_ptr<net::Session> session_;
  std::unique_ptr<FakeChannel> channel_;
  int tags_ = 0;
  std::uint32_t highestUid_ = 0;   ///< ever in the list
  std::uint64_t highestModSeq_ = 0;  ///< ever told
  /// Of them, when everything was told last. What comes with FETCH or STORE may be younger than an expunge that waits to be
  /// told: a client that kept it would never hear of that one.
  std::uint64_t cachedModSeq_ = 0;
  bool earlier_ = false;  ///< while SELECT (QRESYNC) is answered: FETCH goes by UID
  std::deque<std::string> transcript_;
};

/// Flags of a list value, without \Recent.
FlagSet flagsOf(const Value& value);
std::string flagText(const FlagSet& flags);
/// The mailbox name as sent before UTF8=ACCEPT or IMAP4rev2, quoted.
std::string wireName(const std::string& name, bool utf8);

}  // namespace mox::test::model
