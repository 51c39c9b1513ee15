#!/usr/bin/env python3
"""./dev bench: mox against Debian's Postfix with Dovecot, in one run, by turns, with the same clients.

    bench.py [mail|imap ...] [--only mox|peer] [--rounds N] [--scale X] [--points NAME,...]

Parts: mail (points start idle inbound relay writes variants) and imap (login append fetch cold select large search sort store
copy idle tell forced). Prints each figure as it is measured, then a table of medians. A part takes about five minutes; after 270
seconds nothing new begins. Everything runs in namespaces as a scenario does (see lab.py) and needs root. A goal that is not met is
not a failure: other work on the machine moves every figure, so the load average is printed beside them.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

BEGIN_SECONDS = 270  # nothing new begins after that
LIMIT_SECONDS = 420  # should something hang
DOMAINS = 32
IDLE = 5000
PARTS = {"mail": ("start", "idle", "inbound", "relay", "writes", "variants"),
         "imap": ("login", "append", "fetch", "select", "search", "sort", "store", "copy", "forced", "idle", "tell", "large", "cold")}


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--only", choices=("mox", "peer"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--points", type=lambda text: text.split(","), default=[])
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such parts: {unknown}")
    chosen.parts = chosen.parts or list(PARTS)
    unknown = set(chosen.points) - {point for part in chosen.parts for point in PARTS[part]}
    if unknown:
        parser.error(f"no such points: {unknown}")
    return chosen


def mail_part(chosen, lab):
    """What there is to do, by name, and who keeps the figures."""
    from dnslab import DnsLab
    from lab import require
    from legs import Mox, Peer, Sink, zones
    from points import Mail
    require("smtp-sink", "strace", "dovecot", "postfix", "unbound")
    sink = Sink(lab, DOMAINS)
    dns = DnsLab(lab, zones(DOMAINS, sink.addresses, "10.77.0.250"))
    legs = [kind(lab, dns) for kind in (Mox, Peer) if chosen.only in (None, kind.__name__.lower())]
    bench = Mail(legs, sink, chosen.inside, chosen.scale, BEGIN_SECONDS)
    return bench, {"start": bench.start, "inbound": lambda: bench.inbound(chosen.rounds), "relay": lambda: bench.relay(chosen.rounds),
                   "writes": bench.forced_writes, "variants": lambda: bench.inbound_variants(max(1, chosen.rounds - 1)),
                   "idle": lambda: bench.idle(IDLE)}


def imap_part(chosen, lab):
    from dnslab import DnsLab
    from imap_legs import DovecotLeg, ImapMox
    from imap_points import Imap
    from lab import require
    from legs import zones
    require("strace", "dovecot", "unbound")
    legs = [] if chosen.only == "peer" else [ImapMox(lab, DnsLab(lab, zones(0, [], "10.77.0.250")))]
    legs += [] if chosen.only == "mox" else [DovecotLeg(lab, storage) for storage in ("sdbox", "maildir")]
    bench = Imap(legs, chosen.inside, chosen.scale, BEGIN_SECONDS)
    return bench, {name: lambda work=getattr(bench, name): work(chosen.rounds) for name in PARTS["imap"]}


def measure(chosen):
    from lab import Lab
    part = chosen.parts[0]
    bench, work = {"mail": mail_part, "imap": imap_part}[part](chosen, Lab(chosen.inside))
    print("load average before: %.1f %.1f %.1f" % os.getloadavg(), flush=True)
    for name in PARTS[part]:
        if chosen.points and name not in chosen.points:
            continue
        start = time.monotonic()
        if start > bench.end:
            print(f"  {name}: skipped, no time left")
            continue
        try:
            work[name]()
        except Exception:  # the other points still tell something
            traceback.print_exc(file=sys.stdout)
        print(f"  {name}: {time.monotonic() - start:.0f} s", flush=True)
    print("load average after: %.1f %.1f %.1f" % os.getloadavg())
    print(bench.table(), flush=True)


def binary_size():
    """What a package would install: the release binary without its symbols."""
    from moxhost import binary
    if not os.path.exists(binary()):
        return
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, binary()], check=True)
        megabytes = os.path.getsize(stripped.name) / 2**20
    print(f"stripped binary: {megabytes:.1f} MB, goal ≤ 12 MB: {'met' if megabytes <= 12 else 'NOT MET'}", flush=True)


def inside(chosen):
    """The first process of the namespaces: reaps orphans while a child measures."""
    child = os.fork()
    if child != 0:
        while True:
            pid, status = os.wait()
            if pid == child:
                return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1
    try:
        measure(chosen)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def run_part(part):
    from run import die_with_parent
    folder = tempfile.mkdtemp(prefix="mox-bench-")
    words = [word for word in sys.argv[1:] if word not in PARTS]
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(__file__),
               part, *words, "--inside", folder]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent)
    try:
        return process.wait(LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"no end after {LIMIT_SECONDS} s")
        return 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    chosen = options()
    if chosen.inside:
        return inside(chosen)
    if os.geteuid() != 0:
        print("the benchmark needs root, for network namespaces")
        return 1
    if chosen.only != "peer":
        binary_size()
    wanted = [part for part in chosen.parts if not chosen.points or set(chosen.points) & set(PARTS[part])]
    return max([run_part(part) for part in wanted], default=0)


if __name__ == "__main__":
    sys.exit(main())
