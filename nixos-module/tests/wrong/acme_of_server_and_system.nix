# Refused: services.mox.tls: acme.enable and useACMEHost exclude each other
{ lib, ... }:
{
  services.mox.tls = {
    certificates = lib.mkForce [ ];
    useACMEHost = "mail.example.org";
    acme.enable = true;
    acme.email = "admin@example.org";
  };
}
