// ViewBuilder: makes MailboxViews, from the database or from a view and what has changed since.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/Mailbox.h"
#include "store/MailboxView.h"

namespace mox::store {

class Db;
class Stmt;

/// Of a row of view_entry: uid, flags, modseq, size, received, keywords (not read), message, content. `floor`: SCHEMA.md.
ViewEntry readEntry(const Stmt& row, ModSeq floor);

/// An entry with its keywords still as text (joinKeywords).
struct DeltaEntry {
  ViewEntry entry;
  std::string keywords;
};

/// What one operation did to one mailbox.
struct ViewDelta {
  MailboxId mailbox;
  ModSeq modSeq;
  Uid uidNext;
  std::vector<DeltaEntry> added;    ///< ascending
  std::vector<DeltaEntry> changed;  ///< ascending
  std::vector<Uid> removed;         ///< ascending
  std::optional<Keywords> mailboxKeywords;
  bool mailboxGone = false;
};

class ViewBuilder {
 public:
  struct Loaded {
    View view;
    bool packable = false;  ///< it would have been quicker with packs that are missing, see ViewPack.h
  };
  /// From packs and rows, in the transaction the connection is in.
  static Loaded load(Db& db, const MailboxRow& mailbox, std::shared_ptr<const int> interest);
  /// The next version; `view` itself if it has the change already.
  static View next(const View& view, const ViewDelta& delta);
  /// How many MailboxViews (and whoever made the token) share this view's token.
  static long holders(const MailboxView& view) { return view.interest_.use_count(); }

 private:
  explicit ViewBuilder(std::shared_ptr<MailboxView> view) : view_(std::move(view)) {}
  std::uint32_t keywordSet(std::string_view text);
  void add(const DeltaEntry& added);
  /// UIDs below `end`. True if a part of them would do with a pack.
  bool addRows(Db& db, Uid from, Uid end);
  void addLoaded(const ViewEntry& entry);
  void change(const std::vector<DeltaEntry>& changed);
  void remove(const std::vector<Uid>& removed);
  MailboxView::Chunk& own(std::size_t chunk);
  std::size_t chunkOf(Uid uid) const;
  void finish();

  std::shared_ptr<MailboxView> view_;
  std::map<std::string, std::uint32_t, std::less<>> sets_;
  bool setsKnown_ = false;
  ModSeq floor_;
  std::shared_ptr<MailboxView::Chunk> filling_;  ///< of load()
  std::map<std::size_t, std::shared_ptr<MailboxView::Chunk>> owned_;  ///< chunks copied for this version
};

}  // namespace mox::store
