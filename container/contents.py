"""What is in the image: the binary, the libraries it names, CA certificates, time zones, licences, a list of it all.

No shell, no package manager, nothing that could be started but mox. What a file's package and licence are is asked of dpkg; a
library in Nix's store tells its package by its path, and stays there. Certificates and time zones of other places than
Debian's are named by MOX_IMAGE_CERTIFICATES and MOX_IMAGE_ZONES; in the image they are where Debian has them.
"""
import hashlib
import json
import os
import re
import subprocess
from dataclasses import dataclass
from urllib.parse import quote

from oci import NET_BIND_SERVICE, Entry

USER = 65532  # as in other images without root: a number that no host has given to anybody
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
ZONES = "/usr/share/zoneinfo"
SUFFIXES = "/usr/share/publicsuffix/public_suffix_list.dafsa"
STORE = "/nix/store/"


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@dataclass(frozen=True)
class Machine:
    architecture: str  # as the OCI image specification calls it
    libraries: str     # where Debian has them


MACHINES = {62: Machine("amd64", "/usr/lib/x86_64-linux-gnu/"), 183: Machine("arm64", "/usr/lib/aarch64-linux-gnu/")}  # by e_machine of elf(5)


def machine_of(program: bytes) -> Machine:
    """What the ELF file is for. Both kinds have 64 bits, the least significant octet first."""
    kind = int.from_bytes(program[18:20], "little") if program[:6] == b"\x7fELF\x02\x01" else None
    if kind not in MACHINES:
        raise SystemExit("the program is for no machine that an image is made for: " + ", ".join(m.architecture for m in MACHINES.values()))
    return MACHINES[kind]


def libraries(binary: str) -> dict[str, str]:
    """Path in the image -> file here, of each library and the loader that the binary asks for."""
    folder = machine_of(read(binary)).libraries
    out = {}
    for line in subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout.splitlines():
        found = re.match(r"\s*(?:(\S+) => )?(/\S+) \(0x", line)
        if found:
            name = found[2] if found[1] is None or found[2].startswith(STORE) else folder + os.path.basename(found[1])
            out[name.lstrip("/")] = os.path.realpath(found[2])
        elif "not found" in line:
            raise SystemExit("a library is missing: " + line.strip())
    return out


def packages_of(files: list[str]) -> dict[str, str]:
    """File -> its package; dpkg lists files under /lib or /usr/lib, whichever the package was made with."""
    # In Nix's store: after the digest, its name and version.
    found = {file: file.removeprefix(STORE).split("/")[0][33:] for file in files if file.startswith(STORE)}
    spellings = {path: file for file in files if file not in found for path in (file, file.removeprefix("/usr"), "/usr" + file)}
    if spellings:
        asked = subprocess.run(["dpkg-query", "-S", *spellings], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
        for line in asked.stdout.splitlines():
            packages, path = line.rsplit(": ", 1)
            if path in spellings:
                found[spellings[path]] = packages.split(",")[0]
    for file in files:
        if file not in found:
            raise SystemExit(file + " belongs to no package")
    return found


def about(package: str) -> tuple[str, str]:
    """Its version, and where its copyright text is; Debian's packages only."""
    asked = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], check=True, capture_output=True, text=True)
    return asked.stdout, f"/usr/share/doc/{package.split(':')[0]}/copyright"


def zones(source: str) -> dict[str, Entry]:
    out = {}
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(f for f in folders if f not in ("posix", "right"))
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.islink(path) and not os.path.normpath(os.path.join(folder, os.readlink(path))).startswith(source):
                continue  # localtime: this machine's own, wherever /etc/localtime leads from here
            out[os.path.join(ZONES, os.path.relpath(path, source)).lstrip("/")] = Entry(read(path))
    return out


def spdx(version: str, epoch_text: str, packages: dict[str, str], debian: bool) -> bytes:
    """SPDX 2.3 in JSON: mox and the packages its libraries and data come from."""
    def identifier(name: str) -> str:
        return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)

    def entry(name: str, its_version: str, licence: str) -> dict:
        return {"SPDXID": identifier(name), "name": name, "versionInfo": its_version, "downloadLocation": "NOASSERTION",
                "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": licence, "copyrightText": "NOASSERTION"}

    def package(name: str) -> dict:
        made = entry(name, packages[name], "NOASSERTION")
        if not debian:
            return made
        url = f"pkg:deb/debian/{quote(name.split(':')[0])}@{quote(packages[name], safe='')}?arch={name.partition(':')[2] or 'all'}&distro=debian-12"
        reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}
        return {**made, "externalRefs": [reference]}

    listed = [entry("mox", version, "MIT")] + [package(name) for name in sorted(packages)]
    digest = hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
    related = [{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-mox", "relationshipType": "DESCRIBES"}]
    related += [{"spdxElementId": "SPDXRef-mox", "relatedSpdxElement": identifier(name), "relationshipType": "DEPENDS_ON"} for name in sorted(packages)]
    return json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "mox-" + version,
        "documentNamespace": "urn:mox:sbom:" + digest, "creationInfo": {"created": epoch_text, "creators": ["Tool: container-image.py"]},
        "packages": listed, "relationships": related,
    }, indent=1).encode() + b"\n"


def collect(binary: str, stripped: bytes, licence: bytes, version: str, created: str) -> dict[str, Entry]:
    """Every entry of the image by its path."""
    entries = {
        "usr/bin/mox": Entry(stripped, 0o755, capability=NET_BIND_SERVICE),
        "data": Entry(mode=0o700, owner=USER),
        "config": Entry(mode=0o755),
        "tmp": Entry(mode=0o1777),
        "lib": Entry(link="usr/lib"),
        "lib64": Entry(link="usr/lib64"),
        "etc/passwd": Entry(f"root:x:0:0::/:/\nmox:x:{USER}:{USER}::/data:/\n".encode()),
        "etc/group": Entry(f"root:x:0:\nmox:x:{USER}:\n".encode()),
        "etc/nsswitch.conf": Entry(b"passwd: files\ngroup: files\nhosts: files dns\n"),
        CERTIFICATES.lstrip("/"): Entry(read(os.environ.get("MOX_IMAGE_CERTIFICATES", CERTIFICATES))),
        "usr/lib/ssl/cert.pem": Entry(link=CERTIFICATES),  # where OpenSSL looks
        "usr/share/licenses/mox/LICENSE": Entry(licence),
    }
    needed = libraries(binary)
    for name, file in needed.items():
        path = "usr/" + name if name.startswith(("lib/", "lib64/")) else name  # the loader: where depends on the machine
        entries[path] = Entry(read(file), 0o755)
    sources = packages_of(list(needed.values()))
    entries |= zones(os.environ.get("MOX_IMAGE_ZONES", ZONES))
    names = set(sources.values())
    stored = {package for file, package in sources.items() if file.startswith(STORE)}
    if not stored:
        names |= {"ca-certificates", "publicsuffix", "tzdata"}
        # libpsl takes this list instead of its own if it is newer.
        entries[SUFFIXES.lstrip("/")] = Entry(read(SUFFIXES))
    packages = {}
    for package in sorted(names):
        if package in stored:
            name, number = re.fullmatch(r"(.+?)(?:-([0-9].*))?", package).groups("")
            packages[name] = number
            continue
        packages[package], copyright_text = about(package)
        entries[f"usr/share/licenses/{package.split(':')[0]}/copyright"] = Entry(read(copyright_text))
    entries["usr/share/sbom/mox.spdx.json"] = Entry(spdx(version, created, packages, debian=not stored))
    return entries
