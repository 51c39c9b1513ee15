"""services.mox and the flake, as far as Debian's Nix goes without nixpkgs: evaluated, checked by the server itself, and
built in Nix's own sandbox with this machine's toolchain."""
import difflib
import json
import os
import re

from lab import require, run
from moxhost import ROOT, binary
from nixos import Nix, TESTS, sample
from scenario import contains, equal, scenario

MODULE = os.path.join(ROOT, "nixos-module")
EXPOSURE = "16"  # of systemd-analyze security, 1.6: below it are only units without network


def text_of(*parts: str) -> str:
    with open(os.path.join(*parts)) as file:
        return file.read()


def nix(lab) -> Nix:
    return Nix(lab.path("nix", ""))


@scenario(seconds=60, needs_mox=True)
def module_knows_the_schema(lab):
    """nixos-module/schema.json is what the server prints, and what the module reloads for is what domains.conf has."""
    printed = run([binary(), "config", "schema"])
    if printed.strip() != text_of(MODULE, "schema.json").strip():
        raise AssertionError("nixos-module/schema.json is not in step: run  build/mox config schema >nixos-module/schema.json")
    described = re.findall(r"^(?:# )?([A-Z]\w*):", run([binary(), "config", "describe-domains"]), re.M)
    listed = re.search(r"dynamic = \[(.*?)\]", text_of(MODULE, "default.nix"), re.S)
    equal(sorted(described), sorted(re.findall(r'"(\w+)"', listed[1])), "fields that need no restart")


@scenario(seconds=60, needs_mox=True)
def module_unit_is_hardened(lab):
    """systemd finds nothing wrong with the unit, and calls it as little exposed as a server of mail can be."""
    require("systemd-analyze")
    system = nix(lab).render(sample(), program=installed(lab))
    unit = lab.path("units", "mox.service")
    write(unit, system.unit)
    equal("", run(["systemd-analyze", "verify", "--man=no", unit]).strip(), "complaints of systemd-analyze verify")
    said = run(["systemd-analyze", "security", "--offline=yes", "--threshold=" + EXPOSURE, unit])
    print(said.strip().splitlines()[-1])
    for line in ("Type=notify", "User=mox", "StateDirectory=mox", "StateDirectoryMode=0700", "AmbientCapabilities=CAP_NET_BIND_SERVICE"):
        contains(line, system.unit.splitlines())
    # The score has teeth: without one line it is too high.
    write(unit, system.unit.replace("ProtectSystem=strict\n", "").replace("NoNewPrivileges=true\n", ""))
    try:
        run(["systemd-analyze", "security", "--offline=yes", "--threshold=" + EXPOSURE, unit])
    except AssertionError:
        return
    raise AssertionError("a unit without ProtectSystem passes too")


def installed(lab) -> str:
    """A path that ends in /bin/mox, where the program is."""
    path = lab.path("usr", "bin", "mox")
    if not os.path.exists(path):
        os.symlink(os.path.abspath(binary()), path)
    return path


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


@scenario(seconds=60)
def module_opens_ports(lab):
    """openFirewall opens what is listened on for others, and nothing else."""
    equal([25, 465, 993], nix(lab).render(sample()).firewall, "ports")
    more = f"""{{ imports = [ ({sample()}) ]; services.mox.listeners = {{
        inside = {{ ips = [ "127.0.0.1" "::1" ]; tls = false; smtp.enable = true; smtp.port = 2525; }};
        odd = {{ ips = [ "203.0.113.5" ]; submission = {{ enable = true; port = 5870; }}; imap.enable = true; metrics.enable = true; }}; }}; }}"""
    equal([25, 143, 465, 993, 5870], nix(lab).render(more).firewall, "ports")
    equal([], nix(lab).render(f"{{ lib, ... }}: {{ imports = [ ({sample()}) ]; services.mox.openFirewall = lib.mkForce false; }}").firewall, "ports")


@scenario(seconds=60, needs_mox=True)
def module_change_is_small(lab):
    """An account more in the Nix file: the configuration has that account more, a reload is enough; another listener address
    takes a restart."""
    before = nix(lab).render(sample())
    after = nix(lab).render(spoken('services.mox.domains."example.org".accounts.carol.fullName = "Carol";'))
    changed = [line for line in difflib.ndiff(before.json.splitlines(), after.json.splitlines()) if line[0] in "+-"]
    added = json.loads(after.json)["Accounts"]["carol"]
    equal({"Domain": "example.org", "FullName": "Carol", "Destinations": {"carol@example.org": {}}}, added, "what was added")
    equal([], [line for line in changed if line[0] == "-"], "lines that went")
    equal(before.unit, after.unit, "unit")
    equal(before.restartTriggers, after.restartTriggers, "what a restart depends on")

    moved = nix(lab).render(spoken('services.mox.listeners.public.natIps = [ "192.0.2.1" ];'))
    assert moved.restartTriggers != before.restartTriggers, "a change of a listener only reloads"
    secret = nix(lab).render(spoken('services.mox.domains."example.org".accounts.carol.passwordFile = "/run/secrets/carol";'))
    contains("LoadCredential=account-carol-password:/run/secrets/carol", secret.unit.splitlines())


def spoken(change: str) -> str:
    return f"{{ imports = [ ({sample()}) ]; {change} }}"


@scenario(seconds=60)
def module_takes_acme_certificates(lab):
    """tls.useACMEHost: certificates of security.acme reach the server as credentials, and a renewal restarts it."""
    module = text_of(TESTS, "least.nix").replace("tls.certificates = [", "tls.useACMEHost = \"mail.example.org\";\n    tls.certificates = [")
    system = nix(lab).render(module)
    equal("/var/lib/acme/mail.example.org/key.pem", system.credentials["acme-key"])
    pairs = json.loads(system.json)["Listeners"]["public"]["TLS"]["KeyCerts"]
    equal({"CertFile": "/run/credentials/mox.service/acme-cert", "KeyFile": "/run/credentials/mox.service/acme-key"}, pairs[-1])
    contains("Wants=acme-mail.example.org.service", system.unit.splitlines())
