# The least that a server needs to be told; each file of wrong/ spoils it.
{
  services.mox = {
    enable = true;
    stateVersion = 1;
    hostname = "mail.example.org";
    tls.certificates = [
      {
        certFile = "/var/lib/tls/cert.pem";
        keyFile = "/var/lib/tls/key.pem";
      }
    ];
    domains."example.org".accounts.alice = { };
  };
}
