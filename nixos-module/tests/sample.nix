# A system as an admin would write it: two domains, accounts of every kind, an alias, keys of both kinds.
{
  services.mox = {
    enable = true;
    stateVersion = 1;
    hostname = "mail.example.org";
    postmaster.account = "alice";
    adminPasswordFile = "/run/secrets/mox-admin";
    openFirewall = true;
    tls.certificates = [
      {
        certFile = "/var/lib/tls/cert.pem";
        keyFile = "/var/lib/tls/key.pem";
      }
    ];
    listeners = {
      public.ips = [
        "198.51.100.7"
        "2001:db8::7"
      ];
      internal = {
        ips = [ "127.0.0.1" ];
        tls = false;
        metrics.enable = true;
      };
    };
    domains."example.org" = {
      clientSettingsDomain = "clients.example.org";
      separators = [ "+" ];
      accounts.alice = {
        fullName = "Alice Example";
        passwordHashFile = "/run/secrets/alice.hash";
        addresses = [
          "alice"
          "info"
          "alice@example.net"
        ];
        quota = 10000000000;
      };
      accounts.bob = {
        passwordFile = "/run/secrets/bob";
        passwordMutable = true;
        catchAll = true;
        rulesets = [
          {
            MsgFromRegexp = "^billing@";
            Mailbox = "Bills";
          }
        ];
      };
      aliases.team = {
        addresses = [
          "alice"
          "bob"
        ];
        allowMsgFrom = true;
      };
      dmarc = { };
      tlsrpt.account = "bob";
      mtasts.mode = "testing";
    };
    domains."example.net".dkim.selectors.autumn = {
      privateKeyFile = "/run/secrets/autumn.pem";
      expiration = "72h";
    };
    credentials.smarthost = "/run/secrets/smarthost";
    settings = {
      Transports.smarthost.Submission = {
        Host = "smtp.example.com";
        Auth = {
          Username = "us";
          PasswordFile = "/run/credentials/mox.service/smarthost";
        };
      };
      Routes = [
        {
          ToDomain = [ ".example.com" ];
          Transport = "smarthost";
        }
      ];
      Accounts.bob.MaxFirstTimeRecipientsPerDay = 50;
    };
  };
}
