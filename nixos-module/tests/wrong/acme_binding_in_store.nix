# Refused: tls.acme.externalAccountBinding.keyFile is /nix/store/.*: everybody can read
{ lib, ... }:
{
  services.mox.tls = {
    certificates = lib.mkForce [ ];
    acme.enable = true;
    acme.email = "admin@example.org";
    acme.externalAccountBinding = {
      keyId = "kid-1";
      keyFile = "${builtins.toFile "binding" "c2VjcmV0"}";
    };
  };
}
