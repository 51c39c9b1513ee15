"""VolatileDisk: a disk with a write cache that loses its content when the power fails, for QEMU by the NBD protocol.

What the guest has written is on the disk only after it asked for a flush (or wrote with FUA). cut() is the power failure:
of the sectors written since then each one is kept or lost by chance, so that no order among them can be relied on, and a
large write may be torn. Killing QEMU alone would not show that, because the host's page cache outlives it.

The protocol: doc/proto.md of the NBD project; the fixed newstyle handshake with one export, simple replies.
"""
import os
import random
import socket
import struct
import threading

SECTOR = 4096  # what a disk of today writes whole or not at all; the guest is told so
HANDSHAKE = b"NBDMAGICIHAVEOPT"
OPTION_REPLY = 0x3E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
EXPORT_NAME, ABORT, INFO, GO = 1, 2, 6, 7
ACK, EXPORT_INFO, UNSUPPORTED = 1, 3, 0x80000001
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
FUA = 1


class VolatileDisk:
    def __init__(self, image: str, path: str, seed: int) -> None:
        """Serves the image file at a Unix socket, to one client after the other."""
        self.socket_path = path
        self._random = random.Random(seed)
        self._size = os.path.getsize(image)
        self._image = os.open(image, os.O_RDWR)
        self._cache: dict[int, bytes] = {}  # sector number: what a flush will write
        self._lock = threading.Lock()
        self.cuts = self.lost = self.kept = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._server = threading.Thread(target=self._accept, daemon=True)
        self._server.start()

    def cut(self) -> None:
        """The power fails; the client must be gone. What was not flushed is kept or lost sector by sector."""
        with self._lock:
            self.cuts += 1
            for sector, data in self._cache.items():
                if self._random.random() < 0.5:
                    os.pwrite(self._image, data, sector * SECTOR)
                    self.kept += 1
                else:
                    self.lost += 1
            self._cache.clear()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            try:
                self._serve(client)
            except (OSError, EOFError):
                pass  # QEMU was killed
            finally:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        stream = client.makefile("rb")

        def take(count: int) -> bytes:
            data = stream.read(count)
            if len(data) != count:
                raise EOFError
            return data

        client.sendall(HANDSHAKE + struct.pack(">H", 3))  # fixed newstyle, no zeroes
        take(4)
        while True:
            _, option, length = struct.unpack(">8sII", take(16))
            take(length)
            if option in (INFO, GO):
                flags = HAS_FLAGS | SEND_FLUSH | SEND_FUA
                info = struct.pack(">HQH", 0, self._size, flags)
                client.sendall(struct.pack(">QIII", OPTION_REPLY, option, EXPORT_INFO, len(info)) + info)
                client.sendall(struct.pack(">QIII", OPTION_REPLY, option, ACK, 0))
                if option == GO:
                    break
            elif option == ABORT:
                return
            else:
                client.sendall(struct.pack(">QIII", OPTION_REPLY, option, UNSUPPORTED, 0))
        while True:
            magic, flags, kind, cookie, offset, length = struct.unpack(">IHHQQI", take(28))
            assert magic == REQUEST
            if kind == DISCONNECT:
                return
            answer = b""
            with self._lock:
                if kind == READ:
                    answer = self._read(offset, length)
                elif kind == WRITE:
                    self._write(offset, take(length), bool(flags & FUA))
                elif kind == FLUSH:
                    self._flush()
            error = 0 if kind in (READ, WRITE, FLUSH) else 22  # EINVAL
            client.sendall(struct.pack(">IIQ", REPLY, error, cookie) + answer)

    def _read(self, offset: int, length: int) -> bytes:
        data = bytearray(os.pread(self._image, length, offset))
        if self._cache:
            first = offset // SECTOR
            for i in range(length // SECTOR):
                cached = self._cache.get(first + i)
                if cached is not None:
                    data[i * SECTOR:(i + 1) * SECTOR] = cached
        return bytes(data)

    def _write(self, offset: int, data: bytes, through: bool) -> None:
        first = offset // SECTOR
        for i in range(len(data) // SECTOR):
            sector = data[i * SECTOR:(i + 1) * SECTOR]
            if through:
                self._cache.pop(first + i, None)
            else:
                self._cache[first + i] = sector
        if through:
            os.pwrite(self._image, data, offset)

    def _flush(self) -> None:
        for sector, data in self._cache.items():
            os.pwrite(self._image, data, sector * SECTOR)
        self._cache.clear()
