# A server that gets its certificates itself, from a provider that wants to know whose account it is.
{
  services.mox = {
    enable = true;
    stateVersion = 1;
    hostname = "mail.example.org";
    openFirewall = true;
    tls.acme = {
      enable = true;
      directory = "https://acme.example.com/directory";
      email = "admin@example.org";
      renewBefore = "480h";
      externalAccountBinding = {
        keyId = "kid-1";
        keyFile = "/run/secrets/acme-binding";
      };
    };
    listeners = {
      public.ips = [
        "198.51.100.7"
        "2001:db8::7"
      ];
      # The same certificates, but no provider comes here.
      programs = {
        ips = [ "127.0.0.1" ];
        imap.enable = true;
      };
      metrics = {
        ips = [ "127.0.0.1" ];
        tls = false;
        metrics.enable = true;
      };
    };
    domains."example.org" = {
      clientSettingsDomain = "clients.example.org";
      accounts.alice.passwordFile = "/run/secrets/alice";
    };
  };
}
