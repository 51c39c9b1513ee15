"""What a scenario file needs: the @scenario mark and a few ways to wait and compare."""
import time

ALL = []


class Skipped(Exception):
    """Raised by a scenario that cannot run here; its text is the reason, which is printed, and the scenario is counted as skipped."""


def scenario(seconds=60, needs_mox=False, needs_corpus=False, needs_vm=False):
    """Marks a function of one argument, the Lab, as a scenario. It passes if it returns; it fails by any exception.

    seconds: its time-out. needs_mox: it fails at once, saying so, when the mox binary is missing. needs_corpus: the
    corpus is fetched before the scenario starts, because the lab has no way out. needs_vm: so is what virtual machines boot.
    """

    def mark(function):
        function.seconds = seconds
        function.needs_mox = needs_mox
        function.needs_corpus = needs_corpus
        function.needs_vm = needs_vm
        ALL.append(function)
        return function

    return mark


def wait_for(what, condition, seconds=20.0, pause=0.05):
    """Asks condition() until it is true and gives its value; fails after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(pause)


def equal(expected, actual, what="value"):
    if expected != actual:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def contains(needle, text, what="text"):
    if needle not in text:
        raise AssertionError(f"{what}: {needle!r} is not in {text[-2000:]!r}")
