// The static part of the configuration (mox.conf) as plain records: what the
// file says, before validation. Config.h has what it means.
//
// Names and meaning are those of mox. Ports are 0 where the file has none;
// sizes are bytes. Paths are relative to the directory of the file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Describe.h"
#include "config/Route.h"

namespace mox::config {

using described::Fields;

struct CertificateAuthorities {
  bool additionalToSystem = false;
  std::vector<std::string> certFiles;
};

struct StaticTls {
  std::optional<CertificateAuthorities> ca;
};

struct ExternalAccountBinding {
  std::string keyId;
  std::string keyFile;
};

struct AcmeProvider {
  std::string directoryUrl;
  Duration renewBefore{};  ///< 0: 30 days
  std::string contactEmail;
  std::int64_t port = 0;
  std::string issuerDomainName;
  std::optional<ExternalAccountBinding> externalAccountBinding;
};

struct KeyCert {
  std::string certFile;
  std::string keyFile;
};

struct ListenerTls {
  std::string acme;
  std::vector<KeyCert> keyCerts;
  std::string minVersion;
  std::vector<std::string> hostPrivateKeyFiles;
  bool clientAuthDisabled = false;
};

struct ListenerSmtp {
  bool enabled = false;
  std::int64_t port = 0;
  bool noStartTls = false;
  bool requireStartTls = false;
  bool noRequireTls = false;
  std::vector<std::string> dnsbls;
  std::optional<Duration> firstTimeSenderDelay;
  std::optional<bool> tlsSessionTicketsDisabled;
};

/// Submission and IMAP: TLS by STARTTLS.
struct ListenerStartTls {
  bool enabled = false;
  std::int64_t port = 0;
  bool noRequireStartTls = false;
};

/// Submissions and IMAPS: TLS from the first octet.
struct ListenerImplicitTls {
  bool enabled = false;
  std::int64_t port = 0;
  bool enabledOnHttps = false;
};

struct WebService {
  bool enabled = false;
  std::int64_t port = 0;
  std::string path;
  bool forwarded = false;
};

/// MetricsHTTP and PprofHTTP.
struct PlainService {
  bool enabled = false;
  std::int64_t port = 0;
};

/// AutoconfigHTTPS and MTASTSHTTPS.
struct WellKnownService {
  bool enabled = false;
  std::int64_t port = 0;
  bool nonTls = false;
  bool forwarded = false;
};

struct WebserverService {
  bool enabled = false;
  std::int64_t port = 0;
  bool rateLimitDisabled = false;
};

struct Listener {
  std::vector<std::string> ips;
  std::vector<std::string> natIps;
  bool ipsNated = false;
  std::string hostname;
  std::optional<ListenerTls> tls;
  std::int64_t smtpMaxMessageSize = 0;
  ListenerSmtp smtp;
  ListenerStartTls submission;
  ListenerImplicitTls submissions;
  ListenerStartTls imap;
  ListenerImplicitTls imaps;
  WebService accountHttp, accountHttps, adminHttp, adminHttps, webmailHttp, webmailHttps, webApiHttp, webApiHttps;
  PlainService metricsHttp, pprofHttp;
  WellKnownService autoconfigHttps, mtaStsHttps;
  WebserverService webserverHttp, webserverHttps;
};

struct Postmaster {
  std::string account;
  std::string mailbox;
};

struct HostTlsReports {
  std::string account;
  std::string mailbox;
  std::string localpart;
};

struct SpecialUseMailboxes {
  std::string sent, archive, trash, draft, junk;
};

struct InitialMailboxes {
  SpecialUseMailboxes specialUse;
  std::vector<std::string> regular;
};

struct TransportAuth {
  std::string username;
  std::string password;
  std::string passwordFile;
  std::vector<std::string> mechanisms;
};

/// Submissions, Submission and SMTP.
struct SmtpTransport {
  std::string host;
  std::int64_t port = 0;
  bool startTlsInsecureSkipVerify = false;
  bool noStartTls = false;
  std::optional<TransportAuth> auth;
};

struct SocksTransport {
  std::string address;
  std::vector<std::string> remoteIps;
  std::string remoteHostname;
};

struct DirectTransport {
  bool disableIpv4 = false;
  bool disableIpv6 = false;
};

struct FailTransport {
  std::int64_t smtpCode = 0;
  std::string smtpMessage;
};

/// At most one of them.
struct Transport {
  std::optional<SmtpTransport> submissions, submission, smtp;
  std::optional<SocksTransport> socks;
  std::optional<DirectTransport> direct;
  std::optional<FailTransport> fail;
};

struct Static {
  bool declared = false;
  std::string dataDir;
  std::string logLevel;
  std::map<std::string, std::string> packageLogLevels;
  std::string user;
  bool noFixPermissions = false;
  std::string hostname;
  bool checkUpdates = false;
  bool pedantic = false;
  StaticTls tls;
  std::map<std::string, AcmeProvider> acme;
  std::string adminPasswordFile;
  std::map<std::string, Listener> listeners;
  Postmaster postmaster;
  std::optional<HostTlsReports> hostTlsRpt;
  InitialMailboxes initialMailboxes;
  std::vector<std::string> defaultMailboxes;
  std::map<std::string, Transport> transports;
  bool noOutgoingDmarcReports = false;
  bool noOutgoingTlsReports = false;
  bool outgoingTlsReportsForAllSuccess = false;
  std::int64_t quotaMessageSize = 0;
  std::int64_t quotaMessageCount = 0;
};

void describe(Fields&, CertificateAuthorities&);
void describe(Fields&, StaticTls&);
void describe(Fields&, ExternalAccountBinding&);
void describe(Fields&, AcmeProvider&);
void describe(Fields&, KeyCert&);
void describe(Fields&, ListenerTls&);
void describe(Fields&, ListenerSmtp&);
void describe(Fields&, ListenerStartTls&);
void describe(Fields&, ListenerImplicitTls&);
void describe(Fields&, WebService&);
void describe(Fields&, PlainService&);
void describe(Fields&, WellKnownService&);
void describe(Fields&, WebserverService&);
void describe(Fields&, Listener&);
void describe(Fields&, Postmaster&);
void describe(Fields&, HostTlsReports&);
void describe(Fields&, SpecialUseMailboxes&);
void describe(Fields&, InitialMailboxes&);
void describe(Fields&, TransportAuth&);
void describe(Fields&, SmtpTransport&);
void describe(Fields&, SocksTransport&);
void describe(Fields&, DirectTransport&);
void describe(Fields&, FailTransport&);
void describe(Fields&, Transport&);
void describe(Fields&, Static&);

/// What writes to the log under a name of its own, and so has a level of its own: PackageLogLevels, `mox loglevels`. Rooms of
/// upper floors are vocabulary here, as protocols are.
const std::vector<std::string_view>& logRooms();

}  // namespace mox::config
