# Mail between mox and Postfix in both directions: plain, 8-bit, SMTPUTF8 and large; STARTTLS offered, missing and required.
# Machines: mox peer
# Back ends: nspawn module nixos
# Seconds: 180

KINDS = ["plain", "8bit", "utf8"]

start_all()
mox.wait_for_unit("mox.service")
peer.wait_for_unit("postfix.service")
mox.wait_for_open_port(25, "mail.mox.test")
peer.wait_for_open_port(25, "mail.peer.test")

for kind in KINDS:
    with subtest(f"{kind} text from Postfix"):
        peer.succeed(f"mailtool send in-{kind} --kind {kind}")
        got = mox.succeed(f"mailtool inbox in-{kind}")
        assert "spf=pass" in got and "iprev=pass" in got, got
    with subtest(f"{kind} text to Postfix"):
        mox.succeed(f"mailtool submit out-{kind} --kind {kind}")
        got = peer.succeed(f"mailtool maildir out-{kind}")
        assert "using TLSv1.3" in got, got

with subtest("an address that is not ASCII"):
    mox.succeed("mailtool submit out-address --kind utf8 --to 用户@peer.test")
    assert "用户@peer.test" in peer.succeed("mailtool maildir out-address")

with subtest("20 MB each way"):
    peer.succeed("mailtool send in-large --size 20000000")
    mox.succeed("mailtool inbox in-large")
    mox.succeed("mailtool submit out-large --size 20000000")
    peer.succeed("mailtool maildir out-large")

with subtest("Postfix without STARTTLS gets mail in the clear"):
    peer.succeed("postconf -e smtpd_tls_security_level=none", "systemctl restart postfix.service")
    mox.succeed("mailtool submit out-clear")
    assert "using TLS" not in peer.succeed("mailtool maildir out-clear")

with subtest("what requires TLS end to end comes back rather than go to a host that nothing vouches for"):
    mox.succeed("mailtool submit guarded --require-tls")
    assert "multipart/report" in mox.succeed("mailtool inbox 5.7.30")
    peer.fail("mailtool maildir guarded --seconds 1")

with subtest("Postfix that insists on STARTTLS, in both directions"):
    peer.succeed("postconf -e smtpd_tls_security_level=encrypt smtp_tls_security_level=encrypt", "systemctl restart postfix.service")
    peer.fail("mailtool send refused --server mail.peer.test --to y@peer.test")
    mox.succeed("mailtool submit out-encrypted")
    assert "using TLSv1.3" in peer.succeed("mailtool maildir out-encrypted")
    peer.succeed("mailtool sendmail in-encrypted")
    mox.succeed("mailtool inbox in-encrypted")
    peer.succeed("grep 'TLS connection established to mail.mox.test' /var/log/postfix.log")
