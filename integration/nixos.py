"""services.mox of nixos-module/ without NixOS: evaluated by Debian's Nix with a stand-in for nixpkgs' lib.

    system = Nix(lab.path("nix", "")).render('''{ services.mox = { enable = true; stateVersion = 1; … }; }''')
    machine.stage("/etc/systemd/system/mox.service", system.unit)
    machine.stage("/etc/mox/mox.json", system.json)

What the module expects of the machine besides: the user and group "mox", and the files that system.credentials names, for
root. The unit runs `/usr/local/bin/mox` unless `program` says otherwise, with MOXCONF=/etc/mox/mox.json; its state is below
/var/lib/mox, which systemd makes. system.firewall is what openFirewall opens.
"""
import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from lab import environment, require
from moxhost import ROOT
from scenario import Skipped

TESTS = os.path.join(ROOT, "nixos-module", "tests")

# The host's toolchain stands for nixpkgs': it is all that a build in the sandbox sees besides its inputs.
SANDBOX = "/bin=/usr/bin /usr /lib=/usr/lib /lib64=/usr/lib64 /etc/ssl /etc/alternatives /var/lib/dpkg"
CONFIG = f"""\
experimental-features = nix-command flakes
substitute = false
flake-registry =
build-users-group =
sandbox = true
sandbox-paths = {SANDBOX}
"""


class Refused(Exception):
    """Nix ended with an error; the text is what it said."""


@dataclass
class System:
    unit: str                    # mox.service
    json: str                    # /etc/mox/mox.json, not checked by the server yet
    firewall: list[int]          # TCP ports that openFirewall opens
    credentials: dict[str, str]  # name -> file that LoadCredential takes it from
    dnsRecords: dict[str, list[dict[str, str]]]
    restartTriggers: list[str]   # when one of them changes NixOS restarts the unit; else it reloads it
    acme: dict[str, dict[str, str]]  # what is asked of security.acme


class Nix:
    """Nix with a store of its own below a folder; nothing of it is left elsewhere."""

    def __init__(self, folder: str) -> None:
        require("nix")
        self.folder = os.path.join(os.path.abspath(folder), "")
        os.makedirs(self.folder, exist_ok=True)

    def run(self, *words: str, seconds: int = 60) -> str:
        """`nix WORDS`: its standard output."""
        # PATH is for git, which flakes ask for the files of a tree.
        env = environment({"NIX_CONFIG": CONFIG, "NIX_REMOTE": "local?root=" + self.folder + "root", "HOME": self.folder + "home"})
        done = subprocess.run(["nix", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds, env=env, stdin=subprocess.DEVNULL)
        if "cloning builder process" in done.stderr or "unable to start build process" in done.stderr:
            raise Skipped("Nix may not make a sandbox here: " + done.stderr.strip().splitlines()[-1])
        if done.returncode != 0:
            raise Refused(done.stderr)
        return done.stdout

    def evaluate(self, expression: str) -> Any:
        return json.loads(self.run("eval", "--impure", "--json", "--expr", expression))

    def build(self, expression: str, seconds: int = 120) -> str:
        """Builds a derivation in Nix's sandbox; where its output is in our file system."""
        said = self.run("build", "--no-link", "--impure", "--json", "-L", "--expr", expression, seconds=seconds)
        path: str = json.loads(said)[0]["outputs"]["out"]
        return self.folder + "root" + path

    def render(self, module: str, program: str = "/usr/local/bin/mox") -> System:
        """What NixOS would make of a module, given as Nix text. Refused if it is wrong, also by an assertion."""
        prefix = program.removesuffix("/bin/mox")
        expression = f"""
          let system = ({imported(f'storeBinary = {{ outPath = "{prefix}"; }};')}).evaluate [ ({module}) ];
          in {{ inherit (system) unit json firewall credentials dnsRecords restartTriggers acme; }}"""
        told = self.evaluate(expression)
        told["credentials"] = dict(c.split(":", 1) for c in told["credentials"])
        return System(**told)

    def checked(self, module: str, binary: str) -> str:
        """Path of mox.json after the server `binary` has checked it in a build, as it does on a rebuild. Refused."""
        return self.build(f"(({imported(f'binary = {binary};')}).evaluate [ ({module}) ]).config.services.mox.configFile")


def furnish(machine: Any, system: System, secrets: dict[str, str]) -> None:
    """Puts the system's mox on a machine of a script that is not started yet, in place of the one of roles.py. `secrets` are
    by the names of system.credentials; they are root's alone."""
    machine.stage("/etc/mox/mox.json", system.json)
    machine.stage("/etc/systemd/system/mox.service", system.unit)
    machine.stage("/etc/systemd/system/mox.service.d/lab.conf", "[Unit]\nAfter=lab-dns.service\n")
    for name, path in system.credentials.items():
        machine.stage(path, secrets[name], 0o600)


def imported(arguments: str) -> str:
    return f"import {TESTS}/nixos.nix {{ {arguments} }}"


def sample(name: str = "sample") -> str:
    """A system with something of everything, or another of the samples."""
    with open(os.path.join(TESTS, name + ".nix")) as file:
        return file.read()
