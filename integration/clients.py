"""Mail programs from Debian against one server: each function sends, reads and checks, and raises if anything is wrong.

The same functions run against mox and, to show that they themselves are right, against Postfix with Dovecot.
"""
import email
import imaplib
import os
import smtplib
import ssl
import time
from dataclasses import dataclass

from lab import Host, require
from scenario import contains, equal, wait_for

SECONDS = 60  # for one run of a client
EIGHT_BIT = "Grüße\r\n.\r\n..two\r\n"
SEVEN_BIT = "Gruss\r\n.\r\n..two\r\n"  # for programs that send 8-bit text undeclared, to servers that refuse that


@dataclass
class Server:
    """Where a server listens, seen from its own host, and its account."""
    host: Host
    name: str  # as in its certificate
    smtp: int
    submission: int
    submissions: int
    imap: int
    imaps: int
    user: str
    password: str
    ca: str  # PEM file that verifies its certificate

    def fetch_certificate(self):
        """For self-signed servers: their certificate as a PEM file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(self.host.connect("127.0.0.1", self.imaps)) as connection:
            return self.host.write("server.pem", ssl.DER_cert_to_PEM_cert(connection.getpeercert(True)))

    def context(self):
        return ssl.create_default_context(cafile=self.ca)

    def open_imap(self, login=True):
        """imaplib over implicit TLS with a verified certificate."""
        with self.host.inside():
            client = imaplib.IMAP4_SSL(self.name, self.imaps, ssl_context=self.context(), timeout=SECONDS)
        if login:
            client.login(self.user, self.password)
        return client

    def open_submission(self):
        """smtplib after STARTTLS with a verified certificate and login."""
        with self.host.inside():
            client = smtplib.SMTP(self.name, self.submission, local_hostname="client.test", timeout=SECONDS)
            client.starttls(context=self.context())
        client.login(self.user, self.password)
        return client

    def wait_arrival(self, subject, mailbox="INBOX", seconds=30):
        """The first message with this subject, as bytes, once it is there."""
        client = self.open_imap()
        try:
            client.select(mailbox, readonly=True)

            def find():
                client.noop()
                found = ok(client.uid("SEARCH", "SUBJECT", f'"{subject}"'))[0].split()
                return found and ok(client.uid("FETCH", found[0], "(BODY.PEEK[])"))[0][1]

            return wait_for(f"{subject!r} in {mailbox}", find, seconds, 0.2)
        finally:
            client.logout()


def ok(reply):
    """The data of an imaplib answer, which must be OK."""
    if reply[0] != "OK":
        raise AssertionError(f"IMAP: {reply}")
    return reply[1]


def letter(server, subject, body=EIGHT_BIT):
    return (f"From: <{server.user}>\r\nTo: <{server.user}>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {'7bit' if body.isascii() else '8bit'}\r\n\r\n"
            f"{body}").encode()


def check_body(message, body=EIGHT_BIT):
    equal(body.encode(), message.split(b"\r\n\r\n", 1)[1], "body")


def curl(server, body=EIGHT_BIT):
    """smtp:// with STARTTLS, smtps://, imap:// with STARTTLS, imaps://; APPEND, SEARCH and FETCH."""
    require("curl")
    host, login = server.host, ["--user", f"{server.user}:{server.password}", "--cacert", server.ca, "--ssl-reqd", "-sS",
                                "--max-time", str(SECONDS)]
    for scheme, port in (("smtp", server.submission), ("smtps", server.submissions)):
        path = host.path(f"curl-{scheme}.eml")
        with open(path, "wb") as file:
            file.write(letter(server, f"by curl {scheme}", body))
        host.run(["curl", *login, f"{scheme}://{server.name}:{port}/client.test", "--mail-from", server.user,
                  "--mail-rcpt", server.user, "-T", path])
        check_body(server.wait_arrival(f"by curl {scheme}"), body)
    for scheme, port in (("imap", server.imap), ("imaps", server.imaps)):
        url = f"{scheme}://{server.name}:{port}/INBOX"
        host.run(["curl", *login, url, "-T", host.path("curl-smtp.eml")])
        found = host.run(["curl", *login, url + "?SUBJECT%20curl"])
        contains("* SEARCH 1 2", found)
        contains("Subject: by curl", host.run(["curl", *login, url + ";MAILINDEX=1"]))
    status, out = host.status(["curl", *login[2:], "--user", f"{server.user}:wrong", f"imaps://{server.name}:{server.imaps}/INBOX"])
    equal(67, status, f"curl's status for a wrong password ({out.strip()})")


