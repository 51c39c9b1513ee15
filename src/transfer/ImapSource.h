// ImapSource: all mail of an account on another IMAP server, mailbox by mailbox, for an import that can be repeated until the
// day users change over.
//
// Mailboxes are only EXAMINEd, nothing is changed there. How far each came is kept as a mark, so a later run asks only
// for what is new; where UIDVALIDITY changed, all is read again (and Importer knows what it has).
// Not taken over: changes of flags of messages that an earlier run brought, and removals.
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

struct ImapSourceOptions {
  std::string user, password;
  /// Where mail of a special use goes, by attribute in lower case ("\\sent"), whatever its mailbox is called there.
  std::map<std::string, std::string> specialUses;
  /// How far an earlier import came with a mailbox, as setMark() was told; nothing if there was none.
  std::function<std::optional<std::string>(const std::string& mailbox)> mark;
  /// Called once the sink has all messages so far: it stores them, then the mark.
  std::function<Result<void>(const std::string& mailbox, const std::string& value)> setMark;
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
    std::string name;      ///< ours; "" is the destination itself
  };
  struct Listed {
    std::uint32_t uid = 0;
    imap::Flags flags;
    std::optional<Time> received;
  };

  Result<void> logIn(const imap::ServerResponse& greeting);
  Result<std::vector<Folder>> folders();
  std::optional<Folder> folder(const imap::ServerResponse& line);
  Result<void> read(const Folder& folder);
  /// The first sequence number with a UID above `uid`; `count` + 1 if there is none.
  Result<std::uint32_t> firstAbove(std::uint32_t uid, std::uint32_t count);
  Result<std::map<std::uint32_t, Listed>> list(std::uint32_t from, std::uint32_t to);
  Result<void> bodies(const Folder& folder, std::uint32_t from, std::uint32_t to, const std::map<std::uint32_t, Listed>& listed);

  ImapConnection& connection_;
  FoundSink& sink_;
  const ImapSourceOptions options_;
  const bool encrypted_;
};

}  // namespace mox::transfer
