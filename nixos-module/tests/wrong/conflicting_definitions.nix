# Refused: option .services.mox.settings.Domains.example.org.Description' has conflicting definitions
{
  services.mox.domains."example.org".description = "one";
  services.mox.settings.Domains."example.org".Description = "another";
}
