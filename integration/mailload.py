"""Mail that can be told apart: each message names itself and its digest, so that what comes out of a mailbox shows
whether it is whole, and which of those acknowledged are there."""
import hashlib
import imaplib
import random
import re
import smtplib
import threading


class Load:
    """Numbers the messages of a scenario and keeps what was acknowledged."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.count = 0
        self.acknowledged = set()

    def message(self, size=None):
        """(name, octets with CRLF)"""
        with self.lock:
            self.count += 1
            name = f"load-{self.count}"
            size = size if size is not None else self.random.choice((200, 2_000, 5_000, 5_000, 20_000, 300_000))
            body = f"{self.random.getrandbits(64):x} " * (size // 17 + 1)
        lines = "".join(body[i:i + 70] + "\r\n" for i in range(0, size, 70))
        digest = hashlib.sha256(lines.encode()).hexdigest()
        head = f"From: <load@localhost>\r\nTo: <mox@localhost>\r\nSubject: {name}\r\nX-Digest: {digest}\r\n"
        head += f"Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nMessage-Id: <{name}@load.localhost>\r\n\r\n"
        return name, (head + lines).encode()

    def acknowledge(self, name):
        with self.lock:
            self.acknowledged.add(name)


def open_smtp(server, seconds=20):
    with server.host.inside():
        return smtplib.SMTP("127.0.0.1", server.smtp, local_hostname="client.test", timeout=seconds)


def open_imap(server, seconds=20):
    with server.host.inside():
        connection = imaplib.IMAP4("127.0.0.1", server.imap, timeout=seconds)
    connection.login(server.user, server.password)
    return connection


def send_until_broken(server, load, most):
    """One client: sends until the connection or the server is gone. Only a 250 counts."""
    try:
        client = open_smtp(server)
        for _ in range(most):
            name, octets = load.message()
            client.sendmail("mox@localhost", [server.user], octets)
            load.acknowledge(name)
        client.quit()
    except (OSError, smtplib.SMTPException):
        pass


def append_until_broken(server, load, most):
    """The same by IMAP APPEND."""
    try:
        client = open_imap(server)
        for _ in range(most):
            name, octets = load.message()
            status, _ = client.append("INBOX", None, None, octets)
            if status == "OK":
                load.acknowledge(name)
        client.logout()
    except (OSError, imaplib.IMAP4.error):
        pass


def contents(server, since=1, whole=False):
    """{uid: name} of the Inbox from that UID on, after checking that every message is whole. Also its UIDVALIDITY.

    A message is whole if its text has the digest it was sent with."""
    client = open_imap(server)
    client.select("INBOX", readonly=True)
    validity = client.response("UIDVALIDITY")[1][0]
    found = {}
    status, data = client.uid("FETCH", f"{since}:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT X-DIGEST)] BODY.PEEK[TEXT])")
    assert status == "OK", data
    pending = None
    for part in data:
        if not isinstance(part, tuple):
            continue
        label, octets = part
        match = re.search(rb"UID (\d+)", label)
        if b"HEADER.FIELDS" in label:
            pending = int(match[1]), octets.decode()
        else:
            uid, head = pending
            name = re.search(r"^Subject: (\S+)", head, re.M)[1]
            digest = re.search(r"^X-Digest: (\S+)", head, re.M)[1]
            if hashlib.sha256(octets).hexdigest() != digest:
                raise AssertionError(f"message {name} with UID {uid} is not whole: {len(octets)} octets")
            if uid >= since:
                found[uid] = name
    client.logout()
    return validity, found
