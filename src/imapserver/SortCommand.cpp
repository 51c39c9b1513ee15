// SORT and UID SORT, RFC 5256 §2.3; with RETURN, RFC 5267 §3 (ESORT); DISPLAYFROM and DISPLAYTO, RFC 5957;
// RELEVANCY, RFC 6203 §6.
#include <algorithm>

#include "imapserver/Handlers.h"
#include "imapserver/SearchAnswer.h"
#include "imapserver/SortRun.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;

struct Sorting {
  imap::args::Sort arguments;
  bool withModSeq = false;
  std::shared_ptr<Sorter> sorter;
  std::shared_ptr<SortRun> run;
};

void answer(Context& context, const Sorting& sorting) {
  const auto& wanted = sorting.arguments.program.result;
  bool uid = sorting.arguments.uid;
  std::vector<std::uint32_t> ordered;
  std::vector<std::uint8_t> relevancies;
  for (const auto& one : sorting.sorter->finish()) {
    ordered.push_back(uid ? one.uid.value : one.sequence);
    relevancies.push_back(one.relevancy);
  }
  auto modSeq = sorting.withModSeq ? std::optional(sorting.run->found().modSeq) : std::nullopt;
  if (wanted.given) {
    auto response = esearchOf(wanted, ordered, uid);
    response.tag = context.tag;
    if (!ordered.empty()) response.modSeq = modSeq;
    if (wanted.relevancy) response.relevancy = relevancyText(wanted, relevancies);
    imap::writeEsearch(context.out, response, context.outputMode());
    return context.ok("sorted");
  }
  auto next = [numbers = std::move(ordered), at = std::size_t{0}]() mutable { return at < numbers.size() ? std::optional(numbers[at++]) : std::nullopt; };
  context.stream(makeNumberLine("SORT", std::move(next), modSeq), [](Context& now) { now.ok("sorted"); });
}

}  // namespace

void handleSort(Context& context, const imap::Command& command) {
  Sorting sorting{command.as<imap::args::Sort>(), false, nullptr, nullptr};
  const auto& program = sorting.arguments.program;
  const auto& criteria = sorting.arguments.criteria;
  // RFC 5182 knows SAVE with SEARCH alone.
  if (program.result.save) return context.bad("SAVE is not for SORT");
  if (program.result.update || program.result.context) return context.bad("contexts are for SEARCH");
  using Key = imap::args::Sort::Key;
  auto by = [&](Key key) { return std::any_of(criteria.begin(), criteria.end(), [key](const auto& one) { return one.key == key; }); };
  bool byRelevancy = by(Key::relevancy);
  if ((program.result.relevancy || byRelevancy) && !containsKey(program.root, Kind::fuzzy)) return context.bad("RELEVANCY needs FUZZY");
  auto root = readyProgram(context, program);
  auto scope = root ? selectedScope(context, program.result) : nullptr;
  if (!scope || refuseTooMany(context, *root, *scope)) return;
  sorting.withModSeq = containsKey(*root, Kind::modSeq);
  if (sorting.withModSeq) context.enableCondstore();
  auto search = SearchRun::make(context.account, *root, scope, SearchNeed{true, 0, 0, program.result.relevancy || byRelevancy});
  if (!search) return context.bad("there is no message with that number");
  sorting.sorter = std::make_shared<Sorter>(criteria);
  auto take = [sorter = sorting.sorter, search, at = std::uint64_t{0}](std::uint32_t sequence, const store::ViewEntry& entry,
                                                                       std::string_view read) mutable {
    const auto& relevancies = search->found().relevancies;
    sorter->add(sequence, entry, read, at < relevancies.size() ? relevancies[at] : 0);
    ++at;
  };
  sorting.run = std::make_shared<SortRun>(context.account, search, sourceOf(criteria), by(Key::size), take);
  auto run = sorting.run;
  runSliced(context, run, [sorting = std::move(sorting), search](Context& now) {
    countReads(now, *search);
    answer(now, sorting);
  });
}

}  // namespace mox::imapserver
