#include "message/SortFacts.h"

#include "base/Date.h"

namespace mox::message {

namespace {

// The form: a version; marks; what they say is there, in this order: sent, message id; how many ancestors (an octet: there
// are at most maxReferences) and them; the rest is the subject. Numbers are 8 octets, the lowest first.
constexpr char version = 1;
enum : unsigned char { hasSent = 1, hasMessageId = 2, isReply = 4 };
static_assert(maxReferences < 256);

void putNumber(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint64_t numberAt(std::string_view octets) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8 | static_cast<unsigned char>(octets[i]);
  return value;
}

bool takeNumber(std::string_view& form, std::uint64_t& out) {
  if (form.size() < 8) return false;
  out = numberAt(form);
  form.remove_prefix(8);
  return true;
}

}  // namespace

std::uint64_t messageIdHash(std::string_view canonicalId) {
  if (canonicalId.empty()) return 0;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (char c : canonicalId) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash == 0 ? 1 : hash;
}

std::string packSortFacts(const Parsed& parsed) {
  auto id = messageIdHash(parsed.messageId);
  std::string out;
  out.reserve(19 + 8 * parsed.ancestors.size() + parsed.subjectBase.size());
  out += version;
  out += static_cast<char>((parsed.date ? hasSent : 0) | (id != 0 ? hasMessageId : 0) | (parsed.isReplyOrForward ? isReply : 0));
  if (parsed.date) putNumber(out, static_cast<std::uint64_t>(unixSeconds(parsed.date->time)));
  if (id != 0) putNumber(out, id);
  out += static_cast<char>(parsed.ancestors.size());
  for (auto ancestor : parsed.ancestors) putNumber(out, ancestor);
  return out += parsed.subjectBase;
}

std::uint64_t SortFacts::ancestor(std::size_t index) const { return numberAt(packedAncestors.substr(index * 8, 8)); }

std::optional<SortFacts> unpackSortFacts(std::string_view form) {
  if (form.size() < 3 || form[0] != version) return std::nullopt;
  auto marks = static_cast<unsigned char>(form[1]);
  form.remove_prefix(2);
  SortFacts out;
  out.isReplyOrForward = (marks & isReply) != 0;
  std::uint64_t sent = 0;
  if ((marks & hasSent) != 0) {
    if (!takeNumber(form, sent)) return std::nullopt;
    out.sent = static_cast<std::int64_t>(sent);
  }
  if ((marks & hasMessageId) != 0 && !takeNumber(form, out.messageId)) return std::nullopt;
  if (form.empty()) return std::nullopt;
  auto octets = std::size_t{static_cast<unsigned char>(form[0])} * 8;
  form.remove_prefix(1);
  if (form.size() < octets) return std::nullopt;
  out.packedAncestors = form.substr(0, octets);
  out.subjectBase = form.substr(octets);
  return out;
}

}  // namespace mox::message
