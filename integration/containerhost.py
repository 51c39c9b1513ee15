"""A mail host whose server runs in a container, installed by the commands that container/README.md prints."""
import os
import smtplib
import time

from clients import Server, letter
from containers import build_image
from dnslab import DnsLab
from documented import documented, documented_settings
from lab import run
from moxhost import MOX_UID, ROOT, binary
from postfix import Postfix
from scenario import contains, equal, wait_for

NAME, DOMAIN = "mail.example.com", "example.com"  # as in the README
PORTS = (25, 465, 993)
CONFIG, DATA = "/srv/mox/config", "/srv/mox/data"


def by_acme(settings):
    """What is in mox.json, changed as the README's chapter on certificates says."""
    part = documented_settings("Certificates")
    settings["ACME"] = part["ACME"]
    settings["Listeners"]["public"].update(part["Listeners"]["public"])


class ContainerHost(Server):
    def __init__(self, lab, engine, names=None):
        """The host with its engine, image archive, configuration and names; nothing runs yet. On both sides of it Postfix: one that
        sends, only to who can prove its name, and one that receives. names: further ones, as DnsLab has zones."""
        host, a, b = hosts = [lab.host(name) for name in (NAME, "mail.a.test", "mail.b.test")]
        zones = {each.name.removeprefix("mail."): {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": [f"A {each.address}"]} for each in hosts}
        zones["0.77.10.in-addr.arpa"] = {each.address.rsplit(".", 1)[1]: [f"PTR {each.name}."] for each in hosts}
        for zone, further in (names or {}).items():
            zones.setdefault(zone, {}).update(further)
        self.dns = DnsLab(lab, zones)
        for each in hosts:
            self.dns.serve(each)
        host.path("srv", "x")
        host.bind("srv", "/srv")  # an empty one, seen by this host alone
        super().__init__(host=host, name=NAME, smtp=25, submission=0, submissions=465, imap=0, imaps=993, user="you@" + DOMAIN, password="", ca="")
        self.tree = os.path.dirname(host.path("tree", "x"))
        os.symlink(os.path.join(ROOT, "container"), os.path.join(self.tree, "container"))
        archive = host.path("tree", "build-release", "mox.tar")
        build_image(binary(), archive)
        self.engine = engine(host)
        self.engine.probe(archive)
        self.type(documented("configuration"))
        self.password = self.on_host(CONFIG, "you.password").strip()
        self.ca = host.write("tls.pem", self.on_host(CONFIG, "tls.pem"))
        self.sender = Postfix(a, a.name, ["a.test"], tls=lab.certificate(a.name), smtp_tls_CAfile=self.ca, smtp_tls_security_level="secure",
                              smtp_tls_secure_cert_match="nexthop, hostname", notify_classes="")
        self.receiver = Postfix(b, b.name, ["b.test"], tls=lab.certificate(b.name))

    def type(self, script):
        """Runs commands of the README in its tree and shows them with what they say."""
        said = self.engine.shell(script, self.tree)
        print("".join(f"$ {line}\n" for line in script.splitlines()) + said)
        return said

    def on_host(self, *parts):
        return self.host.run(["cat", os.path.join(*parts)])

    def wait(self, name="mox"):
        """Until the container's ports are open and its own health check is content."""
        for port in PORTS:
            self.host.wait_for_port(port, seconds=30)
        wait_for("a healthy server", lambda: self.engine.status("exec", name, "/usr/bin/mox", "healthcheck")[0] == 0, 20)

    def end(self, name):
        """Stops the container, which must end in order and before it would be killed, and removes it; the seconds that took."""
        begin = time.monotonic()
        self.engine.run("stop", name)
        seconds = time.monotonic() - begin
        equal(0, self.engine.inspect(name)["State"]["ExitCode"], "exit status")
        if seconds > 8:
            raise AssertionError(f"took {seconds:.1f} s to end")
        self.engine.run("rm", name)
        return seconds

    def status_of(self, pid):
        """Fields of /proc/PID/status of the server's process."""
        return dict(line.split(":\t", 1) for line in run(["cat", f"/proc/{pid}/status"]).splitlines() if ":\t" in line)

    def check_process(self, pid, uid=MOX_UID):
        """Without a capability or a way to get one; its root is read-only."""
        status = self.status_of(pid)
        for field in ("Uid", "Gid"):
            equal([str(uid)] * 4, status[field].split(), field)
        for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            equal(0, int(status[field], 16), field)
        equal("1", status["NoNewPrivs"], "NoNewPrivs")
        root = next(line for line in run(["cat", f"/proc/{pid}/mounts"]).splitlines() if line.split()[1] == "/")
        if "ro" not in root.split()[3].split(","):
            raise AssertionError("the root is not read-only: " + root)

    def open_submission(self):
        with self.host.inside():
            client = smtplib.SMTP_SSL(self.name, self.submissions, local_hostname="client.test", context=self.context(), timeout=30)
        client.login(self.user, self.password)
        return client

    def submit(self, recipient, subject):
        client = self.open_submission()
        client.sendmail(self.user, [recipient], letter(self, subject), mail_options=["BODY=8BITMIME"])
        client.quit()

    def mail_both_ways(self, mark):
        """From the one Postfix by port 25 into the mailbox, and by the queue to the other; what arrived there."""
        self.send_in(self.user, f"in {mark}")
        self.submit("y@b.test", f"out {mark}")
        arrived = self.receiver.wait_message("y@b.test", f"out {mark}")
        contains("using TLSv1.3", " ".join(arrived.get_all("Received")))
        contains(b"spf=pass", self.wait_arrival(f"in {mark}", seconds=40))
        return arrived

    def send_in(self, recipient, subject):
        self.sender.send("x@a.test", recipient, f"From: x@a.test\nTo: {recipient}\nSubject: {subject}\n\nbody\n")

    def check_no_relay(self):
        """Port 25 takes nothing from the one for the other."""
        with self.sender.host.inside():
            client = smtplib.SMTP(self.host.address, 25, local_hostname="mail.a.test", timeout=30)
        client.ehlo()
        client.mail("x@a.test")
        equal(550, client.rcpt("y@b.test")[0], "RCPT for another's domain")
        client.quit()
