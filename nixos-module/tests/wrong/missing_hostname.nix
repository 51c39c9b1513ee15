# Refused: services.mox.hostname: say the full name
{ lib, ... }: { services.mox.hostname = lib.mkForce null; }
