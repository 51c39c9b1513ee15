"""What the machines of a script are: `mox` is mail.mox.test with our server, `peer` is mail.peer.test with Postfix.

Both have every name from a validating resolver of their own and the command mailtool. Facts that scripts may use, and that
another back end has to provide:

mox   unit mox.service; the command `mox` finds its configuration; account "test", address test@mox.test and any
      test+WORD@mox.test, password as in mailtool.py; ports 25, 465, 587, 143, 993
peer  unit postfix.service; every address at peer.test is kept in one Maildir, /var/mail/lab/all; /etc/postfix/access is its
      check_recipient_access; log in /var/log/postfix.log; changed by postconf -e and a restart; sends what is for
      test+1@mox.test to test+25@mox.test by an address for each
"""
import os

import nixos
from dnslab import DnsLab
from lab import Lab, run
from labmachine import ENVIRONMENT, LabMachine
from mailtool import PASSWORD
from moxhost import ROOT, binary
from postfix import MAIL_UID, MASTER, main_parameters

UID = 990  # of the user mox
FOLDER = "/var/lib/mox"
PROGRAM = "/usr/local/bin/mox"
CONFIGURATION = "/etc/mox/mox.conf"
TLS = "/etc/lab-tls"
ADDRESSES = 25  # that peer has besides its own


class Neighbourhood:
    """The names and certificates that a script's machines share."""

    def __init__(self, lab: Lab, machines: list[LabMachine], names: dict[str, dict[str, list[str]]] | None = None) -> None:
        """names: further ones, as DnsLab has zones."""
        self.lab, self.machines = lab, machines
        self.certificates = {m.name: lab.certificate(f"mail.{m.name}.test", m.name) for m in machines}
        zones: dict[str, dict[str, list[str]]] = {"0.77.10.in-addr.arpa": {}}
        for machine in machines:
            domain = machine.name + ".test"
            zones[domain] = {"@": ["MX 10 mail", 'TXT "v=spf1 ip4:10.77.0.0/16 -all"'], "mail": [f"A {machine.address}"]}
            zones["0.77.10.in-addr.arpa"][machine.address.rsplit(".", 1)[1]] = [f"PTR mail.{domain}."]
        for zone, further in (names or {}).items():
            zones.setdefault(zone, {}).update(further)
        self.dns = DnsLab(lab, zones)

    def furnish(self, by_module: bool = False, change: str = "") -> None:
        """Stages everything on every machine; mox as services.mox has it, if so. change: Nix that lab_system() takes."""
        hosts = "127.0.0.1 localhost\n" + "".join(f"{m.address} {m.name}\n" for m in self.machines)
        for machine in self.machines:
            machine.stage("/etc/hosts", hosts)
            machine.stage_file(os.path.join(ROOT, "integration", "mailtool.py"), "/usr/local/bin/mailtool", 0o755)
            self.dns.stage(machine)
            certificate, key = self.certificates[machine.name]
            machine.stage_file(self.lab.ca(), TLS + "/ca.pem")
            machine.stage_file(certificate, TLS + "/cert.pem")
            machine.stage_file(key, TLS + "/key.pem", 0o600, UID if machine.name == "mox" else 0)
            if by_module and machine.name == "mox":
                furnish_module(machine, change)
            else:
                ROLES[machine.name](machine)


def furnish_mox(machine: LabMachine) -> None:
    accounts(machine, f"mox:x:{UID}:{UID}::{FOLDER}:/usr/sbin/nologin\n", f"mox:x:{UID}:\n")
    machine.keep(FOLDER)
    machine.stage_program(binary(), PROGRAM)
    old = os.environ.get("MOX_OLD_BINARY")
    if old:
        machine.stage_program(old, "/opt/mox-old")
    else:
        machine.link("/opt/mox-old", PROGRAM)
    machine.stage("/etc/tmpfiles.d/lab-mox.conf", f"d {FOLDER} 0750 mox mox\nd {FOLDER}/config 0750 mox mox\nd {FOLDER}/data 0750 mox mox\n")
    machine.stage(CONFIGURATION, STATIC.format(address=machine.address, tls=TLS, folder=FOLDER))
    machine.stage("/etc/mox/domains.conf", DYNAMIC)
    machine.stage("/etc/mox/password", PASSWORD + "\n", 0o600, UID)
    machine.stage("/etc/systemd/system/mox.service", printed_unit(machine.lab))
    machine.stage(ENVIRONMENT, f"export MOXCONF={CONFIGURATION}\n")
    machine.stage("/etc/systemd/system/mox.service.d/lab.conf", f"[Unit]\nAfter=lab-dns.service\n[Service]\nEnvironment=MOXCONF={CONFIGURATION}\n")
    machine.enable("mox.service")


