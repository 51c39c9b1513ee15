// Each rule of validation: what breaks it, and the line of the error.
#include "config/Fixture.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

struct Case {
  std::string from, to, error;
};

/// The errors after an edit of one of the files, one a line.
std::string errorsOf(bool inFixed, const Case& c) {
  test::ConfigFixture f;
  test::ConfigFixture::replace(inFixed ? f.fixed : f.dynamic, c.from, c.to);
  return config::text(f.load().errors);
}

void check(bool inFixed, const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    std::string file = inFixed ? "/c/mox.conf:" : "/c/domains.conf:";
    auto errors = errorsOf(inFixed, c);
    CHECK_MSG("for " + c.to + "\nexpected " + file + c.error + "\nfound    " + errors, errors == file + c.error + "\n");
  }
}

const std::string smtp = "\t\tSMTP:\n\t\t\tEnabled: true\n";
const std::string smtpPlus = smtp + "\t\t\t";  // a field of SMTP follows in line 16
const std::string submissions = "\t\tSubmissions:\n";
const std::string relay = "\t\t\tHost: relay.example.net\n";
const std::string relayPlus = relay + "\t\t\t";                       // line 27
const std::string quota = "QuotaMessageSize: 5000\n";                 // line 30
const std::string work = "\t\t\t\tMailbox: Work\n";                   // line 27 of domains.conf
const std::string description = "\t\tDescription: U. Ser\n";                // line 24 of domains.conf
const std::string separator = "\t\tLocalpartCatchallSeparator: +\n";  // line 3 of domains.conf
const std::string key = "dkim/a.pem\n";                               // line 8 of domains.conf

}  // namespace

struct CheckTest : test::Suite<CheckTest> {
  static void list(List& l) {
    l.add("the fixture is good", &CheckTest::good);
    l.add("mox.conf in general", &CheckTest::general);
    l.add("log levels of packages that there are not", &CheckTest::packages);
    l.add("listeners", &CheckTest::listeners);
    l.add("protocols of listeners", &CheckTest::protocols);
    l.add("listeners that want the same socket", &CheckTest::collisions);
    l.add("transports", &CheckTest::transports);
    l.add("domains", &CheckTest::domains);
    l.add("DKIM", &CheckTest::dkim);
    l.add("reports and policies", &CheckTest::reports);
    l.add("accounts", &CheckTest::accounts);
    l.add("destinations", &CheckTest::destinations);
    l.add("rulesets", &CheckTest::rulesets);
    l.add("aliases", &CheckTest::aliases);
    l.add("routes", &CheckTest::routes);
    l.add("web", &CheckTest::web);
    l.add("files that cannot be read", &CheckTest::files);
    l.add("several errors at once", &CheckTest::several);
  }

  void good() {
    auto loaded = test::ConfigFixture().load();
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    CHECK_EQ(std::string(), config::text(loaded.warnings));
  }

