#!/usr/bin/env python3
"""Runs dialogue files (tests/dialogues/PROTO/*.txt) against a live server. The language is in tests/support/Dialogue.h.

    dialogue.py HOST:PORT FILE... [--tls] [--set NAME=VALUE]

Here time does not obey: files with "! advance", "! from" or "! do" lines are skipped, and say so.
"""
import argparse
import re
import socket
import ssl
import zlib
import sys

SECONDS = 20        # for a line or an end of connection
QUIET_SECONDS = 0.3  # of nothing, for "! silence"
FAKE_ONLY = ("advance", "from", "do")
ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[rnt0\\])")
PIECE = re.compile(r"\{=(\w+)\}|\*")


class Wrong(Exception):
    pass


def parse(text, name):
    """[(line number, kind, text)], with repeats unrolled."""
    steps, repeat = [], None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, rest = line.partition(" ")
        if kind not in ("C:", "S:", "C+:", "S+:", "S...", "!"):
            raise Wrong(f"{name}:{number}: not a dialogue line: {line}")
        words = rest.split()
        if kind == "!" and words[0] == "repeat":
            repeat = (int(words[1]), len(steps))
        elif kind == "!" and words[0] == "end":
            count, begin = repeat
            steps += steps[begin:] * (count - 1)
            repeat = None
        else:
            steps.append((number, kind, rest))
    if repeat is not None:
        raise Wrong(f"{name}: repeat without end")
    return steps


def fake_only(steps):
    """The first line that a live server cannot play, or nothing."""
    return next((f"! {text}" for _, kind, text in steps if kind == "!" and text.split()[0] in FAKE_ONLY), None)


def unescape(text):
    simple = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
    return ESCAPE.sub(lambda m: simple.get(m[1]) or bytes.fromhex(m[1][1:].decode()), text.encode())


def substitute(text, variables):
    def value(match):
        if match[1] not in variables:
            raise Wrong(f"no variable {match[0]}")
        return variables[match[1]]

    return re.sub(r"\{\$(\w+)\}", value, text)


def matches(pattern, line, variables):
    start, expression = 0, ""
    if pattern.startswith("* "):
        start, expression = 1, r"\*"
    position = start
    for piece in PIECE.finditer(pattern, start):
        expression += re.escape(pattern[position:piece.start()]) + (f"(?P<{piece[1]}>.*?)" if piece[1] else ".*?")
        position = piece.end()
    found = re.fullmatch(expression + re.escape(pattern[position:]), line, re.S)
    if found:
        variables.update({name: value for name, value in found.groupdict().items()})
    return found is not None


class Connection:
    def __init__(self, address, context, name, implicit_tls):
        self.socket = socket.create_connection(address, SECONDS)
        self.context, self.name, self.unread, self.ended = context, name, b"", False
        self.deflate = self.inflate = None
        if implicit_tls:
            self.tls()

    def tls(self):
        self.socket = self.context.wrap_socket(self.socket, server_hostname=self.name)

    def compress(self):
        """RFC 4978, from here on."""
        self.deflate, self.inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    def send(self, data):
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def more(self, seconds=SECONDS):
        """Reads some; False at the end of the connection or the time."""
        self.socket.settimeout(seconds)
        try:
            got = self.socket.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except OSError:
            got = b""
        self.ended = self.ended or not got
        self.unread += self.inflate.decompress(got) if self.inflate else got
        return bool(got)

    def line(self, wanted):
        while b"\r\n" not in self.unread:
            if not self.more():
                raise Wrong(f"{'connection closed' if self.ended else 'no line'}, expected: {wanted}; partial: {self.unread[:200]!r}")
        line, self.unread = self.unread.split(b"\r\n", 1)
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Wrong(f"bare CR, LF or NUL in: {line!r}")
        return line.decode("utf-8", "replace")


