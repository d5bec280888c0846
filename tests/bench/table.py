# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading the connection table: untrack top, beside a program that only receives it, and conntrack(8)
that prints it. The host's largest table size is raised for the while, and put back."""
import pathlib

import stage

ENTRIES = pathlib.Path(__file__).parents[1] / "system/entries.py"
MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
RECEIVE = "a bare receive"
TOP = "untrack top"
LIST = "conntrack -L"


class Room:
    """Room for so many entries; the value is one of the whole machine."""

    def __init__(self, entries):
        self.before = int(self.read())
        if self.before and self.before < 2 * entries:
            self.write(2 * entries)

    @staticmethod
    def read():
        return pathlib.Path(MAX).read_text(encoding="ascii")

    @staticmethod
    def write(value):
        pathlib.Path(MAX).write_text(f"{value}\n", encoding="ascii")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.write(self.before)


class Table:
    def __init__(self, place, options, report):
        self.place, self.options, self.report = place, options, report
        self.n = max(options.sizes)

    def run(self):
        # Loads nf_conntrack, if nothing has.
        with stage.Netns() as netns:
            netns.run("nft", "add table ip t; add chain ip t c { type filter hook input priority 0; }; "
                             "add rule ip t c ct state new")
            with Room(self.n):
                netns.ip("address", "add", "192.0.2.10/32", "dev", "lo")
                netns.run("python3", ENTRIES, "web", str(self.n))
                return self.compare(netns)

    def compare(self, netns):
        commands = {
            RECEIVE: [self.place.meters / "receive"],
            TOP: [*self.place.state(), "top", "--json"],
            LIST: ["conntrack", "-L"],
        }
        costs = {variant: [] for variant in commands}
        for number in range(self.options.runs):
            for variant, argv in list(commands.items())[::1 if number % 2 else -1]:
                costs[variant].append(self.place.measure(netns, argv))
        for variant, measured in costs.items():
            wall = stage.spread([cost.wall for cost in measured])["median"]
            self.report(f"table of {self.n}: {variant} {wall:.0f} ms")
        return [{"variant": variant, "n": self.n,
                 "wall_ms": stage.spread([cost.wall for cost in measured]),
                 "cpu_ms": stage.spread([cost.cpu for cost in measured]),
                 "peak_kib": max(cost.peak for cost in measured)}
                for variant, measured in costs.items()]
