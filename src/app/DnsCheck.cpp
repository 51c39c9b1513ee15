#include "app/DnsCheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/DnsFormats.h"
#include "base/Text.h"
#include "dkim/KeyRecord.h"
#include "iprev/Iprev.h"
#include "spf/Spf.h"

namespace mox::app {

namespace {

using Level = DnsFinding::Level;
using dns::Type;

template <class T>
std::string shown(const std::vector<T>& records, Type type) {
  std::string out;
  for (const auto& record : records) out += (out.empty() ? "" : ", ") + dataText({"", type, record, "", ""});
  return out;
}

std::string list(const std::vector<IpAddress>& ips) {
  std::string out;
  for (const auto& ip : ips) out += (out.empty() ? "" : ", ") + ip.text();
  return out;
}

/// The value of a tag in "v=DMARC1; p=reject; rua=...", "" without it.
std::string tagValue(std::string_view record, std::string_view tag) {
  for (auto part : split(record, ';')) {
    auto pair = cut(part, '=');
    if (pair && equalsNoCase(trim(pair->first), tag)) return std::string(trim(pair->second));
  }
  return "";
}

bool isVersion(std::string_view record, std::string_view version) {
  auto end = record.find(';');
  return trim(record.substr(0, end)) == version;
}

class Check {
 public:
  Check(const config::Config& config, const config::DomainInfo& info, DnsRecords expected, const DnsCheckWorld& world)
      : config_(config), info_(info), expected_(std::move(expected)), world_(world), end_(world.clock.steady() + dnsCheckLimit),
        name_(info.name.ascii() + "."), host_(config.hostname().ascii() + ".") {}

  void run() {
    for (const auto& problem : expected_.problems) tell(Level::error, "configuration", problem);
    if (!info_.reportsOnly) {
      resolver();
      mx();
      host();
      reverse();
      tlsa();
      spf();
      dkim();
    }
    dmarc();
    tlsRpt();
    if (info_.reportsOnly) return;
    mtaSts();
    clients();
    services();
    issuers();
  }

 private:
  dns::Ask ask(std::string_view room = "dnscheck") const { return {std::min(end_, world_.clock.steady() + dnsCheckQuestionLimit), room}; }

  void tell(Level level, std::string check, std::string text, std::vector<std::string> found = {}, std::vector<std::string> publish = {}) {
    world_.tell({level, std::move(check), std::move(text), std::move(found), std::move(publish)});
  }

  /// Expected records of a name and type, as lines to publish.
  std::vector<std::string> wanted(const std::string& name, Type type) const {
    std::vector<std::string> out;
    for (const auto& record : expected_.records)
      if (record.name == name && record.type == type) out.push_back(recordText(record));
    return out;
  }
  const DnsRecord* expected(const std::string& name, Type type) const {
    auto at = std::find_if(expected_.records.begin(), expected_.records.end(), [&](const auto& r) { return r.name == name && r.type == type; });
    return at == expected_.records.end() ? nullptr : &*at;
  }

  /// Not published, as it should be while its condition does not hold.
  bool isAbsent(const std::string& name, Type type) {
    const auto* record = expected(name, type);
    if (record == nullptr || record->condition.empty()) return false;
    auto got = type == Type::cname ? world_.resolver.addresses(name, ask()).map([](const auto&) {}) : world_.resolver.txt(name, ask()).map([](const auto&) {});
    return !got && got.error().notFound();
  }

  /// Says what a failed lookup means: that the records lack is `missing`, all else an error.
  void lookupFailed(Level missing, const std::string& check, const std::string& name, Type type, const dns::LookupError& error) {
    if (error.notFound()) return tell(missing, check, fmt::format("{} has no {} record", name, dns::typeName(type)), {}, wanted(name, type));
    if (error.failure == dns::Failure::bogus) return tell(Level::error, check, fmt::format("{} {} fails DNSSEC validation: nobody who validates can use it", name, dns::typeName(type)));
    tell(Level::error, check, fmt::format("{} {} could not be looked up: {}", name, dns::typeName(type), error.text));
  }

  // DNSSEC: of the resolver, then of the domain.

  void resolver() {
    auto root = world_.resolver.ns(".", ask());
    validates_ = root && root->authentic;
    if (!root) tell(Level::error, "resolver", "the resolver of this machine does not answer: " + root.error().text);
    else if (!validates_) tell(Level::warning, "resolver", "the resolver of this machine does not verify DNSSEC, so nothing can be said of it; unbound on 127.0.0.1 would");
  }

