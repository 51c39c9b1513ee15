#include "spf/Spf.h"

#include <algorithm>
#include <stdexcept>

#include "base/Text.h"
#include "base/Unicode.h"
#include "spf/Evaluator.h"

namespace mox::spf {

namespace {

Localpart postmaster() {
  auto made = Localpart::make("postmaster");
  if (!made) throw std::logic_error("postmaster is no localpart");
  return *made;
}

Verdict evaluate(dns::Resolver& resolver, const Clock& clock, const Arguments& arguments, Steady deadline) {
  Verdict out;
  std::optional<Address> sender = arguments.mailFrom;
  if (!sender) {
    out.identity = Identity::helo;
    const auto* helo = std::get_if<Domain>(&arguments.helo);
    if (helo == nullptr) {
      out.reason = "no domain to check";
      return out;
    }
    sender = Address{postmaster(), *helo};
  }
  out.domain = sender->domain;
  Evaluator evaluator(resolver, clock, arguments, *sender, deadline);
  auto outcome = evaluator.checkHost(sender->domain.ascii());
  out.status = outcome.status;
  out.mechanism = outcome.mechanism;
  out.reason = printable(outcome.reason, 300);
  out.authentic = evaluator.authentic();
  if (out.status == Status::fail) out.explanation = evaluator.explain(outcome);
  return out;
}

/// RFC 5322 dot-atom, which needs no quotes.
bool isDotAtom(std::string_view text) {
  constexpr std::string_view more = "!#$%&'*+-/=?^_`{|}~.";
  return !text.empty() && text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [&](char c) { return isAlpha(c) || isDigit(c) || more.find(c) != std::string_view::npos; });
}

/// dot-atom or quoted-string; nothing in it can end the line. UTF-8 stays (then the message needs SMTPUTF8 anyway).
std::string value(std::string_view text) {
  if (isDotAtom(text)) return std::string(text);
  std::string safe = isPlainUtf8(text) ? std::string(text) : printable(text, 1000);
  std::string out = "\"";
  for (char c : safe) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// Inside a comment.
std::string commentText(std::string_view text) {
  std::string out;
  for (char c : printable(text, 500)) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string comment(const Arguments& arguments, const Verdict& verdict) {
  std::string by = arguments.receiver.ascii() + ": ";
  std::string domain = verdict.domain ? "domain of " + verdict.domain->ascii() : "client";
  std::string ip = arguments.remoteIp.text();
  switch (verdict.status) {
    case Status::pass: return by + domain + " designates " + ip + " as permitted sender";
    case Status::fail: return by + domain + " does not designate " + ip + " as permitted sender";
    case Status::softfail: return by + "transitioning " + domain + " does not designate " + ip + " as permitted sender";
    case Status::neutral: return by + domain + " says neither yes nor no to " + ip;
    case Status::none: return by + domain + " has no policy for " + ip;
    case Status::temperror: return by + "temporary trouble checking " + domain;
    case Status::permerror: return by + "broken policy at " + domain;
  }
  return by;
}

}  // namespace

std::string_view statusName(Status status) {
  switch (status) {
    case Status::none: return "none";
    case Status::neutral: return "neutral";
    case Status::pass: return "pass";
    case Status::fail: return "fail";
    case Status::softfail: return "softfail";
    case Status::temperror: return "temperror";
    case Status::permerror: return "permerror";
  }
  return "none";
}

Verdict check(dns::Resolver& resolver, const Clock& clock, const Arguments& arguments, Steady deadline, Metrics* metrics) {
  auto start = clock.steady();
  auto out = evaluate(resolver, clock, arguments, deadline);
  if (metrics != nullptr) {
    metrics->histogram("mox_spf_verify_duration_seconds", "SPF checks.", {{"status", std::string(statusName(out.status))}})
        .observe(std::chrono::duration<double>(clock.steady() - start).count());
  }
  return out;
}

std::string receivedSpf(const Arguments& arguments, const Verdict& verdict) {
  std::string sender = arguments.mailFrom ? arguments.mailFrom->text(false) : "";
  std::string out = "Received-SPF: " + std::string(statusName(verdict.status)) + " (" + commentText(comment(arguments, verdict)) + ")\r\n";
  out += "\tclient-ip=" + value(arguments.remoteIp.text()) + "; envelope-from=" + value(sender) + ";\r\n";
  out += "\thelo=" + value(hostText(arguments.helo, false)) + ";";
  bool trouble = verdict.status == Status::temperror || verdict.status == Status::permerror;
  if (trouble && !verdict.reason.empty()) out += "\r\n\tproblem=" + value(verdict.reason) + ";";
  if (!verdict.mechanism.empty()) out += " mechanism=" + value(verdict.mechanism) + ";";
  out += "\r\n\treceiver=" + value(arguments.receiver.ascii()) + ";";
  out += " identity=" + std::string(verdict.identity == Identity::helo ? "helo" : "mailfrom") + "\r\n";
  return out;
}

}  // namespace mox::spf
