"""Thunderbird from Debian, headless, with a real profile: an IMAP account with its password, synchronised for reading offline.

It is watched from outside: what it has downloaded is in mbox files of its profile. Without a screen it never thinks itself
idle, so it downloads the bodies of new mail at once instead of in idle time, and only of the Inbox. A lab has no default
route, which it takes for being offline: if it looks only after its first connections are begun, it drops them and never
returns, so it is told not to look.
"""
import base64
import ctypes
import json
import os

from lab import require, run, stop

SDR_SUCCESS = 0


class SecItem(ctypes.Structure):
    """NSS's counted octets."""
    _fields_ = [("type", ctypes.c_uint), ("data", ctypes.c_void_p), ("length", ctypes.c_uint)]


def encrypt(profile, texts):
    """Each text as Thunderbird's password store keeps it: NSS with the profile's own key and no main password."""
    nss = ctypes.CDLL("libnss3.so")
    if nss.NSS_InitReadWrite(f"sql:{profile}".encode()) != SDR_SUCCESS:
        raise AssertionError("cannot open the profile's key store")
    nss.PK11_GetInternalKeySlot.restype = ctypes.c_void_p
    slot = ctypes.c_void_p(nss.PK11_GetInternalKeySlot())
    if nss.PK11_NeedUserInit(slot) and nss.PK11_InitPin(slot, None, b"") != SDR_SUCCESS:
        raise AssertionError("cannot set up the profile's key store")
    sealed = []
    for text in texts:
        octets = text.encode()
        plain = SecItem(0, ctypes.cast(ctypes.create_string_buffer(octets), ctypes.c_void_p), len(octets))
        key, out = SecItem(0, None, 0), SecItem(0, None, 0)
        if nss.PK11SDR_Encrypt(ctypes.byref(key), ctypes.byref(plain), ctypes.byref(out), None) != SDR_SUCCESS:
            raise AssertionError("cannot encrypt for the password store")
        sealed.append(base64.b64encode(ctypes.string_at(out.data, out.length)).decode())
    nss.PK11_FreeSlot(slot)
    nss.NSS_Shutdown()
    return sealed


class Thunderbird:
    def __init__(self, server, folder="thunderbird"):
        require("thunderbird", "certutil")
        self.server, self.host = server, server.host
        self.profile = self.host.path(folder, "profile")
        os.makedirs(self.profile, exist_ok=True)
        self.store = os.path.join(self.profile, "ImapMail", "account")
        run(["certutil", "-N", "-d", f"sql:{self.profile}", "--empty-password"])
        run(["certutil", "-A", "-d", f"sql:{self.profile}", "-n", "lab", "-t", "CT,,", "-i", server.ca])
        self._write_password()
        self._write_preferences()
        self.process = None

    def _write_password(self):
        origin = f"imap://{self.server.name}"
        # NSS keeps state of the process it is in: a child does this, so that several profiles can be made.
        out = run(["python3", "-c", "import sys, json, thunderbird; print(json.dumps(thunderbird.encrypt(sys.argv[1], sys.argv[2:])))",
                   self.profile, self.server.user, self.server.password], env={"PYTHONPATH": os.path.dirname(os.path.abspath(__file__))})
        user, password = json.loads(out)
        login = {"id": 1, "hostname": origin, "httpRealm": origin, "formSubmitURL": None, "usernameField": "", "passwordField": "",
                 "encryptedUsername": user, "encryptedPassword": password, "guid": "{00000000-0000-4000-8000-000000000001}",
                 "encType": 1, "timeCreated": 1, "timeLastUsed": 1, "timePasswordChanged": 1, "timesUsed": 1}
        with open(os.path.join(self.profile, "logins.json"), "w") as file:
            json.dump({"nextId": 2, "logins": [login], "version": 3}, file)

    def _write_preferences(self):
        server, prefix = self.server, "mail.server.server1."
        preferences = {
            "mail.accountmanager.accounts": "account1", "mail.accountmanager.defaultaccount": "account1",
            "mail.account.account1.server": "server1", "mail.account.account1.identities": "id1",
            "mail.identity.id1.useremail": server.user, "mail.identity.id1.fullName": "Test", "mail.identity.id1.valid": True,
            prefix + "type": "imap", prefix + "hostname": server.name, prefix + "port": server.imaps, prefix + "socketType": 3,
            prefix + "userName": server.user, prefix + "authMethod": 3, prefix + "name": "lab", prefix + "login_at_startup": True,
            prefix + "directory": self.store, prefix + "directory-rel": "[ProfD]ImapMail/account", prefix + "offline_download": True,
            prefix + "autosync_offline_stores": True, prefix + "use_idle": True, prefix + "download_bodies_on_get_new_mail": True, prefix + "check_new_mail": True, prefix + "check_time": 60,
            "offline.autoDetect": False, "network.manage-offline-status": False, "mailnews.start_page.enabled": False, "mail.biff.show_alert": False,
            "mail.shell.checkDefaultClient": False, "mail.winsearch.firstRunDone": True, "mail.provider.enabled": False,
            "mail.spotlight.firstRunDone": True, "mailnews.database.global.indexer.enabled": False, "mail.rights.version": 1,
            "datareporting.policy.dataSubmissionPolicyBypassNotification": True, "toolkit.telemetry.reportingpolicy.firstRun": False,
            "app.update.enabled": False, "extensions.update.enabled": False, "network.captive-portal-service.enabled": False,
            "network.connectivity-service.enabled": False, "browser.safebrowsing.enabled": False, "app.donation.eoy.version.viewed": 9999,
        }
        with open(os.path.join(self.profile, "user.js"), "w") as file:
            for name, value in preferences.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")

    def start(self):
        self.process = self.host.spawn(["thunderbird", "--headless", "--no-remote", "--profile", self.profile], "thunderbird.log",
                                       env={"HOME": self.host.path("home"), "MOZ_CRASHREPORTER_DISABLE": "1", "TZ": "UTC"})
        return self

    def stop(self):
        return stop(self.process)

    def downloaded(self, mailbox="INBOX"):
        """The octets it holds of a mailbox for reading offline; b"" before the first."""
        try:
            with open(os.path.join(self.store, mailbox), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""
