// SearchUpdates: results a client wants to be kept told of. RFC 5267 §4.3: UPDATE of CONTEXT=SEARCH.
//
// Lives as long as the selection. Where the session moves on to a newer view, the messages that are new or changed are
// searched again; nothing else is looked at.
#pragma once

#include <string>
#include <vector>

#include "base/Limits.h"
#include "imapserver/Search.h"

namespace mox::imapserver {

/// Contexts a selection may have; RFC 5267 §4.3.1 lets a server refuse more.
inline constexpr Limit searchContextsLimit{"imap-search-contexts", 16, "contexts"};
/// Messages of one sync that are searched again for a context; when more have changed at once the context ends.
inline constexpr Limit searchUpdateChecks{"imap-search-update-checks", 10'000, "messages"};

class SearchUpdates {
 public:
  enum class Added { yes, tooMany, notPossible };
  /// `root` as Search takes it; `uids` is what the client was told. Not possible with sequence numbers, `$`, `*`,
  /// RECENT, OLDER and YOUNGER: what those mean changes without a message changing.
  Added add(std::string tag, bool uid, imap::SearchKey root, imap::NumberSet uids);
  bool has(std::string_view tag) const;
  /// False if there is no such context.
  bool cancel(std::string_view tag);

  /// The session goes from one view to the next. `before`: lines for before it tells so, about expunged messages (their
  /// numbers are those of the older view, §4.3.4); `after`: for after it, new messages and changed ones (§4.3.3, and RFC
  /// 5465 §5.1: FETCH goes first). False if too much has changed at once (searchUpdateChecks): the contexts are gone, and
  /// `before` says so.
  bool follow(const store::Account& account, const store::View& older, const store::View& newer, Time now, bool utf8, std::string& before, std::string& after);

 private:
  struct One {
    std::string tag;
    bool uid = false;
    imap::SearchKey root;
    imap::NumberSet uids;
  };
  std::vector<One> contexts_;
};

}  // namespace mox::imapserver
