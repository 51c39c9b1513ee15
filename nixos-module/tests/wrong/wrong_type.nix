# Refused: option .services.mox.domains.example.org.accounts.alice.quota' is not of type .*signed integer
{ services.mox.domains."example.org".accounts.alice.quota = "10 GB"; }
