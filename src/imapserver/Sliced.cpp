#include "imapserver/Sliced.h"

#include "imapserver/Context.h"

namespace mox::imapserver {

namespace {

/// RFC 9585 §4. The goal must not be 0.
void tellProgress(Context& context, const SlicedWork& work) {
  std::string code = "INPROGRESS (";
  imap::writeString(code, context.tag);
  code += " " + std::to_string(work.done()) + " ";
  code += work.goal() == 0 ? "NIL" : std::to_string(work.goal());
  imap::writeStatus(context.out, "*", "OK", code + ")", "still at it");
}

struct Run {
  std::shared_ptr<SlicedWork> work;
  std::function<void(Context&)> finish;
  Steady told;

  static void go(const std::shared_ptr<Run>& run, Context& context) {
    if (!run->work->slice()) {
      context.channel->setDeadline(timeoutAfterLogin);  // silence of the client begins now
      return run->finish(context);
    }
    auto now = context.services.clock.steady();
    if (now - run->told >= progressInterval) {
      tellProgress(context, *run->work);
      run->told = now;
      context.channel->setDeadline(timeoutAfterLogin);
    }
    context.channel->pause(Duration::zero(), [run, &context](net::Channel& channel) { context.resume(channel, [&] { go(run, context); }); });
  }
};

}  // namespace

void runSliced(Context& context, std::shared_ptr<SlicedWork> work, std::function<void(Context&)> finish) {
  auto run = std::make_shared<Run>(Run{std::move(work), std::move(finish), context.services.clock.steady()});
  Run::go(run, context);
}

}  // namespace mox::imapserver
