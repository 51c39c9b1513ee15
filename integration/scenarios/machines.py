"""The scripts of machines/, each run on the back ends that its header names."""
import os
import re

import roles
from lab import require, run
from machine import subtest
from nspawn import Nspawn
from qemu import Qemu
from scenario import scenario

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "machines")


class Script:
    """A file of machines/: comments of the form "# Key: value" at its top, then what the NixOS driver calls testScript."""

    def __init__(self, name):
        self.name, self.path = name, os.path.join(FOLDER, name + ".py")
        with open(self.path) as file:
            self.text = file.read()
        header = dict(re.findall(r"^# (Machines|Back ends|Seconds): (.*)$", self.text, re.M))
        self.machines = header["Machines"].split()
        self.back_ends = header["Back ends"].split()
        self.seconds = int(header["Seconds"])

    def run(self, machines):
        """With the names that the NixOS driver gives a script."""

        def start_all():
            for machine in machines:
                machine.start()

        code = compile(self.text, self.path, "exec")
        exec(code, {"start_all": start_all, "subtest": subtest, **{machine.name: machine for machine in machines}})


def virtual(lab, name):
    return Qemu(lab, name, os.environ["MOX_VM_IMAGE"])


# How each back end makes a machine. In "module" mox is services.mox of nixos-module/. In "mixed" only mox is virtual; its
# neighbours generate load and judge, at full speed.
BACK_ENDS = {"nspawn": Nspawn, "module": Nspawn, "qemu": virtual, "mixed": lambda lab, name: (virtual if name == "mox" else Nspawn)(lab, name)}
SCRIPTS = [Script(name[:-3]) for name in sorted(os.listdir(FOLDER)) if name.endswith(".py")]


def register(script, back_end):
    def run_script(lab):
        machines = [BACK_ENDS[back_end](lab, name) for name in script.machines]
        roles.Neighbourhood(lab, machines).furnish(by_module=back_end == "module")
        try:
            script.run(machines)
        except AssertionError:
            for machine in machines:
                print(machine.name, machine.last_words())
            raise
        for machine in machines:
            machine.report()

    run_script.__name__ = f"{script.name}_{back_end}"
    run_script.__doc__ = script.text.lstrip("# ").split("\n")[0]
    scenario(seconds=script.seconds, needs_mox=True, needs_vm=back_end in ("qemu", "mixed"))(run_script)


for script in SCRIPTS:
    for back_end in script.back_ends:
        if back_end in BACK_ENDS:
            register(script, back_end)


@scenario(seconds=120)
def scripts_are_typed(lab):
    """mypy, as the NixOS driver runs it, finds nothing in the scripts, nor in the modules that drive them."""
    require("mypy")
    prelude = "from typing import Callable\nfrom machine import Machine, subtest\nstart_all: Callable[[], None]\n"
    files = []
    for script in SCRIPTS:
        names = "".join(f"{name}: Machine\n" for name in script.machines)
        path = lab.path("typed", script.name + ".py")
        with open(path, "w") as file:
            file.write(prelude + names + script.text)
        files.append(path)
    here = os.path.dirname(FOLDER)
    modules = [os.path.join(here, name) for name in ("machine.py", "mailtool.py", "labmachine.py", "nspawn.py", "qemu.py", "vmimage.py", "volatiledisk.py", "roles.py",
                                                    "pebble.py", "doors.py", "acmelog.py", "acmelab.py", "scenarios/acme.py", "scenarios/acme_container.py", "scenarios/acme_module.py")]
    run(["env", "-C", here, "MYPYPATH=" + here, "mypy", "--cache-dir", lab.path("mypy"), "--no-error-summary", *files, *modules],
        seconds=100)
