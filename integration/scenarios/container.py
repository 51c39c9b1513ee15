"""The OCI image under podman, hardened as container/README.md says."""
import json
import os

import clients
from dnslab import DnsLab
from lab import run, stop
from moxhost import MOX_UID, Serve, binary
from podman import Podman, build_image, inspect
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


def pid_of(server):
    return server.podman.run("inspect", "-f", "{{.State.Pid}}", "mox").strip()
