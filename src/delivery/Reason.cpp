#include "delivery/Reason.h"

namespace mox::delivery {

std::string_view reasonName(Reason reason) {
  switch (reason) {
    case Reason::listAllow: return "list-allow";
    case Reason::dmarcPolicy: return "dmarc-policy";
    case Reason::reputationError: return "reputation-error";
    case Reason::reporting: return "reporting";
    case Reason::spfPolicy: return "spf-policy";
    case Reason::junkClassifyError: return "junk-classify-error";
    case Reason::junkFilterError: return "junk-filter-error";
    case Reason::giveSubjectpass: return "give-subjectpass";
    case Reason::noBadSignals: return "no-bad-signals";
    case Reason::junkContent: return "junk-content";
    case Reason::junkContentStrict: return "junk-content-strict";
    case Reason::dnsBlocklisted: return "dns-blocklisted";
    case Reason::subjectpass: return "subjectpass";
    case Reason::subjectpassError: return "subjectpass-error";
    case Reason::iprev: return "iprev";
    case Reason::highRate: return "high-rate";
    case Reason::msgAuthRequired: return "msg-auth-required";
    case Reason::msgFromFull: return "msgfromfull";
    case Reason::msgToFull: return "msgtofull";
    case Reason::msgFromDomain: return "msgfromdomain";
    case Reason::msgToDomain: return "msgtodomain";
    case Reason::msgFromOrgDomain: return "msgfromorgdomain";
    case Reason::msgToOrgDomain: return "msgtoorgdomain";
    case Reason::dkimSpf: return "dkimspf";
    case Reason::ip1: return "ip1";
    case Reason::ip2: return "ip2";
    case Reason::ip3: return "ip3";
    case Reason::none: return "none";
  }
  return "none";
}

}  // namespace mox::delivery
