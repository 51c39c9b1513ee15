// Search: does a message match a search program? RFC 9051 §6.4.4, RFC 3501 §6.4.4.
//
// What a key needs is read only when cheaper keys have not decided: first what the view and the full-text index know,
// then the header, then the text. Strings match as substrings without regard to case, on decoded words and decoded
// text, so what people see is what is found.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "imap/SearchKey.h"
#include "imapserver/FuzzyMatch.h"
#include "imapserver/SearchMessage.h"
#include "store/Account.h"

namespace mox::imapserver {

/// The messages a program is asked of, and what its numbers mean. Views do not change, so neither does this.
struct SearchScope {
  store::View known;    ///< what the client has been told of: its sequence numbers; only these are found
  store::View current;  ///< what is true now
  imap::NumberSet saved;  ///< RFC 5182 `$`: UIDs
  imap::NumberSet recent = {};  ///< RFC 3501 §2.3.2: UIDs
  Time now{};             ///< what OLDER and YOUNGER count from
  Uid from = Uid(1);      ///< older messages are not looked at
  bool utf8 = false;      ///< the client takes UTF-8 in headers: sizes are of what it is sent
};

/// The keys that look for words or parts of them.
bool isText(imap::SearchKey::Kind kind);

/// UIDs of the messages a client means, ascending. Nothing if a sequence number does not exist.
std::optional<imap::NumberSet> resolveUids(const SearchScope& scope, const imap::SequenceSet& set, bool uid);

/// UIDs of the messages the search has to look at: what its sets of numbers leave, where all must hold. Nothing if a
/// sequence number does not exist.
std::optional<imap::NumberSet> searchedUids(const imap::SearchKey& root, const SearchScope& scope);

class Search {
 public:
  /// Nothing if a sequence number does not exist. `reader` is asked what EMAILID and THREADID mean.
  static std::optional<Search> make(const imap::SearchKey& root, std::shared_ptr<const SearchScope> scope, LazyReader& reader);

  /// `entry` of scope.current.
  bool matches(SearchMessage& message);
  /// What deciding on any message costs at least, in units of searchSlice.
  std::uint64_t entryWork() const { return entryWork_; }

 private:
  using Kind = imap::SearchKey::Kind;
  enum class Truth : std::uint8_t { no, yes, unknown };

  /// A key with its argument in the form it is compared in.
  struct Node {
    Kind kind = Kind::all;
    bool on = true;
    store::FlagBits bit = 0;  ///< of flag; 0: a keyword, in text
    std::int64_t from = 0, to = 0;  ///< of dates: days, `from` to `to` inclusive; else the number in `from`
    imap::NumberSet uids;
    std::vector<MessageId> messages;  ///< sorted: those with the object id
    std::string field, text;
    std::shared_ptr<const FuzzyMatch> fuzzy;  ///< of a text within FUZZY
    std::vector<Node> children;  ///< cheap ones first
    /// Of a text: sorted, all others do not match. Nothing before the index was asked, and if it cannot tell.
    std::optional<std::vector<MessageId>> candidates;
  };

  explicit Search(std::shared_ptr<const SearchScope> scope) : scope_(std::move(scope)) {}
  bool compile(const imap::SearchKey& key, Node& node, LazyReader& reader, bool fuzzy);
  void compileDates(const imap::SearchKey& key, Node& node) const;
  static int cost(const Node& node);
  /// For each text of the program. In NOT, too: what is no candidate surely does not match, so NOT surely does.
  static void askIndex(Node& node, store::Reader& reader);

  /// From the view and the index.
  Truth quick(const Node& node, const store::ViewEntry& entry) const;
  bool test(const Node& node, SearchMessage& message) const;
  bool testText(const Node& node, SearchMessage& message) const;
  static bool fitsSize(const Node& node, std::uint64_t size);
  bool hasFlag(const Node& node, const store::ViewEntry& entry) const;

  std::shared_ptr<const SearchScope> scope_;
  Node root_;
  std::uint64_t entryWork_ = 1;
  std::size_t readMessages_ = 0;  ///< that neither could decide
};

}  // namespace mox::imapserver
