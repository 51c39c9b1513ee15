"""mox import imap from Dovecot, repeated as before a change-over."""
import imaplib
import os
import shlex

import clients
from dnslab import DnsLab
from dovecot import MAIL_UID, Dovecot
from moxhost import Serve
from scenario import contains, equal, scenario

USER = "old@old.test"
FOLDERS = ["INBOX", "Sent Items", "Lists", "Lists/mox", "Gr&APwA3w-e"]


def open_old(host, password):
    with host.inside():
        client = imaplib.IMAP4("old", 143, timeout=60)
    client.login(USER, password)
    return client


def listing(client, mailbox):
    """(subject, flags, date) of each message, in order, and the octets of all."""
    clients.ok(client.select(f'"{mailbox}"', readonly=True))
    found = clients.ok(client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])"))
    rows = []
    for item in found:
        if not isinstance(item, tuple):
            continue
        flags = sorted(f for f in imaplib.ParseFlags(item[0]) if f != b"\\Recent")
        rows.append((item[1], flags, imaplib.Internaldate2tuple(item[0])))
    return rows


def comparable(rows):
    return [(body, flags) for body, flags, _ in rows]


@scenario(seconds=180, needs_mox=True)
def import_imap_from_dovecot(lab):
    """Mailboxes, flags, keywords, dates and octets; STARTTLS and TLS; later runs bring what is new, and what became of the
    rest there."""
    old, host = lab.host("old"), lab.host("m")
    dovecot = Dovecot(old, tls=lab.certificate("old", old.address))
    DnsLab(lab, {"mox.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}}).serve(host)
    server = Serve(host, "mox.test", "mail.mox.test", tls=lab.certificate("mail.mox.test", "m"))
    theirs = open_old(old, dovecot.password)
    for number, folder in enumerate(FOLDERS):
        if folder != "INBOX":
            clients.ok(theirs.create(f'"{folder}"'))
        for message in range(700 if folder == "Lists" else 30):
            flags = ["\\Seen", "\\Flagged", "$Forwarded", "custom"][:message % 5]
            date = f'"{message % 28 + 1:02}-Mar-2019 10:{number:02}:{message % 60:02} +0100"'
            text = f"From: <a@old.test>\r\nSubject: {folder} {message}\r\n\r\nGrüße {message}\r\n".encode()
            clients.ok(theirs.append(f'"{folder}"', f"({' '.join(flags)})", date, text))
    big = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 100_000
    clients.ok(theirs.append("INBOX", None, None, big))

    command = ["import", "imap", "-cafile", lab.ca(), "test", "old:993", USER]
    out = server.command(command, input=dovecot.password + "\n")
    contains("821 messages imported", out)
    ours = server.open_imap()
    for folder in FOLDERS:
        before, after = listing(theirs, folder), listing(ours, folder)
        equal(comparable(before), comparable(after), folder)
        equal([date for *_, date in before], [date for *_, date in after], f"dates of {folder}")

    contains("0 messages imported (0 octets), 0 there already", server.command(command, input=dovecot.password + "\n"))
    clients.ok(theirs.append('"Lists"', None, None, b"Subject: new\r\n\r\nlate\r\n"))
    again = ["import", "imap", "-starttls", "-cafile", lab.ca(), "test", "old", USER]
    contains("1 messages imported", server.command(command, input=dovecot.password + "\n"))
    equal(comparable(listing(theirs, "Lists")), comparable(listing(ours, "Lists")), "Lists after the second import")
    # Flags that changed there are changed here; what was removed there stays unless it is asked for, and what was touched here
    # stays then, too.
    clients.ok(theirs.select('"Sent Items"'))
    clients.ok(theirs.store("1:3", "FLAGS", "(\\Answered later)"))
    clients.ok(ours.select('"Sent Items"'))
    clients.ok(ours.store("5", "+FLAGS", "(\\Answered)"))
    contains("flags of 3 changed", server.command(command, input=dovecot.password + "\n"))
    equal(comparable(listing(theirs, "Sent Items"))[:4], comparable(listing(ours, "Sent Items"))[:4], "flags after they changed there")
    clients.ok(theirs.select('"Sent Items"'))
    clients.ok(theirs.store("4:6", "+FLAGS", "(\\Deleted)"))
    clients.ok(theirs.expunge())
    contains("0 messages imported (0 octets), 0 there already, 0 refused\n", server.command(command, input=dovecot.password + "\n"))
    equal(30, len(listing(ours, "Sent Items")), "messages before -remove")
    removing = ["import", "imap", "-remove", *command[2:]]
    contains("2 removed", server.command(removing, input=dovecot.password + "\n"))
    kept = [body for body, *_ in listing(ours, "Sent Items")]
    equal(28, len(kept), "messages after -remove")
    contains("Sent Items 4\r\n", kept[3].decode())
    # By STARTTLS it is another source to the marks: everything is looked at, nothing comes twice.
    contains("0 messages imported (0 octets), 819 there already", server.command(again, input=dovecot.password + "\n"))
    # A mailbox that may not be read there is named and leaves nothing but itself out; with -remove it loses nothing.
    clients.ok(theirs.append('"Lists/mox"', None, None, b"Subject: new\r\n\r\nbeside it\r\n"))
    locked = old.path("dovecot-mail") + f"/{USER}/mailboxes/Lists/dbox-Mails"
    os.chown(locked, 0, 0)
    os.chmod(locked, 0o700)
    secret = shlex.quote(dovecot.password)
    status, text = host.status(["sh", "-c", f"echo {secret} | {server.binary} -config {server.configuration} {' '.join(removing)}"])
    equal(1, status, "status after a mailbox that cannot be read")
    contains("mailbox Lists: ", text)
    contains("1 messages imported", text)
    contains("1 mailboxes, folders or files not read", text)
    equal(701, len(listing(ours, "Lists")), "messages of a mailbox that cannot be read")
    os.chown(locked, MAIL_UID, MAIL_UID)
    contains("0 messages imported", server.command(removing, input=dovecot.password + "\n"))
    status, text = host.status(["sh", "-c", f"echo wrong | {server.binary} -config {server.configuration} {' '.join(command)}"])
    equal(1, status, "status after a wrong password")
    contains("AUTHENTICATIONFAILED", text)
    ours.logout()
    theirs.logout()
