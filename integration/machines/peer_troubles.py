# What goes wrong between mail servers: hosts that are down, full, unwilling or cut off, in both directions.
# Machines: mox peer
# Back ends: nspawn nixos
# Seconds: 240


def waits(answer: str) -> None:
    """One message is in the queue of mox, and an attempt has ended with that answer."""
    mox.wait_until_succeeds(f"mox queue list | grep 'last attempt.*{answer}'", timeout=60)


def gone() -> None:
    mox.wait_until_succeeds("mox queue list | grep 'no messages'", timeout=60)


def postfix(*parameters: str) -> None:
    peer.succeed("postconf -e " + " ".join(f"'{p}'" for p in parameters), "systemctl restart postfix.service")


start_all()
mox.wait_for_unit("mox.service")
peer.wait_for_unit("postfix.service")

with subtest("Postfix is down: the mail waits, and goes when Postfix is back"):
    peer.succeed("systemctl stop postfix.service")
    mox.succeed("mailtool submit down")
    waits("refused")
    peer.succeed("systemctl start postfix.service")
    mox.succeed("mox queue schedule -now 0s")
    peer.succeed("mailtool maildir down")
    gone()

with subtest("the mailbox is full: 4xx, tried again"):
    peer.succeed("echo 'full@peer.test 452 4.2.2 mailbox full' >/etc/postfix/access", "systemctl restart postfix.service")
    mox.succeed("mailtool submit full --to full@peer.test")
    waits("452 4.2.2")
    peer.succeed(": >/etc/postfix/access", "systemctl restart postfix.service")
    mox.succeed("mox queue schedule -now 0s")
    peer.succeed("mailtool maildir full")
    gone()

with subtest("the disk of Postfix is full: 452 for everybody"):
    postfix("queue_minfree=9000000000000", "message_size_limit=6000000000000")
    mox.succeed("mailtool submit crowded")
    waits("452 4.3.1")
    postfix("queue_minfree=0", "message_size_limit=104857600")
    mox.succeed("mox queue schedule -now 0s")
    peer.succeed("mailtool maildir crowded")
    gone()

with subtest("Postfix refuses: the sender has a report at once"):
    peer.succeed("echo 'no@peer.test 550 5.1.1 nobody here' >/etc/postfix/access", "systemctl restart postfix.service")
    mox.succeed("mailtool submit refused --to no@peer.test")
    report = mox.succeed("mailtool inbox no@peer.test")
    for part in ("multipart/report", "550 5.1.1", "nobody here", "Action: failed", "X-Name: refused"):
        assert part in report, report
    gone()

with subtest("too large for Postfix, by its own word: a report, without sending it"):
    postfix("message_size_limit=50000")
    mox.succeed("mailtool submit large --size 100000 --to large@peer.test")
    assert "5.3.4" in mox.succeed("mailtool inbox large@peer.test")
    postfix("message_size_limit=104857600")
    gone()

with subtest("the cable is pulled: what cannot be sent waits"):
    peer.block()
    mox.succeed("mailtool submit unplugged")
    waits("connect")
    peer.unblock()
    mox.succeed("mox queue schedule -now 0s")
    peer.succeed("mailtool maildir unplugged")
    gone()

with subtest("mox is down: Postfix keeps the mail and comes back"):
    mox.succeed("systemctl stop mox.service")
    peer.succeed("mailtool sendmail patient")
    peer.wait_until_succeeds("grep 'status=deferred' /var/log/postfix.log", timeout=30)
    mox.succeed("systemctl start mox.service")
    peer.succeed("postqueue -f")
    mox.succeed("mailtool inbox patient")

with subtest("mox refuses: Postfix tells its user"):
    peer.succeed("mailtool sendmail unknown --to nobody@mox.test")
    report = peer.succeed("mailtool maildir nobody@mox.test")
    assert "multipart/report" in report and "550 5.1.1" in report, report