  void general() {
    check(
        true,
        {
            {"DataDir: ../data", "DataDir: ", "1: DataDir: must not be empty"},
            {"DataDir: ../data\n", "", "1: missing required key \"DataDir\""},
            {"LogLevel: info", "LogLevel: loud",
             "2: LogLevel: unknown value \"loud\", expected one of print, error, warn, info, debug, trace, traceauth, tracedata"},
            {quota, quota + "PackageLogLevels:\n\tqueue: loud\n",
             "32: PackageLogLevels.queue: unknown value \"loud\", expected one of print, error, warn, info, debug, trace, traceauth, "
             "tracedata"},
            {"Hostname: mail.example.org", "Hostname: mail..org",
             "3: Hostname: \"mail..org\" is not a domain: invalid label in domain name"},
            {"Hostname: mail.example.org", "Hostname: mail.xn--mnchen-3ya.de",
             "3: Hostname: domain must be written in Unicode: mail.m\xc3\xbcnchen.de"},
            {"Hostname: mail.example.org", "Hostname: mail.example.org.", "3: Hostname: domain must be written without a dot at its end"},
            {quota, "QuotaMessageSize: -1\n", "30: QuotaMessageSize: must not be negative"},
            {"Account: admin", "Account: nobody", "21: Postmaster.Account: there is no account \"nobody\""},
            {"Mailbox: Postmaster", "Mailbox: a//b", "22: Postmaster.Mailbox: mailbox name has an empty part at a slash"},
            {quota, quota + "HostTLSRPT:\n\tAccount: nobody\n\tMailbox: T\n\tLocalpart: t\n",
             "32: HostTLSRPT.Account: there is no account \"nobody\""},
            {quota, quota + "HostTLSRPT:\n\tAccount: user\n\tMailbox: T\n\tLocalpart: \xc3\xbc\n",
             "34: HostTLSRPT.Localpart: must be ASCII, since senders of reports may not know UTF-8"},
            {quota, quota + "InitialMailboxes:\n\tRegular:\n\t\t- inbox\n",
             "33: InitialMailboxes.Regular[0]: mailbox name must not be Inbox"},
            {quota, quota + "InitialMailboxes:\n\tRegular:\n\t\t- Inbox/a\n",
             "33: InitialMailboxes.Regular[0]: mailbox must not be below Inbox"},
            {quota, quota + "InitialMailboxes:\n\tRegular:\n\t\t- a\n\t\t- a\n",
             "34: InitialMailboxes.Regular[1]: mailbox \"a\" is named twice"},
            {quota, quota + "InitialMailboxes:\n\tSpecialUse:\n\t\tSent: a/b\n",
             "33: InitialMailboxes.SpecialUse.Sent: mailbox with a role must be at the top, without slash"},
            {quota, quota + "InitialMailboxes:\n\tRegular:\n\t\t- a\nDefaultMailboxes:\n\t- b\n",
             "34: DefaultMailboxes: not together with InitialMailboxes"},
            {quota, quota + "TLS:\n\tCA:\n\t\tCertFiles:\n\t\t\t- none.pem\n",
             "34: TLS.CA.CertFiles[0]: cannot read none.pem: no such file"},
            {quota, quota + "TLS:\n\tCA:\n\t\tCertFiles:\n\t\t\t- junk.pem\n",
             "34: TLS.CA.CertFiles[0]: no certificate in PEM in junk.pem"},
            {quota, quota + "TLS:\n\tCA:\n\t\tCertFiles:\n\t\t\t- tls/half.pem\n",
             "34: TLS.CA.CertFiles[0]: a certificate that cannot be read in tls/half.pem"},
            {quota, quota + "ACME:\n\tle:\n\t\tDirectoryURL: ftp://x\n\t\tContactEmail: a@b.org\n",
             "33: ACME.le.DirectoryURL: \"ftp://x\" is not an http or https URL"},
            {quota, quota + "ACME:\n\tle:\n\t\tDirectoryURL: https://x\n\t\tContactEmail: me\n",
             "34: ACME.le.ContactEmail: not an email address"},
            {quota,
             quota + "ACME:\n\tle:\n\t\tDirectoryURL: https://x\n\t\tContactEmail: a@b.org\n\t\tExternalAccountBinding:\n\t\t\tKeyID: k\n",
             "35: ACME.le.ExternalAccountBinding: missing required key \"KeyFile\""},
            {quota,
             quota + "ACME:\n\tle:\n\t\tDirectoryURL: https://x\n\t\tContactEmail: a@b.org\n\t\tExternalAccountBinding:\n\t\t\tKeyID: "
                     "k\n\t\t\tKeyFile: none\n",
             "37: ACME.le.ExternalAccountBinding.KeyFile: cannot read none: no such file"},
        });
  }

  void packages() {
    test::ConfigFixture f;
    test::ConfigFixture::replace(f.fixed, quota, quota + "PackageLogLevels:\n\tqueue: debug\n\timapsrvr: trace\n");
    auto loaded = f.load();
    CHECK_MSG(config::text(loaded.errors), loaded.ok());
    CHECK_EQ(std::string("/c/mox.conf:33: PackageLogLevels.imapsrvr: there is no such package, there are acme, app, ctl, imapserver, login, net, queue, "
                         "smtpserver, store\n"),
             config::text(loaded.warnings));
  }

  void listeners() {
    const std::string nat = "\t\tTLS:\n";
    check(true,
          {
              {"- 192.0.2.1\n", "- 192.0.2.300\n", "7: Listeners.public.IPs[0]: \"192.0.2.300\" is not an IP address"},
              {"- 2001:db8::1\n", "- 192.0.2.1\n", "8: Listeners.public.IPs[1]: address is listed twice"},
              {nat, "\t\tNATIPs:\n\t\t\t- 127.0.0.1\n" + nat, "10: Listeners.public.NATIPs[0]: must be a public address"},
              {nat, "\t\tNATIPs:\n\t\t\t- 198.51.100.1\n\t\tIPsNATed: true\n" + nat,
               "11: Listeners.public.IPsNATed: not together with NATIPs"},
              {nat, "\t\tHostname: -x-\n" + nat, "9: Listeners.public.Hostname: \"-x-\" is not a domain: invalid label in domain name"},
              {nat, nat + "\t\t\tACME: le\n",
               "9: Listeners.public.TLS: ACME and KeyCerts exclude each other\n/c/mox.conf:10: Listeners.public.TLS.ACME: there is no "
               "provider \"le\" under ACME"},
              {nat, nat + "\t\t\tMinVersion: SSLv3\n",
               "10: Listeners.public.TLS.MinVersion: unknown value \"SSLv3\", expected one of TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3"},
              {nat, nat + "\t\t\tHostPrivateKeyFiles:\n\t\t\t\t- dkim/a.pem\n",
               "11: Listeners.public.TLS.HostPrivateKeyFiles[0]: dkim/a.pem: host key must be RSA with 2048 bits or ECDSA on P-256"},
              {nat, nat + "\t\t\tHostPrivateKeyFiles:\n\t\t\t\t- none\n",
               "11: Listeners.public.TLS.HostPrivateKeyFiles[0]: cannot read none: no such file"},
              {"CertFile: tls/cert.pem", "CertFile: none.pem",
               "12: Listeners.public.TLS.KeyCerts[0].CertFile: cannot read none.pem: no such file"},
              {"CertFile: tls/cert.pem", "CertFile: junk.pem", "11: Listeners.public.TLS.KeyCerts[0]: no certificate in PEM"},
              {"KeyFile: tls/key.pem", "KeyFile: junk.pem", "11: Listeners.public.TLS.KeyCerts[0]: no usable private key in PEM"},
              {"KeyFile: tls/key.pem", "KeyFile: dkim/a.pem",
               "11: Listeners.public.TLS.KeyCerts[0]: private key does not belong to the certificate"},
          });
    test::ConfigFixture f;
    auto tls = f.fixed.find("\t\tTLS:\n"), end = f.fixed.find(smtp);
    f.fixed.replace(tls, end - tls, "\t\tTLS:\n\t\t\tMinVersion: TLSv1.2\n");
    CHECK_EQ(std::string("/c/mox.conf:9: Listeners.public.TLS: needs either ACME or KeyCerts\n"), config::text(f.load().errors));
    f.fixed.replace(tls, f.fixed.find(smtp) - tls, "");
    CHECK_EQ(std::string("/c/mox.conf:9: Listeners.public.SMTP: needs TLS in this listener, or NoSTARTTLS\n"
                         "/c/mox.conf:11: Listeners.public.Submissions: needs TLS in this listener\n"
                         "/c/mox.conf:13: Listeners.public.IMAPS: needs TLS in this listener\n"),
             config::text(f.load().errors));
  }

