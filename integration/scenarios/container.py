"""The OCI image: what is in it, and under podman and Docker from Debian by the commands of container/README.md."""
import json
import os
import re
import shutil
import socket
import tarfile

from containerhost import CONFIG, DATA, ContainerHost, by_acme
from containers import Docker, Podman, build_image, skopeo_inspect
from documented import documented
from lab import require, run
from moxhost import MOX_UID, ROOT, binary
from scenario import contains, equal, scenario, wait_for

HARDENED = ["--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"]
BIND = ["--cap-add", "NET_BIND_SERVICE"]
AS_ROOT = ["--user", "0:0", "--cap-add", "SETUID", "--cap-add", "SETGID", "--security-opt", "no-new-privileges"]
LIMIT = 40 << 20  # octets of the archive


def walk(host):
    """From the README's first command to mail in both directions, a restart and an end."""
    run, name = host.engine.run, host.engine.name
    host.type(documented(name))
    host.wait()
    said = host.type(documented(name + ", once it is up"))
    for part in ("healthy\n", "rsa1._domainkey.example.com.", "ed1._domainkey.example.com.", "m=ready"):
        contains(part, said)
    host.check_process(host.engine.pid("mox"))
    signatures = host.mail_both_ways(name).get_all("DKIM-Signature")
    equal(["ed1", "rsa1"], sorted(re.search(r"\bs=(\w+)", field)[1] for field in signatures), "selectors that sign")
    host.check_no_relay()
    equal("", host.engine.shell(f"{name} logs mox 2>/dev/null"), "standard output of the server")
    if name == "docker":  # podman asks by systemd's timers, which are not here
        wait_for("Docker to find it healthy", lambda: host.engine.inspect("mox")["State"]["Health"]["Status"] == "healthy", 60, 0.5)
    change(host)
    run("restart", "mox")
    host.wait()
    contains(b"Subject: in " + name.encode(), host.wait_arrival("in " + name))
    print(f"note: {name} stop took {host.end('mox'):.1f} s")


def change(host):
    """A new address in mox.json is planned, and taken over while the server runs."""
    host.engine.shell(f"sed -i 's/\"you@example.com\": {{}}/&, \"new@example.com\": {{}}/' {CONFIG}/mox.json")
    contains("new@example.com", host.type(documented(host.engine.name + ", after a change of mox.json")))
    host.send_in("new@example.com", "to a new address")
    host.wait_arrival("to a new address", seconds=40)


def table(host, ways):
    """Each row of the README's table of privileges: what the options lead to, and that mail is taken and kept."""
    for number, (title, uid, options) in enumerate(ways):
        host.type(f"chown -R {uid}:{uid} {DATA}; chgrp -R {uid} {CONFIG}")
        words = " ".join([*HARDENED, *options])
        host.type(f"{host.engine.name} run -d --name mox {words} -v {CONFIG}:/config:ro -v {DATA}:/data localhost/mox:0.1.0")
        host.wait()
        host.check_process(host.engine.pid("mox"), uid)
        host.submit(host.user, f"way {number}")
        host.wait_arrival(f"way {number}")
        host.end("mox")
        print(f"note: {host.engine.name}, {title}: runs as {uid}")


@scenario(seconds=420, needs_mox=True)
def container_podman(lab):
    """The README's podman, between two Postfix hosts: mail both ways, a restart, an end in order; then other users, no new privileges, no capability, the
    quadlet's keys, and kubernetes.yaml."""
    host = ContainerHost(lab, Podman)
    walk(host)
    table(host, [("another user", 12345, ["--user", "12345:12345", *BIND]),
                 ("no new privileges", MOX_UID, [*BIND, "--security-opt", "no-new-privileges"]),
                 ("no new privileges, from root", MOX_UID, [*BIND, *AS_ROOT])])
    quadlet(host)
    kubernetes(host)
    host.type("sysctl net.ipv4.ip_unprivileged_port_start=25")
    table(host, [("no capability", MOX_UID, ["--security-opt", "no-new-privileges"])])


