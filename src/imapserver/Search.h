// Search: does a message match a search key? RFC 9051 §6.4.4.
//
// What a key needs is read only when cheaper keys have not decided: first what the view knows (flags, UID, size, dates),
// then the header, then the text. Strings match as substrings without regard to case, on decoded words and decoded
// text, so what people see is what is found.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "imap/SearchKey.h"
#include "imapserver/FetchMessageData.h"
#include "imapserver/Selected.h"
#include "store/Account.h"

namespace mox::imapserver {

class Search {
 public:
  /// `now` is the moment OLDER and YOUNGER count from. The references must outlive this.
  Search(store::Account& account, const Selected& selected, const store::MailboxView& current, Time now);

  /// Prepares a key: cheap children first, texts folded, sets resolved. False if a sequence number does not exist.
  bool prepare(imap::SearchKey& key) const;
  /// `key` prepared.
  bool matches(const imap::SearchKey& key, const store::ViewEntry& entry);

 private:
  struct Message;  ///< what was read of the message at hand
  bool test(const imap::SearchKey& key, Message& message);
  bool testDates(const imap::SearchKey& key, Message& message);
  bool testHeader(const imap::SearchKey& key, Message& message, std::string_view field);
  bool hasFlag(const imap::SearchKey& key, const store::ViewEntry& entry) const;

  const Selected& selected_;
  const store::MailboxView& current_;
  Time now_;
  store::Reader reader_;
};

}  // namespace mox::imapserver
