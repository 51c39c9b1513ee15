#!/usr/bin/env python3
"""stretch.py FUZZER FOLDER...: inputs beyond the sizes that fuzzing tries, where limits lie and work that grows with the square shows.

Each is an input of the folders with one piece of it repeated. Fails if the fuzz target does, or if one input costs more than
twice as much an octet as a quarter of it.
"""
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile

COUNT = 200        # inputs
SIZE = 96 * 1024   # octets of each
SUSPECT = 5        # of the slowest are measured
NOISE = 0.3        # seconds that say nothing
PIECES = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12, 20, 40)


def stretched(seed: bytes, dice: random.Random) -> tuple[bytes, bytes, bytes]:
    """What stands before, the piece, what stands behind. Often only the octet before that chooses what is done."""
    at, size = dice.randrange(len(seed)), dice.choice(PIECES)
    before = seed[:at] if dice.random() < 0.7 else seed[:1]
    behind = seed[at + size:] if dice.random() < 0.3 else b""
    return before, seed[at:at + size], behind


def run(fuzzer: str, files: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    """The result and its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([fuzzer, "-timeout=600", "-rss_limit_mb=4096", *files], capture_output=True, text=True, errors="replace")
    return done, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def grows(fuzzer: str, folder: pathlib.Path, parts: tuple[bytes, bytes, bytes], idle: float) -> str:
    """Why it is too slow, or nothing."""
    before, piece, behind = parts
    costs = []
    for size in (SIZE // 4, SIZE):
        path = folder / "measured"
        path.write_bytes(before + piece * (size // len(piece)) + behind)
        costs.append(run(fuzzer, [str(path)])[1] - idle)
    if costs[1] < NOISE or costs[1] < 8 * max(costs[0], 0.01):
        return ""
    return f"{costs[1]:.2f} s of processor for {SIZE} octets, {costs[0]:.2f} s for a quarter of them"


def main() -> int:
    fuzzer, *folders = sys.argv[1:]
    seeds = [data for folder in folders for path in sorted(pathlib.Path(folder).glob("*")) if path.is_file() and (data := path.read_bytes())]
    dice = random.Random(fuzzer.rsplit("/", 1)[-1])
    made = [stretched(dice.choice(seeds), dice) for _ in range(COUNT)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for number, (before, piece, behind) in enumerate(made):
            (folder / str(number)).write_bytes(before + piece * (SIZE // len(piece)) + behind)
        done, _ = run(fuzzer, [str(folder / str(number)) for number in range(COUNT)])
        if done.returncode != 0:
            running = re.findall(r"Running: (\S+)", done.stderr)
            number = int(pathlib.Path(running[-1]).name) if running else -1
            print(done.stderr[-3000:])
            print(f"failed: {made[number]!r}" if running else "failed")
            return 1
        times = sorted(((int(ms), int(number)) for number, ms in re.findall(r"Executed \S*/(\d+) in (\d+) ms", done.stderr)), reverse=True)
        (folder / "idle").write_bytes(b"")
        idle = run(fuzzer, [str(folder / "idle")])[1]
        slow = [f"{why}: {made[number]!r}" for _, number in times[:SUSPECT] if (why := grows(fuzzer, folder, made[number], idle))]
    print(f"{len(times)} inputs, the slowest {times[0][0]} ms")
    print("\n".join(slow), end="\n" if slow else "")
    return 1 if slow or len(times) != COUNT else 0


if __name__ == "__main__":
    sys.exit(main())
