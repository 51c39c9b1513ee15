#include "config/BuildDestination.h"
#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::config {

namespace {

std::optional<SmtpError> smtpError(Document& file, const Path& path, const std::string& text) {
  if (text.empty()) return std::nullopt;
  SmtpError out;
  auto code = std::string_view(text).substr(0, 3);
  bool known = code == "421" || code == "550";
  bool separated = text.size() == 3 || text[3] == ' ';
  if (!known || !separated) {
    file.error(path, "expected 421 or 550, perhaps with a space and a text");
    return std::nullopt;
  }
  out.code = code == "421" ? 421 : 550;
  out.text = trim(std::string_view(text).substr(3));
  checkReplyText(file, path, out.text);
  return out;
}

std::optional<Domain> ruleDomain(Document& file, const Path& path, const std::string& text) {
  if (text.empty()) return std::nullopt;
  return checkDomain(file, path, text);
}

/// What a ruleset may not combine.
void checkCombination(Document& file, const Path& path, const Ruleset& set) {
  bool any = !set.smtpMailFromRegexp.empty() || !set.msgFromRegexp.empty() || !set.verifiedDomain.empty() || !set.headersRegexp.empty();
  if (!any) file.error(path, "needs at least one condition: SMTPMailFromRegexp, MsgFromRegexp, VerifiedDomain or HeadersRegexp");
  if (set.isForward && (set.smtpMailFromRegexp.empty() || set.verifiedDomain.empty())) {
    file.error(path / "IsForward", "needs SMTPMailFromRegexp and VerifiedDomain");
  }
  if (set.isForward && !set.listAllowDomain.empty()) file.error(path / "ListAllowDomain", "not together with IsForward");
}

Rule buildRule(Document& file, const Path& path, const Ruleset& set) {
  Rule rule;
  rule.settings = set;
  rule.smtpMailFrom = checkPattern(file, path / "SMTPMailFromRegexp", set.smtpMailFromRegexp);
  rule.msgFrom = checkPattern(file, path / "MsgFromRegexp", set.msgFromRegexp);
  rule.verifiedDomain = ruleDomain(file, path / "VerifiedDomain", set.verifiedDomain);
  rule.listAllowDomain = ruleDomain(file, path / "ListAllowDomain", set.listAllowDomain);
  for (const auto& [name, value] : set.headersRegexp) {
    Path at = path / "HeadersRegexp" / name;
    if (toLowerUtf8(name) != name || toLowerUtf8(value) != value)
      file.error(at, "must be in lower case, as it is matched with lower case text");
    auto left = Pattern::make(name), right = Pattern::make(value);
    if (!left) file.error(at, "name: " + left.error().text);
    if (!right) file.error(at, right.error().text);
    if (left && right) rule.headers.emplace_back(*left, *right);
  }
  if (!set.acceptRejectsToMailbox.empty()) checkMailbox(file, path / "AcceptRejectsToMailbox", set.acceptRejectsToMailbox, false);
  checkMailbox(file, path / "Mailbox", set.mailbox, true);
  checkCombination(file, path, set);
  return rule;
}

}  // namespace

Target buildTarget(Document& file, const Path& path, const Destination& destination) {
  Target out;
  out.mailbox = destination.mailbox.empty() ? "Inbox" : destination.mailbox;
  checkMailbox(file, path / "Mailbox", out.mailbox, true);
  for (std::size_t i = 0; i < destination.rulesets.size(); ++i) {
    out.rules.push_back(buildRule(file, path / "Rulesets" / i, destination.rulesets[i]));
  }
  out.smtpError = smtpError(file, path / "SMTPError", destination.smtpError);
  if (!destination.smtpError.empty() && (!destination.mailbox.empty() || !destination.rulesets.empty())) {
    file.error(path / "SMTPError", "not together with Mailbox or Rulesets");
  }
  if (!destination.messageAuthRequiredSmtpError.empty()) {
    checkReplyText(file, path / "MessageAuthRequiredSMTPError", destination.messageAuthRequiredSmtpError);
    out.messageAuthRequiredError = destination.messageAuthRequiredSmtpError;
  }
  out.fullName = destination.fullName;
  return out;
}

}  // namespace mox::config
