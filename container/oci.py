"""Writes a root directory's files as an OCI image in one tar, the same bytes each time.

The tar is an OCI image layout (index.json, blobs) that also has Docker's manifest.json, so that podman, skopeo and Docker
load the same file and see the same image. Nothing in it depends on when, where or by whom it was made: names are
sorted, times are SOURCE_DATE_EPOCH, owners are numbers given here.
"""
import datetime
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field

OCI = "application/vnd.oci.image."
# vfs_cap_data revision 2 (linux/capability.h), little endian: effective flag, then permitted and inheritable, 32 bits
# each, twice. CAP_NET_BIND_SERVICE is bit 10. Not effective: the server takes it into use. A program whose effective
# capability the engine does not allow would not be started at all.
NET_BIND_SERVICE = bytes([0, 0, 0, 2, 0, 4, 0, 0]) + bytes(12)


@dataclass
class Entry:
    """A file (data), directory (data None) or symbolic link (link) of the image."""
    data: bytes | None = None
    mode: int = 0o644
    owner: int = 0
    link: str = ""
    capability: bytes = b""


@dataclass
class Image:
    entries: dict[str, Entry]  # path without leading slash -> what is there
    config: dict               # "config" of the OCI image configuration
    name: str                  # repository:tag that engines show
    epoch: int                 # seconds since 1970
    architecture: str          # by the names of the OCI image specification, which are Go's
    labels: dict[str, str] = field(default_factory=dict)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(value) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _layer(image: Image) -> bytes:
    entries = dict(image.entries)
    for path in list(entries):  # parents that nobody named
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            entries.setdefault(path, Entry(mode=0o755))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(entries):
            entry = entries[path]
            info = tarfile.TarInfo(path)
            info.mtime, info.mode, info.uid, info.gid = image.epoch, entry.mode, entry.owner, entry.owner
            if entry.capability:
                # A PAX value is UTF-8 text; this one has only octets below 128.
                info.pax_headers = {"SCHILY.xattr.security.capability": entry.capability.decode("ascii")}
            if entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
                tar.addfile(info)
            elif entry.data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(entry.data)
                tar.addfile(info, io.BytesIO(entry.data))
    return out.getvalue()


def _gzip(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0, filename="") as packed:
        packed.write(data)
    return out.getvalue()


def write(image: Image, path: str) -> str:
    """Writes the image and returns its manifest's digest."""
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, media: str) -> dict:
        blobs[_sha256(data)] = data
        return {"mediaType": OCI + media, "digest": "sha256:" + _sha256(data), "size": len(data)}

    raw = _layer(image)
    created = datetime.datetime.fromtimestamp(image.epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    layer = blob(_gzip(raw), "layer.v1.tar+gzip")
    config = blob(_json({
        "architecture": image.architecture, "os": "linux", "created": created,
        "config": {**image.config, "Labels": image.labels},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + _sha256(raw)]},
        "history": [{"created": created, "created_by": "container/image.py"}],
    }), "config.v1+json")
    manifest = blob(_json({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": [layer],
        "annotations": image.labels,
    }), "manifest.v1+json")
    index = _json({
        "schemaVersion": 2, "mediaType": OCI + "index.v1+json",
        "manifests": [{**manifest, "platform": {"architecture": image.architecture, "os": "linux"},
                       "annotations": {"org.opencontainers.image.ref.name": image.name}}],
    })
    docker = _json([{
        "Config": "blobs/sha256/" + config["digest"].removeprefix("sha256:"), "RepoTags": [image.name],
        "Layers": ["blobs/sha256/" + layer["digest"].removeprefix("sha256:")],
    }])
    files = {"blobs/sha256/" + digest: data for digest, data in blobs.items()}
    files |= {"index.json": index, "manifest.json": docker, "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in ("blobs", "blobs/sha256"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, image.epoch
            tar.addfile(info)
        for name in sorted(files):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(files[name]), 0o644, image.epoch
            tar.addfile(info, io.BytesIO(files[name]))
    return manifest["digest"]
