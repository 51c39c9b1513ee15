"""Mail in and out: what is done to each server, and what counts as reached."""
import os
import time

import watch
from legs import MAILBOXES, DOMAIN, Idle, until
from measures import Measures

PER_CONNECTION = 400  # messages, below what a server takes from one address in a minute


class Mail(Measures):
    def __init__(self, legs, sink, folder, scale, seconds):
        super().__init__(legs, folder, scale, seconds)
        self.sink = sink

    def count(self, leg, mox, peer):
        """Messages for a leg: the faster server gets more, so that both take seconds."""
        return max(40, int((mox if leg.accepted_is_stored else peer) * self.scale))

    # Mail in.

    def inbound(self, rounds):
        eight = self.point("5 KB into a mailbox, 8 sessions", "/s", goal=8)
        one = self.point("5 KB into a mailbox, 1 session", "/s", goal=3.5)
        cpu = self.point("server CPU for 1,000 messages in, 8 sessions", "s", most=1, inverse=True)
        slow = self.point("p99 until 250, 8 sessions", "ms", inverse=True)

        def eight_sessions(leg):
            before = leg.cpu()
            rate, load = self.deliver(leg, 8, self.count(leg, 8000, 1000))
            eight.add(leg, rate)
            cpu.add(leg, (leg.cpu() - before) * 1000 / load["accepted"])
            slow.add(leg, load["p99_ms"])

        self.rounds(rounds, eight_sessions, lambda leg: one.add(leg, self.deliver(leg, 1, self.count(leg, 3000, 800))[0]))

    def inbound_variants(self, rounds):
        fresh = self.point("  the same, a new connection for each message", "/s")
        boxes = self.point(f"  the same, kept open, into {MAILBOXES} mailboxes", "/s")
        piped = self.point("  the same, kept open, with PIPELINING", "/s")
        self.rounds(rounds, lambda leg: fresh.add(leg, self.deliver(leg, 8, self.count(leg, 4000, 800), per_connection=1)[0]),
                    lambda leg: piped.add(leg, self.deliver(leg, 8, self.count(leg, 8000, 1000), pipeline="yes")[0]),
                    lambda leg: boxes.add(leg, self.deliver(leg, 8, self.count(leg, 4000, 800), boxes=True)[0]))

    def deliver(self, leg, sessions, messages, boxes=False, **options):
        """(messages a second until the last is in its mailbox, what smtpload said)"""
        settled(leg)
        options = {"port": 25, "per_connection": PER_CONNECTION, **options}
        if boxes:
            options.update({"to": f"box%d@{DOMAIN}", "domains": MAILBOXES})
            return self.deliver_to_boxes(leg, sessions, messages, options)
        before = leg.stored()
        start = time.monotonic()
        load = leg.smtpload(sessions=sessions, messages=messages, to=leg.server.user, **options)
        end = time.monotonic()
        complain(leg, load)
        wanted = before + load["accepted"]
        if leg.accepted_is_stored:
            if leg.stored() != wanted:
                raise AssertionError(f"{leg.name}: {load['accepted']} accepted, {leg.stored() - before} in the mailbox")
            return load["accepted"] / load["seconds"], load
        end = until("the last message in Dovecot", lambda: leg.stored() >= wanted, 60)
        return load["accepted"] / (end - start), load

    def deliver_to_boxes(self, leg, sessions, messages, options):
        start = time.monotonic()
        load = leg.smtpload(sessions=sessions, messages=messages, **options)
        complain(leg, load)
        if leg.accepted_is_stored:
            return load["accepted"] / load["seconds"], load
        return load["accepted"] / (until("Postfix's queue to be empty", leg.queue_empty, 60) - start), load

    # Mail out.

    def relay(self, rounds):
        many = self.point(f"submission relayed, TLS in, {len(self.sink.addresses)} domains", "/s", goal=4)
        one = self.point("submission relayed, TLS in, one domain", "/s", goal=3)
        cpu = self.point("  server CPU for 1,000 messages relayed", "s", inverse=True)

        def through(point, domains):
            def measure(leg):
                before = leg.cpu()
                messages = self.count(leg, 4000, 1000)
                point.add(leg, self.send(leg, domains, messages))
                cpu.add(leg, (leg.cpu() - before) * 1000 / messages)
            return measure

        self.rounds(rounds, through(many, len(self.sink.addresses)), through(one, 1))

    def send(self, leg, domains, messages):
        """Messages a second until the last has reached the sink."""
        settled(leg)
        before = self.sink.taken()
        start = time.monotonic()
        load = leg.smtpload(sessions=8, messages=messages, to="u@d%d.test", domains=domains, **leg.submission())
        complain(leg, load)
        end = until(f"{load['accepted']} messages at the sink", lambda: self.sink.taken() >= before + load["accepted"], 60)
        return load["accepted"] / (end - start)

    # What it asks of the machine.

    def forced_writes(self):
        points = {8: self.point("forced writes a message, 8 sessions", "", most=0.3, inverse=True),
                  1: self.point("  the same, 1 session", "", inverse=True)}

        def under_trace(sessions, mox, peer):
            def measure(leg):
                messages = self.count(leg, mox, peer)
                counts = watch.forced_writes(leg.roots(), os.path.join(self.folder, "strace"), lambda: self.deliver(leg, sessions, messages))
                points[sessions].add(leg, sum(counts.values()) / messages)
                print("      " + ", ".join(f"{name} {count}" for name, count in counts.items()), flush=True)
            return measure

        self.rounds(1, under_trace(8, 2000, 300), under_trace(1, 300, 100))

    def start(self):
        ready = self.point("from start to the greeting", "ms", most=150, inverse=True)
        resident = self.point("resident memory at rest", "MB", most=30, inverse=True)
        self.rounds(3, lambda leg: ready.add(leg, leg.ready() * 1000))
        time.sleep(1)
        for leg in self.legs:
            resident.add(leg, leg.memory()[1] / 1024)

    def idle(self, connections):
        growth = self.point("memory of an idle TLS IMAP connection", "KB", most=24, inverse=True)
        for leg in self.legs:
            count = connections if leg.accepted_is_stored else min(connections, 200)  # Dovecot's each have a process
            leg.stored()
            before = leg.memory()[0]
            idle = Idle(leg, count, "INBOX")
            time.sleep(1)
            growth.add(leg, (leg.memory()[0] - before) / count)
            print(f"      with {count} open, logged in, Inbox selected", flush=True)
            idle.close()


def complain(leg, load):
    if load["errors"]:
        print(f"    {leg.name}: {load['errors']} errors: {load['reasons']}", flush=True)
    if not load["accepted"]:
        raise AssertionError(f"{leg.name} took no message: {load['reasons']}")


def settled(leg, quiet=0.3, most=5):
    """Until the server has nothing more to do of what came before."""
    end = time.monotonic() + most
    used = leg.cpu()
    while time.monotonic() < end:
        time.sleep(quiet)
        before, used = used, leg.cpu()
        if used - before <= 0.02:
            return
