# Refused: the account alice is in more than one domain
{
  services.mox.postmaster.account = "alice";
  services.mox.domains."example.net".accounts.alice = { };
}
