// FetchProducer: the responses of a FETCH, made piece by piece as the client takes them (RFC 9051 §7.5.2).
//
// It works on views and contents that cannot change, holds a database connection only while it makes a piece, and never
// more than a piece in memory: a client that stops reading during a gigabyte costs nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "imap/Command.h"
#include "imap/Output.h"
#include "imapserver/Selected.h"
#include "net/Session.h"
#include "store/Account.h"

namespace mox::imapserver {

inline constexpr std::size_t fetchPiece = 64 * 1024;  ///< octets made at a time

struct FetchRequest {
  std::shared_ptr<store::Account> account;
  MessageWalk messages;  ///< those asked for, as they are when FETCH begins
  std::vector<imap::FetchItem> items;
  bool tellModSeq = false;  ///< MODSEQ ends each line
  ModSeq seen = {};  ///< of the change by which this FETCH has set \Seen: the flags of these messages are told
  TellMode tell = {};
  imap::NumberSet recent = {};  ///< UIDs that are told as \Recent
  imap::OutputMode mode = {};
};

/// What the tagged reply depends on; shared with the handler.
struct FetchOutcome {
  bool isExpunged = false;   ///< a message was gone when its turn came
  bool isUnknownCte = false; ///< RFC 3516: a transfer encoding that cannot be undone
  bool isMissingPart = false;  ///< BINARY of a part that is not there or has parts of its own
};

std::unique_ptr<net::Producer> makeFetchProducer(FetchRequest request, std::shared_ptr<FetchOutcome> outcome);

}  // namespace mox::imapserver
