# Secrets: each has a name by which systemd hands it to the server (LoadCredential), so that the files can belong to root,
# whatever made them (sops, agenix, by hand). `file` is where the server finds a secret.
{ lib, cfg }:
let
  folder = "/run/credentials/mox.service";
  plain = text: if builtins.match "[A-Za-z0-9._-]+" text != null then text else builtins.substring 0 20 (builtins.hashString "sha256" text);
  name = words: builtins.concatStringsSep "-" (map plain words);
  of =
    option: words: path:
    if path == null then
      [ ]
    else
      [
        {
          inherit option path;
          name = name words;
        }
      ];

  accountSecrets =
    domain: key: account:
    let
      at = "services.mox.domains.\"${domain}\".accounts.\"${key}\"";
    in
    of "${at}.passwordFile" [ "account" account.name "password" ] account.passwordFile
    ++ of "${at}.passwordHashFile" [ "account" account.name "hash" ] account.passwordHashFile;

  domainSecrets =
    domain: settings:
    builtins.concatLists (lib.mapAttrsToList (accountSecrets domain) settings.accounts)
    ++ builtins.concatLists (
      lib.mapAttrsToList (
        selector: key: of "services.mox.domains.\"${domain}\".dkim.selectors.\"${selector}\".privateKeyFile" [ "dkim" domain selector ] key.privateKeyFile
      ) (if settings.dkim.selectors == null then { } else settings.dkim.selectors)
    );

  certificates = builtins.genList (
    i:
    let
      pair = builtins.elemAt cfg.tls.certificates i;
      at = "services.mox.tls.certificates: ";
    in
    of "${at}certFile" [ "tls" (toString i) "cert" ] pair.certFile ++ of "${at}keyFile" [ "tls" (toString i) "key" ] pair.keyFile
  ) (builtins.length cfg.tls.certificates);

  # Only if it is used: systemd starts no unit whose credential it cannot find.
  binding = if cfg.tls.acme.enable then cfg.tls.acme.externalAccountBinding else null;

  list =
    of "services.mox.adminPasswordFile" [ "admin-password" ] cfg.adminPasswordFile
    ++ lib.optionals (binding != null) (of "services.mox.tls.acme.externalAccountBinding.keyFile" [ "acme" "binding" ] binding.keyFile)
    ++ builtins.concatLists (lib.mapAttrsToList domainSecrets cfg.domains)
    ++ builtins.concatLists certificates
    ++ lib.mapAttrsToList (key: path: {
      option = "services.mox.credentials.\"${key}\"";
      name = key;
      inherit path;
    }) cfg.credentials;

  names = map (s: s.name) list;
  twice = builtins.filter (name: builtins.length (builtins.filter (n: n == name) names) > 1) names;
  text = path: toString path;
  refuse =
    s: condition: reason:
    {
      assertion = !condition;
      message = "${s.option} is ${text s.path}: ${reason}";
    };
in
{
  file = words: path: if path == null then null else "${folder}/${name words}";
  acme = host: directory: [
    {
      name = "acme-cert";
      path = "${directory}/fullchain.pem";
    }
    {
      name = "acme-key";
      path = "${directory}/key.pem";
    }
  ];
  inherit folder list;
  load = map (s: "${s.name}:${text s.path}");
  assertions =
    builtins.concatMap (s: [
      (refuse s (builtins.isPath s.path) "Nix would copy it into its store, where everybody can read it. Write it in quotes, as the path of a file of the machine.")
      (refuse s (!(builtins.isPath s.path) && lib.hasPrefix (builtins.storeDir + "/") (text s.path)) "everybody can read what is below ${builtins.storeDir}. Give the path of a file outside of it.")
      (refuse s (builtins.match "/[^[:space:]:%]+" (text s.path) == null) "the path of a secret is absolute, without blanks, colons and percent signs.")
    ]) list
    ++ [
      {
        assertion = builtins.all (s: builtins.match "[A-Za-z0-9._-]+" s.name != null) list;
        message = "services.mox.credentials: names are made of letters, digits, dots, dashes and underscores.";
      }
      {
        assertion = twice == [ ];
        message = "services.mox: several secrets have the name ${toString (lib.unique twice)}.";
      }
    ];
}