def swaks(server):
    """AUTH PLAIN, LOGIN and CRAM-MD5 after STARTTLS and inside TLS."""
    require("swaks")
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
        for how, port in (("--tls", server.submission), ("--tls-on-connect", server.submissions)):
            subject = f"by swaks {mechanism} {how.strip('-')}"
            out = server.host.run(["swaks", "--server", server.name, "--port", str(port), how, "--tls-verify", "--tls-ca-path", server.ca,
                                   "--helo", "client.test", "--auth", mechanism, "--auth-user", server.user,
                                   "--auth-password", server.password, "--from", server.user, "--to", server.user,
                                   "--header", f"Subject: {subject}", "--body", "hello", "--timeout", str(SECONDS)])
            contains(f"AUTH {mechanism}", out)
            contains(b"hello", server.wait_arrival(subject))


def msmtp(server, body=EIGHT_BIT):
    """AUTH SCRAM-SHA-256, with the certificate verified."""
    require("msmtp")
    config = server.host.write("msmtprc", f"""\
account default
host {server.name}
port {server.submission}
from {server.user}
domain client.test
tls on
tls_starttls on
tls_trust_file {server.ca}
auth scram-sha-256
user {server.user}
password {server.password}
timeout {SECONDS}
""")
    os.chmod(config, 0o600)
    server.host.run(["msmtp", "-C", config, "--", server.user], input=letter(server, "by msmtp", body).decode())
    check_body(server.wait_arrival("by msmtp"), body)


def python_smtp(server):
    """smtplib: pipelined recipients, 8-bit text, a large message, and what must be refused."""
    client = server.open_submission()
    for feature in ("8bitmime", "size", "pipelining", "enhancedstatuscodes"):
        if not client.has_extn(feature):
            raise AssertionError(f"EHLO has no {feature}: {client.esmtp_features}")
    client.sendmail(server.user, [server.user], letter(server, "by smtplib"), mail_options=["BODY=8BITMIME"])
    line = "x" * 70 + "\r\n"
    client.sendmail(server.user, [server.user], letter(server, "large by smtplib", line * 30_000), mail_options=["BODY=8BITMIME"])
    equal(503, client.docmd("DATA")[0], "DATA without MAIL")
    client.quit()
    check_body(server.wait_arrival("by smtplib"))
    check_body(server.wait_arrival("large by smtplib"), line * 30_000)
    with server.host.inside():
        plain = smtplib.SMTP(server.name, server.submission, local_hostname="client.test", timeout=SECONDS)
        plain.ehlo()
        code, _ = plain.mail(server.user)
        if code < 500:
            raise AssertionError(f"submission without login took MAIL FROM: {code}")
        plain.starttls(context=server.context())
        plain.ehlo()
        plain.user, plain.password = server.user, server.password + "x"
        try:
            plain.auth("PLAIN", plain.auth_plain)  # login() would try each mechanism, and each failure costs its delay
            raise AssertionError("a wrong password was taken")
        except smtplib.SMTPAuthenticationError as refused:
            equal(535, refused.smtp_code)
        plain.close()


