// Message: one message as it came in, with all that is computed once of it, however many recipients it has.
//
// Made in a job (parsing a large one takes a while), then read only: any thread.
#pragma once

#include <memory>
#include <string>

#include "message/Parsed.h"
#include "store/Message.h"
#include "store/Spool.h"

namespace mox::delivery {

struct Message {
  std::shared_ptr<const store::Spool> spool;  ///< finished
  message::Parsed parsed;                     ///< of the spool alone
  std::string envelope, bodyStructure, bodyStructureExtended;  ///< for IMAP, see imap/Structure.h

  std::string_view data() const { return spool->data(); }
};

std::shared_ptr<const Message> readMessage(std::shared_ptr<const store::Spool> spool);

/// What message::parse(prefix, data) gives, from what parse(data) gave. `prefix` is our trace fields: none of them is
/// part of an envelope or of the MIME structure, so only offsets move.
message::Parsed withPrefix(const message::Parsed& parsed, std::string_view prefix);

}  // namespace mox::delivery
