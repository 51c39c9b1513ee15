"""Lab: hosts for one scenario, each with its own network, mounts and folder, on one bridge.

A host is a network and a mount namespace held by a sleeping process. All of it lives inside the PID namespace that run.py
starts a scenario in, so when the scenario ends, however it ends, the kernel takes hosts and daemons away; only the folder
is left to remove. Nothing leaves the lab: the bridge has no way out.
"""
import os
import shutil
import signal
import socket
import subprocess
import time

from scenario import wait_for

NETWORK = "10.77.0."  # of 10.77.0.0/16


class Lab:
    def __init__(self, folder):
        """folder: empty, on a file system with room; removed by who made it."""
        self.folder = folder
        os.chmod(folder, 0o755)  # daemons run as several users
        self.hosts = {}
        # One hosts file for all, the scenario's own process included; no resolver: names fail at once, not after ten seconds.
        for name, text in (("hosts", "127.0.0.1 localhost\n"), ("resolv.conf", "")):
            with open(self.path(name), "w") as file:
                file.write(text)
            if os.path.exists("/etc/" + name):
                run(["mount", "--bind", self.path(name), os.path.realpath("/etc/" + name)])
        self._hub = self._keeper(net=True, mounts=False)
        self._in(self._hub, ["sh", "-ec", "ip link set lo up; ip link add br0 type bridge; ip link set br0 up"])

    def host(self, name, address=None):
        """A new host, reached by the others at 10.77.0.11 and up unless told; its own loopback is 127.0.0.0/8."""
        host = Host(self, name, address or NETWORK + str(11 + len(self.hosts)))
        self.hosts[name] = host
        with open(self.path("hosts"), "a") as file:
            file.write(f"{host.address} {name}\n")
        return host

    def path(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def certificate(self, name, *alternatives):
        """(certificate, key) as PEM files for a name and IP addresses or further names, signed by the lab's CA."""
        self.ca()
        cert, key, request, extensions = (self.path("tls", f"{name}.{kind}") for kind in ("pem", "key", "csr", "ext"))
        names = [f"{'IP' if a.replace('.', '').isdigit() else 'DNS'}:{a}" for a in (name, *alternatives)]
        with open(extensions, "w") as file:
            file.write("subjectAltName=" + ",".join(names) + "\nextendedKeyUsage=serverAuth\n")
        run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
             "-keyout", key, "-out", request])
        run(["openssl", "x509", "-req", "-in", request, "-CA", self.path("tls", "ca.pem"), "-CAkey", self.path("tls", "ca.key"),
             "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", cert])
        return cert, key

    def ca(self):
        """The CA's certificate, for clients."""
        cert = self.path("tls", "ca.pem")
        if not os.path.exists(cert):
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", "/CN=lab CA", "-keyout", self.path("tls", "ca.key"), "-out", cert])
        return cert

    def _keeper(self, net, mounts):
        flags = ["--net"] * net + ["--mount", "--propagation=private"] * mounts
        keeper = subprocess.Popen(["unshare", *flags, "sleep", "infinity"], stdin=subprocess.DEVNULL)
        own = os.readlink("/proc/self/ns/net")

        def moved():
            try:
                return os.readlink(f"/proc/{keeper.pid}/ns/net") != own and \
                    os.readlink(f"/proc/{keeper.pid}/exe").endswith("sleep")
            except OSError:
                return False

        wait_for("a namespace", moved, 10, 0.005)
        return keeper.pid

    @staticmethod
    def _in(pid, command):
        run(["nsenter", "-t", str(pid), "-n", *command])


