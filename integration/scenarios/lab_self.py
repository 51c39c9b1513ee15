"""The lab itself: hosts, names, peers, corpus. These need no mox."""
import imaplib
import smtplib
import ssl

import corpus
import dialogue
from dnslab import DnsLab
from dovecot import Dovecot
from lab import run
from postfix import Postfix
from scenario import contains, equal, scenario, wait_for

ZONES = {
    "a.test": {"@": ["MX 10 mail"], "mail": ["A 10.77.0.11"]},
    "b.test": {"@": ["MX 10 mail"], "mail": ["A 10.77.0.12"]},
    "plain.test": {"@": ["MX 10 mail.b.test."]},
    "broken.test": {"@": ["MX 10 mail.b.test."]},
    "0.77.10.in-addr.arpa": {"11": ["PTR mail.a.test."], "12": ["PTR mail.b.test."]},
}


@scenario(seconds=20)
def two_hosts_reach_each_other(lab):
    """Each host has its own address, names and ports, and no way out."""
    a, b = lab.host("a"), lab.host("b")
    server = b.listen(25)
    client = a.connect(b.address, 25)
    there, peer = server.accept()
    equal(a.address, peer[0], "source address")
    client.sendall(b"x")
    equal(b"x", there.recv(1))
    a.listen(25).close()  # the same port on another host is free
    equal(a.address, b.run(["getent", "hosts", "a"]).split()[0], "address by name")
    status, _ = a.status(["timeout", "3", "bash", "-c", "echo > /dev/tcp/192.0.2.1/80"])
    if status == 0:
        raise AssertionError("the lab has a way out")


@scenario(seconds=40)
def unbound_validates(lab):
    """Signed answers carry AD, unsigned ones do not, bogus ones fail, and denials are signed too."""
    a = lab.host("a")
    dns = DnsLab(lab, ZONES, insecure=["plain.test"], bogus=["broken.test"])
    dns.serve(a)
    signed = dns.query(a, "MX", "a.test")
    equal(["MX 10 mail.a.test."], signed.data)
    equal(True, signed.authentic, "AD of a signed zone")
    plain = dns.query(a, "MX", "plain.test")
    equal(["MX 10 mail.b.test."], plain.data)
    equal(False, plain.authentic, "AD of an unsigned zone")
    equal("SERVFAIL", dns.query(a, "MX", "broken.test").rcode)
    denied = dns.query(a, "A", "nobody.a.test")
    equal(("NXDOMAIN", True), (denied.rcode, denied.authentic))
    equal(["PTR mail.a.test."], dns.query(a, "PTR", "11.0.77.10.in-addr.arpa").data)
    dns.update("a.test", "new", ["TXT \"hello\""])
    equal(["TXT \"hello\""], dns.query(a, "TXT", "new.a.test").data)


def two_postfixes(lab, tls):
    a, b = lab.host("a"), lab.host("b")
    dns = DnsLab(lab, ZONES)
    dns.serve(a)
    dns.serve(b)
    receiver = Postfix(b, "mail.b.test", ["b.test"], tls=lab.certificate("mail.b.test") if tls else None)
    sender = Postfix(a, "mail.a.test", ["a.test"])
    sender.send("x@a.test", "y@b.test", "From: x@a.test\nTo: y@b.test\nSubject: first\n\nbody\n")
    line = sender.wait_sent("y@b.test")
    contains("relay=mail.b.test[10.77.0.12]:25", line)
    got = receiver.wait_message("y@b.test", "Subject: first")
    equal("body\n", got.get_payload())
    equal(tls, "(using TLS" in got.as_string(), "TLS in Received")
    return sender, receiver


@scenario(seconds=60)
def postfix_to_postfix_plain(lab):
    """By MX and A from unbound, without STARTTLS; 4xx and 5xx when told."""
    sender, receiver = two_postfixes(lab, tls=False)
    receiver.refuse("no@b.test", "550 5.1.1 nobody")
    receiver.refuse("later@b.test", "450 4.2.0 try later")
    for user in ("no", "later"):
        sender.send("x@a.test", f"{user}@b.test", "Subject: refused\n\nx\n")
    bounce = sender.wait_message("x@a.test", "550 5.1.1")
    equal("multipart/report", bounce.get_content_type())
    wait_for("a deferred message", lambda: "450 4.2.0" in sender.log() and "later@b.test" in sender.queue())
    receiver.accept()
    sender.flush()
    receiver.wait_message("later@b.test", "refused")


@scenario(seconds=60)
def postfix_to_postfix_starttls(lab):
    """The same with STARTTLS."""
    sender, _ = two_postfixes(lab, tls=True)
    contains("TLS connection established to mail.b.test", sender.log())


@scenario(seconds=40)
def dovecot_serves_imap(lab):
    """LMTP in, IMAP out, with and without TLS."""
    host = lab.host("d")
    Dovecot(host, tls=lab.certificate("d", host.address))
    with host.inside():
        lmtp = smtplib.LMTP(host.address, 24)
        lmtp.sendmail("x@a.test", ["user@d.test"], b"Subject: one\r\n\r\nbody\r\n")
        for client in (imaplib.IMAP4(host.address, 143), imaplib.IMAP4_SSL(host.address, 993)):
            client.login("user@d.test", "secret")
            equal("OK", client.select()[0])
            equal([b"1"], client.search(None, "SUBJECT", "one")[1])
            client.logout()


@scenario(seconds=60, needs_corpus=True)
def corpus_is_complete(lab):
    """All messages are there, in wire form."""
    count = size = 0
    for name, message in corpus.messages():
        count += 1
        size += len(message)
        if message.startswith(b"From ") or b"\n" in message.replace(b"\r\n", b"") or b"\r" in message.replace(b"\r\n", b""):
            raise AssertionError(f"{name} is not in wire form")
    equal(corpus.COUNT, count, "messages")
    print(f"note: {size / 1e6:.1f} MB")


@scenario(seconds=40)
def dialogues_run_live(lab):
    """The dialogue language against Postfix: it follows what is said, and tells what is not."""
    host = lab.host("a")
    Postfix(host, "mail.a.test", ["a.test"], tls=lab.certificate("a", "mail.a.test"))
    context = ssl.create_default_context(cafile=lab.ca())
    good = host.write("good.txt", """\
# RFC 5321 §4.1.1.1 and RFC 3207
S: 220 {=name} ESMTP *
C: EHLO client.test
S...
S: 250 *
C: STARTTLS
S: 220 *
! tls
C+: EHLO cli
! silence
C+: ent.test\\r\\n
S: 250-{$name}
S...
S: 250 *
! repeat 3
C: RSET
S: 250 *
! end
C: MAIL FROM:<x@{$domain}>
C: RCPT TO:<y@a.test>
S: 250 *
S: 250 2.1.5 *
! use second
S: 220 *
C: QUIT
S+: 221 2.0.0 Bye\\r\\n
! close
! use main
C: QUIT
S: 221 *
! close
""")
    wrong = host.write("wrong.txt", "S: 220 *\nC: NOOP\nS: 354 *\n")
    late = host.write("late.txt", "S: 220 *\n! advance 5m\nS: 421 *\n! close\n")
    with host.inside():
        equal(None, dialogue.run_file(good, (host.address, 25), context, "a", variables={"domain": "a.test"}))
        contains("skipped", dialogue.run_file(late, (host.address, 25), context, "a"))
        try:
            dialogue.run_file(wrong, (host.address, 25), context, "a")
            raise AssertionError("a wrong answer was not noticed")
        except dialogue.Wrong as error:
            contains("wrong.txt:3: expected: 354 *", str(error))
