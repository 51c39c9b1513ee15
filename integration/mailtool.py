#!/usr/bin/env python3
"""mailtool: the mail that the scripts in machines/ send and look for, as a command on each of their machines.

Every message it makes carries its name as the subject and a digest of its text, so whoever finds one can tell whether it is
whole. Peers are those of the scripts: mox as mail.mox.test with the account below, Postfix with one Maildir for everybody.
Certificates are not verified here; where that matters, a script asks the servers themselves.
"""
import argparse
import email
import glob
import hashlib
import imaplib
import re
import smtplib
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Callable, Iterator, Optional

MOX, USER, PASSWORD = "mail.mox.test", "test@mox.test", "correct horse battery staple"
MAILDIR = "/var/mail/lab/all"
TEXTS = {"plain": "The quick brown fox. ", "8bit": "Grüße aus Köln, naïve café. ", "utf8": "Здравствуйте, 世界. "}
EXTENSIONS: dict[str, list[str]] = {"plain": [], "8bit": ["BODY=8BITMIME"], "utf8": ["BODY=8BITMIME", "SMTPUTF8"]}
SECONDS = 60.0  # for one answer


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def recipient(options: argparse.Namespace, number: int) -> str:
    to: str = options.to
    return to.replace("%d", str(number % options.spread + 1))


def digest(text: bytes) -> str:
    return hashlib.sha256(text.replace(b"\r\n", b"\n").rstrip(b"\n")).hexdigest()


