// SEARCH and UID SEARCH. RFC 9051 §6.4.4, RFC 4731 (ESEARCH), RFC 5182 (SEARCHRES), RFC 7162 §3.1.5 (MODSEQ).
#include "imapserver/Handlers.h"
#include "imapserver/SearchAnswer.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;

std::shared_ptr<const SearchScope> selectedScope(Context& context, store::View current) {
  auto scope = std::make_shared<SearchScope>();
  scope->known = context.selected->held();
  scope->current = std::move(current);
  scope->saved = context.selected->saved;
  if (context.tellMode().recent) scope->recent = context.selected->recent();
  scope->now = context.services.clock.now();
  return scope;
}

/// What the answer depends on besides the result.
struct Asked {
  imap::SearchReturn wanted;
  bool uid = false, withModSeq = false;
};

void answer(Context& context, const Asked& asked, const SearchFound& found) {
  const auto& wanted = asked.wanted;
  if (wanted.save) context.selected->saved = found.uids;  // RFC 5182 §2.4: with MIN or MAX alone, only those were found
  if (!wanted.given && !context.rev2) {
    auto modSeq = asked.withModSeq ? std::optional(found.modSeq) : std::nullopt;
    return context.stream(makeNumberLines("SEARCH", eachNumber(found.numbers(asked.uid)), modSeq), [](Context& now) { now.ok("searched"); });
  }
  bool onlySave = wanted.save && !wanted.min && !wanted.max && !wanted.count && !wanted.all;
  if (!onlySave) {  // RFC 5182 §2.1: SAVE alone says nothing
    auto response = esearchOf(wanted, found, asked.uid, asked.withModSeq);
    response.tag = context.tag;
    imap::writeEsearch(context.out, response, context.outputMode());
  }
  context.ok("searched");
}

}  // namespace

void handleSearch(Context& context, const imap::Command& command) {
  const auto& search = command.as<imap::args::Search>();
  const auto& wanted = search.program.result;
  if (wanted.partial) return context.bad("PARTIAL is not announced here");
  auto root = readyProgram(context, search.program);
  if (!root) return;
  auto current = context.selected->current();
  if (!current) {
    if (wanted.save) context.selected->saved = {};
    return context.no("NONEXISTENT", "the mailbox was deleted");
  }
  Asked asked{wanted, search.uid, containsKey(*root, Kind::modSeq)};
  if (asked.withModSeq) context.enableCondstore();
  auto run = SearchRun::make(context.account, *root, selectedScope(context, std::move(current)), needOf(wanted, wanted.given || context.rev2));
  if (!run) return context.bad("there is no message with that number");
  runSliced(context, run, [run, asked](Context& now) { answer(now, asked, run->found()); });
}

}  // namespace mox::imapserver
