"""Postfix on a lab host, as the peer that judges mox: receiver, sender, and source of every kind of refusal.

The host's /etc/postfix, queue and data folders are its own (bind mounts), so the ordinary commands work unchanged and any
number of instances run beside each other.
"""
import email
import glob
import os
import re

from lab import require
from scenario import wait_for

MAIL_UID = 5000  # owns delivered mail; no account needed

MASTER = """\
smtp      inet  n  -  n  -  -  smtpd
pickup    unix  n  -  n  60 1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
verify    unix  -  -  n  -  1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -  -  proxymap
smtp      unix  -  -  n  -  -  smtp
relay     unix  -  -  n  -  -  smtp
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
discard   unix  -  -  n  -  -  discard
local     unix  -  n  n  -  -  local
virtual   unix  -  n  n  -  -  virtual
lmtp      unix  -  -  n  -  -  lmtp
anvil     unix  -  -  n  -  1  anvil
scache    unix  -  -  n  -  1  scache
showq     unix  n  -  n  -  -  showq
postlog   unix-dgram n - n  -  1  postlogd
"""


def main_parameters(name, domains, tls, mail, ca, log, logs, access):
    """main.cf of a host that calls itself `name` and keeps mail for any address of `domains` below the folder `mail`."""
    main = {
        "compatibility_level": "3.6", "myhostname": name, "mydomain": name, "myorigin": name, "mydestination": "",
        "inet_interfaces": "all", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8 10.77.0.0/24", "biff": "no",
        "maillog_file": log, "maillog_file_prefixes": logs, "alias_maps": "", "alias_database": "",
        "virtual_mailbox_domains": " ".join(domains), "virtual_mailbox_base": mail,
        "virtual_mailbox_maps": "static:all/",  # one Maildir; Delivered-To tells whose a message is
        "virtual_uid_maps": f"static:{MAIL_UID}", "virtual_gid_maps": f"static:{MAIL_UID}", "virtual_mailbox_limit": "0",
        "message_size_limit": "104857600", "smtp_tls_security_level": "may", "smtp_tls_loglevel": "1", "smtpd_tls_loglevel": "1",
        "smtp_tls_CAfile": ca, "smtpd_peername_lookup": "no",
        "smtpd_recipient_restrictions": f"check_recipient_access texthash:{access}, permit_mynetworks, reject_unauth_destination",
        "minimal_backoff_time": "2s", "maximal_backoff_time": "5s", "queue_run_delay": "2s", "smtpd_client_connection_count_limit": "0",
        "smtpd_client_connection_rate_limit": "0", "default_process_limit": "20",
    }
    if tls:
        main.update({"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": tls[0], "smtpd_tls_key_file": tls[1],
                     "smtpd_tls_received_header": "yes"})
    return main


class Postfix:
    def __init__(self, host, name, domains=(), tls=None, master="", **settings):
        """Starts an instance that calls itself `name` and keeps mail for any address of `domains` in Maildirs.

        tls: (certificate, key) offers STARTTLS; outgoing TLS is opportunistic unless smtp_tls_security_level is given.
        master: further lines of master.cf.
        settings: further main.cf parameters, which win.
        """
        require("postfix", "sendmail", "postqueue")
        self.host, self.name = host, name
        self.mail = host.path("mail")
        os.makedirs(self.mail, exist_ok=True)
        os.chown(self.mail, MAIL_UID, MAIL_UID)
        main = main_parameters(name, domains, tls, self.mail, ca=host.lab.ca(), log=host.path("spool", "mail.log"), logs=host.folder,
                               access=host.write("etc-postfix/access", ""))
        main.update(settings)
        host.write("etc-postfix/main.cf", "".join(f"{key} = {value}\n" for key, value in main.items()))
        host.write("etc-postfix/master.cf", MASTER + master)
        # postfix start runs Debian's own scripts from the configuration folder.
        for file in ("postfix-files", "postfix-script", "post-install", "dynamicmaps.cf"):
            if os.path.exists("/etc/postfix/" + file):
                host.run(["cp", "-p", "/etc/postfix/" + file, host.path("etc-postfix", file)])
        for own, target in (("etc-postfix", "/etc/postfix"), ("spool", "/var/spool/postfix"), ("lib", "/var/lib/postfix")):
            os.makedirs(host.path(own), exist_ok=True)
            host.bind(own, target)
        host.run(["chown", "postfix:root", "/var/lib/postfix"])
        host.run(["postfix", "start"])
        host.wait_for_port(25)

    def stop(self):
        self.host.run(["postfix", "stop"])

    def log(self):
        try:
            return self.host.read("spool/mail.log")
        except FileNotFoundError:
            return ""

    def refuse(self, address, code="450 4.2.0 try later"):
        """Answers RCPT for this address (or domain, or "user@") with a 4xx or 5xx line."""
        with open(self.host.path("etc-postfix/access"), "a") as file:
            file.write(f"{address} {code}\n")
        self.host.run(["postfix", "reload"])

    def accept(self):
        """Forgets what refuse() set."""
        self.host.write("etc-postfix/access", "")
        self.host.run(["postfix", "reload"])

    def send(self, sender, recipients, message, options=()):
        """Puts a message (bytes or text with CRLF or LF) into the queue as a local user would."""
        text = message.decode("latin-1") if isinstance(message, bytes) else message
        self.host.run(["sendmail", "-i", "-f", sender, *options, "--", *([recipients] if isinstance(recipients, str) else recipients)],
                      input=text.replace("\r\n", "\n"))

    def queue(self):
        """Lines of postqueue -p, "Mail queue is empty" if so."""
        return self.host.run(["postqueue", "-p"])

    def flush(self):
        self.host.run(["postqueue", "-f"])

    def wait_sent(self, recipient, seconds=30):
        """The log line that says where a message for this recipient went and what was answered."""
        pattern = re.compile(rf"^.*to=<{re.escape(recipient)}>.*status=(\w+).*$", re.M)
        match = wait_for(f"mail to {recipient} in the log of {self.name}", lambda: pattern.search(self.log()), seconds)
        if match.group(1) not in ("sent",):
            raise AssertionError(match.group(0))
        return match.group(0)

    def messages(self, address):
        """The messages in a mailbox, as bytes, oldest first."""
        result = []
        for path in sorted(glob.glob(os.path.join(self.mail, "all", "new", "*")), key=os.path.getmtime):
            with open(path, "rb") as file:
                message = file.read()
            if f"\nDelivered-To: {address}\n".encode() in message:
                result.append(message)
        return result

    def wait_message(self, address, text="", seconds=30):
        """The first message that contains this text, parsed."""

        def find():
            for message in self.messages(address):
                if text.encode() in message:
                    return email.message_from_bytes(message)
            return None

        return wait_for(f"a message with {text!r} for {address}", find, seconds)
