#!/usr/bin/env python3
"""./dev bench: mox against Debian's Postfix with Dovecot, in one run, by turns, with the same clients.

    bench.py [--only mox|peer] [--rounds N] [--scale X] [--points NAME,...]     NAME: start idle inbound relay writes variants reading

Prints each figure as it is measured, then a table of medians. It takes about five minutes; after 270 seconds nothing new begins.
Everything runs in namespaces as a scenario does (see lab.py) and needs root. A goal that is not met is not a failure: other work
on the machine moves every figure, so the load average is printed beside them.
"""
import argparse
import os
import shutil
import signal
import statistics
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
READING = 20_000
POINTS = ("start", "idle", "inbound", "relay", "writes", "variants", "reading")


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=("mox", "peer"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--points", type=lambda text: text.split(","), default=list(POINTS))
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    unknown = set(chosen.points) - set(POINTS)
    if unknown:
        parser.error(f"no such points: {unknown}")
    return chosen


def measure(chosen):
    from dnslab import DnsLab
    from lab import Lab, require
    from legs import Mox, Peer, Sink, zones
    from points import Bench
    require("smtp-sink", "strace", "dovecot", "postfix", "unbound")
    lab = Lab(chosen.inside)
    sink = Sink(lab, DOMAINS)
    dns = DnsLab(lab, zones(DOMAINS, sink.addresses, "10.77.0.250"))
    legs = [kind(lab, dns) for kind in (Mox, Peer) if chosen.only in (None, kind.__name__.lower())]
    bench = Bench(legs, sink, chosen.inside, chosen.scale, BEGIN_SECONDS)
    work = {"start": bench.start, "inbound": lambda: bench.inbound(chosen.rounds), "relay": lambda: bench.relay(chosen.rounds),
            "writes": bench.forced_writes, "variants": lambda: bench.inbound_variants(max(1, chosen.rounds - 1)),
            "reading": lambda: bench.reading(int(READING * min(1, chosen.scale))), "idle": lambda: bench.idle(IDLE)}
    print("load average before: %.1f %.1f %.1f" % os.getloadavg(), flush=True)
    for name in chosen.points:
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
    print(table(bench.points))
    if bench.disk:
        print(f"{'one forced write of 5 KB on this disk (p50, lowest and highest of the rounds), ms':64} "
              f"{number(statistics.median(bench.disk))} ({number(min(bench.disk))} to {number(max(bench.disk))})", flush=True)


def table(points):
    lines = ["", f"{'point (median)':64}{'mox':>12}{'Postfix+Dovecot':>18}{'ratio':>9}  {'goal':16}"]
    for point in points:
        mox, peer = point.median("mox"), point.median("Postfix+Dovecot")
        ratio = None
        if mox and peer:
            ratio = peer / mox if point.inverse else mox / peer
        goal, met = "", ""
        if point.goal is not None:
            goal, reached = f"≥ {point.goal:g} times", ratio is not None and ratio >= point.goal
        elif point.most is not None:
            goal, reached = f"≤ {point.most:g} {point.unit}", mox is not None and mox <= point.most
        if goal and (ratio if point.goal is not None else mox) is not None:
            met = "met" if reached else "NOT MET"
        lines.append(f"{point.name + (', ' + point.unit if point.unit else ''):64}{number(mox):>12}{number(peer):>18}"
                     f"{f'{ratio:.1f}' if ratio else '':>9}  {goal:16}{met}")
    return "\n".join(lines)


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


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


def main():
    chosen = options()
    if chosen.inside:
        return inside(chosen)
    if os.geteuid() != 0:
        print("the benchmark needs root, for network namespaces")
        return 1
    from run import die_with_parent
    if chosen.only != "peer":
        binary_size()
    folder = tempfile.mkdtemp(prefix="mox-bench-")
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(__file__),
               *sys.argv[1:], "--inside", folder]
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


if __name__ == "__main__":
    sys.exit(main())
