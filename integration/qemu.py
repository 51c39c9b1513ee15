"""Machines by QEMU with software emulation (TCG): a kernel of their own, and disks whose power can be cut.

KVM is never tried: a /dev/kvm may be there and not run a stock kernel. A machine is at its units after about ten seconds.
"""
import base64
import os
import shlex
import socket
import subprocess
import time
from typing import Optional

import vmimage
from lab import Lab
from labmachine import KERNEL_ARGUMENT, SHELL, LabMachine
from scenario import Skipped, wait_for
from volatiledisk import SECTOR, VolatileDisk

AGENT = f"""\
#!/bin/bash
# Runs what the driver says, a line each way: the command in base64; its status and output, that in base64 too.
exec 3<>/dev/vport*p1
echo ready >&3
while IFS= read -r line <&3; do
  base64 -d <<<"$line" >/run/lab-command
  {shlex.join(SHELL)} /run/lab-command </dev/null >/run/lab-output 2>>/run/lab-errors
  echo "$? $(base64 -w0 /run/lab-output)" >&3
done
"""
# The kernel would measure how fast the TSC counts, which goes wrong by a factor of ten and more when the emulation is held up.
KERNEL_ARGUMENTS = f"console=ttyS0 quiet panic=-1 mitigations=off clocksource=acpi_pm tsc=unstable no_timer_check audit=0 {KERNEL_ARGUMENT}"
# What no script needs and every boot would spend time on.
NEEDLESS = [*(f"{name}.mount" for name in ("dev-hugepages", "dev-mqueue", "sys-kernel-debug", "sys-kernel-tracing", "sys-fs-fuse-connections", "sys-kernel-config")),
            *(f"modprobe@{name}.service" for name in ("dm_mod", "configfs", "fuse", "loop", "efi_pstore", "drm")), "proc-sys-fs-binfmt_misc.automount",
            *(f"systemd-{name}.service" for name in ("sysusers", "sysctl", "random-seed", "modules-load", "remount-fs", "update-utmp", "journal-flush",
                                                     "binfmt", "pcrphase", "pcrphase-sysinit", "ask-password-console")), "kmod-static-nodes.service",
            "systemd-ask-password-console.path", "systemd-ask-password-wall.path"]
DISK_SIZE = 4 << 30  # of what survives; sparse
MEMORY = 768  # MiB


