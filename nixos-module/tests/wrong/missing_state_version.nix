# Refused: services.mox.stateVersion: say 1 for a new server
{ lib, ... }: { services.mox.stateVersion = lib.mkForce null; }