  void signedness(const std::string& name, bool authentic) {
    if (!validates_ || !told_.insert(name).second) return;
    if (authentic) tell(Level::ok, "DNSSEC", name + " is signed");
    else tell(Level::warning, "DNSSEC", name + " is not signed: its records can be forged on the way, and DANE protects no mail to it");
  }

  // Where mail goes.

  void mx() {
    auto got = world_.resolver.mx(name_, ask());
    if (!got) return lookupFailed(Level::error, "MX", name_, Type::mx, got.error());
    signedness(name_, got->authentic);
    const auto& records = got->records;
    auto ours = std::find_if(records.begin(), records.end(), [&](const auto& mx) { return mx.host == host_; });
    if (ours == records.end()) return tell(Level::error, "MX", "mail for the domain does not go to this host", {shown(records, Type::mx)}, wanted(name_, Type::mx));
    auto first = std::min_element(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.preference < b.preference; });
    if (first->preference < ours->preference) tell(Level::warning, "MX", "another host comes before this one", {shown(records, Type::mx)}, wanted(name_, Type::mx));
    else if (records.size() > 1) tell(Level::ok, "MX", "mail goes to this host, and to others if it does not answer: " + shown(records, Type::mx));
    else tell(Level::ok, "MX", "mail goes to " + host_);
    for (const auto& mx : records)
      if (mx.host != host_) otherMx(mx.host);
  }

  void otherMx(const std::string& host) {
    if (auto ips = world_.resolver.addresses(host, ask()); !ips) tell(Level::error, "MX", fmt::format("{} has no address: {}", host, ips.error().text));
  }

  std::vector<IpAddress> configuredIps() const {
    std::vector<IpAddress> out;
    const auto* listener = publicListener(config_);
    if (listener == nullptr) return out;
    for (const auto& text : listener->settings.natIps)
      if (auto ip = IpAddress::parse(text)) out.push_back(*ip);
    if (!out.empty()) return out;
    for (const auto& ip : listener->ips)
      if (!ip.isUnspecified() && !ip.isPrivate() && !ip.isLoopback()) out.push_back(ip);
    return out;
  }

  /// Seen from outside. Where the kernel chooses, each address that SMTP listeners name may be the one.
  std::vector<IpAddress> outgoingIps() const {
    const auto* listener = publicListener(config_);
    if (listener != nullptr && !listener->settings.natIps.empty()) return configuredIps();
    std::vector<IpAddress> out;
    for (const auto& ip : config_.smtpIps()) {
      const auto& bound = ip.isV4() ? config_.outgoing().v4 : config_.outgoing().v6;
      if (!ip.isPrivate() && (!bound || *bound == ip)) out.push_back(ip);
    }
    return out.empty() ? hostIps_ : out;
  }

  void host() {
    if (world_.resolver.cname(host_, ask())) tell(Level::warning, "host", host_ + " is an alias: RFC 2181 10.3 wants addresses under the name that MX says");
    auto got = world_.resolver.addresses(host_, ask());
    auto configured = configuredIps();
    if (!got) {
      std::vector<std::string> lines;
      for (const auto& ip : configured) lines.push_back(recordText({host_, ip.isV4() ? Type::a : Type::aaaa, ip, "", ""}));
      return tell(Level::error, "host", fmt::format("{} has no address: {}", host_, got.error().text), {}, lines);
    }
    signedness(host_, got->authentic);
    hostIps_ = got->records;
    outgoing_ = outgoingIps();
    bool whole = true;
    for (const auto& ip : hostIps_) {
      if (configured.empty() || std::find(configured.begin(), configured.end(), ip) != configured.end()) continue;
      whole = false;
      tell(Level::warning, "host", fmt::format("{} leads to {}, which the listener's IPs and NATIPs do not name", host_, ip.text()));
    }
    if (whole) tell(Level::ok, "host", fmt::format("{} has the address {}", host_, list(hostIps_)));
  }

  void reverse() {
    for (const auto& ip : outgoing_) {
      auto result = iprev::check(world_.resolver, world_.clock, ip, ask("iprev").deadline);
      auto line = fmt::format("{} {} IN PTR {}", ip.reverseName(), recordTtl.count(), host_);
      if (result.status == iprev::Status::pass && result.name == host_) tell(Level::ok, "reverse name", fmt::format("{} is {}, and back", ip.text(), host_));
      else if (result.status == iprev::Status::pass)
        tell(Level::warning, "reverse name", fmt::format("{} is called {} instead of {}, the name this host gives itself", ip.text(), result.name, host_), {}, {line});
      else
        tell(Level::error, "reverse name",
             fmt::format("{}: {}; many servers refuse mail from such an address. Who gave it to you sets its name", ip.text(), result.reason), {}, {line});
    }
  }

