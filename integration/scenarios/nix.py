"""services.mox and the flake, as far as Debian's Nix goes without nixpkgs: evaluated, checked by the server itself, and
built in Nix's own sandbox with this machine's toolchain."""
import difflib
import hashlib
import json
import os
import re
import shutil
import tarfile

import roles
from lab import require, run
from moxhost import ROOT, binary
from nixos import Nix, Refused, TESTS, imported, sample
from nspawn import Nspawn
from scenario import contains, equal, scenario

MODULE = os.path.join(ROOT, "nixos-module")
EXPOSURE = "16"  # of systemd-analyze security, 1.6: below it are only units without network


def text_of(*parts: str) -> str:
    with open(os.path.join(*parts)) as file:
        return file.read()


def nix(lab) -> Nix:
    return Nix(lab.path("nix", ""))


@scenario(seconds=30, needs_mox=True)
def module_reloads_for_what_the_server_reloads(lab):
    """The fields whose change needs no restart are those of domains.conf."""
    described = re.findall(r"^(?:# )?([A-Z]\w*):", run([binary(), "config", "describe-domains"]), re.M)
    listed = re.search(r"dynamic = \[(.*?)\]", text_of(MODULE, "default.nix"), re.S)
    equal(sorted(described), sorted(re.findall(r'"(\w+)"', listed[1])), "fields that need no restart")


@scenario(seconds=120, needs_mox=True)
def module_is_checked_by_the_server(lab):
    """A sample system is evaluated; the server takes its configuration, in a build as on a rebuild."""
    built = nix(lab).checked(sample(), binary())
    equal(nix(lab).render(sample()).json, text_of(built), "the file that was checked")
    settings = json.loads(text_of(built))
    equal("/run/credentials/mox.service/account-alice-hash", settings["Accounts"]["alice"]["PasswordHashFile"])
    equal(["alice@example.net", "alice@example.org", "info@example.org"], sorted(settings["Accounts"]["alice"]["Destinations"]))
    equal(["bob@example.org", "@example.org"], sorted(settings["Accounts"]["bob"]["Destinations"], reverse=True))
    contains("/run/secrets", "".join(nix(lab).render(sample()).credentials.values()))
    if "/run/secrets" in text_of(built):
        raise AssertionError("the configuration names a secret's own file")


@scenario(seconds=300, needs_mox=True)
def module_refuses_mistakes(lab):
    """Each file of tests/wrong/ spoils the least configuration there is, and is refused with the words of its first line: by
    the evaluation, or by the server in the build."""
    evaluator, least = nix(lab), text_of(TESTS, "least.nix")
    evaluator.checked(least, binary())
    names = sorted(os.listdir(os.path.join(TESTS, "wrong")))
    assert len(names) >= 10, names
    for name in names:
        path = os.path.join(TESTS, "wrong", name)
        expected = re.match(r'# Refused: (.*)', text_of(path))[1]
        both = f"{{ imports = [ ({least}) {path} ]; }}"
        try:
            evaluator.render(both)
        except Refused as refusal:
            check_refusal(name, expected, refusal)
            assert not name.startswith("server_"), f"{name} is refused before the server sees it"
            continue
        assert name.startswith("server_"), f"{name} is not refused"
        try:
            evaluator.checked(both, binary())
        except Refused as refusal:
            check_refusal(name, expected, refusal)
            continue
        raise AssertionError(f"{name} is not refused by the server")


def check_refusal(name: str, expected: str, refusal: Refused) -> None:
    said = str(refusal)
    if not re.search(expected, said):
        raise AssertionError(f"{name}: expected {expected!r} in what Nix said: {said}")
    print(f"  {name}: {re.search('.*' + expected + '.*', said)[0].strip()}")


