# Postfix has ten thousand messages for mox and sends them pipelined over fifty sessions: all are there, none twice.
# Machines: mox peer
# Back ends: nspawn
# Seconds: 600

import os
import time

COUNT = int(os.environ.get("MOX_FLOOD", "10000"))

start_all()
mox.wait_for_unit("mox.service")
peer.wait_for_unit("postfix.service")

with subtest("all wait in the queue of Postfix"):
    transports = ",".join(f"via{n}" for n in range(1, 26))
    peer.succeed(
        f"postconf -e defer_transports={transports} default_process_limit=100 default_destination_concurrency_limit=2"
        " smtp_tls_security_level=none smtpd_tls_security_level=none",
        "systemctl restart postfix.service",
        f"mailtool send flood --server mail.peer.test --to test+%d@mox.test --spread 25 --sessions 10 --count {COUNT}",
    )

with subtest("they go, by as many sessions as Postfix opens"):
    begin = time.monotonic()
    peer.succeed("postconf -e defer_transports=", "postfix reload", "postqueue -f")
    most = 0
    while int(mox.succeed("mailtool count")) < COUNT:
        most = max(most, int(mox.succeed("ss -Htn state established '( sport = :25 )' | wc -l")))
        assert time.monotonic() - begin < 300, peer.succeed("postqueue -p | tail -3; tail -5 /var/log/postfix.log")
        time.sleep(0.5)
    took = time.monotonic() - begin
    print(f"note: {COUNT} messages in {took:.1f} s, {COUNT / took:.0f} a second, up to {most} sessions at once")
    assert most >= 40, f"only {most} sessions"

with subtest("none is lost, none is there twice"):
    peer.wait_until_succeeds("postqueue -p | grep -q 'Mail queue is empty'", timeout=60)
    print("note:", mox.succeed(f"mailtool audit flood --count {COUNT}").strip())
    assert int(peer.succeed("grep -c 'status=bounced' /var/log/postfix.log || true")) == 0

with subtest("the data is sound"):
    mox.succeed("systemctl stop mox.service", "mox verifydata /var/lib/mox/data")
