// The METADATA entries of a mailbox or of the server as clients see them: those that are kept, and those that are
// computed. RFC 5464.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "imap/Command.h"
#include "imap/Output.h"
#include "store/Reader.h"

namespace mox::imapserver {

/// By name. Without a row: the server's.
using MetadataEntries = std::map<std::string, std::string>;
MetadataEntries metadataEntries(store::Reader& reader, const store::MailboxRow* row);

/// Which of the entries a client asks for.
struct MetadataQuery {
  std::vector<std::string> entries;  ///< lower case
  imap::args::GetMetadata::Depth depth = imap::args::GetMetadata::Depth::zero;
  std::optional<std::uint64_t> maxSize;
};

/// Appends "* METADATA mailbox (entry value ...)\r\n", nothing if there is nothing to tell. An entry that does not exist
/// is told as NIL where it alone was asked for (depth 0). The size of the largest value that maxSize kept back, or 0.
std::uint64_t writeMetadata(std::string& out, const std::string& mailbox, const MetadataEntries& entries, const MetadataQuery& query,
                            imap::OutputMode mode);

}  // namespace mox::imapserver
