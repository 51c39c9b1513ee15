// Why a message was taken or refused: the label of mox_smtpserver_delivery_total and the word in X-Mox-Reason.
#pragma once

#include <string_view>

namespace mox::delivery {

/// smtp.md §7, §8. The names on the wire are those of mox.
enum class Reason {
  listAllow, dmarcPolicy, reputationError, reporting, spfPolicy, junkClassifyError, junkFilterError, giveSubjectpass,
  noBadSignals, junkContent, junkContentStrict, dnsBlocklisted, subjectpass, subjectpassError, iprev, highRate, msgAuthRequired,
  // What a sender's past was found by.
  msgFromFull, msgToFull, msgFromDomain, msgToDomain, msgFromOrgDomain, msgToOrgDomain, dkimSpf, ip1, ip2, ip3, none
};
std::string_view reasonName(Reason reason);

}  // namespace mox::delivery