  // DANE.

  void tlsa() {
    const auto* listener = publicListener(config_);
    if (listener == nullptr || !listener->hasTls()) return;
    auto name = "_25._tcp." + host_;
    auto got = world_.resolver.tlsa(name, ask());
    if (!got && got.error().notFound()) {
      auto lines = wanted(name, Type::tlsa);
      bool useful = got.error().authentic && expected(name, Type::tlsa) != nullptr && expected(name, Type::tlsa)->condition.empty();
      if (useful) tell(Level::warning, "TLSA", "the host's zone is signed, but has no TLSA record: DANE would protect mail to it", {}, lines);
      return;
    }
    if (!got) return lookupFailed(Level::error, "TLSA", name, Type::tlsa, got.error());
    if (validates_ && !got->authentic) return tell(Level::warning, "TLSA", "there are TLSA records, but the zone is not signed: they have no effect");
    auto subjects = tlsaSubjects(config_, *listener, world_.files);
    if (subjects.empty()) return tell(Level::warning, "TLSA", "not checked: the configuration names no key of this host", {shown(got->records, Type::tlsa)});
    bool authority = std::any_of(got->records.begin(), got->records.end(), [](const auto& r) { return r.usage == 2; });
    bool whole = true;
    for (const auto& subject : subjects) {
      if (std::any_of(got->records.begin(), got->records.end(), [&](const auto& r) { return tlsaMatches(r, subject); })) continue;
      whole = false;
      tell(authority ? Level::warning : Level::error, "TLSA",
           fmt::format("no record is for {}: {}", subject.name, authority ? "those of usage 2, for an authority, are not checked" : "senders that check DANE hold mail to this host back"),
           {shown(got->records, Type::tlsa)}, wanted(name, Type::tlsa));
    }
    if (whole) tell(Level::ok, "TLSA", "the records are for this host's keys");
  }

  // SPF: as the domain, and as the host in HELO.

  void spf() {
    if (expected(host_, Type::txt) != nullptr) spfOf(host_, std::nullopt);
    spfOf(name_, Address{Localpart::make("postmaster").value(), info_.name});
  }

  void spfOf(const std::string& name, const std::optional<Address>& from) {
    const char* check = from ? "SPF" : "SPF of the host";
    if (outgoing_.empty()) return tell(Level::error, check, "not checked: the addresses that this host sends from are not known");
    std::vector<std::string> lines, found;
    for (const auto& line : wanted(name, Type::txt))
      if (line.find("\"v=spf1") != std::string::npos) lines.push_back(line);
    if (auto texts = world_.resolver.txt(name, ask("spf")))
      for (const auto& text : texts->records)
        if (lower(text).starts_with("v=spf1")) found.push_back(dataText({"", Type::txt, text, "", ""}));
    bool whole = true;
    for (const auto& ip : outgoing_) {
      auto verdict = spf::check(world_.resolver, world_.clock, {ip, from, config_.hostname(), config_.hostname()}, ask("spf").deadline);
      if (verdict.status == spf::Status::pass) continue;
      whole = false;
      auto level = from || verdict.status != spf::Status::none ? Level::error : Level::warning;
      tell(level, check, fmt::format("mail of {} from {} gets {} ({})", name, ip.text(), spf::statusName(verdict.status), verdict.reason), found, lines);
    }
    if (whole) tell(Level::ok, check, fmt::format("mail of {} from {} passes", name, list(outgoing_)));
  }

  // DKIM.

  void dkim() {
    if (info_.settings.dkim.sign.empty()) tell(Level::warning, "DKIM", "no selector is in DKIM.Sign of the configuration: mail of the domain is not signed");
    for (const auto& record : expected_.records) {
      auto mark = record.name.find("._domainkey." + name_);
      if (record.type == Type::txt && mark != std::string::npos) selector(record.name.substr(0, mark), record);
    }
  }

  bool signs(const std::string& selector) const {
    const auto& sign = info_.settings.dkim.sign;
    return std::any_of(sign.begin(), sign.end(), [&](const auto& name) { return equalsNoCase(name, selector); });
  }

