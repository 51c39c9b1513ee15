# A whole NixOS with the sample configuration: what its unit runs, and its configuration as the server has checked it.
{ nixpkgs, pkgs, module }:
let
  system = nixpkgs.lib.nixosSystem {
    modules = [
      module
      ./sample.nix
      {
        nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
        boot.isContainer = true;
        system.stateVersion = "26.05";
      }
    ];
  };
in
pkgs.runCommand "mox-module" { } ''
  mkdir "$out"
  ln -s ${system.config.services.mox.configFile} "$out/mox.json"
  ln -s ${system.config.system.build.toplevel} "$out/system"
''
