# The power of mox fails under load, again and again; what it acknowledged is there once and whole each time it is back.
# Machines: mox peer
# Back ends: mixed
# Seconds: 1500

import os
import random
import time

CUTS = int(os.environ.get("MOX_POWER_CUTS", "20"))
LOADS = {
    "delivery": "mailtool send {name} --server mail.mox.test --sessions 4 --count 100000",
    "large": "mailtool send {name} --server mail.mox.test --size 400000 --count 100000",
    "append": "mailtool append {name} --sessions 2 --count 100000",
    # Nobody takes these before the end: the queue keeps them.
    "queue": "mailtool submit {name} --sessions 2 --count 100000",
}


def acknowledged() -> int:
    return int(peer.succeed("cat /root/*.ledger | wc -l"))


start_all()
peer.wait_for_unit("postfix.service")
peer.succeed("systemctl stop postfix.service", "touch /root/{" + ",".join(LOADS) + "}.ledger")
mox.wait_for_unit("mox.service")

for cut in range(1, CUTS + 1):
    with subtest(f"power cut {cut}"):
        before = acknowledged()
        for load, command in LOADS.items():
            peer.succeed(f"systemd-run -q --collect --unit={load} " + command.format(name=f"{load}-{cut}") + f" --ledger /root/{load}.ledger")
        peer.wait_until_succeeds(f"test $(cat /root/*.ledger | wc -l) -gt {before}", timeout=60)
        time.sleep(random.uniform(0.5, 4))
        mox.crash()
        for load in LOADS:
            peer.succeed(f"systemctl kill --signal=KILL {load}.service 2>/dev/null || true")
        mox.start()
        mox.wait_for_unit("mox.service", timeout=120)
        for load in ("delivery", "large", "append"):
            said = peer.succeed(f"mailtool audit {load} --ledger /root/{load}.ledger").strip()
            print(f"{'note: ' if cut == CUTS else ''}{load}: {said}")
        if cut % 5 == 0 or cut == CUTS:
            mox.succeed("systemctl stop mox.service", "mox verifydata /var/lib/mox/data", "systemctl start mox.service")

with subtest("what the queue took goes to Postfix, each once"):
    peer.succeed("systemctl start postfix.service")
    # Asked more than once: what Postfix itself may put off of so many at once is not waited for.
    mox.wait_until_succeeds("mox queue schedule -now 0s && sleep 5 && mox queue list | grep -q 'no messages'", timeout=300)
    print("note: queue:", peer.succeed("mailtool audit queue --maildir --ledger /root/queue.ledger").strip())