  void protocols() {
    check(true,
          {
              {smtp, smtpPlus + "Port: 65536\n", "16: Listeners.public.SMTP.Port: port must be from 1 to 65535"},
              {smtp, smtpPlus + "Port: 465\n", "17: Listeners.public.Submissions: port 465 is that of SMTP already"},
              {smtp, "\t\tSMTP:\n\t\t\tPort: 25\n", "14: Listeners.public.SMTP: missing required key \"Enabled\""},
              {smtp, smtpPlus + "NoSTARTTLS: true\n\t\t\tRequireSTARTTLS: true\n",
               "17: Listeners.public.SMTP.RequireSTARTTLS: not together with NoSTARTTLS"},
              {smtp, smtpPlus + "FirstTimeSenderDelay: -1s\n", "16: Listeners.public.SMTP.FirstTimeSenderDelay: must not be negative"},
              {smtp, smtpPlus + "DNSBLs:\n\t\t\t\t- a..b\n",
               "17: Listeners.public.SMTP.DNSBLs[0]: \"a..b\" is not a domain: invalid label in domain name"},
              {submissions, "\t\tSMTPMaxMessageSize: -1\n" + submissions, "16: Listeners.public.SMTPMaxMessageSize: must not be negative"},
              {submissions, "\t\tAdminHTTP:\n\t\t\tEnabled: true\n\t\t\tPath: admin/\n" + submissions,
               "18: Listeners.public.AdminHTTP.Path: must start with a slash"},
              {submissions,
               "\t\tAutoconfigHTTPS:\n\t\t\tEnabled: true\n\t\t\tNonTLS: true\n\t\tMTASTSHTTPS:\n\t\t\tEnabled: true\n" + submissions,
               "19: Listeners.public.MTASTSHTTPS: shares its port with AutoconfigHTTPS, so both must have the same NonTLS"},
              {submissions, "\t\tMetricsHTTP:\n\t\t\tEnabled: true\n\t\tPprofHTTP:\n\t\t\tEnabled: true\n\t\t\tPort: 8010\n" + submissions,
               "18: Listeners.public.PprofHTTP: must not share its port"},
          });
  }

