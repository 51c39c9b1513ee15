# Two hosts with kernels of their own where they are virtual: mail both ways, a pulled cable, and mox off and on again.
# Machines: mox peer
# Back ends: nspawn qemu nixos
# Seconds: 900

start_all()
mox.wait_for_unit("mox.service")
peer.wait_for_unit("postfix.service")
peer.wait_for_open_port(25, "mail.peer.test")

with subtest("mail both ways, with STARTTLS"):
    peer.succeed("mailtool sendmail in")
    assert "spf=pass" in mox.succeed("mailtool inbox in --seconds 120")
    peer.succeed("grep 'TLS connection established to mail.mox.test' /var/log/postfix.log")
    mox.succeed("mailtool submit out")
    assert "using TLSv1.3" in peer.succeed("mailtool maildir out --seconds 120")

with subtest("a pulled cable"):
    mox.block()
    peer.fail("timeout 3 bash -c 'exec 3<>/dev/tcp/mail.mox.test/25'")
    mox.unblock()
    peer.wait_until_succeeds("timeout 3 bash -c 'exec 3<>/dev/tcp/mail.mox.test/25'", timeout=60)

with subtest("mox is switched off, and on again"):
    mox.shutdown()
    peer.succeed("mailtool sendmail meanwhile")
    mox.start()
    mox.wait_for_unit("mox.service")
    peer.wait_until_succeeds("postqueue -f; postqueue -p | grep 'Mail queue is empty'", timeout=120)
    mox.succeed("mailtool inbox meanwhile", "mailtool inbox in")
