"""Ways into IMAP without a password, and DEFLATE on the wire: client certificates, mox admin imapserve, COMPRESS."""
import imaplib
import smtplib
import socket
import ssl
import subprocess
import zlib

from clients import SEVEN_BIT, letter, ok
from lab import run
from moxhost import Localserve, Serve, binary
from scenario import contains, equal, scenario


class Compressed:
    """A socket's file as imaplib uses it, with DEFLATE both ways (RFC 4978)."""

    def __init__(self, sock):
        self.sock, self.held = sock, b""
        self.deflate, self.inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
        self.came = self.unfolded = 0

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise EOFError("connection closed")
        plain = self.inflate.decompress(got)
        self.came, self.unfolded, self.held = self.came + len(got), self.unfolded + len(plain), self.held + plain

    def read(self, size):
        while len(self.held) < size:
            self.more()
        out, self.held = self.held[:size], self.held[size:]
        return out

    def readline(self):
        while b"\n" not in self.held:
            self.more()
        return self.read(self.held.index(b"\n") + 1)

    def send(self, data):
        self.sock.sendall(self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH))

    def close(self):
        self.sock.close()


def compress(client):
    """Turns compression on for an imaplib connection; the Compressed it then speaks through."""
    imaplib.Commands.setdefault("COMPRESS", ("AUTH", "SELECTED"))
    ok(client._simple_command("COMPRESS", "DEFLATE"))
    layer = Compressed(client.sock)
    client.read, client.readline, client.send = layer.read, layer.readline, layer.send
    return layer


@scenario(seconds=90, needs_mox=True)
def imap_compressed(lab):
    """COMPRESS=DEFLATE: a day's commands, a large message up and down, at a fraction of the octets."""
    server = Localserve(lab.host("m"))
    client = server.open_imap()
    contains("COMPRESS=DEFLATE", " ".join(client.capabilities))
    layer = compress(client)
    message = letter(server, "large", SEVEN_BIT) + b"all work and no play makes a dull line\r\n" * 200_000
    ok(client.append("INBOX", None, None, message))
    ok(client.select())
    for _ in range(3):
        data = ok(client.fetch("1", "(BODY.PEEK[])"))
        equal(message, data[0][1], "the message")
    for _ in range(50):
        ok(client.noop())
    assert layer.came * 20 < layer.unfolded, f"{layer.unfolded} octets came as {layer.came}"
    client.logout()


@scenario(seconds=90, needs_mox=True)
def imap_by_command(lab):
    """mox admin imapserve: imaplib over a command, with and without -fd0; the server's end is the command's end."""
    server = Serve(lab.host("m"), "mox.test", "mail.mox.test")
    command = [binary(), "-config", server.configuration, "admin", "imapserve", server.user]
    client = imaplib.IMAP4_stream(" ".join(f"'{word}'" for word in command))
    contains("PREAUTH", client.welcome.decode())
    ok(client.append("INBOX", None, None, letter(server, "by command")))
    ok(client.select())
    contains(b"by command", ok(client.fetch("1", "(BODY.PEEK[])"))[0][1])
    client.logout()

    ours, theirs = socket.socketpair()
    process = subprocess.Popen([*command[:-1], "-fd0", server.user], stdin=theirs, stdout=subprocess.PIPE)
    theirs.close()
    stream = ours.makefile("rb")
    contains("PREAUTH", stream.readline().decode())
    ours.sendall(b"a SELECT Inbox\r\nb LOGOUT\r\n")
    contains("b OK", stream.read().decode())
    equal((0, b""), (process.wait(20), process.stdout.read()))

    refused = subprocess.run([*command[:-1], "nobody@mox.test"], stdin=subprocess.DEVNULL, capture_output=True)
    equal((1, b""), (refused.returncode, refused.stdout))
    assert refused.stderr, "no reason was given"


class AlpnImap(imaplib.IMAP4):
    """IMAP where a client says by ALPN that it speaks it."""

    def __init__(self, secure):
        self.secure = secure
        super().__init__()

    def _create_socket(self, timeout):
        return self.secure


@scenario(seconds=90, needs_mox=True)
def mail_by_alpn(lab):
    """EnabledOnHTTPS: at port 443 a client says by ALPN whether it speaks IMAP or submission; others are not spoken with."""
    host = lab.host("m")
    server = Serve(host, "mox.test", "mail.mox.test")
    equal(0, server.stop(), "status of the server")
    text = host.read("mox/config/mox.conf")
    for service in ("Submissions", "IMAPS"):
        text = text.replace(f"\t\t{service}:\n\t\t\tEnabled: true\n", f"\t\t{service}:\n\t\t\tEnabled: true\n\t\t\tEnabledOnHTTPS: true\n")
    host.write("mox/config/mox.conf", text)
    server.start()

    def secure(*protocols):
        context = ssl.create_default_context(cafile=server.ca)
        context.set_alpn_protocols(protocols)
        plain = host.connect(host.address, 443)
        plain.settimeout(20)
        return context.wrap_socket(plain, server_hostname="mail.mox.test")

    submission = smtplib.SMTP()
    submission.sock = secure("smtp")
    equal(220, submission.getreply()[0], "greeting of submission")
    submission.ehlo("client.test")
    submission.login(server.user, server.password)
    submission.sendmail(server.user, ["there@other.test"], letter(server, "by ALPN"))
    submission.quit()
    contains("there@other.test", server.command(["queue", "list"]))

    client = AlpnImap(secure("imap"))
    ok(client.login(server.user, server.password))
    ok(client.append("INBOX", None, None, letter(server, "by ALPN")))
    equal(b"", secure().recv(1), "what is said to a client that says nothing")
    try:
        secure("h2")
    except ssl.SSLError as refusal:
        contains("NO_APPLICATION_PROTOCOL", str(refusal).upper().replace(" ", "_"))
    else:
        raise AssertionError("a protocol that is not spoken was agreed on")
    ok(client.noop())
    client.logout()


@scenario(seconds=90, needs_mox=True)
def imap_by_client_certificate(lab):
    """config tlspubkey: PREAUTH on IMAPS, EXTERNAL after STARTTLS, neither with a key that is not known any more."""
    host = lab.host("m")
    server = Serve(host, "mox.test", "mail.mox.test")
    cert, key = host.path("client.pem"), host.path("client.key")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=laptop",
         "-keyout", key, "-out", cert])
    with open(cert) as pem:
        added = server.command(["config", "tlspubkey", "add", server.user, "laptop"], input=pem.read())
    context = ssl.create_default_context(cafile=server.ca)
    context.check_hostname = False
    context.load_cert_chain(cert, key)

    def secure():
        with host.inside():
            return imaplib.IMAP4_SSL(host.address, server.imaps, ssl_context=context)

    client = secure()
    contains("PREAUTH", client.welcome.decode())
    ok(client.select())
    client.logout()

    with host.inside():
        client = imaplib.IMAP4(host.address, server.imap)
    ok(client.starttls(context))
    contains("AUTH=EXTERNAL", " ".join(client.capabilities))
    ok(client.authenticate("EXTERNAL", lambda challenge: b""))
    ok(client.select())
    client.logout()

    server.command(["config", "tlspubkey", "rm", added.split()[1]])
    client = secure()
    contains("* OK", client.welcome.decode())
    assert "AUTH=EXTERNAL" not in client.capabilities
    client.logout()
