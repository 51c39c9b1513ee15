// Commands on the queue, done by the running server.
#include <fmt/format.h>

#include <ostream>

#include "app/ServerCommands.h"
#include "base/Date.h"
#include "base/Text.h"
#include "config/GoDuration.h"
#include "queue/Queue.h"

namespace mox::app {

namespace {

/// "<1h" or ">now": before or after now plus a duration (which may be negative).
Result<void> parseTimeBound(std::string_view text, Time now, std::optional<Time>& before, std::optional<Time>& after) {
  if (text.empty() || (text[0] != '<' && text[0] != '>')) return fail(Errc::syntax, "must be < or > and a duration or \"now\", such as \"<1h\"");
  Duration by{};
  if (text.substr(1) != "now") {
    auto parsed = config::parseGoDuration(text.substr(1));
    if (!parsed) return fail(Errc::syntax, "malformed duration");
    by = *parsed;
  }
  (text[0] == '<' ? before : after) = now + std::chrono::duration_cast<std::chrono::microseconds>(by);
  return {};
}

Result<void> parseIds(std::string_view text, std::vector<QueueId>& ids) {
  for (auto part : split(text, ',')) {
    auto number = parseUnsigned(part);
    if (!number || *number > INT64_MAX) return fail(Errc::syntax, "must be numbers with commas between");
    ids.emplace_back(static_cast<std::int64_t>(*number));
  }
  return {};
}

/// Nothing to choose by would be no choice, and a script whose variable is empty would drop the whole queue.
auto chosenBy(std::string& word) {
  return [&word](std::string_view given) -> Result<void> {
    if (given.empty()) return fail(Errc::syntax, "must not be empty");
    if (given.ends_with('@')) return fail(Errc::syntax, "must have a domain after \"@\"");
    word = std::string(given);
    return {};
  };
}

/// The options that choose messages.
void addFilter(Flags& flags, queue::Filter& filter, Time now) {
  flags.parsed("account", chosenBy(filter.account), "Only messages of this account.")
      .parsed("from", chosenBy(filter.from), "Only messages from this address; \"@example.org\" is the whole domain, text without \"@\" a part of the address.")
      .parsed("to", chosenBy(filter.to), "Only messages to this address; \"@example.org\" is the whole domain, text without \"@\" a part of the address.")
      .parsed("hold", [&filter](std::string_view given) -> Result<void> {
        if (given != "true" && given != "false") return fail(Errc::syntax, "takes true or false");
        filter.hold = given == "true";
        return {};
      }, "Only messages on hold, or only those that are not: true or false.")
      .parsed("ids", [&filter](std::string_view given) { return parseIds(given, filter.ids); }, "Only these ids, with commas between.")
      .parsed("n", [&filter](std::string_view given) -> Result<void> {
        auto number = parseUnsigned(given);
        if (!number || *number == 0) return fail(Errc::syntax, "must be a number above 0");
        filter.max = static_cast<std::size_t>(*number);
        return {};
      }, "At most so many messages.")
      .parsed("nextattempt", [&filter, now](std::string_view given) {
        return parseTimeBound(given, now, filter.nextAttemptBefore, filter.nextAttemptAfter);
      }, "Next attempt before or after a time from now: \"<1h\", \">now\".")
      .parsed("submitted", [&filter, now](std::string_view given) {
        return parseTimeBound(given, now, filter.submittedBefore, filter.submittedAfter);
      }, "Submitted before or after a time from now: \"<-1h\" is more than an hour ago.")
      .parsed("transport", [&filter](std::string_view given) -> Result<void> {
        filter.transport = std::string(given);
        return {};
      }, "Only messages that have this transport set.");
}

void addSort(Flags& flags, queue::Filter& filter) {
  filter.ascending = false;
  flags.toggle("asc", filter.ascending, "Smallest first; else largest first.").parsed("sort", [&filter](std::string_view given) -> Result<void> {
    if (given != "nextattempt" && given != "queued") return fail(Errc::syntax, "takes nextattempt or queued");
    filter.sort = given == "queued" ? queue::Filter::Sort::queued : queue::Filter::Sort::nextAttempt;
    return {};
  }, "Order: nextattempt or queued.");
}

/// Options and the queue of one call; `ok` is false if the command has been answered already.
struct QueueCall {
  QueueCall(ServerParts& server, Invocation& call) : server_(server), call_(call) {}

