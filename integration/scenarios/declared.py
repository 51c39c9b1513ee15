"""Declared configuration: one JSON file and files with secrets are the whole truth, taken over while 500 sessions are open."""
import copy
import imaplib
import json
import os
import smtplib
import socket
import ssl
import urllib.request
import warnings

from clients import SECONDS
from dnslab import DnsLab
from lab import stop
from moxhost import MOX_UID, binary
from scenario import contains, equal, scenario, wait_for

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import crypt

SESSIONS, OF_GOING = 500, 20


class House:
    """mox serve from mox.json, for mox.test."""

    def __init__(self, lab):
        self.host = lab.host("m")
        zone = {"@": ["MX 10 mail"], "mail": [f"A {self.host.address}"]}
        DnsLab(lab, {"mox.test": zone, "client.test": zone}).serve(self.host)
        certificate, key = lab.certificate("m", self.host.address, "127.0.0.1")
        with open(key) as file:
            self.secret("tls.pem", file.read())
        self.context = ssl.create_default_context(cafile=lab.ca())
        listener = {"IPs": [self.host.address, "127.0.0.1"], "TLS": {"KeyCerts": [{"CertFile": certificate, "KeyFile": "secrets/tls.pem"}]},
                    "SMTP": {"Enabled": True, "FirstTimeSenderDelay": "0s"}, "Submission": {"Enabled": True}, "IMAPS": {"Enabled": True},
                    "MetricsHTTP": {"Enabled": True}}
        self.declared = {"Declared": True, "DataDir": "data", "LogLevel": "debug", "User": str(MOX_UID), "Hostname": "mail.mox.test",
                         "Listeners": {"public": listener}, "Postmaster": {"Account": "test", "Mailbox": "Inbox"},
                         "Domains": {"mox.test": {"DKIM": {"Selectors": {"s1": {"Algorithm": "ed25519"}}, "Sign": ["s1"]}}}, "Accounts": {}}

    def secret(self, name, text, mode=0o400):
        path = self.host.path("mox", "secrets", name)
        if os.path.exists(path):
            os.remove(path)
        with open(path, "w") as file:
            file.write(text)
        os.chown(path, MOX_UID, MOX_UID)
        os.chmod(path, mode)

    def account(self, name, domain="mox.test", **settings):
        self.declared["Accounts"][name] = {"Domain": domain, "Destinations": {f"{name}@{domain}": {}}, "NoFirstTimeSenderDelay": True, **settings}

    def write(self):
        self.host.write("mox/mox.json", json.dumps(self.declared, indent=2))

    def command(self, *words, status=0, input=None):
        """What `mox WORDS` prints."""
        got, output = self.host.status([binary(), "-config", self.host.path("mox", "mox.json"), *words], input=input)
        equal(status, got, f"status of mox {' '.join(words)}, which said {output!r}")
        return output

    def start(self):
        self.process = self.host.spawn([binary(), "-config", self.host.path("mox", "mox.json"), "serve"], "mox.log")
        for port in (25, 587, 993):
            self.host.wait_for_port(port, process=self.process)
        wait_for("the control socket", lambda: os.path.exists(self.host.path("mox", "data", "ctl")), 10)

    def imap(self, name, password, domain="mox.test", source="127.1.0.1"):
        """A session that is logged in; its client has an address of its own, since limits are per network."""
        with self.host.inside():
            plain = socket.create_connection(("127.0.0.1", 993), SECONDS, source_address=(source, 0))
        client = Session(self.context.wrap_socket(plain, server_hostname="127.0.0.1"))
        client.login(f"{name}@{domain}", password)
        return client

    def logs_in(self, *arguments):
        try:
            self.imap(*arguments).logout()
            return True
        except imaplib.IMAP4.error:
            return False

    def accepts(self, recipient):
        """The reply code for a message to this address."""
        with self.host.inside():
            client = smtplib.SMTP("127.0.0.1", 25, local_hostname="client.test", timeout=SECONDS)
        try:
            client.sendmail("sender@client.test", [recipient], f"From: sender@client.test\r\nSubject: for {recipient}\r\n\r\nhello\r\n")
            return 250
        except smtplib.SMTPRecipientsRefused as refused:
            return refused.recipients[recipient][0]
        except smtplib.SMTPDataError as refused:  # strangers learn only then who is here
            return refused.smtp_code
        finally:
            client.close()

    def metrics(self):
        with self.host.inside():
            return urllib.request.urlopen("http://127.0.0.1:8010/metrics", timeout=SECONDS).read().decode()


class Session(imaplib.IMAP4):
    """imaplib over a connection that is there."""

    def __init__(self, connection):
        self.connection = connection
        super().__init__()

    def open(self, host="", port=0, timeout=None):
        self.sock, self.file = self.connection, self.connection.makefile("rb")


