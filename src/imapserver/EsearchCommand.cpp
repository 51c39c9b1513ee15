// ESEARCH: a search of several mailboxes. RFC 7377.
#include <algorithm>

#include "imapserver/Handlers.h"
#include "imapserver/MailboxFilter.h"
#include "imapserver/SearchAnswer.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;
using FilterKind = imap::MailboxFilter::Kind;

/// Searches one mailbox after the other. Answers come as they are found.
class EsearchRun final : public SlicedWork {
 public:
  EsearchRun(Context& context, imap::SearchReturn wanted, imap::SearchKey root, std::vector<store::MailboxRow> mailboxes)
      : context_(context), wanted_(wanted), root_(std::move(root)), mailboxes_(std::move(mailboxes)), withModSeq_(containsKey(root_, Kind::modSeq)) {}

  bool slice() override {
    if (next_ == mailboxes_.size()) return false;
    if (!run_ && !begin(mailboxes_[next_])) return ++next_ < mailboxes_.size();  // deleted meanwhile
    if (run_->slice()) return true;
    answer(mailboxes_[next_], run_->found());
    looked_ += run_->goal();
    run_.reset();
    return ++next_ < mailboxes_.size();
  }
  std::uint64_t done() const override { return looked_ + (run_ ? run_->done() : 0); }
  std::uint64_t goal() const override {
    std::uint64_t total = 0;
    for (const auto& mailbox : mailboxes_) total += static_cast<std::uint64_t>(mailbox.counts.total);
    return std::max(total, done());
  }
  /// RFC 5182: of the last mailbox searched, which is the selected one where SAVE is possible.
  const imap::NumberSet& saved() const { return saved_; }

 private:
  bool begin(const store::MailboxRow& mailbox) {
    std::shared_ptr<const SearchScope> scope;
    if (context_.selected && context_.selected->mailbox() == mailbox.id) {
      auto current = context_.selected->current();
      if (!current) return false;
      scope = selectedScope(context_, std::move(current));
    } else {
      auto view = context_.account->snapshot(mailbox.id);
      if (!view) return false;
      scope = std::make_shared<SearchScope>(SearchScope{view, view, {}, {}, context_.services.clock.now(), Uid(1), context_.utf8});
    }
    run_ = SearchRun::make(context_.account, root_, scope, needOf(wanted_, true));
    return run_ != nullptr;
  }

  /// RFC 7377 §2.1: a response for each mailbox where something was found.
  void answer(const store::MailboxRow& mailbox, const SearchFound& found) {
    saved_ = savedOf(wanted_, found.uids);
    countReads(context_, *run_);
    if (found.uids.empty() || !saysSomething(wanted_)) return;
    auto response = esearchOf(wanted_, *run_, true, withModSeq_);
    response.tag = context_.tag;
    response.mailbox = mailbox.name;
    response.uidValidity = run_->scope().known->uidValidity().value;
    imap::writeEsearch(context_.out, response, context_.outputMode());
  }

  Context& context_;
  imap::SearchReturn wanted_;
  imap::SearchKey root_;
  std::vector<store::MailboxRow> mailboxes_;
  bool withModSeq_;
  std::size_t next_ = 0;
  std::uint64_t looked_ = 0;
  std::shared_ptr<SearchRun> run_;
  imap::NumberSet saved_;
};

/// Each mailbox once, however many filters mean it.
std::vector<store::MailboxRow> sources(Context& context, const std::vector<imap::MailboxFilter>& filters) {
  auto config = context.services.config.current();
  const auto* info = config->account(context.account->name());
  auto mailboxes = context.account->reader().mailboxes();
  std::vector<imap::MailboxFilter> canonical;
  for (const auto& filter : filters) canonical.push_back(canonicalFilter(filter));
  std::erase_if(mailboxes, [&](const store::MailboxRow& mailbox) {
    return std::none_of(canonical.begin(), canonical.end(), [&](const auto& filter) {
      if (filter.kind == FilterKind::selected) return context.selected && context.selected->mailbox() == mailbox.id;
      return matches(filter, mailbox.name, mailbox.subscribed, info);
    });
  });
  return mailboxes;
}

/// A reason to refuse, "" if there is none.
std::string refusal(const Context& context, const imap::args::Esearch& esearch, bool onlySelected) {
  const auto& wanted = esearch.program.result;
  auto asks = [&](FilterKind kind) { return std::any_of(esearch.sources.begin(), esearch.sources.end(), [kind](const auto& one) { return one.kind == kind; }); };
  if (asks(FilterKind::selectedDelayed)) return "SELECTED-DELAYED is for NOTIFY";
  if (!context.selected && (onlySelected || asks(FilterKind::selected))) return "no mailbox is selected";
  if (wanted.save && !onlySelected) return "SAVE is possible with the selected mailbox alone";
  if (!onlySelected && containsKey(esearch.program.root, Kind::sequence)) return "sequence numbers mean something in the selected mailbox alone";
  if (wanted.update || wanted.context) return "contexts are for SEARCH and SORT";
  return "";
}

}  // namespace

void handleEsearch(Context& context, const imap::Command& command) {
  auto esearch = command.as<imap::args::Esearch>();
  if (esearch.sources.empty()) esearch.sources.push_back({});  // RFC 7377 §2.1: the selected mailbox
  bool onlySelected = std::all_of(esearch.sources.begin(), esearch.sources.end(), [](const auto& one) { return one.kind == FilterKind::selected; });
  if (auto reason = refusal(context, esearch, onlySelected); !reason.empty()) return context.bad(reason);
  if (refuseCharset(context, esearch.program)) return;
  auto root = readyProgram(context, esearch.program);
  if (!root) return;
  if (containsKey(*root, Kind::modSeq)) context.enableCondstore();
  if (onlySelected) {
    auto scope = selectedScope(context, esearch.program.result);
    if (!scope) return;
    // Numbers beyond the end are told before anything is searched.
    if (!SearchRun::make(context.account, *root, scope, {})) return context.bad("there is no message with that number");
  }
  auto wanted = esearch.program.result;
  auto run = std::make_shared<EsearchRun>(context, wanted, std::move(*root), sources(context, esearch.sources));
  runSliced(context, run, [run, wanted](Context& now) {
    if (wanted.save && now.selected) now.selected->saved = run->saved();
    now.ok("searched");
  });
}

}  // namespace mox::imapserver
