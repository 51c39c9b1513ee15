# Refused: option .services.mox.tls.acme.externalAccountBinding.keyFile' is used but not defined
{ lib, ... }:
{
  services.mox.tls = {
    certificates = lib.mkForce [ ];
    acme.enable = true;
    acme.email = "admin@example.org";
    acme.externalAccountBinding.keyId = "kid-1";
  };
}