@scenario(seconds=60, needs_mox=True)
def module_unit_is_hardened(lab):
    """systemd finds nothing wrong with the unit, and calls it as little exposed as a server of mail can be."""
    require("systemd-analyze")
    system = nix(lab).render(sample(), program=installed(lab))
    unit = lab.path("units", "mox.service")
    write(unit, system.unit)
    equal("", run(["systemd-analyze", "verify", "--man=no", unit]).strip(), "complaints of systemd-analyze verify")
    said = run(["systemd-analyze", "security", "--offline=yes", "--threshold=" + EXPOSURE, unit])
    print(said.strip().splitlines()[-1])
    for line in ("Type=notify", "User=mox", "StateDirectory=mox", "StateDirectoryMode=0700", "AmbientCapabilities=CAP_NET_BIND_SERVICE"):
        contains(line, system.unit.splitlines())
    # The score has teeth: without one line it is too high.
    write(unit, system.unit.replace("ProtectSystem=strict\n", "").replace("NoNewPrivileges=true\n", ""))
    try:
        run(["systemd-analyze", "security", "--offline=yes", "--threshold=" + EXPOSURE, unit])
    except AssertionError:
        return
    raise AssertionError("a unit without ProtectSystem passes too")


def installed(lab) -> str:
    """A path that ends in /bin/mox, where the program is."""
    path = lab.path("usr", "bin", "mox")
    if not os.path.exists(path):
        os.symlink(os.path.abspath(binary()), path)
    return path


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


@scenario(seconds=60)
def module_opens_ports(lab):
    """openFirewall opens what is listened on for others, and nothing else."""
    equal([25, 465, 993], nix(lab).render(sample()).firewall, "ports")
    more = f"""{{ imports = [ ({sample()}) ]; services.mox.listeners = {{
        inside = {{ ips = [ "127.0.0.1" "::1" ]; tls = false; smtp.enable = true; smtp.port = 2525; }};
        odd = {{ ips = [ "203.0.113.5" ]; submission = {{ enable = true; port = 5870; }}; imap.enable = true; metrics.enable = true; }}; }}; }}"""
    equal([25, 143, 465, 993, 5870], nix(lab).render(more).firewall, "ports")
    by_alpn = f"{{ imports = [ ({sample()}) ]; services.mox.settings.Listeners.public.IMAPS.EnabledOnHTTPS = true; }}"
    equal([25, 443, 465, 993], nix(lab).render(by_alpn).firewall, "ports with mail by ALPN")
    equal([], nix(lab).render(f"{{ lib, ... }}: {{ imports = [ ({sample()}) ]; services.mox.openFirewall = lib.mkForce false; }}").firewall, "ports")


@scenario(seconds=60, needs_mox=True)
def module_change_is_small(lab):
    """An account more in the Nix file: the configuration has that account more, a reload is enough; another listener address
    takes a restart."""
    before = nix(lab).render(sample())
    after = nix(lab).render(spoken('services.mox.domains."example.org".accounts.carol.fullName = "Carol";'))
    changed = [line for line in difflib.ndiff(before.json.splitlines(), after.json.splitlines()) if line[0] in "+-"]
    added = json.loads(after.json)["Accounts"]["carol"]
    equal({"Domain": "example.org", "FullName": "Carol", "Destinations": {"carol@example.org": {}}}, added, "what was added")
    equal([], [line for line in changed if line[0] == "-"], "lines that went")
    equal(before.unit, after.unit, "unit")
    equal(before.restartTriggers, after.restartTriggers, "what a restart depends on")

    moved = nix(lab).render(spoken('services.mox.listeners.public.natIps = [ "192.0.2.1" ];'))
    assert moved.restartTriggers != before.restartTriggers, "a change of a listener only reloads"
    said = nix(lab).render(spoken('services.mox.settings.Domains."example.net".Description = "by the server\'s own names";'))
    equal("by the server's own names", json.loads(said.json)["Domains"]["example.net"]["Description"], "what settings say beside options")
    secret = nix(lab).render(spoken('services.mox.domains."example.org".accounts.carol.passwordFile = "/run/secrets/carol";'))
    contains("LoadCredential=account-carol-password:/run/secrets/carol", secret.unit.splitlines())


def spoken(change: str) -> str:
    return f"{{ imports = [ ({sample()}) ]; {change} }}"


