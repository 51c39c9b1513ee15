"""kill -9 at every write: what was acknowledged is there, once and whole."""
import os
import subprocess
import threading
from collections import Counter

import mailload
from fault import Fault
from lab import stop
from moxhost import Localserve, binary
from scenario import equal, scenario

KILLS = int(os.environ.get("MOX_CRASH_KILLS", "200"))


class CrashingServer(Localserve):
    """localserve with a breakable disk."""

    def __init__(self, host, fault):
        self.fault = fault
        plain = host.spawn
        host.spawn = lambda command, log, env=None: plain(command, log, env={**(env or {}), **fault.environment()})
        try:
            super().__init__(host)
        finally:
            host.spawn = plain


def run_load(server, load):
    """Four senders and one appender until the server is gone or all is sent."""
    jobs = [threading.Thread(target=mailload.send_until_broken, args=(server, load, 10)) for _ in range(4)]
    jobs.append(threading.Thread(target=mailload.append_until_broken, args=(server, load, 10)))
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()


class Ledger:
    """What the mailbox was seen to hold so far; it may only grow."""

    def __init__(self):
        self.known, self.validity, self.highest = {}, None, 0

    def check(self, server, load):
        validity, fresh = mailload.contents(server, self.highest + 1)
        self.validity = self.validity or validity
        equal(self.validity, validity, "UIDVALIDITY")
        self.known.update(fresh)
        self.highest = max(self.known, default=0)
        counts = Counter(self.known.values())
        doubled = [name for name, count in counts.items() if count > 1]
        equal([], doubled, "messages that are there twice")
        missing = sorted(load.acknowledged - set(counts))
        equal([], missing, "messages answered 250 that are gone")

    def check_all(self, server, load):
        """The same from the beginning: nothing seen before has changed its UID or gone."""
        _, everything = mailload.contents(server, 1)
        for uid, name in self.known.items():
            equal(name, everything.get(uid), f"message of UID {uid}")


def verify_data(server):
    done = subprocess.run([binary(), "verifydata", os.path.join(server.folder, "data")], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError("verifydata: " + done.stdout + done.stderr)


@scenario(seconds=1500, needs_mox=True)
def killed_at_every_write(lab):
    """Killed at the n-th write, n = 0, 1, 2, ...: acknowledged mail is there once and whole, UIDs never repeat."""
    fault = Fault(lab.path("fault", ""))
    host = lab.host("m")
    load, ledger = mailload.Load(1), Ledger()
    server = CrashingServer(host, fault)
    step = died = 0
    while died < KILLS:
        # Every one of the first writes after a start, then spread over the load, so that each kind of write gets its turn.
        fault.kill_at(step if step < 60 else 60 + step * 53 % 2400)
        run_load(server, load)
        fault.off()
        step += 1
        if server.process.poll() is None and fault.hits() == 0:
            continue
        server.process.wait(10)
        died += 1
        server = CrashingServer(host, fault)
        ledger.check(server, load)
        if died % 20 == 0:
            stop(server.process)
            verify_data(server)
            server = CrashingServer(host, fault)
    ledger.check_all(server, load)
    stop(server.process)
    verify_data(server)
    print(f"note: killed {died} times; {len(load.acknowledged)} acknowledged, {len(ledger.known)} there, {load.count} tried")


@scenario(seconds=300, needs_mox=True)
def killed_at_random_moments(lab):
    """Killed from outside at random moments under load."""
    fault = Fault(lab.path("fault", ""))
    host = lab.host("m")
    load, ledger = mailload.Load(2), Ledger()
    for _ in range(max(5, KILLS // 10)):
        server = CrashingServer(host, fault)
        killer = threading.Timer(load.random.uniform(0.02, 0.6), server.process.kill)
        killer.start()
        run_load(server, load)
        killer.join()
        server.process.wait(10)
        server = CrashingServer(host, fault)
        ledger.check(server, load)
        server.process.kill()
        server.process.wait(10)
    server = CrashingServer(host, fault)
    ledger.check_all(server, load)
    stop(server.process)
    verify_data(server)
    print(f"note: {len(load.acknowledged)} acknowledged, {len(ledger.known)} there")
