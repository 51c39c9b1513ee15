#include "dkim/TagList.h"

#include <algorithm>
#include <unordered_set>

#include "base/Text.h"

namespace mox::dkim {

namespace {

bool isTagName(std::string_view name) {
  return !name.empty() && isAlpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '_'; });
}

bool isValueOctet(char c) {
  auto octet = static_cast<unsigned char>(c);
  return c == '\t' || c == '\r' || c == '\n' || (octet >= 0x20 && octet != 0x7f);
}

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
  if (text.size() > maxTagListOctets) return fail(Errc::tooLong, "tag list longer than 65536 octets");
  TagList out;
  std::unordered_set<std::string_view> seen;
  for (std::size_t at = 0; at <= text.size();) {
    auto end = std::min(text.find(';', at), text.size());
    auto spec = text.substr(at, end - at);
    bool last = end == text.size();
    if (trim(spec).empty()) {
      // "a=b;" may end with a semicolon, but nothing may be left out in between.
      if (!last) return fail(Errc::syntax, "empty tag");
      break;
    }
    auto equals = spec.find('=');
    if (equals == std::string_view::npos) return fail(Errc::syntax, "tag without =");
    auto name = trim(spec.substr(0, equals));
    auto value = spec.substr(equals + 1);
    if (!isTagName(name)) return fail(Errc::syntax, "bad tag name \"" + printable(name, 40) + "\"");
    if (!std::all_of(value.begin(), value.end(), isValueOctet)) return fail(Errc::syntax, "control character in tag value");
    if (!seen.insert(name).second) return fail(Errc::syntax, "tag \"" + printable(name, 40) + "\" twice");
    out.tags_.push_back({name, trim(value), at + equals + 1, end});
    at = end + 1;
  }
  return out;
}

const Tag* TagList::find(std::string_view name) const {
  auto found = std::find_if(tags_.begin(), tags_.end(), [&](const Tag& tag) { return tag.name == name; });
  return found == tags_.end() ? nullptr : &*found;
}

std::size_t TagList::position(std::string_view name) const {
  const auto* tag = find(name);
  return tag == nullptr ? std::string_view::npos : static_cast<std::size_t>(tag - tags_.data());
}

std::string withoutSpace(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  std::copy_if(value.begin(), value.end(), std::back_inserter(out), [](char c) { return !isSpace(c); });
  return out;
}

std::vector<std::string_view> colonList(std::string_view value) {
  auto parts = mox::split(value, ':');
  for (auto& part : parts) part = trim(part);
  return parts;
}

std::optional<std::string> decodeQuotedPrintable(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (isSpace(value[i])) continue;
    if (value[i] != '=') {
      out += value[i];
      continue;
    }
    auto octet = i + 2 < value.size() ? fromHex(value.substr(i + 1, 2)) : std::nullopt;
    if (!octet) return std::nullopt;
    out += *octet;
    i += 2;
  }
  return out;
}

}  // namespace mox::dkim
