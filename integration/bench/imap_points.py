"""IMAP: what is done to each server with a mailbox of 20,000 messages of 5 KB, and what counts as reached."""
import statistics
import time

import watch
from legs import Idle
from measures import Measures
from scenario import wait_for

MESSAGES = 20_000
LARGE = 500_000
IDLE = 10_000
TOLD = 1_000
INDEXED_SECONDS = 0.03  # a search in the index takes a tenth of it, a scan several times as long
LIST = "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"


class Imap(Measures):
    def __init__(self, legs, folder, scale, seconds):
        super().__init__(legs, folder, scale, seconds)
        self.messages = max(400, int(MESSAGES * scale))
        self.filled = False

    def mox(self):
        return [leg for leg in self.legs if leg.name == "mox"]

    def fill(self):
        """Once: the mailbox Bench, and Copies to copy to."""
        if self.filled:
            return
        self.filled = True
        for leg in self.legs:
            for mailbox in ("Bench", "Copies", "Appended"):
                leg.stored()
                leg.imap.create(mailbox)
            leg.fill("Bench", self.messages)
            if leg.stored("Bench") != self.messages:
                raise AssertionError(f"{leg.name}: {leg.stored('Bench')} messages")
            leg.forget()

    @staticmethod
    def ask(leg, command, **options):
        """Seconds of each time, and octets of the last answer."""
        found = leg.imapload("command", **{"count": 0, "command": command, "before": "EXAMINE Bench", **options})
        return found["times"], found["octets"]

    # Logging in, and messages in.

    def login(self, rounds):
        point = self.point("logins with TLS, 4 clients", "/s", goal=3)
        self.rounds(rounds, lambda leg: point.add(leg, leg.imapload("login", threads=4, count=1500 if leg.name == "mox" else 300)["rate"]))

    def append(self, rounds):
        self.fill()
        one, eight = self.point("APPEND, one by one", "/s", goal=1.5), self.point("APPEND, 8 clients", "/s", goal=4)

        def through(point, threads, mox, peer):
            return lambda leg: point.add(leg, leg.imapload("append", mailbox="Appended", threads=threads, run=f"{time.monotonic_ns():x}",
                                                           count=mox if leg.name == "mox" else peer)["rate"])

        self.rounds(rounds, through(one, 1, 600, 200), through(eight, 8, 4000, 600))

    # Reading.

    def fetch(self, rounds):
        self.fill()
        wanted = [("ENVELOPE", 3), (f"({LIST})", 3), ("BODYSTRUCTURE", 2), ("FLAGS", 2), ("BODY.PEEK[]", 2)]
        points = [(item, self.point("FETCH " + item.replace(LIST, "list view"), "MB/s" if "[]" in item else "/s", goal=goal))
                  for item, goal in wanted]

        def fetch(item, point):
            def measure(leg):
                seconds, octets = self.ask(leg, f"FETCH 1:* {item}", count=self.messages, times=1 if "[]" in item else 3)
                point.add(leg, (octets / 1e6 if "[]" in item else self.messages) / statistics.median(seconds))
            return measure

        for leg in self.legs:  # once unmeasured: all know everything by then
            for item, _ in points[:4]:
                self.ask(leg, f"FETCH 1:* {item}")
        self.rounds(rounds, *(fetch(item, point) for item, point in points))

    def cold(self, rounds):
        self.fill()
        select = self.point(f"SELECT of {self.messages:,}, cold", "ms", inverse=True)
        fetch = self.point("FETCH list view, cold", "/s")
        bodies = self.point("FETCH BODY.PEEK[], cold", "MB/s")

        def measure(leg):
            leg.cold()
            select.add(leg, self.ask(leg, "SELECT Bench", before="")[0][0] * 1000)
            leg.cold()
            fetch.add(leg, self.messages / self.ask(leg, f"FETCH 1:* ({LIST})", count=self.messages)[0][0])
            leg.cold()
            seconds, octets = self.ask(leg, "FETCH 1:* BODY.PEEK[]", count=self.messages)
            bodies.add(leg, octets / 1e6 / seconds[0])

        self.rounds(max(1, rounds - 1), measure)

    def select(self, rounds):
        self.fill()
        point = self.point(f"SELECT of {self.messages:,}", "ms", most=2, inverse=True)
        self.rounds(rounds, lambda leg: point.add(leg, statistics.median(self.ask(leg, "SELECT Bench", before="", times=15)[0]) * 1000))

    def large(self, _):
        """Ours alone, to spare the minutes the peers' mailbox takes."""
        self.fill()
        warm = self.point(f"SELECT of {LARGE:,}", "ms", most=10)
        cold = self.point(f"SELECT of {LARGE:,}, cold", "ms", most=100)
        for leg in self.mox():
            leg.stored()
            leg.imap.create("Large")
            times = max(1, int(LARGE * min(1, self.scale)) // self.messages)
            self.ask(leg, "UID COPY 1:* Large", times=times)
            leg.forget()
            for _ in range(3):
                leg.cold()
                cold.add(leg, self.ask(leg, "SELECT Large", before="")[0][0] * 1000)
                warm.add(leg, statistics.median(self.ask(leg, "SELECT Large", before="", times=9)[0]) * 1000)

    def search(self, rounds):
        self.fill()
        body, subject = self.point("SEARCH BODY of one word", "/s", goal=40), self.point("SEARCH SUBJECT", "/s", goal=3)

        def search(point, key, hits, times):
            def measure(leg):
                seconds, _ = self.ask(leg, f"SEARCH RETURN (COUNT) {key}", expect=f"COUNT {hits}\r", times=times if leg.name == "mox" else 2)
                point.add(leg, 1 / statistics.median(seconds))
            return measure

        for leg in self.mox():  # until the index has caught up, what it lacks is scanned
            wait_for("the index of the mailbox", lambda one=leg: self.ask(one, "SEARCH BODY zanzibar")[0][0] < INDEXED_SECONDS, 60)
        self.rounds(rounds, search(body, "BODY zanzibar", -(-self.messages // 200), 5),
                    search(subject, "SUBJECT quarterly", -(-self.messages // 50), 5))

    def sort(self, rounds):
        self.fill()
        wanted = ["SORT (SUBJECT DATE)", "SORT (REVERSE ARRIVAL)", "THREAD REFERENCES"]
        points = [(command, self.point(f"{command} of {self.messages:,}", "/s")) for command in wanted]

        def ask(command, point):
            def measure(leg):
                seconds, _ = self.ask(leg, f"{command} UTF-8 ALL", times=5)
                point.add(leg, 1 / statistics.median(seconds))
            return measure

        self.rounds(rounds, *(ask(command, point) for command, point in points))

    # Changing.

    def store(self, rounds):
        self.fill()
        point = self.point(f"STORE of a flag on {self.messages:,}", "/s", goal=5, peer="maildir")
        quiet = self.point("  the same, .SILENT", "/s", peer="maildir")

        def measure(leg):
            for sign in "+-":
                for one, name in ((point, ""), (quiet, ".SILENT")):
                    flag = "\\Flagged" if name else "\\Answered"
                    seconds = self.ask(leg, f"STORE 1:* {sign}FLAGS{name} ({flag})", before="SELECT Bench")[0][0]
                    one.add(leg, self.messages / seconds)

        self.rounds(rounds, measure)

    def copy(self, rounds):
        self.fill()
        point = self.point(f"COPY of {self.messages:,}", "/s", goal=2, peer="sdbox")

        def measure(leg):
            seconds = self.ask(leg, "UID COPY 1:* Copies")[0][0]
            point.add(leg, self.messages / seconds)
            leg.stored()
            leg.imap.delete("Copies")
            leg.imap.create("Copies")
            leg.forget()

        self.rounds(rounds, measure)

    # Being there.

    def idle(self, _):
        point = self.point("memory of an idle TLS connection", "KB", most=24, inverse=True)
        for leg in self.legs:
            count = int(IDLE * min(1, self.scale)) if leg.name == "mox" else 100  # Dovecot's each have a process
            leg.stored()
            before = leg.memory()[0]
            idle = Idle(leg, count, "INBOX")
            time.sleep(1)
            point.add(leg, (leg.memory()[0] - before) / count)
            print(f"      with {count} open, logged in, Inbox selected", flush=True)
            idle.close()

    def tell(self, rounds):
        """Ours alone: Dovecot's would be a thousand processes."""
        point = self.point(f"a message told to {TOLD:,} sessions in IDLE, worst of 5", "ms", most=100, inverse=True)
        for leg in self.mox():
            for _ in range(rounds):
                found = leg.imapload("tell", mailbox="INBOX", count=TOLD, threads=8, times=5, run=f"{time.monotonic_ns():x}")
                point.add(leg, found["seconds"] * 1000)

    def forced(self, _):
        """Forced writes of 200 single flag changes, and of 200 messages appended."""
        self.fill()
        flags, appends = self.point("forced writes of 200 flag changes", "", inverse=True), self.point("forced writes of 200 APPENDs", "", inverse=True)

        def traced(leg, point, work):
            counts = watch.forced_writes(leg.roots(), self.folder + "/strace", work)
            point.add(leg, sum(counts.values()))

        for leg in self.legs:
            traced(leg, flags, lambda: self.ask(leg, "STORE %n +FLAGS (\\Flagged)", before="SELECT Bench", times=200))
            traced(leg, appends, lambda: leg.imapload("append", mailbox="Appended", count=200, run=f"{time.monotonic_ns():x}"))
