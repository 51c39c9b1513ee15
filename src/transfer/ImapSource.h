// ImapSource: all mail of an account on another IMAP server, mailbox by mailbox, for an import that can be repeated until the
// day users change over.
//
// Mailboxes are only EXAMINEd, nothing is changed there. How far each came is kept as a mark, so a later run asks only
// for what is new; where UIDVALIDITY changed, all is read again (and Importer knows what it has). Of messages that an earlier
// run brought it tells how they are now: only of changed ones where the server has CONDSTORE (RFC 7162), else of all.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "transfer/Found.h"
#include "transfer/ImapConnection.h"

namespace mox::transfer {

/// Messages asked for at a time; what is kept of their flags and dates is bounded by it.
inline constexpr std::uint32_t imapSourceWindow = 200;
/// The same where only flags are asked for.
inline constexpr std::uint32_t imapFollowWindow = 2'000;

struct ImapSourceOptions {
  std::string user, password;
  /// Where mail of a special use goes, by attribute in lower case ("\\sent"), whatever its mailbox is called there.
  std::map<std::string, std::string> specialUses;
  /// How far an earlier import came with a mailbox, as setMark() was told; nothing if there was none.
  std::function<std::optional<std::string>(const std::string& mailbox)> mark;
  /// Called once the sink has all messages so far: it stores them, then the mark.
  std::function<Result<void>(const std::string& mailbox, const std::string& value)> setMark;
  /// The number for Found::source: of a mailbox there while it has this UIDVALIDITY.
  std::function<std::int64_t(const std::string& mailbox, std::uint32_t uidValidity)> number;
  /// The mailbox has another UIDVALIDITY now: nothing can be followed any more.
  std::function<void(std::int64_t source)> forget;
  /// How messages are that an earlier run brought.
  std::function<Result<void>(const SourceState&)> follow;
  bool wantsRemovals = false;  ///< follow() is to hear of what is gone
};

class ImapSource {
 public:
  /// Both outlive this. `encrypted`: the password may be sent.
  ImapSource(ImapConnection& connection, FoundSink& sink, ImapSourceOptions options, bool encrypted);
  /// After the greeting: logs in and reads everything. Errc::denied (login), and errors of the connection.
  Result<void> run(const imap::ServerResponse& greeting);

 private:
  struct Folder {
    std::string wireName;  ///< as the server has it
    std::string key;       ///< the same whether it was told in UTF-8 or not: of its mark
    std::string name;      ///< ours; "" is the destination itself
  };
  struct Listed {
    std::uint32_t uid = 0;
    imap::Flags flags;
    std::optional<Time> received;
  };
  struct Opened {
    std::uint32_t count = 0, validity = 0;
    std::uint64_t modSeq = 0;  ///< HIGHESTMODSEQ; 0 if the server has none
  };
  struct Mark {
    std::uint32_t validity = 0, uid = 0;
    std::uint64_t modSeq = 0;
  };

  Result<void> logIn(const imap::ServerResponse& greeting);
  Result<void> askCapabilities();
  /// Names and headers in UTF-8, where the server can.
  Result<void> enableUtf8();
  Result<Opened> open(const Folder& folder);
  static std::optional<Mark> parseMark(const std::optional<std::string>& text);
  Result<void> setMark(const Folder& folder, const Opened& opened, std::uint32_t uid);
  /// `known`: so many messages are up to the mark.
  Result<void> follow(const Folder& folder, const Opened& opened, const Mark& mark, std::uint32_t known);
  Result<void> followChanged(std::int64_t source, const Mark& mark);
  Result<void> followAll(std::int64_t source, const Opened& opened, const Mark& mark, std::uint32_t known);
  Result<bool> endsAt(const Opened& opened, const Mark& mark, std::uint32_t known);
  Result<std::vector<Folder>> folders();
  std::optional<Folder> folder(const imap::ServerResponse& line);
  Result<void> read(const Folder& folder);
  /// The first sequence number with a UID above `uid`; `count` + 1 if there is none.
  Result<std::uint32_t> firstAbove(std::uint32_t uid, std::uint32_t count);
  Result<std::map<std::uint32_t, Listed>> list(std::uint32_t from, std::uint32_t to, std::string_view items = "UID FLAGS INTERNALDATE");
  Result<void> bodies(const Folder& folder, const Opened& opened, std::uint32_t from, std::uint32_t to, const std::map<std::uint32_t, Listed>& listed);

  ImapConnection& connection_;
  FoundSink& sink_;
  const ImapSourceOptions options_;
  const bool encrypted_;
  std::vector<std::string> capabilities_;
  bool utf8_ = false;  ///< names come and go in UTF-8
};

}  // namespace mox::transfer