  void collisions() {
    // Another listener, from line 20 on, which comes after "public", or with the name "a" before it.
    auto other = [](const std::string& name, const std::string& ips, const std::string& services) {
      return "\t" + name + ":\n\t\tIPs:\n" + ips + services + "Postmaster:\n";
    };
    auto ip = [](const std::string& text) { return "\t\t\t- " + text + "\n"; };
    auto on = [](const std::string& service, const std::string& more = "") { return "\t\t" + service + ":\n\t\t\tEnabled: true\n" + more; };
    const std::string noTls = "\t\t\tNoSTARTTLS: true\n", tls = "\t\tTLS:\n\t\t\tKeyCerts:\n\t\t\t\t-\n\t\t\t\t\tCertFile: tls/cert.pem\n\t\t\t\t\tKeyFile: tls/key.pem\n";
    const std::string smtpOn = on("SMTP", noTls), metricsAt25 = on("MetricsHTTP", "\t\t\tPort: 25\n");
    const std::string byAlpn = on("IMAPS", "\t\t\tPort: 994\n\t\t\tEnabledOnHTTPS: true\n"), byAlpnToo = on("IMAPS", "\t\t\tPort: 995\n\t\t\tEnabledOnHTTPS: true\n");
    check(true,
          {
              {"Postmaster:\n", other("z", ip("192.0.2.1"), smtpOn), "23: Listeners.z.SMTP: 192.0.2.1:25 is that of SMTP of listener \"public\" already"},
              {"Postmaster:\n", other("a", ip("192.0.2.1"), smtpOn), "14: Listeners.public.SMTP: 192.0.2.1:25 is that of SMTP of listener \"a\" already"},
              {"Postmaster:\n", other("z", ip("192.0.2.9") + ip("2001:db8::1"), metricsAt25),
               "24: Listeners.z.MetricsHTTP: [2001:db8::1]:25 is that of SMTP of listener \"public\" already"},
              {"Postmaster:\n", other("z", ip("0.0.0.0"), smtpOn),
               "23: Listeners.z.SMTP: 0.0.0.0:25 cannot be listened at beside 192.0.2.1:25 for SMTP of listener \"public\""},
              {"Postmaster:\n", other("a", ip("::"), smtpOn),
               "14: Listeners.public.SMTP: [2001:db8::1]:25 cannot be listened at beside [::]:25 for SMTP of listener \"a\""},
              {"Postmaster:\n", other("z", ip("198.51.100.1") + ip("0.0.0.0"), on("MetricsHTTP")),
               "24: Listeners.z.MetricsHTTP: 0.0.0.0:8010 cannot be listened at beside 198.51.100.1:8010 for MetricsHTTP of listener \"z\""},
              // Mail by ALPN is opened before the metrics here, and so in their way.
              {"Postmaster:\n", other("a", ip("192.0.2.1"), tls + byAlpn + "\tb:\n\t\tIPs:\n" + ip("192.0.2.1") + on("MetricsHTTP", "\t\t\tPort: 443\n")),
               "35: Listeners.b.MetricsHTTP: 192.0.2.1:443 is that of EnabledOnHTTPS of listener \"a\" already"},
          });
    auto isGood = [](const std::string& listener) {
      test::ConfigFixture f;
      test::ConfigFixture::replace(f.fixed, "Postmaster:\n", listener);
      CHECK_EQ(std::string(), config::text(f.load().errors));
    };
    isGood(other("z", ip("192.0.2.2") + ip("2001:db8::2"), smtpOn));
    isGood(other("z", ip("0.0.0.0") + ip("::"), on("MetricsHTTP")));  // that of IPv6 is without IPv4
    isGood(other("z", ip("192.0.2.1"), on("Submission", "\t\t\tNoRequireSTARTTLS: true\n")));
    // Mail by ALPN shares 443 with all of its listener that is HTTPS, and is done without where somebody else has the port.
    isGood(other("a", ip("192.0.2.1"), tls + byAlpn + on("WebserverHTTPS") + on("AutoconfigHTTPS")));
    isGood(other("z", ip("192.0.2.1"), tls + byAlpn + "\tzz:\n\t\tIPs:\n" + ip("0.0.0.0") + tls + byAlpnToo));
  }

  void transports() {
    check(true,
          {
              {relay, "\t\t\tHost: a b\n", "26: Transports.smart.SMTP.Host: \"a b\" is not a domain: invalid label in domain name"},
              {relay, relayPlus + "Port: -1\n", "27: Transports.smart.SMTP.Port: port must be from 1 to 65535"},
              {relay, relay + "\t\tDirect: nil\n", "24: Transports.smart: has more than one kind of transport"},
              {relay, relayPlus + "Auth:\n\t\t\t\tUsername: u\n\t\t\t\tPassword: p\n\t\t\t\tMechanisms:\n\t\t\t\t\t- LOGIN\n",
               "31: Transports.smart.SMTP.Auth.Mechanisms[0]: unknown value \"LOGIN\", expected one of SCRAM-SHA-256-PLUS, SCRAM-SHA-256, "
               "SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, PLAIN"},
              {relay,
               relayPlus + "Auth:\n\t\t\t\tUsername: u\n\t\t\t\tPassword: p\n\t\t\t\tMechanisms:\n\t\t\t\t\t- PLAIN\n\t\t\t\t\t- PLAIN\n",
               "32: Transports.smart.SMTP.Auth.Mechanisms[1]: mechanism is listed twice"},
              {relay, relayPlus + "Auth:\n\t\t\t\tUsername: \n\t\t\t\tPassword: p\n",
               "28: Transports.smart.SMTP.Auth.Username: must not be empty"},
              {"\t\tSMTP:\n" + relay, "\t\tSubmissions:\n" + relayPlus + "NoSTARTTLS: true\n",
               "27: Transports.smart.Submissions.NoSTARTTLS: not with Submissions, which has TLS from the start"},
              {"DisableIPv6: true\n", "DisableIPv6: true\n\t\t\tDisableIPv4: true\n",
               "28: Transports.direct4.Direct: DisableIPv4 and DisableIPv6 together leave nothing"},
              {"\t\tDirect:\n\t\t\tDisableIPv6: true\n", "\t\tFail:\n\t\t\tSMTPCode: 250\n",
               "29: Transports.direct4.Fail.SMTPCode: must be from 400 to 599"},
              {"\t\tDirect:\n\t\t\tDisableIPv6: true\n",
               "\t\tSocks:\n\t\t\tAddress: host\n\t\t\tRemoteIPs:\n\t\t\t\t- x\n\t\t\tRemoteHostname: r.org\n",
               "29: Transports.direct4.Socks.Address: expected host:port\n/c/mox.conf:31: Transports.direct4.Socks.RemoteIPs[0]: \"x\" is "
               "not an IP address"},
          });
  }

