"""Thunderbird against mox serve."""
import clients
from dnslab import DnsLab
from moxhost import Serve
from scenario import scenario, wait_for
from thunderbird import Thunderbird


def told_by_idle(server, program):
    """Of a message it hears of while it still downloads others Thunderbird does not ask again, so another one follows."""
    def hears_of_a_new_one():
        submission = server.open_submission()
        submission.sendmail(server.user, [server.user], clients.letter(server, "told by IDLE"), mail_options=["BODY=8BITMIME"])
        submission.quit()
        try:
            return wait_for("it", lambda: b"\nSubject: told by IDLE" in program.downloaded(), 10, 0.1)
        except AssertionError:
            return False
    wait_for("a new message, told by IDLE", hears_of_a_new_one, 60)


@scenario(seconds=240, needs_mox=True)
def thunderbird_synchronises_and_idles(lab):
    """It downloads the Inbox for reading offline and hears by IDLE of a new message: it would ask by itself only after an
    hour. Started again, it takes what came and went meanwhile."""
    host = lab.host("m")
    DnsLab(lab, {"mox.test": {"@": ["MX 10 mail"], "mail": [f"A {host.address}"]}}).serve(host)
    server = Serve(host, "mox.test", "mail.mox.test", tls=lab.certificate("mail.mox.test", "m"))
    imap = server.open_imap()
    for number in range(50):
        clients.ok(imap.append("INBOX", None, None, clients.letter(server, f"offline {number}")))

    program = Thunderbird(server).start()
    wait_for("50 messages for reading offline", lambda: program.downloaded().count(b"\nSubject: offline ") == 50, 90, 0.5)
    told_by_idle(server, program)
    program.stop()

    clients.ok(imap.select("INBOX"))
    clients.ok(imap.store("1:10", "+FLAGS", "\\Deleted"))
    clients.ok(imap.expunge())
    clients.ok(imap.append("INBOX", None, None, clients.letter(server, "while it was away")))
    program.start()
    wait_for("what came while it was away", lambda: b"\nSubject: while it was away" in program.downloaded(), 60, 0.5)
    program.stop()
    imap.logout()
