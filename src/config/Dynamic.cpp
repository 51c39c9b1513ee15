#include "config/Dynamic.h"

namespace mox::config {

void describe(Fields& f, Route& r) {
  f.optional("FromDomain", r.fromDomain, "Domains of the sender; .example.org is example.org and all below it. Empty is any.");
  f.optional("ToDomain", r.toDomain, "Domains of the recipient, in the same form.");
  f.optional("MinimumAttempts", r.minimumAttempts, "Only after so many attempts to deliver.");
  f.required("Transport", r.transport, "Name of the transport in mox.conf.");
}

void describe(Fields& f, Canonicalization& c) {
  f.optional("HeaderRelaxed", c.headerRelaxed, "Changes of blanks in header fields do not break the signature.");
  f.optional("BodyRelaxed", c.bodyRelaxed, "Changes of blanks in the body do not break the signature.");
}

void describe(Fields& f, Selector& s) {
  f.optional("Hash", s.hash, "Hash of the signature; sha1 is only for tests, with RSA keys.")
      .standard("sha256")
      .choices({"sha256", "sha1"});
  f.optional("Canonicalization", s.canonicalization, "Simple for both if not given, RFC 6376 section 3.4.");
  f.optional("Headers", s.headers, "Header fields to sign, with From. Without it the usual ones.");
  f.optional("DontSealHeaders", s.dontSealHeaders, "Allow that more header fields of the signed names are added on the way.");
  f.optional("Expiration", s.expiration, "How long a signature is valid, such as 72h.");
  f.optional("Algorithm", s.algorithm,
             "Kind of the key. Without PrivateKeyFile the server makes such a key at its first start, and keeps it below DataDir.")
      .choices({"ed25519", "rsa2048"});
  f.optional("PrivateKeyFile", s.privateKeyFile,
             "PEM file with an RSA (1024 bits or more) or ed25519 key in PKCS8, relative to this file. Needed unless Algorithm is given.");
}

void describe(Fields& f, Dkim& d) {
  f.optional("Selectors", d.selectors, "Keys by the name they are published under in DNS.").key("2026a");
  f.optional("Sign", d.sign, "Selectors whose keys sign outgoing messages. Others are only published.");
}

void describe(Fields& f, ReportAddress& r) {
  f.required("Localpart", r.localpart, "Localpart of the published address. ASCII only.");
  f.optional("Domain", r.domain, "Domain of the published address if it is another one served here.");
  f.required("Account", r.account, "Account that receives the reports.");
  f.required("Mailbox", r.mailbox, "Mailbox to deliver to.");
}

void describe(Fields& f, MtaSts& m) {
  f.required("PolicyID", m.policyId, "Changes whenever the policy changes: letters and digits, such as a date and time.");
  f.required("Mode", m.mode, "What others do if they cannot connect as the policy says.").choices({"enforce", "testing", "none"});
  f.required("MaxAge", m.maxAge, "How long others may remember the policy.");
  f.optional("MX", m.mx, "Names of the servers for the domain, without it the Hostname.");
}

void describe(Fields& f, Alias& a) {
  f.required("Addresses", a.addresses, "Members: addresses of accounts here.");
  f.optional("PostPublic", a.postPublic, "Anybody may send to it, not only members.");
  f.optional("ListMembers", a.listMembers, "Members may see who the others are.").later();
  f.optional("AllowMsgFrom", a.allowMsgFrom, "Members may send with the address of the alias.");
}

void describe(Fields& f, DomainSettings& d) {
  f.optional("Disabled", d.disabled, "Neither receive nor send mail for it. Users can still log in.");
  f.optional("Description", d.description, "For yourself.");
  f.optional("ClientSettingsDomain", d.clientSettingsDomain,
             "Host name that mail clients are told to connect to, so that users need not know Hostname.");
  f.optional("LocalpartCatchallSeparator", d.localpartCatchallSeparator,
             "What comes after it in a localpart does not count: with + user+shop@ is delivered as user@. Not together with the list.");
  f.optional("LocalpartCatchallSeparators", d.localpartCatchallSeparators,
             "Several such separators. The first is used for addresses made here.");
  f.optional("LocalpartCaseSensitive", d.localpartCaseSensitive, "User and user are different.");
  f.optional("DKIM", d.dkim, "Signatures of outgoing messages, RFC 6376.");
  f.optional("DMARC", d.dmarc, "Where DMARC reports about the domain arrive, RFC 7489.").later();
  f.optional("MTASTS", d.mtaSts, "Policy that tells others to use TLS, RFC 8461. Needs a listener with MTASTSHTTPS.").later();
  f.optional("TLSRPT", d.tlsRpt, "Where reports about TLS arrive, RFC 8460.").later();
  f.optional("Routes", d.routes, "For messages from the domain; first those of the account, then these.");
  f.optional("Aliases", d.aliases, "Addresses that stand for several others, by localpart.").key("team");
}

void describe(Fields& f, Ruleset& r) {
  f.optional("SMTPMailFromRegexp", r.smtpMailFromRegexp, "Matches the address in MAIL FROM.");
  f.optional("MsgFromRegexp", r.msgFromRegexp, "Matches the address in the From header field.");
  f.optional("VerifiedDomain", r.verifiedDomain, "SPF or DKIM must have verified this domain or one below it.");
  f.optional("HeadersRegexp", r.headersRegexp, "Name to value; both match in lower case, all pairs must.").key("<^list-id$>");
  f.optional(
      "IsForward", r.isForward,
      "These messages were forwarded by another server: judge them by VerifiedDomain alone. Needs SMTPMailFromRegexp and VerifiedDomain.");
  f.optional("ListAllowDomain", r.listAllowDomain, "Accept messages of a mailing list, verified as this domain. Not with IsForward.");
  f.optional("AcceptRejectsToMailbox", r.acceptRejectsToMailbox, "Where to put messages that would be rejected. Not Inbox.").later();
  f.required("Mailbox", r.mailbox, "Where to put the messages.");
  f.optional("Comment", r.comment, "For yourself.");
}

void describe(Fields& f, Destination& d) {
  f.optional("Mailbox", d.mailbox, "Where to put messages.").standard("Inbox");
  f.optional("Rulesets", d.rulesets, "Other places for some messages; the first that matches counts.");
  f.optional("SMTPError", d.smtpError, "Refuse all messages: 421 or 550 and a text. Not with Mailbox and Rulesets.");
  f.optional("MessageAuthRequiredSMTPError", d.messageAuthRequiredSmtpError,
             "Refuse messages whose From domain is not verified, with this text.");
  f.optional("FullName", d.fullName, "Name of the sender for this address, if it is not that of the account.").later();
}

void describe(Fields& f, OutgoingWebhook& w) {
  f.required("URL", w.url, "Where deliveries are told.");
  f.optional("Authorization", w.authorization, "Value of the Authorization header field.").secret();
  f.optional("Events", w.events, "Which are told; empty is all.")
      .choices({"delivered", "suppressed", "delayed", "failed", "relayed", "expanded", "canceled", "unrecognized"});
}

void describe(Fields& f, IncomingWebhook& w) {
  f.required("URL", w.url, "Where received messages are told.");
  f.optional("Authorization", w.authorization, "Value of the Authorization header field.").secret();
}

void describe(Fields& f, SubjectPass& s) {
  f.required("Period", s.period, "How long a token in the subject lets a message through, such as 12h.");
}

void describe(Fields& f, AutomaticJunkFlags& a) {
  f.required("Enabled", a.enabled, "Set junk flags by the mailbox that a message is put in.");
  f.optional("JunkMailboxRegexp", a.junkMailboxRegexp, "Mailboxes for junk, matched in lower case.");
  f.optional("NeutralMailboxRegexp", a.neutralMailboxRegexp, "Mailboxes that say nothing.");
  f.optional("NotJunkMailboxRegexp", a.notJunkMailboxRegexp, "Mailboxes for the rest; without it all others.");
}

void describe(Fields& f, JunkFilterParams& j) {
  f.optional("Onegrams", j.onegrams, "Look at single words.");
  f.optional("Twograms", j.twograms, "Look at pairs of words.");
  f.optional("Threegrams", j.threegrams, "Look at three words in a row.");
  f.optional("MaxPower", j.maxPower, "Weight of the strongest words, 0 to 0.5.");
  f.optional("TopWords", j.topWords, "How many of the strongest words count, for each side.");
  f.optional("IgnoreWords", j.ignoreWords, "Words as near to the middle as this do not count, 0 to 0.5.");
  f.optional("RareWords", j.rareWords, "Words seen less often count less.");
}

void describe(Fields& f, JunkFilter& j) {
  f.required("Threshold", j.threshold, "From which probability on a message is junk, 0 to 1.");
  f.required("Params", j.params, "How words are weighed.");
}

void describe(Fields& f, Account& a) {
  f.optional("OutgoingWebhook", a.outgoingWebhook, "Tell a program about deliveries of sent messages.").later();
  f.optional("IncomingWebhook", a.incomingWebhook, "Tell a program about received messages.").later();
  f.optional("FromIDLoginAddresses", a.fromIdLoginAddresses,
             "Logins whose messages get their own sender address, so that answers can be told apart.")
      .later();
  f.optional("KeepRetiredMessagePeriod", a.keepRetiredMessagePeriod, "How long to remember sent messages.").later();
  f.optional("KeepRetiredWebhookPeriod", a.keepRetiredWebhookPeriod, "How long to remember calls of webhooks.").later();
  f.optional("LoginDisabled", a.loginDisabled, "Refuse all logins with this text. ASCII, less than 256 characters.");
  f.required("Domain", a.domain, "Main domain of the account, in Unicode.");
  f.optional("Description", a.description, "For yourself.");
  f.optional("FullName", a.fullName, "Name of the sender.").later();
  f.optional("Destinations", a.destinations, "Addresses of the account; @example.org is all that are not others'.").key("user@example.org");
  f.optional("SubjectPass", a.subjectPass, "Let senders pass the junk filter by a token in the subject.").later();
  f.optional("QuotaMessageSize", a.quotaMessageSize, "Total size of messages; 0 is the default of mox.conf, less than 0 no limit.")
      .unit("bytes");
  f.optional("QuotaMessageCount", a.quotaMessageCount, "Number of messages; 0 is the default of mox.conf, less than 0 no limit.").unit("messages");
  f.optional("RejectsMailbox", a.rejectsMailbox, "Keeps rejected messages for a while. Not Inbox.").later();
  f.optional("Introbox", a.introbox, "Mailbox for first messages of senders without reputation.").later();
  f.optional("KeepRejects", a.keepRejects, "Never clean up the mailbox for rejects.").later();
  f.optional("AutomaticJunkFlags", a.automaticJunkFlags, "Learn from the mailbox that a message is put in.").later();
  f.optional("JunkFilter", a.junkFilter, "Judge the words of messages from senders without reputation.").later();
  f.optional("MaxOutgoingMessagesPerDay", a.maxOutgoingMessagesPerDay, "Messages times recipients in 24 hours.").standard("1000");
  f.optional("MaxFirstTimeRecipientsPerDay", a.maxFirstTimeRecipientsPerDay, "Recipients never written to before, in 24 hours.")
      .standard("200");
  f.optional("NoFirstTimeSenderDelay", a.noFirstTimeSenderDelay, "Do not wait before taking mail from a sender without reputation.");
  f.optional("PasswordFile", a.passwordFile,
             "File with the password of the account as its only line, 8 characters or more. Read at start and reload; others must not be able to read it.");
  f.optional("PasswordHashFile", a.passwordHashFile,
             "File with a hash of the password as its only line, of any kind that crypt(5) knows, such as mkpasswd prints. Instead of PasswordFile. "
             "Logins by SCRAM and CRAM-MD5 work from the first login by PLAIN on.");
  f.optional("PasswordMutable", a.passwordMutable,
             "The password of the file is only the first one: once it was changed here, the file counts no more. Without it the password cannot be changed here.");
  f.optional("NoCustomPassword", a.noCustomPassword, "The user may only have passwords made here.").later();
  f.optional("Routes", a.routes, "For messages from the account; before those of the domain.");
  f.optional("IMAPCapabilitiesDisabled", a.imapCapabilitiesDisabled, "IMAP capabilities that are not announced to this account.");
}

void describe(Fields& f, WebStatic& w) {
  f.optional("StripPrefix", w.stripPrefix, "Cut from the path before looking for the file.");
  f.required("Root", w.root, "Directory with the files.");
  f.optional("ListFiles", w.listFiles, "List directories without index.html.");
  f.optional("ContinueNotFound", w.continueNotFound, "Try the next handler if there is no such file.");
  f.optional("ResponseHeaders", w.responseHeaders, "Header fields to add.").key("X-Name");
}

void describe(Fields& f, WebRedirect& w) {
  f.optional("BaseURL", w.baseUrl, "Scheme and host, perhaps query and fragment, without path.");
  f.optional("OrigPathRegexp", w.origPathRegexp, "Matches the path; what it matches is replaced. With ReplacePath.");
  f.optional("ReplacePath", w.replacePath, "What it is replaced by; $1 is the first group.");
  f.optional("StatusCode", w.statusCode, "A status from 300 to 399.").standard("308");
}

void describe(Fields& f, WebForward& w) {
  f.optional("StripPath", w.stripPath, "Cut what PathRegexp matched.");
  f.required("URL", w.url, "Where requests go.");
  f.optional("ResponseHeaders", w.responseHeaders, "Header fields to add.").key("X-Name");
}

void describe(Fields& f, WebInternal& w) {
  f.required("BasePath", w.basePath, "Path below which the service is; starts and ends with a slash.");
  f.required("Service", w.service, "The service.").choices({"admin", "account", "webmail", "webapi"});
}

void describe(Fields& f, WebHandler& w) {
  f.optional("LogName", w.logName, "Name in logs and metrics.");
  f.required("Domain", w.domain, "Host of the requests, in Unicode.");
  f.required("PathRegexp", w.pathRegexp, "Matches the path; starts with ^.");
  f.optional("DontRedirectPlainHTTP", w.dontRedirectPlainHttp, "Serve plain HTTP too instead of sending to HTTPS.");
  f.optional("Compress", w.compress, "Compress what can be compressed.");
  f.optional("WebStatic", w.webStatic, "Serve files.");
  f.optional("WebRedirect", w.webRedirect, "Send elsewhere.");
  f.optional("WebForward", w.webForward, "Ask another server.");
  f.optional("WebInternal", w.webInternal, "A service of this program.");
}

void describe(Fields& f, Dynamic& d) {
  f.required("Domains", d.domains, "Domains that mail is received for, by name in Unicode.").key("example.org");
  f.required("Accounts", d.accounts, "Accounts by name. The name is also that of a directory.").key("user");
  f.optional("WebDomainRedirects", d.webDomainRedirects, "Hosts whose requests go to another host.").key("www.example.org").later();
  f.optional("WebHandlers", d.webHandlers, "What the webserver answers; the first that matches counts.").later();
  f.optional("Routes", d.routes, "For all messages; after those of account and domain.");
  f.optional("MonitorDNSBLs", d.monitorDnsbls, "Zones that are watched for the addresses of this machine.").later();
}

}  // namespace mox::config
