"""The two servers of the benchmark, each on a lab host with a resolver of its own, started, stopped and asked alike."""
import json
import os
import subprocess
import sys
import time

import watch
from clients import Server
from dovecot import Dovecot
from lab import stop
from moxhost import Serve, binary, require_binary
from postfix import Postfix
from scenario import wait_for

DOMAIN = "user.test"
MAILBOXES = 8  # box0 and so on, beside the account "test"
PASSWORD = "correct-horse-battery-staple"  # one word, for Dovecot
SIZE = 5120


class Leg:
    """A server under load. Subclasses set name, host, server (its ports and account) and give roots(), start() and stop()."""

    imap = None
    connections = 0  # so far by the tools, which give each a network of its own

    def cpu(self):
        return watch.cpu_seconds(self.roots())

    def memory(self):
        return watch.memory(self.roots())

    def stored(self, mailbox="INBOX"):
        """The number of messages in a mailbox of the account, over one IMAP connection for the whole benchmark."""
        for attempt in (1, 2):
            try:
                if self.imap is None:
                    self.imap = self.server.open_imap()
                data = self.imap.status(mailbox, "(MESSAGES)")[1]
                return int(data[0].rpartition(b"MESSAGES ")[2].rstrip(b")"))
            except OSError if attempt == 1 else ():
                self.imap = None

    def forget(self):
        """Closes what is open to the server before it stops."""
        if self.imap is not None:
            self.imap.shutdown()
            self.imap = None

    def smtpload(self, seconds=40, **options):
        """Runs smtpload against it and gives what it printed; underscores in names stand for hyphens."""
        options = {"host": self.host.address, "size": SIZE, "spread": "yes", "run": f"{time.monotonic_ns():x}", "seconds": seconds,
                   "first": self.connections, **options}
        found = tool(self.host, "smtpload", options, seconds + 30)
        self.connections += found["connections"]
        return found

    def imapload(self, role, seconds=60, **options):
        options = {"host": self.host.address, "port": self.server.imaps, "user": self.server.user, "password": self.server.password,
                   "role": role, "size": SIZE, **options}
        return tool(self.host, "imapload", options, seconds)

    def ready(self):
        """Seconds from the start until it greets."""
        self.forget()
        self.stop()
        begin = time.monotonic()
        self.start()
        for port in self.greeters:
            self.greeted(port, begin + 20)
        return time.monotonic() - begin

    def greeted(self, port, end):
        while True:
            try:
                connection = self.host.connect(self.host.address, port, 5)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.001)
                continue
            with connection:
                if connection.recv(100):
                    return


def arguments(options):
    return [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]


def program(name):
    return os.path.join(os.environ.get("BENCH_TOOLS") or os.path.dirname(binary()) + "/integration/bench", name)


def tool(host, name, options, seconds):
    return json.loads(host.run([program(name), *arguments(options)], seconds=seconds))


class Peer(Leg):
    """Postfix delivering by LMTP to Dovecot, as Debian has them, without the tests' quick retries and small limits."""

    name = "Postfix+Dovecot"
    greeters = (25, 143)

    def __init__(self, lab, dns):
        self.host = lab.host("peer")
        dns.serve(self.host)
        self.tls = lab.certificate("peer", self.host.address)
        self.server = Server(host=self.host, name="peer", smtp=25, submission=25, submissions=0, imap=143, imaps=993,
                             user=f"test@{DOMAIN}", password=PASSWORD, ca=lab.ca())
        self._dovecot()
        submissions = "465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
        Postfix(self.host, "peer", [DOMAIN], tls=self.tls, master=submissions, virtual_transport="lmtp:inet:127.0.0.1:24", mynetworks="127.0.0.0/8",
                smtpd_recipient_restrictions="permit_mynetworks, reject_unauth_destination", default_process_limit="100",
                minimal_backoff_time="300s", maximal_backoff_time="4000s", queue_run_delay="300s")

    def _dovecot(self):
        self.dovecot = Dovecot(self.host, tls=self.tls, password=PASSWORD)

    def roots(self):
        with open(self.host.path("spool/pid/master.pid")) as file:
            return [int(file.read()), self.dovecot.process.pid]

    def start(self):
        self._dovecot()
        self.host.run(["postfix", "start"])

    def stop(self):
        self.host.run(["postfix", "stop"])
        self.dovecot.stop()

    def submission(self):
        """Options of smtpload for a client that may relay: with TLS, as mox's. It need not log in, which spares the peer that
        work, once a connection."""
        return {"port": 465, "tls": "implicit", "from": "x@a.test"}

    def queue_empty(self):
        return self.host.run(["find", "/var/spool/postfix/active", "/var/spool/postfix/incoming", "-type", "f", "-print", "-quit"]) == ""

    accepted_is_stored = False


