#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Build.h"

namespace mox::config {

namespace {

constexpr std::size_t maxAccountName = 128;  // octets: it is the name of a directory

void checkName(Document& file, const Path& path, const std::string& name) {
  std::string reason;
  if (name.size() > maxAccountName) reason = "is longer than 128 octets";
  else if (!isPlainUtf8(name) || !isNfc(name)) reason = "must be plain text in Unicode normalisation form C";
  else if (name.front() == '.') reason = "must not start with a dot";
  else if (name.find('/') != std::string::npos || name.find('\\') != std::string::npos) reason = "must not hold a slash";
  if (!reason.empty()) file.error(path, "account name " + reason);
}

void checkWebhooks(Document& file, const Path& path, const Account& account) {
  if (account.outgoingWebhook) checkUrl(file, path / "OutgoingWebhook" / "URL", account.outgoingWebhook->url);
  if (account.incomingWebhook) checkUrl(file, path / "IncomingWebhook" / "URL", account.incomingWebhook->url);
  if (!account.outgoingWebhook) return;
  const auto& events = account.outgoingWebhook->events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (std::find(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(i), events[i]) !=
        events.begin() + static_cast<std::ptrdiff_t>(i)) {
      file.error(path / "OutgoingWebhook" / "Events" / i, "event is listed twice");
    }
  }
}

void checkJunkFilter(Document& file, const Path& path, const JunkFilter& filter) {
  auto half = [&](std::string_view field, double value) {
    if (value < 0 || value >= 0.5) file.error(path / "Params" / field, "must be at least 0 and less than 0.5");
  };
  if (filter.threshold < 0 || filter.threshold > 1) file.error(path / "Threshold", "must be from 0 to 1");
  half("MaxPower", filter.params.maxPower);
  half("IgnoreWords", filter.params.ignoreWords);
  checkNotNegative(file, path / "Params" / "TopWords", filter.params.topWords);
  checkNotNegative(file, path / "Params" / "RareWords", filter.params.rareWords);
}

void checkPeriods(Document& file, const Path& path, const Account& account) {
  checkNotNegative(file, path / "KeepRetiredMessagePeriod", account.keepRetiredMessagePeriod.count());
  checkNotNegative(file, path / "KeepRetiredWebhookPeriod", account.keepRetiredWebhookPeriod.count());
  checkNotNegative(file, path / "SubjectPass" / "Period", account.subjectPass.period.count());
}

std::int64_t orDefault(std::int64_t value, std::int64_t standard) { return value > 0 ? value : standard; }

void limits(Build& b, const Path& path, AccountInfo& info) {
  const auto& account = info.settings;
  info.quota = account.quotaMessageSize != 0 ? account.quotaMessageSize : b.fixed().quotaMessageSize;
  if (info.quota < 0) info.quota = 0;
  info.quotaMessages = account.quotaMessageCount != 0 ? account.quotaMessageCount : b.fixed().quotaMessageCount;
  if (info.quotaMessages < 0) info.quotaMessages = 0;
  checkNotNegative(b.dynamicFile, path / "MaxOutgoingMessagesPerDay", account.maxOutgoingMessagesPerDay);
  checkNotNegative(b.dynamicFile, path / "MaxFirstTimeRecipientsPerDay", account.maxFirstTimeRecipientsPerDay);
  info.maxOutgoingMessagesPerDay = orDefault(account.maxOutgoingMessagesPerDay, defaultMaxOutgoingMessagesPerDay);
  info.maxFirstTimeRecipientsPerDay = orDefault(account.maxFirstTimeRecipientsPerDay, defaultMaxFirstTimeRecipientsPerDay);
}

void mailboxes(Document& file, const Path& path, AccountInfo& info) {
  const auto& account = info.settings;
  if (!account.rejectsMailbox.empty()) checkMailbox(file, path / "RejectsMailbox", account.rejectsMailbox, false);
  if (!account.introbox.empty()) checkMailbox(file, path / "Introbox", account.introbox, false);
  Path flags = path / "AutomaticJunkFlags";
  info.junkMailbox = checkPattern(file, flags / "JunkMailboxRegexp", account.automaticJunkFlags.junkMailboxRegexp);
  info.neutralMailbox = checkPattern(file, flags / "NeutralMailboxRegexp", account.automaticJunkFlags.neutralMailboxRegexp);
  info.notJunkMailbox = checkPattern(file, flags / "NotJunkMailboxRegexp", account.automaticJunkFlags.notJunkMailboxRegexp);
}

void capabilities(Document& file, const Path& path, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    bool plain = !names[i].empty() && std::all_of(names[i].begin(), names[i].end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!plain) file.error(path / i, "not the name of a capability");
  }
}

}  // namespace

void buildAccounts(Build& b) {
  for (const auto& [name, account] : b.dynamic().accounts) {
    Path path = Path() / "Accounts" / name;
    auto& file = b.dynamicFile;
    checkName(file, path, name);
    auto domain = checkDomain(file, path / "Domain", account.domain);
    if (!domain) continue;
    if (!b.tables.domains.contains(domain->ascii())) file.warning(path / "Domain", "domain is not under Domains");
    AccountInfo info(name, *domain);
    info.settings = account;
    if (!account.loginDisabled.empty()) {
      checkReplyText(file, path / "LoginDisabled", account.loginDisabled);
      info.loginDisabled = account.loginDisabled;
    }
    info.password = buildPassword(b, file, path, account);
    limits(b, path, info);
    mailboxes(file, path, info);
    checkWebhooks(file, path, account);
    checkPeriods(file, path, account);
    if (account.junkFilter) checkJunkFilter(file, path / "JunkFilter", *account.junkFilter);
    capabilities(file, path / "IMAPCapabilitiesDisabled", account.imapCapabilitiesDisabled);
    b.tables.accounts.emplace(name, std::move(info));
  }
}

}  // namespace mox::config
