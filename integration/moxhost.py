"""The mox binary on a lab host: localserve, or serve with a configuration written for the scenario.

MOX_BINARY names the binary; build/mox of this tree unless set.
"""
import os

from clients import Server
from lab import stop
from scenario import equal, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MOX_UID = 65532  # serve drops to it; no account needed


def binary():
    return os.environ.get("MOX_BINARY") or os.path.join(ROOT, "build", "mox")


def require_binary():
    if not os.access(binary(), os.X_OK):
        raise AssertionError(f"no mox binary at {binary()}: run ./dev build, or set MOX_BINARY")


def check_unprivileged(pid):
    """The process runs as the service's user, without a capability, and cannot get one."""
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    for field in ("Uid", "Gid"):
        equal([str(MOX_UID)] * 4, status[field].split(), field)
    equal("", status["Groups"].strip(), "Groups")
    for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        equal(0, int(status[field], 16), field)
    equal("1", status["NoNewPrivs"], "NoNewPrivs")


class Localserve(Server):
    """mox localserve on the host's 127.0.0.1, with its own ports and account."""

    def __init__(self, host, within=()):
        """within: a command that runs the server, such as one with mounts of its own."""
        self.log_name = "mox.log"
        self.folder = host.path("mox")
        self.process = host.spawn([*within, binary(), "localserve", "-dir", self.folder, "-ip", "127.0.0.1"], self.log_name)
        super().__init__(host=host, name="localhost", smtp=1025, submission=1587, submissions=1465, imap=1143, imaps=1993,
                         user="mox@localhost", password="moxmoxmox", ca="")
        self.http, self.https = 1080, 1443
        for port in (self.smtp, self.submission, self.submissions, self.imap, self.imaps):
            host.wait_for_port(port, "127.0.0.1", process=self.process)
        self.ca = self.fetch_certificate()

    def log(self):
        return self.host.read(self.log_name)

    def stop(self):
        return stop(self.process)


class Serve(Server):
    """mox serve for one domain on the host's address, ports 25, 465, 587, 143, 993, and one account test@DOMAIN."""

    def __init__(self, host, domain, hostname, password="correct horse battery staple", tls=None, listener=(), account=(), domains="", static=()):
        """tls: (certificate, key), made for `hostname` unless given, or a list of lines for the listener's TLS instead.
        listener, account, static: further configuration lines, indented as if they stood alone, of that listener, of the account, of mox.conf. domains: the whole of domains.conf instead; it too has an account "test"."""
        self.log_name = "mox.log"
        self.binary, self.configuration = binary(), host.path("mox", "config", "mox.conf")
        host.write("mox/config/mox.conf", f"""\
DataDir: ../data
LogLevel: debug
User: {MOX_UID}
Hostname: {hostname}
TLS:
	CA:
		AdditionalToSystem: true
		CertFiles:
			- {host.lab.ca()}
Listeners:
	public:
		IPs:
			- {host.address}
		TLS:
""" + indented(tls_lines(tls or host.lab.certificate(hostname, host.name)), 3) + """\
		SMTP:
			Enabled: true
			FirstTimeSenderDelay: 0s
		Submission:
			Enabled: true
		Submissions:
			Enabled: true
		IMAP:
			Enabled: true
		IMAPS:
			Enabled: true
""" + indented(listener, 2) + """\
Postmaster:
	Account: test
	Mailbox: Postmaster
""" + indented(static, 0))
        host.write("mox/config/domains.conf", domains or f"""\
Domains:
	{domain}:
		LocalpartCatchallSeparator: +
Accounts:
	test:
		Domain: {domain}
		Destinations:
			test@{domain}: nil
		NoFirstTimeSenderDelay: true
""" + indented(account, 2))
        super().__init__(host=host, name=host.name, smtp=25, submission=587, submissions=465, imap=143, imaps=993,
                         user=f"test@{domain}", password=password, ca=host.lab.ca())
        self.start()
        self.command(["setaccountpassword", "test"], input=password + "\n")

    def start(self):
        self.process = self.host.spawn([binary(), "-config", self.configuration, "serve"], self.log_name)
        for port in (25, 465, 587, 143, 993):
            self.host.wait_for_port(port, process=self.process)
        wait_for("the control socket", lambda: os.path.exists(self.host.path("mox", "data", "ctl")), 10)
        check_unprivileged(self.process.pid)

    def command(self, words, input=None):
        """What `mox WORDS` prints, run beside the server."""
        return self.host.run([binary(), "-config", self.configuration, *words], input=input)

    def log(self):
        return self.host.read(self.log_name)

    def stop(self):
        return stop(self.process)


def tls_lines(tls):
    if isinstance(tls, list):
        return tls
    return ["KeyCerts:", "\t-", "\t\tCertFile: " + tls[0], "\t\tKeyFile: " + tls[1]]


def indented(lines, tabs):
    return "".join("\t" * tabs + line + "\n" for line in lines)
