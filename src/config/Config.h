// Config: what the configuration means. An immutable snapshot of both files,
// checked, with tables to look addresses, routes and listeners up.
//
// Take a shared_ptr once a request and keep it to its end: all pointers and
// references handed out live as long as the Config. Everything is thread safe.
// load() and ConfigSource (Source.h) make one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Ip.h"
#include "base/Result.h"
#include "config/Dynamic.h"
#include "config/Pattern.h"
#include "config/Secrets.h"
#include "config/Static.h"

namespace mox::config {

inline constexpr std::int64_t defaultMaxMessageSize = 100 << 20;  ///< bytes
inline constexpr Duration defaultFirstTimeSenderDelay = std::chrono::seconds(15);
inline constexpr std::int64_t defaultMaxOutgoingMessagesPerDay = 1000;    ///< recipients in 24 hours
inline constexpr std::int64_t defaultMaxFirstTimeRecipientsPerDay = 200;  ///< recipients in 24 hours

/// A Ruleset, ready to match. Conditions are ANDed; `settings` says what follows.
struct Rule {
  std::optional<Pattern> smtpMailFrom, msgFrom;
  std::optional<Domain> verifiedDomain, listAllowDomain;
  std::vector<std::pair<Pattern, Pattern>> headers;  ///< name and value, both in lower case
  Ruleset settings;
};

/// Reply for all mail to a destination.
struct SmtpError {
  int code = 550;
  std::string text;  ///< empty: the caller's own words
};

/// Where mail to one address, or to the rest of a domain, goes.
struct Target {
  enum class Purpose { mail, postmaster, hostTlsReports, dmarcReports, tlsReports };

  Purpose purpose = Purpose::mail;
  std::string account;
  /// Canonical: "user@example.org", "@example.org" of a catchall, domain in U-labels.
  std::string address;
  std::string mailbox;  ///< "Inbox" if the file has none
  std::vector<Rule> rules;
  std::optional<SmtpError> smtpError;
  /// Text for messages whose From domain is not verified; nothing if they are taken.
  std::optional<std::string> messageAuthRequiredError;
  std::string fullName;  ///< of this address or else of the account

  bool isCatchall() const { return !address.empty() && address.front() == '@'; }
};

/// An address that stands for several.
struct AliasTarget {
  struct Member {
    Address address;
    const Target* target = nullptr;
  };
  explicit AliasTarget(Address a) : address(std::move(a)) {}

  Address address;  ///< canonical
  std::vector<Member> members;
  bool postPublic = false;
  bool listMembers = false;
  bool allowMsgFrom = false;

  bool hasMember(std::string_view account) const;
};

struct Lookup {
  enum class Kind { account, alias, unknownAddress, unknownDomain, domainDisabled };

  Kind kind = Kind::unknownDomain;
  const Target* target = nullptr;      ///< of Kind::account
  const AliasTarget* alias = nullptr;  ///< of Kind::alias
};

/// A key that signs, with all that signing needs.
struct SigningKey {
  std::string selector;
  std::string pem;  ///< PKCS8; secret
  bool isEd25519 = false;
  std::string hash;  ///< "sha256" or "sha1"
  bool headerRelaxed = false, bodyRelaxed = false;
  std::vector<std::string> headers;  ///< never empty
  bool sealHeaders = true;
  Duration expiration{};  ///< 0: none
};

/// Where the key of a selector is.
struct DkimKeyFile {
  std::string path;        ///< resolved
  std::string algorithm;   ///< "ed25519" or "rsa2048" of a key that the server makes, else empty
  bool isMissing = false;  ///< the server makes it at its next start or reload

  bool isOurs() const { return !algorithm.empty(); }
};

struct DomainInfo {
  explicit DomainInfo(Domain n) : name(std::move(n)) {}

  Domain name;
  bool disabled = false;
  /// Has no addresses and exists only because its reports go elsewhere: receives no mail.
  bool reportsOnly = false;
  std::vector<std::string> separators;
  bool caseSensitive = false;
  /// In the order of DKIM.Sign, without those whose file is missing.
  std::vector<SigningKey> signingKeys;
  /// Of all selectors, by name.
  std::map<std::string, DkimKeyFile> keyFiles;
  /// Of DMARC and TLS reports at this domain: they may hold a separator and are not cut.
  std::vector<std::string> reportLocalparts;
  DomainSettings settings;

  /// Cut at separators and in lower case, as this domain wants it. A cut that leaves nothing is not made.
  Localpart canonical(const Localpart& localpart) const;
};

struct AccountInfo {
  AccountInfo(std::string n, Domain d) : name(std::move(n)), domain(std::move(d)) {}