@scenario(seconds=60)
def module_takes_acme_certificates(lab):
    """tls.useACMEHost: certificates of security.acme reach the server as credentials, and a renewal restarts it."""
    system = nix(lab).render(f"""{{ lib, ... }}: {{ imports = [ {TESTS}/least.nix ]; services.mox.tls = {{
        certificates = lib.mkForce [ ]; useACMEHost = "mail.example.org"; }}; }}""")
    equal("/var/lib/acme/mail.example.org/key.pem", system.credentials["acme-key"])
    pairs = json.loads(system.json)["Listeners"]["public"]["TLS"]["KeyCerts"]
    equal([{"CertFile": "/run/credentials/mox.service/acme-cert", "KeyFile": "/run/credentials/mox.service/acme-key"}], pairs)
    contains("Wants=acme-mail.example.org.service", system.unit.splitlines())
    contains("systemctl --no-block try-restart mox.service", system.acme["mail.example.org"]["postRun"])


@scenario(seconds=120, needs_mox=True)
def module_lets_the_server_get_certificates(lab):
    """tls.acme: the server knows its provider, asks for what it needs to prove its names, and security.acme has no part in it."""
    built = nix(lab).checked(sample("acme"), binary())
    system = nix(lab).render(sample("acme"))
    equal(system.json, text_of(built), "the file that was checked")
    settings = json.loads(system.json)
    equal({"acme": {"DirectoryURL": "https://acme.example.com/directory", "ContactEmail": "admin@example.org", "RenewBefore": "480h", "ExternalAccountBinding":
                    {"KeyID": "kid-1", "KeyFile": "/run/credentials/mox.service/acme-binding"}}}, settings["ACME"], "providers")
    listeners = settings["Listeners"]
    equal([{"ACME": "acme"}, {"ACME": "acme"}, None], [listeners[name].get("TLS") for name in ("public", "programs", "metrics")], "certificates of listeners")
    equal(["public"], [name for name, listener in listeners.items() if "WebserverHTTP" in listener], "listeners that answer at port 80")
    equal([25, 80, 443, 465, 993], system.firewall, "ports")
    equal({"acme-binding": "/run/secrets/acme-binding", "account-alice-password": "/run/secrets/alice"}, system.credentials, "credentials")
    equal({}, system.acme, "what is asked of security.acme")
    assert "acme-" not in system.unit.replace("acme-binding", ""), system.unit
    contains("AmbientCapabilities=CAP_NET_BIND_SERVICE", system.unit.splitlines())

    # The least there is to say: who can be reached.
    least = nix(lab).render(f"""{{ lib, ... }}: {{ imports = [ {TESTS}/least.nix ]; services.mox = {{ openFirewall = true; tls = {{
        certificates = lib.mkForce [ ]; acme = {{ enable = true; email = "admin@example.org"; http = false; }}; }}; }}; }}""")
    equal({"acme": {"DirectoryURL": "https://acme-v02.api.letsencrypt.org/directory", "ContactEmail": "admin@example.org"}}, json.loads(least.json)["ACME"], "providers")
    equal([25, 443, 465, 993], least.firewall, "ports without http-01")
    moved = nix(lab).render(f"{{ imports = [ ({sample('acme')}) ]; services.mox.tls.acme.port = 8443; }}")
    equal([25, 80, 465, 993, 8443], moved.firewall, "ports behind a host that passes 443 on")
    assert moved.restartTriggers != system.restartTriggers, "a change of the provider only reloads"


