#include "dns/Packet.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/Text.h"
#include "dns/Name.h"

namespace mox::dns {

namespace {

struct LdnsFree {
  void operator()(ldns_pkt* p) const { ldns_pkt_free(p); }
  void operator()(ldns_rdf* r) const { ldns_rdf_deep_free(r); }
  void operator()(std::uint8_t* p) const { LDNS_FREE(p); }
};
using PacketPtr = std::unique_ptr<ldns_pkt, LdnsFree>;
using RdfPtr = std::unique_ptr<ldns_rdf, LdnsFree>;
using Octets = std::unique_ptr<std::uint8_t, LdnsFree>;

constexpr std::size_t headerOctets = 12;
constexpr std::size_t maxExtendedText = 200;  ///< octets of EXTRA-TEXT kept
constexpr unsigned rcodeNoError = 0, rcodeServfail = 2, rcodeNxdomain = 3;

std::uint16_t be16(std::string_view octets, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(octets[at]) << 8 | static_cast<unsigned char>(octets[at + 1]));
}

std::string_view rdfData(const ldns_rdf* rdf) {
  return {reinterpret_cast<const char*>(ldns_rdf_data(rdf)), ldns_rdf_size(rdf)};
}

std::optional<std::string> rdfName(const ldns_rdf* rdf) {
  if (rdf == nullptr || ldns_rdf_get_type(rdf) != LDNS_RDF_TYPE_DNAME) return std::nullopt;
  return nameFromWire(rdfData(rdf));
}

/// Field `index` of the RDATA if it is there and has just `size` octets.
std::optional<std::string_view> fixedField(const ldns_rr* rr, std::size_t index, std::size_t size) {
  if (index >= ldns_rr_rd_count(rr)) return std::nullopt;
  auto data = rdfData(ldns_rr_rdf(rr, index));
  return data.size() == size ? std::optional(data) : std::nullopt;
}

std::optional<std::uint16_t> number(const ldns_rr* rr, std::size_t index) {
  auto data = fixedField(rr, index, 2);
  return data ? std::optional(be16(*data, 0)) : std::nullopt;
}

std::optional<std::string> hostField(const ldns_rr* rr, std::size_t index) {
  if (index >= ldns_rr_rd_count(rr)) return std::nullopt;
  auto name = rdfName(ldns_rr_rdf(rr, index));
  return name && isHostName(*name) ? name : std::nullopt;
}

std::optional<Record> readAddress(const ldns_rr* rr, bool v4) {
  auto data = fixedField(rr, 0, v4 ? 4 : 16);
  if (!data) return std::nullopt;
  std::array<std::uint8_t, 4> four{};
  std::array<std::uint8_t, 16> sixteen{};
  if (v4) {
    std::copy(data->begin(), data->end(), four.begin());
    return IpAddress::v4(four);
  }
  std::copy(data->begin(), data->end(), sixteen.begin());
  auto ip = IpAddress::v6(sixteen);
  // An IPv4-mapped AAAA would smuggle a private IPv4 address past those who asked for IPv6.
  return ip.isV4() ? std::nullopt : std::optional<Record>(ip);
}

std::optional<Record> readText(const ldns_rr* rr) {
  std::string joined;
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
    auto data = rdfData(ldns_rr_rdf(rr, i));
    if (data.empty() || static_cast<unsigned char>(data[0]) != data.size() - 1) return std::nullopt;
    joined += data.substr(1);
  }
  return joined;
}

std::optional<Record> readMx(const ldns_rr* rr) {
  auto preference = number(rr, 0);
  auto host = hostField(rr, 1);
  if (!preference || !host) return std::nullopt;
  return Mx{*preference, *host};
}

std::optional<Record> readSrv(const ldns_rr* rr) {
  auto priority = number(rr, 0), weight = number(rr, 1), port = number(rr, 2);
  auto target = hostField(rr, 3);
  if (!priority || !weight || !port || !target) return std::nullopt;
  return Srv{*priority, *weight, *port, *target};
}

std::optional<Record> readTlsa(const ldns_rr* rr) {
  auto usage = fixedField(rr, 0, 1), selector = fixedField(rr, 1, 1), matching = fixedField(rr, 2, 1);
  if (!usage || !selector || !matching || ldns_rr_rd_count(rr) != 4) return std::nullopt;
  auto octet = [](std::string_view data) { return static_cast<std::uint8_t>(data[0]); };
  return Tlsa{octet(*usage), octet(*selector), octet(*matching), std::string(rdfData(ldns_rr_rdf(rr, 3)))};
}

