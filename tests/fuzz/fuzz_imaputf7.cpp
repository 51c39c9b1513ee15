// room: imap
// Modified UTF-7: what decodes encodes to the same octets (one spelling a name), and what encodes decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Unicode.h"
#include "imap/MailboxName.h"

using namespace mox::imap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto decoded = decodeModifiedUtf7(text)) {
    if (!mox::isUtf8(*decoded) || encodeModifiedUtf7(*decoded) != text) abort();
  }
  if (mox::isUtf8(text)) {
    auto again = decodeModifiedUtf7(encodeModifiedUtf7(text));
    if (!again || *again != text) abort();
  }
  if (auto name = MailboxName::parse(text)) {
    auto same = MailboxName::parse(name->text());
    if (!same || *same != *name) abort();
    for (auto up = name->parent(); up; up = up->parent())
      if (!name->isWithin(*up) || !MailboxName::parse(up->text())) abort();
  }
  return 0;
}
