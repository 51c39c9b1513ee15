// Incoming: all that is known of a message from outside and of who sends it. Made by the session, read by the judge and
// by place(). Not changed once it is complete.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Strong.h"
#include "delivery/Message.h"
#include "dkim/PublicSuffix.h"
#include "dkim/Verifier.h"
#include "iprev/Iprev.h"
#include "spf/Spf.h"
#include "store/Message.h"

namespace mox::delivery {

struct Incoming {
  Incoming(Domain us, Host peerName) : hostname(std::move(us)), helo(std::move(peerName)) {}

  // The connection.
  ConnectionId cid;
  std::string receivedId;
  Domain hostname;  ///< ours
  Endpoint remote, local;
  Host helo;
  bool esmtp = true;  ///< EHLO, not HELO
  std::string tls;    ///< "TLSv1.3 TLS_AES_128_GCM_SHA256", "" without

  // The transaction.
  ReversePath mailFrom;
  bool smtpUtf8 = false;
  bool requireTls = false;  ///< REQUIRETLS was said
  Time received{};

  std::shared_ptr<const Message> message;

  // What the checks gave.
  iprev::Result iprev;
  spf::Arguments spfArguments() const;
  spf::Verdict spf;
  std::vector<dkim::Outcome> dkim;
  /// smtp.md §6.7: how far the From address is proved.
  store::Validation fromValidation = store::Validation::none;

  const std::optional<Address>& from() const { return message->parsed.from; }
  bool isFromValidated() const;
  /// SPF passed for the reverse-path, not just for the HELO name.
  bool isMailFromValidated() const;
  /// d= of signatures that passed, each once.
  std::vector<Domain> dkimDomains() const;
  bool hasTemporaryTrouble() const;  ///< SPF or DKIM could not be decided now
};

/// Fills in fromValidation.
store::Validation validateFrom(const Incoming& incoming, const dkim::PublicSuffixList& suffixes);

/// What the store keeps of the sender, for reputation.
store::Origin originOf(const Incoming& incoming, const Mailbox& recipient, const dkim::PublicSuffixList& suffixes);

}  // namespace mox::delivery
