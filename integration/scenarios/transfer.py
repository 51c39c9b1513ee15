"""Mail in and out of the accounts: import, export, backup and restore, with the real binary."""
import os
import re
import shutil
import subprocess
import threading
import time

import mailload
from lab import stop
from moxhost import Localserve, binary
from scenario import contains, equal, scenario, wait_for

BIG = int(os.environ.get("MOX_IMPORT_MESSAGES", "20000"))


def mox(server, *words, check=True, seconds=300):
    """A command on the server's configuration; what it printed."""
    done = subprocess.run([binary(), "-config", os.path.join(server.folder, "mox.conf"), *words], capture_output=True, text=True, timeout=seconds)
    if check and done.returncode != 0:
        raise AssertionError(f"mox {' '.join(words)}: {done.returncode} {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def tree(folder):
    """{path: octets} of all files; file names of messages without what counts up."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                found[os.path.relpath(os.path.join(top, name), folder)] = file.read()
    return found


def write_mbox(path, count, size=200):
    """Messages that differ in a number, every third one twice as long as the others; some are equal."""
    with open(path, "w", newline="\n") as file:
        for number in range(count):
            which = number if number % 100 else 0
            file.write(f"From a@b.test Mon Jan  2 15:04:05 2006\nStatus: RO\nSubject: number {which}\nMessage-ID: <{which}@bulk.test>\n"
                       f"Date: Mon, 2 Jan 2006 15:04:05 +0000\n\n{'x' * size}\n\n")


def count_of(server, mailbox):
    client = mailload.open_imap(server)
    _, data = client.status(mailbox, "(MESSAGES)")
    client.logout()
    return int(re.search(rb"MESSAGES (\d+)", data[0])[1])


def imported(text):
    """(imported, there already, refused) of the last line that says so."""
    return tuple(int(n) for n in re.findall(r"(\d+) messages imported \(\d+ octets\), (\d+) there already, (\d+) refused$", text, re.M)[-1])


@scenario(seconds=120, needs_mox=True)
def import_and_export(lab):
    """A maildir comes in, IMAP sees it, it goes out as every form, each comes in again as it was."""
    server = Localserve(lab.host("m"))
    source = lab.path("source", "")
    for name, text in {"cur/1136214245.1.h:2,FSa": "Subject: first\n\nFrom here\n", "new/1136214246.2.h": "Subject: second\n\nbody\n",
                       ".Lists.mox/cur/1136214247.3.h:2,RS": "Subject: third\n\n" + "long\n" * 100000}.items():
        path = os.path.join(source, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", newline="\n") as file:
            file.write(text)
        os.utime(path, (1136214245, 1136214245))
    with open(os.path.join(source, "dovecot-keywords"), "w") as file:
        file.write("0 Project\n")
    equal((3, 0, 0), imported(mox(server, "import", "maildir", "mox", "Old", source)))
    equal((0, 3, 0), imported(mox(server, "import", "maildir", "mox", "Old", source)))
    client = mailload.open_imap(server)
    client.select("Old", readonly=True)
    _, data = client.fetch("1:2", "(FLAGS INTERNALDATE BODY.PEEK[])")
    contains("\\Seen \\Flagged project", data[0][0].decode())
    contains("\" 2-Jan-2006 15:04:05 +0000", data[0][0].decode())
    equal(b"Subject: first\r\n\r\nFrom here\r\n", data[0][1])
    client.logout()
    for form in ("maildir", "mbox"):
        for suffix in ("", ".zip", ".tgz", ".tar"):
            out = lab.path(f"{form}-out{suffix}")
            contains("messages", mox(server, "export", form, out, "mox"))
            contains("3 messages imported", mox(server, "import", form, "mox", f"Again {form}{suffix}", out))
            equal(1, count_of(server, f'"Again {form}{suffix}/Old/Lists/mox"'))
            mox(server, "export", form, out + ".again", "mox", f"Again {form}{suffix}/Old")
            client = mailload.open_imap(server)
            for number in (1, 2):
                client.select(f'"Again {form}{suffix}/Old"', readonly=True)
                _, copy = client.fetch(str(number), "(FLAGS INTERNALDATE BODY.PEEK[])")
                equal(data[2 * (number - 1)][1], copy[0][1])
                equal(data[2 * (number - 1)][0].split(b"BODY[")[0], copy[0][0].split(b"BODY[")[0])
            # The next export is to be of the first mail alone.
            for name in ("Old/Lists/mox", "Old/Lists", "Old", "Inbox", "Sent", "Archive", "Trash", "Drafts", "Junk"):
                client.delete(f'"Again {form}{suffix}/{name}"')
            client.delete(f'"Again {form}{suffix}"')
            client.logout()
    contains("will not write over", mox(server, "export", "mbox", lab.path("mbox-out.zip"), "mox", check=False))
    # Without the server the account is opened by the command; its export is the same.
    mox(server, "export", "maildir", lab.path("online"), "mox", "Old")
    stop(server.process)
    mox(server, "export", "maildir", lab.path("alone"), "mox", "Old")
    equal(tree(lab.path("online")), tree(lab.path("alone")))


@scenario(seconds=60, needs_mox=True)
def what_is_not_read(lab):
    """GNU tar's hard links come in; what is not read is named and the status says so."""
    server = Localserve(lab.host("m"))
    source = lab.path("source", "")
    for folder in ("cur", ".Archive/cur"):
        os.makedirs(os.path.join(source, folder))
    with open(os.path.join(source, "cur", "1:2,S"), "w") as file:
        file.write("Subject: copied\n\nbody\n")
    os.link(os.path.join(source, "cur", "1:2,S"), os.path.join(source, ".Archive/cur", "1:2,S"))
    subprocess.run(["tar", "czf", lab.path("copied.tgz"), "-C", source, "."], check=True)
    equal((2, 0, 0), imported(mox(server, "import", "maildir", "mox", "Old", lab.path("copied.tgz"))))
    equal(1, count_of(server, "Old/Archive"))
    equal(1, count_of(server, "Old"))
    os.symlink("../cur", os.path.join(source, ".Archive", "new"))
    with open(lab.path("single.eml"), "w") as file:
        file.write("Subject: one\n\nbody\n")
    os.makedirs(lab.path("nothing"))
    for kind, path, said in (("maildir", source, ".Archive/new: a symbolic link"), ("mbox", lab.path("single.eml"), "not an mbox"),
                             ("maildir", lab.path("nothing"), "there is no mail")):
        done = subprocess.run([binary(), "-config", os.path.join(server.folder, "mox.conf"), "import", kind, "mox", "Other", path], capture_output=True, text=True)
        contains(said, done.stderr)
        equal(1, done.returncode, path)
    contains("2 mailboxes exported", mox(server, "export", "mbox", lab.path("out"), "mox", "Old"))
    contains("1 mailboxes exported", mox(server, "export", "maildir", lab.path("inbox"), "mox", "INBOX"))


@scenario(seconds=300, needs_mox=True)
def killed_while_importing(lab):
    """kill -9 in the midst of an import; the same command again brings the rest, and no message twice."""
    host = lab.host("m")
    server = Localserve(host)
    path = lab.path("bulk.mbox")
    write_mbox(path, BIG)
    for _ in range(3):
        before = count_of(server, "Inbox")
        running = subprocess.Popen([binary(), "-config", os.path.join(server.folder, "mox.conf"), "import", "mbox", "mox", "Inbox", path],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("messages to come", lambda: count_of(server, "Inbox") > before + 300 or running.poll() is not None, 60)
        server.process.kill()
        server.process.wait(10)
        running.wait(20)
        server = Localserve(host)
    start = time.monotonic()
    new, known, refused = imported(mox(server, "import", "mbox", "mox", "Inbox", path))
    seconds = time.monotonic() - start
    equal((BIG, 0), (new + known, refused))
    equal(BIG, count_of(server, "Inbox"))
    equal((0, BIG, 0), imported(mox(server, "import", "mbox", "mox", "Inbox", path)))
    with open(f"/proc/{server.process.pid}/status") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])
    print(f"note: {new} of {BIG} messages in {seconds:.1f} s after three kills; the server had {peak // 1024} MB at most")
    stop(server.process)
    contains("no problems", mox(server, "verifydata", os.path.join(server.folder, "data")))