  void selector(const std::string& selector, const DnsRecord& wanted) {
    auto check = "DKIM " + selector;
    auto bad = signs(selector) ? Level::error : Level::warning;
    auto got = world_.resolver.txt(wanted.name, ask("dkim"));
    if (!got) return lookupFailed(bad, check, wanted.name, Type::txt, got.error());
    std::vector<std::string> keys;
    for (const auto& text : got->records)
      if (dkim::KeyRecord::looksLikeOne(text)) keys.push_back(text);
    auto complain = [&](Level level, std::string text) { tell(level, check, std::move(text), {shown(got->records, Type::txt)}, {recordText(wanted)}); };
    if (keys.size() != 1) return complain(bad, keys.empty() ? "there is no DKIM record among those found" : "there are several DKIM records, so that none counts");
    auto there = dkim::KeyRecord::parse(keys[0]);
    auto ours = dkim::KeyRecord::parse(std::get<std::string>(wanted.data));
    if (!there || !ours) return complain(bad, "the record is not understood: " + (there ? ours.error() : there.error()).text);
    if (there->key != ours->key || there->keyType != ours->keyType) return complain(bad, "the key published is not the one that signs");
    if (!there->allows(dkim::Hash::sha256) || !there->allowsService("email")) return complain(bad, "the record does not allow signatures of mail with SHA-256");
    if (there->testing) return complain(Level::warning, "the record says t=y: receivers take signatures for a test");
    tell(Level::ok, check, signs(selector) ? "the key is the one that signs" : "the key is published; it does not sign now");
  }

  // Policies and reports.

  /// The one TXT record of this version under a name; nothing after having told what is wrong.
  std::optional<std::string> one(const std::string& check, const std::string& name, std::string_view version, Level missing) {
    auto got = world_.resolver.txt(name, ask());
    if (!got) {
      lookupFailed(missing, check, name, Type::txt, got.error());
      return std::nullopt;
    }
    std::vector<std::string> those;
    for (const auto& text : got->records)
      if (isVersion(text, version)) those.push_back(text);
    if (those.size() == 1) return those[0];
    auto text = those.empty() ? fmt::format("{} has no TXT record with v={}", name, version.substr(2)) : fmt::format("{} has several records, so that none counts", name);
    tell(those.empty() ? missing : Level::error, check, text, {shown(got->records, Type::txt)}, wanted(name, Type::txt));
    return std::nullopt;
  }

  static bool sendsTo(std::string_view rua, std::string_view uri) {
    for (auto part : split(rua, ',')) {
      auto target = trim(part);
      if (equalsNoCase(target.substr(0, target.find('!')), uri.substr(0, uri.find('!')))) return true;
    }
    return false;
  }

  void dmarc() {
    auto name = "_dmarc." + name_;
    const auto* record = expected(name, Type::txt);
    if (record == nullptr) return;
    auto there = one("DMARC", name, "v=DMARC1", Level::error);
    if (there) {
      auto wish = tagValue(std::get<std::string>(record->data), "rua"), policy = lower(tagValue(*there, "p"));
      auto complain = [&](Level level, std::string text) { tell(level, "DMARC", std::move(text), {dataText({"", Type::txt, *there, "", ""})}, {recordText(*record)}); };
      if (policy != "none" && policy != "quarantine" && policy != "reject") complain(Level::error, "the record has no policy (p=) that is known");
      else if (!wish.empty() && !sendsTo(tagValue(*there, "rua"), wish)) complain(Level::warning, "reports do not go to the address in the configuration");
      else if (policy == "none") complain(Level::warning, "the policy is none: mail that only pretends to be from the domain is taken");
      else tell(Level::ok, "DMARC", "the policy is " + policy);
    }
    for (const auto& agreed : expected_.records)
      if (agreed.name.find("._report._dmarc.") != std::string::npos && one("DMARC reports", agreed.name, "v=DMARC1", Level::error))
        tell(Level::ok, "DMARC reports", "the domain that gets them agrees");
  }

  void tlsRpt() {
    for (const auto& name : {"_smtp._tls." + name_, "_smtp._tls." + host_}) {
      const auto* record = expected(name, Type::txt);
      if (record == nullptr || !told_.insert(name).second) continue;
      auto there = one("TLSRPT", name, "v=TLSRPTv1", Level::warning);
      if (!there) continue;
      bool right = sendsTo(tagValue(*there, "rua"), tagValue(std::get<std::string>(record->data), "rua"));
      if (right) tell(Level::ok, "TLSRPT", name + " names the address for reports");
      else tell(Level::warning, "TLSRPT", "reports do not go to the address in the configuration", {dataText({"", Type::txt, *there, "", ""})}, {recordText(*record)});
    }
  }

