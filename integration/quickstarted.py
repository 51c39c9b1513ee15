"""A host set up as its owner would: mox quickstart, its DNS records published, mox serve from its files."""
import os
import queue
import re
import signal
import socket
import ssl
import threading
import time

from clients import Server
from lab import stop
from moxhost import MOX_UID, binary, check_unprivileged
from scenario import contains, equal

PORTS = (25, 465, 993)  # what quickstart's configuration opens to the world

# Binds the ports as a service manager does, gives up root, and becomes the server.
LAUNCHER = """\
import os, socket, sys
address, ports, uid, command = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), sys.argv[4:]
held = [socket.create_server((address, int(port))) for port in ports]
spare = [os.dup2(s.fileno(), 100 + i, True) for i, s in enumerate(held)]
for i, fd in enumerate(spare):
    os.dup2(fd, 3 + i, True)
    os.close(fd)
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
os.environ.update(LISTEN_FDS=str(len(ports)), LISTEN_PID=str(os.getpid()))
os.execvp(command[0], command)
"""


def printed_records(text, domain):
    """{owner relative to the domain: [record]} of the zone lines that quickstart printed."""
    found = {}
    for line in text.splitlines():
        match = re.match(rf"((?:\S+\.)?){re.escape(domain)}\.\s+((?:TLSA|TXT|MX|CNAME|SRV|CAA) .+)$", line)
        if match:
            found.setdefault(match[1].rstrip(".") or "@", []).append(match[2])
    return found


class Quickstarted(Server):
    def __init__(self, host, user, domain):
        """Runs quickstart for user@domain; the host's name is mail.DOMAIN. start() comes later: first the records."""
        self.folder, self.domain, self.log_name = host.path("home"), domain, "mox.log"
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.printed = host.run(["env", "-C", self.folder, binary(), "quickstart", "-skipdial", "-hostname", "mail." + domain,
                                 f"{user}@{domain}", str(MOX_UID)])
        password = re.search(r"^Password: +(\S+)$", self.printed, re.M)[1]
        super().__init__(host=host, name="mail." + domain, smtp=25, submission=0, submissions=465, imap=0, imaps=993,
                         user=f"{user}@{domain}", password=password, ca="")
        self.edit("NoCustomPassword: true\n", "NoCustomPassword: true\n\t\tNoFirstTimeSenderDelay: true\n")  # 15 s each

    def records(self):
        return printed_records(self.printed, self.domain)

    def edit(self, old, new):
        """Changes domains.conf, where `old` must be."""
        path = os.path.join(self.folder, "config", "domains.conf")
        with open(path) as file:
            text = file.read()
        contains(old, text, path)
        with open(path, "w") as file:
            file.write(text.replace(old, new, 1))

    def launch(self, prefix=()):
        """Starts serve with its notices going to this object's socket; done when it has said READY."""
        self.notices = queue.Queue()
        path = self.host.path(f"notify-{time.monotonic_ns()}")
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self.listen_to, args=(manager,), daemon=True).start()
        self.process = self.host.spawn([*prefix, "env", "-C", self.folder, binary(), "serve"], self.log_name, env={"NOTIFY_SOCKET": path})
        ready = self.notice()
        if "READY=1" not in ready or f"MAINPID={self.process.pid}" not in ready:
            raise AssertionError(f"expected READY of {self.process.pid}: {ready}")
        for port in PORTS:
            self.host.wait_for_port(port, process=self.process, seconds=1)
        check_unprivileged(self.process.pid)
        self.ca = self.fetch_certificate()

    def launch_with_sockets(self):
        """The same, as the ordinary user from the first instruction, with sockets that a manager has bound."""
        self.launch(["python3", "-c", LAUNCHER, self.host.address, ",".join(map(str, PORTS)), str(MOX_UID)])

    def listen_to(self, manager):
        """As a service manager reads: always, and what is only for people to see is not waited for."""
        while True:
            lines = manager.recv(4096).decode().split("\n")
            if not all(line.startswith("STATUS=") for line in lines):
                self.notices.put(lines)

    def notice(self, seconds=10):
        """The lines of the next sd_notify datagram that says more than a status."""
        try:
            return self.notices.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no notice; the log ends: {self.log()[-2000:]}") from None

    def reload(self):
        """SIGHUP, and what is told of it."""
        self.process.send_signal(signal.SIGHUP)
        first = self.notice()
        if first[0] != "RELOADING=1" or not first[1].startswith("MONOTONIC_USEC="):
            raise AssertionError(f"expected RELOADING=1: {first}")
        equal(["READY=1"], self.notice())

    def end(self):
        """SIGTERM; gives the seconds until it has ended with status 0."""
        start = time.monotonic()
        equal(0, stop(self.process), "exit status")
        seconds = time.monotonic() - start
        equal(["STOPPING=1"], self.notice())
        return seconds

    def log(self):
        return self.host.read(self.log_name)

    def fetch_certificate(self):
        """Verified by being known: it is self-signed."""
        with self.host.inside():
            pem = ssl.get_server_certificate((self.host.address, self.imaps), timeout=10)
        return self.host.write("server.pem", pem)
