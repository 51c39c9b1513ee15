# Refused: option .services.mox.enable' is already declared
# Another module for a server of the same name, such as that of an overlay.
{ lib, ... }: { options.services.mox.enable = lib.mkEnableOption "the other mox"; }
