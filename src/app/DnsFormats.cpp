#include "app/DnsFormats.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/Text.h"
#include "config/Write.h"

namespace mox::app {

namespace {

constexpr std::size_t characterString = 255;  // octets, RFC 1035 §3.3

/// One character-string, quoted; octets beyond printable ASCII as \DDD.
std::string quotedString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += std::string("\\") + c;
    else if (octet < 0x20 || octet > 0x7e) out += fmt::format("\\{:03}", octet);
    else out += c;
  }
  return out + "\"";
}

std::string txtStrings(std::string_view text) {
  std::string out = quotedString(text.substr(0, characterString));
  for (std::size_t at = characterString; at < text.size(); at += characterString) out += " " + quotedString(text.substr(at, characterString));
  return out;
}

struct DataPrinter {
  dns::Type type;
  std::string operator()(const std::string& text) const { return type == dns::Type::txt ? txtStrings(text) : text; }
  std::string operator()(const IpAddress& ip) const { return ip.text(); }
  std::string operator()(const dns::Mx& mx) const { return fmt::format("{} {}", mx.preference, mx.host); }
  std::string operator()(const dns::Srv& srv) const { return fmt::format("{} {} {} {}", srv.priority, srv.weight, srv.port, srv.target); }
  std::string operator()(const dns::Tlsa& tlsa) const { return fmt::format("{} {} {} {}", tlsa.usage, tlsa.selector, tlsa.matching, hex(tlsa.data)); }
  std::string operator()(const dns::Caa& caa) const { return fmt::format("{} {} {}", caa.flags, caa.tag, quotedString(caa.value)); }
};

/// Calls `line` for each record, and `note` where another purpose or condition begins.
template <class Note, class Line>
void inSections(const DnsRecords& records, Note note, Line line) {
  const DnsRecord* before = nullptr;
  for (const auto& record : records.records) {
    if (before == nullptr || before->purpose != record.purpose) note(record.purpose);
    if (!record.condition.empty() && (before == nullptr || before->condition != record.condition)) note("Only if " + record.condition + ".");
    line(record);
    before = &record;
  }
  for (const auto& problem : records.problems) note(problem);
}

std::string zoneText(const DnsRecords& records, bool withTtl) {
  std::string out = withTtl ? "" : fmt::format("$TTL {}\n", recordTtl.count());
  auto note = [&](const std::string& text) { out += (out.empty() ? "; " : "\n; ") + text + "\n"; };
  inSections(records, note, [&](const DnsRecord& record) {
    if (!record.condition.empty()) out += "; ";
    out += withTtl ? recordText(record) : fmt::format("{:<40} {} {}", record.name, dns::typeName(record.type), dataText(record));
    out += "\n";
  });
  return out;
}

/// TXT and CAA of a name that others have records under: no name with an underscore is such a one.
bool isShared(const DnsRecord& record) {
  return (record.type == dns::Type::txt && record.name.find('_') == std::string::npos) || record.type == dns::Type::caa;
}

/// The name that a record is about: what follows the last label with an underscore.
std::string_view subject(const DnsRecord& record) {
  std::string_view name = record.name;
  auto mark = name.rfind("._");
  if (mark == std::string_view::npos && name.starts_with('_')) mark = 0;
  return mark == std::string_view::npos ? name : name.substr(name.find('.', mark + 1) + 1);
}

/// Records by the domain of mail that they are below, else by their own name: as they are likely to be in one zone. In
/// the order of their first.
std::vector<std::pair<std::string_view, DnsRecords>> byZone(const DnsRecords& records) {
  std::set<std::string_view> domains;
  for (const auto& record : records.records)
    if (record.type == dns::Type::mx) domains.insert(record.name);
  auto zoneOf = [&](const DnsRecord& record) {
    auto own = subject(record);
    for (auto name = own; !name.empty(); name = name.substr(name.find('.') + 1))
      if (domains.contains(name)) return name;
    return own;
  };
  std::vector<std::pair<std::string_view, DnsRecords>> zones;
  std::map<std::string_view, std::size_t> places;
  for (const auto& record : records.records) {
    auto [place, added] = places.emplace(zoneOf(record), zones.size());
    if (added) zones.emplace_back(place->first, DnsRecords());
    zones[place->second].second.records.push_back(record);
  }
  return zones;
}

/// A message of RFC 2136 is for one zone, which the tool finds by the first name in it.
std::string nsupdateText(const DnsRecords& records) {
  std::string out;
  auto note = [&](const std::string& text) { out += "; " + text + "\n"; };
  std::set<std::pair<std::string, dns::Type>> replaced;
  for (const auto& [zone, its] : byZone(records)) {
    inSections(its, note, [&](const DnsRecord& record) {
      if (!record.condition.empty()) return note("update add " + recordText(record));
      if (!isShared(record) && replaced.emplace(record.name, record.type).second)
        out += fmt::format("update delete {} {}\n", record.name, dns::typeName(record.type));
      out += "update add " + recordText(record) + "\n";
    });
    out += "send\n";
  }
  for (const auto& problem : records.problems) note(problem);
  return out;
}

struct RecordJson {
  std::string name, type, data, text, purpose, condition;
  std::int64_t ttl = recordTtl.count();
};

void describe(described::Fields& f, RecordJson& r) {
  f.required("name", r.name, "Owner, absolute.");
  f.required("ttl", r.ttl, "Time to live.").unit("seconds");
  f.required("type", r.type, "Type of the record.");
  f.required("data", r.data, "As in a zone file.");
  f.optional("text", r.text, "TXT: the text as a whole.");
  f.required("purpose", r.purpose, "What it is for.");
  f.optional("condition", r.condition, "To be published only if this is so.");
}

struct RecordsJson {
  std::vector<RecordJson> records;
  std::vector<std::string> problems;
};

void describe(described::Fields& f, RecordsJson& r) {
  f.required("records", r.records, "To publish.");
  f.required("problems", r.problems, "Why some lack.");
}

std::string jsonText(const DnsRecords& records) {
  RecordsJson out;
  out.problems = records.problems;
  for (const auto& record : records.records) {
    auto& json = out.records.emplace_back();
    json.name = record.name;
    json.type = dns::typeName(record.type);
    json.data = dataText(record);
    if (record.type == dns::Type::txt) json.text = std::get<std::string>(record.data);
    json.purpose = record.purpose;
    json.condition = record.condition;
  }
  return config::writeJson(out) + "\n";
}

}  // namespace

std::string dataText(const DnsRecord& record) { return std::visit(DataPrinter{record.type}, record.data); }

std::string recordText(const DnsRecord& record) {
  return fmt::format("{} {} IN {} {}", record.name, recordTtl.count(), dns::typeName(record.type), dataText(record));
}

std::optional<RecordFormat> recordFormat(std::string_view name) {
  if (name == "zone") return RecordFormat::zone;
  if (name == "json") return RecordFormat::json;
  if (name == "nsupdate") return RecordFormat::nsupdate;
  return std::nullopt;
}

std::string printRecords(const DnsRecords& records, RecordFormat format) {
  switch (format) {
    case RecordFormat::json: return jsonText(records);
    case RecordFormat::nsupdate: return nsupdateText(records);
    default: return zoneText(records, format == RecordFormat::zone);
  }
}

}  // namespace mox::app
