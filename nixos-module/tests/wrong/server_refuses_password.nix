# Refused: mox.json:[0-9]+: .Transports.out.Submission.Auth.Password
{
  services.mox.settings.Transports.out.Submission = {
    Host = "smtp.example.com";
    Auth = {
      Username = "us";
      Password = "in the store";
    };
  };
}
