#include "store/Reputation.h"

#include "store/Db.h"
#include "store/Rows.h"

namespace mox::store {

namespace {

const std::string judgedSql =
    "SELECT m.judged, m.traits, m.received, m.msgfrom_localpart, m.msgfrom_domain FROM message m WHERE m.judged > 0 AND ";
const std::string judgedOrder = " AND m.original_mailbox=? AND m.received>=? ORDER BY m.received DESC LIMIT ?";

std::vector<Judged> collect(Stmt& row, Trait validated) {
  std::vector<Judged> found;
  while (row.step())
    found.push_back({row.int64(0) == judgedJunk, (row.int64(1) & validated) != 0, fromUnixSeconds(row.int64(2)), row.text(3), row.text(4)});
  return found;
}

/// "" for both, else a condition on message.traits.
std::string_view validatedCondition(std::optional<bool> validated) {
  if (!validated) return "";
  return *validated ? " AND m.traits & 128" : " AND NOT m.traits & 128";
}

std::string judgedQuery(std::string_view condition, std::string_view more) {
  return judgedSql + std::string(condition) + std::string(more) + judgedOrder;
}

}  // namespace

IpAddress maskedIp(const IpAddress& ip, unsigned level) {
  static constexpr unsigned v4[] = {32, 26, 21}, v6[] = {64, 48, 32};
  return ip.masked(ip.isV4() ? v4[level - 1] : v6[level - 1]);
}

std::vector<Judged> Reputation::byFrom(const std::string& localpart, const std::string& domain, std::optional<bool> validated, Time since,
                                       std::size_t limit) {
  auto sql = judgedQuery("m.msgfrom_domain=? AND m.msgfrom_localpart=?", validatedCondition(validated));
  auto row = reader_.db().prepare(sql);
  row.bind(domain).bind(localpart).bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  return collect(row, msgFromValidatedTrait);
}

std::vector<Judged> Reputation::byFromDomain(const std::string& domain, std::optional<bool> validated, Time since, std::size_t limit) {
  auto row = reader_.db().prepare(judgedQuery("m.msgfrom_domain=?", validatedCondition(validated)));
  row.bind(domain).bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  return collect(row, msgFromValidatedTrait);
}

std::vector<Judged> Reputation::byFromOrgDomain(const std::string& domain, std::optional<bool> validated, Time since, std::size_t limit) {
  auto row = reader_.db().prepare(judgedQuery("m.msgfrom_orgdomain=?", validatedCondition(validated)));
  row.bind(domain).bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  return collect(row, msgFromValidatedTrait);
}

std::vector<Judged> Reputation::byDkimDomain(const std::string& domain, Time since, std::size_t limit) {
  auto row = reader_.db().prepare("SELECT m.judged, m.traits, m.received, m.msgfrom_localpart, m.msgfrom_domain FROM judged_dkim d "
                                  "JOIN message m ON m.id=d.message WHERE d.domain=? AND m.original_mailbox=? AND d.received>=? "
                                  "ORDER BY d.received DESC LIMIT ?");
  row.bind(domain).bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  auto found = collect(row, msgFromValidatedTrait);
  for (auto& judged : found) judged.validated = true;
  return found;
}

std::vector<Judged> Reputation::byMailFrom(const std::string& localpart, const std::string& domain, Time since, std::size_t limit) {
  auto row = reader_.db().prepare(
      judgedQuery(localpart.empty() ? "m.mailfrom_domain=?" : "m.mailfrom_domain=? AND m.mailfrom_localpart=?", " AND m.traits & 64"));
  row.bind(domain);
  if (!localpart.empty()) row.bind(localpart);
  row.bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  return collect(row, mailFromValidatedTrait);
}

std::vector<Judged> Reputation::byEhlo(const std::string& domain, Time since, std::size_t limit) {
  auto row = reader_.db().prepare(judgedQuery("m.ehlo_domain=?", " AND m.traits & 32"));
  row.bind(domain).bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  return collect(row, ehloValidatedTrait);
}

std::vector<Judged> Reputation::byIp(const IpAddress& ip, unsigned level, Time since, std::size_t limit) {
  static constexpr std::string_view conditions[] = {"m.ip1=?", "m.ip2=?", "m.ip3=?"};
  auto masked = maskedIp(ip, level);
  auto row = reader_.db().prepare(judgedQuery(conditions[level - 1], ""));
  row.bindBlob(masked.bytes()).bind(mailbox_).bind(unixSeconds(since)).bind(static_cast<std::int64_t>(limit));
  return collect(row, msgFromValidatedTrait);
}

bool Reputation::sentTo(const Address& address, Time since) {
  auto row = reader_.db().prepare("SELECT 1 FROM recipient WHERE domain=? AND localpart=? AND sent>=?");
  return row.bind(address.domain.ascii()).bind(address.localpart.text()).bind(unixSeconds(since)).step();
}

bool Reputation::sentToDomain(const std::string& domain, Time since) {
  auto row = reader_.db().prepare("SELECT 1 FROM recipient WHERE domain=? AND sent>=? LIMIT 1");
  return row.bind(domain).bind(unixSeconds(since)).step();
}

bool Reputation::sentToOrgDomain(const std::string& domain, Time since) {
  auto row = reader_.db().prepare("SELECT 1 FROM recipient WHERE orgdomain=? AND sent>=? LIMIT 1");
  return row.bind(domain).bind(unixSeconds(since)).step();
}

Reputation::Rate Reputation::received(const IpAddress& ip, unsigned level, Time since, std::int64_t limit) {
  static constexpr std::string_view queries[] = {
      "SELECT size FROM message INDEXED BY message_network WHERE ip3=? AND received>=? AND ip1=?3 LIMIT ?4",
      "SELECT size FROM message INDEXED BY message_network WHERE ip3=? AND received>=? AND ip2=?3 LIMIT ?4",
      "SELECT size FROM message INDEXED BY message_network WHERE ip3=? AND received>=? AND ip3=?3 LIMIT ?4"};
  auto widest = maskedIp(ip, 3), masked = maskedIp(ip, level);
  auto row = reader_.db().prepare(queries[level - 1]);
  row.bindBlob(widest.bytes()).bind(unixSeconds(since)).bindBlob(masked.bytes()).bind(limit);
  Rate rate;
  while (row.step()) {
    ++rate.messages;
    rate.bytes += row.int64(0);
  }
  return rate;
}

}  // namespace mox::store
