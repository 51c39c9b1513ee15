"""The queue under its owner's hand: every command of `mox queue` on the running server."""
import email
import re

from clients import letter, ok
from dnslab import DnsLab
from moxhost import Serve
from postfix import Postfix
from scenario import contains, equal, scenario, wait_for

ENTRY = re.compile(r"^(\d+) (\[hold\] )?<?([^ >]+)>? -> <?([^ >]+)>?\n  account (\S+), queued \S+, (\d+) bytes, attempts (\d+)/\d+, next (\S+)$", re.M)


class Queue:
    """The queue of a server, by its commands."""

    def __init__(self, mox):
        self.mox = mox

    def submit(self, *recipients):
        client = self.mox.open_submission()
        for recipient in recipients:
            client.sendmail(self.mox.user, [recipient], letter(self.mox, f"for {recipient}"), mail_options=["BODY=8BITMIME"])
        client.quit()

    def queue(self, *words):
        return self.mox.command(["queue", *words])

    def entries(self, *filters):
        """{recipient: (id, on hold, attempts)}"""
        return {m[4]: (m[1], bool(m[2]), int(m[7])) for m in ENTRY.finditer(self.queue("list", *filters))}

    def wait_attempts(self, recipient, count):
        wait_for(f"attempt {count} for {recipient}", lambda: self.entries().get(recipient, ("", False, 0))[2] >= count, 20)


class House(Queue):
    """mox for mox.test; a.test has a host where nothing listens, so that mail for it waits."""

    def __init__(self, lab):
        host, peer = lab.host("m"), lab.host("a")
        DnsLab(lab, {"a.test": {"@": ["MX 10 mail"], "mail": [f"A {peer.address}"]},
                     "mox.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}}).serve(host)
        super().__init__(Serve(host, "mox.test", "mail.mox.test", tls=lab.certificate("mail.mox.test", "m")))


@scenario(seconds=90, needs_mox=True)
def queue_commands(lab):
    """list with filters, hold, unhold, schedule, transport, requiretls, dump, fail with its report, drop."""
    house = House(lab)
    equal("no messages\n", house.queue("list"))
    house.submit("x@a.test", "y@a.test", "z@a.test")
    for recipient in ("x@a.test", "y@a.test", "z@a.test"):
        house.wait_attempts(recipient, 1)
    equal({"x@a.test", "y@a.test", "z@a.test"}, set(house.entries()))
    equal({"y@a.test"}, set(house.entries("-to", "y@a.test")))
    equal(3, len(house.entries("-to", "@a.test", "-from", house.mox.user, "-account", "test", "-submitted", "<now")))
    equal(2, len(house.entries("-n", "2", "-sort", "queued", "-asc")))
    equal({}, house.entries("-account", "nobody"))

    contains("1 message changed", house.queue("hold", "-to", "x@a.test"))
    equal({"x@a.test"}, set(house.entries("-hold", "true")))
    contains("2 messages changed", house.queue("schedule", "-hold", "false", "-now", "0s"))
    for recipient in ("y@a.test", "z@a.test"):
        house.wait_attempts(recipient, 2)
    equal(1, house.entries()["x@a.test"][2], "attempts for a message on hold")
    house.queue("schedule", "-to", "x@a.test", "-now", "0s")
    contains("1 message changed", house.queue("unhold", "-hold", "true"))
    house.wait_attempts("x@a.test", 2)
    contains("1 message changed", house.queue("requiretls", "-to", "z@a.test", "no"))
    contains("requiretls no", house.queue("list", "-to", "z@a.test"))

    number = house.entries()["y@a.test"][0]
    contains("Subject: for y@a.test", house.queue("dump", number))
    status, said = house.mox.host.status([house.mox.binary, "-config", house.mox.configuration, "queue", "dump", "999999"])
    equal(1, status, said)

    contains("1 message changed", house.queue("fail", "-ids", number))
    report = email.message_from_bytes(house.mox.wait_arrival("mail delivery failed"))
    equal("multipart/report", report.get_content_type())
    fields = report.get_payload()[1].as_string()
    for part in ("Final-Recipient: rfc822;", "y@a.test", "Action: failed", "Status: 5."):
        contains(part, fields)
    equal({"x@a.test", "z@a.test"}, set(house.entries()))
    contains("1 message changed", house.queue("drop", "-to", "x@a.test"))
    contains("1 message changed", house.queue("drop"))
    equal("no messages\n", house.queue("list"))
    client = house.mox.open_imap()
    equal([b"1"], ok(client.select("INBOX", readonly=True)))


@scenario(seconds=90, needs_mox=True)
def queue_transport(lab):
    """What waits for a host that is down goes through a relay once it is given that transport, and directly again without."""
    host, peer, relay = lab.host("m"), lab.host("a"), lab.host("r")
    dns = DnsLab(lab, {"a.test": {"@": ["MX 10 mail"], "mail": [f"A {peer.address}"]},
                       "relay.test": {"mail": [f"A {relay.address}"]},
                       "mox.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}})
    for each in (host, relay):
        dns.serve(each)
    through = Postfix(relay, "mail.relay.test", ["a.test"], tls=lab.certificate("mail.relay.test", "r"))
    house = Queue(Serve(host, "mox.test", "mail.mox.test", tls=lab.certificate("mail.mox.test", "m"),
                        static=["Transports:", "\trelay:", "\t\tSMTP:", "\t\t\tHost: mail.relay.test"]))
    house.submit("x@a.test", "y@a.test")
    for recipient in ("x@a.test", "y@a.test"):
        house.wait_attempts(recipient, 1)
    status, said = host.status([house.mox.binary, "-config", house.mox.configuration, "queue", "transport", "-to", "x@a.test", "nowhere"])
    equal(1, status, said)
    contains("nowhere", said)
    contains("1 message changed", house.queue("transport", "-to", "x@a.test", "relay"))
    contains("transport relay", house.queue("list", "-to", "x@a.test"))
    equal({"x@a.test"}, set(house.entries("-transport", "relay")))
    house.queue("schedule", "-now", "0s")
    got = through.wait_message("x@a.test", "for x@a.test")
    contains("using TLSv1.3", " ".join(got.get_all("Received")))
    house.wait_attempts("y@a.test", 2)
    equal({"y@a.test"}, set(house.entries()))
    equal([], through.messages("y@a.test"), "what kept its own way")

    contains("1 message changed", house.queue("transport", "-to", "y@a.test", "relay"))
    contains("1 message changed", house.queue("transport", "-to", "y@a.test", ""))
    dns.serve(peer)
    direct = Postfix(peer, "mail.a.test", ["a.test"])
    house.queue("schedule", "-now", "0s")
    direct.wait_message("y@a.test", "for y@a.test")
    equal([], through.messages("y@a.test"), "what was given its own way back")


@scenario(seconds=60, needs_mox=True)
def queue_survives_a_restart(lab):
    """What waits, waits on after a restart, on hold as before, with its attempts counted."""
    house = House(lab)
    house.submit("x@a.test", "y@a.test")
    house.wait_attempts("x@a.test", 1)
    house.wait_attempts("y@a.test", 1)
    house.queue("hold", "-to", "x@a.test")
    before = house.entries()
    equal(0, house.mox.stop(), "exit status")
    house.mox.start()
    equal(before, house.entries())
