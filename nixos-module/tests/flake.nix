# Stands for nixpkgs where that cannot be had: `nix flake check --no-build --override-input nixpkgs path:nixos-module/tests`.
# Its packages are names without content, its NixOS knows the options that are set here, a test of virtual machines is the
# evaluation of their systems. So what a flake says is checked for mistakes, and nothing can be built.
{
  outputs =
    { self }:
    let
      lib = import ./lib.nix;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];

      nameOnly =
        system: name:
        derivation {
          inherit name system;
          builder = "/bin/false";
          outputs = [ "out" "bin" "dev" ];
        };

      packagesOf =
        system:
        let
          base = (import ./nixos.nix { inherit system; }).pkgs;
          named = lib.genAttrs [ "binutils" "cacert" "ccache" "cmake" "cppunit" "curl" "fmt" "glibc" "ldns" "libarchive" "libidn2" "libpsl" "libunistring" "libxcrypt" "ninja" "openssl" "pkg-config" "poco" "prometheus-cpp" "python3" "sqlite" "tl-expected" "tzdata" "zlib" ] (nameOnly system);
          pkgs = base // named // {
            callPackage =
              file: more:
              let
                f = import file;
              in
              f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // more);
            stdenv = base.stdenv // {
              mkDerivation = d: derivation (removeAttrs d [ "meta" "env" ] // d.env or { } // { name = "${d.pname}-${d.version}"; inherit system; builder = "/bin/false"; }) // { inherit (d) meta pname version; };
            };
            mkShell = d: derivation (d // { name = "shell"; inherit system; builder = "/bin/false"; inputsFrom = map toString d.inputsFrom; packages = map toString d.packages; });
            writeText = name: text: builtins.toFile name text;
            writeScriptBin = name: text: pkgs.runCommand name { inherit text; } "";
            path = ./nixpkgs;
            testers.runNixOSTest = test test';
          };
          test' = pkgs;
        in
        pkgs;

      # Other options of NixOS that the machines of tests set.
      others = {
        options = {
          nixpkgs.hostPlatform = anything;
          boot.isContainer = anything;
          system = anything;
          services = lib.genAttrs [ "unbound" "postfix" ] (_: anything);
          networking.nameservers = anything;
          networking.firewall.enable = anything;
          networking.firewall.allowedUDPPorts = anything;
          networking.primaryIPAddress = lib.mkOption { type = lib.types.str; default = "192.168.1.1"; };
          systemd.tmpfiles = anything;
        };
      };
      anything = lib.mkOption {
        type = lib.types.anything;
        default = { };
      };

      systemOf = system: (import ./nixos.nix { inherit system; }).systemOf;

      test =
        pkgs:
        { name, nodes, testScript, globalTimeout }:
        let
          evaluated = builtins.mapAttrs (
            _: module:
            systemOf pkgs.system {
              modules = [ module others ];
              pkgs' = pkgs;
              specialArgs = { nodes = evaluated; };
            }
          ) nodes;
        in
        pkgs.runCommand name {
          inherit testScript globalTimeout;
          systems = builtins.toJSON (builtins.mapAttrs (_: c: [ (c.systemd.services.mox.serviceConfig or null) c.services.unbound c.services.postfix c.systemd.tmpfiles ]) evaluated);
        } "";
    in
    {
      lib = lib // {
        nixosSystem =
          { modules }:
          let
            system = (builtins.foldl' (found: m: if m ? nixpkgs then m.nixpkgs.hostPlatform else found) "x86_64-linux" (builtins.filter builtins.isAttrs modules));
            config = systemOf system {
              modules = modules ++ [ others ];
              pkgs' = packagesOf system;
            };
          in
          {
            config = config // {
              system.build.toplevel = (packagesOf system).runCommand "toplevel" { unit = builtins.toJSON config.systemd.services.mox.serviceConfig; } "";
            };
          };
      };
      legacyPackages = lib.genAttrs systems packagesOf;
    };
}