class Qemu(LabMachine):
    def __init__(self, lab: Lab, name: str, image: str, seed: int = 1) -> None:
        """image: the folder of vmimage.prepare()."""
        super().__init__(lab, name)
        self._image, self._seed = image, seed
        self._mac = f"52:54:00:77:00:{len(lab.hosts):02x}"
        self._own = self.host.path("own")
        os.makedirs(self._own)
        self._kept: Optional[str] = None
        self.disk: Optional[VolatileDisk] = None
        self.process: Optional["subprocess.Popen[bytes]"] = None
        self._agent: Optional[socket.socket] = None
        self._console = self.host.path("console")
        self._network()
        self.stage_system()
        self.stage("/usr/local/sbin/lab-agent", AGENT, 0o755)
        self.stage("/etc/systemd/system/lab-agent.service", "[Service]\nExecStart=/usr/local/sbin/lab-agent\n")
        self.enable("lab-agent.service")
        for unit in NEEDLESS:
            self.link("/etc/systemd/system/" + unit, "/dev/null")

    def _network(self) -> None:
        """The cable goes to the virtual machine: its end here has no address and is bridged to a tap."""
        status, said = self.host.status(["sh", "-ec", "ip addr flush dev eth0; ip link add br0 type bridge; ip tuntap add tap0 mode tap; "
                                         "ip link set eth0 master br0; ip link set tap0 master br0; ip link set br0 up; ip link set tap0 up"])
        if status != 0:
            raise Skipped(f"no network for a virtual machine: {said}")

    def target(self, path: str) -> str:
        return self._own + path

    def original(self, path: str) -> str:
        try:
            with open(path) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def keep(self, path: str) -> None:
        """What is in this folder outlives the machine's end, on a disk with a volatile write cache. One folder."""
        assert self._kept is None
        self._kept = path
        vmimage.file_system(self.host.path("kept.ext4"), size=DISK_SIZE)
        self.disk = VolatileDisk(self.host.path("kept.ext4"), self.host.path("kept.socket"), self._seed)

    def start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        own = self.host.path("own.ext4")
        if not os.path.exists(own):
            vmimage.file_system(own, self._own)
        agent = self.host.path("agent.socket")
        if os.path.exists(agent):
            os.remove(agent)
        arguments = f"{KERNEL_ARGUMENTS} lab.address={self.address}" + (f" lab.keep={self._kept}" if self._kept else "")
        drives = {f"file={self._image}/root.ext4,format=raw,readonly=on": "", f"file={own},format=raw,readonly=on": ""}
        if self._kept:
            drives[f"file=nbd:unix:{self.host.path('kept.socket')},format=raw,cache=writeback"] = f",logical_block_size={SECTOR},physical_block_size={SECTOR}"
        command = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", str(MEMORY), "-nodefaults", "-no-user-config", "-display", "none",
                   "-no-reboot", "-serial", "file:" + self._console, "-kernel", self._image + "/vmlinuz", "-initrd", self._image + "/initrd", "-append", arguments,
                   *(word for i, (drive, device) in enumerate(drives.items())
                     for word in ("-drive", f"{drive},if=none,id=d{i}", "-device", f"virtio-blk-pci,drive=d{i}{device}")),
                   "-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no", "-device", f"virtio-net-pci,netdev=n,mac={self._mac},romfile=",
                   "-chardev", f"socket,id=agent,path={agent},server=on,wait=off", "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent"]
        self.process = self.host.spawn(command, "qemu.log")
        self._agent = wait_for(f"QEMU of {self.name}", lambda: self._connect(agent), 20)

    def _connect(self, path: str) -> Optional[socket.socket]:
        self._check_running()
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            return client
        except OSError:
            client.close()
            return None

    def _check_running(self) -> None:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"QEMU of {self.name} ended with {self.process.returncode}: {self.host.read('qemu.log')[-1500:]} {self._said()}")

    def _said(self) -> str:
        try:
            with open(self._console, errors="replace") as file:
                return file.read()[-1500:]
        except FileNotFoundError:
            return ""

    _ready = False

    def execute(self, command: str, check_return: bool = True, check_output: bool = True, timeout: Optional[int] = 900) -> tuple[int, str]:
        if self.process is None:
            self.start()
        if not self._ready:
            if self._line(120) != "ready":
                raise AssertionError(f"{self.name}: no agent")
            self._ready = True
        assert self._agent is not None
        self._agent.sendall(base64.b64encode(command.encode()) + b"\n")
        status, _, output = self._line(timeout).partition(" ")
        return int(status), base64.b64decode(output).decode(errors="replace")

    def _line(self, seconds: Optional[int]) -> str:
        assert self._agent is not None
        end = time.monotonic() + (seconds or 900)
        received = b""
        while not received.endswith(b"\n"):
            self._agent.settimeout(1)
            try:
                part = self._agent.recv(65536)
                if not part:
                    self._check_running()
                    raise AssertionError(f"{self.name}: its agent is gone; {self._said()}")
                received += part
            except TimeoutError:
                self._check_running()
                if time.monotonic() > end:
                    raise AssertionError(f"{self.name}: no answer after {seconds} s; {self._said()}") from None
        return received.decode().strip()

    def crash(self) -> None:
        """QEMU is killed: the guest's memory is gone, and with it all that its kernel had not written. Of what it had
        written the disk loses a part of what was not flushed."""
        if self.process is None:
            return
        self.process.kill()
        self._off(10)
        if self.disk is not None:
            self.disk.cut()

    def shutdown(self) -> None:
        if self.process is None:
            return
        self.execute("true")
        assert self._agent is not None
        self._agent.sendall(base64.b64encode(b"systemctl poweroff --no-block") + b"\n")  # its answer may come or not
        self._off(120)

    def report(self) -> None:
        if self.disk is not None and self.disk.cuts:
            print(f"note: the disk's power failed {self.disk.cuts} times; of what was not flushed it lost {self.disk.lost} sectors and kept {self.disk.kept}")

    def _off(self, seconds: float) -> None:
        assert self.process is not None and self._agent is not None
        self.process.wait(seconds)
        self._agent.close()
        self.process, self._agent, self._ready = None, None, False

    def copy_from_host(self, source: str, target: str) -> None:
        if self.process is None:
            self.stage_file(source, target, os.stat(source).st_mode & 0o777)
            return
        with open(source, "rb") as file:
            text = base64.b64encode(file.read()).decode()
        self.succeed(f"mkdir -p $(dirname '{target}'); : >'{target}.new'")
        for begin in range(0, len(text), 90_000):
            self.succeed(f"base64 -d <<<'{text[begin:begin + 90_000]}' >>'{target}.new'")
        self.succeed(f"chmod {os.stat(source).st_mode & 0o777:o} '{target}.new'; mv '{target}.new' '{target}'")

    def recent_errors(self) -> str:
        if self._agent is None or not self._ready:
            return "\n" + self._said()
        return "\n" + self.execute("tail -c 2000 /run/lab-errors")[1]