  void domains() {
    check(false, {
                     {"\texample.com: nil\n",
                      "\texample.com: nil\n\tb\xc3\xbc"
                      "cher.de: nil\n\txn--bcher-kva.de: nil\n",
                      "18: Domains.xn--bcher-kva.de: domain must be written in Unicode: b\xc3\xbc"
                      "cher.de\n/c/domains.conf:18: Domains.xn--bcher-kva.de: the same domain as \"b\xc3\xbc"
                      "cher.de\""},
                     {"\texample.com: nil\n", "\texample.com: nil\n\tEXAMPLE.com: nil\n",
                      "16: Domains.example.com: the same domain as \"example.com\""},
                     {"\texample.com: nil\n", "\texample.com: nil\n\ta b: nil\n",
                      "17: Domains.a b: \"a b\" is not a domain: invalid label in domain name"},
                     {separator, separator + "\t\tLocalpartCatchallSeparators:\n\t\t\t- -\n",
                      "4: Domains.example.org.LocalpartCatchallSeparators: not together with LocalpartCatchallSeparator"},
                     {separator, "\t\tLocalpartCatchallSeparators:\n\t\t\t- -\n\t\t\t- -\n",
                      "5: Domains.example.org.LocalpartCatchallSeparators[1]: separator is listed twice"},
                     {separator, "\t\tLocalpartCatchallSeparators:\n\t\t\t- \n",
                      "4: Domains.example.org.LocalpartCatchallSeparators[0]: separator must not be empty"},
                     {separator, separator + "\t\tClientSettingsDomain: .\n",
                      "4: Domains.example.org.ClientSettingsDomain: \".\" is not a domain: empty domain"},
                     {"Accounts:\n", "MonitorDNSBLs:\n\t- a..b\nAccounts:\n",
                      "18: MonitorDNSBLs[0]: \"a..b\" is not a domain: invalid label in domain name"},
                 });
  }

  void dkim() {
    const std::string plus = key + "\t\t\t\t\t";  // line 9
    check(
        false,
        {
            {key, "none.pem\n", "8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: cannot read none.pem: no such file"},
            {key, "dkim/junk.pem\n",
             "8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: dkim/junk.pem: not a private key in PEM of PKCS8"},
            {key, "dkim/old.pem\n",
             "8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: dkim/old.pem: not a private key in PEM of PKCS8"},
            {key, "dkim/short.pem\n",
             "8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: dkim/short.pem: RSA key has 512 bits, at least 1024 are needed"},
            {key, "dkim/ec.pem\n",
             "8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: dkim/ec.pem: ECDSA keys cannot sign for DKIM, use RSA or "
             "ed25519"},
            {key, plus + "Hash: md5\n",
             "9: Domains.example.org.DKIM.Selectors.2026a.Hash: unknown value \"md5\", expected one of sha256, sha1"},
            {key, plus + "Hash: sha1\n", "9: Domains.example.org.DKIM.Selectors.2026a.Hash: ed25519 keys sign only with sha256"},
            {key, plus + "Headers:\n\t\t\t\t\t\t- To\n", "9: Domains.example.org.DKIM.Selectors.2026a.Headers: must contain From"},
            {key, plus + "Headers:\n\t\t\t\t\t\t- From\n\t\t\t\t\t\t- a b\n",
             "11: Domains.example.org.DKIM.Selectors.2026a.Headers[1]: not the name of a header field"},
            {"Expiration: 72h", "Expiration: -72h", "7: Domains.example.org.DKIM.Selectors.2026a.Expiration: must not be negative"},
            {"Expiration: 72h", "Expiration: 3d",
             "7: Domains.example.org.DKIM.Selectors.2026a.Expiration: expected a duration such as 15s, 1h30m or 72h, found \"3d\""},
            {"\t\t\t\t- 2026a\n", "\t\t\t\t- 2026b\n", "10: Domains.example.org.DKIM.Sign[0]: there is no selector \"2026b\""},
            {"\t\t\t\t- 2026a\n", "\t\t\t\t- 2026a\n\t\t\t\t- 2026a\n", "11: Domains.example.org.DKIM.Sign[1]: selector is listed twice"},
            {"2026a:\n", "a..b:\n",
             "6: Domains.example.org.DKIM.Selectors.a..b: not a name for DNS: invalid label in domain name\n/c/domains.conf:10: "
             "Domains.example.org.DKIM.Sign[0]: there is no selector \"2026a\""},
        });
  }

  void reports() {
    auto dmarc = [](const std::string& localpart, const std::string& account, const std::string& domain) {
      return separator + "\t\tDMARC:\n\t\t\tLocalpart: " + localpart + "\n\t\t\tAccount: " + account + "\n\t\t\tMailbox: D\n" + domain;
    };
    auto mtaSts = [](const std::string& id, const std::string& mode, const std::string& age) {
      return separator + "\t\tMTASTS:\n\t\t\tPolicyID: " + id + "\n\t\t\tMode: " + mode + "\n\t\t\tMaxAge: " + age + "\n";
    };
    const std::string need = "4: Domains.example.org.MTASTS: needs a listener with MTASTSHTTPS in mox.conf";
    check(false,
          {
              {separator, dmarc("\xc3\xbc", "user", ""),
               "5: Domains.example.org.DMARC.Localpart: must be ASCII, since senders of reports may not know UTF-8"},
              {separator, dmarc("d", "nobody", ""), "6: Domains.example.org.DMARC.Account: there is no account \"nobody\""},
              {separator, dmarc("d", "user", "\t\t\tDomain: example.net\n"), "8: Domains.example.org.DMARC.Domain: is not under Domains"},
              {separator, mtaSts("1", "enforce", "24h"), need},
              {separator, mtaSts("a-b", "none", "24h"),
               "5: Domains.example.org.MTASTS.PolicyID: must be 1 to 32 letters and digits\n/c/domains.conf:" + need},
              {separator, mtaSts("1", "force", "24h"),
               "6: Domains.example.org.MTASTS.Mode: unknown value \"force\", expected one of enforce, testing, none"},
              {separator, mtaSts("1", "testing", "9000h"),
               "7: Domains.example.org.MTASTS.MaxAge: must be from 0 to 31557600s, about a year\n/c/domains.conf:" + need},
          });
  }