@scenario(seconds=420, needs_mox=True)
def container_docker(lab):
    """The same with Docker, which must also find it healthy by itself, and with compose."""
    host = ContainerHost(lab, Docker)
    walk(host)
    table(host, [("another user", 12345, ["--user", "12345:12345", *BIND]), ("no new privileges, from root", MOX_UID, [*BIND, *AS_ROOT])])
    compose(host)
    host.type("sysctl net.ipv4.ip_unprivileged_port_start=25")
    table(host, [("no capability", MOX_UID, ["--security-opt", "no-new-privileges"])])
    host.engine.end()


def compose(host):
    require("docker-compose")
    host.type(documented("compose"))
    name = host.engine.run("ps", "--format", "{{.Names}}").strip()
    host.wait(name)
    contains(b"Subject: in docker", host.wait_arrival("in docker"))
    host.check_process(host.engine.pid(name))
    print(host.engine.shell("docker-compose down", "/srv/mox"))


class Notices:
    """What a service manager hears from the container."""

    def __init__(self, host):
        self.path = host.path("notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(30)

    def wait_ready(self):
        while "READY=1" not in self.socket.recv(4096).decode().split("\n"):
            pass


def quadlet(host):
    """podman 4.3 has no quadlet: the run that the generator of podman 4.5 makes of the keys."""
    with open(os.path.join(ROOT, "container", "mox.container")) as file:
        section = re.search(r"^\[Container\]\n(.*?)^\[", file.read(), re.M | re.S)[1]
    words, image = ["run", "-d", "--name", "mox"], ""
    options = {"Network": "--network", "Tmpfs": "--tmpfs", "DropCapability": "--cap-drop", "AddCapability": "--cap-add", "Volume": "-v",
               "HealthCmd": "--health-cmd", "HealthInterval": "--health-interval"}
    switches = {"ReadOnly": ["--read-only"], "NoNewPrivileges": ["--security-opt", "no-new-privileges"], "Notify": ["--sdnotify", "container"]}
    for key, value in re.findall(r"^(\w+)=(.*)$", section, re.M):
        if key == "Image":
            image = value
        elif key in switches and value == "true":
            words += switches[key]
        else:
            words += [options[key], value]
    notices = Notices(host.host)
    said = host.host.run(["env", "NOTIFY_SOCKET=" + notices.path, host.host.path("bin", "podman"), *words, image], env=host.engine.variables)
    print(f"$ podman {' '.join([*words, image])}\n{said}")
    notices.wait_ready()
    host.wait()
    host.engine.run("healthcheck", "run", "mox")
    contains(b"Subject: in podman", host.wait_arrival("in podman"))
    host.end("mox")


def kubernetes(host):
    """podman play kube, which knows neither projected volumes nor what Kubernetes keeps as Secret."""
    with open(os.path.join(ROOT, "container", "kubernetes.yaml")) as file:
        text = file.read()
    adapted, count = re.subn(r"projected:\n( {12}.*\n)+", f"hostPath: {{path: {CONFIG}, type: Directory}}\n", text)
    equal(1, count, "projected volumes in kubernetes.yaml")
    path = host.host.write("kubernetes.yaml", adapted)
    print(host.engine.run("play", "kube", path))
    name = next(line for line in host.engine.run("ps", "--format", "{{.Names}}").split() if line.endswith("-mox"))
    host.wait(name)
    host.check_process(host.engine.pid(name))
    host.submit(host.user, "in a pod")
    host.wait_arrival("in a pod")
    host.engine.run("play", "kube", "--down", path)


@scenario(seconds=180, needs_mox=True)
def container_image(lab):
    """The same octets from another folder, umask, time zone and language; labels, licences, the list of packages; nothing
    to start but the server."""
    archive = lab.path("mox.tar")
    digest = build_image(binary(), archive)
    copy = lab.path("elsewhere", "container")
    shutil.copytree(os.path.join(ROOT, "container"), copy)
    shutil.copy(os.path.join(ROOT, "LICENSE"), os.path.dirname(copy))
    shutil.copy(binary(), lab.path("elsewhere", "program"))
    again = lab.path("again.tar")
    variables = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": "/root", "TMPDIR": lab.path("elsewhere", "")}
    second = build_image(lab.path("elsewhere", "program"), again, root=os.path.dirname(copy), umask=0o077, variables=variables)
    equal(digest, second, "digest of the second build")
    run(["cmp", archive, again])
    if os.path.getsize(archive) > LIMIT:
        raise AssertionError(f"{os.path.getsize(archive)} octets")

    seen = skopeo_inspect(archive)
    equal(digest, seen["Digest"], "digest that skopeo sees")
    for label in ("title", "version", "description", "licenses", "created"):
        contains("org.opencontainers.image." + label, seen["Labels"])
    names = check_files(archive)
    print(f"note: {os.path.getsize(archive)} octets, {len(names)} files")


@scenario(seconds=20, needs_mox=True)
def container_certificates(lab):
    """The README's part of mox.json for ACME, put into the file: the server takes it."""
    with open(os.path.join(ROOT, "container", "mox.json")) as file:
        settings = json.load(file)
    by_acme(settings)

    def check():
        with open(lab.path("mox.json"), "w") as file:
            json.dump(settings, file)
        run([binary(), "-config", lab.path("mox.json"), "config", "check", "-no-secrets"])

    check()
    # What is only added, with the files left in, is refused.
    settings["Listeners"]["public"]["TLS"]["KeyCerts"] = [{"CertFile": "tls.pem", "KeyFile": "tls.key"}]
    try:
        check()
    except AssertionError as refusal:
        contains("ACME and KeyCerts exclude each other", str(refusal))
        return
    raise AssertionError("ACME beside files is not refused")


@scenario(seconds=30)
def container_image_names_its_machine(lab):
    """The architecture of an image is that of the program in it; a program of another kind is refused."""
    archive = lab.path("mox.tar")
    code = """import sys, contents, oci
program = b"\\x7fELF\\x02\\x01" + bytes(12) + int(sys.argv[1]).to_bytes(2, "little")
machine = contents.machine_of(program)
oci.write(oci.Image(entries={"usr/bin/mox": oci.Entry(program, 0o755)}, config={}, name="localhost/mox:1", epoch=1, architecture=machine.architecture), sys.argv[2])
print(machine.libraries)"""
    for kind, name, libraries in (("62", "amd64", "x86_64-linux-gnu"), ("183", "arm64", "aarch64-linux-gnu")):
        equal(f"/usr/lib/{libraries}/", run(["env", "-C", os.path.join(ROOT, "container"), "python3", "-B", "-c", code, kind, archive]).strip(), "where Debian has libraries")
        equal(name, skopeo_inspect(archive)["Architecture"], "architecture")
    try:
        run(["env", "-C", os.path.join(ROOT, "container"), "python3", "-B", "-c", code, "243", archive])
    except AssertionError as refusal:
        contains("for no machine that an image is made for: amd64, arm64", str(refusal))
        return
    raise AssertionError("an image of a program for RISC-V")


def check_files(archive):
    with tarfile.open(archive) as outer:
        layer = json.load(outer.extractfile("manifest.json"))[0]["Layers"][0]
        with tarfile.open(fileobj=outer.extractfile(layer)) as files:
            entries = {entry.name: entry for entry in files}
            programs = [name for name, e in entries.items() if e.isfile() and e.mode & 0o111 and ".so" not in name]
            equal(["usr/bin/mox"], programs, "programs")
            capability = entries["usr/bin/mox"].pax_headers["SCHILY.xattr.security.capability"].encode()
            equal(bytes([0, 0, 0, 2, 0, 4, 0, 0]) + bytes(12), capability, "capability of the binary")
            equal((MOX_UID, 0o700), (entries["data"].uid, entries["data"].mode), "owner and mode of /data")
            writable = [name for name, e in entries.items() if not e.issym() and e.mode & 0o022 and name != "tmp"]
            equal([], writable, "what others may write")
            listed = json.load(files.extractfile("usr/share/sbom/mox.spdx.json"))
    equal("SPDX-2.3", listed["spdxVersion"])
    packages = [package["name"] for package in listed["packages"]]
    for name in packages:
        licence = "mox/LICENSE" if name == "mox" else name.split(":")[0] + "/copyright"
        contains("usr/share/licenses/" + licence, entries, "files")
    for name in ("mox", "libc6:amd64", "libssl3:amd64", "ca-certificates", "publicsuffix", "tzdata"):
        contains(name, packages)
    return entries
