// THREAD and UID THREAD, RFC 5256 §3.
#include "imapserver/Handlers.h"
#include "imapserver/SearchAnswer.h"
#include "imapserver/SortRun.h"
#include "imapserver/Thread.h"
#include "message/SortFacts.h"

namespace mox::imapserver {

namespace {

/// Joins what is read of messages.
class Threading {
 public:
  Threading(bool uid, bool byReferences) : uid_(uid), byReferences_(byReferences) {}

  void add(std::uint32_t sequence, const store::ViewEntry& entry, std::string_view packed) {
    message::SortFacts facts;
    if (auto kept = message::unpackSortFacts(packed)) facts = *kept;
    ThreadMessage out;
    out.number = uid_ ? entry.uid.value : sequence;
    out.sequence = sequence;
    out.date = facts.sent.value_or(entry.received);
    out.subject = facts.subjectBase;
    out.isReplyOrForward = facts.isReplyOrForward;
    if (!byReferences_) return subjects_.push_back(std::move(out));
    out.messageId = facts.messageId;
    for (std::size_t i = 0; i < facts.ancestors(); ++i) out.references.push_back(facts.ancestor(i));
    references_.add(std::move(out));
  }

  ThreadForest finish() { return byReferences_ ? references_.finish() : threadBySubject(std::move(subjects_)); }
  bool isCut() const { return references_.isCut(); }

 private:
  bool uid_, byReferences_;
  std::vector<ThreadMessage> subjects_;
  ReferencesThreader references_;
};

/// "* THREAD (1)(2 3)", made as the client takes it.
class ThreadLine final : public net::Producer {
 public:
  explicit ThreadLine(ThreadForest forest) : forest_(std::move(forest)) {}

  bool produce(std::string& out) override {
    auto enough = out.size() + piece;
    if (next_ == 0) out += forest_.roots.empty() ? "* THREAD" : "* THREAD ";
    while (next_ < forest_.roots.size() && out.size() < enough) writeThread(out, forest_, forest_.roots[next_++]);
    bool more = next_ < forest_.roots.size();
    if (!more) out += "\r\n";
    return more;
  }

 private:
  static constexpr std::size_t piece = 64 * 1024;  ///< octets made at a time
  ThreadForest forest_;
  std::size_t next_ = 0;
};

}  // namespace

void handleThread(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Thread>();
  bool byReferences = arguments.algorithm == "REFERENCES";
  if (!byReferences && arguments.algorithm != "ORDEREDSUBJECT") return context.bad("unknown threading algorithm");
  auto root = readyProgram(context, arguments.program);
  auto scope = root ? selectedScope(context, arguments.program.result) : nullptr;
  if (!scope || refuseTooMany(context, *root, *scope)) return;
  if (containsKey(*root, imap::SearchKey::Kind::modSeq)) context.enableCondstore();
  auto search = SearchRun::make(context.account, *root, scope, {});
  if (!search) return context.bad("there is no message with that number");
  auto threading = std::make_shared<Threading>(arguments.uid, byReferences);
  auto take = [threading](std::uint32_t sequence, const store::ViewEntry& entry, std::string_view facts) {
    threading->add(sequence, entry, facts);
  };
  runSliced(context, std::make_shared<SortRun>(context.account, search, SortSource::facts, false, take), [threading, search](Context& now) {
    countReads(now, *search);
    if (threading->isCut()) now.hit(threadDepth);
    now.stream(std::make_unique<ThreadLine>(threading->finish()), [](Context& then) { then.ok("threaded"); });
  });
}

}  // namespace mox::imapserver
