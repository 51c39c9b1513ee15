# The options of services.mox. Those that name a field of the server's have its type and description; the names here are
# shorter, and accounts belong to domains.
{ lib, defaultPackage }:
let
  inherit (lib) mkOption mkEnableOption types;
  schema = import ./schema.nix { inherit lib; };

  # A secret is a file of the machine that runs the server, never one that Nix copies.
  secret =
    description:
    mkOption {
      type = types.nullOr (types.either types.str types.path);
      default = null;
      description = description + " Absolute, as text; the service manager hands it to the server, so root alone has to be able to read it.";
    };

  account =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
          description = "Name of the account over all domains, and of the folder with its mail: another one is another account.";
        };
        passwordFile = secret "File with the password as its only line.";
        passwordHashFile = secret "File with a hash of the password as its only line, such as `mkpasswd` prints; instead of passwordFile.";
        passwordMutable = schema.field [ "Accounts" "*" "PasswordMutable" ] { };
        addresses = mkOption {
          type = types.listOf types.str;
          default = [ name ];
          description = "Addresses of the account; without @ they are at the domain that the account belongs to.";
        };
        catchAll = mkOption {
          type = types.bool;
          default = false;
          description = "Mail to addresses of the domain that nobody has comes to this account.";
        };
        rulesets = schema.field [ "Accounts" "*" "Destinations" "*" "Rulesets" ] { };
        mailbox = schema.field [ "Accounts" "*" "Destinations" "*" "Mailbox" ] { };
        fullName = schema.field [ "Accounts" "*" "FullName" ] { };
        description = schema.field [ "Accounts" "*" "Description" ] { };
        quota = schema.field [ "Accounts" "*" "QuotaMessageSize" ] { };
        quotaMessages = schema.field [ "Accounts" "*" "QuotaMessageCount" ] { };
        maxOutgoingMessagesPerDay = schema.field [ "Accounts" "*" "MaxOutgoingMessagesPerDay" ] { };
        loginDisabled = schema.field [ "Accounts" "*" "LoginDisabled" ] { };
        routes = schema.field [ "Accounts" "*" "Routes" ] { };
      };
    };

  alias = {
    options = {
      addresses = mkOption {
        type = types.listOf types.str;
        description = "Members: addresses of accounts here; without @ they are at the domain of the alias.";
      };
      postPublic = schema.field [ "Domains" "*" "Aliases" "*" "PostPublic" ] { };
      listMembers = schema.field [ "Domains" "*" "Aliases" "*" "ListMembers" ] { };
      allowMsgFrom = schema.field [ "Domains" "*" "Aliases" "*" "AllowMsgFrom" ] { };
    };
  };

  selector = {
    options = {
      algorithm = schema.field [ "Domains" "*" "DKIM" "Selectors" "*" "Algorithm" ] { };
      privateKeyFile = secret "PEM file with the key, RSA or ed25519 in PKCS8. Without it the server makes a key of the algorithm at its first start.";
      expiration = schema.field [ "Domains" "*" "DKIM" "Selectors" "*" "Expiration" ] { };
      headers = schema.field [ "Domains" "*" "DKIM" "Selectors" "*" "Headers" ] { };
      sign = mkOption {
        type = types.bool;
        default = true;
        description = "Outgoing mail is signed with the key; else it is only published, for before and after a change of keys.";
      };
    };
  };

  reports =
    kind: localpart: mailbox:
    mkOption {
      default = null;
      description = "Where reports about the domain by ${kind} arrive.";
      type = types.nullOr (
        types.submodule {
          options = {
            account = schema.field [ "Domains" "*" kind "Account" ] {
              type = types.str;
              default = "";
              description = "Account that receives the reports; that of the postmaster unless given.";
            };
            localpart = schema.field [ "Domains" "*" kind "Localpart" ] { default = localpart; };
            domain = schema.field [ "Domains" "*" kind "Domain" ] { };
            mailbox = schema.field [ "Domains" "*" kind "Mailbox" ] { default = mailbox; };
          };
        }
      );
    };

  mtasts = {
    options = {
      mode = schema.field [ "Domains" "*" "MTASTS" "Mode" ] { default = "enforce"; };
      maxAge = schema.field [ "Domains" "*" "MTASTS" "MaxAge" ] { default = "168h"; };
      mx = schema.field [ "Domains" "*" "MTASTS" "MX" ] { };
      policyId = schema.field [ "Domains" "*" "MTASTS" "PolicyID" ] {
        description = "Changes whenever the policy changes. Made from the policy unless given.";
      };
    };
  };

  domain = {
    options = {
      disabled = schema.field [ "Domains" "*" "Disabled" ] { };
      description = schema.field [ "Domains" "*" "Description" ] { };
      clientSettingsDomain = schema.field [ "Domains" "*" "ClientSettingsDomain" ] { };
      separators = schema.field [ "Domains" "*" "LocalpartCatchallSeparators" ] { };
      caseSensitive = schema.field [ "Domains" "*" "LocalpartCaseSensitive" ] { };
      routes = schema.field [ "Domains" "*" "Routes" ] { };
      accounts = mkOption {
        type = types.attrsOf (types.submodule account);
        default = { };
        description = "Accounts of the domain. One that is taken out cannot log in and gets no mail any more; its mail is kept.";
      };
      aliases = mkOption {
        type = types.attrsOf (types.submodule alias);
        default = { };
        description = "Addresses that stand for several others, by localpart.";
      };
      dkim.selectors = mkOption {
        type = types.nullOr (types.attrsOf (types.submodule selector));
        default = null;
        description = "Keys that sign outgoing mail, by the name they are published under. Those of the state version unless given; { } is none.";
      };
      dmarc = reports "DMARC" "dmarcreports" "DMARC";
      tlsrpt = reports "TLSRPT" "tlsreports" "TLSRPT";
      mtasts = mkOption {
        type = types.nullOr (types.submodule mtasts);
        default = null;
        description = "Policy that tells others to use TLS, RFC 8461. The server does not serve it yet, of which the system warns.";
      };
    };
  };

  protocol = field: enabled: {
    enable = mkOption {
      type = types.bool;
      default = enabled;
      description = "Whether to listen for ${field}.";
    };
    port = schema.field [ "Listeners" "*" field "Port" ] { type = types.nullOr types.port; };
  };

  listener =
    { name, ... }:
    let
      public = name == "public";
    in
    {
      options = {
        ips = schema.field [ "Listeners" "*" "IPs" ] {
          type = types.listOf types.str;
          default = [
            "0.0.0.0"
            "::"
          ];
        };
        natIps = schema.field [ "Listeners" "*" "NATIPs" ] { };
        hostname = schema.field [ "Listeners" "*" "Hostname" ] { };
        tls = mkOption {
          type = types.bool;
          default = true;
          description = "The certificates of services.mox.tls are used.";
        };
        minTlsVersion = schema.field [ "Listeners" "*" "TLS" "MinVersion" ] { };
        maxMessageSize = schema.field [ "Listeners" "*" "SMTPMaxMessageSize" ] { };
        smtp = protocol "SMTP" public // {
          requireStartTls = schema.field [ "Listeners" "*" "SMTP" "RequireSTARTTLS" ] { };
          firstTimeSenderDelay = schema.field [ "Listeners" "*" "SMTP" "FirstTimeSenderDelay" ] { };
        };
        submission = protocol "Submission" false;
        submissions = protocol "Submissions" public;
        imap = protocol "IMAP" false;
        imaps = protocol "IMAPS" public;
        metrics = protocol "MetricsHTTP" false;
      };
    };

  certificate = {
    options = {
      certFile = mkOption {
        type = types.either types.str types.path;
        description = "PEM file with the certificate and its intermediates.";
      };
      keyFile = mkOption {
        type = types.either types.str types.path;
        description = "PEM file with the private key; root alone has to be able to read it.";
      };
    };
  };

  binding = {
    options = {
      keyId = mkOption {
        type = types.str;
        description = "Name of the key, given by the provider.";
      };
      keyFile = mkOption {
        type = types.either types.str types.path;
        description = "File with the secret of the key, base64url as the provider shows it. Absolute, as text; root alone has to be able to read it.";
      };
    };
  };

  acme = {
    enable = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the server gets and renews its certificates itself, for the names of its listeners and the clientSettingsDomain of each domain. To turn it on is to agree to the terms of the provider.";
    };
    directory = schema.field [ "ACME" "*" "DirectoryURL" ] {
      type = types.str;
      default = "https://acme-v02.api.letsencrypt.org/directory";
    };
    email = schema.field [ "ACME" "*" "ContactEmail" ] { };
    port = schema.field [ "ACME" "*" "Port" ] {
      type = types.nullOr types.port;
      description = "Port on which the provider's proof by TLS (tls-alpn-01) is answered, 443 unless given. Providers know 443 alone: another one is for a host whose 443 is passed on to it.";
    };
    http = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the proof by HTTP (http-01) is answered too, at port 80, which then answers nothing else.";
    };
    renewBefore = schema.field [ "ACME" "*" "RenewBefore" ] { };
    externalAccountBinding = mkOption {
      type = types.nullOr (types.submodule binding);
      default = null;
      description = "Ties the account that the server makes to one you have with the provider, RFC 8555 section 7.3.4. Some providers want it; Let's Encrypt does not.";
    };
  };
