"""What a virtual machine boots: Debian's cloud kernel, a small initrd, and a root file system made of the packages installed
here, copied. Nothing is installed a second time, so it takes seconds.

MOX_TEST_CACHE names a folder where the result is kept between runs; without it, it is made for each.
"""
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
from typing import Iterable

from lab import environment, require, run
from scenario import Skipped

# What machines have beside the essential packages; with all that these depend on.
PACKAGES = ["systemd", "mount", "procps", "iproute2", "postfix", "unbound", "python3", "openssl", "ca-certificates"]
NOT_NEEDED = re.compile(r"/usr/share/(doc|man|locale|info|lintian|bug|i18n|zoneinfo)/|/usr/lib/x86_64-linux-gnu/gconv/|/boot/")
# Beside what packages bring: what their installation made, and this machine's users.
MADE = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/nsswitch.conf", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ssl/certs",
        "/etc/alternatives", "/etc/postfix", "/var/spool/postfix", "/var/lib/postfix", "/etc/services", "/etc/protocols", "/usr/lib/ssl"]
# In the order in which they are inserted.
MODULES = ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk", "failover", "net_failover",
           "virtio_net", "virtio_console", "overlay"]

INIT = """\
#!/bin/busybox sh
# Read-only root with a tmpfs over it; the files of this machine from its second disk; a third one is what survives.
B=/bin/busybox
$B mount -t proc proc /proc; $B mount -t sysfs sys /sys; $B mount -t devtmpfs dev /dev
for m in MODULES; do $B insmod /mods/$m.ko; done
for a in $($B cat /proc/cmdline); do case $a in lab.*=*) eval "$($B echo "${a#lab.}")";; esac; done
n=0; while [ ! -b /dev/vda ] || [ ! -b /dev/vdb ]; do n=$((n+1)); [ $n -lt 200 ] || exit 1; $B sleep 0.05; done
$B mount -t ext4 -o ro,noload /dev/vda /ro
$B mount -t tmpfs -o mode=755 tmpfs /rw; $B mkdir /rw/u /rw/w
$B mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /new
$B mount -t ext4 -o ro,noload /dev/vdb /own
(cd /own && $B cp -a . /new/)
$B umount /own
if [ -n "$keep" ]; then $B mkdir -p /new$keep; $B mount -t ext4 /dev/vdc /new$keep || $B poweroff -f; fi
$B ip link set lo up; $B ip link set eth0 up; $B ip addr add $address/16 dev eth0
$B mount --move /proc /new/proc; $B mount --move /sys /new/sys; $B mount --move /dev /new/dev
exec $B switch_root /new /lib/systemd/systemd
""".replace("MODULES", " ".join(MODULES))


def prepare(binary: str, scratch: str) -> str:
    """The folder with vmlinuz, initrd and root.ext4, made below `scratch` or found in the cache. Needs the network, for the kernel; skipped where virtual machines cannot run."""
    if os.environ.get("MOX_SKIP_QEMU") and not os.environ.get("CI"):
        raise Skipped("MOX_SKIP_QEMU is set")
    if not os.path.exists("/dev/net/tun"):
        raise Skipped("no /dev/net/tun, so a virtual machine has no network")
    require("qemu-system-x86_64", "mke2fs", "busybox", "cpio")
    packages = closure(PACKAGES)
    libraries = re.findall(r"(/\S+)", run(["ldd", binary]))
    with open(__file__, "rb") as source:
        key = hashlib.sha256(repr((sorted(packages.items()), libraries)).encode() + source.read()).hexdigest()[:16]
    folder = os.path.join(os.environ.get("MOX_TEST_CACHE") or scratch, "vm-" + key)
    if not os.path.exists(folder):
        making = f"{folder}.{os.getpid()}"
        os.makedirs(making)
        try:
            _kernel(making)
            _root(making, packages, libraries)
            os.rename(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder


def closure(wanted: Iterable[str]) -> dict[str, str]:
    """{package: version} of these, of those that every system has, and of all that they depend on."""
    installed: dict[str, tuple[str, str]] = {}
    provided: dict[str, str] = {}
    essential: list[str] = []
    with open("/var/lib/dpkg/status", errors="replace") as file:
        for paragraph in file.read().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and not line.startswith(" "))
            if fields.get("Status") != "install ok installed" or fields.get("Architecture") not in ("amd64", "all"):
                continue
            name = fields["Package"]
            if fields.get("Essential") == "yes":
                essential.append(name)
            installed[name] = (fields["Version"], fields.get("Pre-Depends", "") + ", " + fields.get("Depends", ""))
            for virtual in re.findall(r"[a-z0-9][a-z0-9+.-]+(?=[ ,(]|$)", fields.get("Provides", "")):
                provided.setdefault(virtual, name)
    found: dict[str, str] = {}
    todo = [*wanted, *essential]
    while todo:
        name = todo.pop()
        name = name if name in installed else provided.get(name, name)
        if name in found:
            continue
        if name not in installed:
            raise AssertionError(f"not installed: {name}")
        found[name] = installed[name][0]
        for group in installed[name][1].split(","):
            names = [choice.split("(")[0].split(":")[0].strip() for choice in group.split("|")]
            todo += [n for n in names if n in installed or n in provided][:1]
    return found


