# A whole NixOS for each of the samples: what its unit runs, and its configuration as the server has checked it.
{ nixpkgs, pkgs, module }:
let
  systemOf =
    sample:
    nixpkgs.lib.nixosSystem {
      modules = [
        module
        sample
        {
          nixpkgs.hostPlatform = pkgs.stdenv.hostPlatform.system;
          boot.isContainer = true;
          system.stateVersion = "26.05";
        }
      ];
    };
  of = name: sample: ''
    mkdir "$out/${name}"
    ln -s ${(systemOf sample).config.services.mox.configFile} "$out/${name}/mox.json"
    ln -s ${(systemOf sample).config.system.build.toplevel} "$out/${name}/system"
  '';
in
pkgs.runCommand "mox-module" { } ''
  mkdir "$out"
  ${of "everything" ./sample.nix}
  ${of "acme" ./acme.nix}
''
