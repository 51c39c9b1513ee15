# Refused: services.mox.tls.acme.email: say at which address
{ lib, ... }:
{
  services.mox.tls.certificates = lib.mkForce [ ];
  services.mox.tls.acme.enable = true;
}
