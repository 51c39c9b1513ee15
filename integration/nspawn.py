"""Machines by systemd-nspawn: a whole systemd on an overlay of the machine that runs the tests, in a lab host's network.

There is no root file system to build: what is installed here is installed there, and what is written there goes to a tmpfs.
A machine is up in about a second. The kernel is shared, and a crash() is the end of all its processes, not of what they
wrote; for power cuts see qemu.py.
"""
import os
import signal
import subprocess
import time
from typing import Optional

from lab import Lab, environment, require, run
from labmachine import SHELL, LabMachine
from scenario import Skipped, wait_for

CGROUPS = "/sys/fs/cgroup"


def check_possible() -> None:
    """Skipped, with the reason, where such machines cannot run."""
    require("systemd-nspawn")
    for path in ("/usr/bin/systemctl", "/lib/systemd/systemd"):
        if not os.path.exists(path):
            raise Skipped(f"no {path}, which a machine of systemd-nspawn boots")
    if not hierarchies():
        raise Skipped(f"no cgroups at {CGROUPS}, which systemd needs")


class Nspawn(LabMachine):
    def __init__(self, lab: Lab, name: str) -> None:
        check_possible()
        super().__init__(lab, name)
        self.leader: Optional[int] = None  # the machine's first process, as we see it
        self.process: Optional["subprocess.Popen[bytes]"] = None
        self.root = self.host.path("root")
        self._errors = self.host.path("stderr")
        self._overlay()
        self.stage_system()

    def _overlay(self) -> None:
        writable = self.host.path("writable")
        for folder in (self.root, writable):
            os.makedirs(folder)
        try:
            run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", writable])
            for folder in ("upper", "work"):
                os.mkdir(os.path.join(writable, folder), 0o755)
            run(["mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={writable}/upper,workdir={writable}/work", "overlay", self.root])
        except AssertionError as error:
            raise Skipped(f"no overlay of the root file system: {error}") from error

    def original(self, path: str) -> str:
        try:
            with open(self.root + path) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def target(self, path: str) -> str:
        return self.root + path

    def start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        command = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off", "--hostname=" + self.name,
                   f"--network-namespace-path=/proc/{self.host._pid}/ns/net", "--capability=CAP_NET_ADMIN", "-D", self.root, "-b", "--console=pipe", "systemd.unit=lab.target"]
        with open(self.host.path("console"), "ab") as out:
            self.process = subprocess.Popen([*self._own_cgroup(), *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env=environment(None), start_new_session=True)
        self.leader = wait_for(f"the first process of {self.name}", self._find_leader, 20)
        wait_for(f"systemd of {self.name}", lambda: self.systemctl("is-system-running 2>/dev/null")[1].strip() in ("starting", "running", "degraded"), 60)

    def _own_cgroup(self) -> list[str]:
        """A command line in front of nspawn's that gives the machine cgroups of its own: two machines that shared them
        would each end the other's processes with a service of the same name."""
        name = f"{os.path.basename(self.lab.folder)}-{self.name}"
        script = 'for d in "$@"; do [ "$d" != -- ] || break; mkdir -p "$d" && echo $$ >"$d/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'
        folders = [os.path.join(root, name) for root in hierarchies()]
        return ["sh", "-c", script, "sh", *folders, "--"]

    def _find_leader(self) -> Optional[int]:
        assert self.process is not None
        if self.process.poll() is not None:
            with open(self.host.path("console"), errors="replace") as file:
                said = file.read()[-2000:]
            if any(reason in said for reason in ("Operation not permitted", "Permission denied", "Read-only file system")):
                raise Skipped(f"systemd-nspawn may not run here: {said}")
            raise AssertionError(f"systemd-nspawn ended with {self.process.returncode}: {said}")
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                children = file.read().split()
            for child in children:
                with open(f"/proc/{child}/comm") as file:
                    if file.read().strip() == "systemd":
                        return int(child)
        except OSError:
            pass
        return None

    def execute(self, command: str, check_return: bool = True, check_output: bool = True, timeout: Optional[int] = 900) -> tuple[int, str]:
        if self.process is None:
            self.start()
        with open(self._errors, "ab") as errors:
            done = subprocess.run(["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", *SHELL, "-c", command], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=errors, timeout=timeout, text=True, errors="replace")
        return done.returncode, done.stdout

    def crash(self) -> None:
        if self.process is None:
            return
        if self.leader is not None:
            os.kill(self.leader, signal.SIGKILL)  # the kernel ends its PID namespace with it
        self.process.wait(30)
        self.process = None

    def shutdown(self) -> None:
        if self.process is None:
            return
        self.execute("systemctl poweroff --no-block")
        self.process.wait(90)
        self.process = None

    def copy_from_host(self, source: str, target: str) -> None:
        if self.process is None:
            self.stage_file(source, target, os.stat(source).st_mode & 0o777)
            return
        with open(source, "rb") as file:
            subprocess.run(["nsenter", "-t", str(self.leader), "-m", "-p", "--", "/bin/sh", "-c", 'mkdir -p "${1%/*}" && cat >"$1.new" && mv "$1.new" "$1"',
                            "sh", target], stdin=file, check=True)
        self.succeed(f"chmod {os.stat(source).st_mode & 0o777:o} '{target}'")

    def recent_errors(self) -> str:
        try:
            with open(self._errors, errors="replace") as file:
                return "\n" + file.read()[-2000:]
        except FileNotFoundError:
            return ""


def hierarchies() -> list[str]:
    """Where cgroups can be made: the hierarchies that systemd uses."""
    found = [os.path.join(CGROUPS, name) for name in ("systemd", "unified") if os.path.exists(os.path.join(CGROUPS, name, "cgroup.procs"))]
    return found or [CGROUPS] * os.path.exists(os.path.join(CGROUPS, "cgroup.procs"))


def remove_cgroups(folder: str) -> None:
    """The empty cgroups that a lab in that folder left."""
    prefix = os.path.basename(folder) + "-"
    for root in hierarchies():
        for name in os.listdir(root):
            if name.startswith(prefix):
                _remove_tree(os.path.join(root, name))


def _remove_tree(top: str) -> None:
    for _ in range(50):  # the kernel takes a moment to forget the dead
        for path, folders, _files in os.walk(top, topdown=False):
            try:
                os.rmdir(path)
            except OSError:
                pass
        if not os.path.exists(top):
            return
        time.sleep(0.02)
