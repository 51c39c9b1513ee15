# What the options say, by the server's names. Null is left out of the file.
{ lib, cfg, secrets }:
let
  inherit (builtins) concatLists listToAttrs map;
  inherit (import ./ports.nix) reachesOthers;

  accounts = concatLists (lib.mapAttrsToList (domain: settings: map (account: account // { inherit domain; }) (builtins.attrValues settings.accounts)) cfg.domains);
  postmaster =
    if cfg.postmaster.account != null then
      cfg.postmaster.account
    else if builtins.length accounts == 1 then
      (builtins.head accounts).name
    else
      null;

  at = domain: address: if builtins.match ".*@.*" address != null then address else "${address}@${domain}";

  account = a: {
    inherit (a) name;
    value = {
      Domain = a.domain;
      Description = a.description;
      FullName = a.fullName;
      PasswordFile = secrets.file [ "account" a.name "password" ] a.passwordFile;
      PasswordHashFile = secrets.file [ "account" a.name "hash" ] a.passwordHashFile;
      PasswordMutable = a.passwordMutable;
      LoginDisabled = a.loginDisabled;
      QuotaMessageSize = a.quota;
      QuotaMessageCount = a.quotaMessages;
      MaxOutgoingMessagesPerDay = a.maxOutgoingMessagesPerDay;
      Routes = a.routes;
      Destinations = listToAttrs (
        map (name: {
          inherit name;
          value = {
            Mailbox = a.mailbox;
            Rulesets = a.rulesets;
          };
        }) (map (at a.domain) a.addresses ++ lib.optional a.catchAll "@${a.domain}")
      );
    };
  };

  alias = domain: a: {
    Addresses = map (at domain) a.addresses;
    PostPublic = a.postPublic;
    ListMembers = a.listMembers;
    AllowMsgFrom = a.allowMsgFrom;
  };

  # Both kinds of key: receivers that know ed25519 have the strong one, all others know RSA.
  standardSelectors = {
    "1" = {
      mox-rsa = { algorithm = "rsa2048"; };
      mox-ed25519 = { algorithm = "ed25519"; };
    };
  };
  standardSelector = { algorithm = null; privateKeyFile = null; expiration = null; headers = null; sign = true; };

  dkim =
    domain: given:
    let
      # Without a state version an assertion says so; what is rendered meanwhile does not matter.
      standard = standardSelectors.${toString (if cfg.stateVersion == null then 1 else cfg.stateVersion)};
      selectors = if given == null then builtins.mapAttrs (_: s: standardSelector // s) standard else given;
    in
    {
      Selectors = builtins.mapAttrs (name: s: {
        Algorithm = s.algorithm;
        PrivateKeyFile = secrets.file [ "dkim" domain name ] s.privateKeyFile;
        Canonicalization = {
          HeaderRelaxed = true;
          BodyRelaxed = true;
        };
        Expiration = s.expiration;
        Headers = s.headers;
      }) selectors;
      Sign = builtins.filter (name: selectors.${name}.sign) (builtins.attrNames selectors);
    };

  reports =
    r:
    if r == null then
      null
    else
      {
        Localpart = r.localpart;
        Domain = r.domain;
        Account = if r.account == "" then postmaster else r.account;
        Mailbox = r.mailbox;
      };

  mtasts =
    m:
    if m == null then
      null
    else
      {
        PolicyID = if m.policyId != null then m.policyId else builtins.substring 0 20 (builtins.hashString "sha256" (builtins.toJSON [ m.mode m.maxAge m.mx cfg.hostname ]));
        Mode = m.mode;
        MaxAge = m.maxAge;
        MX = m.mx;
      };

  domain = name: d: {
    Disabled = d.disabled;
    Description = d.description;
    ClientSettingsDomain = d.clientSettingsDomain;
    LocalpartCatchallSeparators = d.separators;
    LocalpartCaseSensitive = d.caseSensitive;
    DKIM = dkim name d.dkim.selectors;
    DMARC = reports d.dmarc;
    TLSRPT = reports d.tlsrpt;
    MTASTS = mtasts d.mtasts;
    Routes = d.routes;
    Aliases = builtins.mapAttrs (_: alias name) d.aliases;
  };

  keyCerts =
    builtins.genList (i: {
      CertFile = "${secrets.folder}/tls-${toString i}-cert";
      KeyFile = "${secrets.folder}/tls-${toString i}-key";
    }) (builtins.length cfg.tls.certificates)
    ++ lib.optional (cfg.tls.useACMEHost != null) {
      CertFile = "${secrets.folder}/acme-cert";
      KeyFile = "${secrets.folder}/acme-key";
    };

  # The name of the provider among others that settings may add. It says who asks, not who is asked: that is the directory.
  provider = "acme";

  providers =
    let
      a = cfg.tls.acme;
    in
    if !a.enable then
      null
    else
      {
        ${provider} = {
          DirectoryURL = a.directory;
          ContactEmail = a.email;
          Port = a.port;
          RenewBefore = a.renewBefore;
          ExternalAccountBinding =
            if a.externalAccountBinding == null then
              null
            else
              {
                KeyID = a.externalAccountBinding.keyId;
                KeyFile = secrets.file [ "acme" "binding" ] a.externalAccountBinding.keyFile;
              };
        };
      };

  # One that is off is left out.
  protocol = p: more: if p.enable then { Enabled = true; Port = p.port; } // more else null;

  hasPolicies = builtins.any (d: d.mtasts != null) (builtins.attrValues cfg.domains);

  listener = name: l: {
    IPs = l.ips;
    NATIPs = l.natIps;
    Hostname = l.hostname;
    TLS =
      if l.tls then
        {
          ACME = if cfg.tls.acme.enable then provider else null;
          KeyCerts = if cfg.tls.acme.enable then null else keyCerts;
          MinVersion = l.minTlsVersion;
        }
      else
        null;
    SMTPMaxMessageSize = l.maxMessageSize;
    SMTP = protocol l.smtp {
      RequireSTARTTLS = l.smtp.requireStartTls;
      FirstTimeSenderDelay = l.smtp.firstTimeSenderDelay;
      NoSTARTTLS = if l.tls then null else true;
    };
    Submission = protocol l.submission { };
    Submissions = protocol l.submissions { };
    IMAP = protocol l.imap { };
    IMAPS = protocol l.imaps { };
    MetricsHTTP = protocol l.metrics { };
    # No provider comes to an address that is only of this machine, whose port 80 may be somebody else's.
    WebserverHTTP = if l.tls && cfg.tls.acme.enable && cfg.tls.acme.http && reachesOthers l.ips then { Enabled = true; } else null;
    MTASTSHTTPS = if name == "public" && hasPolicies then { Enabled = true; } else null;
  };
in
{
  inherit accounts postmaster hasPolicies;
  settings = {
    Declared = true;
    DataDir = "/var/lib/mox";
    User = "mox";
    Hostname = cfg.hostname;
    LogLevel = cfg.logLevel;
    AdminPasswordFile = secrets.file [ "admin-password" ] cfg.adminPasswordFile;
    Postmaster = {
      Account = postmaster;
      Mailbox = cfg.postmaster.mailbox;
    };
    ACME = providers;
    Listeners = builtins.mapAttrs listener cfg.listeners;
    Domains = builtins.mapAttrs domain cfg.domains;
    Accounts = listToAttrs (map account accounts);
  };
}