/// RFC 8659 §4.1: flags, a tag with its length before it, and the rest.
std::optional<Record> readCaa(const ldns_rr* rr) {
  auto flags = fixedField(rr, 0, 1);
  if (!flags || ldns_rr_rd_count(rr) != 3) return std::nullopt;
  auto tag = rdfData(ldns_rr_rdf(rr, 1));
  if (tag.size() < 2 || static_cast<unsigned char>(tag[0]) != tag.size() - 1) return std::nullopt;
  return Caa{static_cast<std::uint8_t>((*flags)[0]), lower(tag.substr(1)), std::string(rdfData(ldns_rr_rdf(rr, 2)))};
}

std::optional<Record> readRecord(const ldns_rr* rr, Type type) {
  switch (type) {
    case Type::a: return readAddress(rr, true);
    case Type::aaaa: return readAddress(rr, false);
    case Type::txt: return readText(rr);
    case Type::mx: return readMx(rr);
    case Type::srv: return readSrv(rr);
    case Type::tlsa: return readTlsa(rr);
    case Type::caa: return readCaa(rr);
    case Type::ns:
    case Type::ptr:
    case Type::cname: {
      auto name = hostField(rr, 0);
      return name ? std::optional<Record>(*name) : std::nullopt;
    }
  }
  return std::nullopt;
}

/// RFC 8914 §4: the codes that say validation failed. 1 and 2 only say an algorithm is not known (then the zone is insecure).
bool isDnssecFailure(std::uint16_t code) { return (code >= 5 && code <= 12) || code == 25 || code == 27; }

/// The first EDE option. RFC 8914 §2.
void readExtendedError(const ldns_pkt* packet, LookupError& error) {
  const ldns_rdf* options = ldns_pkt_edns_data(packet);
  if (options == nullptr) return;
  auto rest = rdfData(options);
  while (rest.size() >= 4) {
    std::size_t length = be16(rest, 2);
    if (length > rest.size() - 4) return;
    auto data = rest.substr(4, length);
    if (be16(rest, 0) == LDNS_EDNS_EDE && data.size() >= 2) {
      error.extendedCode = be16(data, 0);
      error.extendedText = printable(data.substr(2), maxExtendedText);
      return;
    }
    rest.remove_prefix(4 + length);
  }
}

/// RFC 2308 §5: the lesser of the SOA's TTL and its minimum.
std::chrono::seconds negativeTtl(const ldns_pkt* packet) {
  const ldns_rr_list* authority = ldns_pkt_authority(packet);
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(authority); ++i) {
    const ldns_rr* rr = ldns_rr_list_rr(authority, i);
    if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA) continue;
    auto minimum = fixedField(rr, 6, 4);
    if (!minimum) continue;
    std::uint32_t seconds = std::uint32_t{be16(*minimum, 0)} << 16 | be16(*minimum, 2);
    return std::chrono::seconds(std::min<std::uint32_t>(seconds, ldns_rr_ttl(rr)));
  }
  return std::chrono::seconds(0);
}

tl::unexpected<LookupError> malformed(const Question& question, std::string text) {
  LookupError error;
  error.failure = Failure::malformed;
  error.text = std::move(text);
  error.name = question.name;
  return tl::unexpected(std::move(error));
}

/// Follows CNAMEs through the answer section and collects the records at their end.
struct Collected {
  Answer<Record> answer;
  std::size_t refused = 0;  ///< records of our type that cannot be used
  bool loop = false;
};

class AnswerSection {
 public:
  explicit AnswerSection(const ldns_rr_list* rrs) {
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(rrs); ++i) {
      const ldns_rr* rr = ldns_rr_list_rr(rrs, i);
      if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) continue;
      if (auto owner = rdfName(ldns_rr_owner(rr))) rrs_.push_back({std::move(*owner), rr});
    }
  }

  Collected follow(const std::string& start, Type type) const {
    Collected out;
    out.answer.name = start;
    auto ttl = std::chrono::seconds::max();
    for (unsigned step = 0; step <= maxAliases; ++step) {
      const Owned* alias = nullptr;
      bool found = collect(out, type, ttl, alias);
      out.answer.ttl = ttl == std::chrono::seconds::max() ? std::chrono::seconds(0) : ttl;
      if (found || alias == nullptr) return out;
      auto target = ldns_rr_rd_count(alias->rr) == 1 ? rdfName(ldns_rr_rdf(alias->rr, 0)) : std::nullopt;
      if (!target) return out;
      ttl = std::min(ttl, std::chrono::seconds(ldns_rr_ttl(alias->rr)));
      out.answer.name = *target;
    }
    out.loop = true;
    return out;
  }

 private:
  struct Owned {
    std::string owner;
    const ldns_rr* rr;
  };

  bool collect(Collected& out, Type type, std::chrono::seconds& ttl, const Owned*& alias) const {
    bool found = false;
    for (const auto& owned : rrs_) {
      if (owned.owner != out.answer.name) continue;
      auto rrType = ldns_rr_get_type(owned.rr);
      if (rrType == static_cast<ldns_rr_type>(type)) {
        found = true;
        ttl = std::min(ttl, std::chrono::seconds(ldns_rr_ttl(owned.rr)));
        if (auto record = readRecord(owned.rr, type)) {
          out.answer.records.push_back(std::move(*record));
        } else {
          ++out.refused;
        }
      } else if (rrType == LDNS_RR_TYPE_CNAME && alias == nullptr) {
        alias = &owned;
      }
    }
    return found;
  }

  std::vector<Owned> rrs_;
};

}  // namespace

