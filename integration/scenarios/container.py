"""The OCI image under podman, hardened as container/README.md says."""
import json
import os
import smtplib

import clients
from dnslab import DnsLab
from lab import run, stop
from moxhost import MOX_UID, Serve, binary
from podman import Podman, build_image, inspect
from postfix import Postfix
from scenario import contains, equal, scenario, wait_for


class Container(Serve):
    """Serve in a container: configuration and TLS files mounted read-only, data on a volume."""

    def start(self):
        self.podman = Podman(self.host)
        archive = self.host.path("mox.tar")
        self.digest = build_image(binary(), archive)
        self.image = self.podman.load(archive)
        self.archive = archive
        data = self.host.path("mox", "data", "x")
        os.chown(os.path.dirname(data), MOX_UID, MOX_UID)
        run(["chown", "-R", str(MOX_UID), self.host.lab.path("tls")])
        tls = os.path.dirname(self.host.lab.path("tls", "x"))
        self.process = self.podman.spawn("mox", self.image, volumes=[f"{self.host.path('mox', 'config')}:/config:ro", f"{tls}:{tls}:ro",
                                                                     f"{os.path.dirname(data)}:/data"])
        for port in (25, 465, 587, 143, 993):
            self.host.wait_for_port(port, process=self.process)
        wait_for("the control socket", lambda: os.path.exists(self.host.path("mox", "data", "ctl")), 10)

    def command(self, words, input=None):
        return self.podman.run("exec", "-i", "mox", "/usr/bin/mox", *words, input=input)


@scenario(seconds=180, needs_mox=True)
def container_receives_and_delivers(lab):
    """Read-only root, no capability but NET_BIND_SERVICE, uid 65532: mail comes in on 25, is read on 993, goes out by the
    queue; the image is the same octets twice; SIGTERM ends it in order."""
    host = lab.host("m")
    DnsLab(lab, {"mox.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}}).serve(host)
    server = Container(host, "mox.test", "mail.mox.test", tls=lab.certificate("mail.mox.test", "m"))
    equal(server.digest, inspect(server.archive)["Digest"], "digest that skopeo sees")
    contains("healthy", server.command(["healthcheck"]))

    status = dict(line.split(":\t", 1) for line in run(["cat", f"/proc/{pid_of(server)}/status"]).splitlines() if ":\t" in line)
    equal([str(MOX_UID)] * 4, status["Uid"].split(), "uid")
    equal(0, int(status["CapEff"], 16), "capabilities left after the ports are bound")
    equal("1", status["NoNewPrivs"], "NoNewPrivs")
    mounts = run(["cat", f"/proc/{pid_of(server)}/mounts"])
    root = next(line for line in mounts.splitlines() if line.split()[1] == "/")
    contains("ro", root.split()[3].split(","), "options of the root")

    submission = server.open_submission()
    submission.sendmail(server.user, [server.user], clients.letter(server, "into the container"), mail_options=["BODY=8BITMIME"])
    submission.quit()
    clients.check_body(server.wait_arrival("into the container"))
    listing = json.loads(server.podman.run("inspect", server.image))[0]
    equal(f"{MOX_UID}:{MOX_UID}", listing["Config"]["User"], "user of the image")
    server.podman.run("stop", "-t", "10", "mox")
    equal(0, wait_for("its end", lambda: (server.process.poll() is not None) and (server.process.returncode, ))[0], "exit status")


@scenario(seconds=180, needs_mox=True)
def container_between_two_hosts(lab):
    """Two Postfix hosts with the container between them: what one sends is read there, what is answered from there arrives at
    the other, and its port 25 relays nothing between them."""
    middle, a, b = lab.host("m"), lab.host("a"), lab.host("b")
    dns = DnsLab(lab, {f"{domain}.test": {"@": ["MX 10 mail", 'TXT "v=spf1 mx -all"'], "mail": [f"A {host.address}"]}
                       for domain, host in (("mox", middle), ("a", a), ("b", b))})
    for host in (middle, a, b):
        dns.serve(host)
    tls = {domain: lab.certificate(f"mail.{domain}.test", host.name) for domain, host in (("mox", middle), ("a", a), ("b", b))}
    first = Postfix(a, "mail.a.test", ["a.test"], tls=tls["a"], smtp_tls_security_level="secure", smtp_tls_secure_cert_match="nexthop, hostname", notify_classes="")
    second = Postfix(b, "mail.b.test", ["b.test"], tls=tls["b"])
    server = Container(middle, "mox.test", "mail.mox.test", tls=tls["mox"])

    first.send("x@a.test", server.user, f"From: x@a.test\nTo: {server.user}\nSubject: to the container\n\nbody\n")
    contains("250 2", first.wait_sent(server.user))
    contains(b"spf=pass", server.wait_arrival("to the container"))
    submission = server.open_submission()
    submission.sendmail(server.user, ["y@b.test"], clients.letter(server, "from the container"), mail_options=["BODY=8BITMIME"])
    submission.quit()
    got = second.wait_message("y@b.test", "Subject: from the container")
    contains("using TLSv1.3", " ".join(got.get_all("Received")))
    with a.inside():
        client = smtplib.SMTP(middle.address, 25, local_hostname="mail.a.test", timeout=30)
    client.ehlo()
    client.mail("x@a.test")
    equal(550, client.rcpt("y@b.test")[0], "RCPT for another's domain")
    client.quit()
    server.podman.run("stop", "-t", "10", "mox")
    equal(0, wait_for("its end", lambda: (server.process.poll() is not None) and (server.process.returncode, ))[0], "exit status")


def pid_of(server):
    return server.podman.run("inspect", "-f", "{{.State.Pid}}", "mox").strip()