class Host:
    def __init__(self, lab, name, address):
        self.lab, self.name, self.address = lab, name, address
        self.folder = os.path.join(lab.folder, name)
        os.mkdir(self.folder)
        self._pid = lab._keeper(net=True, mounts=True)
        self.port = f"v{len(lab.hosts)}"  # its end of the cable at the bridge
        lab._in(lab._hub, ["sh", "-ec", f"ip link add {self.port} type veth peer name eth0 netns {self._pid}; "
                           f"ip link set {self.port} master br0 up"])
        lab._in(self._pid, ["sh", "-ec", f"ip link set lo up; ip addr add {address}/16 dev eth0; ip link set eth0 up"])
        self.write("resolv.conf", "")
        if os.path.exists("/etc/resolv.conf"):
            self.bind("resolv.conf", os.path.realpath("/etc/resolv.conf"))

    def path(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), errors="replace") as file:
            return file.read()

    def bind(self, name, target):
        """Puts the host's own file or folder over a path of the machine, for this host only."""
        self.run(["mount", "--bind", self.path(name), target])

    def enter(self, command):
        """The command line that runs `command` here."""
        return ["nsenter", "-t", str(self._pid), "-n", "-m", "-r", "--", *command]  # -r: also right inside a chroot

    def run(self, command, input=None, seconds=60, check=True, env=None):
        """Runs to the end and gives its output (text, errors included); fails on a status that is not 0 if check."""
        return run(self.enter(command), input=input, seconds=seconds, check=check, env=env)

    def status(self, command, input=None, seconds=60, env=None):
        """(exit status, output)."""
        done = subprocess.run(self.enter(command), input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds,
                              text=True, errors="replace", env=environment(env), **closed(input))
        return done.returncode, done.stdout

    def spawn(self, command, log, env=None):
        """Starts a daemon that stays in the foreground; its output goes to the host's file `log`."""
        with open(self.path(log), "ab") as out:
            return subprocess.Popen(self.enter(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(env),
                                    start_new_session=True)

    def connect(self, address, port, seconds=30.0):
        """A socket made inside this host: the scenario itself as a client or peer."""
        with self.inside():
            return socket.create_connection((address, port), seconds)

    def listen(self, port, address=None):
        """A listening socket inside this host: the scenario itself as a server."""
        with self.inside():
            return socket.create_server((address or self.address, port))

    def inside(self):
        """with host.inside(): sockets made by this thread are the host's."""
        return _Inside(self._pid)

    def wait_for_port(self, port, address=None, seconds=20.0, process=None):
        """Until something accepts connections; fails early if `process` ends."""

        def open_port():
            if process is not None and process.poll() is not None:
                raise AssertionError(f"{process.args[-3:]} ended with {process.returncode} before port {port} was open")
            try:
                self.connect(address or self.address, port, 1).close()
                return True
            except OSError:
                return False

        wait_for(f"port {port} on {self.name}", open_port, seconds)


class _Inside:
    """Moves the calling thread into a network namespace and back (setns)."""

    def __init__(self, pid):
        self._pid = pid

    def __enter__(self):
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._set(f"/proc/{self._pid}/ns/net")

    def __exit__(self, *_):
        setns(self._home)
        os.close(self._home)

    @staticmethod
    def _set(path):
        there = os.open(path, os.O_RDONLY)
        try:
            setns(there)
        finally:
            os.close(there)


def setns(descriptor):
    """setns(2) for a network namespace; Python has os.setns only from 3.12 on."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


def environment(extra):
    keep = {name: os.environ[name] for name in ("PATH", "CI", "ASAN_OPTIONS", "MOX_BINARY") if name in os.environ}
    keep["PATH"] = "/usr/local/sbin:/usr/sbin:/sbin:" + keep.get("PATH", "/usr/bin:/bin")
    return {**keep, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **(extra or {})}


def closed(input):
    return {} if input is not None else {"stdin": subprocess.DEVNULL}


def run(command, input=None, seconds=60, check=True, env=None):
    done = subprocess.run(command, input=input, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, text=True,
                          errors="replace", env=environment(env), **closed(input))
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def stop(process, seconds=10):
    """SIGTERM, and SIGKILL if that does not help; gives the exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait(seconds)


def require(*commands):
    """Fails by name for each missing program."""
    missing = [c for c in commands if shutil.which(c, path=environment(None)["PATH"]) is None]
    if missing:
        raise AssertionError("not installed: " + ", ".join(missing))


def timed(function, *arguments):
    """(seconds, value)"""
    start = time.monotonic()
    value = function(*arguments)
    return time.monotonic() - start, value