def compose(name: str, kind: str, size: int, sender: str, recipient: str) -> bytes:
    """A message of about that many octets, with CRLF."""
    line = (f"{name} " + TEXTS[kind] * 4)[:60] + "\r\n"
    text = (line * (size // len(line.encode()) + 1)).encode()
    head = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {name}{' für Grüße' if kind == 'utf8' else ''}\r\nX-Name: {name}\r\nX-Digest: {digest(text)}\r\n"
    head += f"Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-Id: <{name}@tool.test>\r\nMIME-Version: 1.0\r\n"
    head += f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {'7bit' if kind == 'plain' else '8bit'}\r\n\r\n"
    return head.encode() + text


def name_of(message: bytes) -> Optional[str]:
    """The name of a message that is whole, None if another program made it; fails if it is not whole."""
    head, _, text = message.replace(b"\r\n", b"\n").partition(b"\n\n")
    name, wanted = (re.search(rb"^X-%s: (\S+)$" % field, head, re.M) for field in (b"Name", b"Digest"))
    if not name or not wanted:
        return None
    parsed = email.message_from_bytes(message)
    if parsed["Content-Transfer-Encoding"] in ("quoted-printable", "base64"):
        decoded = parsed.get_payload(decode=True)
        assert isinstance(decoded, bytes)
        text = decoded
    if digest(text).encode() != wanted[1]:
        sys.exit(f"{name[1].decode()} is not whole: {len(text)} octets")
    return name[1].decode()


class Ledger:
    """The names that were acknowledged, a line each; in a file that outlives the program."""

    def __init__(self, path: Optional[str]) -> None:
        self._lock = threading.Lock()
        self._file = open(path, "a") if path else None
        self.count = 0

    def add(self, name: str) -> None:
        with self._lock:
            self.count += 1
            if self._file:
                self._file.write(name + "\n")
                self._file.flush()


class Numbers:
    """Hands out what is left to do among the sessions."""

    def __init__(self, count: int) -> None:
        self._lock, self._next, self._count = threading.Lock(), 0, count

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        with self._lock:
            if self._next >= self._count:
                raise StopIteration
            self._next += 1
            return self._next


def open_smtp(options: argparse.Namespace) -> smtplib.SMTP:
    if options.command == "submit":
        client: smtplib.SMTP = smtplib.SMTP_SSL(options.server or MOX, 465, local_hostname="tool.test", context=unverified(), timeout=SECONDS)
        client.login(USER, PASSWORD)
    else:
        client = smtplib.SMTP(options.server or "localhost", 25, local_hostname="tool.test", timeout=SECONDS)
    client.ehlo_or_helo_if_needed()
    return client


def send_all(options: argparse.Namespace) -> Callable[[Iterator[int], Ledger], None]:
    def session(numbers: Iterator[int], ledger: Ledger) -> None:
        client = open_smtp(options)
        extensions = EXTENSIONS[options.kind] + ["REQUIRETLS"] * options.require_tls
        for number in numbers:
            name = f"{options.name}-{number}" if options.count > 1 else options.name
            to = recipient(options, number)
            client.sendmail(options.sender, [to], compose(name, options.kind, options.size, options.sender, to), mail_options=extensions)
            ledger.add(name)
        client.quit()

    return session


def sendmail_all(options: argparse.Namespace) -> Callable[[Iterator[int], Ledger], None]:
    """Into the queue of the machine's own Postfix, without a session."""

    def session(numbers: Iterator[int], ledger: Ledger) -> None:
        for number in numbers:
            name = f"{options.name}-{number}" if options.count > 1 else options.name
            message = compose(name, options.kind, options.size, options.sender, options.to).replace(b"\r\n", b"\n")
            subprocess.run(["sendmail", "-i", "-f", options.sender, "--", options.to], input=message, check=True)
            ledger.add(name)

    return session


def append_all(options: argparse.Namespace) -> Callable[[Iterator[int], Ledger], None]:
    def session(numbers: Iterator[int], ledger: Ledger) -> None:
        client = open_imap()
        for number in numbers:
            name = f"{options.name}-{number}"
            answer = client.append("INBOX", "", "", compose(name, options.kind, options.size, options.sender, options.to))
            if answer[0] != "OK":
                raise imaplib.IMAP4.error(f"APPEND: {answer!r}")
            ledger.add(name)
        client.logout()

    return session


def run_sessions(options: argparse.Namespace, session: Callable[[Iterator[int], Ledger], None]) -> None:
    """Until all is sent; with --until-broken also until the connections break, which is then no failure."""
    ledger, numbers, broken = Ledger(options.ledger), Numbers(options.count), []

    def guarded() -> None:
        try:
            session(numbers, ledger)
        except (OSError, smtplib.SMTPException, imaplib.IMAP4.error) as error:
            broken.append(repr(error))

    threads = [threading.Thread(target=guarded) for _ in range(options.sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{ledger.count} of {options.count} acknowledged")
    if broken and not options.until_broken:
        sys.exit(broken[0])


def open_imap() -> imaplib.IMAP4_SSL:
    client = imaplib.IMAP4_SSL(MOX, 993, ssl_context=unverified(), timeout=SECONDS)
    client.login(USER, PASSWORD)
    return client


def fetch(client: imaplib.IMAP4, wanted: str, numbers: bytes) -> Iterator[bytes]:
    status, data = client.fetch(numbers.decode(), wanted)
    if status != "OK":
        sys.exit(f"FETCH: {data!r}")
    for part in data:
        if isinstance(part, tuple):
            yield part[1]


def inbox_find(text: str) -> Optional[bytes]:
    client = open_imap()
    client.select("INBOX", readonly=True)
    found = client.search(None, "TEXT", '"' + text.replace('"', '') + '"')[1][0].split()
    message = next(fetch(client, "(BODY.PEEK[])", found[-1]), None) if found else None
    client.logout()
    return message


def inbox_messages() -> Iterator[bytes]:
    client = open_imap()
    total = int(client.select("INBOX", readonly=True)[1][0] or 0)
    for first in range(1, total + 1, 500):
        yield from fetch(client, "(BODY.PEEK[])", f"{first}:{min(total, first + 499)}".encode())
    client.logout()


def maildir_messages() -> Iterator[bytes]:
    for path in glob.glob(MAILDIR + "/new/*"):
        with open(path, "rb") as file:
            yield file.read()


def maildir_find(text: str) -> Optional[bytes]:
    return next((message for message in maildir_messages() if text.encode() in message), None)


def show(options: argparse.Namespace, find: Callable[[str], Optional[bytes]]) -> None:
    """Prints the first 4000 octets of a message with that text, which must be whole; waits for it."""
    end = time.monotonic() + options.seconds
    while True:
        message = find(options.text)
        if message is not None:
            break
        if time.monotonic() > end:
            sys.exit(f"no message with {options.text!r} after {options.seconds:g} s")
        time.sleep(0.2)
    name_of(message)
    sys.stdout.buffer.write(message[:4000])


def audit(options: argparse.Namespace) -> None:
    """Every message acknowledged is in the Inbox (or the Maildir of Postfix), once and whole."""
    wanted = {f"{options.name}-{n}" for n in range(1, options.count + 1)}
    if options.ledger:
        with open(options.ledger) as file:
            wanted = set(file.read().split())
    names = map(name_of, maildir_messages() if options.maildir else inbox_messages())
    there = Counter(name for name in names if name and name.startswith(options.name + "-"))
    lost = sorted(wanted - set(there))
    doubled = sorted(name for name, count in there.items() if count > 1)
    print(f"{len(wanted)} acknowledged, {len(there)} there, {len(lost)} lost, {len(doubled)} doubled")
    if lost or doubled:
        sys.exit(f"lost: {lost[:5]}, doubled: {doubled[:5]}")


def count_inbox(options: argparse.Namespace) -> None:
    client = open_imap()
    print(int(client.select("INBOX", readonly=True)[1][0] or 0))
    client.logout()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mailtool")
    commands = parser.add_subparsers(dest="command", required=True)
    for word in ("submit", "send", "sendmail", "append", "audit"):
        command = commands.add_parser(word)
        command.add_argument("name", help="of the message; numbered from 1 when there are several")
        command.add_argument("--server")
        command.add_argument("--from", dest="sender", default=USER if word == "submit" else "x@peer.test")
        command.add_argument("--to", default="y@peer.test" if word == "submit" else USER)
        command.add_argument("--spread", type=int, default=1, help="%%d in --to runs from 1 to this")
        command.add_argument("--kind", choices=list(TEXTS), default="plain")
        command.add_argument("--size", type=int, default=500)
        command.add_argument("--count", type=int, default=1)
        command.add_argument("--sessions", type=int, default=1)
        command.add_argument("--ledger")
        command.add_argument("--require-tls", action="store_true", help="RFC 8689")
        command.add_argument("--maildir", action="store_true")
        command.add_argument("--until-broken", action="store_true")
    for word in ("inbox", "maildir"):
        command = commands.add_parser(word)
        command.add_argument("text")
        command.add_argument("--seconds", type=float, default=30)
    commands.add_parser("count")
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.command in ("submit", "send"):
        run_sessions(options, send_all(options))
    elif options.command == "sendmail":
        run_sessions(options, sendmail_all(options))
    elif options.command == "append":
        run_sessions(options, append_all(options))
    elif options.command == "inbox":
        show(options, inbox_find)
    elif options.command == "maildir":
        show(options, maildir_find)
    elif options.command == "audit":
        audit(options)
    else:
        count_inbox(options)


if __name__ == "__main__":
    main()