in
{
  enable = mkEnableOption "mox, a mail server";
  package = mkOption (
    {
      type = types.package;
      description = "The server. The one of the flake that this module comes from, not the program of the same name in nixpkgs.";
    }
    // (if defaultPackage == null then { } else { default = defaultPackage; })
  );
  stateVersion = mkOption {
    type = types.nullOr (types.enum [ 1 ]);
    default = null;
    description = "Which defaults name what is kept or published, such as DKIM selectors. 1 for a new server; afterwards change it only after reading the notes on changes.";
  };
  hostname = schema.field [ "Hostname" ] { type = types.nullOr (types.strMatching "[^[:space:].]+([.][^[:space:].]+)+"); };
  logLevel = schema.field [ "LogLevel" ] { default = "info"; };
  postmaster = {
    account = schema.field [ "Postmaster" "Account" ] {
      description = "Account that receives mail to the postmaster. If there is only one account, that one unless given.";
    };
    mailbox = schema.field [ "Postmaster" "Mailbox" ] { default = "Postmaster"; };
  };
  adminPasswordFile = secret "File with the bcrypt hash of the admin password.";
  domains = mkOption {
    type = types.attrsOf (types.submodule domain);
    default = { };
    description = "Domains that mail is received for, by name in Unicode.";
  };
  listeners = mkOption {
    type = types.attrsOf (types.submodule listener);
    default = {
      public = { };
    };
    description = "What is listened on. The one called public has SMTP, submission with TLS and IMAP with TLS unless they are turned off.";
  };
  tls = {
    certificates = mkOption {
      type = types.listOf (types.submodule certificate);
      default = [ ];
      description = "Certificates with their keys, instead of acme; the one for the name that a client asks for is used, else the first.";
    };
    useACMEHost = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = "Name in security.acme.certs of the certificate to use. After a renewal the server restarts, in about a tenth of a second.";
    };
    inherit acme;
  };
  credentials = mkOption {
    type = types.attrsOf (types.either types.str types.path);
    default = { };
    example = {
      smarthost = "/run/keys/smarthost";
    };
    description = "Further secrets, for use in settings, where the one called smarthost is /run/credentials/mox.service/smarthost.";
  };
  openFirewall = mkOption {
    type = types.bool;
    default = false;
    description = "Whether to open the ports that listeners have on addresses other machines can reach: of the mail protocols, and those where tls.acme proves that names are ours.";
  };
  checkConfig = mkOption {
    type = types.bool;
    default = true;
    description = "Whether the server checks its configuration when the system is built. Off only where the builder cannot run it.";
  };
  settings = mkOption {
    type = schema.type;
    default = { };
    example = {
      Accounts.alice.MaxFirstTimeRecipientsPerDay = 50;
    };
    description = "Fields of the configuration by the server's own names, `mox config describe-static` and `describe-domains`. What other options say is here too; mkForce overrides it.";
  };
  dnsRecords = mkOption {
    type = types.attrsOf (types.listOf (types.attrsOf types.str));
    readOnly = true;
    description = "For each domain the DNS records that need no key: lists of name, type and data in the form of zone files. DKIM and TLSA come from `mox dns records`, and so do all records with names outside ASCII, which Nix cannot turn to A-labels: to ask for those of such a domain is an error.";
  };
  configFile = mkOption {
    type = types.package;
    readOnly = true;
    description = "The configuration as JSON, checked.";
  };
}