  void mtaSts() {
    auto name = "_mta-sts." + name_;
    if (!info_.settings.mtaSts) {
      if (world_.resolver.txt(name, ask())) tell(Level::warning, "MTA-STS", name + " says that there is a policy, but the configuration has none");
      return;
    }
    if (isAbsent(name, Type::txt)) return;  // nobody looks for a policy then
    if (auto there = one("MTA-STS", name, "v=STSv1", Level::error)) {
      if (tagValue(*there, "id") == info_.settings.mtaSts->policyId)
        tell(Level::ok, "MTA-STS", "the record has the id of the policy; that the policy is served over HTTPS was not checked");
      else tell(Level::error, "MTA-STS", "the id is not that of the configuration: senders keep an older policy", {dataText({"", Type::txt, *there, "", ""})}, wanted(name, Type::txt));
    }
    leadsHere("MTA-STS", "mta-sts." + name_, Level::error);
  }

  // Names for mail programs.

  void leadsHere(const std::string& check, const std::string& name, Level bad) {
    if (name == host_) return;
    auto got = world_.resolver.addresses(name, ask());
    auto lines = wanted(name, Type::cname);
    if (!got) return tell(bad, check, fmt::format("{} has no address: {}", name, got.error().text), {}, lines);
    bool here = std::any_of(got->records.begin(), got->records.end(), [&](const auto& ip) { return std::find(hostIps_.begin(), hostIps_.end(), ip) != hostIps_.end(); });
    if (here) tell(Level::ok, check, name + " leads to this host");
    else tell(Level::warning, check, fmt::format("{} leads to {}, not to this host", name, list(got->records)), {}, lines);
  }

  void clients() {
    const auto& given = info_.settings.clientSettingsDomain;
    if (auto name = Domain::make(given); !given.empty() && name) leadsHere("client settings", name->ascii() + ".", Level::error);
    auto autoconfig = "autoconfig." + name_;
    if (expected(autoconfig, Type::cname) != nullptr && !isAbsent(autoconfig, Type::cname)) leadsHere("autoconfig", autoconfig, Level::warning);
  }

  void services() {
    bool whole = true;
    for (const auto& record : expected_.records) {
      if (record.type != Type::srv || !record.condition.empty()) continue;
      auto got = world_.resolver.srv(record.name, ask());
      const auto& wish = std::get<dns::Srv>(record.data);
      auto fits = [&](const dns::Srv& srv) { return srv.target == wish.target && (srv.port == wish.port || srv.target == "."); };
      if (got && std::all_of(got->records.begin(), got->records.end(), fits)) continue;
      whole = false;
      if (!got) lookupFailed(Level::warning, "SRV", record.name, Type::srv, got.error());
      else tell(Level::warning, "SRV", record.name + " names another service than this host has", {shown(got->records, Type::srv)}, {recordText(record)});
    }
    if (whole) tell(Level::ok, "SRV", "mail programs find the services of this host");
  }

  void issuers() {
    auto lines = wanted(name_, Type::caa);
    if (lines.empty()) return;
    auto got = world_.resolver.caa(name_, ask());
    if (!got) return lookupFailed(Level::warning, "CAA", name_, Type::caa, got.error());
    std::set<std::string> allowed;
    for (const auto& caa : got->records)
      if (caa.tag == "issue") allowed.insert(lower(trim(std::string_view(caa.value).substr(0, caa.value.find(';')))));
    for (const auto& record : expected_.records) {
      if (record.type != Type::caa) continue;
      const auto& issuer = std::get<dns::Caa>(record.data).value;
      if (allowed.empty() || allowed.contains(lower(issuer))) tell(Level::ok, "CAA", issuer + " may issue certificates");
      else tell(Level::error, "CAA", issuer + " may not issue certificates for the domain, though it is to", {shown(got->records, Type::caa)}, {recordText(record)});
    }
  }

  const config::Config& config_;
  const config::DomainInfo& info_;
  DnsRecords expected_;
  const DnsCheckWorld& world_;
  Steady end_;
  std::string name_, host_;
  bool validates_ = false;
  std::set<std::string> told_;
  std::vector<IpAddress> hostIps_, outgoing_;
};

}  // namespace

Result<void> checkDns(const config::Config& config, const Domain& domain, const DnsCheckWorld& world) {
  auto expected = dnsRecords(config, domain, world.files, DnssecState::secure);
  if (!expected) return tl::unexpected(expected.error());
  Check(config, *config.domain(domain), std::move(*expected), world).run();
  return {};
}

std::string findingText(const DnsFinding& finding) {
  const char* levels[] = {"ok", "warning", "error"};
  auto out = fmt::format("{:<8} {}: {}\n", levels[static_cast<int>(finding.level)], finding.check, printable(finding.text, 1000));
  for (const auto& line : finding.found) out += fmt::format("{:<8}   there is: {}\n", "", printable(line, 4000));
  for (const auto& line : finding.publish) out += fmt::format("{:<8}   publish:  {}\n", "", line);
  return out;
}

}  // namespace mox::app
