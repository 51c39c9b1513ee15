# Refused: services.mox.tls: say where certificates come from
{ lib, ... }: { services.mox.tls.certificates = lib.mkForce [ ]; }
