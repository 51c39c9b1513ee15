"""A disk that says no: ENOSPC, EIO and EMFILE at every call. Nothing is acknowledged that is not kept, the client is
told to come back, and the server goes on when the fault ends."""
import errno
import imaplib
import os
import smtplib

import mailload
from fault import ALL, OPENS, SYNCS, WRITES, Fault
from lab import stop
from scenario import equal, scenario
from scenarios.crash import CrashingServer, Ledger, verify_data

ALL_KINDS = {"ENOSPC": (errno.ENOSPC, WRITES | OPENS), "EIO": (errno.EIO, WRITES | SYNCS), "EMFILE": (errno.EMFILE, OPENS)}
KINDS = {name: ALL_KINDS[name] for name in os.environ.get("MOX_FAULTS", "ENOSPC EIO EMFILE").split()}


def deliver(server, load, size):
    """One message by SMTP; the reply code."""
    name, octets = load.message(size)
    client = mailload.open_smtp(server)
    try:
        client.sendmail("mox@localhost", [server.user], octets)
        load.acknowledge(name)
        return 250
    except smtplib.SMTPDataError as refused:
        return refused.smtp_code
    except smtplib.SMTPRecipientsRefused as refused:
        return next(iter(refused.recipients.values()))[0]
    except smtplib.SMTPSenderRefused as refused:
        return refused.smtp_code
    finally:
        client.close()


def append(server, load, size):
    """One message by APPEND and a flag by STORE; "OK" or "NO"."""
    name, octets = load.message(size)
    client = mailload.open_imap(server)
    try:
        status, _ = client.append("INBOX", None, None, octets)
        if status == "OK":
            load.acknowledge(name)
        client.select("INBOX")
        client.store("1", "+FLAGS", "(\\Flagged)")
        return status
    finally:
        client.shutdown()


@scenario(seconds=900, needs_mox=True)
def faults_at_every_call(lab):
    """Each call in turn fails once, and a hundred in a row: 4xx or NO, no acknowledgement, then all is well again."""
    fault = Fault(lab.path("fault", ""))
    server = CrashingServer(lab.host("m"), fault)
    load, ledger = mailload.Load(3), Ledger()
    tried = refused = 0
    for name, (number, kinds) in KINDS.items():
        for size in (5_000, 300_000):
            for length in (1, 100):
                for at in range(40):
                    fault.fail_at(at, number, length, kinds & ALL)
                    tried += 1
                    try:
                        code = deliver(server, load, size)
                    except (OSError, smtplib.SMTPException) as gone:
                        raise AssertionError(f"{name} at call {at}: the connection broke: {gone!r}") from gone
                    if code != 250 and not 400 <= code < 500:
                        raise AssertionError(f"{name} at call {at}: answered {code}")
                    refused += code != 250
                    untouched = fault.hits() == 0
                    fault.off()
                    if untouched:
                        break
                for at in range(0, 40, 3):
                    fault.fail_at(at, number, length, kinds & ALL)
                    try:
                        append(server, load, size)
                    except (OSError, imaplib.IMAP4.error):
                        pass  # the login may fail too; it must not acknowledge
                    fault.off()
                after = deliver(server, load, size)
                if after != 250:
                    errors = [line for line in server.log().splitlines() if "l=error" in line]
                    raise AssertionError(f"after {name} had ended: answered {after}\n" + "\n".join(errors[-5:]))
                equal(None, server.process.poll(), "server's end")
    ledger.check(server, load)
    equal(0, stop(server.process), "exit status")
    verify_data(server)
    print(f"note: {tried} faults during delivery, {refused} refused; {len(load.acknowledged)} acknowledged and there")


def idle(server):
    """A client that waits for new mail in the Inbox."""
    client = mailload.open_imap(server)
    client.select("INBOX")
    client.send(b"w IDLE\r\n")
    while not client.readline().startswith(b"+"):
        pass
    return client


def told(client):
    """The next line an idle client gets that tells of messages."""
    while True:
        line = client.readline()
        if not line or b"BYE" in line:
            raise AssertionError(f"the idle client was sent away: {line!r}")
        if b"EXISTS" in line:
            return int(line.split()[1])


@scenario(seconds=300, needs_mox=True)
def faults_with_idle_client(lab):
    """One client stays in IDLE while each sync and each write of deliveries fails in turn: the first delivery after it is
    taken, and the client is told of it."""
    fault = Fault(lab.path("fault", ""))
    server = CrashingServer(lab.host("m"), fault)
    load, ledger = mailload.Load(4), Ledger()
    deliver(server, load, 5_000)
    client = idle(server)
    count = told_of = refused = 0
    for kinds in (SYNCS, WRITES | SYNCS):
        for at in range(40):
            fault.fail_at(at, errno.EIO, 1, kinds & ALL)
            code = deliver(server, load, 5_000)
            refused += code != 250
            untouched = fault.hits() == 0
            fault.off()
            after = deliver(server, load, 5_000)
            equal(250, after, f"after call {at} had failed")
            count = len(load.acknowledged)
            while told_of < count:
                told_of = told(client)
            if untouched:
                break
    client.shutdown()
    ledger.check(server, load)
    equal(0, stop(server.process), "exit status")
    verify_data(server)
    print(f"note: {refused} refused; the idle client was told of all {count}")
