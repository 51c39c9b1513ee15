#!/usr/bin/env python3
"""./dev bench: mox against Postfix with Dovecot, same machine, same clients, one after the other.

    bench.py [--only mox|reference] [MESSAGES]

Each line is a measure: operations a second of either, and how many times faster mox is. Clients are lab hosts in nine
networks, because a mail server may limit what one network delivers in a minute.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

CLIENTS = 8
SIZE = 5 * 1024          # octets of a message
DELIVERIES = 400         # a client host, below 500 a minute
LIMIT_SECONDS = 600      # for all of one server


class Measures:
    def __init__(self, server, sources, messages):
        self.server, self.sources, self.messages = server, sources, messages
        self.result = {}

    def rate(self, name, count, function):
        start = time.monotonic()
        function()
        self.result[name] = count / (time.monotonic() - start)
        print(f"  {name:44} {self.result[name]:12,.0f}", flush=True)

    def all(self):
        self.rate("SMTP to mailbox, 1 session", DELIVERIES, lambda: self.deliver(self.sources[:1]))
        self.rate(f"SMTP to mailbox, {CLIENTS} sessions", DELIVERIES * CLIENTS, lambda: self.deliver(self.sources[1:]))
        self.rate("IMAP logins with TLS", 100, self.logins)
        client = self.server.open_imap()
        client.create("Bench")
        message = b"From: <x@a.test>\r\nSubject: bench\r\n\r\n" + b"some words of a body\r\n" * (SIZE // 22)
        self.rate("APPEND one by one", self.messages, lambda: [client.append("Bench", None, None, message) for _ in range(self.messages)])
        for _ in range(2):  # the second time everything is warm
            self.rate("SELECT", 20, lambda: [client.select("Bench", readonly=True) for _ in range(20)])
            for item in ("FLAGS", "ENVELOPE", "BODYSTRUCTURE", "BODY.PEEK[]"):
                self.rate("FETCH " + item, self.messages, lambda item=item: fetch(client, item))
            self.rate("SEARCH SUBJECT", 1, lambda: client.search(None, "SUBJECT", "nowhere"))
            self.rate("SEARCH BODY", 1, lambda: client.search(None, "BODY", "nowhere"))
        client.logout()
        return self.result

    def deliver(self, sources):
        """Until every message is in the mailbox, not only accepted."""
        before = self.count()
        command = ["smtp-source", "-d", "-s", "1", "-m", str(DELIVERIES), "-l", str(SIZE), "-f", "x@a.test", "-t", self.server.user,
                   f"inet:{self.server.host.address}:{self.server.smtp}"]
        threads = [threading.Thread(target=source.run, args=(command,), kwargs={"seconds": LIMIT_SECONDS}) for source in sources]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        end = time.monotonic() + LIMIT_SECONDS
        while self.count() < before + DELIVERIES * len(sources):
            if time.monotonic() > end:
                raise AssertionError(f"{self.count() - before} of {DELIVERIES * len(sources)} messages arrived")
            time.sleep(0.02)

    def count(self):
        client = self.server.open_imap()
        try:
            return int(client.select("INBOX", readonly=True)[1][0])
        finally:
            client.logout()

    def logins(self):
        for _ in range(100):
            self.server.open_imap().logout()


def fetch(client, item):
    """Reads the answer in pieces, so that Python's parsing is not what is measured."""
    tag = client._new_tag()
    client.send(tag + b" FETCH 1:* (" + item.encode() + b")\r\n")
    tail = b""
    while not (tail.endswith(b"\r\n") and tail.rstrip(b"\r\n").split(b"\r\n")[-1].startswith(tag + b" ")):
        piece = client.file.read1(1 << 20)
        if not piece:
            raise AssertionError("connection lost")
        tail = (tail + piece)[-4096:]


def serve(kind, lab):
    from dnslab import DnsLab
    from moxhost import Serve, require_binary
    from reference import reference
    if kind == "reference":
        return reference(lab)
    require_binary()
    host = lab.host("m")
    DnsLab(lab, {"a.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}, "mox.test": {}}).serve(host)
    return Serve(host, "mox.test", "mail.mox.test")


def inside(kind, messages, folder):
    """In namespaces of its own, as a scenario is."""
    child = os.fork()
    if child != 0:
        while True:
            pid, status = os.wait()
            if pid == child:
                return os.waitstatus_to_exitcode(status)
    from lab import Lab
    try:
        lab = Lab(folder)
        sources = [lab.host(f"c{i}", f"10.77.{8 * i + 8}.1") for i in range(CLIENTS + 1)]
        result = Measures(serve(kind, lab), sources, messages).all()
        with open(os.path.join(folder, "result"), "w") as file:
            file.writelines(f"{value}\t{name}\n" for name, value in result.items())
    except Exception as error:
        print(f"{kind}: {error}")
        os._exit(1)
    os._exit(0)


def measure(kind, messages):
    print(f"{kind}:")
    folder = tempfile.mkdtemp(prefix="mox-bench-")
    try:
        subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(__file__),
                        "--inside", kind, str(messages), folder], check=True, timeout=LIMIT_SECONDS)
        with open(os.path.join(folder, "result")) as file:
            return {name: float(value) for value, name in (line.rstrip("\n").split("\t") for line in file)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("mox", "reference"))
    parser.add_argument("messages", nargs="?", type=int, default=2000)
    arguments = parser.parse_args()
    results = {kind: measure(kind, arguments.messages) for kind in ("reference", "mox") if arguments.only in (None, kind)}
    if len(results) == 2:
        print(f"\n{'a second':46} {'Postfix+Dovecot':>16} {'mox':>12} {'ratio':>8}")
        for name, value in results["mox"].items():
            other = results["reference"][name]
            print(f"{name:46} {other:16,.0f} {value:12,.0f} {value / other:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
