"""Pebble, the ACME provider that Let's Encrypt wrote for tests, on a lab host (RFC 8555).

It forgets everything when it ends, its issuing root included, and is rude on purpose: it refuses good nonces, reuses
authorizations at random and takes its time to validate, because real providers do so too.
"""
import base64
import json
import os
import ssl
import subprocess
import urllib.request

from lab import Host, require, stop

NAME = "acme.ca.test"
PORT, MANAGEMENT = 14000, 15000
DIRECTORY = f"https://{NAME}:{PORT}/dir"
HTTP_PORT, TLS_PORT = 80, 443  # where it validates, the real ones
Setting = str | int | bool | dict[str, str]


class Pebble:
    """Reached by others as DIRECTORY, if their resolver knows NAME; the lab's CA signed its HTTPS certificate."""

    def __init__(self, host: Host, settings: dict[str, Setting] | None = None, environment: dict[str, str] | None = None) -> None:
        """The host needs a resolver of its own (DnsLab.serve). settings: further ones of pebble's JSON.

        environment: PEBBLE_ variables; unless told otherwise nonces are good and validation does not wait.
        """
        require("pebble")
        self.host, self.log_name = host, "pebble.log"
        self.environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"} if environment is None else environment
        certificate, key = host.lab.certificate(NAME, host.address)
        self.configuration = host.write("pebble.json", json.dumps({"pebble": {
            "listenAddress": f"{host.address}:{PORT}", "managementListenAddress": f"{host.address}:{MANAGEMENT}",
            "certificate": certificate, "privateKey": key, "httpPort": HTTP_PORT, "tlsPort": TLS_PORT, "ocspResponderURL": "",
            "externalAccountBindingRequired": False, **(settings or {})}}))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self.host.spawn(["pebble", "-config", self.configuration, "-dnsserver", "127.0.0.1:53", "-strict"], self.log_name,
                                       env=self.environment)
        for port in (MANAGEMENT, PORT):
            self.host.wait_for_port(port, process=self.process)

    def stop(self) -> None:
        if self.process:
            stop(self.process)

    def get(self, port: int, path: str) -> bytes:
        """GET by a client that trusts the lab's CA and nothing else."""
        context = ssl.create_default_context(cafile=self.host.lab.ca())
        with self.host.inside(), urllib.request.urlopen(f"https://{self.host.address}:{port}{path}", context=context, timeout=20) as answer:
            body: bytes = answer.read()
        return body

    def root(self) -> str:
        """The root of the certificates that it issues since it was started, as a PEM file; the intermediate is not in it."""
        path: str = self.host.write("root.pem", self.get(MANAGEMENT, "/roots/0").decode())
        return path

    def directory(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.get(PORT, "/dir"))
        return found

    def log(self) -> str:
        text: str = self.host.read(self.log_name) if os.path.exists(self.host.path(self.log_name)) else ""
        return text

    def orders(self) -> int:
        """Orders taken since the first start. A request whose nonce was refused is none."""
        return self.log().count(" Added order ")

    def issued(self) -> int:
        return self.log().count(" Issued certificate serial ")

    def refused_validations(self) -> int:
        return self.log().count(" set INVALID by completed challenge ")


def zone(address: str) -> dict[str, dict[str, list[str]]]:
    """For DnsLab, the zone of NAME: it leads to a Pebble at this address."""
    label, domain = NAME.split(".", 1)
    return {domain: {label: [f"A {address}"]}}


def binding_key(octets: bytes) -> str:
    """The key of an external account as providers hand it out: base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
