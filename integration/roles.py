"""What the machines of a script are: `mox` is mail.mox.test with our server, `peer` is mail.peer.test with Postfix.

Both have every name from a validating resolver of their own and the command mailtool. Facts that scripts may use, and that
another back end has to provide:

mox   unit mox.service; the command `mox` finds its configuration; account "test", address test@mox.test and any
      test+WORD@mox.test, password as in mailtool.py; ports 25, 465, 587, 143, 993
peer  unit postfix.service; every address at peer.test is kept in one Maildir, /var/mail/lab/all; /etc/postfix/access is its
      check_recipient_access; log in /var/log/postfix.log; changed by postconf -e and a restart
"""
import os

from dnslab import DnsLab
from lab import Lab, run
from mailtool import PASSWORD
from moxhost import ROOT, binary
from nspawn import Nspawn
from postfix import MAIL_UID, MASTER, main_parameters

UID = 990  # of the user mox
FOLDER = "/var/lib/mox"
PROGRAM = "/usr/local/bin/mox"
TLS = "/etc/lab-tls"


class Neighbourhood:
    """The names and certificates that a script's machines share."""

    def __init__(self, lab: Lab, machines: list[Nspawn]) -> None:
        self.lab, self.machines = lab, machines
        self.certificates = {m.name: lab.certificate(f"mail.{m.name}.test", m.name) for m in machines}
        zones: dict[str, dict[str, list[str]]] = {"0.77.10.in-addr.arpa": {}}
        for machine in machines:
            domain = machine.name + ".test"
            zones[domain] = {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": [f"A {machine.address}"]}
            zones["0.77.10.in-addr.arpa"][machine.address.rsplit(".", 1)[1]] = [f"PTR mail.{domain}."]
        self.dns = DnsLab(lab, zones)

    def furnish(self) -> None:
        """Stages everything on every machine."""
        hosts = "127.0.0.1 localhost\n" + "".join(f"{m.address} {m.name}\n" for m in self.machines)
        for machine in self.machines:
            machine.stage("/etc/hosts", hosts)
            machine.stage_file(os.path.join(ROOT, "integration", "mailtool.py"), "/usr/local/bin/mailtool", 0o755)
            self.dns.stage(machine)
            certificate, key = self.certificates[machine.name]
            machine.stage_file(self.lab.ca(), TLS + "/ca.pem")
            machine.stage_file(certificate, TLS + "/cert.pem")
            machine.stage_file(key, TLS + "/key.pem", 0o644)  # each server reads it as its own user
            ROLES[machine.name](machine)


def furnish_mox(machine: Nspawn) -> None:
    accounts(machine, f"mox:x:{UID}:{UID}::{FOLDER}:/usr/sbin/nologin\n", f"mox:x:{UID}:\n")
    machine.stage_file(binary(), PROGRAM, 0o755)
    machine.stage("/etc/tmpfiles.d/lab-mox.conf", f"d {FOLDER} 0750 mox mox\nd {FOLDER}/config 0750 mox mox\nd {FOLDER}/data 0750 mox mox\n"
                  f"C {FOLDER}/config/mox.conf 0640 mox mox - /etc/lab-mox/mox.conf\nC {FOLDER}/config/domains.conf 0640 mox mox - /etc/lab-mox/domains.conf\n")
    machine.stage("/etc/lab-mox/mox.conf", STATIC.format(address=machine.address, tls=TLS))
    machine.stage("/etc/lab-mox/domains.conf", DYNAMIC)
    machine.stage("/etc/lab-mox/password", PASSWORD + "\n")
    machine.stage("/etc/systemd/system/mox.service", printed_unit(machine.lab))
    machine.stage("/etc/systemd/system/mox.service.d/lab.conf", "[Unit]\nAfter=lab-dns.service\n[Service]\n"
                  f"ExecStartPost=/bin/sh -c '{PROGRAM} setaccountpassword test </etc/lab-mox/password'\n")
    machine.enable("mox.service")


def printed_unit(lab: Lab) -> str:
    """mox config printservice, as if run on the machine."""
    folder = lab.path("unit", "")
    text: str = run(["env", "-C", folder, binary(), "config", "printservice"])
    return text.replace(os.path.realpath(binary()), PROGRAM).replace(folder.rstrip("/"), FOLDER)


def furnish_peer(machine: Nspawn) -> None:
    main = main_parameters("mail.peer.test", ["peer.test"], (TLS + "/cert.pem", TLS + "/key.pem"), "/var/mail/lab", ca=TLS + "/ca.pem",
                           log="/var/log/postfix.log", logs="/var/log", access="/etc/postfix/access")
    machine.stage("/etc/postfix/main.cf", "".join(f"{key} = {value}\n" for key, value in main.items()))
    machine.stage("/etc/postfix/master.cf", MASTER)
    machine.stage("/etc/postfix/access", "")
    machine.stage("/etc/tmpfiles.d/lab-postfix.conf", f"d /var/mail/lab 0755 {MAIL_UID} {MAIL_UID}\n")
    machine.stage("/etc/systemd/system/postfix.service", "[Unit]\nAfter=lab-dns.service\n[Service]\nType=forking\nTimeoutStopSec=20s\n"
                  "ExecStart=/usr/sbin/postfix start\nExecReload=/usr/sbin/postfix reload\nExecStop=/usr/sbin/postfix stop\n")
    machine.enable("postfix.service")


def accounts(machine: Nspawn, passwd: str, group: str) -> None:
    machine.stage("/etc/passwd", machine.original("/etc/passwd") + passwd)
    machine.stage("/etc/group", machine.original("/etc/group") + group)


ROLES = {"mox": furnish_mox, "peer": furnish_peer}

STATIC = """\
DataDir: ../data
LogLevel: debug
User: mox
Hostname: mail.mox.test
TLS:
	CA:
		AdditionalToSystem: true
		CertFiles:
			- {tls}/ca.pem
Listeners:
	public:
		IPs:
			- {address}
		TLS:
			KeyCerts:
				-
					CertFile: {tls}/cert.pem
					KeyFile: {tls}/key.pem
		SMTP:
			Enabled: true
			FirstTimeSenderDelay: 0s
		Submission:
			Enabled: true
		Submissions:
			Enabled: true
		IMAP:
			Enabled: true
		IMAPS:
			Enabled: true
Postmaster:
	Account: test
	Mailbox: Postmaster
"""

DYNAMIC = """\
Domains:
	mox.test:
		LocalpartCatchallSeparator: +
Accounts:
	test:
		Domain: mox.test
		Destinations:
			test@mox.test: nil
		NoFirstTimeSenderDelay: true
"""
