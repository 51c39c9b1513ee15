"""Certificates by ACME under services.mox: the unit's hardening lets the server bind 443 and 80, and keep what it gets."""
import http.client

import acmelog
import roles
from acmelog import FAILED, OBTAINED
from doors import DOORS, shown, wait_shown
from lab import Lab
from nspawn import Nspawn
from pebble import DIRECTORY, Pebble, zone
from scenario import equal, scenario

PROVIDER = "acme"  # as the module names it
PROVIDER_ADDRESS = "10.77.0.50"
NAME, SETTINGS = "mail.mox.test", "imap.mox.test"
KEPT = f"/var/lib/mox/acme/{PROVIDER}.key /var/lib/mox/acme/{PROVIDER}/{NAME}.pem"
BY_ACME = f"""services.mox.tls = {{
  certificates = lib.mkForce [ ];
  acme = {{ enable = true; directory = "{DIRECTORY}"; email = "admin@mox.test"; }};
}};
"""


def check_process(machine: Nspawn, process: str) -> None:
    """It has the provider's ports, and no right left to bind any."""
    lines = machine.succeed("ss -Hltnp 'sport = :443 or sport = :80'").splitlines()
    equal({"443", "80"}, {line.split()[3].rsplit(":", 1)[1] for line in lines if f"pid={process}," in line}, "ports of the unit's process")
    status = dict(line.split(":\t", 1) for line in machine.succeed(f"cat /proc/{process}/status").splitlines() if ":\t" in line)
    equal(("1", "2", 0), (status["NoNewPrivs"], status["Seccomp"], int(status["CapEff"], 16)), "hardening in force")


@scenario(seconds=150, needs_mox=True)
def certificate_in_the_unit(lab: Lab) -> None:
    """tls.acme on a host with systemd: a certificate from Pebble at every port, still there after a restart; a rebuild that brings a name orders for
    that name alone."""
    mox = Nspawn(lab, "mox")
    neighbourhood = roles.Neighbourhood(lab, [mox], {"mox.test": {"imap": [f"A {mox.address}"]}, **zone(PROVIDER_ADDRESS)})
    provider = lab.host("ca", PROVIDER_ADDRESS)
    neighbourhood.dns.serve(provider)
    pebble = Pebble(provider)
    pebble.start()
    neighbourhood.furnish(by_module=True, change=BY_ACME)
    with open(lab.path("hosts"), "a") as file:  # for the clients
        file.write(f"{mox.address} {NAME} {SETTINGS}\n")

    def log() -> str:
        return mox.succeed("journalctl --no-pager -o cat -u mox.service")

    def process() -> str:
        return mox.succeed("systemctl show --property=MainPID --value mox.service").strip()

    mox.start()
    mox.wait_for_unit("mox.service", timeout=30)
    acmelog.wait_obtained(log, PROVIDER, NAME)
    before = {port: wait_shown(mox.host, port, NAME, pebble.root()) for port in DOORS}
    check_process(mox, process())
    equal("mox 600\n" * 2, mox.succeed("stat -c '%U %a' " + KEPT), "owner and mode of what is kept")
    with mox.host.inside():
        web = http.client.HTTPConnection(mox.address, 80, timeout=20)
        web.request("GET", "/", headers={"Host": NAME})
        equal(404, web.getresponse().status, "status at port 80")
        web.close()

    first = process()
    mox.succeed("systemctl restart mox.service")
    assert process() != first, "the unit was not restarted"
    equal(before, {port: shown(mox.host, port, NAME, pebble.root()) for port in DOORS}, "certificates after a restart")
    rebuilt = roles.lab_system(lab, BY_ACME + f'services.mox.domains."mox.test".clientSettingsDomain = "{SETTINGS}";')
    with open(lab.path("mox.json"), "w") as file:
        file.write(rebuilt.json)
    mox.copy_from_host(lab.path("mox.json"), "/etc/mox/mox.json")
    mox.succeed("systemctl reload mox.service")
    acmelog.wait_obtained(log, PROVIDER, SETTINGS)
    equal(before, {port: shown(mox.host, port, NAME, pebble.root()) for port in DOORS}, "certificates after the rebuild")
    equal((1, 0), tuple(len(acmelog.events(log(), message, NAME)) for message in (OBTAINED, FAILED)), f"certificates and failures for {NAME}")
    equal((2, 2), (pebble.orders(), pebble.issued()), "orders and certificates")
