#include "config/Static.h"

namespace mox::config {

void describe(Fields& f, CertificateAuthorities& c) {
  f.optional("AdditionalToSystem", c.additionalToSystem, "Trust these authorities besides those of the system, not instead of them.");
  f.optional("CertFiles", c.certFiles, "PEM files with certificates of authorities.");
}

void describe(Fields& f, StaticTls& t) {
  f.optional("CA", t.ca, "Authorities that are trusted when this server connects to others, for SMTP and HTTPS.");
}

void describe(Fields& f, ExternalAccountBinding& e) {
  f.required("KeyID", e.keyId, "Name of the key, given by the provider.");
  f.required("KeyFile", e.keyFile, "File with the secret of the key, base64url as the provider shows it.");
}

void describe(Fields& f, AcmeProvider& a) {
  f.required("DirectoryURL", a.directoryUrl,
             "Where the provider lists its resources, such as https://acme-v02.api.letsencrypt.org/directory.");
  f.optional("RenewBefore", a.renewBefore, "How long before they expire certificates are renewed.").standard("720h0m0s");
  f.required("ContactEmail", a.contactEmail, "Address at which the provider can reach you about your certificates.");
  f.optional("Port", a.port, "TLS port on which the tls-alpn-01 challenge is answered.").standard("443");
  f.optional("IssuerDomainName", a.issuerDomainName,
             "Name for CAA records that allow this provider to issue. Known by itself for Let's Encrypt.");
  f.optional("ExternalAccountBinding", a.externalAccountBinding,
             "Ties the ACME account to an account you have with the provider, RFC 8555 section 7.3.4.");
}

void describe(Fields& f, KeyCert& k) {
  f.required("CertFile", k.certFile, "PEM file with the certificate and its intermediates.");
  f.required("KeyFile", k.keyFile, "PEM file with the private key.");
}

void describe(Fields& f, ListenerTls& t) {
  f.optional("ACME", t.acme, "Name of the entry under ACME that provides certificates. Not together with KeyCerts.");
  f.optional("KeyCerts", t.keyCerts, "Certificates and their keys; the one for the name that a client asks for is used, else the first.");
  f.optional("MinVersion", t.minVersion, "Lowest TLS version that is spoken.")
      .standard("TLSv1.2")
      .choices({"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"});
  f.optional(
      "HostPrivateKeyFiles", t.hostPrivateKeyFiles,
      "Private keys, RSA 2048 or ECDSA P-256, for certificates from ACME, so that DANE records stay valid. The first of each type counts.");
  f.optional("ClientAuthDisabled", t.clientAuthDisabled, "Never ask clients for a certificate.");
}

void describe(Fields& f, ListenerSmtp& s) {
  f.required("Enabled", s.enabled, "Receive mail from other servers here.");
  f.optional("Port", s.port, "TCP port.").standard("25");
  f.optional("NoSTARTTLS", s.noStartTls, "Work without a TLS configuration.");
  f.optional("RequireSTARTTLS", s.requireStartTls, "Take mail only after STARTTLS, except TLS reports. Many servers cannot deliver then.");
  f.optional("NoRequireTLS", s.noRequireTls, "Do not announce REQUIRETLS.");
  f.optional("DNSBLs", s.dnsbls, "Zones with addresses of known senders of spam, asked about senders without reputation.").later();
  f.optional("FirstTimeSenderDelay", s.firstTimeSenderDelay,
             "How long to wait before taking mail from a sender that has no reputation yet; 0s turns it off.")
      .standard("15s");
  f.optional("TLSSessionTicketsDisabled", s.tlsSessionTicketsDisabled,
             "Do not resume TLS sessions by tickets; some large senders fail with them.")
      .standard("true");
}

void describe(Fields& f, ListenerStartTls& s) {
  f.required("Enabled", s.enabled, "Listen for this protocol.");
  f.optional("Port", s.port, "TCP port; 587 for submission and 143 for IMAP if not given.");
  f.optional("NoRequireSTARTTLS", s.noRequireStartTls, "Allow passwords over connections that are not encrypted. Only for tests.");
}

void describe(Fields& f, ListenerImplicitTls& s) {
  f.required("Enabled", s.enabled, "Listen for this protocol. Needs TLS.");
  f.optional("Port", s.port, "TCP port; 465 for submission and 993 for IMAP if not given.");
  f.optional("EnabledOnHTTPS", s.enabledOnHttps, "Also answer on port 443, for clients that ask for this protocol by ALPN.");
}

void describe(Fields& f, WebService& w) {
  f.required("Enabled", w.enabled, "Serve this.");
  f.optional("Port", w.port, "TCP port; 80 or, with TLS, 443 if not given.");
  f.optional("Path", w.path, "Path below which it is served; starts and should end with a slash.");
  f.optional("Forwarded", w.forwarded, "Believe the X-Forwarded headers of a reverse proxy. Only if nobody else can connect.");
}

void describe(Fields& f, PlainService& p) {
  f.required("Enabled", p.enabled, "Serve this.");
  f.optional("Port", p.port, "TCP port; 8010 for metrics and 8011 for the profiler if not given.");
}

void describe(Fields& f, WellKnownService& w) {
  f.required("Enabled", w.enabled, "Serve this.");
  f.optional("Port", w.port, "TCP port.").standard("443");
  f.optional("NonTLS", w.nonTls, "Plain HTTP, for a reverse proxy that does the TLS.");
  f.optional("Forwarded", w.forwarded, "Believe the X-Forwarded headers of a reverse proxy. Only if nobody else can connect.");
}

void describe(Fields& f, WebserverService& w) {
  f.required("Enabled", w.enabled, "Serve this.");
  f.optional("Port", w.port, "TCP port; 80 or, with TLS, 443 if not given.");
  f.optional("RateLimitDisabled", w.rateLimitDisabled, "Do not limit requests by address.");
}

void describe(Fields& f, Listener& l) {
  f.required("IPs", l.ips,
             "Addresses to listen on; 0.0.0.0 and :: mean all. Addresses given exactly are also those that outgoing mail comes from.");
  f.optional("NATIPs", l.natIps, "Public addresses of a router that forwards to IPs.");
  f.optional("IPsNATed", l.ipsNated, "Older way to say that IPs are behind a router. Use NATIPs.").deprecated();
  f.optional("Hostname", l.hostname, "Name this listener goes by, if it is not the global Hostname.");
  f.optional("TLS", l.tls, "Certificates. Needed for all protocols that have TLS.");
  f.optional("SMTPMaxMessageSize", l.smtpMaxMessageSize, "Largest message taken.").unit("bytes").standard("104857600");
  f.optional("SMTP", l.smtp, "Mail from other servers.");
  f.optional("Submission", l.submission, "Mail from users, TLS by STARTTLS.");
  f.optional("Submissions", l.submissions, "Mail from users, TLS at once. Better than Submission.");
  f.optional("IMAP", l.imap, "Mail clients, TLS by STARTTLS.");
  f.optional("IMAPS", l.imaps, "Mail clients, TLS at once. Better than IMAP.");
  f.optional("AccountHTTP", l.accountHttp, "Account pages, plain HTTP, at / if Path is not given.").later();
  f.optional("AccountHTTPS", l.accountHttps, "Account pages.").later();
  f.optional("AdminHTTP", l.adminHttp, "Admin pages, plain HTTP, at /admin/ if Path is not given.").later();
  f.optional("AdminHTTPS", l.adminHttps, "Admin pages.").later();
  f.optional("WebmailHTTP", l.webmailHttp, "Webmail, plain HTTP, at /webmail/ if Path is not given.").later();
  f.optional("WebmailHTTPS", l.webmailHttps, "Webmail.").later();
  f.optional("WebAPIHTTP", l.webApiHttp, "Web API for programs, plain HTTP, at /webapi/ if Path is not given.").later();
  f.optional("WebAPIHTTPS", l.webApiHttps, "Web API for programs.").later();
  f.optional("MetricsHTTP", l.metricsHttp, "Metrics for Prometheus. Not for the public.");
  f.optional("PprofHTTP", l.pprofHttp, "Profiler. Not for the public; shares its port with nothing.").later();
  f.optional("AutoconfigHTTPS", l.autoconfigHttps, "Settings for mail clients that look for them.").later();
  f.optional("MTASTSHTTPS", l.mtaStsHttps, "MTA-STS policies of the domains that have one, RFC 8461.").later();
  f.optional("WebserverHTTP", l.webserverHttp, "The WebHandlers of domains.conf, plain HTTP; and where TLS has ACME, proofs for its provider: so far these alone.");
  f.optional("WebserverHTTPS", l.webserverHttps, "The WebHandlers of domains.conf.").later();
}

void describe(Fields& f, Postmaster& p) {
  f.required("Account", p.account, "Account that receives the mail.");
  f.required("Mailbox", p.mailbox, "Mailbox to deliver to, such as Postmaster.");
}

void describe(Fields& f, HostTlsReports& h) {
  f.required("Account", h.account, "Account that receives the reports.");
  f.required("Mailbox", h.mailbox, "Mailbox to deliver to, such as TLSRPT.");
  f.required("Localpart", h.localpart, "Localpart of the address at Hostname that is published, such as tlsreports. ASCII only.");
}

void describe(Fields& f, SpecialUseMailboxes& s) {
  f.optional("Sent", s.sent, "Copies of sent messages.");
  f.optional("Archive", s.archive, "Kept messages.");
  f.optional("Trash", s.trash, "Deleted messages.");
  f.optional("Draft", s.draft, "Unfinished messages.");
  f.optional("Junk", s.junk, "Spam.");
}

void describe(Fields& f, InitialMailboxes& i) {
  f.optional("SpecialUse", i.specialUse, "Mailboxes with a role, RFC 6154.");
  f.optional("Regular", i.regular, "Mailboxes without a role.");
}

void describe(Fields& f, TransportAuth& a) {
  f.required("Username", a.username, "Name to log in with.");
  f.optional("Password", a.password, "Password to log in with. Not in a declared configuration.").secret();
  f.optional("PasswordFile", a.passwordFile, "File with the password as its only line; instead of Password. Others must not be able to read it.");
  f.optional("Mechanisms", a.mechanisms, "Allowed mechanisms, best first. Without it all but PLAIN.")
      .choices({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN"});
}

void describe(Fields& f, SmtpTransport& s) {
  f.required("Host", s.host, "Name of the server; its certificate must be for it.");
  f.optional("Port", s.port, "TCP port; 465 for Submissions, 587 for Submission and 25 for SMTP if not given.");
  f.optional("STARTTLSInsecureSkipVerify", s.startTlsInsecureSkipVerify, "Use TLS without looking whose certificate it is.");
  f.optional("NoSTARTTLS", s.noStartTls, "Do not use TLS even if the server offers it.");
  f.optional("Auth", s.auth, "How to log in.");
}

void describe(Fields& f, SocksTransport& s) {
  f.required("Address", s.address, "Host and port of the SOCKS5 proxy.");
  f.required("RemoteIPs", s.remoteIps, "Addresses that connections through the proxy come from, for SPF checks.");
  f.required("RemoteHostname", s.remoteHostname, "Name for EHLO that belongs to RemoteIPs.");
}

void describe(Fields& f, DirectTransport& d) {
  f.optional("DisableIPv4", d.disableIpv4, "Never connect by IPv4.");
  f.optional("DisableIPv6", d.disableIpv6, "Never connect by IPv6.");
}

void describe(Fields& f, FailTransport& x) {
  f.optional("SMTPCode", x.smtpCode, "Reply code as if a server had sent it, 400 to 599.").standard("554");
  f.optional("SMTPMessage", x.smtpMessage, "Text of that reply.");
}

void describe(Fields& f, Transport& t) {
  f.optional("Submissions", t.submissions, "Hand messages to a submission server, TLS at once.");
  f.optional("Submission", t.submission, "Hand messages to a submission server, TLS by STARTTLS.");
  f.optional("SMTP", t.smtp, "Hand messages to one SMTP server, a smarthost.");
  f.optional("Socks", t.socks, "Deliver directly, through a SOCKS5 proxy.").later();
  f.optional("Direct", t.direct, "Deliver directly, with changes.");
  f.optional("Fail", t.fail, "Do not deliver: fail at once.");
}

void describe(Fields& f, Static& s) {
  f.optional("Declared", s.declared,
             "This configuration is the whole truth: no command changes it, secrets come by files only that others cannot read, and what "
             "is taken out of it is switched off with its data kept.");
  f.required("DataDir", s.dataDir, "Directory for accounts, queue and everything else that is kept, relative to this file.");
  f.required("LogLevel", s.logLevel,
             "How much is logged. The trace levels show protocols, traceauth with credentials, tracedata with messages.")
      .choices({"print", "error", "warn", "info", "debug", "trace", "traceauth", "tracedata"});
  f.optional("PackageLogLevels", s.packageLogLevels, "Other levels for parts of the program, such as queue or smtpserver.")
      .key("queue")
      .choices({"print", "error", "warn", "info", "debug", "trace", "traceauth", "tracedata"});
  f.optional("User", s.user, "User to become after start by root. A number is used as user and group id.").standard("mox");
  f.optional("NoFixPermissions", s.noFixPermissions, "Leave owners and permissions of files as they are when started by root.");
  f.required("Hostname", s.hostname, "Full name of this machine, in Unicode: for greetings, Received headers and certificates.");
  f.optional("CheckUpdates", s.checkUpdates, "Look once a day for a new version and mail its changes to the postmaster.").later();
  f.optional("Pedantic", s.pedantic, "Insist on what the standards say where others are lenient. For tests.");
  f.optional("TLS", s.tls, "Connections to other servers.");
  f.optional("ACME", s.acme, "Providers of certificates, by a name of your choice: letters, digits, - and _.").key("letsencrypt");
  f.optional("AdminPasswordFile", s.adminPasswordFile, "File with the bcrypt hash of the password for the admin pages.");
  f.required("Listeners", s.listeners,
             "Addresses and protocols to serve, by a name of your choice. The one named public is used for DNS suggestions.")
      .key("public");
  f.required("Postmaster", s.postmaster, "Where mail to postmaster goes, for all host names and for domains without such an address.");
  f.optional("HostTLSRPT", s.hostTlsRpt, "Where reports about TLS to this host arrive, RFC 8460.").later();
  f.optional("InitialMailboxes", s.initialMailboxes, "Mailboxes of new accounts, besides Inbox.");
  f.optional("DefaultMailboxes", s.defaultMailboxes, "Older form of InitialMailboxes.").deprecated();
  f.optional("Transports", s.transports, "Ways to deliver outgoing messages, by a name that routes use.").key("smarthost");
  f.optional("NoOutgoingDMARCReports", s.noOutgoingDmarcReports, "Do not send DMARC reports.").later();
  f.optional("NoOutgoingTLSReports", s.noOutgoingTlsReports, "Do not send TLS reports.").later();
  f.optional("OutgoingTLSReportsForAllSuccess", s.outgoingTlsReportsForAllSuccess, "Send TLS reports even where nothing failed.").later();
  f.optional("QuotaMessageSize", s.quotaMessageSize, "Total size of messages an account may have, unless it says otherwise; 0 is no limit.")
      .unit("bytes");
  f.optional("QuotaMessageCount", s.quotaMessageCount, "Number of messages an account may have, unless it says otherwise; 0 is no limit.")
      .unit("messages");
}

const std::vector<std::string_view>& logRooms() {
  static const std::vector<std::string_view> rooms{"acme", "app", "ctl", "imapserver", "login", "net", "queue", "smtpserver", "store"};
  return rooms;
}

}  // namespace mox::config
