// ENVELOPE, BODY and BODYSTRUCTURE, RFC 9051 §7.5.2, RFC 3501 §7.4.2.
//
// Rendered once, at delivery, and kept: the text can go as it is to any
// client. So it is plain rev1: what is not safe in a quoted string (8-bit
// octets, CR, LF, or long) is a literal "{n}\r\n…", and NUL is left out. The
// forms of message/rfc822 and message/global are the same, as in RFC 9051.
#pragma once

#include <string>

#include "message/Parsed.h"

namespace mox::imap {

/// "(date subject from sender …)".
std::string renderEnvelope(const message::Envelope& envelope);
/// BODYSTRUCTURE: with extension data.
std::string renderBodyStructure(const message::Part& root);
/// BODY: without.
std::string renderBody(const message::Part& root);

}  // namespace mox::imap
