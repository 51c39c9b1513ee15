// The ENVELOPE that renderEnvelope made, read again: what SORT and THREAD need is in it, and it is much less than the
// message.
#pragma once

#include <optional>
#include <string_view>

#include "message/Parsed.h"

namespace mox::imap {

/// Exactly what renderEnvelope was given, but for NUL, which it leaves out. Nothing if it is not its form.
std::optional<message::Envelope> parseEnvelope(std::string_view text);

}  // namespace mox::imap
