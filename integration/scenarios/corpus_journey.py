"""The whole mail corpus in by SMTP and out by IMAP."""
import re
import smtplib
import threading
import time

import corpus
from clients import ok
from dnslab import DnsLab
from moxhost import Serve
from scenario import equal, scenario

TRACE = re.compile(rb"\A(?:(?:X-Mox-[A-Za-z-]+|Delivered-To|Return-Path|Authentication-Results|Received-SPF|Received):[^\n]*\r\n"
                   rb"(?:[ \t][^\n]*\r\n)*)+\Z")
RECIPIENT = re.compile(rb"test\+(\d+)@mox\.test")
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
    """6,046 messages come out as they went in, below the fields that delivery adds."""
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
    client, seen = server.open_imap(), set()
    start = time.monotonic()
    equal([str(len(messages)).encode()], ok(client.select("INBOX", readonly=True)))
    for first in range(1, len(messages) + 1, 200):
        for item in ok(client.fetch(f"{first}:{min(first + 199, len(messages))}", "(BODY.PEEK[])")):
            if isinstance(item, tuple):
                check(item[1], messages, seen)
    equal(len(messages), len(seen), "different messages")
    print(f"note: fetched in {time.monotonic() - start:.1f} s")


def check(got, messages, seen):
    number = int(RECIPIENT.search(got[:4000]).group(1))
    seen.add(number)
    if not got.endswith(messages[number]):
        raise AssertionError(f"message {number} was changed")
    added = got[:len(got) - len(messages[number])]
    if not TRACE.match(added):
        raise AssertionError(f"message {number}: not only trace fields in front: {added!r}")
