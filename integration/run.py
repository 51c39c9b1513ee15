#!/usr/bin/env python3
"""Runs the integration scenarios: every @scenario function in scenarios/*.py, one line each, totals last.

    run.py [--list] [--keep] [NAME...]      NAME: part of "file.function"

Each scenario runs in PID and mount namespaces of its own (see lab.py), so a time-out or a crash takes everything it
started with it. --keep leaves the folders of failed scenarios. Needs root.
"""
import argparse
import ctypes
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter

SKIPPED = 77  # exit status of a scenario that cannot run here
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import corpus  # noqa: E402
import scenario  # noqa: E402
import vmimage  # noqa: E402
from moxhost import binary  # noqa: E402
from nspawn import remove_cgroups  # noqa: E402


def discover():
    """{"file.function": function}"""
    found = {}
    for name in sorted(os.listdir(os.path.join(HERE, "scenarios"))):
        if name.endswith(".py") and not name.startswith("_"):
            before = len(scenario.ALL)
            importlib.import_module("scenarios." + name[:-3])
            for function in scenario.ALL[before:]:
                found[f"{name[:-3]}.{function.__name__}"] = function
    return found


def inside(name, folder):
    """The first process of the namespaces: reaps orphans while a child runs the scenario."""
    child = os.fork()
    if child != 0:
        while True:
            pid, status = os.wait()
            if pid == child:
                return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1
    from lab import Lab
    from moxhost import require_binary
    function = discover()[name]
    try:
        if function.needs_mox:
            require_binary()
        function(Lab(folder))
    except scenario.Skipped as reason:
        print(f"skipped: {reason}")
        sys.stdout.flush()
        os._exit(SKIPPED)
    except Exception:
        traceback.print_exc(file=sys.stdout)
        os._exit(1)
    finally:
        sys.stdout.flush()
    os._exit(0)


def die_with_parent():
    """In a new process: be killed when run.py is (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def run_one(name, function, keep, scratch):
    """("ok", "FAIL" or "skip"; seconds; output)"""
    if function.needs_corpus:
        try:
            corpus.archive()
        except Exception:
            return "FAIL", 0, traceback.format_exc()
    if function.needs_vm:
        try:
            os.environ["MOX_VM_IMAGE"] = vmimage.prepare(binary(), scratch)
        except scenario.Skipped as reason:
            return "skip", 0, f"skipped: {reason}"
        except Exception:
            return "FAIL", 0, traceback.format_exc()
    folder = tempfile.mkdtemp(prefix="mox-lab-")
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(__file__),
               "--inside", name, folder]
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                   preexec_fn=die_with_parent)
        note = ""
        try:
            status = process.wait(function.seconds)
        except subprocess.TimeoutExpired:
            status, note = None, f"no end after {function.seconds} s"
        finally:
            process.kill()
            process.wait()
        seconds = time.monotonic() - start
        out.seek(0)
        output = out.read().decode("utf-8", "replace") + note
    remove_cgroups(folder)
    word = {0: "ok", SKIPPED: "skip"}.get(status, "FAIL")
    if word == "FAIL" and keep:
        output += f"\nkept: {folder}"
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return word, seconds, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.inside:
        return inside(*arguments.inside)
    found = discover()
    chosen = {n: f for n, f in found.items() if not arguments.names or any(part in n for part in arguments.names)}
    if arguments.list:
        for name, function in chosen.items():
            print(f"{name:50} {function.seconds:4} s  {(function.__doc__ or '').strip().splitlines()[0] if function.__doc__ else ''}")
        return 0
    if os.geteuid() != 0:
        print("integration scenarios need root, for network namespaces")
        return 1
    with tempfile.TemporaryDirectory(prefix="mox-shared-") as scratch:
        return run_all(chosen, arguments.keep, scratch)


def run_all(chosen, keep, scratch):
    counts, failed = Counter(), []
    for name, function in chosen.items():
        word, seconds, output = run_one(name, function, keep, scratch)
        print(f"{word:5} {name}  {seconds:.1f} s", flush=True)
        lines = output.strip().splitlines()
        for line in lines[-60:] if word == "FAIL" else [l for l in lines if l.startswith(("note: ", "skipped: "))]:
            print("      " + line, flush=True)
        counts[word] += 1
        if word == "FAIL":
            failed.append(name)
    if failed:
        print("failed: " + " ".join(failed))
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed, {len(failed)} failed{skipped}")
    return 0 if counts["ok"] + counts["skip"] and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
