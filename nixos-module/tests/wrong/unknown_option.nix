# Refused: option .services.mox.domains.example.org.acounts' does not exist
{ services.mox.domains."example.org".acounts.alice = { }; }