  void accounts() {
    auto field = [](const std::string& text) { return description + "\t\t" + text; };  // line 25
    check(
        false,
        {
            {"\tuser:\n\t\tDomain: example.org\n", "\tuser:\n\t\tDomain: a b\n",
             "23: Accounts.user.Domain: \"a b\" is not a domain: invalid label in domain name\n"
             "/c/domains.conf:14: Domains.example.org.Aliases.team.Addresses[0]: user@example.org is not an address of an account"},
            {"\tuser:\n", "\t../user:\n", "22: Accounts.../user: account name must not start with a dot"},
            {"\tuser:\n", "\tus/er:\n", "22: Accounts.us/er: account name must not hold a slash"},
            {description, field("LoginDisabled: g\xc3\xa4ste\n"), "25: Accounts.user.LoginDisabled: text must be printable ASCII"},
            {description, field("LoginDisabled: " + std::string(256, 'x') + "\n"),
             "25: Accounts.user.LoginDisabled: text must be shorter than 256 characters"},
            {description, field("RejectsMailbox: INBOX\n"), "25: Accounts.user.RejectsMailbox: mailbox name must not be Inbox"},
            {description, field("MaxOutgoingMessagesPerDay: -1\n"), "25: Accounts.user.MaxOutgoingMessagesPerDay: must not be negative"},
            {description, field("MaxFirstTimeRecipientsPerDay: -1\n"), "25: Accounts.user.MaxFirstTimeRecipientsPerDay: must not be negative"},
            {description, field("KeepRetiredMessagePeriod: -1h\n"), "25: Accounts.user.KeepRetiredMessagePeriod: must not be negative"},
            {description, field("OutgoingWebhook:\n\t\t\tURL: x\n"),
             "26: Accounts.user.OutgoingWebhook.URL: \"x\" is not an http or https URL"},
            {description, field("OutgoingWebhook:\n\t\t\tURL: https://x\n\t\t\tEvents:\n\t\t\t\t- sent\n"),
             "28: Accounts.user.OutgoingWebhook.Events[0]: unknown value \"sent\", expected one of delivered, suppressed, delayed, failed, "
             "relayed, expanded, canceled, unrecognized"},
            {description, field("FromIDLoginAddresses:\n\t\t\t- admin@example.org\n"),
             "26: Accounts.user.FromIDLoginAddresses[0]: is not an address of this account"},
            {description, field("AutomaticJunkFlags:\n\t\t\tEnabled: true\n\t\t\tJunkMailboxRegexp: (\n"),
             "27: Accounts.user.AutomaticJunkFlags.JunkMailboxRegexp: invalid regular expression: missing ) (at offset 1)"},
            {description, field("JunkFilter:\n\t\t\tThreshold: 2\n\t\t\tParams: nil\n"),
             "26: Accounts.user.JunkFilter.Threshold: must be from 0 to 1"},
            {description, field("JunkFilter:\n\t\t\tThreshold: 0.9\n"), "25: Accounts.user.JunkFilter: missing required key \"Params\""},
            {description, field("JunkFilter:\n\t\t\tThreshold: 0.9\n\t\t\tParams:\n\t\t\t\tMaxPower: 0.5\n\t\t\t\tIgnoreWords: -0.1\n"),
             "28: Accounts.user.JunkFilter.Params.MaxPower: must be at least 0 and less than 0.5\n"
             "/c/domains.conf:29: Accounts.user.JunkFilter.Params.IgnoreWords: must be at least 0 and less than 0.5"},
        });
  }

