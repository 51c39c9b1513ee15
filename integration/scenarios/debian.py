"""The README's "Installing on Debian 12", typed on a host with systemd."""
import re
import smtplib
import ssl

from clients import Server, letter
from dnslab import DnsLab
from documented import documented
from moxhost import binary
from nspawn import Nspawn
from postfix import Postfix
from quickstarted import printed_records
from scenario import contains, equal, scenario

DOMAIN, NAME = "example.com", "mail.example.com"
ADDRESS, PEER = "203.0.113.11", "203.0.113.12"  # quickstart takes these for public addresses


class Debian(Server):
    """The host, with only its names in DNS; beside it mail.peer.test with Postfix, which also stands for gmail.com."""

    def __init__(self, lab):
        self.peer_host = lab.host("mail.peer.test", PEER)
        self.machine = Nspawn(lab, NAME)
        host = self.machine.host
        self.move(lab, host)
        self.dns = DnsLab(lab, {
            DOMAIN: {"mail": [f"A {ADDRESS}"]},
            "peer.test": {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": [f"A {PEER}"]},
            "gmail.com": {"@": ["MX 10 mail.peer.test."]},
            "113.0.203.in-addr.arpa": {"11": [f"PTR {NAME}."], "12": ["PTR mail.peer.test."]},
        })
        for each in (self.peer_host, host):
            self.dns.serve(each)
        self.peer = Postfix(self.peer_host, "mail.peer.test", ["peer.test"], tls=lab.certificate("mail.peer.test"))
        self.machine.stage("/etc/resolv.conf", host.read("resolv.conf"))
        self.machine.stage("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
        self.machine.stage_file(binary(), "/root/mox/build-release/mox", 0o755)  # the README's "build" takes longer than all tests here
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

    def publish(self, said):
        for owner, records in printed_records(said, DOMAIN).items():
            self.dns.zones[DOMAIN].setdefault(owner, []).extend(records)
        self.dns.update("peer.test", "@", self.dns.zones["peer.test"]["@"])


@scenario(seconds=240, needs_mox=True)
def install_on_debian(lab):
    """From a machine that has only the binary to mail in both directions, under the printed unit; a restart of the machine
    brings the server up again with its mail."""
    server = Debian(lab)
    said = server.type("install")
    contains("DNS records to publish", said)
    server.password = re.search(r"^Password: +(\S+)$", said, re.M)[1]
    server.publish(said)
    contains("healthy\n", server.type("start"))
    contains("WorkingDirectory=/var/lib/mox\n", server.machine.succeed("cat /etc/systemd/system/mox.service"))
    owner, command = server.machine.succeed("ps -o user=,args= -p $(systemctl show -P MainPID mox)").split(None, 1)
    equal(("mox", "/usr/local/bin/mox serve\n"), (owner, command))

    with server.host.inside():  # self-signed: verified by being known
        server.ca = server.host.write("server.pem", ssl.get_server_certificate((ADDRESS, 993), timeout=10))
    server.peer.send("x@peer.test", server.user, f"From: x@peer.test\nTo: {server.user}\nSubject: into debian\n\nbody\n")
    with server.host.inside():
        client = smtplib.SMTP_SSL(NAME, 465, local_hostname="client.test", context=server.context(), timeout=30)
    client.login(server.user, server.password)
    client.sendmail(server.user, ["y@peer.test"], letter(server, "out of debian"), mail_options=["BODY=8BITMIME"])
    client.quit()
    contains(f"d={DOMAIN}", server.peer.wait_message("y@peer.test", "out of debian")["DKIM-Signature"])
    contains(b"spf=pass", server.wait_arrival("into debian", seconds=40))
    print(server.machine.succeed("journalctl --no-pager -o cat -u mox"))

    server.machine.succeed("systemctl reload mox", "systemctl restart mox")
    contains(b"Subject: into debian", server.wait_arrival("into debian"))
    print("note: installed by the README's commands, mail in and out")
