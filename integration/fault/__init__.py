"""Fault: breaks the disk of one server at a chosen moment (fault.c, by LD_PRELOAD)."""
import mmap
import os
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
WRITES, SYNCS, NAMES, OPENS = 1, 2, 4, 8
ALL = WRITES | SYNCS | NAMES | OPENS
_FIELDS = ("mode", "countdown", "error", "length", "kinds", "seen", "hit")


class Fault:
    def __init__(self, folder):
        """Builds the library and the control file in `folder`."""
        self.library = os.path.join(folder, "fault.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.library, os.path.join(HERE, "fault.c"), "-ldl"], check=True)
        self.control = os.path.join(folder, "fault.control")
        with open(self.control, "wb") as file:
            file.write(bytes(4096))
        os.chmod(self.control, 0o666)
        with open(self.control, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)

    def environment(self):
        return {"LD_PRELOAD": self.library, "FAULT_CONTROL": self.control}

    def off(self):
        self._set("mode", 0)

    def kill_at(self, count, kinds=ALL):
        """The process dies at the call after `count` more of these kinds."""
        self._arm(1, count, 0, 0, kinds)

    def fail_at(self, count, error, length=1, kinds=ALL):
        """`length` calls fail after `count` more went well."""
        self._arm(2, count, error, length, kinds)

    def hits(self):
        return self._get("hit")

    def seen(self):
        """Calls of the chosen kinds since it was armed."""
        return self._get("seen")

    def _arm(self, mode, count, error, length, kinds):
        self.off()
        for name, value in (("countdown", count), ("error", error), ("length", length), ("kinds", kinds), ("seen", 0), ("hit", 0)):
            self._set(name, value)
        self._set("mode", mode)

    def _set(self, name, value):
        struct.pack_into("q", self._map, 8 * _FIELDS.index(name), value)

    def _get(self, name):
        return struct.unpack_from("q", self._map, 8 * _FIELDS.index(name))[0]