  std::string name;
  Domain domain;
  std::int64_t quota = 0;  ///< bytes; 0: no limit
  std::int64_t quotaMessages = 0;  ///< 0: no limit
  std::int64_t maxOutgoingMessagesPerDay = 0;
  std::int64_t maxFirstTimeRecipientsPerDay = 0;
  std::optional<std::string> loginDisabled;                            ///< text for whoever tries
  std::optional<Pattern> junkMailbox, neutralMailbox, notJunkMailbox;  ///< on mailbox names in lower case
  std::optional<PasswordSource> password;                              ///< from a file; else it is set by command
  /// Canonical addresses ("user@example.org", "@example.org") in order, without aliases.
  std::vector<std::string> addresses;
  Account settings;
};

/// What outgoing connections are bound to, of each family; nothing: the kernel chooses.
struct OutgoingIps {
  std::optional<IpAddress> v4, v6;
};

struct ListenerInfo {
  struct KeyPair {
    std::string certFile, keyFile;  ///< resolved paths
  };
  ListenerInfo(std::string n, Domain h) : name(std::move(n)), hostname(std::move(h)) {}

  std::string name;
  Domain hostname;
  std::vector<IpAddress> ips;
  std::vector<KeyPair> keyPairs;
  /// TLSv1.0 … TLSv1.3 as 0x0301 … 0x0304.
  int minTlsVersion = 0x0303;
  std::int64_t maxMessageSize = defaultMaxMessageSize;  ///< bytes
  Duration firstTimeSenderDelay = defaultFirstTimeSenderDelay;
  bool tlsSessionTickets = false;  ///< of SMTP
  /// Ports, 0 where the protocol is off.
  std::uint16_t smtp = 0, submission = 0, submissions = 0, imap = 0, imaps = 0, metrics = 0;
  /// Where clients say by ALPN what they speak, if a protocol is EnabledOnHTTPS; where proofs for certificates from ACME are
  /// shown by TLS-ALPN-01 (not if that is https), and by HTTP-01.
  std::uint16_t https = 0, acme = 0, acmeHttp = 0;
  Listener settings;

  bool hasTls() const { return settings.tls.has_value(); }
};

struct TransportInfo {
  enum class Kind { plain, submissions, submission, smtp, socks, direct, fail };

  std::string name;
  Kind kind = Kind::plain;     ///< plain: no kind given, direct delivery without changes
  std::optional<Domain> host;  ///< of the three with a server
  std::uint16_t port = 0;
  std::vector<std::string> mechanisms;  ///< SASL, best first; empty without Auth
  Transport settings;

  /// Settings of submissions, submission or smtp; else null.
  const SmtpTransport* server() const;
};

/// Whom this server trusts to vouch for servers that it connects to.
struct Authorities {
  bool system = true;  ///< those of the operating system
  std::string pem;     ///< and these certificates
};

class Config {
 public:
  struct Tables;
  explicit Config(std::unique_ptr<const Tables> tables);
  ~Config();
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  const Static& fixed() const;
  const Dynamic& dynamic() const;

  const Domain& hostname() const;
  const Authorities& authorities() const;
  /// Resolved paths.
  const std::string& configDir() const;
  const std::string& dataDir() const;
  /// The file that fixed() was read from, for a reload to compare with.
  const std::string& staticText() const;
  /// The same for dynamic().
  const std::string& dynamicText() const;

  /// In order of name.
  const std::vector<ListenerInfo>& listeners() const;
  const std::map<std::string, TransportInfo>& transports() const;
  const std::map<std::string, AccountInfo>& accounts() const;
  const AccountInfo* account(std::string_view name) const;
  /// By A-label.
  const DomainInfo* domain(const Domain& name) const;
  std::vector<const DomainInfo*> domains() const;
  /// Addresses that SMTP listeners name, but for loopback, in the order of the listeners.
  const std::vector<IpAddress>& smtpIps() const;
  const OutgoingIps& outgoing() const;

  /// Where mail to this address goes.
  Lookup lookup(const Localpart& localpart, const Domain& domain) const;
  /// RCPT TO:<postmaster> without a domain, RFC 5321 §4.5.1.
  const Target& postmaster() const;

  /// Who logs in with this text. Any address of an account does, also with separators, on a disabled domain, or by
  /// a catchall; aliases do not. Errc::notFound. Mind AccountInfo::loginDisabled after the password.
  Result<const AccountInfo*> loginLookup(std::string_view text) const;

  enum class Sender { allowed, notAllowed, domainDisabled };
  /// May the account send with this address, in MAIL FROM and in From? Its own, with catchall and separators, and
  /// aliases with AllowMsgFrom that it is a member of.
  Sender mayUseFrom(std::string_view account, const Address& address) const;

  /// Transport of a message, null for direct delivery: the first route that matches of account, domain, all.
  /// `attempts` are those made before. `account` may be one that does not exist any more.
  const TransportInfo* route(std::string_view account, const std::optional<Domain>& from, const std::optional<Domain>& to,
                             int attempts) const;

 private:
  Lookup find(const Localpart& localpart, const Domain& domain, bool withPostmaster) const;
  std::unique_ptr<const Tables> tables_;
};

using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace mox::config
