#include "imapserver/Sort.h"

#include <algorithm>
#include <numeric>

#include "base/Unicode.h"
#include "imap/EnvelopeText.h"
#include "message/EncodedWords.h"
#include "message/SortFacts.h"
#include "message/Subject.h"

namespace mox::imapserver {

namespace {

using Key = imap::args::Sort::Key;
using Addresses = std::vector<message::EnvelopeAddress>;

bool isNumber(Key key) { return key == Key::arrival || key == Key::date || key == Key::size || key == Key::relevancy; }

std::string localpart(const Addresses& addresses) { return addresses.empty() ? "" : sortText(addresses.front().mailbox.value_or("")); }

std::string textOf(Key key, const message::Envelope& envelope) {
  switch (key) {
    case Key::cc: return localpart(envelope.cc);
    case Key::from: return localpart(envelope.from);
    case Key::to: return localpart(envelope.to);
    case Key::subject: return message::baseSubject(envelope.subject.value_or("")).text;
    case Key::displayFrom: return displayName(envelope.from);
    case Key::displayTo: return displayName(envelope.to);
    default: return "";
  }
}

SortSource sourceOf(Key key) {
  if (key == Key::date || key == Key::subject) return SortSource::facts;
  return isNumber(key) ? SortSource::view : SortSource::envelope;
}

/// In the order of the texts, as far as eight octets tell.
std::int64_t firstOctets(std::string_view text) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  return static_cast<std::int64_t>(value ^ std::uint64_t{1} << 63);
}

}  // namespace

SortSource sourceOf(const std::vector<SortCriterion>& criteria) {
  auto source = SortSource::view;
  for (const auto& one : criteria) source = std::max(source, sourceOf(one.key));
  return source;
}

void Sorter::Column::add(std::string text) {
  numbers.push_back(firstOctets(text));
  texts.push_back(std::move(text));
}

int Sorter::Column::compare(std::uint32_t a, std::uint32_t b) const {
  if (numbers[a] != numbers[b]) return numbers[a] < numbers[b] ? -1 : 1;
  return texts.empty() ? 0 : texts[a].compare(texts[b]);
}

std::string sortText(std::string_view decoded) { return foldCase(isUtf8(decoded) ? std::string(decoded) : toUtf8(decoded, "us-ascii")); }

std::int64_t sentDate(const std::optional<std::string>& field, std::int64_t arrival) {
  auto date = field ? parseRfc5322Date(*field) : std::nullopt;
  return date ? unixSeconds(date->time) : arrival;
}

std::string displayName(const Addresses& addresses) {
  if (addresses.empty()) return "";
  const auto& first = addresses.front();
  if (!first.host) return sortText(message::decodeWords(first.mailbox.value_or("")));  // the name of a group
  if (first.name) return sortText(message::decodeWords(*first.name));
  return sortText(first.mailbox.value_or("") + "@" + *first.host);
}

void Sorter::add(std::uint32_t sequence, const store::ViewEntry& entry, std::string_view read, std::uint8_t relevancy) {
  message::Envelope envelope;
  if (source_ == SortSource::envelope) envelope = imap::parseEnvelope(read).value_or(message::Envelope());
  message::SortFacts facts;
  if (source_ == SortSource::facts)
    if (auto kept = message::unpackSortFacts(read)) facts = *kept;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    auto key = criteria_[i].key;
    auto& column = columns_[i];
    if (key == Key::arrival) column.numbers.push_back(entry.received);
    else if (key == Key::size) column.numbers.push_back(entry.size);
    else if (key == Key::relevancy) column.numbers.push_back(-std::int64_t{relevancy});  // the best first, RFC 6203 §6
    else if (key == Key::date) column.numbers.push_back(facts.sent ? *facts.sent : sentDate(envelope.date, entry.received));
    else if (source_ == SortSource::facts) column.add(std::string(facts.subjectBase));
    else column.add(textOf(key, envelope));
  }
  messages_.push_back({sequence, entry.uid, relevancy});
}

std::vector<Sorter::Sorted> Sorter::finish() {
  std::vector<std::uint32_t> order(messages_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [this](auto a, auto b) {
    for (std::size_t i = 0; i < criteria_.size(); ++i) {
      int way = columns_[i].compare(a, b);
      if (way != 0) return (way < 0) != criteria_[i].reverse;
    }
    return a < b;  // RFC 5256 §2.2: then by sequence number, never reversed
  });
  std::vector<Sorted> out;
  out.reserve(order.size());
  for (auto index : order) out.push_back(messages_[index]);
  return out;
}

}  // namespace mox::imapserver
