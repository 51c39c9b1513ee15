# Stands for nixpkgs' module of a machine with Pebble: what others ask of it.
{ lib, ... }:
{
  options.test-support.acme = {
    caDomain = lib.mkOption {
      type = lib.types.str;
      default = "acme.test";
    };
    caCert = lib.mkOption {
      type = lib.types.path;
      default = ./default.nix;
    };
  };
}
