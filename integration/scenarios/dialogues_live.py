"""The dialogue files of the unit tests, played against mox serve. Those that steer the clock or the server's inside are left out."""
import glob
import os
import ssl

import dialogue
from dnslab import DnsLab
from moxhost import ROOT, Serve
from scenario import scenario

SERVER, CLIENT = "10.77.0.11", "10.77.0.12"
PASSWORD = "test1234"
ACCOUNTS = ("mjl", "other", "closed", "test")
CLOCK = ("submission/hello.txt",)  # the date of FUTURERELEASE in it is the test clock's

ZONES = {
    "mox.example": {"@": ["MX 10 mail"], "mail": [f"A {SERVER}"]},
    "client.example": {"@": [f"A {CLIENT}"]},
    "sender.example": {"@": ["MX 10 mail", f'TXT "v=spf1 ip4:{CLIENT} -all"'], "mail": ["A 10.77.0.99"]},
    "nospf.example": {"@": ["MX 10 mail.sender.example."]},
    "spoofed.example": {"@": ["MX 10 mail.sender.example.", 'TXT "v=spf1 -all"']},
    "nullmx.example": {"@": ["MX 0 ."]},
    "addressonly.example": {"@": ["A 10.77.0.99"]},
    "trouble.example": {"@": ["MX 10 mail.sender.example.", "A 10.77.0.99"]},
    "0.77.10.in-addr.arpa": {"12": ["PTR client.example."]},
}

# As the worlds of tests/imapserver and tests/smtpserver have it.
DOMAINS = """\
Domains:
	mox.example:
		LocalpartCatchallSeparator: +
	disabled.example:
		Disabled: true
Accounts:
	test:
		Domain: mox.example
	mjl:
		Domain: mox.example
		Destinations:
			mjl@mox.example: nil
			mjl@disabled.example: nil
			π@mox.example: nil
		QuotaMessageSize: 1000000
		NoFirstTimeSenderDelay: true
	other:
		Domain: mox.example
		Destinations:
			other@mox.example: nil
			refuses@mox.example:
				SMTPError: 550 nobody here any more
			later@mox.example:
				SMTPError: 421 moving house
		QuotaMessageCount: 3
	closed:
		Domain: mox.example
		LoginDisabled: ask the boss
		Destinations:
			closed@mox.example: nil
"""


class House:
    """A server that begins each dialogue with the same empty accounts."""

    def __init__(self, lab, hostname):
        self.host, self.client, self.hostname = lab.host("m", SERVER), lab.host("c", CLIENT), hostname
        DnsLab(lab, ZONES, bogus=["trouble.example"]).serve(self.host)
        self.server = Serve(self.host, "mox.example", hostname, domains=DOMAINS, tls=lab.certificate(hostname, "m"))
        for account in ACCOUNTS:
            self.server.command(["setaccountpassword", account], input=PASSWORD + "\n")
        self.server.stop()
        self.context = ssl.create_default_context(cafile=lab.ca())
        self.data, self.fresh = self.host.path("mox", "data"), self.host.path("fresh")
        self.host.run(["mv", self.data, self.fresh])

    def play(self, folder, port, implicit_tls):
        """Plays a folder of tests/dialogues; gives the number of files played and left out, fails after the last one."""
        played, left_out, wrong = 0, 0, []
        for path in sorted(glob.glob(os.path.join(ROOT, "tests", "dialogues", folder, "*.txt"))):
            with open(path, encoding="utf-8") as file:
                steps = dialogue.parse(file.read(), path)
            if dialogue.fake_only(steps) or path.endswith(CLOCK):
                left_out += 1
                continue
            played += 1
            self.host.run(["sh", "-ec", 'rm -rf "$1"; cp -a "$2" "$1"', "sh", self.data, self.fresh])
            self.server.start()
            try:
                with self.client.inside():
                    dialogue.Player((SERVER, port), self.context, self.hostname, implicit_tls, {}).play(steps, f"{folder}/{os.path.basename(path)}")
            except dialogue.Wrong as error:
                wrong.append(str(error))
            self.server.stop()
        if wrong or not played:
            raise AssertionError(f"{played} played, {left_out} left out, wrong:\n" + "\n".join(wrong))
        print(f"note: {folder}: {played} played, {left_out} left out")


@scenario(seconds=90, needs_mox=True)
def imap_dialogues(lab):
    """IMAP with TLS from the start."""
    House(lab, "mox.example").play("imap", 993, True)


@scenario(seconds=120, needs_mox=True)
def smtp_dialogues(lab):
    """Port 25, and submission with TLS from the start."""
    house = House(lab, "mail.mox.example")
    house.play("smtp", 25, False)
    house.play("submission", 465, True)
