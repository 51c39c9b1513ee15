// What a message's own header says: its envelope, and what only the root is asked for.
#pragma once

#include "message/HeaderFields.h"
#include "message/Parsed.h"

namespace mox::message {

/// Takes the field into the envelope if it is one of its. At most `addressesLeft` addresses, which goes down.
void readEnvelopeField(Envelope& envelope, const HeaderField& field, std::size_t& addressesLeft);
/// RFC 9051 §7.5.2: sender and reply-to default to from.
void completeEnvelope(Envelope& envelope);

/// The header of the root: prefix and data. Sets everything in `out` that comes from its fields but the envelope.
void readRootFields(std::string_view prefix, std::string_view data, Parsed& out);

/// Message ids in "<>", canonical, in order; at most the last maxReferences.
std::vector<std::string> messageIds(std::string_view value);

}  // namespace mox::message
