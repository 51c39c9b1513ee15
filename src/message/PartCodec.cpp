// The stored form of a MIME tree: a version octet, then the parts depth first. Numbers are little-endian base-128
// varints, texts a length and octets. Reading checks every count against what is left, so a damaged row costs no memory.
#include <algorithm>

#include "message/Parsed.h"

namespace mox::message {

namespace {

constexpr char formVersion = 1;

class Writer {
 public:
  std::string take() { return std::move(out_); }
  void octet(char c) { out_ += c; }
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void text(const std::string& value) {
    number(value.size());
    out_ += value;
  }
  /// Length plus one, 0 for nothing.
  void optional(const std::optional<std::string>& value) {
    number(value ? value->size() + 1 : 0);
    if (value) out_ += *value;
  }
  void parameters(const std::vector<Parameter>& list) {
    number(list.size());
    for (const auto& one : list) text(one.name), text(one.value);
  }
  void addresses(const std::vector<EnvelopeAddress>& list) {
    number(list.size());
    for (const auto& one : list) optional(one.name), optional(one.mailbox), optional(one.host);
  }
  void envelope(const Envelope& e) {
    optional(e.date);
    optional(e.subject);
    for (const auto* list : {&e.from, &e.sender, &e.replyTo, &e.to, &e.cc, &e.bcc}) addresses(*list);
    optional(e.inReplyTo);
    optional(e.messageId);
  }
  void part(const Part& p) {
    number(p.headerStart);
    number(p.bodyStart - p.headerStart);
    number(p.end - p.bodyStart);
    number(p.lines);
    text(p.type);
    text(p.subtype);
    parameters(p.parameters);
    text(p.encoding);
    for (const auto* value : {&p.id, &p.description, &p.md5, &p.location}) optional(*value);
    number(p.disposition ? 1 : 0);
    if (p.disposition) text(p.disposition->type), parameters(p.disposition->parameters);
    number(p.languages.size());
    for (const auto& one : p.languages) text(one);
    number(p.envelope ? 1 : 0);
    if (p.envelope) envelope(*p.envelope);
    number(p.children.size());
    for (const auto& child : p.children) part(child);
  }

 private:
  std::string out_;
};

class Reader {
 public:
  explicit Reader(std::string_view form) : rest_(form) {}

  bool complete() const { return good_ && rest_.empty(); }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      auto octet = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      if (shift == 63 && octet > 1) break;
      value |= std::uint64_t(octet & 0x7f) << shift;
      if (octet < 0x80) {
        if (octet == 0 && shift > 0) break;  // a longer form than needed: two forms of one tree would differ
        return value;
      }
    }
    good_ = false;
    return 0;
  }
  /// How many things follow; each takes at least one octet.
  std::size_t count() {
    auto value = number();
    if (value > rest_.size()) good_ = false;
    return good_ ? static_cast<std::size_t>(value) : 0;
  }
  std::string take(std::size_t size) {
    if (size > rest_.size()) good_ = false;
    if (!good_) return {};
    std::string out(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return out;
  }
  std::string text() { return take(count()); }
  std::optional<std::string> optional() {
    auto size = number();
    if (size == 0 || !good_) return std::nullopt;
    if (size - 1 > rest_.size()) good_ = false;
    return take(static_cast<std::size_t>(size - 1));
  }
  bool flag() {
    auto value = number();
    if (value > 1) good_ = false;
    return value == 1;
  }
  std::vector<Parameter> parameters() {
    std::vector<Parameter> out;
    for (auto left = count(); left > 0 && good_; --left) {
      Parameter one;
      one.name = text();
      one.value = text();
      out.push_back(std::move(one));
    }
    return out;
  }
  std::vector<EnvelopeAddress> addresses() {
    std::vector<EnvelopeAddress> out;
    for (auto left = count(); left > 0 && good_; --left) {
      EnvelopeAddress one;
      one.name = optional();
      one.mailbox = optional();
      one.host = optional();
      out.push_back(std::move(one));
    }
    return out;
  }
  Envelope envelope() {
    Envelope e;
    e.date = optional();
    e.subject = optional();
    for (auto* list : {&e.from, &e.sender, &e.replyTo, &e.to, &e.cc, &e.bcc}) *list = addresses();
    e.inReplyTo = optional();
    e.messageId = optional();
    return e;
  }
  Part part(std::size_t depth) {
    Part p;
    p.headerStart = number();
    p.bodyStart = p.headerStart + number();
    p.end = p.bodyStart + number();
    if (p.bodyStart < p.headerStart || p.end < p.bodyStart) good_ = false;
    auto lines = number();
    if (lines > UINT32_MAX) good_ = false;
    p.lines = static_cast<std::uint32_t>(lines);
    p.type = text();
    p.subtype = text();
    p.parameters = parameters();
    p.encoding = text();
    for (auto* value : {&p.id, &p.description, &p.md5, &p.location}) *value = optional();
    if (flag()) {
      Disposition disposition;
      disposition.type = text();
      disposition.parameters = parameters();
      p.disposition = std::move(disposition);
    }
    for (auto left = count(); left > 0 && good_; --left) p.languages.push_back(text());
    if (flag()) p.envelope = envelope();
    auto children = count();
    if (children > 0 && depth >= maxNesting) good_ = false;
    for (; children > 0 && good_; --children) p.children.push_back(part(depth + 1));
    return p;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string encode(const Part& root) {
  Writer writer;
  writer.octet(formVersion);
  writer.part(root);
  return writer.take();
}

std::optional<Part> decode(std::string_view form) {
  if (form.empty() || form[0] != formVersion) return std::nullopt;
  Reader reader(form.substr(1));
  Part root = reader.part(1);
  if (!reader.complete()) return std::nullopt;
  return root;
}

const std::string* Part::parameter(std::string_view name) const {
  auto at = std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
  return at == parameters.end() ? nullptr : &at->value;
}

const Part* find(const Part& root, const std::vector<std::uint32_t>& numbers) {
  const Part* part = &root;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == 0) return nullptr;
    // The whole whose parts are numbered: the root message, a multipart, or the message a message/rfc822 holds.
    const Part* whole = part;
    if (i > 0 && !part->isMultipart()) {
      if (!part->isMessage() || part->children.empty()) return nullptr;
      whole = &part->children[0];
    }
    if (!whole->isMultipart()) {
      if (numbers[i] != 1) return nullptr;
      part = whole;
    } else {
      if (numbers[i] > whole->children.size()) return nullptr;
      part = &whole->children[numbers[i] - 1];
    }
  }
  return part;
}

}  // namespace mox::message
