# Refused: services.mox.tls: acme.enable and certificates exclude each other
{
  services.mox.tls.acme = {
    enable = true;
    email = "admin@example.org";
  };
}
