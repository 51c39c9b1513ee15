# The systemd unit: its hardening is in force, and mail, reload, restart and stop work with it.
# Machines: mox peer
# Back ends: nspawn module nixos
# Seconds: 120

start_all()
mox.wait_for_unit("mox.service")
peer.wait_for_unit("postfix.service")


def main_process() -> str:
    return mox.succeed("systemctl show --property=MainPID --value mox.service").strip()


with subtest("few rights, and those in force"):
    # The number is ten times the exposure; 0 is none.
    print("note:", mox.succeed("systemd-analyze security --no-pager --threshold=20 mox.service | tail -1").strip().replace("→", "").strip())
    pid = main_process()
    status = dict(line.split(":\t", 1) for line in mox.succeed(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["Uid"].split()[0] != "0", status
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, f"{name} {status[name]}: the ports are bound, so nothing is needed any more"
    assert int(status["CapBnd"], 16) in (0, 1 << 10), status["CapBnd"]

with subtest("it writes to its own folder only, and sees no more than it needs"):
    inside = f"nsenter --target {pid} --mount --"
    for path in ("/etc/written", "/usr/written", "/var/written", "/var/lib/written"):
        mox.fail(f"{inside} touch {path}")
    mox.succeed("touch /root/private", "touch /tmp/private", "touch /home/private")
    for path in ("/root/private", "/tmp/private", "/home/private"):
        mox.fail(f"{inside} test -e {path}")
    mox.succeed(f"{inside} touch /var/lib/mox/written", "rm /var/lib/mox/written")
    mox.fail(f"{inside} test -e /dev/kmsg")
    mox.fail(f"{inside} test -e /proc/sys/kernel/hostname")

with subtest("mail in and out"):
    peer.succeed("mailtool send in")
    mox.succeed("mailtool inbox in", "mailtool submit out")
    peer.succeed("mailtool maildir out")

with subtest("reload is answered, and it is the same process"):
    mox.succeed("systemctl reload mox.service")
    mox.require_unit_state("mox.service")
    assert main_process() == pid

with subtest("killed, it is started again"):
    mox.succeed(f"kill -KILL {pid}")
    mox.wait_until_succeeds(f"test $(systemctl show --property=MainPID --value mox.service) != 0 -a $(systemctl show --property=MainPID --value mox.service) != {pid}", timeout=30)
    mox.wait_for_unit("mox.service", timeout=30)
    mox.succeed("mailtool inbox in")

with subtest("stopped, it ends in order"):
    mox.succeed("systemctl stop mox.service")
    assert "Result=success" in mox.succeed("systemctl show --property=Result mox.service")
    mox.wait_for_closed_port(25, "mail.mox.test", timeout=5)
