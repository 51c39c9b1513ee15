// SEARCH and UID SEARCH. RFC 9051 §6.4.4, RFC 4731 (ESEARCH), RFC 5182 (SEARCHRES), RFC 7162 §3.1.5 (MODSEQ),
// RFC 5267 §4 (CONTEXT=SEARCH), RFC 6203 (FUZZY). CANCELUPDATE.
#include "imapserver/Handlers.h"
#include "imapserver/SearchAnswer.h"
#include "imapserver/SearchUpdates.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;

/// What the answer depends on besides the result.
struct Asked {
  imap::SearchReturn wanted;
  bool uid = false, withModSeq = false;
  std::string limited;  ///< of limitSearch()
};

void answer(Context& context, const Asked& asked, const SearchRun& run) {
  const auto& found = run.found();
  const auto& wanted = asked.wanted;
  if (wanted.save) context.selected->saved = savedOf(wanted, found.uids);
  if (!wanted.given && !context.rev2) {
    auto modSeq = asked.withModSeq ? std::optional(found.modSeq) : std::nullopt;
    return context.stream(makeNumberLine("SEARCH", eachNumber(found.numbers(asked.uid)), modSeq), [limited = asked.limited](Context& now) { now.ok(limited, "searched"); });
  }
  if (saysSomething(wanted)) {
    auto response = esearchOf(wanted, run, asked.uid, asked.withModSeq);
    response.tag = context.tag;
    imap::writeEsearch(context.out, response, context.outputMode());
  }
  context.ok(asked.limited, "searched");
}

/// RFC 5267 §4.3. Where that is refused the search is answered all the same (§4.3.1). What was found among some of the
/// messages only would not be the result that changes add to; and data of the messages that come (RFC 5465 §7) is not sent.
void keepUpdated(Context& context, const Asked& asked, const imap::SearchKey& root, const SearchFound& found) {
  auto& updates = context.selected->updates;
  if (!updates) updates = std::make_shared<SearchUpdates>();
  bool isPossible = asked.limited.empty() && !asked.wanted.updateFetches;
  auto added = isPossible ? updates->add(context.tag, asked.uid, root, found.uids) : SearchUpdates::Added::notPossible;
  if (added == SearchUpdates::Added::yes) return;
  bool full = added == SearchUpdates::Added::tooMany;
  if (full) context.services.limits.hit(searchContextsLimit, context.account->name());
  std::string code = "NOUPDATE ";
  imap::writeString(code, context.tag);
  imap::writeStatus(context.out, "*", "NO", code, full ? "too many contexts" : "that cannot be kept up to date, search again");
}

}  // namespace

void handleSearch(Context& context, const imap::Command& command) {
  const auto& search = command.as<imap::args::Search>();
  const auto& wanted = search.program.result;
  if (wanted.relevancy && !containsKey(search.program.root, Kind::fuzzy)) return context.bad("RELEVANCY needs FUZZY");
  if (wanted.update && context.selected->updates && context.selected->updates->has(context.tag))
    return context.bad("that tag names a context already");
  if (refuseCharset(context, search.program)) return;
  auto root = readyProgram(context, search.program);
  if (!root) return;
  auto scope = selectedScope(context, wanted);
  if (!scope) return;
  Asked asked{wanted, search.uid, containsKey(*root, Kind::modSeq), limitSearch(context, *root, *scope)};
  if (asked.withModSeq) context.enableCondstore();
  auto run = SearchRun::make(context.account, *root, scope, needOf(wanted, wanted.given || context.rev2));
  if (!run) return context.bad("there is no message with that number");
  runSliced(context, run, [run, asked, root = std::move(*root)](Context& now) {
    countReads(now, *run);
    if (asked.wanted.update) keepUpdated(now, asked, root, run->found());
    answer(now, asked, *run);
  });
}

void handleCancelUpdate(Context& context, const imap::Command& command) {
  bool all = true;
  for (const auto& tag : command.as<imap::args::CancelUpdate>().tags)
    all = context.selected->updates && context.selected->updates->cancel(tag) && all;
  if (all) context.ok("no more updates");
  else context.no("", "there is no such context");
}

}  // namespace mox::imapserver
