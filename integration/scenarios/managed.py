"""A configuration kept by commands: domains, accounts, addresses and aliases come and go while mail flows."""
import os
import smtplib

from clients import letter
from dnslab import DnsLab
from moxhost import binary
from quickstarted import Quickstarted
from scenario import contains, equal, scenario

ADDRESS = "203.0.113.11"


class Managed(Quickstarted):
    def mox(self, *words, input=None, status=0):
        """Runs a command as root does, beside the server; gives its output."""
        got, text = self.host.status(["env", "-C", self.folder, binary(), *words], input=input)
        equal(status, got, text)
        return text

    def change(self, name, how):
        path = os.path.join(self.folder, "config", name)
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(how(text))

    def file(self):
        with open(os.path.join(self.folder, "config", "domains.conf")) as file:
            return file.read()

    def deliver(self, recipient, subject):
        """The answer to a message from elsewhere."""
        with self.host.inside():
            client = smtplib.SMTP(self.host.address, 25, local_hostname="mail.one.test", timeout=30)
        client.ehlo("mail.one.test")
        equal(250, client.mail("u@one.test")[0], "MAIL")
        code = client.rcpt(recipient)[0]
        if code == 250:
            code = client.data(letter(self, subject))[0]
        client.quit()
        return code


@scenario(seconds=120, needs_mox=True)
def commands_beside_mail(lab):
    """quickstart as root, the server as its user: each command counts at once, and the file stays as its owner wrote it."""
    host = lab.host("one", ADDRESS)
    dns = DnsLab(lab, {"one.test": {"mail": [f"A {ADDRESS}"]}, "com": {}, "113.0.203.in-addr.arpa": {"11": ["PTR mail.one.test."]}})
    dns.serve(host)
    server = Managed(host, "u", "one.test")
    for owner, records in server.records().items():
        dns.zones["one.test"].setdefault(owner, []).extend(records)
    dns.update("com", "@", [])
    server.change("mox.conf", lambda text: text.replace("\t\tSMTP:\n", "\t\tSMTP:\n\t\t\tFirstTimeSenderDelay: 0s\n", 1))  # 15 s each
    server.edit("Domains:\n", "# Ours since 2026.\nDomains:\n")
    server.edit("\tu:\n", "\n\t# The founder.\n\tu:\n")
    server.launch()
    before = server.file()
    info = os.stat(os.path.join(server.folder, "config", "domains.conf"))

    equal(550, server.deliver("bob@two.test", "too early"), "mail before the domain is there")
    contains("domain two.test added", server.mox("config", "domain", "add", "two.test", "u"))
    server.mox("config", "account", "add", "bob", "bob@two.test")
    server.mox("setaccountpassword", "bob", input="bob has a password\n")
    server.mox("config", "address", "add", "info@two.test", "bob")
    server.mox("config", "alias", "add", "all@two.test", "bob@two.test", "u@one.test")
    server.mox("config", "alias", "update", "-postpublic", "true", "all@two.test")
    contains("._domainkey.two.test. 300 IN TXT", server.mox("dns", "records", "two.test"))

    own, password = server.user, server.password
    for recipient in ("bob@two.test", "info@two.test", "all@two.test"):
        equal(250, server.deliver(recipient, f"for {recipient}"), recipient)
    server.user, server.password = "bob@two.test", "bob has a password"
    for recipient in ("bob@two.test", "info@two.test", "all@two.test"):
        server.wait_arrival(f"for {recipient}")

    server.mox("config", "account", "disable", "bob", "on leave")
    try:
        server.open_imap()
    except Exception as refused:
        contains("on leave", str(refused))
    else:
        raise AssertionError("a disabled account logs in")
    server.mox("config", "account", "enable", "bob")
    server.open_imap().logout()

    after = server.file()
    for line in before.splitlines():
        contains(line + "\n", after, "domains.conf")
    contains("with this change the configuration would be wrong", server.mox("config", "account", "rm", "bob", status=1))
    equal(after, server.file(), "the file after a refused change")

    server.mox("config", "alias", "rm", "all@two.test")
    for address in ("info@two.test", "bob@two.test"):
        server.mox("config", "address", "rm", address)
    contains("Its mail is kept", server.mox("config", "account", "rm", "bob"))
    server.mox("config", "domain", "rm", "two.test")
    equal(before, server.file(), "the file when all is removed")
    equal(550, server.deliver("bob@two.test", "too late"), "mail after the domain is gone")
    now = os.stat(os.path.join(server.folder, "config", "domains.conf"))
    equal((info.st_mode, info.st_uid, info.st_gid), (now.st_mode, now.st_uid, now.st_gid), "mode and owner")
    contains("all data of account bob removed", server.mox("account", "remove-data", "bob"))

    server.user, server.password = own, password
    server.end()
    contains("its next start", server.mox("config", "address", "add", "later@one.test", "u"))
    now = os.stat(os.path.join(server.folder, "config", "domains.conf"))
    equal((info.st_mode, info.st_uid, info.st_gid), (now.st_mode, now.st_uid, now.st_gid), "mode and owner after a change by root")
    server.launch()
    equal(250, server.deliver("later@one.test", "later"), "mail for an address added while the server was down")
    server.end()
