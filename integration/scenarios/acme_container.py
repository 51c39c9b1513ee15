"""Certificates by ACME in a container: what Pebble is asked for by the image, and by the next container of the same data folder."""
import json
import os
from typing import Any

import acmelog
from acmelog import FAILED, OBTAINED
from containerhost import CONFIG, DATA, DOMAIN, NAME, ContainerHost, by_acme
from containers import Podman
from documented import documented
from doors import Shown, shown, wait_shown
from lab import Lab
from moxhost import MOX_UID
from pebble import DIRECTORY, Pebble, zone
from scenario import equal, scenario

PROVIDER = "letsencrypt"  # in the README's settings
PROVIDER_ADDRESS = "10.77.0.50"
SETTINGS = "imap." + DOMAIN  # the name that comes later
PORTS = (993, 465, 25)


class AcmeContainer(ContainerHost):
    """The README's host with its chapter on certificates applied; Pebble is where Let's Encrypt would be."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, Podman, {DOMAIN: {"imap": ["A 10.77.0.11"]}, **zone(PROVIDER_ADDRESS)})
        provider = lab.host("ca", PROVIDER_ADDRESS)
        self.dns.serve(provider)
        self.pebble = Pebble(provider)
        self.pebble.start()
        self.type(f"cd {CONFIG}\ncp {lab.ca()} ca.pem\nrm tls.pem tls.key\nchgrp 65532 * && chmod 640 *")
        self.edit(by_acme)
        self.edit(self.point_at_pebble)

    @staticmethod
    def point_at_pebble(settings: dict[str, Any]) -> None:
        settings["ACME"][PROVIDER]["DirectoryURL"] = DIRECTORY
        settings["TLS"] = {"CA": {"AdditionalToSystem": True, "CertFiles": ["ca.pem"]}}

    def edit(self, change: Any) -> None:
        """Changes mox.json in place, so that its owner and rights stay."""
        path = self.host.path("srv", "mox", "config", "mox.json")
        with open(path) as file:
            settings = json.load(file)
        change(settings)
        with open(path, "w") as file:
            json.dump(settings, file, indent=2)

    def log(self) -> str:
        text: str = self.engine.shell("podman logs mox 2>&1")
        return text

    def wait_obtained(self, name: str) -> None:
        acmelog.wait_obtained(self.log, PROVIDER, name)

    def shown(self) -> list[Shown]:
        """The host's certificate at each port, from Pebble's root."""
        return [shown(self.host, port, NAME, self.pebble.root()) for port in PORTS]

    def check_kept(self, name: str) -> None:
        """Account key and certificate are on the data volume, for the server alone."""
        for path in (f"{PROVIDER}.key", f"{PROVIDER}/{name}.pem"):
            equal(f"{MOX_UID} 600\n", self.host.run(["stat", "-c", "%u %a", os.path.join(DATA, "acme", path)]), "owner and mode of " + path)


@scenario(seconds=240, needs_mox=True)
def certificates_outlive_the_container(lab: Lab) -> None:
    """The README's podman with a read-only root and one capability: its certificate is at each port, and the container after it orders nothing but
    what is new. That order shows that it had looked, so nothing has to be waited for that must not come."""
    host = AcmeContainer(lab)
    commands = documented("podman")
    host.type(commands)
    host.wait()
    host.wait_obtained(NAME)
    host.ca = host.pebble.root()
    before = [wait_shown(host.host, port, NAME, host.ca) for port in PORTS]
    equal(1, len(set(before)), "certificates at the ports")
    host.check_process(host.engine.pid("mox"))
    host.check_kept(NAME)
    host.submit(host.user, "by a good certificate")
    host.wait_arrival("by a good certificate")
    equal((1, 1), (host.pebble.orders(), host.pebble.issued()), "orders and certificates")
    host.end("mox")

    host.type(commands[commands.index("podman run -d"):])
    host.wait()
    equal(before, host.shown(), "certificates of the second container")
    host.edit(lambda settings: settings["Domains"][DOMAIN].update(ClientSettingsDomain=SETTINGS))
    host.type(documented("podman, after a change of mox.json"))
    host.wait_obtained(SETTINGS)
    equal(before, host.shown(), "certificates after the reload")
    equal(([], []), (acmelog.events(host.log(), OBTAINED, NAME), acmelog.events(host.log(), FAILED, NAME)), f"attempts for {NAME}")
    equal((2, 2), (host.pebble.orders(), host.pebble.issued()), "orders and certificates")
    assert "There are now 2 accounts" not in host.pebble.log(), "the account was registered again"
    host.wait_arrival("by a good certificate")
    print(f"note: podman stop took {host.end('mox'):.1f} s")
