# Refused: mox.json:[0-9]+: .Accounts.alice.*[Uu]nknown
# Left to the server, since a newer package may have fields that this folder does not know.
{ services.mox.settings.Accounts.alice.Quota = 10; }
