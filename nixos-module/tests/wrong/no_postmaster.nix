# Refused: services.mox.postmaster.account: say which account mail to the postmaster comes to; there are 2
{ services.mox.domains."example.org".accounts.bob = { }; }