@scenario(seconds=240, needs_mox=True)
def backup_under_load(lab):
    """Backups while mail comes in, into the same folder; restored, it has all that was acknowledged before."""
    server = Localserve(lab.host("m"))
    load, copy = mailload.Load(3), lab.path("copy")
    senders = [threading.Thread(target=mailload.send_until_broken, args=(server, load, 60)) for _ in range(4)]
    for sender in senders:
        sender.start()
    wait_for("some mail", lambda: len(load.acknowledged) > 20)
    for _ in range(3):
        before = set(load.acknowledged)
        print("note:", mox(server, "backup", copy).strip().split("\n")[-1])
        contains("no problems", mox(server, "verifydata", os.path.join(copy, "data")))
    for sender in senders:
        sender.join()
    contains("the data directory itself", mox(server, "backup", server.folder, check=False))
    stop(server.process)
    # Restore: everything is taken from the backup.
    shutil.rmtree(os.path.join(server.folder, "data"))
    shutil.copytree(os.path.join(copy, "data"), os.path.join(server.folder, "data"), symlinks=True)
    contains("no problems", mox(server, "verifydata", os.path.join(server.folder, "data")))
    server = Localserve(server.host)
    _, there = mailload.contents(server)
    equal(len(there), len(set(there.values())), "different messages")
    equal([], sorted(before - set(there.values())), "messages acknowledged before the backup that are not in it")
    print(f"note: {len(before)} acknowledged before the last backup, {len(there)} in it, {len(load.acknowledged)} in all")


