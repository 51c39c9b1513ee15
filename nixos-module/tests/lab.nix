# services.mox of the machine "mox" that the scripts of integration/machines drive; see integration/roles.py. On virtual
# machines of NixOS and on hosts that have only systemd.
{
  services.mox = {
    enable = true;
    stateVersion = 1;
    hostname = "mail.mox.test";
    logLevel = "debug";
    tls.certificates = [
      {
        certFile = "/var/lab/cert.pem";
        keyFile = "/var/lab/key.pem";
      }
    ];
    listeners.public = {
      smtp.firstTimeSenderDelay = "0s";
      submission.enable = true;
      imap.enable = true;
    };
    domains."mox.test" = {
      separators = [ "+" ];
      accounts.test.passwordFile = "/var/lab/password";
    };
    settings = {
      TLS.CA = {
        AdditionalToSystem = true;
        CertFiles = [ "/etc/lab-tls/ca.pem" ];
      };
      Accounts.test.NoFirstTimeSenderDelay = true;
    };
  };
}
