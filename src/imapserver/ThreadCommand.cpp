// THREAD and UID THREAD, RFC 5256 §3.
#include "base/Text.h"
#include "imap/EnvelopeText.h"
#include "imapserver/EnvelopeRun.h"
#include "imapserver/Handlers.h"
#include "imapserver/SearchAnswer.h"
#include "imapserver/Sort.h"
#include "imapserver/Thread.h"
#include "message/EnvelopeFields.h"
#include "message/Subject.h"

namespace mox::imapserver {

namespace {

/// Reads messages and joins them.
class Threading {
 public:
  Threading(bool uid, bool byReferences) : uid_(uid), byReferences_(byReferences) {}

  void add(std::uint32_t sequence, const store::ViewEntry& entry, std::string_view text, store::Reader& reader) {
    auto envelope = imap::parseEnvelope(text).value_or(message::Envelope());
    ThreadMessage out;
    out.number = uid_ ? entry.uid.value : sequence;
    out.sequence = sequence;
    out.date = sentDate(envelope.date, entry.received);
    auto subject = message::baseSubject(envelope.subject.value_or(""));
    out.subject = std::move(subject.text);
    out.isReplyOrForward = subject.isReplyOrForward;
    if (!byReferences_) return subjects_.push_back(std::move(out));
    auto ids = message::messageIds(envelope.messageId.value_or(""));
    if (!ids.empty()) out.messageId = std::move(ids.front());
    out.references = references(entry, envelope, reader);
    references_.add(std::move(out));
  }

  ThreadForest finish() { return byReferences_ ? references_.finish() : threadBySubject(std::move(subjects_)); }
  bool isCut() const { return references_.isCut(); }

 private:
  static std::vector<std::string> references(const store::ViewEntry& entry, const message::Envelope& envelope, store::Reader& reader) {
    std::vector<std::string> out;
    auto header = reader.header(entry.message).value_or("");
    message::HeaderFields fields(header);
    while (auto field = fields.next())
      if (field->is("References")) out = message::messageIds(field->value);
    if (!out.empty()) return out;
    // RFC 5256 §3: without References, the first of In-Reply-To.
    out = message::messageIds(envelope.inReplyTo.value_or(""));
    if (out.size() > 1) out.resize(1);
    return out;
  }

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
  auto take = [threading](std::uint32_t sequence, const store::ViewEntry& entry, std::string_view envelope, store::Reader& reader) {
    threading->add(sequence, entry, envelope, reader);
  };
  runSliced(context, std::make_shared<EnvelopeRun>(context.account, search, true, take), [threading, search](Context& now) {
    countReads(now, *search);
    if (threading->isCut()) now.hit(threadDepth);
    now.stream(std::make_unique<ThreadLine>(threading->finish()), [](Context& then) { then.ok("threaded"); });
  });
}

}  // namespace mox::imapserver
