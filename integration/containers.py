"""Container engines from Debian on a lab host, and the image. Scripts say "podman" and "docker" as their users do: what a
lab needs beside (own folders, no raised limits) is in small programs of these names, first on the script's PATH.
"""
import json
import os
import subprocess

from lab import environment, require, run, stop
from moxhost import ROOT
from scenario import Skipped, wait_for

PROGRAMS = "/usr/bin"  # Debian's; there may be others of these names


class Engine:
    """An engine of its own on the host, with nothing in it."""
    name = ""

    def __init__(self, host):
        require(f"{PROGRAMS}/{self.name}", "runc", "skopeo")
        self.host = host
        self.variables = {"HOME": host.path("home"), "XDG_RUNTIME_DIR": host.path("xdg")}
        os.makedirs(self.variables["HOME"], exist_ok=True)
        self._begin()
        self.variables["PATH"] = os.path.dirname(self.host.path("bin", "x")) + ":" + environment(None)["PATH"]

    def shell(self, script, folder=None, seconds=120, check=True):
        """Runs what an administrator types; gives its output."""
        command = ["env", "-C", folder or self.host.folder, "bash", "-euo", "pipefail", "-c", script]
        return self.host.run(command, env=self.variables, seconds=seconds, check=check)

    def run(self, *words, **options):
        return self.host.run([self.host.path("bin", self.name), *words], env=self.variables, **options)

    def status(self, *words):
        """(exit status, output)"""
        return self.host.status([self.host.path("bin", self.name), *words], env=self.variables)

    def load(self, archive):
        """The image's name."""
        return self.run("load", "-q", "-i", archive).strip().removeprefix("Loaded image:").strip()

    def inspect(self, name):
        return json.loads(self.run("inspect", name))[0]

    def pid(self, name):
        return self.inspect(name)["State"]["Pid"]

    def _program(self, name, text):
        path = self.host.write(os.path.join("bin", name), "#!/bin/sh\n" + text)
        os.chmod(path, 0o755)

    def probe(self, archive):
        """Skipped where containers cannot run at all; the image is gone again."""
        image = self.load(archive)
        status, said = self.status("run", "--rm", "--network", "host", image, "version")
        if status != 0 and "permi" in said.lower():
            raise Skipped(f"{self.name} may not run containers here: {said[-300:]}")
        if status != 0:
            raise AssertionError(f"{self.name} run: {said[-2000:]}")
        self.run("rmi", image)

    def end(self):
        pass


class Podman(Engine):
    name = "podman"

    def _begin(self):
        # Limits cannot be raised where tests usually run, so containers keep the host's; without systemd no cgroups by it.
        self.variables["CONTAINERS_CONF"] = self.host.write(
            "containers.conf", '[containers]\ndefault_ulimits = []\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        base = " ".join([f"{PROGRAMS}/podman", "--runtime", "runc", "--root", self.host.path("podman", "root"), "--runroot", self.host.path("podman", "run"),
                         "--tmpdir", self.host.path("podman", "tmp")])
        self._program("podman", f'case $1 in run) shift; exec {base} run --ulimit host "$@" ;; *) exec {base} "$@" ;; esac\n')


class Docker(Engine):
    name = "docker"

    def _begin(self):
        require("dockerd")
        socket = self.host.path("docker", "socket")
        self.variables["DOCKER_HOST"] = "unix://" + socket
        self.daemon = self.host.spawn(["dockerd", "--iptables=false", "--bridge=none", "--data-root", self.host.path("docker", "data"),
                                       "--exec-root", self.host.path("docker", "exec"), "--pidfile", self.host.path("docker", "pid"),
                                       "-H", self.variables["DOCKER_HOST"]], "dockerd.log")
        self._program("docker", f'exec {PROGRAMS}/docker "$@"\n')

        def ready():
            if self.daemon.poll() is not None:
                said = self.host.read("dockerd.log")[-1500:]
                raise (Skipped if "permitted" in said else AssertionError)(f"dockerd does not run here: {said}")
            return os.path.exists(socket) and self.host.status([f"{PROGRAMS}/docker", "version"], env=self.variables)[0] == 0

        wait_for("dockerd", ready, 30, 0.2)

    def end(self):
        """Its mounts go with the containers that it still has."""
        stop(self.daemon, 20)


ENGINES = {engine.name: engine for engine in (Podman, Docker)}


def build_image(binary, out, root=ROOT, variables=None, umask=0o022):
    """The digest of the image."""
    epoch = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True).stdout.strip() or "1700000000"
    command = ["sh", "-c", f'umask {umask:03o}; exec "$@"', "sh", "python3", os.path.join(root, "container", "image.py"), binary, out]
    return run(command, env={"SOURCE_DATE_EPOCH": epoch, **(variables or {})}).rsplit(" ", 1)[1].strip()


def skopeo_inspect(archive):
    return json.loads(run(["skopeo", "inspect", "oci-archive:" + archive]))
