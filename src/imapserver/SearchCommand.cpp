// SEARCH and UID SEARCH with ESEARCH and SEARCHRES. RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5.
#include <algorithm>

#include "imapserver/Handlers.h"
#include "imapserver/Search.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;

bool contains(const imap::SearchKey& key, Kind kind) {
  if (key.kind == kind) return true;
  return std::any_of(key.children.begin(), key.children.end(), [kind](const auto& child) { return contains(child, kind); });
}

struct Found {
  std::vector<std::uint32_t> numbers;  ///< UIDs or sequence numbers, ascending
  imap::NumberSet uids;
  std::uint64_t modSeq = 0;            ///< highest of the found
};

Found find(Context& context, const imap::args::Search& search, const store::MailboxView& current, imap::SearchKey& root, bool& valid) {
  Found found;
  Search engine(*context.account, *context.selected, current, context.services.clock.now());
  valid = engine.prepare(root);
  if (!valid) return found;
  current.forEach([&](const store::ViewEntry& entry) {
    auto sequence = context.selected->sequence(entry.uid);
    if (sequence == 0 || !engine.matches(root, entry)) return;  // what the client has not heard of is not found
    found.numbers.push_back(search.uid ? entry.uid.value : sequence);
    found.uids.add(entry.uid.value);
    found.modSeq = std::max(found.modSeq, static_cast<std::uint64_t>(entry.modSeq.value));
  });
  return found;
}

void answer(Context& context, const imap::args::Search& search, const Found& found, bool withModSeq) {
  const auto& wanted = search.program.result;
  std::optional<std::uint64_t> modSeq;
  if (withModSeq && !found.numbers.empty()) modSeq = found.modSeq;
  if (!wanted.given && !context.rev2) return imap::writeSearch(context.out, found.numbers, modSeq);
  imap::EsearchResponse response;
  response.tag = context.tag;
  response.uid = search.uid;
  response.modSeq = modSeq;
  bool none = !wanted.min && !wanted.max && !wanted.count && !wanted.all;
  if (!found.numbers.empty()) {
    if (wanted.min) response.min = found.numbers.front();
    if (wanted.max) response.max = found.numbers.back();
    if (wanted.all || (none && !wanted.save)) {
      response.all.emplace();
      for (auto number : found.numbers) response.all->add(number);
    }
  }
  if (wanted.count) response.count = found.numbers.size();
  if (none && wanted.save) return;  // RFC 5182 §2.1: SAVE alone says nothing
  imap::writeEsearch(context.out, response, context.outputMode());
}

/// RFC 5182 §2.4: with MIN or MAX only, those are what is saved.
void save(Context& context, const imap::SearchReturn& wanted, const Found& found) {
  if (!wanted.save) return;
  auto& saved = context.selected->saved;
  bool ends = (wanted.min || wanted.max) && !wanted.all && !wanted.count;
  saved = ends ? imap::NumberSet() : found.uids;
  if (!ends || found.uids.empty()) return;
  if (wanted.min) saved.add(found.uids.ranges().front().first);
  if (wanted.max) saved.add(found.uids.ranges().back().last);
}

}  // namespace

void handleSearch(Context& context, const imap::Command& command) {
  const auto& search = command.as<imap::args::Search>();
  const auto& program = search.program;
  if (program.charset && *program.charset != "UTF-8" && *program.charset != "US-ASCII")
    return context.no("BADCHARSET (UTF-8 US-ASCII)", "unknown charset");
  if (program.result.partial) return context.bad("PARTIAL is not announced here");
  if (contains(program.root, Kind::emailId) || contains(program.root, Kind::threadId)) return context.bad("OBJECTID is not announced here");
  auto current = context.selected->current();
  if (!current) return context.no("NONEXISTENT", "the mailbox was deleted");
  bool withModSeq = contains(program.root, Kind::modSeq);
  if (withModSeq) context.condstore = true;
  auto root = program.root;
  bool valid = false;
  auto found = find(context, search, *current, root, valid);
  if (!valid) {
    if (program.result.save) context.selected->saved = {};
    return context.bad("there is no message with that number");
  }
  save(context, program.result, found);
  answer(context, search, found, withModSeq);
  context.ok("searched");
}

}  // namespace mox::imapserver
