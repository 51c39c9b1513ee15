# Refused: accounts."alice".passwordFile is /nix/store/.*: everybody can read
{ services.mox.domains."example.org".accounts.alice.passwordFile = "${builtins.toFile "password" "correct horse"}"; }