  bool parse(std::size_t words) {
    addFilter(flags, filter, server_.foundations.clock.now());
    if (!parseFlags(call_, flags, words, words)) return status = 2, false;
    if (server_.queue == nullptr) return call_.err << "this server has no queue\n", status = 1, false;
    return true;
  }
  queue::Queue& queue() { return *server_.queue; }
  int changed(std::size_t count) {
    call_.out << count << (count == 1 ? " message changed\n" : " messages changed\n");
    return 0;
  }

  queue::Filter filter;
  Flags flags;
  int status = 0;

 private:
  ServerParts& server_;
  Invocation& call_;
};

std::string senderOf(const queue::Entry& entry) { return entry.mailFrom ? entry.mailFrom->text() : "<>"; }

/// As a reply: its codes are there only if a server gave one, and not when none was reached.
std::string resultText(const queue::Attempt& attempt) {
  auto code = attempt.code == 0 ? "" : std::to_string(attempt.code) + " ";
  auto enhanced = attempt.enhanced.empty() ? "" : attempt.enhanced + " ";
  return code + enhanced + printable(attempt.text);
}

void show(std::ostream& out, const queue::Entry& entry) {
  out << fmt::format("{} {}{} -> {}\n", entry.id.value, entry.hold ? "[hold] " : "", senderOf(entry), entry.recipient.text());
  out << fmt::format("  account {}, queued {}, {} bytes, attempts {}/{}, next {}\n", entry.senderAccount.empty() ? "-" : entry.senderAccount,
                     rfc3339Seconds(entry.queued), entry.size, entry.attempts, entry.maxAttempts, rfc3339Seconds(entry.nextAttempt));
  if (!entry.transport.empty()) out << fmt::format("  transport {}\n", entry.transport);
  if (entry.requireTls) out << fmt::format("  requiretls {}\n", *entry.requireTls ? "yes" : "no");
  if (!entry.results.empty()) {
    const auto& last = entry.results.back();
    out << fmt::format("  last attempt {}: {}\n", rfc3339Seconds(last.start), resultText(last));
  }
}

}  // namespace

int queueList(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  addSort(q.flags, q.filter);
  if (!q.parse(0)) return q.status;
  auto entries = q.queue().list(q.filter);
  for (const auto& entry : entries) show(call.out, entry);
  if (entries.empty()) call.out << "no messages\n";
  return 0;
}

int queueHold(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  return q.parse(0) ? q.changed(q.queue().setHold(q.filter, true)) : q.status;
}

int queueUnhold(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  return q.parse(0) ? q.changed(q.queue().setHold(q.filter, false)) : q.status;
}

int queueSchedule(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  bool fromNow = false;
  q.flags.toggle("now", fromNow, "Counted from now instead of from the time the attempt is planned for.");
  if (!q.parse(1)) return q.status;
  auto by = config::parseGoDuration(call.args[0]);
  if (!by) return call.err << "malformed duration " << printable(call.args[0]) << "\n", 2;
  return q.changed(q.queue().schedule(q.filter, *by, fromNow));
}

int queueTransport(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  if (!q.parse(1)) return q.status;
  const auto& name = call.args[0];
  if (!name.empty() && !server.config.current()->transports().contains(name)) return call.err << "there is no transport " << printable(name) << "\n", 1;
  return q.changed(q.queue().setTransport(q.filter, name));
}

int queueRequireTls(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  if (!q.parse(1)) return q.status;
  std::optional<bool> value;
  if (call.args[0] == "yes" || call.args[0] == "no") value = call.args[0] == "yes";
  else if (call.args[0] != "default") return call.err << "takes yes, no or default\n", 2;
  return q.changed(q.queue().setRequireTls(q.filter, value));
}

int queueFail(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  return q.parse(0) ? q.changed(q.queue().fail(q.filter)) : q.status;
}

int queueDrop(ServerParts& server, Invocation& call) {
  QueueCall q(server, call);
  return q.parse(0) ? q.changed(q.queue().drop(q.filter)) : q.status;
}

int queueDump(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto id = parseUnsigned(call.args[0]);
  if (!id || *id > INT64_MAX) return call.err << "takes the id of a message\n", 2;
  if (server.queue == nullptr) return call.err << "this server has no queue\n", 1;
  auto message = server.queue->dump(QueueId(static_cast<std::int64_t>(*id)));
  if (!message) return call.err << message.error().text << "\n", 1;
  call.out << *message;
  return 0;
}

}  // namespace mox::app