def _kernel(folder: str) -> None:
    package = re.search(r"Depends: (linux-image-\S+)", run(["apt-cache", "depends", "linux-image-cloud-amd64"]))
    if not package:
        raise AssertionError("no package linux-image-cloud-amd64")
    unpacked, tree = os.path.join(folder, "kernel"), os.path.join(folder, "initrd.d")
    os.makedirs(unpacked)
    run(["env", "-C", unpacked, "apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package[1]], seconds=300)
    run(["dpkg-deb", "-x", _only(unpacked + "/*.deb"), unpacked])
    shutil.copyfile(_only(unpacked + "/boot/vmlinuz-*"), os.path.join(folder, "vmlinuz"))
    for name in ("bin", "mods", "proc", "sys", "dev", "ro", "rw", "own", "new"):
        os.makedirs(os.path.join(tree, name))
    shutil.copy2(shutil.which("busybox", path=environment(None)["PATH"]) or "", tree + "/bin/busybox")
    for module in MODULES:
        shutil.copyfile(_only(f"{unpacked}/lib/modules/*/kernel/**/{module}.ko"), f"{tree}/mods/{module}.ko")
    with open(tree + "/init", "w") as file:
        file.write(INIT)
    os.chmod(tree + "/init", 0o755)
    with open(os.path.join(folder, "initrd"), "wb") as out:
        names = subprocess.run(["find", "."], cwd=tree, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names, stdout=out, check=True)
    shutil.rmtree(unpacked)
    shutil.rmtree(tree)


def _only(pattern: str) -> str:
    found = glob.glob(pattern, recursive=True)
    if len(found) != 1:
        raise AssertionError(f"{pattern}: {found}")
    return found[0]


def _root(folder: str, packages: Iterable[str], libraries: Iterable[str]) -> None:
    tree = os.path.join(folder, "root.d")
    os.makedirs(tree)
    for name in ("proc", "sys", "dev", "run", "tmp", "root", "var/log", "var/mail", "var/tmp", "var/lib", "etc"):
        os.makedirs(os.path.join(tree, name), exist_ok=True)
    os.chmod(os.path.join(tree, "tmp"), 0o1777)
    os.symlink("/run", os.path.join(tree, "var/run"))
    os.symlink("/run/lock", os.path.join(tree, "var/lock"))
    paths: set[str] = set()
    for package in packages:
        for path in _files(package):
            if not NOT_NEEDED.search(path):
                _add(paths, path)
    for path in libraries:
        _add(paths, path)
    for top in MADE:
        _add(paths, top)
        for at, folders, files in os.walk(top):
            for name in folders + files:
                _add(paths, os.path.join(at, name))
    names = "\0".join(sorted(path.lstrip("/") for path in paths))
    # The names of /bin, /lib and so on are links into /usr; tar writes what is below them through the real names.
    packed = subprocess.Popen(["tar", "-C", "/", "--no-recursion", "--null", "-T", "-", "-c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    unpacked = subprocess.Popen(["tar", "-C", tree, "-x"], stdin=packed.stdout)
    assert packed.stdin is not None
    packed.stdin.write(names.encode())
    packed.stdin.close()
    if packed.wait() or unpacked.wait():
        raise AssertionError("the root file system could not be copied")
    file_system(os.path.join(folder, "root.ext4"), tree)
    shutil.rmtree(tree)


def _files(package: str) -> list[str]:
    for name in (package, package + ":amd64"):
        path = f"/var/lib/dpkg/info/{name}.list"
        if os.path.exists(path):
            with open(path) as file:
                return file.read().split("\n")[1:-1]
    raise AssertionError(f"no list of the files of {package}")


def _add(paths: set[str], path: str) -> None:
    """The path without links on the way to it, and what it points to if it is one itself."""
    for _ in range(10):
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if path.startswith("/proc") or not os.path.lexists(path) or stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        paths.add(path)
        if os.path.islink("/" + path.split("/")[1]):
            paths.add("/" + path.split("/")[1])
        if not os.path.islink(path):
            return
        path = os.path.join(os.path.dirname(path), os.readlink(path))


def file_system(image: str, tree: str | None = None, size: int | None = None) -> None:
    """An ext4 image with the content of a folder, or an empty one of that many octets."""
    if size is None:
        assert tree is not None
        used = int(run(["du", "-s", "-B1", "--apparent-size", tree]).split()[0])
        count = sum(len(folders) + len(files) for _, folders, files in os.walk(tree))
        size = int(used * 1.1) + count * 4096 + (8 << 20)
    with open(image, "wb") as file:
        file.truncate(size)
    journal = ["-O", "^has_journal"] if tree else []
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", *journal, *(["-d", tree] if tree else []), image], seconds=120)
