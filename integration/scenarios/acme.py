"""Certificates by ACME from Pebble: got, kept, renewed, and what happens when the provider or the network is in the way."""
import hashlib
import http.client
import os
import re

from acmelab import HOSTNAME, SETTINGS, UNPUBLISHED, AcmeLab
from acmelog import FAILED, OBTAINED
from clients import letter, ok
from doors import DOORS, knock, public_key
from lab import Lab, run
from moxhost import MOX_UID
from pebble import MANAGEMENT, NAME, binding_key
from scenario import contains, equal, scenario

VALIDITY = 30  # seconds; renewed when a third of it is left


@scenario(seconds=60)
def pebble_answers(lab: Lab) -> None:
    """Pebble alone: what the other scenarios rest on, so that they fail for a reason of ours."""
    net = AcmeLab(lab, {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": binding_key(b"k" * 32)}})
    net.pebble.start()
    directory = net.pebble.directory()
    contains(NAME, net.dns.query(net.m, "A", NAME).text)
    equal({"keyChange", "meta", "newAccount", "newNonce", "newOrder", "revokeCert"}, set(directory), "resources")
    contains("'externalAccountRequired': True", str(directory["meta"]))
    contains("CA:TRUE", run(["openssl", "x509", "-noout", "-text", "-in", net.pebble.root()]))
    first = net.pebble.get(MANAGEMENT, "/roots/0")
    net.pebble.stop()
    net.pebble.start()
    assert first != net.pebble.get(MANAGEMENT, "/roots/0"), "the root outlived the provider"
    equal((0, 0, 0), (net.pebble.orders(), net.pebble.issued(), net.pebble.refused_validations()), "orders, certificates, failures")


@scenario(seconds=120, needs_mox=True)
def first_certificates(lab: Lab) -> None:
    """From an empty data directory to a certificate at each door, another one for the clients' name, chosen by SNI."""
    net = AcmeLab(lab)
    net.pebble.start()
    net.start_server()
    found = {}
    for name in (HOSTNAME, SETTINGS):
        told = net.wait_obtained(name)
        assert re.match(r"\d{4}-\d\d-\d\dT", told["not_after"]), told
        found[name] = net.wait_shown(name)
        for port in DOORS:
            equal(found[name], net.shown(name, port), f"certificate at port {port}")
    assert found[HOSTNAME].serial != found[SETTINGS].serial, "one certificate for both names"
    assert found[HOSTNAME].public_key() != found[SETTINGS].public_key(), "one key for both names"
    equal(found[HOSTNAME], knock(net.m, 25, "no.such.test", None), "certificate for a name that is not ours")
    net.check_files()
    net.trust_pebble()
    submission = net.server.open_submission()
    submission.sendmail(net.server.user, [net.server.user], letter(net.server, "by a good certificate"))
    submission.quit()
    net.server.wait_arrival("by a good certificate")
    equal([], net.events(FAILED, UNPUBLISHED), "failures of a name that is not in the DNS")
    assert UNPUBLISHED not in net.pebble.log(), "a name without address was ordered"
    equal((2, 2), (net.pebble.orders(), net.pebble.issued()), "orders and certificates")


@scenario(seconds=120, needs_mox=True)
def restart_orders_nothing(lab: Lab) -> None:
    """After a restart the same certificates are there at once; the next order is for a name that came into the DNS since."""
    net = AcmeLab(lab)
    net.pebble.start()
    net.start_server()
    before = {}
    for name in net.names():
        net.wait_obtained(name)
        before[name] = net.wait_shown(name)
    net.restart_server()
    for name in net.names():
        equal(before[name], net.shown(name), "certificate after the restart")
    net.publish()  # what it then orders shows that it had looked, and found the others good
    net.wait_obtained(UNPUBLISHED)
    net.wait_shown(UNPUBLISHED)
    for name in net.names():
        equal(before[name], net.shown(name), "certificate after the reload")
        equal(1, len(net.events(OBTAINED, name)), f"certificates for {name}")
    equal((3, 3), (net.pebble.orders(), net.pebble.issued()), "orders and certificates")
    contains("There are now 1 accounts", net.pebble.log())
    assert "There are now 2 accounts" not in net.pebble.log(), "the account was registered again"


@scenario(seconds=150, needs_mox=True)
def renewal_while_running(lab: Lab) -> None:
    """A short-lived certificate is replaced without a restart; sessions stay, and so does the key that DANE records are of."""
    net = AcmeLab(lab, {"certificateValidityPeriod": VALIDITY})
    host_key = net.m.path("host.key")
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", host_key])
    net.pebble.start()
    net.start_server(tls=("HostPrivateKeyFiles:", f"\t- {host_key}"))
    net.wait_obtained(HOSTNAME)
    first = net.wait_shown(HOSTNAME)
    published = public_key(run(["openssl", "pkey", "-in", host_key, "-pubout"]))
    equal(published, first.public_key(), "key of the certificate")
    net.trust_pebble()
    session = net.server.open_imap()
    ok(session.select())
    for name in (HOSTNAME, SETTINGS):
        net.wait_obtained(name, 2, VALIDITY + 20)
    second = net.wait_shown(HOSTNAME, before=first)
    equal(second, net.shown(HOSTNAME, 25), "certificate at port 25")
    equal(published, second.public_key(), "key of the certificate after the renewal")
    ok(session.append("INBOX", None, None, letter(net.server, "over the renewal")))
    ok(session.noop())
    contains(b"over the renewal", ok(session.fetch("1", "(BODY.PEEK[])"))[0][1])
    session.logout()
    equal([], net.events(FAILED, HOSTNAME), "failures")


@scenario(seconds=180, needs_mox=True)
def http_challenge_instead(lab: Lab) -> None:
    """Nobody listens where Pebble tries TLS-ALPN-01, port 443: the next attempt is by HTTP-01."""
    net = AcmeLab(lab)
    net.pebble.start()
    net.start_server(acme=("Port: 8443",), listener=("WebserverHTTP:", "\tEnabled: true", "\tPort: 80"))
    assert_refused(net, 443)

    def again(reason: str) -> None:
        contains("tls-alpn-01", reason, "reason of a failure")
        net.server.command(["reload"])

    for name in (HOSTNAME, SETTINGS):
        net.wait_obtained(name, seconds=70, failures=again)
        net.wait_shown(name)
        contains(f"validate w/ HTTP: http://{name}:80/.well-known/acme-challenge/", net.pebble.log(), "the provider's log")
    assert net.pebble.refused_validations() > 0, "TLS-ALPN-01 was not tried"
    for path in ("/.well-known/acme-challenge/", "/.well-known/acme-challenge/nobodyaskedforthistokenatall", "/"):
        with net.m.inside():
            web = http.client.HTTPConnection(net.m.address, 80, timeout=20)
            web.request("GET", path, headers={"Host": HOSTNAME})
            equal(404, web.getresponse().status, path)
            web.close()


def assert_refused(net: AcmeLab, port: int) -> None:
    try:
        net.m.connect(net.m.address, port).close()
    except ConnectionRefusedError:
        return
    raise AssertionError(f"something listens on port {port}")


@scenario(seconds=240, needs_mox=True)
def difficult_provider(lab: Lab) -> None:
    """Pebble refuses a fifth of all good nonces and takes seconds to validate: six certificates come all the same, at the first attempt."""
    net = AcmeLab(lab, environment={"PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_VA_SLEEPTIME": "3"}, further=[f"d{n}.test" for n in range(4)])
    net.pebble.start()
    net.start_server()
    for name in net.names():
        net.wait_obtained(name, seconds=120)
        net.wait_shown(name)
    for difficulty in ("to reject 20% of good nonces", "seconds before validating"):
        contains(difficulty, net.pebble.log(), "the provider's log")
    equal((6, 6), (net.pebble.orders(), net.pebble.issued()), "orders and certificates")


@scenario(seconds=150, needs_mox=True)
def provider_away(lab: Lab) -> None:
    """Without Pebble there is mail with a self-signed certificate and a reason in the log; the certificate comes with Pebble."""
    net = AcmeLab(lab)
    net.start_server()
    failure = net.wait_failed(HOSTNAME)
    contains("refused", failure["err"].lower(), "reason")
    own = {port: knock(net.m, port, HOSTNAME, None) for port in DOORS}
    equal(1, len(set(own.values())), "self-signed certificates")
    equal((HOSTNAME,), own[993].names, "names in the self-signed certificate")
    net.server.ca = net.m.write("own.pem", own[993].pem)
    submission = net.server.open_submission()
    submission.sendmail(net.server.user, [net.server.user], letter(net.server, "without a provider"))
    submission.quit()
    net.server.wait_arrival("without a provider")
    session = net.server.open_imap()
    net.pebble.start()
    net.server.command(["reload"])  # tries at once
    for name in (HOSTNAME, SETTINGS):
        net.wait_obtained(name, seconds=20, failures=lambda reason: None)
        net.wait_shown(name)
    ok(session.noop())
    net.trust_pebble()
    net.server.open_imap().logout()


@scenario(seconds=150, needs_mox=True)
def external_account(lab: Lab) -> None:
    """A provider that wants an account of its own: a wrong key is told as such and harms nothing, the right one is enough."""
    right, wrong = (binding_key(hashlib.sha256(text).digest()) for text in (b"right", b"wrong"))
    net = AcmeLab(lab, {"externalAccountBindingRequired": True, "externalAccountMACKeys": {"kid-1": right}})
    net.pebble.start()
    binding = net.m.write("mox/config/binding.key", wrong + "\n")
    os.chown(binding, MOX_UID, MOX_UID)
    os.chmod(binding, 0o600)
    net.start_server(acme=("ExternalAccountBinding:", "\tKeyID: kid-1", "\tKeyFile: binding.key"))
    contains("external account binding", net.wait_failed(HOSTNAME)["err"], "reason")
    assert wrong not in net.server.log(), "the log tells the key"
    equal((HOSTNAME,), knock(net.m, 993, HOSTNAME, None).names, "names in the self-signed certificate")
    equal((None, 0), (net.server.process.poll(), net.pebble.orders()), "status of the server, and orders")
    net.m.write("mox/config/binding.key", right + "\n")
    net.restart_server()
    for name in (HOSTNAME, SETTINGS):
        net.wait_obtained(name, failures=lambda reason: None)
        net.wait_shown(name)
    contains("There are now 1 accounts", net.pebble.log())
    assert right not in net.server.log(), "the log tells the key"
    equal(2, net.pebble.issued(), "certificates")
