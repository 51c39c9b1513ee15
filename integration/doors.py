"""The certificate behind each door of a mail server, taken as a careful client would: by name, with verification."""
import re
import socket
import ssl
from dataclasses import dataclass, field

from lab import Host, run
from scenario import equal, wait_for

SMTP = ((b"", b"220 "), (b"EHLO client.test\r\n", b"250 "), (b"STARTTLS\r\n", b"220 "))
# What is said and answered before the handshake.
DOORS: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    25: SMTP, 587: SMTP, 465: (), 993: (), 143: ((b"", b"* OK "), (b"a STARTTLS\r\n", b"a OK "))}


@dataclass(frozen=True)
class Shown:
    """A certificate that a door showed."""
    serial: str
    names: tuple[str, ...]
    pem: str = field(repr=False)

    def public_key(self) -> str:
        return public_key(run(["openssl", "x509", "-pubkey", "-noout"], input=self.pem))


def public_key(pem: str) -> str:
    """Only the base64 of a PEM public key, so that two can be compared."""
    found = re.search(r"-----BEGIN PUBLIC KEY-----(.*?)-----END", pem, re.S)
    if found is None:
        raise AssertionError(f"no public key: {pem}")
    return "".join(found[1].split())


def knock(host: Host, port: int, name: str, ca: str | None) -> Shown:
    """Connects from inside the host, asks for `name`; fails unless the certificate is for it and chains to `ca`.

    ca: a PEM file; None takes any certificate, which a client would not.
    """
    context = ssl.create_default_context(cafile=ca)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with host.connect(host.address, port) as plain:
        for said, answer in DOORS[port]:
            plain.sendall(said)
            expect(plain.makefile("rb", buffering=0), answer)
        with context.wrap_socket(plain, server_hostname=name) as secure:
            pem = ssl.DER_cert_to_PEM_cert(secure.getpeercert(True) or b"")
    about = run(["openssl", "x509", "-noout", "-serial", "-ext", "subjectAltName"], input=pem, check=False)
    serial = re.search(r"^serial=(\w+)$", about, re.M)
    return Shown(serial[1] if serial else "", tuple(sorted(re.findall(r"DNS:([^,\s]+)", about))), pem)


def shown(host: Host, port: int, name: str, ca: str) -> Shown:
    """knock(), where the certificate must be for this name alone."""
    found = knock(host, port, name, ca)
    equal((name,), found.names, "names in the certificate")
    return found


def wait_shown(host: Host, port: int, name: str, ca: str, before: Shown | None = None) -> Shown:
    """As shown(), another than `before`: just after a log told of a certificate it may not be at the doors yet."""

    def good() -> Shown | None:
        try:
            found = shown(host, port, name, ca)
        except ssl.SSLCertVerificationError:
            return None
        return None if before and found.serial == before.serial else found

    certificate: Shown = wait_for(f"a certificate of {name} at port {port}", good, 10, 0.2)
    return certificate


def expect(stream: socket.SocketIO, answer: bytes) -> None:
    """Reads lines up to the one that starts so; none is read too many, what follows belongs to TLS."""
    for line in iter(stream.readline, b""):
        if line.startswith(answer):
            return
    raise AssertionError(f"the connection ended before {answer!r}")