  void destinations() {
    const std::string user = "\t\t\tuser@example.org:\n";  // line 26
    check(
        false,
        {
            {user, "\t\t\tUser2+x@example.org: nil\n" + user,
             "26: Accounts.user.Destinations.User2+x@example.org: localpart holds a separator of the domain, so it could never be reached"},
            {user, "\t\t\tADMIN@example.org: nil\n" + user,
             "26: Accounts.user.Destinations.ADMIN@example.org: the same address as admin@example.org of account admin"},
            {user, "\t\t\tUser@example.org: nil\n" + user,
             "27: Accounts.user.Destinations.user@example.org: the same address as user@example.org of account user"},
            {user, "\t\t\tx@example.net: nil\n" + user,
             "26: Accounts.user.Destinations.x@example.net: domain example.net is not under Domains"},
            {user, "\t\t\t@example.net: nil\n" + user, "26: Accounts.user.Destinations.@example.net: domain is not under Domains"},
            {"admin@example.org: nil\n", "admin@example.org: nil\n\t\t\t@example.com: nil\n",
             "29: Accounts.user.Destinations.@example.com: account admin has the rest of this domain already"},
            {work, "\t\t\t\tSMTPError: 451 no\n",
             "27: Accounts.user.Destinations.user@example.org.SMTPError: expected 421 or 550, perhaps with a space and a text"},
            {work, "\t\t\t\tSMTPError: 5501\n",
             "27: Accounts.user.Destinations.user@example.org.SMTPError: expected 421 or 550, perhaps with a space and a text"},
            {work, work + "\t\t\t\tSMTPError: 550\n",
             "28: Accounts.user.Destinations.user@example.org.SMTPError: not together with Mailbox or Rulesets"},
            {work, work + "\t\t\t\tMessageAuthRequiredSMTPError: \xc3\xbc\n",
             "28: Accounts.user.Destinations.user@example.org.MessageAuthRequiredSMTPError: text must be printable ASCII"},
            {work, "\t\t\t\tMailbox: /x\n",
             "27: Accounts.user.Destinations.user@example.org.Mailbox: mailbox name has an empty part at a slash"},
        });
  }

  void rulesets() {
    const std::string head = work + "\t\t\t\tRulesets:\n\t\t\t\t\t-\n";  // fields from line 30 on
    auto rule = [&](std::initializer_list<const char*> fields) {
      std::string out = head;
      for (const auto* field : fields) out += "\t\t\t\t\t\t" + std::string(field) + "\n";
      return out;
    };
    const std::string at = " Accounts.user.Destinations.user@example.org.Rulesets[0]";
    check(false,
          {
              {work, rule({"Mailbox: M"}),
               "29:" + at + ": needs at least one condition: SMTPMailFromRegexp, MsgFromRegexp, VerifiedDomain or HeadersRegexp"},
              {work, rule({"MsgFromRegexp: x"}), "29:" + at + ": missing required key \"Mailbox\""},
              {work, rule({"Mailbox: M", "VerifiedDomain: a b"}),
               "31:" + at + ".VerifiedDomain: \"a b\" is not a domain: invalid label in domain name"},
              {work, rule({"Mailbox: M", "MsgFromRegexp: x", "AcceptRejectsToMailbox: Inbox"}),
               "32:" + at + ".AcceptRejectsToMailbox: mailbox name must not be Inbox"},
              {work, rule({"Mailbox: M", "MsgFromRegexp: x", "IsForward: true"}),
               "32:" + at + ".IsForward: needs SMTPMailFromRegexp and VerifiedDomain"},
              {work, rule({"Mailbox: M", "SMTPMailFromRegexp: x", "VerifiedDomain: a.org", "IsForward: true", "ListAllowDomain: a.org"}),
               "34:" + at + ".ListAllowDomain: not together with IsForward"},
              {work, rule({"Mailbox: M", "HeadersRegexp:", "\tList-Id: x"}),
               "32:" + at + ".HeadersRegexp.List-Id: must be in lower case, as it is matched with lower case text"},
          });
    auto bad = errorsOf(false, {work, rule({"Mailbox: M", "SMTPMailFromRegexp: a(", "MsgFromRegexp: a{2,1}"}), ""});
    CHECK(bad.find("domains.conf:31:" + at + ".SMTPMailFromRegexp: invalid regular expression") != std::string::npos);
    CHECK(bad.find("domains.conf:32:" + at + ".MsgFromRegexp: invalid regular expression") != std::string::npos);
  }

  void aliases() {
    const std::string member = "\t\t\t\t\t- user@example.org\n";  // line 14
    const std::string alias = " Domains.example.org.Aliases.";
    check(false, {
                     {member, member + "\t\t\t\t\t- User+x@EXAMPLE.org\n", "15:" + alias + "team.Addresses[1]: member is listed twice"},
                     {member, "\t\t\t\t\t- other@example.org\n",
                      "14:" + alias + "team.Addresses[0]: other@example.org is not an address of an account"},
                     {member, "\t\t\t\t\t- any@example.com\n",
                      "14:" + alias + "team.Addresses[0]: any@example.com is not an address of an account"},
                     {member, "\t\t\t\t\t- team@example.org\n",
                      "14:" + alias + "team.Addresses[0]: team@example.org is not an address of an account"},
                     {member, "\t\t\t\t\t- x\n", "14:" + alias + "team.Addresses[0]: not an address: address without @"},
                     {"\t\t\t\tAddresses:\n" + member, "\t\t\t\tAddresses: nil\n", "13:" + alias + "team.Addresses: must not be empty"},
                     {"\t\t\tteam:\n", "\t\t\tte+am:\n",
                      "12:" + alias + "te+am: localpart holds a separator of the domain, so it could never be reached"},
                     {"\t\t\tteam:\n", "\t\t\tAdmin:\n", "12:" + alias + "Admin: is an address of account admin already"},
                     {"\t\t\tteam:\n", "\t\t\tTEAM:\n\t\t\t\tAddresses:\n" + member + "\t\t\tteam:\n",
                      "15:" + alias + "team: the same address as another alias"},
                 });
  }

