// room: imap
// ENVELOPE, BODY and BODYSTRUCTURE of any message can be read by a strict client, and sections lie within the message.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../imap/Nested.h"
#include "imap/EnvelopeText.h"
#include "imap/Parser.h"
#include "imap/Structure.h"

using namespace mox;
using namespace mox::imap;

namespace {

void require(bool good) {
  if (!good) abort();
}

void checkSection(const message::Part& root, std::string_view text, const char* name) {
  auto section = parseSection(name).value();
  auto place = findSection(root, section);
  if (!place) return;
  require(place->header.start <= place->header.end && place->header.end <= text.size());
  auto ranges = sectionRanges(*place, section, text.substr(place->header.start, place->header.size()));
  std::uint64_t end = 0;
  for (const auto& range : ranges) {
    require(range.start >= end && range.start <= range.end && range.end <= text.size());
    end = range.end;
  }
  auto total = totalSize(ranges), half = total / 2;
  require(totalSize(cutRanges(ranges, Partial{0, half + 1})) + totalSize(cutRanges(ranges, Partial{half + 1, total + 1})) == total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parsed = message::parse(text);
  auto envelope = test::readNested(renderEnvelope(parsed.root.envelope.value()));
  require(envelope && envelope->items.size() == 10);
  auto read = parseEnvelope(renderEnvelope(*parsed.root.envelope));
  require(read && renderEnvelope(*read) == renderEnvelope(*parsed.root.envelope));
  parseEnvelope(text);
  require(test::readNested(renderBody(parsed.root)).has_value());
  require(test::readNested(renderBodyStructure(parsed.root)).has_value());
  for (const char* name : {"", "HEADER", "TEXT", "HEADER.FIELDS (subject)", "HEADER.FIELDS.NOT (subject)", "1", "1.MIME", "1.HEADER", "2.1", "1.1.MIME", "2.TEXT"})
    checkSection(parsed.root, text, name);
  return 0;
}
