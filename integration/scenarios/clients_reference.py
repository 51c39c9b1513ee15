"""The client functions against Postfix with Dovecot, to show that a failure against mox is mox's."""
import clients
from reference import reference
from scenario import scenario


@scenario(seconds=90)
def reference_smtp_clients(lab):
    """curl, swaks, msmtp and smtplib are used rightly."""
    server = reference(lab)
    for client in (clients.curl, clients.swaks, clients.msmtp, clients.python_smtp):
        client(server)


@scenario(seconds=90)
def reference_imap_clients(lab):
    """imaplib, mbsync and neomutt are used rightly."""
    server = reference(lab)
    clients.python_imap(server)
    clients.mbsync(server, 200)
    clients.neomutt(server)
