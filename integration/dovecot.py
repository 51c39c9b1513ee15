"""Dovecot on a lab host: an IMAP server to compare with, fed by LMTP."""
import os

from lab import require, stop

MAIL_UID = 5000


class Dovecot:
    def __init__(self, host, storage="sdbox", tls=None, password="secret"):
        """Starts IMAP on 143 (993 with tls=(certificate, key)) and LMTP on 24. Any user name with the password may log in.

        storage: sdbox or maildir.
        """
        require("dovecot", "doveadm")
        self.host, self.password = host, password
        folder = host.path("dovecot")
        mail = host.path("dovecot-mail")
        for path in (folder, mail):
            os.makedirs(path, exist_ok=True)
        os.chown(mail, MAIL_UID, MAIL_UID)
        secure = f"ssl = yes\nssl_cert = <{tls[0]}\nssl_key = <{tls[1]}" if tls else "ssl = no"
        imaps = "inet_listener imaps {\n port = 993\n ssl = yes\n }" if tls else "inet_listener imaps {\n port = 0\n }"
        config = f"""\
protocols = imap lmtp
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = *
{secure}
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256
mail_location = {storage}:{mail}/%u
mail_fsync = optimized
first_valid_uid = {MAIL_UID}
mail_max_userip_connections = 1000
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={MAIL_UID} gid={MAIL_UID} home={mail}/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = 143
  }}
  {imaps}
}}
service lmtp {{
  inet_listener lmtp {{
    port = 24
  }}
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""
        path = host.write("dovecot/dovecot.conf", config)
        self.auth_socket = folder + "/auth"  # for Postfix: smtpd_sasl_type = dovecot
        self.process = host.spawn(["dovecot", "-F", "-c", path], "dovecot.out")
        host.wait_for_port(143, process=self.process)
        host.wait_for_port(24, process=self.process)

    def stop(self):
        return stop(self.process)

    def log(self):
        return self.host.read("dovecot/log")
