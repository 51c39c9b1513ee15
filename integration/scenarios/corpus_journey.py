"""The whole mail corpus in by SMTP and out by IMAP."""
import email
import re
import smtplib
import threading
import time

import corpus
import imapvalue
from clients import ok
from dnslab import DnsLab
from moxhost import Serve
from scenario import equal, scenario

TRACE = re.compile(rb"\A(?:(?:X-Mox-[A-Za-z-]+|Delivered-To|Return-Path|Authentication-Results|Received-SPF|Received):[^\n]*\r\n"
                   rb"(?:[ \t][^\n]*\r\n)*)+\Z")
RECIPIENT = re.compile(rb"test\+(\d+)@mox\.test")
ADDRESS = r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
PLAIN_SENDER = re.compile(rf"{ADDRESS}|(?:\"([^\"\\]+)\"|([\w=?-]+(?: [\w=?-]+)*))?\s*<{ADDRESS}>")
MESSAGE_ID = re.compile(r"<[\w.$%+-]+@[\w.-]+>")
CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+\s*(?:;|$)")
SENDERS = 16


def deliver(host, server, source, batch, refused):
    """One connection from one source address; the rate limit of an address is 500 messages a minute."""
    with host.inside():
        client = smtplib.SMTP(server.host.address, 25, local_hostname="client.test", timeout=60, source_address=(source, 0))
    client.ehlo()
    for number, message in batch:
        try:
            client.sendmail("x@a.test", [f"test+{number}@mox.test"], message, mail_options=["BODY=8BITMIME"])
        except smtplib.SMTPException as error:
            refused.append((number, error))
    client.quit()


