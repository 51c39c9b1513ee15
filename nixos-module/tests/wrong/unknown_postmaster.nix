# Refused: services.mox.postmaster.account: there is no account carol
{ services.mox.postmaster.account = "carol"; }
