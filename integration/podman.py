"""podman from Debian on a lab host: the image in the shape its documentation tells admins to run it in."""
import json
import os
import subprocess

from lab import require, run


class Podman:
    def __init__(self, host):
        require("podman", "runc", "skopeo")
        self.host = host
        # Limits cannot be raised where tests usually run, so containers keep the host's.
        self.config = host.write("containers.conf", "[containers]\ndefault_ulimits = []\n[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n")
        self.base = ["podman", "--runtime", "runc", "--root", host.path("podman", "root"), "--runroot", host.path("podman", "run"),
                     "--tmpdir", host.path("podman", "tmp")]

    def _environment(self):
        return {"CONTAINERS_CONF": self.config, "HOME": self.host.path("home"), "XDG_RUNTIME_DIR": self.host.path("xdg")}

    def run(self, *words, **options):
        return self.host.run([*self.base, *words], env=self._environment(), **options)

    def load(self, archive):
        """The image's name."""
        return self.run("load", "-q", "-i", archive).strip().removeprefix("Loaded image:").strip()

    def spawn(self, name, image, *words, volumes=(), options=()):
        mounts = [word for volume in volumes for word in ("-v", volume)]
        return self.host.spawn([*self.base, "run", "--rm", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all",
                                "--cap-add", "NET_BIND_SERVICE", "--ulimit", "host", *mounts, *options, image, *words], f"{name}.log", env=self._environment())


def build_image(binary, out):
    """Two builds, which must be the same octets; the digest of the image."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    epoch = subprocess.run(["git", "-C", root, "log", "-1", "--format=%ct"], capture_output=True, text=True).stdout.strip() or "1700000000"
    digests = []
    for path in (out, out + ".again"):
        said = run(["python3", os.path.join(root, "container", "image.py"), binary, path], env={"SOURCE_DATE_EPOCH": epoch})
        digests.append(said.rsplit(" ", 1)[1].strip())
    with open(out, "rb") as first, open(out + ".again", "rb") as second:
        if first.read() != second.read():
            raise AssertionError("two builds of the image differ")
    os.remove(out + ".again")
    return digests[0]


def inspect(archive):
    return json.loads(run(["skopeo", "inspect", "oci-archive:" + archive]))
