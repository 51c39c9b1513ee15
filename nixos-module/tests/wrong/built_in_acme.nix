# Refused: services.mox.tls.acme: the server cannot get certificates itself yet
{ services.mox.tls.acme.enable = true; }
