// Truth: the plain model of what accounts hold, kept by the test beside the server. No database, no sharing, no speed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace mox::test::model {

/// As sent: "\\Seen", keywords in lower case but for the known "$Junk" and its like.
using FlagSet = std::set<std::string>;

/// One of the messages the test uses; the same index has the same octets in both accounts but for a mark.
struct Content {
  std::string bytes;
  std::string from, subject, body;  ///< as searched, lower case
  int sentDay = 0;                  ///< days since 1970 of the Date field; a higher index was sent later
};
inline constexpr std::uint32_t contentCount = 40;
/// From here on a content answers the one so many before it (References).
inline constexpr std::uint32_t firstReply = 30;
/// `mark` is a word that only this account's messages have.
const Content& content(const std::string& mark, std::uint32_t index);

struct Message {
  std::uint32_t uid = 0;
  FlagSet flags;
  std::uint32_t content = 0;
  std::uint64_t modSeq = 0;
  std::int64_t received = 0;  ///< INTERNALDATE, seconds since 1970
};

struct Mailbox {
  std::uint32_t uidValidity = 0;  ///< 0 until a client was told
  std::uint32_t uidNext = 1;
  std::vector<Message> messages;
  bool gone = false;
  std::map<std::string, std::string> metadata;

  Message* find(std::uint32_t uid);
  void add(Message message);
  void erase(std::uint32_t uid);
};

struct Account {
  std::string mark;
  std::map<std::string, std::shared_ptr<Mailbox>> mailboxes;
  std::set<std::string> subscribed;
  std::map<std::string, std::string> metadata;  ///< the server's
  std::set<std::uint32_t> uidValidities;  ///< ever told

  bool hasChildren(const std::string& name) const;
};

}  // namespace mox::test::model