def alive(client):
    try:
        return client.noop()[0] == "OK"
    except (imaplib.IMAP4.error, OSError):
        return False


def source(number):
    return f"127.{10 + number % 200}.{number // 200}.1"


@scenario(seconds=240, needs_mox=True)
def declared(lab):
    """Start from JSON and secret files, plan, reload under open sessions, refused reload, undeclare, declare again, restart."""
    house = House(lab)
    for name in ("test", "going"):
        house.secret(name, f"{name}-password\n")
        house.account(name, PasswordFile=f"secrets/{name}")
    house.secret("hashed", crypt.crypt("hashed-password", "$y$j9T$abcdefghijklmnopqrstu.") + "\n")
    house.account("hashed", PasswordHashFile="secrets/hashed")
    house.write()
    contains("config OK", house.command("config", "check"))
    plan = house.command("config", "plan", "-exitcode", status=3)
    contains("nothing was applied yet", plan)
    contains("account added: test", plan)
    house.start()
    equal("nothing to change\n", house.command("config", "plan", "-exitcode"))
    key = house.host.path("mox", "data", "dkim", "mox.test", "s1.pem")
    equal((0o600, MOX_UID), (os.stat(key).st_mode & 0o777, os.stat(key).st_uid), "mode and owner of the DKIM key")
    contains("v=DKIM1", house.command("config", "dnsrecords", "mox.test"))
    equal(True, house.logs_in("hashed", "hashed-password"))
    equal(250, house.accepts("going@mox.test"))

    sessions = [house.imap("test", "test-password", source=source(n)) for n in range(SESSIONS - OF_GOING)]
    ending = [house.imap("going", "going-password", source=source(SESSIONS + n)) for n in range(OF_GOING)]
    for client in sessions[::2]:
        client.select("INBOX")

    # A domain and an account come, an account goes.
    before = copy.deepcopy(house.declared)
    house.declared["Domains"]["more.test"] = {}
    house.secret("added", "added-password\n")
    house.account("added", "more.test", PasswordFile="secrets/added")
    del house.declared["Accounts"]["going"]
    house.write()
    plan = house.command("config", "plan")
    for line in ("domain added: more.test", "account added: added", "address added: added@more.test of added", "password added: added",
                 "account removed: going (disabled, its mail is kept)"):
        contains(line + "\n", plan)
    equal(plan, house.command("reload"), "what was applied")
    equal(SESSIONS - OF_GOING, sum(map(alive, sessions)), "sessions that live on")
    for client in ending:
        contains(b"* BYE", client.file.readline())
        equal(False, alive(client), "a session of an account that went")
    equal((True, False), (house.logs_in("added", "added-password", "more.test"), house.logs_in("going", "going-password")))
    equal((250, 550), (house.accepts("added@more.test"), house.accepts("going@mox.test")))

    # What is wrong is refused as a whole.
    house.declared["Accounts"]["test"]["Routes"] = [{"Transport": "nowhere"}]
    house.declared["Accounts"].pop("added")
    house.write()
    refusal = house.command("reload", status=1)
    contains("there is no transport \"nowhere\"", refusal)
    contains("mox.json:", refusal)
    equal(True, house.logs_in("added", "added-password", "more.test"))
    house.declared = copy.deepcopy(before)
    house.secret("test", "test-password\n", 0o444)
    house.write()
    contains("secrets/test can be read by everybody", house.command("reload", status=1))
    equal(SESSIONS - OF_GOING, sum(map(alive, sessions)), "sessions that live on")

    # Declared again, with its mail; a new password counts from the reload on.
    house.secret("test", "second-password\n")
    applied = house.command("reload")
    contains("password changed: test\n", applied)
    contains("account added: going\n", applied)
    equal((True, False), (house.logs_in("test", "second-password"), house.logs_in("test", "test-password")))
    again = house.imap("going", "going-password")
    equal([b"1"], again.select("INBOX")[1], "messages of the account that came back")
    equal(SESSIONS - OF_GOING, sum(map(alive, sessions)), "sessions that live on")
    contains("is declared: change", house.command("setaccountpassword", "test", status=1, input="some-password\n"))
    metrics = house.metrics()
    contains('mox_config_reload_total{result="ok"} 2', metrics)
    contains('mox_config_reload_total{result="failed"} 2', metrics)

    # A restart does what a reload does, and what only a restart can.
    del house.declared["Accounts"]["going"]
    house.declared["LogLevel"] = "info"
    house.write()
    contains("setting changed: LogLevel (needs a restart)\n", house.command("config", "plan"))
    equal(0, stop(house.process))
    house.start()
    equal("nothing to change\n", house.command("config", "plan", "-exitcode"))
    equal((True, False), (house.logs_in("test", "second-password"), house.logs_in("going", "going-password")))
    equal(550, house.accepts("going@mox.test"))
    equal(0, stop(house.process))