class Mox(Leg):
    """mox serve, as configured for a domain, but logging what a production server logs and with the limits on outgoing mail raised."""

    name = "mox"
    greeters = (25,)

    def __init__(self, lab, dns):
        require_binary()
        self.host = lab.host("mox")
        dns.serve(self.host)
        self.server = BenchServe(self.host, DOMAIN, f"mail.{DOMAIN}", PASSWORD,
                                 account=("MaxOutgoingMessagesPerDay: 100000000", "MaxFirstTimeRecipientsPerDay: 100000000"))

    def roots(self):
        return [self.server.process.pid]

    def start(self):
        self.server.spawn()

    def stop(self):
        stop(self.server.process)

    def submission(self):
        return {"port": self.server.submissions, "tls": "implicit", "from": self.server.user, "user": self.server.user,
                "password": self.server.password}

    accepted_is_stored = True  # the last 250 is the end


class BenchServe(Serve):
    def start(self):
        quiet = self.host.read("mox/config/mox.conf").replace("LogLevel: debug", "LogLevel: info")
        self.host.write("mox/config/mox.conf", quiet)
        boxes = "".join(f"\tbox{i}:\n\t\tDomain: {DOMAIN}\n\t\tDestinations:\n\t\t\tbox{i}@{DOMAIN}: nil\n\t\tNoFirstTimeSenderDelay: true\n"
                        for i in range(MAILBOXES))
        domains = self.host.read("mox/config/domains.conf")
        if "\tbox0:" not in domains:
            self.host.write("mox/config/domains.conf", domains + boxes)
        super().start()

    def spawn(self):
        self.process = self.host.spawn([binary(), "-config", self.configuration, "serve"], self.log_name)


class Sink:
    """Postfix's smtp-sink as the world's mail servers: an address for each domain d0.test and up."""

    def __init__(self, lab, domains):
        self.host = lab.host("sink")
        self.addresses = [f"10.77.1.{i + 1}" for i in range(domains)]
        for address in self.addresses:
            self.host.run(["ip", "addr", "add", address + "/16", "dev", "eth0"])
        self.host.spawn(["smtp-sink", "-c", "-u", "nobody", "-m", "1000", "0.0.0.0:25", "1000"], "sink.log")
        self.host.wait_for_port(25)

    def taken(self):
        """Messages so far. It rewrites one line of counters: sess=1 quit=2 mesg=3."""
        with open(self.host.path("sink.log"), "rb") as file:
            file.seek(max(0, os.path.getsize(file.name) - 200))
            counts = file.read().rpartition(b"mesg=")[2].split()
        return int(counts[0]) if counts else 0


class Idle:
    """Connections that stay open and do nothing, until close()."""

    def __init__(self, leg, count, mailbox):
        options = {"host": leg.host.address, "port": leg.server.imaps, "user": leg.server.user, "password": leg.server.password,
                   "role": "idle", "mailbox": mailbox, "count": count, "threads": 8}
        self.process = subprocess.Popen(leg.host.enter([program("imapload"), *arguments(options)]), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=sys.stdout.fileno(), text=True)
        if self.process.stdout.readline() != "open\n":
            raise AssertionError(f"{leg.name}: {count} idle connections were not to be had")

    def close(self):
        """Fails if the server has dropped one."""
        self.process.stdin.close()
        if self.process.wait(60) != 0:
            raise AssertionError("an idle connection was lost")


def zones(domains, addresses, hosts):
    """Everything in one signed zone: the senders' domain, the users', and the recipients'."""
    records = {"a": ["MX 10 mail.a"], "mail.a": ["A 10.77.0.250"], "client.a": ["A 127.0.0.1"], "user": ["MX 10 mail.user"],
               "mail.user": [f"A {hosts}"]}
    for i in range(domains):
        records[f"d{i}"] = [f"MX 10 mx.d{i}"]
        records[f"mx.d{i}"] = [f"A {addresses[i]}"]
    return {"test": records}


def until(what, condition, seconds):
    """The moment condition() became true, asked every few milliseconds."""
    wait_for(what, condition, seconds, 0.005)
    return time.monotonic()