def printed_unit(lab: Lab) -> str:
    """mox config printservice, as if run on the machine."""
    folder = lab.path("unit", "")
    text: str = run(["env", "-C", folder, binary(), "config", "printservice"])
    return text.replace(os.path.realpath(binary()), PROGRAM).replace(folder.rstrip("/"), FOLDER)


def furnish_peer(machine: LabMachine) -> None:
    main = main_parameters("mail.peer.test", ["peer.test"], (TLS + "/cert.pem", TLS + "/key.pem"), "/var/mail/lab", ca=TLS + "/ca.pem",
                           log="/var/log/postfix.log", logs="/var/log", access="/etc/postfix/access")
    # A server takes so many connections and messages from one address; bulk mail leaves by many, each of another network:
    # what is for test+N@mox.test goes by the N-th.
    numbers = range(1, ADDRESSES + 1)
    main |= {"transport_maps": "texthash:/etc/postfix/transport"}
    machine.stage("/etc/postfix/main.cf", "".join(f"{key} = {value}\n" for key, value in main.items()))
    machine.stage("/etc/postfix/transport", "".join(f"test+{n}@mox.test via{n}:\n" for n in numbers))
    machine.stage("/etc/postfix/master.cf", MASTER + "".join(f"via{n} unix - - n - - smtp -o smtp_bind_address={address(n)}\n" for n in numbers))
    machine.stage("/etc/systemd/system/lab-addresses.service", "[Unit]\nBefore=postfix.service\n[Service]\nType=oneshot\nExecStart=/bin/sh -ec '"
                  + "; ".join(f"ip addr add {address(n)}/16 dev eth0" for n in numbers) + "'\n")
    machine.enable("lab-addresses.service")
    machine.stage("/etc/postfix/access", "")
    machine.stage("/etc/tmpfiles.d/lab-postfix.conf", f"d /var/mail/lab 0755 {MAIL_UID} {MAIL_UID}\n")
    machine.stage("/etc/systemd/system/postfix.service", "[Unit]\nAfter=lab-dns.service\n[Service]\nType=forking\nTimeoutStopSec=20s\n"
                  "ExecStart=/usr/sbin/postfix start\nExecReload=/usr/sbin/postfix reload\nExecStop=/usr/sbin/postfix stop\n")
    machine.enable("postfix.service")


def address(number: int) -> str:
    return f"10.77.{8 * number}.200"


def accounts(machine: LabMachine, passwd: str, group: str) -> None:
    machine.stage("/etc/passwd", machine.original("/etc/passwd") + passwd)
    machine.stage("/etc/group", machine.original("/etc/group") + group)


def lab_system(lab: Lab, change: str = "") -> nixos.System:
    """services.mox of the machine "mox"; change: further definitions, for which `lib` is known."""
    return nixos.Nix(lab.path("nix", "")).render(f"{{ lib, ... }}: {{ imports = [ {nixos.TESTS}/lab.nix ]; {change} }}")


def furnish_module(machine: LabMachine, change: str) -> None:
    """The same server by services.mox of nixos-module/: its unit and its JSON, with secrets as credentials."""
    furnish_mox(machine)
    system = lab_system(machine.lab, change)
    here = {"/var/lab/password": "/etc/mox/password", "/var/lab/cert.pem": TLS + "/cert.pem", "/var/lab/key.pem": TLS + "/key.pem"}
    nixos.furnish(machine, system, {name: machine.original(here[path]) for name, path in system.credentials.items()})
    machine.stage(ENVIRONMENT, "export MOXCONF=/etc/mox/mox.json\n")


ROLES = {"mox": furnish_mox, "peer": furnish_peer}

STATIC = """\
DataDir: {folder}/data
Declared: true
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
		PasswordFile: password
		NoFirstTimeSenderDelay: true
"""
