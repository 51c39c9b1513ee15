# services.mox: the NixOS module. See README.md. The flake gives the package; without a flake set services.mox.package.
{ packageFor ? (_: null) }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf;
  cfg = config.services.mox;
  json = import ./json.nix;
  secrets = import ./secrets.nix { inherit lib cfg; };
  rendered = import ./render.nix { inherit lib cfg secrets; };
  settings = json.strip cfg.settings;
  # Fields whose change needs no restart: those of `mox config describe-domains`, which a test compares.
  dynamic = [
    "Domains"
    "Accounts"
    "WebDomainRedirects"
    "WebHandlers"
    "Routes"
    "MonitorDNSBLs"
  ];
  acme = cfg.tls.useACMEHost; # of security.acme; the server's own is cfg.tls.acme
  ways =
    lib.optional cfg.tls.acme.enable "acme.enable"
    ++ lib.optional (acme != null) "useACMEHost"
    ++ lib.optional (cfg.tls.certificates != [ ]) "certificates";
  credentials =
    secrets.load secrets.list
    ++ lib.optionals (acme != null) (secrets.load (secrets.acme acme config.security.acme.certs.${acme}.directory));
  names = map (account: account.name) rendered.accounts;
  twice = builtins.filter (name: builtins.length (builtins.filter (n: n == name) names) > 1) names;
  both = builtins.filter (account: account.passwordFile != null && account.passwordHashFile != null) rendered.accounts;
  configPath = "/etc/mox/mox.json";
in
{
  options.services.mox = import ./options.nix {
    inherit lib;
    defaultPackage = packageFor pkgs;
  };

  config = mkIf cfg.enable {
    # Without what was not said, which settings may then say.
    services.mox.settings = json.strip rendered.settings;
    services.mox.dnsRecords = import ./dns.nix { inherit lib settings; };
    # The server itself reads the file while the system is built, without the secrets, which are not there then.
    services.mox.configFile =
      pkgs.runCommand "mox.json"
        {
          text = json.text cfg.settings;
          passAsFile = [ "text" ];
        }
        (
          ''
            cp "$textPath" mox.json
          ''
          + lib.optionalString cfg.checkConfig ''
            ${cfg.package}/bin/mox -config "$PWD/mox.json" config check -no-secrets
          ''
          + ''
            cp mox.json "$out"
          ''
        );

    assertions = [
      {
        assertion = cfg.hostname != null;
        message = "services.mox.hostname: say the full name of this machine, such as mail.example.org.";
      }
      {
        assertion = cfg.stateVersion != null;
        message = "services.mox.stateVersion: say 1 for a new server.";
      }
      {
        assertion = cfg.domains != { };
        message = "services.mox.domains: say which domains this server receives mail for.";
      }
      {
        assertion = rendered.postmaster != null;
        message = "services.mox.postmaster.account: say which account mail to the postmaster comes to; there ${
          if names == [ ] then "is none" else "are ${toString (builtins.length names)}"
        }.";
      }
      {
        assertion = rendered.postmaster == null || builtins.hasAttr rendered.postmaster cfg.settings.Accounts;
        message = "services.mox.postmaster.account: there is no account ${toString rendered.postmaster}.";
      }
      {
        assertion = twice == [ ];
        message = "services.mox: the account ${toString (lib.unique twice)} is in more than one domain. Names of accounts are those of folders: give one of them another `name`.";
      }
      {
        assertion = both == [ ];
        message = "services.mox: account ${toString (map (a: a.name) both)} has passwordFile and passwordHashFile. Give one of them.";
      }
      {
        assertion = !cfg.tls.acme.enable || builtins.length ways == 1;
        message = "services.mox.tls: ${builtins.concatStringsSep " and " ways} exclude each other. Certificates come from one of them.";
      }
      {
        assertion = ways != [ ] || builtins.all (l: !l.tls) (builtins.attrValues cfg.listeners);
        message = "services.mox.tls: say where certificates come from: tls.acme.enable, tls.useACMEHost or tls.certificates. A listener works without them only with `tls = false`.";
      }
      {
        assertion = !cfg.tls.acme.enable || cfg.tls.acme.email != null;
        message = "services.mox.tls.acme.email: say at which address the provider of certificates can reach you.";
      }
    ]
    ++ secrets.assertions;

    warnings = lib.optional rendered.hasPolicies "services.mox: the server does not serve MTA-STS policies yet, so that others will not find those of domains.*.mtasts.";

    users.users.mox = {
      isSystemUser = true;
      group = "mox";
      home = "/var/lib/mox";
      description = "Mail server";
    };
    users.groups.mox = { };

    environment.etc."mox/mox.json".source = cfg.configFile;
    environment.systemPackages = [ cfg.package ];
    environment.variables.MOXCONF = configPath;

    networking.firewall.allowedTCPPorts = lib.optionals cfg.openFirewall ((import ./ports.nix).open settings);

    # systemd reads credentials at start only, so that a renewed certificate takes a restart.
    security.acme.certs = lib.optionalAttrs (acme != null) {
      ${acme}.postRun = "${config.systemd.package}/bin/systemctl --no-block try-restart mox.service";
    };

    systemd.services.mox = {
      description = "mox mail server";
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ] ++ lib.optional (acme != null) "acme-${acme}.service";
      after = [
        "network-online.target"
        "nss-lookup.target"
      ]
      ++ lib.optional (acme != null) "acme-${acme}.service";
      environment.MOXCONF = configPath;
      restartTriggers = [ (json.text (removeAttrs cfg.settings dynamic)) ];
      reloadTriggers = [ cfg.configFile ];
      serviceConfig = import ./service.nix {
        inherit credentials;
        inherit (cfg) package;
      };
    };
  };
}
