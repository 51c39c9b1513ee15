// A message from outside: smtp.md §6. Checks wait for DNS in a job, judging and storing are ours.
#include <algorithm>

#include "delivery/FailureDsn.h"
#include "delivery/ForgedResults.h"
#include "smtpserver/Handlers.h"
#include "smtpserver/Localserve.h"

namespace mox::smtpserver {

namespace {

/// What the job found out.
struct Checked {
  std::shared_ptr<const delivery::Message> message;
  bool loops = false;
  iprev::Result iprev;
  spf::Verdict spf;
  std::vector<dkim::Outcome> dkim;
};

/// A message that is read and checked within a session's turn, if DNS need not be asked for it; a larger one takes a job.
constexpr std::uint64_t checkedAtOnce = 64 * 1024;

using CheckJob = std::function<Checked(const delivery::Checks&)>;

CheckJob checkJob(const Context& context, std::shared_ptr<store::Spool> spool) {
  const auto& transaction = *context.transaction;
  const auto& from = transaction.mail.from;
  auto ip = context.channel->remote().ip;
  spf::Arguments arguments{ip, from ? from->address() : std::nullopt, *context.helo, context.listener->hostname};
  std::shared_ptr<const delivery::Message> read = spool->size() <= checkedAtOnce ? delivery::readMessage(spool) : nullptr;
  std::vector<Domain> ourNames{context.listener->hostname, transaction.config->hostname()};
  return [spool = std::move(spool), read = std::move(read), ip, arguments, ourNames, iprev = context.iprev, spf = transaction.spf](const delivery::Checks& checks) {
    Checked checked;
    checked.message = read ? read : delivery::readMessage(spool);
    checked.loops = checked.message->parsed.receivedFields > maxReceived;
    if (checked.loops) return checked;
    checked.iprev = iprev ? *iprev : checks.iprev(ip);
    checked.spf = spf ? *spf : checks.spf(arguments);
    checked.dkim = checks.dkim(checked.message->data());
    delivery::renameForgedResults(*spool, ourNames);  // only now: a signature may cover them
    return checked;
  };
}

std::shared_ptr<const delivery::Incoming> incomingOf(Context& context, Checked checked) {
  const auto& mail = context.transaction->mail;
  auto incoming = std::make_shared<delivery::Incoming>(context.listener->hostname, *context.helo);
  incoming->cid = context.channel->id();
  incoming->receivedId = context.receivedId;
  incoming->remote = context.channel->remote();
  incoming->local = context.channel->local();
  incoming->esmtp = context.esmtp;
  incoming->tls = tlsText(*context.channel);
  incoming->mailFrom = mail.from;
  incoming->smtpUtf8 = mail.smtpUtf8;
  incoming->requireTls = mail.requireTls;
  incoming->received = context.services.clock.now();
  incoming->message = std::move(checked.message);
  incoming->iprev = std::move(checked.iprev);
  incoming->spf = std::move(checked.spf);
  incoming->dkim = std::move(checked.dkim);
  incoming->fromValidation = delivery::validateFrom(*incoming, context.services.suffixes);
  return incoming;
}

/// An incoming message on its way to its recipients; lives across the waits.
struct Reception {
  std::shared_ptr<const delivery::Incoming> incoming;
  config::ConfigPtr config;
  delivery::Placement placement;
};

/// Before the reply: if the queue cannot take the report, the peer must try again, for the failures would be lost.
void queueFailureDsn(Context& context, const Reception& reception) {
  if (context.services.localserve) return;
  const auto& placement = reception.placement;
  auto now = context.services.clock.now();
  auto dsn = delivery::failureDsn(*reception.incoming, placement.recipients(), placement.outcomes(), now, context.services.random);
  if (!dsn) return;
  queue::NewMessage message;
  message.recipients = {dsn->to};
  message.data = dsn->message;
  message.messageId = dsn->messageId;
  message.subject = dsn->subject;
  message.smtpUtf8 = message.has8bit = dsn->utf8;
  if (reception.incoming->requireTls) message.requireTls = true;
  const auto* domain = reception.config->domain(dsn->domain);
  if (domain != nullptr) {
    auto signature = context.services.keys->sign(*domain, *Localpart::make("postmaster"), "", dsn->message);
    if (signature) message.prefix = *signature;
    else context.log.error("signing a DSN failed", {{"err", signature.error().text}});
  }
  context.services.queue.add(message);
}

void conclude(Context& context, Reception& reception) {
  auto& placement = reception.placement;
  placement.deliver();
  const auto& outcomes = placement.outcomes();
  if (placement.anyRejected() && !context.services.localserve) context.channel->setSlow(true);
  bool any = std::any_of(outcomes.begin(), outcomes.end(), [](const delivery::Outcome& outcome) { return outcome.delivered; });
  if (!any) {
    context.conclude(delivery::combinedReply(placement.recipients(), outcomes));
  } else {
    queueFailureDsn(context, reception);
    context.conclude(smtp::Reply::make(250, "2.2.0", "delivered (" + context.receivedId + ")"));
  }
}

void checkDone(Context& context, Checked checked) {
  auto& transaction = *context.transaction;
  if (checked.loops) return context.conclude(smtp::Reply::make(550, "5.4.6", "the message goes in circles"));
  context.iprev = checked.iprev;
  auto incoming = incomingOf(context, std::move(checked));
  const auto& services = context.services;
  delivery::PlaceServices place{services.accounts, services.suffixes, *services.rates, services.limits, services.metrics, context.log};
  auto reception = std::make_shared<Reception>(
      Reception{incoming, transaction.config, delivery::Placement(place, incoming, transaction.config, transaction.recipients)});
  reception->placement.judge();
  auto delay = context.listener->firstTimeSenderDelay;
  if (delay > Duration::zero() && reception->placement.wantsDelay()) {
    // Before the message is stored: a peer that gives up now keeps it, and nobody gets it twice.
    context.log.debug("a stranger waits");
    return context.pause(delay, [reception](Context& c) { conclude(c, *reception); });
  }
  conclude(context, *reception);
}

void fail(Context& context, unsigned code, std::string enhanced, std::string_view text) {
  context.conclude(smtp::Reply::make(code, std::move(enhanced), text));
}

}  // namespace

void receiveMessage(Context& context, std::shared_ptr<store::Spool> spool) {
  const auto& recipients = context.transaction->recipients;
  if (context.services.localserve) {
    auto wanted = wantedFailure(recipients);
    if (wanted && wanted->hangs) return context.pause(localserveHang, [](Context& c) { fail(c, 451, "4.3.0", "failure as asked for"); });
    if (wanted) return fail(context, wanted->code, wanted->code < 500 ? "4.3.0" : "5.3.0", "failure as asked for");
  }
  bool allUnknown = std::all_of(recipients.begin(), recipients.end(), [](const delivery::Recipient& recipient) {
    return recipient.lookup.kind == config::Lookup::Kind::unknownAddress;
  });
  if (allUnknown) {
    auto& unknown = context.services.metrics.counter("mox_smtpserver_delivery_total", "Incoming messages by recipient, what became of them and why.",
                                                     {{"result", "unknownuser"}, {"reason", "none"}});
    unknown.inc(static_cast<double>(recipients.size()));
    return context.pause(unknownUserDelay, [](Context& c) { fail(c, 550, "5.1.1", "no such user"); });
  }
  bool atOnce = spool->size() <= checkedAtOnce;
  auto job = checkJob(context, std::move(spool));
  auto done = [](Context& c, Checked checked) { checkDone(c, std::move(checked)); };
  if (atOnce) return context.check<Checked>(std::move(job), done);
  context.wait<Checked>([checks = context.checks, job = std::move(job)] { return job(checks); }, done);
}

}  // namespace mox::smtpserver
