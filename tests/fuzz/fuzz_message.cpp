// room: message
// Offsets are monotone and within bounds, children lie in their parent in order, the stored form reads back, texts are UTF-8.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Unicode.h"
#include "message/Downgrade.h"
#include "message/Parsed.h"
#include "message/SortFacts.h"

using namespace mox::message;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void checkPart(const Part& part, std::uint64_t end, std::size_t depth) {
  require(depth <= maxNesting);
  require(part.headerStart <= part.bodyStart && part.bodyStart <= part.end && part.end <= end);
  require(part.parameters.size() <= maxParameters);
  std::uint64_t at = part.bodyStart;
  for (const auto& child : part.children) {
    require(child.headerStart >= at);
    checkPart(child, part.end, depth + 1);
    at = child.end;
  }
  require(part.isMultipart() || part.isMessage() || part.children.empty());
  if (part.isMessage()) require(part.children.size() <= 1);
}

}  // namespace

/// What a downgraded message says of itself is what its octets say.
void checkDowngraded(const Parsed& parsed, std::string_view text) {
  DowngradeNeeds needs{parsed.utf8Headers, parsed.hasNul};
  if (!needs.any()) return;
  Downgraded message(parsed.root, text.size(), needs, [text](std::uint64_t offset, std::size_t count, std::string& out) {
    if (offset < text.size()) out += text.substr(static_cast<std::size_t>(offset), count);
  });
  std::string out;
  message.readInto(0, static_cast<std::size_t>(message.size()), out);
  require(out.size() == message.size());
  checkPart(message.tree(), out.size(), 1);
  auto again = parse(out);
  require(!again.hasNul && (!again.utf8Headers || !mox::isUtf8(text)));
}

/// The form says what was parsed, and any other form is refused or can be walked.
void checkSortFacts(const Parsed& parsed, std::string_view text) {
  require(parsed.ancestors.size() <= maxReferences);
  auto form = packSortFacts(parsed);
  auto facts = unpackSortFacts(form);
  require(facts && facts->sent.has_value() == parsed.date.has_value() && facts->subjectBase == parsed.subjectBase);
  require(facts->messageId == messageIdHash(parsed.messageId) && facts->ancestors() == parsed.ancestors.size());
  for (std::size_t i = 0; i < facts->ancestors(); ++i) require(facts->ancestor(i) == parsed.ancestors[i]);
  if (auto any = unpackSortFacts(text))
    for (std::size_t i = 0; i < any->ancestors(); ++i) any->ancestor(i);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto parsed = parse(text);
  require(parsed.root.headerStart == 0 && parsed.root.end == size && parsed.root.envelope);
  checkPart(parsed.root, size, 1);
  require(mox::isUtf8(parsed.preview) && mox::isUtf8(parsed.subjectBase) && parsed.preview.find_first_of("\r\n") == std::string::npos);
  require(parsed.references.size() <= maxReferences);
  auto form = encode(parsed.root);
  auto again = decode(form);
  require(again && encode(*again) == form);
  // A damaged form is refused or is some tree, but never worse.
  if (!form.empty() && size > 0) {
    form[data[0] % form.size()] = static_cast<char>(data[size - 1]);
    if (auto other = decode(form)) require(encode(*other) == form);
  }
  checkSortFacts(parsed, text);
  checkDowngraded(parsed, text);
  std::string_view prefix = "Received: from a by b; c\r\n";
  auto moved = parse(prefix, text);
  require(moved.root.end == size + prefix.size() && moved.root.children.size() == parsed.root.children.size());
  for (std::size_t i = 0; i < parsed.root.children.size(); ++i)
    require(moved.root.children[i].end == parsed.root.children[i].end + prefix.size());
  return 0;
}
