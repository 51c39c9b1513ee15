"""Machine: a host with systemd that a script drives, by the method names of the NixOS test driver.

The scripts in machines/*.py are written against this class and run by three back ends: systemd-nspawn (nspawn.py), QEMU
(qemu.py) and the NixOS driver, which brings a class of its own with the same names. So keep to what both have.
"""
import contextlib
import time
from abc import ABC, abstractmethod
from typing import Callable, Iterator, Optional, TypeVar

Value = TypeVar("Value")


class Machine(ABC):
    """Not started until start() is called, by hand or by start_all(). All waits fail by exception when their time is over."""

    def __init__(self, name: str) -> None:
        self.name = name

    # What a back end does.

    @abstractmethod
    def start(self) -> None:
        """Switches it on if it is off; what was written to its disk before is there."""

    @abstractmethod
    def execute(self, command: str, check_return: bool = True, check_output: bool = True, timeout: Optional[int] = 900) -> tuple[int, str]:
        """(exit status, standard output) of a bash command as root; standard error goes to the machine's log."""

    @abstractmethod
    def crash(self) -> None:
        """As if the power failed: nothing on it gets a chance to finish."""

    @abstractmethod
    def shutdown(self) -> None:
        """Orderly; returns when it is off."""

    @abstractmethod
    def block(self) -> None:
        """Pulls its network cable."""

    @abstractmethod
    def unblock(self) -> None:
        """Plugs it in again."""

    @abstractmethod
    def copy_from_host(self, source: str, target: str) -> None:
        """A file of the machine that runs the tests, put here."""

    # What follows from that.

    def succeed(self, *commands: str, timeout: Optional[int] = None) -> str:
        """The commands' output; each must exit with 0, also inside a pipe."""
        output = ""
        for command in commands:
            status, out = self.execute("set -euo pipefail\n" + command, timeout=timeout or 900)
            if status != 0:
                raise AssertionError(f"{self.name}: {command!r} failed with {status}: {out[-3000:]}{self.recent_errors()}")
            output += out
        return output

    def fail(self, *commands: str, timeout: Optional[int] = None) -> str:
        """The opposite: each must exit with another status."""
        output = ""
        for command in commands:
            status, out = self.execute("set -euo pipefail\n" + command, timeout=timeout or 900)
            if status == 0:
                raise AssertionError(f"{self.name}: {command!r} was expected to fail: {out[-3000:]}")
            output += out
        return output

    def wait_until_succeeds(self, command: str, timeout: int = 900) -> str:
        def ask() -> Optional[str]:
            status, out = self.execute("set -euo pipefail\n" + command, timeout=timeout)
            return out + "\n" if status == 0 else None

        return self.wait_for(f"{command!r} to succeed", ask, timeout)[:-1]

    def wait_until_fails(self, command: str, timeout: int = 900) -> str:
        def ask() -> Optional[str]:
            status, out = self.execute("set -euo pipefail\n" + command, timeout=timeout)
            return out + "\n" if status != 0 else None

        return self.wait_for(f"{command!r} to fail", ask, timeout)[:-1]

    def wait_for_unit(self, unit: str, user: Optional[str] = None, timeout: int = 900) -> None:
        """Until it is active; fails at once when it has failed, or is inactive with nothing left to do."""

        def ask() -> bool:
            state = self.unit_state(unit)
            if state == "failed":
                raise AssertionError(f"{self.name}: {unit} has failed\n" + self.execute(f"journalctl --no-pager -n 40 -u {unit}")[1])
            return state == "active"

        self.wait_for(f"unit {unit}", ask, timeout)

    def unit_state(self, unit: str) -> str:
        return self.systemctl(f"show --property=ActiveState --value -- {unit}")[1].strip()

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        state = self.unit_state(unit)
        if state != require_state:
            raise AssertionError(f"{self.name}: {unit} is {state!r}, expected {require_state!r}")

    def systemctl(self, q: str, user: Optional[str] = None) -> tuple[int, str]:
        return self.execute("systemctl " + q)

    def start_job(self, jobname: str, user: Optional[str] = None) -> tuple[int, str]:
        return self.systemctl("start " + jobname)

    def stop_job(self, jobname: str, user: Optional[str] = None) -> tuple[int, str]:
        return self.systemctl("stop " + jobname)

    def wait_for_open_port(self, port: int, addr: str = "localhost", timeout: int = 900) -> None:
        self.wait_for(f"port {port}", lambda: self._is_open(port, addr), timeout)

    def wait_for_closed_port(self, port: int, addr: str = "localhost", timeout: int = 900) -> None:
        self.wait_for(f"the end of port {port}", lambda: not self._is_open(port, addr), timeout)

    def _is_open(self, port: int, addr: str) -> bool:
        return self.execute(f"timeout 2 bash -c 'exec 3<>/dev/tcp/{addr}/{port}' 2>/dev/null")[0] == 0

    def wait_for_file(self, filename: str, timeout: int = 900) -> None:
        self.wait_for(f"file {filename}", lambda: self.execute(f"test -e '{filename}'")[0] == 0, timeout)

    def log(self, msg: str) -> None:
        print(f"{self.name}: {msg}")

    def recent_errors(self) -> str:
        """The end of what commands wrote to standard error, for messages."""
        return ""

    def wait_for(self, what: str, ask: Callable[[], Optional[Value]], timeout: float) -> Value:
        end = time.monotonic() + timeout
        pause = 0.05
        while True:
            value = ask()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: waited {timeout:g} s for {what}{self.recent_errors()}")
            time.sleep(pause)
            pause = min(1.0, pause * 1.3)


@contextlib.contextmanager
def subtest(name: str) -> Iterator[None]:
    """Names what fails, and tells how long each part took."""
    begin = time.monotonic()
    try:
        yield
    except Exception as error:
        raise AssertionError(f"in {name!r}: {error}") from error
    print(f"{time.monotonic() - begin:6.1f} s  {name}")