Result<std::string> buildQuery(const Question& question, std::uint16_t id) {
  auto wireName = nameToWire(question.name);
  if (!wireName) return tl::unexpected(wireName.error());
  // The packet takes the name over.
  RdfPtr name(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wireName->size(), wireName->data()));
  if (!name) throw std::bad_alloc();
  PacketPtr packet(ldns_pkt_query_new(name.get(), static_cast<ldns_rr_type>(question.type), LDNS_RR_CLASS_IN, LDNS_RD));
  if (!packet) throw std::bad_alloc();
  (void)name.release();
  ldns_pkt_set_id(packet.get(), id);
  ldns_pkt_set_ad(packet.get(), true);
  ldns_pkt_set_edns_udp_size(packet.get(), ednsUdpOctets);
  ldns_pkt_set_edns_do(packet.get(), true);
  std::uint8_t* raw = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&raw, packet.get(), &size) != LDNS_STATUS_OK) return fail(Errc::syntax, "DNS query cannot be encoded");
  Octets hold(raw);
  return std::string(reinterpret_cast<const char*>(raw), size);
}

bool isReplyTo(std::string_view reply, const Question& question, std::uint16_t id) {
  auto name = nameToWire(question.name);
  if (!name || reply.size() < headerOctets + name->size() + 4) return false;
  bool response = (reply[2] & 0x80) != 0;
  bool standardQuery = (reply[2] & 0x78) == 0;
  if (be16(reply, 0) != id || !response || !standardQuery || be16(reply, 4) != 1) return false;
  if (!equalsNoCase(reply.substr(headerOctets, name->size()), *name)) return false;
  auto tail = headerOctets + name->size();
  return be16(reply, tail) == static_cast<std::uint16_t>(question.type) && be16(reply, tail + 2) == LDNS_RR_CLASS_IN;
}

bool isTruncated(std::string_view reply) { return reply.size() >= headerOctets && (reply[2] & 0x02) != 0; }

Lookup<Record> readReply(std::string_view reply, const Question& question, bool trustAuthentic) {
  ldns_pkt* raw = nullptr;
  auto status = ldns_wire2pkt(&raw, reinterpret_cast<const std::uint8_t*>(reply.data()), reply.size());
  if (status != LDNS_STATUS_OK) return malformed(question, std::string("malformed DNS reply: ") + ldns_get_errorstr_by_id(status));
  PacketPtr packet(raw);
  auto wire = nameToWire(question.name);
  auto start = wire ? nameFromWire(*wire) : std::nullopt;
  if (!start) return malformed(question, "DNS name cannot be asked for");

  unsigned rcode = ldns_pkt_get_rcode(raw);
  LookupError error;
  readExtendedError(raw, error);
  if (rcode != rcodeNoError && rcode != rcodeNxdomain) {
    bool bogus = rcode == rcodeServfail && error.extendedCode && isDnssecFailure(*error.extendedCode);
    error.failure = bogus ? Failure::bogus : Failure::temporary;
    error.text = bogus ? "DNSSEC validation failed" : "DNS server answered with error code " + std::to_string(rcode);
    error.name = *start;
    return tl::unexpected(std::move(error));
  }

  bool authentic = trustAuthentic && ldns_pkt_ad(raw);
  auto collected = AnswerSection(ldns_pkt_answer(raw)).follow(*start, question.type);
  if (collected.loop) return malformed(question, "CNAME loop or chain too long");
  collected.answer.authentic = authentic;
  if (!collected.answer.records.empty()) return std::move(collected.answer);
  if (collected.refused > 0) return malformed(question, "no usable " + std::string(typeName(question.type)) + " record in answer");
  error.failure = rcode == rcodeNxdomain ? Failure::noName : Failure::noData;
  error.text = rcode == rcodeNxdomain ? "no such name" : "no " + std::string(typeName(question.type)) + " records";
  error.authentic = authentic;
  error.ttl = negativeTtl(raw);
  error.name = std::move(collected.answer.name);
  return tl::unexpected(std::move(error));
}

}  // namespace mox::dns
