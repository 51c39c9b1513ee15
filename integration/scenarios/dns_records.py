"""DNS records as mox prints them, in the tools that are to load them; and config dnscheck against a signed zone."""
import re

from dnslab import DnsLab
from lab import require
from moxhost import binary
from quickstarted import Quickstarted
from scenario import contains, equal, scenario

ADDRESS = "203.0.113.11"
APEX = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nmail A 203.0.113.11\n"
LINE = re.compile(r"^(\S+) (\d+) IN (\S+) (.+)$")


class Zoned(Quickstarted):
    def mox(self, *words):
        """(exit status, output)"""
        return self.host.status([binary(), "-config", f"{self.folder}/config/mox.conf", *words])

    def printed_records(self, form):
        status, text = self.mox("dns", "records", "-format", form, self.domain)
        equal(0, status, text)
        return text


def start(lab):
    host = lab.host("one", ADDRESS)
    dns = DnsLab(lab, {"one.test": {"mail": [f"A {ADDRESS}"]}, "com": {}, "113.0.203.in-addr.arpa": {"11": ["PTR mail.one.test."]}})
    dns.serve(host)
    return Zoned(host, "u", "one.test"), dns


def lines(text):
    return [LINE.match(line).groups() for line in text.splitlines() if LINE.match(line)]


def publish(dns, records):
    zone = dns.zones["one.test"]
    for owner, ttl, kind, data in records:
        zone.setdefault(owner, []).append(f"{ttl} {kind} {data}")
    dns.update("com", "@", [])


@scenario(seconds=120, needs_mox=True)
def printed_zone_is_well(lab):
    """The zone form, published as it is, satisfies config dnscheck; each damage is found and told with its record."""
    server, dns = start(lab)
    status, text = server.mox("config", "dnscheck", "one.test")
    equal(1, status, "status with an empty zone")
    contains("publish:  one.test. 300 IN MX 10 mail.one.test.", text)
    records = lines(server.printed_records("zone"))
    publish(dns, records)
    status, text = server.mox("config", "dnscheck", "one.test")
    equal(0, status, text)
    contains(" ok, 0 to consider, 0 wrong", text)
    for check in ("MX", "reverse name", "SPF", "DKIM ", "DMARC", "TLSRPT", "TLSA", "DNSSEC", "SRV", "CAA"):
        contains(f"ok       {check}", text)

    selector = next(owner for owner, _, _, _ in records if "._domainkey." in owner)
    sound = list(dns.zones["one.test"][selector])
    dns.update("one.test", selector, ['300 TXT "v=DKIM1; p=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="'])
    status, text = server.mox("config", "dnscheck", "one.test")
    equal(1, status, text)
    contains(f"error    DKIM {selector.split('.')[0]}", text)
    contains(f"publish:  {selector} 300 IN {sound[0].split(' ', 1)[1]}", text)
    dns.zones["one.test"][selector] = sound
    dns.update("one.test", "_25._tcp.mail.one.test.", [f"300 TLSA 3 1 1 {'00' * 32}"])
    status, text = server.mox("config", "dnscheck", "one.test")
    equal(1, status, text)
    contains("hold mail to this host back", text)


@scenario(seconds=60, needs_mox=True)
def zone_loads_in_tools(lab):
    """named-checkzone and ldns-read-zone take the zone form, and read as many records as are printed."""
    require("named-checkzone", "ldns-read-zone")
    server, _ = start(lab)
    for form in (server.printed_records("zone"), server.mox("config", "dnsrecords", "one.test")[1]):
        path = server.host.write("zone", APEX.replace("@", "one.test.").replace("ns A", "ns.one.test. A").replace("mail A", "mail.one.test. A")
                                 .replace("NS ns", "NS ns.one.test.") + form)
        contains("OK", server.host.run(["named-checkzone", "-i", "local", "one.test", path]))
        read = server.host.run(["ldns-read-zone", path])
        printed = [line for line in form.splitlines() if line.startswith(("_", "one.test.", "mail.", "mta-sts.", "autoconfig.", "2"))]
        equal(len(printed) + 4, len([line for line in read.splitlines() if "\t" in line]), "records read")


@scenario(seconds=60, needs_mox=True)
def nsupdate_sends_them(lab):
    """nsupdate puts the printed records into a real zone, twice without a difference, and takes a stale key's place."""
    require("named", "nsupdate", "dig")
    server, _ = start(lab)
    host = server.host
    folder = host.path("named", "x").rsplit("/", 1)[0]
    host.write("named/one.test", APEX)
    host.write("named/named.conf", f"""
options {{ directory "{folder}"; pid-file "{folder}/pid"; session-keyfile "{folder}/key"; listen-on port 5353 {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
recursion no; dnssec-validation no; managed-keys-directory "{folder}"; }};
controls {{ }};
zone "one.test" {{ type primary; file "{folder}/one.test"; allow-update {{ any; }}; allow-transfer {{ any; }}; }};
""")
    host.spawn(["named", "-g", "-c", f"{folder}/named.conf"], "named.log")
    host.wait_for_port(5353, "127.0.0.1")

    def update(text):
        host.run(["nsupdate", "-v"], input="server 127.0.0.1 5353\n" + text)
        zone = host.run(["dig", "+onesoa", "+noall", "+answer", "-p", "5353", "@127.0.0.1", "one.test", "AXFR"])
        return sorted(tuple(line.split(None, 4)) for line in zone.splitlines() if " SOA " not in line.replace("\t", " "))

    form = server.printed_records("nsupdate")
    first = update("update add _dmarc.one.test. 300 TXT \"v=DMARC1;p=none\"\nupdate add one.test. 300 TXT \"of somebody else\"\nsend\n" + form)
    equal(first, update(form), "the zone after the same again")
    equal(len(lines(server.printed_records("zone"))) + 4, len(first), "records in the zone")
    text = str(first)
    contains("of somebody else", text)
    contains("p=reject", text)
    if "p=none" in text:
        raise AssertionError("the older policy is still there: " + text)
