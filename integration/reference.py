"""Postfix with Dovecot as one mail server: what mox is compared with."""
import clients
from dovecot import Dovecot
from postfix import Postfix


def reference(lab):
    """Postfix for submission, delivering by LMTP to Dovecot, on one host."""
    host = lab.host("reference")
    tls = lab.certificate("reference", host.address)
    dovecot = Dovecot(host, tls=tls)
    submission = ("submission inet n - n - - smtpd\n  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes\n"
                  "  -o smtpd_delay_reject=no -o smtpd_sender_restrictions=permit_sasl_authenticated,reject\n")
    submissions = submission.replace("submission inet", "submissions inet").replace("\n  -o", "\n  -o smtpd_tls_wrappermode=yes -o", 1)
    Postfix(host, "reference", ["user.test"], tls=tls, master=submission + submissions, virtual_transport="lmtp:inet:127.0.0.1:24",
            smtpd_sasl_type="dovecot", smtpd_sasl_path=dovecot.auth_socket, mynetworks="127.0.0.1/32")
    return clients.Server(host=host, name="reference", smtp=25, submission=587, submissions=465, imap=143, imaps=993,
                          user="me@user.test", password=dovecot.password, ca=lab.ca())
