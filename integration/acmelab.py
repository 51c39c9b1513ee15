"""A mail server that gets its certificates from Pebble: two hosts, their names, and what one asks of them.

The server's clients trust Pebble's root alone, so whatever they do shows that its certificate is good.
"""
import os
from collections.abc import Callable

import acmelog
import doors
from acmelog import FAILED, OBTAINED
from dnslab import DnsLab
from doors import Shown
from lab import Lab
from moxhost import MOX_UID, Serve
from pebble import DIRECTORY, Pebble, Setting, zone
from scenario import equal, wait_for

PROVIDER = "pebble"  # its name in the configuration
HOSTNAME = "mail.mox.test"
SETTINGS = "imap.mox.test"  # what clients of mox.test are told to connect to
UNPUBLISHED = "imap.later.test"  # the same of later.test, without an address until publish()


def zones(further: list[str]) -> dict[str, dict[str, list[str]]]:
    server = ["A 10.77.0.11"]
    return {"mox.test": {"@": ["MX 10 mail"], "mail": server, "imap": server}, "later.test": {"@": ["MX 10 mail.mox.test."]},
            **{domain: {"imap": server} for domain in further},
            **zone("10.77.0.12"), "0.77.10.in-addr.arpa": {"11": [f"PTR {HOSTNAME}."]}}


def domains_file(domains: list[str]) -> str:
    """Every domain with imap.DOMAIN for its clients, and the account of moxhost.Serve."""
    lines = ["Domains:"]
    for domain in domains:
        lines += [f"\t{domain}:", f"\t\tClientSettingsDomain: imap.{domain}"]
    lines += ["Accounts:", "\ttest:", "\t\tDomain: mox.test", "\t\tDestinations:", "\t\t\ttest@mox.test: nil", "\t\tNoFirstTimeSenderDelay: true"]
    return "\n".join(lines) + "\n"


class AcmeLab:
    """`server` is mox for mox.test, later.test and the `further` domains; `pebble` is not started by itself, nor is mox."""

    def __init__(self, lab: Lab, settings: dict[str, Setting] | None = None, environment: dict[str, str] | None = None,
                 further: list[str] | None = None) -> None:
        """settings, environment: as Pebble has them."""
        self.lab, self.m, self.ca = lab, lab.host("m"), lab.host("ca")
        with open(lab.path("hosts"), "a") as file:  # for the clients; servers ask the DNS
            file.write(f"{self.m.address} {HOSTNAME} {SETTINGS}\n")
        self.domains = ["mox.test", "later.test", *(further or [])]
        self.dns = DnsLab(lab, zones(further or []))
        self.dns.serve(self.m)
        self.dns.serve(self.ca)
        self.pebble = Pebble(self.ca, settings, environment)

    def names(self) -> list[str]:
        """Those that are to have a certificate."""
        return [HOSTNAME, *(f"imap.{domain}" for domain in self.domains if domain != "later.test")]

    def start_server(self, acme: tuple[str, ...] = (), tls: tuple[str, ...] = (), listener: tuple[str, ...] = ()) -> None:
        """With an empty data directory. acme, tls, listener: further lines of the provider, of the listener's TLS, of the listener."""
        self.server = Serve(self.m, "mox.test", HOSTNAME, tls=["ACME: " + PROVIDER, *tls], listener=listener, domains=domains_file(self.domains),
                            static=["ACME:", f"\t{PROVIDER}:", f"\t\tDirectoryURL: {DIRECTORY}", "\t\tContactEmail: hostmaster@mox.test",
                                    *("\t\t" + line for line in acme)])
        self.server.name = HOSTNAME

    def restart_server(self) -> None:
        equal(0, self.server.stop(), "status of the server")
        self.server.start()

    def events(self, message: str, host: str) -> list[dict[str, str]]:
        """As acmelog.events."""
        return acmelog.events(self.server.log(), message, host)

    def wait_obtained(self, host: str, count: int = 1, seconds: float = 60, failures: Callable[[str], None] | None = None) -> dict[str, str]:
        """As acmelog.wait_obtained."""
        return acmelog.wait_obtained(self.server.log, PROVIDER, host, count, seconds, failures)

    def wait_failed(self, host: str, seconds: float = 60) -> dict[str, str]:
        """The fields of the first attempt that got no certificate for this host."""
        wait_for(f"a failure for {host}", lambda: self.events(FAILED, host), seconds)
        event = self.events(FAILED, host)[0]
        equal(("error", PROVIDER), (event["l"], event["provider"]), "level and provider")
        if not event["next"]:
            raise AssertionError(f"when it is tried again is not told: {event}")
        return event

    def trust_pebble(self) -> None:
        """From now on the server's clients trust Pebble's root and nothing else."""
        self.server.ca = self.pebble.root()

    def shown(self, name: str, port: int = 993) -> Shown:
        """The certificate at this door for this name, which must be for it alone and come from Pebble's root."""
        return doors.shown(self.m, port, name, self.pebble.root())

    def wait_shown(self, name: str, before: Shown | None = None) -> Shown:
        """As doors.wait_shown."""
        return doors.wait_shown(self.m, 993, name, self.pebble.root(), before)

    def publish(self) -> None:
        """Gives UNPUBLISHED its address, and tells the server so."""
        self.dns.update("later.test", "imap", [f"A {self.m.address}"])
        self.server.command(["reload"])

    def check_files(self) -> None:
        """Account key and certificates are in the data directory, and only the server reads them."""
        data = self.m.path("mox", "data")
        for path in ("acme/pebble.key", *(f"acme/pebble/{name}.pem" for name in self.names())):
            info = os.stat(os.path.join(data, path))
            equal((MOX_UID, 0), (info.st_uid, info.st_mode & 0o077), f"owner and rights of others of {path}")
