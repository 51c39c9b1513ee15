"""What a server's log tells of certificates by ACME, wherever that log is: a file, a journal, a container's."""
import re
from collections.abc import Callable

from scenario import equal, wait_for

OBTAINED, FAILED = "certificate obtained", "certificate not obtained"
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def events(log: str, message: str, host: str) -> list[dict[str, str]]:
    """The fields of the lines with this message about this host, oldest first."""
    found = []
    for line in log.splitlines():
        fields = {key: value.strip('"') for key, value in FIELD.findall(line)}
        if fields.get("m") == message and fields.get("host") == host:
            found.append(fields)
    return found


def wait_obtained(read: Callable[[], str], provider: str, host: str, count: int = 1, seconds: float = 60,
                  failures: Callable[[str], None] | None = None) -> dict[str, str]:
    """Until the log that read() gives has told of `count` certificates for this host; the fields of that line.

    An attempt that failed ends the wait, unless `failures` is given: it is called with the reason of each.
    """
    told, log = 0, ""

    def obtained() -> bool:
        nonlocal told, log
        log = read()
        for event in events(log, FAILED, host)[told:]:
            told += 1
            if failures is None:
                raise AssertionError(f"no certificate for {host}: {event}")
            failures(event["err"])
        return len(events(log, OBTAINED, host)) >= count

    wait_for(f"certificate {count} for {host}", obtained, seconds, 0.2)
    event = events(log, OBTAINED, host)[count - 1]
    equal(provider, event["provider"], "provider in the log")
    return event
