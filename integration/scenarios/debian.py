"""The README's "Installing on Debian 12", typed on a host with systemd."""
import base64
import hashlib
import re
import smtplib

import acmelog
from clients import Server, letter
from dnslab import DnsLab
from documented import documented
from doors import public_key, shown, wait_shown
from moxhost import binary
from nspawn import Nspawn
from pebble import DIRECTORY, Pebble, zone
from postfix import Postfix
from quickstarted import printed_records
from scenario import contains, equal, scenario

DOMAIN, NAME = "example.com", "mail.example.com"
ADDRESS, PEER, PROVIDER = "203.0.113.11", "203.0.113.12", "203.0.113.13"  # quickstart takes these for public addresses
CONFIG = "/var/lib/mox/config/mox.conf"
LAB_CA = "/etc/ssl/lab-ca.pem"
PORTS = (993, 465, 25)


class Debian(Server):
    """The host, with only its names in DNS; beside it mail.peer.test with Postfix, which also stands for gmail.com and delivers only to whom DANE
    vouches for, and Pebble."""

    def __init__(self, lab):
        self.peer_host = lab.host("mail.peer.test", PEER)
        self.machine = Nspawn(lab, NAME)
        host = self.machine.host
        self.move(lab, host)
        self.dns = DnsLab(lab, {
            DOMAIN: {"mail": [f"A {ADDRESS}"]},
            "peer.test": {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": [f"A {PEER}"]},
            "gmail.com": {"@": ["MX 10 mail.peer.test."]},
            **zone(PROVIDER),
            "113.0.203.in-addr.arpa": {"11": [f"PTR {NAME}."], "12": ["PTR mail.peer.test."]},
        })
        provider = lab.host("ca", PROVIDER)
        for each in (self.peer_host, host, provider):
            self.dns.serve(each)
        self.pebble = Pebble(provider)
        self.pebble.start()
        self.peer = Postfix(self.peer_host, "mail.peer.test", ["peer.test"], tls=lab.certificate("mail.peer.test"), smtp_tls_security_level="dane-only",
                            smtp_dns_support_level="dnssec")
        self.machine.stage("/etc/resolv.conf", host.read("resolv.conf"))
        self.machine.stage("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
        self.machine.stage_file(binary(), "/root/mox/build-release/mox", 0o755)  # the README's "build" takes longer than all tests here
        self.machine.stage_file(lab.ca(), LAB_CA)
        super().__init__(host=host, name=NAME, smtp=25, submission=0, submissions=465, imap=0, imaps=993, user="you@" + DOMAIN, password="", ca="")
        self.machine.start()

    @staticmethod
    def move(lab, host):
        """From the lab's private address to the public one."""
        host.run(["sh", "-ec", f"ip addr flush dev eth0; ip addr add {ADDRESS}/16 dev eth0"])
        with open(lab.path("hosts"), "r+") as file:  # in place: it is mounted over /etc/hosts
            text = file.read().replace(f"{host.address} {NAME}\n", f"{ADDRESS} {NAME}\n")
            file.seek(0)
            file.write(text)
            file.truncate()
        host.address = ADDRESS

    def type(self, title):
        """Runs commands of the README as root and shows them with what they say."""
        script = documented(title, "README.md")
        said = self.machine.succeed("cd /root/mox\n" + script.replace("\n", " 2>&1\n"))
        print("".join(f"# {line}\n" for line in script.splitlines()) + said)
        return said

    def use_pebble(self):
        """What the README says of another provider, and whom to trust for its HTTPS."""
        before = self.configuration()
        contains("DirectoryURL: https://acme-v02.api.letsencrypt.org/directory\n", before)
        assert "\nTLS:" not in before, before
        self.machine.succeed(f"sed -i 's|DirectoryURL: .*|DirectoryURL: {DIRECTORY}|' {CONFIG}",
                             f"printf 'TLS:\n\tCA:\n\t\tAdditionalToSystem: true\n\t\tCertFiles:\n\t\t\t- {LAB_CA}\n' >>{CONFIG}")

    def configuration(self):
        return self.machine.succeed("cat " + CONFIG)

    def log(self):
        return self.machine.succeed("journalctl --no-pager -o cat -u mox")

    def shown(self):
        """The certificate at each port, from Pebble's root."""
        return [shown(self.host, port, NAME, self.ca) for port in PORTS]

    def check_host_key(self, certificate, records):
        """Its key is one of those that quickstart made for the host, and of a TLSA record that it printed."""
        key = certificate.public_key()
        files = re.findall(r"^\s+- (hostkeys/\S+)$", self.configuration(), re.M)
        equal(2, len(files), "host keys in the configuration")
        made = [public_key(self.machine.succeed(f"cd {CONFIG.rsplit('/', 1)[0]} && openssl pkey -pubout -in {file}")) for file in files]
        contains(key, made, "keys of HostPrivateKeyFiles")
        digests = [hashlib.sha256(base64.b64decode(each)).hexdigest() for each in made]
        equal(sorted(f"TLSA 3 1 1 {digest}" for digest in digests), sorted(records["_25._tcp.mail"]), "TLSA records that were printed")

    def publish(self, records):
        for owner, added in records.items():
            self.dns.zones[DOMAIN].setdefault(owner, []).extend(added)
        self.dns.update("peer.test", "@", self.dns.zones["peer.test"]["@"])


@scenario(seconds=240, needs_mox=True)
def install_on_debian(lab):
    """From a machine that has only the binary to a certificate and mail in both directions, under the printed unit; a restart of the server has the same
    certificate and mail, also while the provider is away."""
    server = Debian(lab)
    said = server.type("install")
    contains("DNS records to publish", said)
    server.password = re.search(r"^Password: +(\S+)$", said, re.M)[1]
    records = printed_records(said, DOMAIN)
    server.publish(records)
    server.use_pebble()
    contains("healthy\n", server.type("start"))
    contains("WorkingDirectory=/var/lib/mox\n", server.machine.succeed("cat /etc/systemd/system/mox.service"))
    owner, command = server.machine.succeed("ps -o user=,args= -p $(systemctl show -P MainPID mox)").split(None, 1)
    equal(("mox", "/usr/local/bin/mox serve\n"), (owner, command))

    acmelog.wait_obtained(server.log, "letsencrypt", NAME)
    server.ca = server.pebble.root()
    before = [wait_shown(server.host, port, NAME, server.ca) for port in PORTS]
    equal(1, len(set(before)), "certificates at the ports")
    server.check_host_key(before[0], records)
    server.peer.send("x@peer.test", server.user, f"From: x@peer.test\nTo: {server.user}\nSubject: into debian\n\nbody\n")
    with server.host.inside():
        client = smtplib.SMTP_SSL(NAME, 465, local_hostname="client.test", context=server.context(), timeout=30)
    client.login(server.user, server.password)
    client.sendmail(server.user, ["y@peer.test"], letter(server, "out of debian"), mail_options=["BODY=8BITMIME"])
    client.quit()
    contains(f"d={DOMAIN}", server.peer.wait_message("y@peer.test", "out of debian")["DKIM-Signature"])
    contains(b"spf=pass", server.wait_arrival("into debian", seconds=40))
    contains(f"Verified TLS connection established to {NAME}[{ADDRESS}]:25", server.peer.log(), "what Postfix says of DANE")
    print(server.log())

    server.pebble.stop()
    server.machine.succeed("systemctl reload mox", "systemctl restart mox")
    contains(b"Subject: into debian", server.wait_arrival("into debian"))
    equal(before, server.shown(), "certificates after the restart")
    equal((1, 1), (server.pebble.orders(), server.pebble.issued()), "orders and certificates")
    equal([], acmelog.events(server.log(), acmelog.FAILED, NAME), "failures")

    # The unit has a /tmp of its own and may write to its folders only: what commands name is where the person has it.
    contains("no problems", server.type("backup"))
    server.machine.succeed("cd /var/lib/mox && mox export mbox /tmp/mail.zip you && mox export maildir /root/out/mail you && test -d /root/out/mail/cur -o -d /root/out/mail/Inbox")
    contains("messages imported", server.machine.succeed("cd /var/lib/mox && mox import mbox you Again /tmp/mail.zip"))
    said = server.type("restore")
    contains("no problems", said)
    contains("healthy\n", said)
    contains(b"Subject: into debian", server.wait_arrival("into debian"))
    equal(before, server.shown(), "certificates after the restore")
    print("note: installed by the README's commands, with a certificate, mail in and out; backed up and restored")