@scenario(seconds=60, needs_mox=True)
def module_has_the_servers_dns_records(lab):
    """config.services.mox.dnsRecords has what `mox dns records` prints, but for what needs keys."""
    system = nix(lab).render(spoken("""services.mox.domains."reports.example".dmarc.domain = "example.org";
        services.mox.domains."mail.example.net" = { accounts.dave = { }; dkim.selectors = { }; };
        services.mox.settings.Listeners.public.AutoconfigHTTPS.Enabled = true;
        services.mox.settings.ACME = {
          letsencrypt = { DirectoryURL = "https://acme-v02.api.letsencrypt.org/directory"; ContactEmail = "a@example.org"; };
          said = { DirectoryURL = "https://acme.example.com/directory"; ContactEmail = "a@example.org"; IssuerDomainName = "example.com"; };
          unknown = { DirectoryURL = "https://acme.example.net/directory"; ContactEmail = "a@example.org"; };
        };
        services.mox.listeners.public.natIps = [ "203.0.113.9" "10.0.0.1" ];"""))
    settings = json.loads(system.json)
    certificate, key = lab.certificate("mail.example.org", "m")
    files = {"tls-0-cert": text_of(certificate), "tls-0-key": text_of(key), "account-alice-hash": run(["openssl", "passwd", "-6", "correct horse"]),
             "account-bob-password": "correct horse battery\n", "smarthost": "correct horse battery\n", "admin-password": "$2b$12$" + 53 * "a" + "\n",
             "dkim-example.net-autumn": run(["openssl", "genpkey", "-algorithm", "ed25519"])}
    equal(sorted(system.credentials), sorted(files), "credentials")
    folder = lab.path("credentials", "")
    for name, text in files.items():
        write(folder + name, text)
        os.chmod(folder + name, 0o400)
    settings["DataDir"] = lab.path("data", "").rstrip("/")
    path = lab.path("mox.json")
    write(path, json.dumps(settings).replace("/run/credentials/mox.service/", folder))
    for domain in settings["Domains"]:
        # Its status is 1, with the records printed, before the server made the keys it is to make.
        said = json.loads(run(["sh", "-c", '"$@" 2>/dev/null || true', "sh", binary(), "-config", path, "dns", "records", "-format", "json", domain]))
        printed = [(r["name"], r["type"], r["data"]) for r in said["records"] if not needs_keys(r) and not r.get("condition")]
        equal(sorted(printed), sorted((r["name"], r["type"], r["data"]) for r in system.dnsRecords[domain]), "records of " + domain)


@scenario(seconds=60)
def module_refuses_dns_records_it_cannot_name(lab):
    """Records of a domain outside ASCII are refused with what to do; the system and the records of other domains are had."""
    change = spoken('services.mox.domains."bücher.example".accounts.erin = { };')
    program = imported('storeBinary = { outPath = "/usr/local"; };')
    of = f"let system = ({program}).evaluate [ ({change}) ]; in "
    equal("10 mail.example.org.", nix(lab).evaluate(of + '(builtins.head (builtins.filter (r: r.type == "MX") system.dnsRecords."example.org")).data'))
    contains("bücher.example", nix(lab).evaluate(of + "system.json"))
    try:
        nix(lab).evaluate(of + 'system.dnsRecords."bücher.example"')
    except Refused as refusal:
        contains("services.mox.dnsRecords: bücher.example. cannot be turned to A-labels by Nix", str(refusal))
        return
    raise AssertionError("records with names that are not A-labels")


def needs_keys(record: dict) -> bool:
    return "._domainkey." in record["name"] or record["type"] == "TLSA"


def tree(lab) -> str:
    """The files of the project without what builds left there: what a flake sees."""
    folder = lab.path("tree", "")
    names = run(["git", "-c", "safe.directory=" + ROOT, "-C", ROOT, "ls-files", "-co", "--exclude-standard"]).splitlines()
    for name in names:
        if os.path.isfile(os.path.join(ROOT, name)):
            os.makedirs(os.path.dirname(folder + name), exist_ok=True)
            shutil.copy(os.path.join(ROOT, name), folder + name)
    return folder


@scenario(seconds=120)
def flake_is_sound(lab):
    """`nix flake check` without building, on a stand-in for nixpkgs: every output is evaluated to a derivation, the systems of
    the tests with virtual machines too."""
    folder, evaluator = tree(lab), nix(lab)
    stand_in = ["--override-input", "nixpkgs", f"path:{folder}nixos-module/tests", "--no-write-lock-file"]
    evaluator.run("flake", "check", "--no-build", "path:" + folder, *stand_in)
    shown = json.loads(evaluator.run("flake", "show", "--json", "path:" + folder, *stand_in))
    equal(["apps", "checks", "devShells", "nixosModules", "overlays", "packages"], sorted(shown), "outputs")
    for system in ("x86_64-linux", "aarch64-linux"):
        equal(["default", "image", "mox"], sorted(shown["packages"][system]), "packages for " + system)
    # `flake check` takes this machine's own system alone.
    path = evaluator.run("eval", "--raw", f"path:{folder}#packages.aarch64-linux.image.drvPath", *stand_in)
    assert path.endswith("-mox-image.tar.drv"), path
    scripts = [name for name in os.listdir(os.path.join(ROOT, "integration", "machines"))
               if re.search(r"^# Back ends:.*\bnixos\b", text_of(ROOT, "integration", "machines", name), re.M)]
    equal(sorted(["acme", "module", "package"] + ["machines-" + name.removesuffix(".py") for name in scripts]), sorted(shown["checks"]["x86_64-linux"]), "checks")


