// What a search reads of one message, each part when first needed and only once.
#pragma once

#include <optional>
#include <string>

#include "imapserver/FetchMessageData.h"
#include "store/Account.h"

namespace mox::imapserver {

/// A Reader that is taken when first needed and given back with this: searches that only ask the view take none.
class LazyReader {
 public:
  explicit LazyReader(const store::Account& account) : account_(account) {}
  store::Reader& get() {
    if (!reader_) reader_.emplace(account_.reader());
    return *reader_;
  }

 private:
  const store::Account& account_;
  std::optional<store::Reader> reader_;
};

class SearchMessage {
 public:
  /// The references must outlive this.
  SearchMessage(const store::ViewEntry& entry, LazyReader& reader) : entry_(entry), reader_(reader), data_(entry.message) {}

  const store::ViewEntry& entry() const { return entry_; }
  store::Reader& reader() { return reader_.get(); }
  /// The header block; "" if the message is gone.
  const std::string& header();
  /// Decoded text parts, folded for comparison, with the header in front if asked for; "" if the message is gone.
  const std::string& text(bool withHeader);
  /// RFC822.SIZE, for who takes UTF-8 in headers or not.
  std::uint64_t shownSize(bool utf8);
  /// SAVEDATE, seconds since 1970; nothing if the message is gone.
  std::optional<std::int64_t> saved();
  /// RFC 6203 §4: how well it matches, 1 to 100: the mean of what was added.
  void addScore(unsigned score) { scores_ += score, ++scored_; }
  unsigned relevancy() const { return scored_ == 0 ? 100 : scores_ / scored_; }
  /// Its header or text was needed.
  bool wasRead() const { return header_ || bodyText_ || wholeText_ || shownSize_; }
  /// What was read, in units of searchSlice.
  std::uint64_t work() const { return work_; }

 private:
  const store::ViewEntry& entry_;
  LazyReader& reader_;
  FetchMessageData data_;
  std::optional<std::string> header_, bodyText_, wholeText_;
  std::optional<std::uint64_t> shownSize_;
  std::uint64_t work_ = 0;
  unsigned scores_ = 0, scored_ = 0;
};

}  // namespace mox::imapserver
