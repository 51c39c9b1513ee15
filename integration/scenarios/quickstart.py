"""From nothing to mail between two hosts: quickstart, its DNS records, serve as root or with passed sockets."""
import hashlib
import re
import smtplib
import ssl
import subprocess

from clients import letter
from dnslab import DnsLab
from quickstarted import PORTS, Quickstarted
from scenario import contains, equal, scenario

ONE, TWO = "203.0.113.11", "203.0.113.12"  # quickstart takes these for public addresses


class House:
    """Two quickstarted hosts whose zones hold what quickstart printed, signed."""

    def __init__(self, lab):
        hosts = lab.host("one", ONE), lab.host("two", TWO)
        zones = {
            "one.test": {"mail": [f"A {ONE}"]}, "two.test": {"mail": [f"A {TWO}"]}, "com": {},
            "113.0.203.in-addr.arpa": {"11": ["PTR mail.one.test."], "12": ["PTR mail.two.test."]},
        }
        self.dns = DnsLab(lab, zones)
        for host in hosts:
            self.dns.serve(host)
        self.one, self.two = Quickstarted(hosts[0], "u", "one.test"), Quickstarted(hosts[1], "v", "two.test")
        for server in (self.one, self.two):
            zone = self.dns.zones[server.domain]
            for owner, records in server.records().items():
                zone.setdefault(owner, []).extend(records)
        self.dns.update("com", "@", [])


def submit(server, recipient, subject):
    with server.host.inside():
        client = smtplib.SMTP_SSL(server.name, server.submissions, local_hostname="client.test", context=server.context(), timeout=30)
        client.login(server.user, server.password)
        client.sendmail(server.user, [recipient], letter(server, subject), mail_options=["BODY=8BITMIME"])
        client.quit()


def key_of_port_25(server):
    """The data of TLSA 3 1 1 for the certificate that senders see."""
    with server.host.inside():
        client = smtplib.SMTP(server.host.address, 25, local_hostname="client.test", timeout=30)
        context = ssl.create_default_context(cafile=server.ca)
        context.check_hostname = False
        client.starttls(context=context)
    pem = ssl.DER_cert_to_PEM_cert(client.sock.getpeercert(True))
    client.quit()
    public = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=pem, stdout=subprocess.PIPE, check=True, text=True).stdout
    der = ssl.PEM_cert_to_DER_cert(public.replace("PUBLIC KEY", "CERTIFICATE"))
    return hashlib.sha256(der).hexdigest()


@scenario(seconds=120, needs_mox=True)
def two_quickstarted_hosts(lab):
    """Each signs what the other verifies, SPF included, by the very records that quickstart printed."""
    house = House(lab)
    for server in (house.one, house.two):
        if "WARNING" in server.printed:
            raise AssertionError("quickstart warned:\n" + server.printed)
        server.launch()
        contains(f"TLSA 3 1 1 {key_of_port_25(server)}", "\n".join(server.records()["_25._tcp.mail"]), "published keys")
    for sender, receiver in ((house.one, house.two), (house.two, house.one)):
        submit(sender, receiver.user, "between hosts")
        got = receiver.wait_arrival("between hosts")
        head = re.sub(rb"\r\n[ \t]", b" ", got.split(b"\r\n\r\n")[0]).decode()
        results = re.search(r"^Authentication-Results: (.*)$", head, re.M)[1]
        for part in ("dkim=pass", f"header.d={sender.domain}", "spf=pass", "iprev=pass"):
            contains(part, results)
        contains(f"d={sender.domain};", re.sub(r"\s", "", head))
    for server in (house.one, house.two):
        seconds = server.end()
        print(f"note: ended in {seconds:.2f} s")
        if seconds > 3:
            raise AssertionError(f"took {seconds:.1f} s to end")


@scenario(seconds=120, needs_mox=True)
def passed_sockets_reload_and_end(lab):
    """Never root: sockets from the service manager, notices to it, a new address by SIGHUP, an end in 3 s with clients connected."""
    house = House(lab)
    server = house.one
    server.launch_with_sockets()
    # Those of ACME were not passed, and are not for it to bind: mail does not hang on them.
    contains("port cannot be opened, the server works without it", server.log())
    opened = server.host.run(["ss", "-Htlnp"])
    for port in PORTS:
        equal(1, len(re.findall(rf"{re.escape(ONE)}:{port}\b", opened)), f"listening sockets at port {port}")
    equal(550, deliver(server, "new@one.test"), "mail for nobody")
    server.edit("u@one.test: nil\n", "u@one.test: nil\n\t\t\tnew@one.test: nil\n")
    server.reload()
    equal(250, deliver(server, "new@one.test"), "mail for the new address")
    server.edit("Accounts:\n", "Accounts:\nnonsense\n")
    server.reload()
    contains("domains.conf:", server.log(), "the log")
    equal(250, deliver(server, "new@one.test"), "mail after a reload with errors")
    idle = server.open_imap()
    idle.select("INBOX")
    waiting = server.host.connect(ONE, 25)
    waiting.recv(100)
    waiting.sendall(b"EHLO client.test\r\n")
    seconds = server.end()
    print(f"note: ended in {seconds:.2f} s")
    if seconds > 3.5:
        raise AssertionError(f"took {seconds:.1f} s to end")
    waiting.settimeout(5)
    rest = b""
    while got := waiting.recv(4000):
        rest += got
    contains(b"\r\n421 ", rest)


def deliver(server, address):
    """The answer to a message for the address; who is unknown is told after DATA, so that nobody can try names out."""
    with server.host.inside():
        client = smtplib.SMTP(server.host.address, 25, local_hostname="mail.one.test", timeout=30)
    client.ehlo()
    equal((250, 250), (client.mail("u@one.test")[0], client.rcpt(address)[0]), "MAIL and RCPT")
    code = client.data(letter(server, "to an address"))[0]
    client.quit()
    return code
