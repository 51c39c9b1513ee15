// Sort: what SORT orders by, and the order. RFC 5256 §2.2, RFC 5957.
#pragma once

#include <string>
#include <vector>

#include "imap/Command.h"
#include "message/Parsed.h"
#include "store/MailboxView.h"

namespace mox::imapserver {

using SortCriterion = imap::args::Sort::Criterion;

/// The least that knows what an order asks for: the view alone, message::SortFacts, or the ENVELOPE.
enum class SortSource { view, facts, envelope };
SortSource sourceOf(const std::vector<SortCriterion>& criteria);

/// Text folded as messages are compared: by case, in the spirit of i;unicode-casemap (RFC 5051).
std::string sortText(std::string_view decoded);
/// Seconds since 1970 of a Date field as ENVELOPE has it; `arrival` if it says no date. RFC 5256 §2.2.
std::int64_t sentDate(const std::optional<std::string>& field, std::int64_t arrival);
/// RFC 5957 §3 of the first address; "" if there is none.
std::string displayName(const std::vector<message::EnvelopeAddress>& addresses);

class Sorter {
 public:
  explicit Sorter(std::vector<SortCriterion> criteria)
      : criteria_(std::move(criteria)), source_(sourceOf(criteria_)), columns_(criteria_.size()) {}

  /// In mailbox order. `read` of sourceOf(criteria) as the store has it, "" if the view is enough or the message is gone.
  void add(std::uint32_t sequence, const store::ViewEntry& entry, std::string_view read, std::uint8_t relevancy);
  struct Sorted {
    std::uint32_t sequence;
    Uid uid;
    std::uint8_t relevancy;
  };
  /// Equal ones in mailbox order. Once.
  std::vector<Sorted> finish();

 private:
  /// The values of one criterion, a message each. A text is also a number, its first octets: most are told apart by it.
  struct Column {
    std::vector<std::int64_t> numbers;
    std::vector<std::string> texts;

    void add(std::string text);
    int compare(std::uint32_t a, std::uint32_t b) const;
  };
  std::vector<SortCriterion> criteria_;
  SortSource source_;
  std::vector<Column> columns_;
  std::vector<Sorted> messages_;
};

}  // namespace mox::imapserver