def python_imap(server):
    """imaplib through a day's commands: folders, APPEND, FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE, IDLE."""
    client = server.open_imap()
    for folder in ("Tour", "Tour/&ANw-mlaut", "Tour moved"):
        ok(client.create(f'"{folder}"'))
        ok(client.subscribe(f'"{folder}"'))
    listed = b"\n".join(ok(client.list('""', '"Tour*"')))
    contains(b"&ANw-mlaut", listed)
    message = letter(server, "on tour")
    for flags in (None, r"(\Seen \Flagged)", "($Label1)"):
        ok(client.append("Tour", flags, '"17-Jul-2026 02:44:25 -0700"', message))
    equal([b"3"], ok(client.select("Tour")))
    contains(b"UIDVALIDITY", b" ".join(ok(client.status("Tour", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))))
    equal(message, ok(client.fetch("1", "(BODY.PEEK[])"))[0][1], "message as appended")
    envelope = ok(client.fetch("2", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))[0]
    for part in (b'"on tour"', b"\\Flagged", f"RFC822.SIZE {len(message)}".encode()):
        contains(part, envelope)
    contains(b'"TEXT" "PLAIN"', envelope.upper())
    arrived = imaplib.Internaldate2tuple(envelope)  # any zone will do, if it is the same moment
    equal(1784281465, int(time.mktime(arrived)), "INTERNALDATE")
    equal([b"2"], ok(client.search(None, "FLAGGED")))
    equal([b"1 2 3"], ok(client.search(None, "BODY", "two")))
    equal([b"3"], ok(client.search(None, "KEYWORD", "$Label1")))
    ok(client.store("1", "+FLAGS.SILENT", r"(\Answered)"))
    ok(client.copy("1:2", '"Tour moved"'))
    if "MOVE" in client.capabilities:
        ok(client._simple_command("MOVE", "3", '"Tour moved"'))
    ok(client.store("1", "+FLAGS", r"(\Deleted)"))
    ok(client.expunge())
    equal([b"3" if "MOVE" in client.capabilities else b"2"], ok(client.select('"Tour moved"')))
    equal([b"1"], ok(client.search(None, "ANSWERED")))
    idle(server, client)
    ok(client.close())
    ok(client.rename("Tour", "Journey"))
    contains(b"Journey", b"\n".join(ok(client.list('""', '"*"'))))
    for folder in ("Journey/&ANw-mlaut", "Journey", "Tour moved"):
        ok(client.delete(f'"{folder}"'))
    client.logout()
    stranger = server.open_imap(login=False)
    try:
        stranger.login(server.user, "wrong")
        raise AssertionError("a wrong password was taken")
    except imaplib.IMAP4.error:
        stranger.shutdown()


def idle(server, client):
    """An APPEND by another session is told to one that idles, in the mailbox it has selected."""
    tag = client._new_tag().decode()
    client.send(f"{tag} IDLE\r\n".encode())
    contains(b"+", client.readline())
    other = server.open_imap()
    ok(other.append('"Tour moved"', None, None, letter(server, "while idle")))
    other.logout()
    line = client.readline()
    contains(b"EXISTS", line)
    client.send(b"DONE\r\n")
    while not line.startswith(tag.encode()):
        line = client.readline()
        if not line:
            raise AssertionError("connection lost in IDLE")
    contains(b"OK", line)


def write_maildir(path, messages):
    for sub in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(path, sub), exist_ok=True)
    for number, message in enumerate(messages):
        with open(os.path.join(path, "cur", f"{1700000000 + number}.{number}.lab:2,{'S' if number % 2 else ''}"), "wb") as file:
            file.write(message.replace(b"\r\n", b"\n"))


def read_maildir(path):
    """{Message-ID number: (flags, size)} of what write_maildir wrote."""
    found = {}
    for sub in ("new", "cur"):
        folder = os.path.join(path, sub)
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as file:
                message = email.message_from_bytes(file.read())
            found[message["X-Number"]] = (name.rpartition(":2,")[2] if ":2," in name else "", message.get_payload())
    return found


