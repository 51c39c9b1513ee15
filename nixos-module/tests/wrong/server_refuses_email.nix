# Refused: mox.json:[0-9]+: .ACME.acme.ContactEmail.*not an email address
{ lib, ... }:
{
  services.mox.tls = {
    certificates = lib.mkForce [ ];
    acme.enable = true;
    acme.email = "admin";
  };
}