class Player:
    def __init__(self, address, context, name, implicit_tls, variables):
        self.connect = lambda: Connection(address, context, name, implicit_tls)
        self.variables = dict(variables)
        self.connections, self.skipping = {}, False

    def play(self, steps, name):
        """Raises Wrong "NAME:LINE: reason"."""
        number = 0
        try:
            self.use("main")
            for number, kind, text in steps:
                self.step(kind, text)
            for connection in self.connections.values():
                while not connection.ended and connection.more(QUIET_SECONDS):
                    pass
                if connection.unread and not self.skipping:
                    raise Wrong(f"left unread: {connection.unread[:500]!r}")
        except (Wrong, OSError) as error:
            raise Wrong(f"{name}:{number}: {error}") from error
        finally:
            for connection in self.connections.values():
                connection.socket.close()

    def use(self, name):
        if name not in self.connections:
            self.connections[name] = self.connect()
        self.now = name

    def step(self, kind, text):
        connection = self.connections[self.now]
        if kind == "C:":
            connection.send(substitute(text, self.variables).encode() + b"\r\n")
        elif kind == "C+:":
            connection.send(unescape(text))
        elif kind == "S...":
            self.skipping = True
        elif kind == "S:":
            self.expect(connection, substitute(text, self.variables))
        elif kind == "S+:":
            wanted = unescape(text)
            while len(connection.unread) < len(wanted) and connection.more():
                pass
            if not connection.unread.startswith(wanted):
                raise Wrong(f"expected other bytes, got: {connection.unread[:500]!r}")
            connection.unread = connection.unread[len(wanted):]
        else:
            self.control(connection, *text.split())

    def expect(self, connection, pattern):
        skipping, self.skipping = self.skipping, False
        while True:
            line = connection.line(pattern)
            if matches(pattern, line, self.variables):
                return
            if not skipping:
                raise Wrong(f"expected: {pattern}\n     got: {line}")

    def control(self, connection, verb, argument=None):
        if verb == "use":
            self.use(argument)
        elif verb == "tls":
            connection.tls()
        elif verb == "compress":
            connection.compress()
        elif verb == "silence":
            connection.more(QUIET_SECONDS)
            if connection.unread:
                raise Wrong(f"expected silence, got: {connection.unread[:500]!r}")
        elif verb in ("close", "open"):
            self.finish(connection, verb == "close")
            if verb == "open":
                self.connections[self.now] = self.connect()
        elif verb == "hangup":
            connection.socket.close()
            connection.ended = True
        else:
            raise Wrong(f"unknown control line: ! {verb}")

    def finish(self, connection, by_server):
        while by_server and not connection.ended:
            if not connection.more() and not connection.ended:
                raise Wrong("the server has not closed")
        if connection.unread and not self.skipping:
            raise Wrong(f"left unread: {connection.unread[:500]!r}")
        self.skipping, connection.unread = False, b""
        connection.socket.close()
        connection.ended = True


def run_file(path, address, context, name, implicit_tls=False, variables=None):
    """Nothing if the dialogue went as written, "skipped: …" if it cannot be played live; raises Wrong otherwise."""
    with open(path, encoding="utf-8") as file:
        steps = parse(file.read(), path)
    reason = fake_only(steps)
    if reason:
        return f"skipped: {path} has \"{reason}\""
    Player(address, context, name, implicit_tls, variables or {}).play(steps, path)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--tls", action="store_true", help="TLS from the first byte")
    parser.add_argument("--ca", help="PEM file; without it certificates are not verified")
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    host, _, port = arguments.address.rpartition(":")
    context = ssl.create_default_context(cafile=arguments.ca)
    if not arguments.ca:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    variables = dict(item.split("=", 1) for item in arguments.set)
    passed = failed = skipped = 0
    for path in arguments.files:
        try:
            note = run_file(path, (host, int(port)), context, host, arguments.tls, variables)
            passed, skipped = passed + (note is None), skipped + (note is not None)
            print(note or f"ok     {path}")
        except Wrong as error:
            failed += 1
            print(f"FAIL   {error}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
