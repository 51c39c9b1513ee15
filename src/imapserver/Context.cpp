#include "imapserver/Context.h"

#include "base/Text.h"
#include "imapserver/Notifications.h"
#include "imapserver/NotifyTell.h"
#include "imapserver/SearchUpdates.h"

namespace mox::imapserver {

namespace {

/// RFC 9051 §7.5.1: no EXPUNGE while answering FETCH, STORE and SEARCH by sequence number; so they tell nothing of other
/// sessions' doings. Their UID forms do.
bool maySync(imap::CommandKind kind) {
  using imap::CommandKind;
  switch (kind) {
    case CommandKind::fetch:
    case CommandKind::store:
    case CommandKind::search:
    case CommandKind::sort:
    case CommandKind::thread:
    case CommandKind::select:
    case CommandKind::examine:
    case CommandKind::close:
    case CommandKind::unselect:
    case CommandKind::logout: return false;
    default: return true;
  }
}

/// These change the selected mailbox themselves, so their client must hear of its numbers whatever NOTIFY says.
bool changesNumbers(imap::CommandKind kind) {
  using imap::CommandKind;
  switch (kind) {
    case CommandKind::append:
    case CommandKind::expunge:
    case CommandKind::uidExpunge:
    case CommandKind::move:
    case CommandKind::uidMove:
    case CommandKind::replace:
    case CommandKind::uidReplace: return true;
    default: return false;
  }
}

}  // namespace

std::string_view responseCode(Errc code) {
  switch (code) {
    case Errc::notFound: return "NONEXISTENT";
    case Errc::exists: return "ALREADYEXISTS";
    case Errc::overQuota: return "OVERQUOTA";
    case Errc::syntax:
    case Errc::denied:
    case Errc::unsupported:
    case Errc::permanent: return "CANNOT";
    case Errc::tooLong:
    case Errc::tooMany: return "LIMIT";
    case Errc::conflict: return "INUSE";
    case Errc::temporary:
    case Errc::timeout: return "UNAVAILABLE";
  }
  return "";
}

Context::Context(Services& s, std::shared_ptr<const ListenerSettings> l)
    : services(s), listener(std::move(l)), log(s.log), exchange(s.authenticator, "imap", listener->hostname) {}

Context::~Context() = default;

void Context::begin(std::string commandTag, imap::CommandKind commandKind) {
  tag = std::move(commandTag);
  kind = commandKind;
  running = true;
  began_ = services.clock.steady();
}

void Context::untagged(std::string_view text) { out.append("* ").append(text).append("\r\n"); }

void Context::ok(std::string_view code, std::string_view text) {
  if (maySync(kind)) tellBeforeReply();
  end("OK", code, text);
}

void Context::no(std::string_view code, std::string_view text) {
  if (maySync(kind)) tellBeforeReply();
  end("NO", code, text);
}

void Context::no(const Error& error) { no(responseCode(error.code), error.text); }

void Context::no(const Error& error, const Limit& full) {
  if (error.code == Errc::tooMany) hit(full);
  no(error);
}

void Context::bad(std::string_view text, std::string_view code) { end("BAD", code, text); }

void Context::end(std::string_view condition, std::string_view code, std::string_view text) {
  imap::writeStatus(out, tag.empty() ? "*" : tag, condition, code, text);
  running = false;
  using Outcome = CommandTimes::Outcome;
  auto outcome = condition == "OK" ? Outcome::ok : condition == "NO" ? Outcome::userError : Outcome::badSyntax;
  std::chrono::duration<double> took = services.clock.steady() - began_;
  services.times->observe(kind, outcome, took.count());
  if (log.enabled(LogLevel::debug)) log.debug("imap command done", {{"cmd", imap::name(kind)}, {"result", CommandTimes::word(outcome)}, {"text", text}});
}

void Context::bye(std::string_view text) {
  if (closing) return;
  closing = true;
  imap::writeStatus(out, "*", "BYE", "", text);
  flush();
  channel->close();
}

void Context::flush() {
  if (out.empty()) return;
  if (log.enabled(LogLevel::trace)) log.trace(LogLevel::trace, "imap >", printable(out, 2000));
  channel->write(out);
  out.clear();
  if (out.capacity() > 4096) out.shrink_to_fit();  // idle sessions stay small
}

void Context::stream(std::unique_ptr<net::Producer> producer, std::function<void(Context&)> done) {
  flush();
  afterStream_ = std::move(done);
  channel->stream(std::move(producer));
}

void Context::streamDone() {
  if (!afterStream_) return;
  auto done = std::move(afterStream_);
  afterStream_ = nullptr;
  done(*this);
}

void Context::sync() {
  if (!selected) return;
  if (!notifications) return moveOn(tellMode());
  const auto& events = notifications->selectedEvents();
  if (!events.tells && !changesNumbers(kind)) return;
  auto next = selected->view().uidNext();
  auto mode = tellMode();
  mode.flags = events.flags;
  moveOn(mode);
  if (!notifications->fetchFrom && selected->view().uidNext() != next) notifications->fetchFrom = next;
}

/// To the newest view, with what RFC 5267 contexts say of it around what the client is told of messages.
void Context::moveOn(const TellMode& mode) {
  if (!selected->updates) return selected->sync(out, mode);
  auto older = selected->held();
  std::string told, after;
  selected->sync(told, mode);
  bool followed = selected->updates->follow(*account, older, selected->held(), services.clock.now(), utf8, out, after);
  if (!followed) hit(searchUpdateChecks);
  out.append(told).append(after);
}

void Context::tellBeforeReply() {
  sync();
  if (notifications) tellNoted(*this);
}

Notifications& Context::listening() {
  if (!notifications) notifications = std::make_unique<Notifications>(account, channel->waker());
  return *notifications;
}

void Context::own(ModSeq change) {
  if (notifications) notifications->own(change);
}

void Context::tell() {
  bool isBusy = closing || afterStream_ || (running && !idling);
  if (notifications && !isBusy) tellNotifications(*this);
}

void Context::hit(const Limit& limit) { services.limits.hit(limit, account ? account->name() : channel->remote().ip.text()); }

void Context::enableCondstore() {
  if (condstore) return;
  condstore = true;
  // RFC 7162 §3.1.2.1: from what on the client will hear of changes.
  if (selected) untagged("OK [HIGHESTMODSEQ " + std::to_string(selected->toldModSeq().value) + "] highest");
}

std::optional<imap::MailboxName> Context::mailboxName(const std::string& name) {
  auto parsed = imap::MailboxName::parse(name);
  if (parsed) return *parsed;
  noteName(parsed.error());
  no("CANNOT", parsed.error().text);
  return std::nullopt;
}

void Context::noteName(const Error& refusal) {
  if (refusal.code == Errc::tooLong) hit(imap::mailboxNameBytes);
}

std::optional<store::MailboxRow> Context::mailbox(const std::string& name, std::string_view code) {
  auto parsed = mailboxName(name);
  if (!parsed) return std::nullopt;
  auto row = account->reader().mailbox(std::string_view(parsed->text()));
  if (!row) no(code, "no such mailbox");
  return row;
}

std::int64_t Context::quota() const {
  auto config = services.config.current();
  const auto* info = config->account(account->name());
  return info == nullptr || info->quota == 0 ? -1 : info->quota;
}

std::int64_t Context::quotaMessages() const {
  auto config = services.config.current();
  const auto* info = config->account(account->name());
  return info == nullptr || info->quotaMessages == 0 ? -1 : info->quotaMessages;
}

bool Context::logIn(const std::string& accountName, const std::string& address) {
  auto opened = services.accounts.open(accountName);
  if (!opened) return false;
  account = *opened;
  loginAddress = address;
  state = imap::State::authenticated;
  log = log.with({"account", accountName});
  entry = services.loggedIn->add(accountName, channel->waker());
  // Who takes an account away changes the configuration first and ends the sessions that are there then.
  auto config = services.config.current();
  const auto* info = config->account(accountName);
  if (info == nullptr || info->loginDisabled) services.loggedIn->end([&](const std::string& name) { return name == accountName; });
  return true;
}

void Context::logOut() {
  notifications.reset();
  selected.reset();
  entry.reset();
  account.reset();
  loginAddress.clear();
  utf8 = utf8Accept = rev2 = condstore = qresync = uidOnly = false;
  state = imap::State::notAuthenticated;
  log = services.log.with({"cid", channel->id().value});
}

}  // namespace mox::imapserver
