# mox is replaced in place by a newer one while its queue is full and Postfix sends to it: nothing is lost, nothing doubled.
# Machines: mox peer
# Back ends: nspawn
# Seconds: 300

# /opt/mox-old is the release before, where the run was given one (MOX_OLD_BINARY), else the same binary.

start_all()
mox.wait_for_unit("mox.service")
peer.wait_for_unit("postfix.service")

with subtest("the old server makes its own data"):
    mox.succeed("systemctl stop mox.service", "cp -L /opt/mox-old /opt/mox-before", "mv /usr/local/bin/mox /opt/mox-new", "cp /opt/mox-before /usr/local/bin/mox",
                "find /var/lib/mox/data -mindepth 1 -delete", "cp -a /etc/mox /etc/mox-new")
    old = mox.succeed("cmp -s /opt/mox-before /opt/mox-new && echo the same || echo another").strip()
    declared = mox.execute("mox config check")[0] == 0
    if not declared:  # it knows no declared configuration
        mox.succeed("sed -i '/Declared:/d' /etc/mox/mox.conf", "sed -i '/PasswordFile:/d' /etc/mox/domains.conf")
    mox.succeed("systemctl start mox.service")
    if not declared:
        mox.succeed("mox setaccountpassword test </etc/mox/password")
    print(f"note: the old binary is {old}, {'declared' if declared else 'managed'}")

with subtest("its queue is full, its mailbox too"):
    peer.succeed("systemctl stop postfix.service")
    mox.succeed("mailtool submit queue --count 300 --sessions 4", "mailtool append append --count 300 --sessions 4", "mox queue hold")
    peer.succeed("systemctl start postfix.service")

with subtest("replaced while Postfix sends"):
    peer.succeed("systemd-run -q --unit=load mailtool send load --server mail.peer.test --to test+%d@mox.test --spread 25 --sessions 10 --count 3000")
    mox.wait_until_succeeds("test $(mailtool count) -gt 600", timeout=60)
    mox.succeed("systemctl stop mox.service", "mv /opt/mox-new /usr/local/bin/mox", "cp -a /etc/mox-new/. /etc/mox/", "systemctl start mox.service")
    before = int(mox.succeed("mailtool count"))
    peer.wait_until_succeeds("! systemctl is-active -q load.service", timeout=120)
    peer.wait_until_succeeds("postqueue -f; postqueue -p | grep 'Mail queue is empty'", timeout=120)
    print(f"note: replaced after {before} messages")
    assert before < 3300, "the load was over too early"

with subtest("all is there"):
    print("note:", mox.succeed("mailtool audit append --count 300").strip())
    print("note:", mox.succeed("mailtool audit load --count 3000").strip())
    mox.succeed("mox queue unhold", "mox queue schedule -now 0s")
    mox.wait_until_succeeds("mox queue list | grep 'no messages'", timeout=120)
    print("note:", peer.succeed("mailtool audit queue --maildir --count 300").strip())
    mox.succeed("systemctl stop mox.service", "mox verifydata /var/lib/mox/data")