@scenario(seconds=60, needs_mox=True)
def server_with_another_view(lab):
    """The server has another folder under the name that the person gives, as a service with a /tmp of its own: mail goes to and comes from the
    person's."""
    seen = lab.path("seen", "")
    server = Localserve(lab.host("m"), within=("unshare", "--mount", "sh", "-ec", f'mount -t tmpfs none {seen}; exec "$0" "$@"'))
    write_mbox(os.path.join(seen, "three.mbox"), 3)
    equal((3, 0, 0), imported(mox(server, "import", "mbox", "mox", "Inbox", os.path.join(seen, "three.mbox"))))
    for _ in range(2):
        mox(server, "backup", os.path.join(seen, "deep", "copy"))
        contains("no problems", mox(server, "verifydata", os.path.join(seen, "deep", "copy", "data")))
    mox(server, "export", "maildir", os.path.join(seen, "out"), "mox")
    equal(3, len(os.listdir(os.path.join(seen, "out", "Inbox", "cur"))))
    mox(server, "export", "mbox", os.path.join(seen, "out.zip"), "mox")
    equal((3, 0, 0), imported(mox(server, "import", "mbox", "mox", "Again", os.path.join(seen, "out.zip"))))
    contains(f"will not write over {seen.rstrip('/')}/out.zip", mox(server, "export", "mbox", os.path.join(seen, "out.zip"), "mox", check=False))


@scenario(seconds=60, needs_mox=True)
def account_without_its_database(lab):
    """A lost account.db is told; the bodies beside it stay, and all is there again when it was restored."""
    server = Localserve(lab.host("m"))
    write_mbox(lab.path("large.mbox"), 3, 1_500_000)
    mox(server, "import", "mbox", "mox", "Inbox", lab.path("large.mbox"))
    mox(server, "backup", lab.path("copy"))
    stop(server.process)
    account = os.path.join(server.folder, "data", "accounts", "mox")
    bodies = tree(os.path.join(account, "bodies"))
    for database in (None, b"", b"x" * 8192):
        for name in ("account.db", "account.db-wal", "account.db-shm"):
            if os.path.exists(os.path.join(account, name)):
                os.remove(os.path.join(account, name))
        if database is not None:
            with open(os.path.join(account, "account.db"), "wb") as file:
                file.write(database)
        contains("account mox: ", mox(server, "verifydata", os.path.join(server.folder, "data"), check=False))
        server = Localserve(server.host)
        contains("an account is damaged and cannot be used", server.log())
        contains("warning: account mox: ", mox(server, "healthcheck", check=False))  # the ports are in the lab
        contains("the backup FAILED: 1 parts", mox(server, "backup", lab.path("other"), check=False))
        stop(server.process)
        equal(bodies, tree(os.path.join(account, "bodies")))
    shutil.copy(lab.path("copy", "data", "accounts", "mox", "account.db"), account)
    server = Localserve(server.host)
    equal(3, count_of(server, "Inbox"))
    stop(server.process)
    contains("no problems", mox(server, "verifydata", os.path.join(server.folder, "data")))


@scenario(seconds=60, needs_mox=True)
def newer_data_is_refused(lab):
    """A server does not start on data of a later version, and says what to do."""
    host = lab.host("m")
    server = Localserve(host)
    stop(server.process)
    path = os.path.join(server.folder, "data", "accounts", "mox", "account.db")
    with open(path, "r+b") as file:
        file.seek(60)
        file.write((99).to_bytes(4, "big"))
    again = host.spawn([binary(), "localserve", "-dir", server.folder, "-ip", "127.0.0.1"], "again.log")
    equal(1, again.wait(30))
    contains("written by a newer version (format 99", host.read("again.log"))
    contains("upgrade, or restore a backup", host.read("again.log"))
