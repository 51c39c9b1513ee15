# The scripts of integration/machines that name the back end "nixos", as tests of virtual machines. What a script may rely
# on is told in integration/roles.py: here mox is services.mox, and peer is nixpkgs' Postfix run with the same parameters.
{ lib, pkgs, module }:
let
  machines = ../../integration/machines;
  tools = ../../integration;
  text = name: builtins.readFile (machines + "/${name}");
  isForNixos = name: lib.hasSuffix ".py" name && builtins.match ".*\n# Back ends:[^\n]* nixos[ \n].*" (text name) != null;
  scripts = builtins.filter isForNixos (builtins.attrNames (builtins.readDir machines));

  password = "correct horse battery staple"; # as in mailtool.py

  certificates =
    pkgs.runCommand "mox-vm-certificates" { nativeBuildInputs = [ pkgs.openssl ]; } ''
      mkdir "$out"
      cd "$out"
      openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 7300 -subj /CN=lab
      for name in mox peer; do
        openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=mail.$name.test
        printf 'subjectAltName=DNS:mail.%s.test' $name >$name.ext
        openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7300 -extfile $name.ext -out $name.pem
      done
    '';

  mailtool = pkgs.writeScriptBin "mailtool" (
    builtins.replaceStrings [ "#!/usr/bin/env python3" ] [ "#!${pkgs.python3}/bin/python3" ] (builtins.readFile (tools + "/mailtool.py"))
  );

  # Every name, from a resolver of each machine's own; unsigned, unlike that of the other back ends.
  names =
    { nodes, ... }:
    let
      of = name: [
        ''"${name}.test. MX 10 mail.${name}.test."''
        ''"${name}.test. TXT 'v=spf1 mx -all'"''
        ''"mail.${name}.test. A ${nodes.${name}.networking.primaryIPAddress}"''
      ];
    in
    {
      services.unbound = {
        enable = true;
        settings.server = {
          interface = [ "127.0.0.1" ];
          local-zone = [
            ''"mox.test." static''
            ''"peer.test." static''
          ];
          local-data = of "mox" ++ of "peer";
          local-data-ptr = map (name: ''"${nodes.${name}.networking.primaryIPAddress} mail.${name}.test."'') [ "mox" "peer" ];
        };
      };
      networking.nameservers = lib.mkForce [ "127.0.0.1" ];
      networking.firewall.enable = false;
      environment.systemPackages = [ mailtool ];
      environment.etc."lab-tls/ca.pem".source = "${certificates}/ca.pem";
    };

  # Secrets of a test may be in the store; the files that the module names are not.
  secrets = {
    "d /var/lab 0700 root root" = null;
    "C /var/lab/password 0600 root root" = pkgs.writeText "password" "${password}\n";
    "C /var/lab/cert.pem 0600 root root" = "${certificates}/mox.pem";
    "C /var/lab/key.pem 0600 root root" = "${certificates}/mox.key";
  };

  mox = {
    imports = [
      names
      module
      ./lab.nix
    ];
    # The build that checks the configuration sees its own inputs, not the machine's /etc.
    services.mox.settings.TLS.CA.CertFiles = lib.mkForce [ "${certificates}/ca.pem" ];
    systemd.tmpfiles.rules = lib.mapAttrsToList (rule: source: if source == null then rule else "${rule} - ${source}") secrets;
  };

  peer = {
    imports = [ names ];
    users.users.lab = {
      isSystemUser = true;
      uid = 5000;
      group = "lab";
    };
    users.groups.lab.gid = 5000;
    systemd.tmpfiles.rules = [
      "d /var/mail/lab 0755 lab lab"
      "f /var/lib/postfix/conf/access 0644 root root"
    ];
    services.postfix = {
      enable = true;
      settings.main = {
        myhostname = "mail.peer.test";
        myorigin = "mail.peer.test";
        mydestination = "";
        inet_protocols = "ipv4";
        mynetworks = [
          "127.0.0.0/8"
          "192.168.1.0/24"
        ];
        maillog_file = "/var/log/postfix.log";
        virtual_mailbox_domains = "peer.test";
        virtual_mailbox_base = "/var/mail/lab";
        virtual_mailbox_maps = "static:all/";
        virtual_uid_maps = "static:5000";
        virtual_gid_maps = "static:5000";
        virtual_mailbox_limit = "0";
        message_size_limit = "104857600";
        smtp_tls_security_level = "may";
        smtp_tls_loglevel = "1";
        smtp_tls_CAfile = "/etc/lab-tls/ca.pem";
        smtpd_tls_loglevel = "1";
        smtpd_tls_security_level = "may";
        smtpd_tls_chain_files = [
          "${certificates}/peer.key"
          "${certificates}/peer.pem"
        ];
        smtpd_tls_received_header = "yes";
        smtpd_recipient_restrictions = "check_recipient_access texthash:/etc/postfix/access, permit_mynetworks, reject_unauth_destination";
        minimal_backoff_time = "2s";
        maximal_backoff_time = "5s";
        queue_run_delay = "2s";
      };
    };
  };

  test =
    file:
    let
      name = lib.removeSuffix ".py" file;
    in
    {
      name = "machines-${name}";
      value = pkgs.testers.runNixOSTest {
        name = "mox-${name}";
        nodes = { inherit mox peer; };
        testScript = text file;
        globalTimeout = 1800;
      };
    };
in
builtins.listToAttrs (map test scripts) // { acme = import ./vm_acme.nix { inherit lib pkgs module; }; }