@scenario(seconds=60)
def flake_refuses_a_mistake(lab):
    """The check above has teeth: a wrong option in the system of a test is found."""
    folder = tree(lab)
    path = folder + "nixos-module/tests/sample.nix"
    write(path, text_of(path).replace("openFirewall", "openFirewal"))
    try:
        nix(lab).run("flake", "check", "--no-build", "path:" + folder, "--override-input", "nixpkgs", f"path:{folder}nixos-module/tests", "--no-write-lock-file")
    except Refused as refusal:
        contains("services.mox.openFirewal", str(refusal))
        return
    raise AssertionError("an option that does not exist is not refused")


@scenario(seconds=120)
def package_has_all_it_builds(lab):
    """The files that package.nix picks are enough: cmake configures them in the sandbox, and no step lacks its input."""
    built = nix(lab).build(f"""
      let
        outputs = (import {TESTS}/flake.nix).outputs {{ self = {{ }}; }};
        package = outputs.legacyPackages.${{builtins.currentSystem}}.callPackage {MODULE}/package.nix {{ }};
      in (import {TESTS}/nixos.nix {{ }}).pkgs.runCommand "steps" {{ inherit (package) src version; targets = package.ninjaFlags; }} ''
        cmake -G Ninja -S "$src" -B build -DCMAKE_BUILD_TYPE="${{package.cmakeBuildType}}" >/dev/null
        ninja -C build -t inputs $targets >"$out"
        while read -r input; do
          case "$input" in "$src"/*) test -e "$input" ;; esac
        done <"$out"
        if [ -e "$src/container" ] || [ -e "$src/integration/run.py" ]; then exit 1; fi
      ''""", seconds=100)
    inputs = text_of(built)
    for name in ("/src/main.cpp", "/src/store/", "/tests/main.cpp", "/tests/store/"):
        contains(name, inputs)


@scenario(seconds=30)
def overlay_leaves_the_other_mox_alone(lab):
    """nixpkgs has a program of the same name; the overlay adds ours beside it."""
    said = nix(lab).evaluate(f"""builtins.attrNames (((import {ROOT}/flake.nix).outputs {{
        self = {{ }}; nixpkgs = {{ lib = import {TESTS}/lib.nix; legacyPackages = {{ }}; }}; }}).overlays.default {{ }} {{ mox = "theirs"; }})""")
    equal(["mox-server"], said, "what the overlay sets")


@scenario(seconds=400, needs_mox=True)
def image_of_the_sandbox_is_the_same(lab):
    """The image writer run in Nix's sandbox, with this machine's libraries, gives the octets that it gives outside."""
    outside = lab.path("outside.tar")
    run(["python3", os.path.join(ROOT, "container", "image.py"), binary(), outside], env={"SOURCE_DATE_EPOCH": "1700000000"}, seconds=200)
    inside = nix(lab).build(f"""(import {TESTS}/nixos.nix {{ }}).pkgs.runCommand "mox.tar" {{ SOURCE_DATE_EPOCH = "1700000000"; }} ''
        mkdir tree && cp -r ${{{ROOT}/container}} tree/container && cp ${{{ROOT}/LICENSE}} tree/LICENSE
        cp ${{{os.path.abspath(binary())}}} mox && chmod 755 mox
        python3 tree/container/image.py "$PWD/mox" "$out"
    ''""", seconds=300)
    equal(digest(outside), digest(inside), "SHA-256 of the image")
    print(f"  {os.path.getsize(inside)} octets, {digest(inside)}")


