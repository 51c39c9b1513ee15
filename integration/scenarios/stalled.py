"""Clients that stop in the middle of everything hold no thread: a well-behaved one is served as if they were not there."""
import smtplib
import socket
import ssl
import statistics
import time

import mailload
from clients import letter
from moxhost import Localserve, Serve
from scenario import contains, equal, scenario, wait_for

STALLED = 2000


def one_message(server, load):
    """Seconds for a whole connection that delivers one message."""
    name, octets = load.message(5_000)
    start = time.monotonic()
    client = mailload.open_smtp(server)
    client.sendmail("mox@localhost", [server.user], octets)
    client.quit()
    load.acknowledge(name)
    return time.monotonic() - start


def one_fetch(server):
    start = time.monotonic()
    client = mailload.open_imap(server)
    client.select("INBOX", readonly=True)
    client.fetch("1", "(FLAGS)")
    client.logout()
    return time.monotonic() - start


def connect(server, port, number):
    """A raw connection from one of many loopback addresses: the limits are per network."""
    plain = socket.socket()
    plain.settimeout(20)
    plain.bind((f"127.{10 + number % 200}.{number // 200}.1", 0))
    plain.connect(("127.0.0.1", port))
    return plain


def stall(server, number):
    """Client `number` of one of five kinds: it stops in a TLS handshake, a command, DATA, a literal, or reading."""
    kind = number % 5
    if kind == 0:  # half a ClientHello
        client = connect(server, server.imaps, number)
        client.send(b"\x16\x03\x01\x02\x00\x01\x00")
    elif kind == 1:
        client = connect(server, server.smtp, number)
        client.recv(200)
        client.send(b"EHLO cli")
    elif kind == 2:
        client = connect(server, server.smtp, number)
        client.recv(200)
        client.send(b"EHLO client.test\r\nMAIL FROM:<mox@localhost>\r\nRCPT TO:<mox@localhost>\r\nDATA\r\n")
        client.send(b"Subject: never done\r\n\r\nhalf a li")
    elif kind == 3:
        client = connect(server, server.imap, number)
        client.recv(2000)
        client.send(b"a LOGIN {15}\r\nmox@loc")
    else:  # asks for much and reads nothing
        client = connect(server, server.imap, number)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(b"".join(b"a%d CAPABILITY\r\n" % i for i in range(400)))
    return client


@scenario(seconds=240, needs_mox=True)
def two_thousand_stalled_clients(lab):
    """With 2,000 stalled clients open, delivering and reading takes at most 50 ms longer than without."""
    server = Localserve(lab.host("m"))
    load = mailload.Load(4)
    with server.host.inside():
        for _ in range(3):
            one_message(server, load)
            one_fetch(server)
        before = statistics.median(one_message(server, load) + one_fetch(server) for _ in range(15))
        threads_before = threads(server)
        clients = [stall(server, n) for n in range(STALLED)]
        during = statistics.median(one_message(server, load) + one_fetch(server) for _ in range(15))
        threads_during = threads(server)
        still = sum(1 for client in clients if is_open(client))
    print(f"note: one message in and one read: {before * 1000:.1f} ms alone, {during * 1000:.1f} ms beside {len(clients)} stalled clients; "
          f"threads {threads_before} and {threads_during}")
    equal(STALLED, still, "stalled connections that are still open")
    if during > before + 0.05:
        raise AssertionError("a stalled client makes others wait")
    # A busy machine wakes more of its workers and of its pools, whose number is bounded; a thread a client would be thousands.
    if threads_during > threads_before + STALLED // 50:
        raise AssertionError("stalled clients hold threads")


def is_open(client):
    """The server has neither closed nor reset it."""
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def threads(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


@scenario(seconds=90, needs_mox=True)
def stop_while_names_are_silent(lab):
    """A resolver that never answers, with mail waiting for it both ways: the server still stops within its three seconds."""
    host = lab.host("m")
    with host.inside():
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.53", 53))
    host.write("resolv.conf", "nameserver 127.0.0.53\n")
    server = Serve(host, "mox.test", "mail.mox.test")
    with host.inside():
        submission = smtplib.SMTP_SSL(host.address, server.submissions, context=ssl._create_unverified_context())
    submission.login(server.user, server.password)
    submission.sendmail(server.user, ["there@other.test"], letter(server, "to a name that is not found"))
    submission.quit()
    with host.inside():
        incoming = socket.create_connection((host.address, server.smtp), timeout=20)
    incoming.sendall(b"EHLO other.test\r\nMAIL FROM:<there@other.test>\r\nRCPT TO:<" + server.user.encode() + b">\r\nDATA\r\n")
    wait_for("questions", lambda: silent.recv(512, socket.MSG_PEEK), 10)
    start = time.monotonic()
    equal(0, server.stop(), "status of the server")
    took = time.monotonic() - start
    assert took < 4, f"stopping took {took:.1f} s"
    server.start()
    contains("there@other.test", server.command(["queue", "list"]))
    server.stop()
