# Refused: accounts."alice".passwordFile is /.*/unknown_option.nix: Nix would copy it
{ services.mox.domains."example.org".accounts.alice.passwordFile = ./unknown_option.nix; }