  void routes() {
    auto route = [](const std::string& indent, const std::string& transport, const std::string& more) {
      return indent + "Routes:\n" + indent + "\t-\n" + indent + "\t\tTransport: " + transport + "\n" + more;
    };
    check(false,
          {
              {"Accounts:\n", route("", "none", "") + "Accounts:\n", "19: Routes[0].Transport: there is no transport \"none\""},
              {"Accounts:\n", route("", "smart", "\t\tToDomain:\n\t\t\t- .a..b\n") + "Accounts:\n",
               "21: Routes[0].ToDomain[0]: \"a..b\" is not a domain: invalid label in domain name"},
              {"Accounts:\n", route("", "smart", "\t\tMinimumAttempts: -1\n") + "Accounts:\n",
               "20: Routes[0].MinimumAttempts: must not be negative"},
              {separator, separator + route("\t\t", "none", ""),
               "6: Domains.example.org.Routes[0].Transport: there is no transport \"none\""},
              {description, description + route("\t\t", "none", ""), "27: Accounts.user.Routes[0].Transport: there is no transport \"none\""},
              {"Accounts:\n", "Routes:\n\t-\n\t\tMinimumAttempts: 1\nAccounts:\n", "18: Routes[0]: missing required key \"Transport\""},
          });
  }

  void web() {
    auto handler = [](const std::string& path, const std::string& rest) {
      return "WebHandlers:\n\t-\n\t\tDomain: w.org\n\t\tPathRegexp: " + path + "\n" + rest + "Accounts:\n";  // rest from line 21 on
    };
    const std::string forward = "\t\tWebForward:\n\t\t\tURL: http://127.0.0.1:8000\n";
    check(false,
          {
              {"Accounts:\n", handler("^/", ""),
               "18: WebHandlers[0]: needs exactly one of WebStatic, WebRedirect, WebForward and WebInternal"},
              {"Accounts:\n", handler("^/", forward + "\t\tWebStatic:\n\t\t\tRoot: r\n"),
               "18: WebHandlers[0]: needs exactly one of WebStatic, WebRedirect, WebForward and WebInternal"},
              {"Accounts:\n", handler("/", forward), "20: WebHandlers[0].PathRegexp: must start with ^"},
              {"Accounts:\n", handler("^/", "\t\tWebForward:\n\t\t\tURL: x\n"),
               "22: WebHandlers[0].WebForward.URL: \"x\" is not an http or https URL"},
              {"Accounts:\n", handler("^/", forward + "\t\t\tResponseHeaders:\n\t\t\t\ta b: c\n"),
               "24: WebHandlers[0].WebForward.ResponseHeaders.a b: not the name of a header field"},
              {"Accounts:\n", handler("^/", "\t\tWebRedirect:\n\t\t\tBaseURL: https://x/p\n"),
               "22: WebHandlers[0].WebRedirect.BaseURL: must have no path"},
              {"Accounts:\n", handler("^/", "\t\tWebRedirect:\n\t\t\tOrigPathRegexp: a\n"),
               "21: WebHandlers[0].WebRedirect: OrigPathRegexp and ReplacePath need each other"},
              {"Accounts:\n", handler("^/", "\t\tWebRedirect:\n\t\t\tBaseURL: https://x\n\t\t\tStatusCode: 200\n"),
               "23: WebHandlers[0].WebRedirect.StatusCode: must be from 300 to 399"},
              {"Accounts:\n", handler("^/", "\t\tWebInternal:\n\t\t\tBasePath: /x\n\t\t\tService: admin\n"),
               "22: WebHandlers[0].WebInternal.BasePath: must start and end with a slash"},
              {"Accounts:\n", handler("^/", "\t\tWebInternal:\n\t\t\tBasePath: /x/\n\t\t\tService: shell\n"),
               "23: WebHandlers[0].WebInternal.Service: unknown value \"shell\", expected one of admin, account, webmail, webapi"},
              {"Accounts:\n", "WebDomainRedirects:\n\ta.org: A.org\nAccounts:\n", "18: WebDomainRedirects.a.org: redirects to itself"},
          });
  }

  void files() {
    test::ConfigFixture f;
    CHECK_EQ(std::string("/c/mox.conf: cannot read: no such file\n"), config::text(config::load("/c/mox.conf", f.reader()).errors));
    f.files["/c/mox.conf"] = f.fixed;
    CHECK_EQ(std::string("/c/domains.conf: cannot read: no such file\n"), config::text(config::load("/c/mox.conf", f.reader()).errors));
    f.files["/c/domains.conf"] = f.dynamic;
    CHECK(config::load("/c/mox.conf", f.reader()).ok());
  }

  void several() {
    test::ConfigFixture f;
    test::ConfigFixture::replace(f.fixed, "Account: admin", "Account: nobody");
    test::ConfigFixture::replace(f.dynamic, key, "none.pem\n");
    test::ConfigFixture::replace(f.dynamic, work, "\t\t\t\tMailbox: /\n");
    auto loaded = f.load();
    CHECK(!loaded.ok());
    CHECK_EQ(std::size_t(3), loaded.errors.size());
    f.dynamic += "Nonsense\n";
    CHECK_EQ(std::string("/c/domains.conf:29: expected \"Key: value\", found no colon\n"), config::text(f.load().errors));
  }
};
SUITE(CheckTest);
