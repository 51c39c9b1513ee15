"""The servers of the IMAP part: mox, and Debian's Dovecot with each of its storages, all on loopback of a host of their own."""
import os

import watch
from clients import Server
from dovecot import MAIL_UID, Dovecot
from lab import stop
from legs import DOMAIN, PASSWORD, SIZE, Leg, Mox

WORDS = b"some words of a body that is neither short nor long, and then a number too\n"


def letter(number, run):
    """As Letter.cpp writes it, but with LF alone."""
    kind = "quarterly" if number % 50 == 0 else "ordinary"
    out = f"""Received: from mx.a.test (mx.a.test [192.0.2.1]) by mail.user.test with ESMTPS id {number}
 for <me@user.test>; Mon, 02 Jan 2006 15:04:06 +0000
From: Somebody Else <x{number % 50}@a.test>
To: Me Myself <me@user.test>
Subject: {kind} load {number}
Date: Mon, 02 Jan 2006 15:04:05 +0000
Message-ID: <{run}.{number}@a.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

""".encode()
    if number % 200 == 0:
        out += b"once in zanzibar\n"
    lines = out.count(b"\n")
    return out + max(0, (SIZE - len(out) - lines) // (len(WORDS) + 1)) * WORDS


class ImapMox(Mox):
    def fill(self, mailbox, count):
        """Not measured."""
        self.imapload("fill", mailbox=mailbox, count=count, run=mailbox)

    def data(self):
        return self.host.path("mox/data")

    def cold(self):
        restart_cold(self, self.data())


class DovecotLeg(Leg):
    accepted_is_stored = False
    greeters = (143,)

    def __init__(self, lab, storage):
        self.name = storage
        self.host = lab.host(storage)
        self.tls = lab.certificate(storage, self.host.address)
        self.server = Server(host=self.host, name=storage, smtp=0, submission=0, submissions=0, imap=143, imaps=993,
                             user=f"test@{DOMAIN}", password=PASSWORD, ca=lab.ca())
        self.start()

    def start(self):
        self.dovecot = Dovecot(self.host, storage=self.name, tls=self.tls, password=PASSWORD)

    def stop(self):
        stop(self.dovecot.process)

    def roots(self):
        return [self.dovecot.process.pid]

    def data(self):
        return self.host.path("dovecot-mail")

    def cold(self):
        restart_cold(self, self.data())

    def fill(self, mailbox, count):
        """Not measured, so without forced writes, which would take minutes: a Maildir that doveadm imports."""
        source = self.host.path("import")
        for folder in (source, f"{source}/.{mailbox}"):
            for part in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(folder, part))
        for number in range(count):
            with open(f"{source}/.{mailbox}/cur/{1_700_000_000 + number}.{number}.bench:2,", "wb") as file:
                file.write(letter(number, mailbox))
        self.host.run(["chown", "-R", f"{MAIL_UID}:{MAIL_UID}", source])
        self.host.run(["doveadm", "-c", self.host.path("dovecot/dovecot.conf"), "-o", "mail_fsync=never", "import", "-u", self.server.user,
                       "maildir:" + source, "", "mailbox", mailbox, "ALL"], seconds=120)


def restart_cold(leg, folder):
    """Nothing of it in its memory, and its files no longer in the page cache."""
    leg.forget()
    leg.stop()
    watch.forget_files(folder)
    leg.start()
    for port in leg.greeters:
        leg.greeted(port, float("inf"))
