"""DnsLab: a signed root and test zones, answered by a validating unbound on each host that asks for one.

Keys are made at test time. unbound serves the signed zones as its own authority zones and validates them from the lab's
root key, so no second name server is needed and answers carry AD as they would in the world.
"""
import glob
import os

from lab import require, run, stop
from scenario import wait_for

RESOLVER = "nameserver 127.0.0.1\noptions trust-ad edns0 timeout:2 attempts:2\n"
SOA = "SOA ns.test. hostmaster.test. 1 3600 600 86400 60"


class DnsLab:
    def __init__(self, lab, zones, insecure=(), bogus=()):
        """zones: {"a.test": {"@": ["MX 10 mail"], "mail": ["A 10.77.0.11"]}}; names are relative unless they end in a dot.

        Reverse zones are zones too ("0.77.10.in-addr.arpa": {"11": ["PTR mail.a.test."]}). Zones named in `insecure` are
        unsigned and delegated without DS; those in `bogus` are signed and then changed, so that they do not validate.
        """
        require("unbound", "ldns-keygen", "ldns-signzone", "drill")
        self.lab = lab
        self.insecure, self.bogus = set(insecure), set(bogus)
        self.zones = {name.rstrip("."): records for name, records in zones.items()}
        unknown = (self.insecure | self.bogus) - set(self.zones)
        if unknown:
            raise ValueError(f"no such zones: {unknown}")
        for name in list(self.zones):
            self.zones.setdefault(name.split(".")[-1], {})
        self.zones[""] = {}
        self.files = {}
        self._build()
        self._servers = {}

    def serve(self, host):
        """Starts unbound on the host's 127.0.0.1 and makes it the host's resolver."""
        folder = host.path("unbound")
        os.makedirs(folder, exist_ok=True)
        host.write("unbound/unbound.conf", self._configuration(folder, self.files, self.anchor))
        process = host.spawn(["unbound", "-d", "-c", host.path("unbound/unbound.conf")], "unbound.log")
        self._servers[host.name] = (host, process)
        host.wait_for_port(53, "127.0.0.1", process=process)
        host.write("resolv.conf", RESOLVER)
        wait_for("the root key", lambda: self.query(host, "SOA", ".").authentic)

    def stage(self, machine):
        """The same for a machine that is not started yet: the unit lab-dns, and its resolv.conf."""
        folder = "/etc/lab-dns"
        files = {zone: f"{folder}/{os.path.basename(path)}" for zone, path in self.files.items()}
        for zone, path in self.files.items():
            machine.stage_file(path, files[zone])
        machine.stage_file(self.anchor, folder + "/anchor")
        machine.stage(folder + "/unbound.conf", self._configuration(folder, files, folder + "/anchor"))
        machine.stage("/etc/resolv.conf", RESOLVER)
        machine.stage("/etc/systemd/system/lab-dns.service", "[Unit]\nBefore=nss-lookup.target\nWants=nss-lookup.target\n"
                      f"[Service]\nExecStart=/usr/sbin/unbound -d -c {folder}/unbound.conf\n")
        machine.enable("lab-dns.service")

    def update(self, zone, name, records):
        """Replaces the records of one name, signs all again and restarts the servers."""
        self.zones[zone][name] = records
        self._build()
        for host, process in list(self._servers.values()):
            stop(process)
            self.serve(host)

    def query(self, host, kind, name):
        """What the host's resolver says: an Answer."""
        return Answer(host.run(["drill", "-D", name.rstrip(".") + ".", kind, "@127.0.0.1"], check=False))

    def _build(self):
        for old in glob.glob(self.lab.path("zones", "*")):
            os.remove(old)
        # Children first: their DS records go into the parent before it is signed.
        delegations = {zone: [] for zone in self.zones}
        for zone in sorted(self.zones, key=lambda z: (-len(z.split(".")), z == "", z)):
            signers = self._write(zone, delegations[zone])
            if zone:
                parent = self._parent(zone)
                delegations[parent].append(f"{zone}. NS ns.test.")
                if zone not in self.insecure:
                    with open(signers + ".ds") as file:
                        delegations[parent].append(file.read().strip())

    def _parent(self, zone):
        above = zone
        while "." in above:
            above = above.split(".", 1)[1]
            if above in self.zones:
                return above
        return ""

    def _write(self, zone, delegations):
        """Writes and signs one zone; gives the stem of its key-signing key's files."""
        name = (zone or "root").replace("/", "_")
        plain = self.lab.path("zones", name)
        origin = (zone + ".") if zone else "."
        lines = [f"$ORIGIN {origin}", "$TTL 300", f"@ {SOA}", "@ NS ns.test."]
        if zone == "test":
            lines.append("ns A 127.0.0.1")
        for owner, records in self.zones[zone].items():
            lines += [f"{owner} {record}" for record in records]
        with open(plain, "w") as file:
            file.write("\n".join(lines + delegations) + "\n")
        self.files[zone] = plain
        if zone in self.insecure:
            return ""
        folder = os.path.dirname(plain)
        key = [self._keygen(folder, origin, *flag) for flag in ([], ["-k"])]
        run(["ldns-signzone", "-n", "-o", origin, "-i", "20200101000000", "-e", "20361231000000", "-f", plain + ".signed", plain, *key])
        self.files[zone] = plain + ".signed"
        if zone in self.bogus:
            self._spoil(plain + ".signed")
        if not zone:
            self.anchor = key[1] + ".ds"
        return key[1]

    @staticmethod
    def _keygen(folder, origin, *flags):
        made = run(["sh", "-ec", 'cd "$1"; shift; exec ldns-keygen "$@"', "sh", folder, "-r", "/dev/urandom",
                    "-a", "ECDSAP256SHA256", *flags, origin])
        return os.path.join(folder, made.strip().splitlines()[-1])

    @staticmethod
    def _spoil(path):
        """Changes the first letter of each signature over what people look up."""
        with open(path) as file:
            lines = file.read().splitlines()
        for i, line in enumerate(lines):
            fields = line.split()
            if len(fields) > 12 and fields[3] == "RRSIG" and fields[4] not in ("DNSKEY", "SOA", "NSEC3"):
                fields[12] = ("B" if fields[12][0] == "A" else "A") + fields[12][1:]
                lines[i] = " ".join(fields)
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")

    def _configuration(self, folder, files, anchor):
        lines = ["server:", "  interface: 127.0.0.1", "  port: 53", "  access-control: 0.0.0.0/0 allow", '  username: ""', '  chroot: ""',
                 f'  directory: "{folder}"', f'  pidfile: "{folder}/pid"', "  use-syslog: no", "  do-daemonize: no", "  num-threads: 1",
                 "  do-ip6: no", "  do-not-query-localhost: no", '  module-config: "validator iterator"', "  ede: yes",
                 "  outgoing-range: 64", "  num-queries-per-thread: 32", f'  trust-anchor-file: "{anchor}"',
                 "  unblock-lan-zones: yes"]
        for zone in self.zones:
            if zone and "." not in zone:
                lines.append(f'  local-zone: "{zone}." nodefault')
        lines += ["remote-control:", "  control-enable: no"]
        for zone, path in files.items():
            lines += ["auth-zone:", f'  name: "{zone}."', f'  zonefile: "{path}"', "  for-downstream: no", "  for-upstream: yes",
                      "  fallback-enabled: no"]
        return "\n".join(lines) + "\n"


class Answer:
    def __init__(self, text):
        self.text = text
        header = next((line for line in text.splitlines() if "flags:" in line and "rcode" not in line), "")
        self.authentic = " ad " in header.split(";", 3)[2] + " " if header.count(";") >= 3 else False
        self.rcode = text.split("rcode: ")[1].split(",")[0] if "rcode: " in text else "none"
        section = text.split(";; ANSWER SECTION:")[1].split(";; AUTHORITY")[0] if ";; ANSWER SECTION:" in text else ""
        self.records = [" ".join(line.split()[3:]) for line in section.splitlines() if line and not line.startswith(";")]
        self.data = [r for r in self.records if not r.startswith("RRSIG")]
