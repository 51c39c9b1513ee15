// The dynamic part of the configuration (domains.conf) as plain records: what
// the file says, before validation. Config.h has what it means.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/Describe.h"
#include "config/Route.h"

namespace mox::config {

using described::Fields;

struct Canonicalization {
  bool headerRelaxed = false;
  bool bodyRelaxed = false;
};

/// A DKIM key and how to sign with it.
struct Selector {
  std::string hash;  ///< empty: sha256
  Canonicalization canonicalization;
  std::vector<std::string> headers;  ///< empty: the default set
  bool dontSealHeaders = false;
  Duration expiration{};  ///< 0: signatures do not expire
  std::string algorithm;  ///< ed25519, rsa2048 or empty
  std::string privateKeyFile;  ///< empty: the server makes one
};

struct Dkim {
  std::map<std::string, Selector> selectors;
  std::vector<std::string> sign;
};

/// DMARC and TLSRPT: where reports about the domain arrive.
struct ReportAddress {
  std::string localpart;
  std::string domain;  ///< empty: the domain itself
  std::string account;
  std::string mailbox;
};

struct MtaSts {
  std::string policyId;
  std::string mode;  ///< enforce, testing or none
  Duration maxAge{};
  std::vector<std::string> mx;
};

struct Alias {
  std::vector<std::string> addresses;
  bool postPublic = false;
  bool listMembers = false;
  bool allowMsgFrom = false;
};

struct DomainSettings {
  bool disabled = false;
  std::string description;
  std::string clientSettingsDomain;
  std::string localpartCatchallSeparator;
  std::vector<std::string> localpartCatchallSeparators;
  bool localpartCaseSensitive = false;
  Dkim dkim;
  std::optional<ReportAddress> dmarc;
  std::optional<ReportAddress> tlsRpt;
  std::optional<MtaSts> mtaSts;
  std::vector<Route> routes;
  std::map<std::string, Alias> aliases;
};

struct Ruleset {
  std::string smtpMailFromRegexp;
  std::string msgFromRegexp;
  std::string verifiedDomain;
  std::map<std::string, std::string> headersRegexp;
  bool isForward = false;
  std::string listAllowDomain;
  std::string acceptRejectsToMailbox;
  std::string mailbox;
  std::string comment;
};

struct Destination {
  std::string mailbox;  ///< empty: Inbox
  std::vector<Ruleset> rulesets;
  std::string smtpError;
  std::string messageAuthRequiredSmtpError;
  std::string fullName;
};

struct OutgoingWebhook {
  std::string url;
  std::string authorization;
  std::vector<std::string> events;
};

struct IncomingWebhook {
  std::string url;
  std::string authorization;
};

struct SubjectPass {
  Duration period{};
};

struct AutomaticJunkFlags {
  bool enabled = false;
  std::string junkMailboxRegexp;
  std::string neutralMailboxRegexp;
  std::string notJunkMailboxRegexp;
};

struct JunkFilterParams {
  bool onegrams = false;
  bool twograms = false;
  bool threegrams = false;
  double maxPower = 0;
  std::int64_t topWords = 0;
  double ignoreWords = 0;
  std::int64_t rareWords = 0;
};

struct JunkFilter {
  double threshold = 0;
  JunkFilterParams params;
};

struct Account {
  std::optional<OutgoingWebhook> outgoingWebhook;
  std::optional<IncomingWebhook> incomingWebhook;
  std::vector<std::string> fromIdLoginAddresses;
  Duration keepRetiredMessagePeriod{};
  Duration keepRetiredWebhookPeriod{};
  std::string loginDisabled;
  std::string domain;
  std::string description;
  std::string fullName;
  std::map<std::string, Destination> destinations;
  SubjectPass subjectPass;
  std::int64_t quotaMessageSize = 0;
  std::int64_t quotaMessageCount = 0;
  std::string rejectsMailbox;
  std::string introbox;
  bool keepRejects = false;
  AutomaticJunkFlags automaticJunkFlags;
  std::optional<JunkFilter> junkFilter;
  std::int64_t maxOutgoingMessagesPerDay = 0;
  std::int64_t maxFirstTimeRecipientsPerDay = 0;
  bool noFirstTimeSenderDelay = false;
  std::string passwordFile;
  std::string passwordHashFile;
  bool passwordMutable = false;
  bool noCustomPassword = false;
  std::vector<Route> routes;
  std::vector<std::string> imapCapabilitiesDisabled;
};

struct WebStatic {
  std::string stripPrefix;
  std::string root;
  bool listFiles = false;
  bool continueNotFound = false;
  std::map<std::string, std::string> responseHeaders;
};

struct WebRedirect {
  std::string baseUrl;
  std::string origPathRegexp;
  std::string replacePath;
  std::int64_t statusCode = 0;
};

struct WebForward {
  bool stripPath = false;
  std::string url;
  std::map<std::string, std::string> responseHeaders;
};

struct WebInternal {
  std::string basePath;
  std::string service;
};

struct WebHandler {
  std::string logName;
  std::string domain;
  std::string pathRegexp;
  bool dontRedirectPlainHttp = false;
  bool compress = false;
  std::optional<WebStatic> webStatic;
  std::optional<WebRedirect> webRedirect;
  std::optional<WebForward> webForward;
  std::optional<WebInternal> webInternal;
};

struct Dynamic {
  std::map<std::string, DomainSettings> domains;
  std::map<std::string, Account> accounts;
  std::map<std::string, std::string> webDomainRedirects;
  std::vector<WebHandler> webHandlers;
  std::vector<Route> routes;
  std::vector<std::string> monitorDnsbls;
};

void describe(Fields&, Canonicalization&);
void describe(Fields&, Selector&);
void describe(Fields&, Dkim&);
void describe(Fields&, ReportAddress&);
void describe(Fields&, MtaSts&);
void describe(Fields&, Alias&);
void describe(Fields&, DomainSettings&);
void describe(Fields&, Ruleset&);
void describe(Fields&, Destination&);
void describe(Fields&, OutgoingWebhook&);
void describe(Fields&, IncomingWebhook&);
void describe(Fields&, SubjectPass&);
void describe(Fields&, AutomaticJunkFlags&);
void describe(Fields&, JunkFilterParams&);
void describe(Fields&, JunkFilter&);
void describe(Fields&, Account&);
void describe(Fields&, WebStatic&);
void describe(Fields&, WebRedirect&);
void describe(Fields&, WebForward&);
void describe(Fields&, WebInternal&);
void describe(Fields&, WebHandler&);
void describe(Fields&, Dynamic&);

}  // namespace mox::config
