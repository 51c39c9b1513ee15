"""Mail between mox and Postfix, with names resolved and validated by unbound."""
import hashlib
import re
import smtplib
import ssl
import subprocess

from clients import letter
from dnslab import DnsLab
from moxhost import Serve
from postfix import Postfix
from scenario import contains, equal, scenario, wait_for

ZONES = {
    "a.test": {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": ["A 10.77.0.11"]},
    "mox.test": {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": ["A 10.77.0.12"]},
    "0.77.10.in-addr.arpa": {"11": ["PTR mail.a.test."], "12": ["PTR mail.mox.test."]},
}


class Net:
    """Postfix for a.test on one host, mox for mox.test on another."""

    def __init__(self, lab, postfix=None, tls=True):
        self.a, self.m = lab.host("a"), lab.host("m")
        self.dns = DnsLab(lab, ZONES)
        self.dns.serve(self.a)
        self.dns.serve(self.m)
        self.mox_tls = lab.certificate("mail.mox.test", "m")
        self.postfix_tls = lab.certificate("mail.a.test", "a")
        self.mox = Serve(self.m, "mox.test", "mail.mox.test", tls=self.mox_tls)
        self.postfix = Postfix(self.a, "mail.a.test", ["a.test"], tls=self.postfix_tls if tls else None, **(postfix or {}))

    def submit(self, subject, recipient="y@a.test"):
        client = self.mox.open_submission()
        client.sendmail(self.mox.user, [recipient], letter(self.mox, subject), mail_options=["BODY=8BITMIME"])
        client.quit()

    def from_postfix(self, subject, recipient="test@mox.test"):
        self.postfix.send("x@a.test", recipient, f"From: x@a.test\nTo: {recipient}\nSubject: {subject}\n\nbody\n")


def tlsa(certificate):
    """3 1 1: the SHA-256 of the public key."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-pubkey", "-noout"], stdout=subprocess.PIPE, check=True).stdout
    der = ssl.PEM_cert_to_DER_cert(key.decode().replace("PUBLIC KEY", "CERTIFICATE"))
    return "TLSA 3 1 1 " + hashlib.sha256(der).hexdigest()


@scenario(seconds=90, needs_mox=True)
def postfix_to_mox(lab):
    """Postfix verifies our certificate; SPF, iprev and the trace fields are right; an unknown user is refused."""
    net = Net(lab, {"smtp_tls_security_level": "secure", "smtp_tls_secure_cert_match": "nexthop, hostname", "notify_classes": ""})
    net.from_postfix("to mox")
    contains("250 2", net.postfix.wait_sent("test@mox.test"))
    contains("Verified TLS connection established to mail.mox.test", net.postfix.log())
    head, body = net.mox.wait_arrival("to mox").split(b"\r\n\r\n", 1)
    equal(b"body\r\n", body)
    unfolded = head.replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    for part in (b"Delivered-To: test@mox.test", b"Return-Path: <x@a.test>", b"spf=pass", b"iprev=pass", b"mail.mox.test"):
        contains(part, unfolded)
    net.from_postfix("nobody", "nobody@mox.test")
    contains("550 5.1.1", net.postfix.wait_message("x@a.test", "550 5.1.1").as_string())


@scenario(seconds=90, needs_mox=True)
def mox_to_postfix(lab):
    """The queue finds the host by MX, uses STARTTLS and keeps 8-bit text as it is."""
    net = Net(lab)
    net.submit("from mox")
    got = net.postfix.wait_message("y@a.test", "Subject: from mox")
    equal("Grüße\n.\n..two\n", got.get_payload(decode=True).decode())
    contains("using TLSv1.3", " ".join(got.get_all("Received")))


@scenario(seconds=90, needs_mox=True)
def mox_to_postfix_without_tls(lab):
    """A peer without STARTTLS gets the mail in the clear."""
    net = Net(lab, tls=False)
    net.submit("in the clear")
    contains("ESMTP id", " ".join(net.postfix.wait_message("y@a.test", "Subject: in the clear").get_all("Received")))


@scenario(seconds=120, needs_mox=True)
def postfix_refuses(lab):
    """5xx makes a DSN for the sender; 4xx is tried again, at once when the queue is told to."""
    net = Net(lab)
    net.postfix.refuse("no@a.test", "550 5.1.1 nobody here")
    net.postfix.refuse("later@a.test", "450 4.2.0 try later")
    net.submit("refused", "no@a.test")
    net.submit("deferred", "later@a.test")
    report = wait_report(net)
    contains(b"5.1.1", report)
    contains(b"no@a.test", report)
    wait_for("the 450", lambda: "later@a.test" in net.postfix.log() and "450 4.2.0" in net.postfix.log())
    contains("later@a.test", net.mox.command(["queue", "list"]))
    net.postfix.accept()
    net.mox.command(["queue", "schedule", "-now", "0s"])
    net.postfix.wait_message("later@a.test", "deferred")


def wait_report(net):
    client = net.mox.open_imap()

    def find():
        client.select("INBOX", readonly=True)
        found = client.search(None, "BODY", "no@a.test")[1][0].split()
        return found and client.fetch(found[0], "(BODY.PEEK[])")[1][0][1]

    return wait_for("a DSN", find, 40, 0.2)


@scenario(seconds=90, needs_mox=True)
def postfix_verifies_by_dane(lab):
    """A peer that insists on DANE finds our key as the TLSA record says; with another record it keeps its mail."""
    net = Net(lab, {"smtp_tls_security_level": "dane-only", "smtp_dns_support_level": "dnssec"})
    net.dns.update("mox.test", "_25._tcp.mail", [tlsa(net.mox_tls[0])])
    net.from_postfix("by DANE")
    net.postfix.wait_sent("test@mox.test")
    contains("Verified TLS connection established to mail.mox.test", net.postfix.log())
    net.mox.wait_arrival("by DANE")
    net.dns.update("mox.test", "_25._tcp.mail", ["TLSA 3 1 1 " + "00" * 32])
    net.a.run(["postfix", "reload"])  # it remembers the record before
    net.from_postfix("not by DANE")
    wait_for("a deferred message", lambda: re.search("status=deferred .*not verified", net.postfix.log()), 30)
    client = net.mox.open_imap()
    client.select("INBOX", readonly=True)
    equal([b""], client.search(None, "SUBJECT", '"not by DANE"')[1])


@scenario(seconds=60, needs_mox=True)
def injected_plaintext_is_thrown_away(lab):
    """Commands sent before the TLS handshake, behind STARTTLS in one packet, are not answered inside TLS."""
    net = Net(lab)
    for port in (25, 587):
        raw = net.a.connect(net.m.address, port)
        raw.settimeout(10)
        reader = raw.makefile("rb")
        contains(b"220 ", reader.readline())
        raw.sendall(b"EHLO client.test\r\n")
        while reader.readline()[3:4] == b"-":
            pass
        raw.sendall(b"STARTTLS\r\nNOOP injected\r\n")
        contains(b"220 ", reader.readline())
        context = ssl.create_default_context(cafile=net.mox.ca)
        secure = context.wrap_socket(raw, server_hostname="mail.mox.test")
        secure.sendall(b"QUIT\r\n")
        contains(b"221 ", secure.recv(100))
    with net.m.inside():
        smuggler = smtplib.SMTP(net.m.address, 25, local_hostname="client.test", timeout=30)
    smuggler.ehlo()
    smuggler.mail("x@a.test")
    smuggler.rcpt("test@mox.test")
    equal(354, smuggler.docmd("DATA")[0])
    smuggler.send(b"Subject: outer\r\n\r\nx\n.\r\nMAIL FROM:<evil@a.test>\r\nRCPT TO:<test@mox.test>\r\nDATA\r\nSubject: inner\r\n\r\nx\r\n.\r\n")
    code, text = smuggler.getreply()
    equal(500, code, f"reply to a smuggled end of data ({text})")
    equal(250, smuggler.noop()[0], "NOOP right after it: no second reply is waiting")
