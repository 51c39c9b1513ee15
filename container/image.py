#!/usr/bin/env python3
"""image.py BINARY OUT.tar: the OCI image of a built mox. Needs only Python, binutils, dpkg and what the binary runs with."""
import datetime
import os
import subprocess
import sys
import tempfile

import contents
import oci

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 40 << 20  # octets of the whole file


def stripped(binary: str) -> bytes:
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "--strip-all", "-o", out.name, binary], check=True)
        return contents.read(out.name)


def main() -> None:
    binary, out = sys.argv[1:3]
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    version = subprocess.run([binary, "version"], check=True, capture_output=True, text=True).stdout.split()[1]
    licence = contents.read(os.environ.get("MOX_IMAGE_LICENCE", os.path.join(HERE, "../LICENSE")))
    image = oci.Image(
        entries=contents.collect(binary, stripped(binary), licence, version, created),
        config={
            "User": f"{contents.USER}:{contents.USER}",
            "Entrypoint": ["/usr/bin/mox"],
            "Cmd": ["serve"],
            "Env": ["MOXCONF=/config/mox.json", "PATH=/usr/bin"],
            "WorkingDir": "/data",
            "Volumes": {"/data": {}},
            "ExposedPorts": {f"{port}/tcp": {} for port in (25, 143, 465, 587, 993)},
            "StopSignal": "SIGTERM",
            "Healthcheck": {"Test": ["CMD", "/usr/bin/mox", "healthcheck"], "Interval": 30 * 10**9, "Timeout": 10 * 10**9,
                            "Retries": 3, "StartPeriod": 10 * 10**9},
        },
        name="localhost/mox:" + version,
        epoch=epoch,
        architecture=contents.machine_of(contents.read(binary)).architecture,
        labels={
            "org.opencontainers.image.title": "mox", "org.opencontainers.image.version": version,
            "org.opencontainers.image.description": "Mail server: SMTP, submission and IMAP in one process",
            "org.opencontainers.image.licenses": "MIT", "org.opencontainers.image.created": created,
        },
    )
    digest = oci.write(image, out)
    size = os.path.getsize(out)
    if size > LIMIT:
        raise SystemExit(f"{out} has {size} octets, more than {LIMIT}")
    print(f"{out}: {size} octets, {digest}")


if __name__ == "__main__":
    main()
