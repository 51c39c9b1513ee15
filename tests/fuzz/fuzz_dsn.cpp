// room: message
// An incoming report is read within bounds; a report that quotes any bytes gains no field and no part.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Text.h"
#include "message/Dsn.h"

using namespace mox;
using namespace mox::message;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

Mailbox mailbox() { return {Localpart::make("user").value(), Domain::make("example.org").value()}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  if (auto report = parseDsn(parse(text).root, text)) require(!report->recipients.empty() && report->recipients.size() <= maxDsnRecipients);
  FakeRandom random;
  DsnRecipient recipient{mailbox(), text, DsnAction::failed, text, text, text, text, std::nullopt, std::nullopt};
  Dsn dsn{size % 2 == 1, {"", *mailbox().address()}, mailbox(), "subject", text, mailbox().address()->domain, text, std::nullopt, std::nullopt, text,
          {recipient}, text, text};
  auto message = composeDsn(dsn, fromUnixSeconds(0), random);
  require(message.has_value());
  require(dsn.utf8 || isAscii(*message));
  auto parsed = parse(*message);
  require(!parsed.hasBareCr && !parsed.hasBareLf && !parsed.hasNul && parsed.isDsn);
  require(parsed.root.children.size() == (text.empty() ? 2u : 3u));
  auto again = parseDsn(parsed.root, *message);
  require(again && again->recipients.size() == 1 && again->recipients[0].finalRecipient == "user@example.org");
  return 0;
}
