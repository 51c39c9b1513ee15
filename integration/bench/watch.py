"""What a server costs, read from /proc for its whole tree of processes, and what it asks of the disk."""
import os
import re
import signal
import statistics
import subprocess
import time

from scenario import wait_for

TICKS = os.sysconf("SC_CLK_TCK")
SYNCS = "fsync,fdatasync,sync_file_range,syncfs,sync,msync"


def tree(roots):
    """The process ids of these processes and all their descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(fields(entry)[1], []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass  # ended meanwhile
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def fields(pid):
    """/proc/PID/stat from the state on: [state, parent, ...]; the name before may hold spaces and brackets."""
    with open(f"/proc/{pid}/stat") as file:
        found = file.read().rpartition(")")[2].split()
    return [found[0], int(found[1]), *found[2:]]


def cpu_seconds(roots):
    """User and system time of the tree since its start, with that of children that have ended."""
    total = 0
    for pid in tree(roots):
        try:
            total += sum(int(ticks) for ticks in fields(pid)[11:15])
        except (FileNotFoundError, ProcessLookupError):
            pass  # counted as its parent's child the next time
    return total / TICKS


def memory(roots):
    """(proportional, resident) set size in KB; a page that several processes share counts once in the first, in each in the second."""
    sums = {"Pss": 0, "Rss": 0}
    for pid in tree(roots):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                for name, kilobytes in re.findall(r"^(Pss|Rss):\s+(\d+) kB", file.read(), re.M):
                    sums[name] += int(kilobytes)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return sums["Pss"], sums["Rss"]


def forced_writes(roots, log, work):
    """{system call: count} of the tree while work() runs."""
    pids = tree(roots)
    command = ["strace", "-f", "-qq", "-c", "-U", "calls,name", "-e", "trace=" + SYNCS, "-o", log]
    tracer = subprocess.Popen(command + [word for pid in pids for word in ("-p", str(pid))], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def attached():
        if tracer.poll() is not None:
            raise AssertionError(f"strace ended with {tracer.returncode}")
        return all(traced(pid) for pid in pids)

    try:
        wait_for("strace", attached, 20)
        work()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(20)
    with open(log) as file:
        return {name: int(count) for count, name in re.findall(r"^\s*(\d+)\s+(\w+)$", file.read(), re.M) if name != "total"}


def traced(pid):
    """Whether every thread of it has a tracer, or it has ended."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/status") as file:
                if "\nTracerPid:\t0\n" in file.read():
                    return False
    except (FileNotFoundError, ProcessLookupError):
        pass
    return True


def disk_milliseconds(path, size=5120, count=200):
    """The median of fdatasync after appending `size` octets to a file: what one forced write costs here, now."""
    taken = []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            os.write(descriptor, b"x" * size)
            start = time.monotonic()
            os.fdatasync(descriptor)
            taken.append(time.monotonic() - start)
    finally:
        os.close(descriptor)
        os.remove(path)
    return statistics.median(taken) * 1000


def forget_files(folder):
    """Takes the files below a folder out of the page cache."""
    os.sync()  # what is not on disk yet would stay; once for all is quicker than a file at a time
    for path, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(path, name), os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
