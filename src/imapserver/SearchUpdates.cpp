#include "imapserver/SearchUpdates.h"

#include <algorithm>

#include "imap/Output.h"
#include "imapserver/SearchAnswer.h"
#include "store/ViewDiff.h"

namespace mox::imapserver {

namespace {

/// "* ESEARCH (TAG "t") UID ADDTO (0 3:4)". Position 0: results are in mailbox order.
void writeUpdate(std::string& out, const std::string& tag, bool uid, std::string_view item, const imap::NumberSet& numbers) {
  if (numbers.empty()) return;
  out += "* ESEARCH (TAG ";
  imap::writeString(out, tag);
  out.append(uid ? ") UID " : ") ").append(item).append(" (0 ").append(numbers.text()).append(")\r\n");
}

imap::NumberSet without(const imap::NumberSet& set, const imap::NumberSet& gone) {
  std::vector<imap::NumberRange> kept;
  for (auto range : set.ranges()) {
    for (const auto& hole : gone.ranges()) {
      if (hole.last < range.first) continue;
      if (hole.first > range.last) break;
      if (hole.first > range.first) kept.push_back({range.first, hole.first - 1});
      if (hole.last >= range.last) {
        range.first = 0;
        break;
      }
      range.first = hole.last + 1;
    }
    if (range.first != 0) kept.push_back(range);
  }
  return imap::NumberSet(std::move(kept));
}

/// "UID $" or "UID 5:*": which messages that means changes with messages that come and go, so that others than those
/// would have to be looked at.
bool namesMoving(const imap::SearchKey& key) {
  return key.set.isSaved() || key.set.hasStar() || std::any_of(key.children.begin(), key.children.end(), namesMoving);
}

struct Touched {
  std::vector<std::size_t> indexes;  ///< in the newer view: changed and new messages, ascending
  std::vector<Uid> removed;
};

Touched touchedBetween(const store::MailboxView& older, const store::MailboxView& newer) {
  auto diff = store::difference(older, newer);
  Touched out;
  out.indexes = std::move(diff.changed);
  for (auto index = newer.size() - diff.added; index < newer.size(); ++index) out.indexes.push_back(index);
  for (const auto& gone : diff.removed) out.removed.push_back(gone.uid);
  return out;
}

}  // namespace

SearchUpdates::Added SearchUpdates::add(std::string tag, bool uid, imap::SearchKey root, imap::NumberSet uids) {
  using Kind = imap::SearchKey::Kind;
  for (auto kind : {Kind::sequence, Kind::recent, Kind::newMessage, Kind::older, Kind::younger})
    if (containsKey(root, kind)) return Added::notPossible;
  if (namesMoving(root)) return Added::notPossible;
  if (contexts_.size() >= static_cast<std::size_t>(searchContextsLimit.value)) return Added::tooMany;
  contexts_.push_back({std::move(tag), uid, std::move(root), std::move(uids)});
  return Added::yes;
}

bool SearchUpdates::has(std::string_view tag) const {
  return std::any_of(contexts_.begin(), contexts_.end(), [tag](const One& one) { return one.tag == tag; });
}

bool SearchUpdates::cancel(std::string_view tag) {
  return std::erase_if(contexts_, [tag](const One& one) { return one.tag == tag; }) != 0;
}

bool SearchUpdates::follow(const store::Account& account, const store::View& older, const store::View& newer, Time now, bool utf8, std::string& before,
                           std::string& after) {
  if (older == newer || contexts_.empty()) return true;
  auto touched = touchedBetween(*older, *newer);
  if (touched.indexes.size() > static_cast<std::size_t>(searchUpdateChecks.value)) {
    for (const auto& one : contexts_) {
      std::string code = "NOUPDATE ";
      imap::writeString(code, one.tag);
      imap::writeStatus(before, "*", "NO", code, "too much has changed at once, search again");
    }
    contexts_.clear();
    return false;
  }
  LazyReader reader(account);
  auto scope = std::make_shared<SearchScope>(SearchScope{newer, newer, {}, {}, now, Uid(1), utf8});
  for (auto& one : contexts_) {
    imap::NumberSet expunged, gone, fresh, expungedNumbers, goneNumbers, freshNumbers;
    for (auto uid : touched.removed)
      if (one.uids.contains(uid.value)) expunged.add(uid.value);
    auto search = Search::make(one.root, scope, reader);
    for (auto index : touched.indexes) {
      const auto& entry = newer->at(index);
      SearchMessage message(entry, reader);
      bool was = one.uids.contains(entry.uid.value), is = search && search->matches(message);
      if (was && !is) {
        gone.add(entry.uid.value);
        goneNumbers.add(static_cast<std::uint32_t>(index + 1));
      }
      if (!was && is) {
        fresh.add(entry.uid.value);
        freshNumbers.add(static_cast<std::uint32_t>(index + 1));
      }
    }
    for (const auto& range : expunged.ranges())
      for (auto index = older->lowerBound(Uid(range.first)); index < older->size() && older->at(index).uid.value <= range.last; ++index)
        expungedNumbers.add(static_cast<std::uint32_t>(index + 1));
    writeUpdate(before, one.tag, one.uid, "REMOVEFROM", one.uid ? expunged : expungedNumbers);
    writeUpdate(after, one.tag, one.uid, "REMOVEFROM", one.uid ? gone : goneNumbers);
    writeUpdate(after, one.tag, one.uid, "ADDTO", one.uid ? fresh : freshNumbers);
    one.uids = without(without(one.uids, expunged), gone);
    for (const auto& range : fresh.ranges()) one.uids.addRange(range.first, range.last);
  }
  return true;
}

}  // namespace mox::imapserver
