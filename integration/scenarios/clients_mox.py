"""Mail programs against mox localserve."""
import socket
import time

import clients
from dnslab import DnsLab
from lab import run
from moxhost import Localserve, Serve
from scenario import contains, equal, scenario


def localserve(lab):
    return Localserve(lab.host("m"))


@scenario(seconds=90, needs_mox=True)
def localserve_by_curl(lab):
    """curl submits and reads, in every kind of TLS. It cannot declare BODY=8BITMIME, which localserve insists on."""
    clients.curl(localserve(lab), clients.SEVEN_BIT)


@scenario(seconds=90, needs_mox=True)
def localserve_by_swaks(lab):
    """swaks: PLAIN, LOGIN, CRAM-MD5."""
    clients.swaks(localserve(lab))


@scenario(seconds=60, needs_mox=True)
def localserve_by_msmtp(lab):
    """msmtp: SCRAM-SHA-256."""
    clients.msmtp(localserve(lab), clients.SEVEN_BIT)


@scenario(seconds=90, needs_mox=True)
def serve_takes_undeclared_8bit(lab):
    """curl and msmtp send 8-bit text without a word; serve, which is not pedantic, keeps it as it is."""
    host = lab.host("m")
    DnsLab(lab, {"mox.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}}).serve(host)
    server = Serve(host, "mox.test", "mail.mox.test", tls=lab.certificate("mail.mox.test", "m"))
    clients.curl(server)
    clients.msmtp(server)


@scenario(seconds=60, needs_mox=True)
def localserve_by_smtplib(lab):
    """smtplib: large and 8-bit mail, and what must be refused."""
    clients.python_smtp(localserve(lab))


@scenario(seconds=60, needs_mox=True)
def localserve_by_imaplib(lab):
    """imaplib: a day's commands and IDLE."""
    clients.python_imap(localserve(lab))


@scenario(seconds=240, needs_mox=True)
def localserve_by_mbsync(lab):
    """mbsync: 5,000 messages up, down, and changes both ways."""
    clients.mbsync(localserve(lab), 5000)


@scenario(seconds=90, needs_mox=True)
def localserve_by_neomutt(lab):
    """neomutt: search, copy to a file, move to a folder."""
    clients.neomutt(localserve(lab))


@scenario(seconds=60, needs_mox=True)
def client_with_nagle_does_not_wait(lab):
    """A message and the line end after it in two writes: the second waits for the first one's acknowledgement, which must not."""
    server = localserve(lab)

    def seconds(no_delay):
        client = server.open_imap()
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, no_delay)
        start = time.monotonic()
        for _ in range(40):
            clients.ok(client.append("INBOX", None, None, clients.letter(server, "in two writes")))
        took = time.monotonic() - start
        client.logout()
        return took

    seconds(1)
    fast, slow = seconds(1), seconds(0)
    print(f"note: 40 messages in {fast:.2f} s, with Nagle's algorithm in {slow:.2f} s")
    if slow > fast + 1:  # a delayed acknowledgement takes 40 ms
        raise AssertionError(f"{slow:.2f} s instead of {fast:.2f} s")


@scenario(seconds=60, needs_mox=True)
def localserve_stops_and_starts(lab):
    """SIGTERM ends it in order with status 0; what was delivered is there after the next start."""
    server = localserve(lab)
    client = server.open_submission()
    client.sendmail(server.user, [server.user], clients.letter(server, "before the stop"), mail_options=["BODY=8BITMIME"])
    client.quit()
    before = server.wait_arrival("before the stop")
    equal(0, server.stop(), "exit status")
    again = localserve_again(server)
    equal(before, again.wait_arrival("before the stop"), "message after a restart")


def localserve_again(server):
    return Localserve(server.host)


@scenario(seconds=60, needs_mox=True)
def localserve_survives_kill(lab):
    """kill -9 right after 250: the message is there after the next start."""
    server = localserve(lab)
    with server.host.inside():
        client = clients.smtplib.SMTP("127.0.0.1", server.smtp, local_hostname="client.test", timeout=30)
    for number in range(20):
        client.sendmail("x@localhost", [server.user], clients.letter(server, f"acknowledged {number}"), mail_options=["BODY=8BITMIME"])
    contains("mox", run(["cat", f"/proc/{server.process.pid}/comm"]))  # nsenter has become the server
    server.process.kill()
    server.process.wait()
    again = localserve_again(server)
    for number in range(20):
        again.wait_arrival(f"acknowledged {number}")
