# Refused: account alice has passwordFile and passwordHashFile
{
  services.mox.domains."example.org".accounts.alice = {
    passwordFile = "/run/secrets/alice";
    passwordHashFile = "/run/secrets/alice.hash";
  };
}
