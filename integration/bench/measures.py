"""Lines of the table that ./dev bench prints, and the order in which they are measured."""
import os
import statistics
import time
from dataclasses import dataclass, field

import watch


@dataclass
class Point:
    """One line of the table. goal: the ratio to the peer that mox is to reach, or with `most` the figure it may cost at most."""
    name: str
    unit: str
    goal: float = None
    most: float = None
    inverse: bool = False  # less is better, so the ratio is the peer's figure over mox's
    peer: str = None  # the leg that mox is compared with; the first besides it unless told
    figures: dict = field(default_factory=dict)  # {leg's name: [figure, ...]}

    def add(self, leg, figure):
        self.figures.setdefault(leg.name, []).append(figure)
        print(f"    {leg.name:16} {self.name:54} {figure:12,.2f} {self.unit}", flush=True)

    def median(self, name):
        return statistics.median(self.figures[name]) if name in self.figures else None


class Measures:
    def __init__(self, legs, folder, scale, seconds):
        """scale: of the numbers of messages; 1 takes a few seconds a measure on a quiet machine.
        seconds: after that nothing new begins, neither a point nor another round of one."""
        self.legs, self.folder, self.scale = legs, folder, scale
        self.end = time.monotonic() + seconds
        self.points = []
        self.disk = []  # milliseconds, see disk_milliseconds()

    def point(self, *arguments, **options):
        point = Point(*arguments, **options)
        self.points.append(point)
        return point

    def rounds(self, number, *measures):
        """A B A B: each measure on one leg, then the other, so that what changes on the machine meets both."""
        for done in range(number):
            if done > 0 and time.monotonic() > self.end:
                print(f"    no time for more than {done} of {number} rounds", flush=True)
                break
            self.disk.append(watch.disk_milliseconds(os.path.join(self.folder, "probe")))
            for measure in measures:
                for leg in self.legs:
                    measure(leg)

    def table(self):
        names = [leg.name for leg in self.legs]
        peers = [name for name in names if name != "mox"]
        lines = ["", f"{'point (median)':64}" + "".join(f"{name:>16}" for name in names) + f"{'ratio':>9}  {'goal':16}"]
        lines += [self.line(point, names, point.peer if point.peer in names else peers[0] if peers else None) for point in self.points]
        if self.disk:
            lines.append(f"{'one forced write of 5 KB on this disk (p50, lowest and highest of the rounds), ms':64} "
                         f"{number(statistics.median(self.disk))} ({number(min(self.disk))} to {number(max(self.disk))})")
        return "\n".join(lines)

    @staticmethod
    def line(point, names, peer):
        ours, theirs = point.median("mox"), point.median(peer)
        ratio = None
        if ours and theirs:
            ratio = theirs / ours if point.inverse else ours / theirs
        goal, met = "", ""
        if point.goal is not None:
            goal, reached = f"≥ {point.goal:g} times", ratio is not None and ratio >= point.goal
            if point.peer:
                goal += " " + point.peer
        elif point.most is not None:
            goal, reached = f"≤ {point.most:g} {point.unit}", ours is not None and ours <= point.most
        if goal and (ratio if point.goal is not None else ours) is not None:
            met = "met" if reached else "NOT MET"
        figures = "".join(f"{number(point.median(name)):>16}" for name in names)
        return f"{point.name + (', ' + point.unit if point.unit else ''):64}{figures}{f'{ratio:.1f}' if ratio else '':>9}  {goal:24}{met}"


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:.2f}"