@scenario(seconds=300, needs_mox=True, needs_corpus=True)
def corpus_in_and_out(lab):
    """6,046 messages come out as they went in, below the fields that delivery adds; ENVELOPE and BODYSTRUCTURE are right."""
    sender, m = lab.host("a"), lab.host("m")
    DnsLab(lab, {"a.test": {"@": ["MX 10 mail"], "mail": ["A 10.77.0.11"]}, "mox.test": {"@": ["MX 10 mail"], "mail": ["A 10.77.0.12"]}}).serve(m)
    server = Serve(m, "mox.test", "mail.mox.test")
    sources = [f"10.77.{8 * i + 8}.1" for i in range(SENDERS)]  # each in another /21
    for source in sources:
        sender.run(["ip", "addr", "add", f"{source}/32", "dev", "eth0"])
    messages = dict(enumerate(message for _, message in corpus.messages()))
    start, refused, threads = time.monotonic(), [], []
    for i, source in enumerate(sources):
        batch = [(n, message) for n, message in messages.items() if n % SENDERS == i]
        threads.append(threading.Thread(target=deliver, args=(sender, server, source, batch, refused)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    equal([], refused[:5], f"{len(refused)} refused")
    print(f"note: {len(messages)} messages in {seconds:.1f} s, {len(messages) / seconds:.0f} a second")
    client, compared = server.open_imap(), Compared()
    ok(client.enable("UTF8=ACCEPT"))  # a client that takes headers as they were written
    start = time.monotonic()
    equal([str(len(messages)).encode()], ok(client.select("INBOX", readonly=True)))
    for first in range(1, len(messages) + 1, 200):
        for item in imapvalue.responses(ok(client.fetch(f"{first}:{min(first + 199, len(messages))}", "(ENVELOPE BODYSTRUCTURE BODY.PEEK[])"))):
            compared.add(item, messages)
    equal(len(messages), len(compared.seen), "different messages")
    print(f"note: fetched and compared in {time.monotonic() - start:.1f} s; with email's view: {compared.counts()}")
    print(f"note: {for_old_client(server.open_imap(), messages)} messages with other octets for a client that did not ask for UTF-8")
    if compared.differences:
        raise AssertionError(f"{len(compared.differences)} differences from email's view:\n" + "\n".join(compared.differences[:40]))


def for_old_client(client, messages):
    """A client without UTF8=ACCEPT gets headers in ASCII and everything else as it is. How many messages that changes."""
    ok(client.select("INBOX", readonly=True))
    changed = 0
    for first in range(1, len(messages) + 1, 200):
        for item in imapvalue.responses(ok(client.fetch(f"{first}:{min(first + 199, len(messages))}", "(RFC822.SIZE ENVELOPE BODY.PEEK[])"))):
            got = item[b"BODY[]"]
            original = messages[int(RECIPIENT.search(got[:4000]).group(1))]
            equal(str(len(got)).encode(), item[b"RFC822.SIZE"], "size of what is sent")
            if got.endswith(original):
                continue
            changed += 1
            (fields, body), (old_fields, old_body) = got.split(b"\r\n\r\n", 1), original.split(b"\r\n\r\n", 1)
            if not fields.isascii():
                raise AssertionError(f"not ASCII: {fields!r}")
            if b"multipart" not in old_fields.lower():
                equal(old_body, body, "body")
            subject = only(email.message_from_bytes(got), "Subject")
            equal(subject or None, item[b"ENVELOPE"][1] and item[b"ENVELOPE"][1].decode(), "subject")
    return changed


class Compared:
    """What came out, beside what went in and beside what Python's email makes of it."""

    def __init__(self):
        self.seen, self.differences = set(), []
        self.structures = self.subjects = self.senders = self.ids = 0

    def counts(self):
        return f"{self.structures} structures, {self.subjects} subjects, {self.senders} senders, {self.ids} message ids"

    def add(self, item, messages):
        got = item[b"BODY[]"]
        number = int(RECIPIENT.search(got[:4000]).group(1))
        self.seen.add(number)
        if not got.endswith(messages[number]):
            raise AssertionError(f"message {number} was changed")
        added = got[:len(got) - len(messages[number])]
        if not TRACE.match(added):
            raise AssertionError(f"message {number}: not only trace fields in front: {added!r}")
        theirs = email.message_from_bytes(got)
        if well_formed(theirs):
            self.structures += 1
            self.compare(number, "structure", tree(theirs), imapvalue.types(item[b"BODYSTRUCTURE"]))
        self.envelope(number, item[b"ENVELOPE"], theirs)

    def compare(self, number, what, expected, actual):
        if expected != actual:
            self.differences.append(f"message {number}: {what}: {expected!r}, IMAP says {actual!r}")

    def envelope(self, number, envelope, theirs):
        """Subject, sender and message id, where the message has one of each that is beyond doubt."""
        subject, sender, identifier = (only(theirs, field) for field in ("Subject", "From", "Message-ID"))
        if subject is not None:
            self.subjects += 1
            self.compare(number, "subject", subject.encode(), (envelope[1] or b""))
        match = sender is not None and PLAIN_SENDER.fullmatch(sender)
        if match:
            self.senders += 1
            address, name = match[1] or match[4], match[2] or match[3]
            person = envelope[2][0] if envelope[2] else [None] * 4
            self.compare(number, "sender", address.lower().encode(), b"@".join(part or b"" for part in person[2:]).lower())
            self.compare(number, "sender's name", name and name.encode(), person[0])
        if identifier is not None and MESSAGE_ID.fullmatch(identifier):
            self.ids += 1
            self.compare(number, "message id", identifier.encode(), envelope[9])


def only(message, field):
    """The field's text without folding, if there is one such field, in ASCII."""
    values = message.get_all(field) or []
    if len(values) != 1 or not isinstance(values[0], str) or not values[0].isascii():
        return None
    return re.sub(r"\r?\n(?=[ \t])", "", values[0]).strip()


def tree(message):
    """As imapvalue.types. A delivery status has groups of fields, which email takes for parts."""
    name = message.get_content_type()
    if message.is_multipart() and name != "message/delivery-status":
        return (name, *(tree(part) for part in message.get_payload()))
    return (name,)


def well_formed(message):
    """email found nothing to complain of, in no part, and no content type that it had to guess."""
    if message.defects or not well_typed(message) or (message.get_content_maintype() == "multipart") != isinstance(message.get_payload(), list) \
            and message.get_content_maintype() != "message":
        return False
    return not message.is_multipart() or all(well_formed(part) for part in message.get_payload())


def well_typed(message):
    values = message.get_all("Content-Type") or []
    return len(values) < 2 and all(isinstance(value, str) and CONTENT_TYPE.match(value) for value in values)
