"""LabMachine: a Machine of our own back ends, on a lab's bridge, with files put on its disk before it starts."""
import os
import shutil
from abc import abstractmethod

from lab import Host, Lab, run
from machine import Machine

# Not default.target, and no timers or sockets: what the machine that runs the tests has enabled is none of a script's business.
TARGET = "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n"
KERNEL_ARGUMENT = "systemd.unit=lab.target"
ENVIRONMENT = "/etc/lab-environment"  # what commands of scripts find in their environment, as bash sets it
SHELL = ["/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
         "BASH_ENV=" + ENVIRONMENT, "/bin/bash"]


class LabMachine(Machine):
    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(name)
        self.lab = lab
        self.host: Host = lab.host(name)
        self.address: str = self.host.address

    @abstractmethod
    def target(self, path: str) -> str:
        """Where a file is to be written that the machine will see as `path`."""

    @abstractmethod
    def original(self, path: str) -> str:
        """The text of a file as the machine's packages have it; "" if there is none."""

    def keep(self, path: str) -> None:
        """What is in this folder outlives crash() and shutdown(); called before it starts."""

    def stage_system(self) -> None:
        self.stage("/etc/machine-id", f"{len(self.lab.hosts):032x}\n")
        self.stage("/etc/hostname", self.name + "\n")
        self.stage("/etc/systemd/system/lab.target", TARGET)
        self.link("/etc/systemd/system-generators/postfix-instance-generator", "/dev/null")

    def stage(self, path: str, content: str | bytes, mode: int = 0o644, owner: int = 0) -> None:
        """Writes a file of the machine that is not started yet."""
        target = self._fresh(path)
        with open(target, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(target, mode)
        os.chown(target, owner, owner)

    def stage_file(self, source: str, path: str, mode: int = 0o644, owner: int = 0) -> None:
        target = self._fresh(path)
        shutil.copyfile(source, target)
        os.chmod(target, mode)
        os.chown(target, owner, owner)

    def stage_program(self, source: str, path: str) -> None:
        """Without what only a debugger reads: most of a development build, which every virtual machine would copy at each boot."""
        target = self._fresh(path)
        run(["strip", "-o", target, source])
        os.chmod(target, 0o755)

    def link(self, path: str, to: str) -> None:
        os.symlink(to, self._fresh(path))

    def enable(self, unit: str) -> None:
        """Starts the unit at boot."""
        self.link(f"/etc/systemd/system/lab.target.wants/{unit}", f"/etc/systemd/system/{unit}")

    def _fresh(self, path: str) -> str:
        target = self.target(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.lexists(target):
            os.remove(target)
        return target

    def report(self) -> None:
        """Prints what is worth knowing after a success."""

    def last_words(self) -> str:
        """The end of its journal, for whoever looks into a failure."""
        try:
            return self.execute("(journalctl --no-pager -n 12; tail -n 8 /var/log/postfix.log 2>/dev/null) | cut -c -300", timeout=20)[1]
        except Exception as error:
            return f"says nothing: {error}"

    def block(self) -> None:
        self._cable("down")

    def unblock(self) -> None:
        self._cable("up")

    def _cable(self, state: str) -> None:
        self.lab._in(self.lab._hub, ["ip", "link", "set", self.host.port, state])
