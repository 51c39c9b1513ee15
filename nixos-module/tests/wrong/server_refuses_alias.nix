# Refused: mox.json:[0-9]+: .Domains.*Aliases.team.*carol
{ services.mox.domains."example.org".aliases.team.addresses = [ "carol" ]; }