@scenario(seconds=400, needs_mox=True)
def image_has_libraries_of_the_store(lab):
    """The flake's image, of a server whose libraries are in Nix's store: they are at their own paths, and in the list of parts."""
    built = nix(lab).build(f"""
      let
        pkgs = (import {TESTS}/nixos.nix {{ }}).pkgs;
        mox = pkgs.runCommand "mox" {{ }} ''
          mkdir -p "$out/bin" "$out/share/licenses/mox"
          cp ${{{os.path.abspath(binary())}}} "$out/bin/mox" && chmod 755 "$out/bin/mox"
          cp ${{{ROOT}/LICENSE}} "$out/share/licenses/mox/LICENSE"
        '';
        libraries = pkgs.runCommand "libraries-1.2" {{ }} ''
          mkdir -p "$out/lib"
          ldd ${{mox}}/bin/mox | while read -r name arrow path rest; do
            if [ "$arrow" = "=>" ]; then cp -L "$path" "$out/lib/$name"; fi
          done
        '';
        cacert = pkgs.runCommand "cacert" {{ }} ''
          mkdir -p "$out/etc/ssl/certs" && cp /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/ca-bundle.crt"
        '';
      in import {MODULE}/image.nix {{
        lib = pkgs.lib; python3 = null; binutils = null; glibc.bin = null; tzdata = "/usr"; epoch = 1700000000;
        inherit mox cacert;
        runCommand = name: env: pkgs.runCommand name (removeAttrs env [ "nativeBuildInputs" ] // {{ LD_LIBRARY_PATH = "${{libraries}}/lib"; }});
      }}""", seconds=300)
    with tarfile.open(built) as outer:
        manifest = json.load(outer.extractfile("manifest.json"))[0]
        with tarfile.open(fileobj=outer.extractfile(manifest["Layers"][0])) as layer:
            names = layer.getnames()
            parts = {p["name"]: p["versionInfo"] for p in json.load(layer.extractfile("usr/share/sbom/mox.spdx.json"))["packages"]}
            libssl = next(name for name in names if name.endswith("/lib/libssl.so.3"))
    contains("usr/bin/mox", names)
    assert re.fullmatch(r"nix/store/[a-z0-9]{32}-libraries-1\.2/lib/libssl\.so\.3", libssl), libssl
    equal("1.2", parts["libraries"], "version of what the libraries are from")


def digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@scenario(seconds=240, needs_mox=True)
def module_rebuild_on_a_host(lab):
    """A rebuild that changes accounts: the new mox.json takes effect by a reload, with the same process; what was taken out gets
    no mail any more; what the server refuses leaves everything as it was, and the reload fails."""
    mox, peer = Nspawn(lab, "mox"), Nspawn(lab, "peer")
    roles.Neighbourhood(lab, [mox, peer]).furnish(by_module=True)

    def rebuild(change: str) -> None:
        write(lab.path("mox.json"), roles.lab_system(lab, change).json)
        mox.copy_from_host(lab.path("mox.json"), "/etc/mox/mox.json")
        mox.succeed("systemctl reload mox.service")

    for machine, unit in ((mox, "mox.service"), (peer, "postfix.service")):
        machine.start()
        machine.wait_for_unit(unit)
    process = mox.succeed("systemctl show --property=MainPID mox.service")
    at_mox = "--server mail.mox.test --to sales@mox.test"
    peer.fail(f"mailtool send early {at_mox}")
    rebuild('services.mox.postmaster.account = "test"; services.mox.domains."mox.test".accounts.sales = { };'
            'services.mox.domains."mox.test".accounts.test.addresses = [ "test" "orders" ];')
    peer.succeed(f"mailtool send added {at_mox}", "mailtool send another --server mail.mox.test --to orders@mox.test")
    mox.succeed("mailtool inbox another")

    rebuild("")
    peer.fail(f"mailtool send late {at_mox}")
    mox.succeed("find /var/lib/mox -path '*sales*' | grep -q .")
    equal(process, mox.succeed("systemctl show --property=MainPID mox.service"), "the process that serves")

    write(lab.path("mox.json"), text_of(lab.path("mox.json")).replace('"Domain"', '"Domian"'))
    mox.copy_from_host(lab.path("mox.json"), "/etc/mox/mox.json")
    mox.fail("systemctl reload mox.service")
    peer.succeed("mailtool send kept --server mail.mox.test")
    mox.succeed("mailtool inbox kept")
    mox.require_unit_state("mox.service")
