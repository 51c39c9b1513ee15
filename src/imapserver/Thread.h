// Thread: messages joined to conversations. RFC 5256 §3: REFERENCES and ORDEREDSUBJECT.
//
// Pure: knows neither the store nor the wire but for the text of a thread list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/Limits.h"

namespace mox::imapserver {

/// How far up a chain of replies is followed; a reply to something deeper begins a thread of its own. Keeps hostile
/// References from costing the square of their number.
inline constexpr Limit threadDepth{"imap-thread-depth", 1'000, "messages"};

struct ThreadMessage {
  std::uint32_t number = 0;    ///< what the client is told: UID or sequence number
  std::uint32_t sequence = 0;  ///< decides where dates are equal
  std::int64_t date = 0;       ///< sent, seconds since 1970; of arrival if there is no valid Date
  /// message::messageIdHash of it and of what it answers to, oldest first (message::SortFacts); 0: it has none.
  std::uint64_t messageId = 0;
  std::vector<std::uint64_t> references;
  std::string subject;         ///< base subject
  bool isReplyOrForward = false;
};

/// A message, or a place for one that is missing, with what was answered to it.
struct ThreadNode {
  static constexpr std::uint32_t none = 0xffffffff;
  std::uint32_t number = 0;  ///< 0: missing
  std::uint32_t firstChild = none, nextSibling = none;
};

/// Nodes by index; roots in the order to tell.
struct ThreadForest {
  std::vector<ThreadNode> nodes;
  std::vector<std::uint32_t> roots;
};

/// Takes messages one by one, so that their references need not be kept.
class ReferencesThreader {
 public:
  void add(ThreadMessage message);
  /// Once, after the last message.
  ThreadForest finish();
  /// A reply was to something beyond threadDepth.
  bool isCut() const { return isCut_; }

 private:
  static constexpr std::uint32_t none = ThreadNode::none;
  struct Container {
    std::uint32_t parent = none, firstChild = none, nextSibling = none, previousSibling = none;
    std::uint32_t number = 0, sequence = 0;  ///< 0: no message
    std::int64_t date = 0;
    std::uint32_t subject = 0;  ///< 0 is ""
    bool isReplyOrForward = false;
    bool hasMessage() const { return number != 0; }
  };

  std::uint32_t containerOf(std::uint64_t messageId);
  std::uint32_t subjectOf(std::string subject);
  bool mayLink(std::uint32_t parent, std::uint32_t child);
  void link(std::uint32_t parent, std::uint32_t child);
  void unlink(std::uint32_t child);
  std::vector<std::uint32_t> childrenOf(std::uint32_t parent) const;
  void setChildren(std::uint32_t parent, const std::vector<std::uint32_t>& children);
  /// The nodes below `roots`, each after its parent.
  std::vector<std::uint32_t> below(const std::vector<std::uint32_t>& roots) const;
  std::vector<std::uint32_t> prunedRoots();
  void sort(std::vector<std::uint32_t>& siblings) const;
  void sortRoots(std::vector<std::uint32_t>& roots);
  std::uint32_t subjectAt(std::uint32_t root) const;
  std::vector<std::uint32_t> mergedBySubject(const std::vector<std::uint32_t>& roots);
  std::uint32_t merged(std::uint32_t first, std::uint32_t second);

  std::vector<Container> containers_;
  std::unordered_map<std::uint64_t, std::uint32_t> byId_;
  std::unordered_map<std::string, std::uint32_t> subjects_;
  bool isCut_ = false;
};

/// RFC 5256 §3 ORDEREDSUBJECT.
ThreadForest threadBySubject(std::vector<ThreadMessage> messages);

/// thread-list of one root: "(3 6 (4 23)(44 7 96))".
void writeThread(std::string& out, const ThreadForest& forest, std::uint32_t root);

}  // namespace mox::imapserver
