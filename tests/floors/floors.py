#!/usr/bin/env python3
"""The house rules, read from the sources: which room may include which, and how long a file may be.

The floors come from the table in src/README.md, the dependencies from the mox_room() lines of CMakeLists.txt. Each rule is
also broken on purpose in a small tree, so that a check that stopped working fails. Prints one line a check and totals.
"""
import os
import re
import sys
import tempfile

LINE_LIMIT = 1000
SOURCE_SUFFIXES = (".h", ".cpp", ".c", ".hpp")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
ROOM = re.compile(r"^mox_room\((\w+)([^)]*)\)", re.M)
TABLE_ROW = re.compile(r"^\|\s*(\d+)\s*\|([^|]*)\|", re.M)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class House:
    def __init__(self, root):
        self.root = root
        self.floors = {}
        for floor, rooms in TABLE_ROW.findall(read(os.path.join(root, "src/README.md"))):
            for room in re.findall(r"`(\w+)`", rooms):
                self.floors[room] = int(floor)
        cmake = read(os.path.join(root, "CMakeLists.txt"))
        self.declared = {name: [d for d in rest.split() if "::" not in d] for name, rest in ROOM.findall(cmake)}
        source = os.path.join(root, "src")
        self.rooms = sorted(r for r in os.listdir(source) if os.path.isdir(os.path.join(source, r)))

    def files(self, top):
        for folder, folders, names in os.walk(os.path.join(self.root, top)):
            folders[:] = sorted(f for f in folders if f not in ("node_modules", "__pycache__", "corpus", "data"))
            for name in sorted(names):
                yield os.path.join(folder, name)

    def includes(self, room):
        """(file:line, included path) of each quoted include in a room."""
        for path in self.files(os.path.join("src", room)):
            if not path.endswith(SOURCE_SUFFIXES):
                continue
            for number, line in enumerate(read(path).split("\n"), 1):
                found = INCLUDE.match(line)
                if found:
                    yield f"{os.path.relpath(path, self.root)}:{number}", found.group(1)

    def reachable(self, room):
        """The room's dependencies and theirs."""
        seen, todo = set(), list(self.declared.get(room, []))
        while todo:
            next_room = todo.pop()
            if next_room not in seen:
                seen.add(next_room)
                todo += self.declared.get(next_room, [])
        return seen

    # Each check yields one line for each thing wrong.

    def rooms_are_on_the_map(self):
        for room in self.rooms:
            if room not in self.floors:
                yield f"src/{room} is missing in the table of src/README.md"
            if room not in self.declared:
                yield f"src/{room} has no mox_room() in CMakeLists.txt"

    def declared_arrows_point_down(self):
        for room, dependencies in self.declared.items():
            for other in dependencies:
                if other not in self.declared:
                    yield f"mox_room({room}): no room {other}"
                elif self.floors.get(other, 0) > self.floors.get(room, 99):
                    yield f"mox_room({room}) on floor {self.floors[room]} climbs to {other} on floor {self.floors[other]}"

    def no_cycles(self):
        for room in self.declared:
            if room in self.reachable(room):
                yield f"mox_room({room}) depends on itself, by way of {', '.join(sorted(self.reachable(room)))}"

    def includes_are_allowed(self):
        for room in self.rooms:
            allowed = {room, *self.declared.get(room, [])}
            for where, target in self.includes(room):
                other = target.split("/")[0]
                if "/" not in target:
                    yield f'{where}: "{target}" does not name its room'
                elif other not in self.declared:
                    yield f'{where}: "{target}" is in no room'
                elif self.floors.get(other, 0) > self.floors.get(room, 99):
                    yield f'{where}: "{target}" climbs from floor {self.floors[room]} to {self.floors[other]}'
                elif other not in allowed:
                    yield f'{where}: "{target}", but mox_room({room}) does not depend on {other}'

    def includes_exist(self):
        for room in self.rooms:
            for where, target in self.includes(room):
                if "/" in target and not os.path.exists(os.path.join(self.root, "src", target)):
                    yield f'{where}: "{target}" does not exist'

    def files_are_short(self):
        for top in ("src", "tests", "integration", "ui", "container", "nixos-module"):
            for path in self.files(top):
                if path.endswith(SOURCE_SUFFIXES + (".py", ".ts", ".css", ".nix", ".sh")):
                    lines = read(path).count("\n")
                    if lines > LINE_LIMIT:
                        yield f"{os.path.relpath(path, self.root)} has {lines} lines, the limit is {LINE_LIMIT}"

    CHECKS = [rooms_are_on_the_map, declared_arrows_point_down, no_cycles, includes_are_allowed, includes_exist, files_are_short]


def sample(root, cmake, table, files):
    """A small tree with two rooms, for the checks of the checks."""
    for name, text in {"CMakeLists.txt": cmake, "src/README.md": table, **files}.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


GOOD_CMAKE = "mox_room(base Poco::Foundation)\nmox_room(net base)\nmox_room(store base)\n"
GOOD_TABLE = "| floor | room | story |\n| --- | --- | --- |\n| 1 | `base` | x |\n| 2 | `net` | x |\n| 4 | `store` | x |\n"
GOOD_FILES = {"src/base/A.h": "#pragma once\n", "src/net/N.h": '#include "base/A.h"\n', "src/store/S.cpp": '#include "base/A.h"\n'}

# What is changed in the sample, and the check that must notice.
BREAKS = [
    ({"src/extra/X.h": ""}, {}, House.rooms_are_on_the_map),
    ({}, {"cmake": "mox_room(base net)\nmox_room(net)\nmox_room(store base)\n"}, House.declared_arrows_point_down),
    ({}, {"cmake": "mox_room(base)\nmox_room(net base store)\nmox_room(store base net)\n"}, House.no_cycles),
    ({"src/net/N.h": '#include "store/S.h"\n', "src/store/S.h": ""}, {}, House.includes_are_allowed),
    ({"src/store/S.cpp": '#include "net/N.h"\n'}, {}, House.includes_are_allowed),
    ({"src/store/S.cpp": '# include "S.h"\n'}, {}, House.includes_are_allowed),
    ({"src/net/N.h": '#include "base/Gone.h"\n'}, {}, House.includes_exist),
    ({"tests/base/Long.cpp": "\n" * 1001}, {}, House.files_are_short),
]


def self_checks():
    """(name, problems) for the unbroken sample and each broken one."""
    with tempfile.TemporaryDirectory() as root:
        sample(root, GOOD_CMAKE, GOOD_TABLE, GOOD_FILES)
        house = House(root)
        yield "a sound tree passes", [line for check in House.CHECKS for line in check(house)]
    for files, change, check in BREAKS:
        with tempfile.TemporaryDirectory() as root:
            sample(root, change.get("cmake", GOOD_CMAKE), GOOD_TABLE, {**GOOD_FILES, **files})
            noticed = list(check(House(root)))
            yield f"{check.__name__} notices {sorted(files) or 'CMakeLists.txt'}", [] if noticed else ["it did not"]


def main():
    house = House(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    results = [(check.__name__.replace("_", " "), list(check(house))) for check in House.CHECKS]
    results += self_checks()
    for name, problems in results:
        print(("ok    " if not problems else "FAIL  ") + "floors: " + name)
        for problem in problems:
            print("      " + problem)
    failed = sum(1 for _, problems in results if problems)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