def mbsync(server, count=5000):
    """Pushes `count` messages up, pulls them into an empty copy, and carries flags and deletions both ways."""
    require("mbsync")
    messages = [f"From: <x@a.test>\r\nSubject: number {i}\r\nX-Number: {i}\r\n\r\nbody of {i}\r\n".encode() for i in range(count)]
    host, copies = server.host, [server.host.path("one"), server.host.path("two")]
    config = "FSync no\n\n" + "".join(f"""\
IMAPAccount a{i}
Host {server.name}
Port {server.imaps}
User {server.user}
Pass "{server.password}"
SSLType IMAPS
CertificateFile {server.ca}
PipelineDepth 50
Timeout {SECONDS}

IMAPStore remote{i}
Account a{i}

MaildirStore local{i}
Inbox {path}/INBOX
Path {path}/

Channel c{i}
Far :remote{i}:
Near :local{i}:
Patterns Bulk
Create Both
Sync All
Expunge Both
SyncState {path}/state-

""" for i, path in enumerate(copies))
    rc = host.write("mbsyncrc", config)
    for path in copies:
        os.makedirs(path, exist_ok=True)
    write_maildir(copies[0] + "/Bulk", messages)
    start = time.monotonic()
    host.run(["mbsync", "-c", rc, "c0"], seconds=200)
    pushed = time.monotonic()
    host.run(["mbsync", "-c", rc, "c1"], seconds=200)
    print(f"note: mbsync pushed {count} in {pushed - start:.1f} s, pulled them in {time.monotonic() - pushed:.1f} s")
    two = read_maildir(copies[1] + "/Bulk")
    equal({str(i): ("S" if i % 2 else "", f"body of {i}\n") for i in range(count)}, two, "messages pulled")
    client = server.open_imap()
    equal([str(count).encode()], ok(client.select("Bulk")))
    ok(client.uid("STORE", "1:10", "+FLAGS.SILENT", r"(\Flagged)"))
    ok(client.uid("STORE", "11:20", "+FLAGS.SILENT", r"(\Deleted)"))
    ok(client.expunge())
    client.logout()
    for i in (0, 1):
        host.run(["mbsync", "-c", rc, f"c{i}"], seconds=100)
        copy = read_maildir(copies[i] + "/Bulk")
        equal(count - 10, len(copy), f"messages in copy {i} after EXPUNGE")
        equal(10, sum("F" in flags for flags, _ in copy.values()), f"flagged messages in copy {i}")


def neomutt(server):
    """Opens INBOX, searches, saves a message to a local file and one to another folder."""
    require("neomutt", "script")
    client = server.open_imap()
    ok(client.create("Kept"))
    for number in (1, 2):
        ok(client.append("INBOX", None, None, letter(server, f"for neomutt {number}")))
    saved = server.host.path("neomutt.mbox")
    rc = server.host.write("neomuttrc", f"""\
set imap_user="{server.user}" imap_pass="{server.password}" folder="imaps://{server.name}:{server.imaps}/"
set certificate_file="{server.ca}" ssl_ca_certificates_file="{server.ca}" ssl_usesystemcerts=no
set confirmappend=no confirmcreate=no quit=yes delete=yes copy=no header_cache="" mbox_type=mbox sleep_time=0 wait_key=no
set connect_timeout={SECONDS // 2} imap_keepalive=30
push "<search>~s 'neomutt 1'<enter><copy-message><kill-line>{saved}<enter><search>~s 'neomutt 2'<enter><save-message><kill-line>=Kept<enter><quit>"
""")
    command = f"neomutt -n -F {rc} -f imaps://{server.name}:{server.imaps}/INBOX"
    screen = server.host.run(["timeout", str(SECONDS), "script", "-qec", command, "/dev/null"], input="", check=False, env={"TERM": "vt100"})
    if not os.path.exists(saved):
        raise AssertionError("neomutt saved nothing; its screen:\n" + screen[-1500:])
    with open(saved, "rb") as file:
        contains(b"Subject: for neomutt 1", file.read())
    equal([b"1"], ok(client.select("Kept")))
    ok(client.select("INBOX"))
    equal([b""], ok(client.search(None, "SUBJECT", '"for neomutt 2"')))
    client.logout()
