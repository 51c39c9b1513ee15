# services.mox without NixOS: the options of NixOS that it sets, declared as far as it uses them, and a package set of the few
# things it names. `evaluate modules` gives what a test wants of a system: the unit, files, ports. `binary` is the file of a
# server, which becomes a package in the store; `storeBinary` is a package that is taken as it is.
{ binary ? null, storeBinary ? null, system ? builtins.currentSystem }:
let
  lib = import ./lib.nix;
  inherit (lib) mkOption types;

  any = default: mkOption { type = types.anything; inherit default; };
  list = mkOption { type = types.listOf types.anything; default = [ ]; };
  attrs = mkOption { type = types.attrsOf types.anything; default = { }; };

  service = {
    options = {
      description = any "";
      wantedBy = list;
      wants = list;
      after = list;
      environment = attrs;
      restartTriggers = list;
      reloadTriggers = list;
      serviceConfig = mkOption { type = types.attrsOf types.anything; };
    };
  };

  options = {
    assertions = mkOption { type = types.listOf types.raw; default = [ ]; };
    warnings = list;
    environment.etc = attrs;
    environment.systemPackages = list;
    environment.variables = attrs;
    networking.firewall.allowedTCPPorts = list;
    users.users = attrs;
    users.groups = attrs;
    security.acme.certs = mkOption {
      type = types.attrsOf (
        types.submodule (
          { name, ... }:
          {
            options.directory = mkOption { default = "/var/lib/acme/${name}"; type = types.str; };
            options.postRun = mkOption { default = ""; type = types.lines; };
            options.domain = mkOption { default = name; type = types.str; };
          }
        )
      );
      default = { };
    };
    systemd.package = any "/run/current-system/systemd";
    systemd.services = mkOption { type = types.attrsOf (types.submodule service); default = { }; };
  };

  # Real derivations, for a store of its own with the machine's /usr in the sandbox.
  pkgs = {
    inherit lib system;
    stdenv.hostPlatform = {
      inherit system;
    };
    runCommand =
      name: env: script:
      derivation (
        env
        // {
          inherit name system script;
          builder = "/bin/bash";
          args = [ "-euc" ". \"$scriptPath\"" ];
          passAsFile = [ "script" ] ++ env.passAsFile or [ ];
          PATH = "/usr/bin:/bin";
        }
      );
  };

  # As NixOS does: nothing can be had of a system whose assertions fail.
  systemOf =
    {
      modules,
      pkgs' ? pkgs,
      specialArgs ? { },
    }:
    let
      inherit (lib.evalModules {
        specialArgs = { pkgs = pkgs'; } // specialArgs;
        modules = [ { inherit options; } ] ++ modules;
      }) config;
      failed = map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions);
    in
    if failed == [ ] then config else throw ("\nFailed assertions:\n- " + builtins.concatStringsSep "\n- " failed);

  # The server as this tree's build made it; `binary` is its file.
  built = pkgs.runCommand "mox" { inherit binary; } ''
    mkdir -p "$out/bin"
    cp "$binary" "$out/bin/mox"
    chmod 755 "$out/bin/mox"
  '';

  word = v: if builtins.isBool v then (if v then "true" else "false") else toString v;
  lines =
    section: values:
    "[${section}]\n" + builtins.concatStringsSep "" (builtins.concatMap (key: map (v: "${key}=${word v}\n") (if builtins.isList values.${key} then values.${key} else [ values.${key} ])) (builtins.attrNames values));
  # As NixOS writes it, and [Install], which NixOS replaces by links.
  unit =
    s:
    lines "Unit" { Description = s.description; Wants = s.wants; After = s.after; X-Restart-Triggers = map (t: builtins.hashString "sha256" (toString t)) s.restartTriggers; }
    + "\n"
    + lines "Service" ({ Environment = map (key: "\"${key}=${s.environment.${key}}\"") (builtins.attrNames s.environment); } // s.serviceConfig)
    + "\n"
    + lines "Install" { WantedBy = s.wantedBy; };
in
{
  inherit lib pkgs systemOf;
  evaluate =
    modules:
    let
      module = import ../default.nix { packageFor = _: if storeBinary == null then built else storeBinary; };
      checked = systemOf { modules = [ module ] ++ modules; };
      json = (import ../json.nix).text checked.services.mox.settings;
    in
    {
      config = checked;
      inherit json;
      unit = unit checked.systemd.services.mox;
      firewall = checked.networking.firewall.allowedTCPPorts;
      credentials = checked.systemd.services.mox.serviceConfig.LoadCredential;
      dnsRecords = checked.services.mox.dnsRecords;
      restartTriggers = map toString checked.systemd.services.mox.restartTriggers;
      acme = checked.security.acme.certs;
    };
}
