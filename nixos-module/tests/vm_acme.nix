# tls.acme on virtual machines, with the provider that nixpkgs has for its own tests (Pebble): the server proves its name through
# its firewall, and who trusts the roots of the provider and nothing else takes the certificate.
{ lib, pkgs, module }:
let
  # Names of all, for all, from the machine of the server: it is there before any name is asked for.
  resolver =
    { nodes, ... }:
    {
      services.unbound = {
        enable = true;
        settings.server = {
          interface = [ "0.0.0.0" ];
          access-control = [ "0.0.0.0/0 allow" ];
          local-zone = [
            ''"mox.test." static''
            ''"acme.test." static''
          ];
          local-data = [
            ''"mail.mox.test. A ${nodes.mox.networking.primaryIPAddress}"''
            ''"${nodes.acme.test-support.acme.caDomain}. A ${nodes.acme.networking.primaryIPAddress}"''
          ];
        };
      };
      networking.nameservers = lib.mkForce [ "127.0.0.1" ];
      networking.firewall.allowedUDPPorts = [ 53 ];
    };

  mox =
    { nodes, ... }:
    {
      imports = [
        module
        resolver
      ];
      services.mox = {
        enable = true;
        stateVersion = 1;
        hostname = "mail.mox.test";
        openFirewall = true;
        tls.acme = {
          enable = true;
          directory = "https://${nodes.acme.test-support.acme.caDomain}/dir";
          email = "admin@mox.test";
        };
        domains."mox.test".accounts.test = { };
        settings.TLS.CA = {
          AdditionalToSystem = true;
          CertFiles = [ "${nodes.acme.test-support.acme.caCert}" ];
        };
      };
    };

  acme =
    { nodes, ... }:
    {
      imports = [ (pkgs.path + "/nixos/tests/common/acme/server") ];
      networking.nameservers = lib.mkForce [ nodes.mox.networking.primaryIPAddress ];
      environment.systemPackages = [
        pkgs.curl
        pkgs.openssl
      ];
    };
in
pkgs.testers.runNixOSTest {
  name = "mox-acme";
  nodes = { inherit mox acme; };
  globalTimeout = 900;
  testScript = ''
    acme.wait_for_unit("pebble.service")
    acme.wait_for_open_port(15000)
    acme.succeed("curl --fail --silent --insecure https://127.0.0.1:15000/roots/0 >/tmp/roots.pem")
    mox.wait_for_unit("mox.service")

    trusting = "openssl s_client -CAfile /tmp/roots.pem -verify_hostname mail.mox.test -verify_return_error -connect mail.mox.test"
    acme.wait_until_succeeds(f"{trusting}:993 </dev/null", timeout=300)
    acme.succeed(f"{trusting}:25 -starttls smtp </dev/null")

    with subtest("what was got is kept: a restart asks for nothing"):
        kept = mox.succeed("find /var/lib/mox/acme -type f -exec sha256sum {} + | sort")
        assert kept != "", "there is nothing in the folder"
        acme.succeed("systemctl stop pebble.service")
        mox.succeed("systemctl restart mox.service")
        acme.wait_until_succeeds(f"{trusting}:993 </dev/null", timeout=60)
        assert kept == mox.succeed("find /var/lib/mox/acme -type f -exec sha256sum {} + | sort"), "files have changed"

    with subtest("port 80 has nothing but proofs"):
        answer = acme.succeed("curl --silent --output /dev/null --write-out '%{http_code}' http://mail.mox.test/")
        assert answer == "404", answer
  '';
}
