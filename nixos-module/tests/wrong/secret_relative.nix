# Refused: keyFile is key.pem: the path of a secret is absolute
{ services.mox.tls.certificates = [ { certFile = "/c.pem"; keyFile = "key.pem"; } ]; }
