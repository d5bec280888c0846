# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that are compared on the control path, each as a session in a namespace of its own.

A session tells for each job the command that is measured, as (argv, standard input); None where the
program has no such job.
"""
import json

import lists
import stage

# iptables has a rule where others have an element: beyond this it would only be waited for.
IPTABLES_MAX = 10_000


class Session:
    """One program in one namespace. `version` is what is loaded."""
    label = ""

    def __init__(self, place, entries):
        self.place, self.entries = place, entries
        self.netns = stage.Netns()
        self.version = None

    @classmethod
    def can(cls, entries):
        """Whether it can load that kind at that size."""
        return True

    @classmethod
    def changes(cls, entries):
        """Whether it takes part in more than the load."""
        return True

    def close(self):
        self.netns.close()

    def measure(self, command, allowed=(0,)):
        argv, stdin = command
        return self.place.measure(self.netns, argv, stdin, allowed)

    def load(self, version):
        raise NotImplementedError

    def change(self, version):
        """From another version to that one."""
        return self.load(version)

    def difference(self, version):
        return None

    def dump(self):
        return None

    def cost_of(self, command, version):
        cost = self.measure(command)
        self.version = version
        return cost

    def foreign_commit(self):
        """Someone else's transaction, about nothing of ours."""
        self.netns.run("nft", "-f", "-", input="table ip foreign\ndelete table ip foreign\n")


class Untrack(Session):
    form = "policy"

    def __init__(self, place, entries):
        super().__init__(place, entries)
        self.argv = place.state()

    def load(self, version):
        return [*self.argv, "apply", self.entries.file(self.form, version)], None

    def difference(self, version):
        return [*self.argv, "diff", self.entries.file(self.form, version)], None

    def reading(self):
        """Two documents against each other: nothing of the kernel's ruleset is in it."""
        path = self.entries.file(self.form, "a")
        return [*self.argv, "diff", path, path], None

    def dump(self):
        return [*self.argv, "show", "--text", self.entries.file(self.form)], None

    def has(self, version):
        """Whether that is what is loaded, by its own judgement."""
        return self.measure(self.difference(version), (0, 1)).status == 0


class UntrackPolicy(Untrack):
    label = "untrack, policy"

    @classmethod
    def can(cls, entries):
        return entries.kind not in ("pairs", "rules")


class UntrackText(Untrack):
    label = "untrack, nft text"
    form = "nft"

    @classmethod
    def can(cls, entries):
        return entries.kind in ("addresses", "mixed", "pairs", "rules")


class UntrackTextSized(Untrack):
    label = "untrack, nft text with size"
    form = "nft-sized"

    @classmethod
    def can(cls, entries):
        return entries.kind == "pairs"


class UntrackJson(Untrack):
    label = "untrack, JSON"
    form = "json"

    @classmethod
    def can(cls, entries):
        return entries.kind in ("pairs", "rules")

    @classmethod
    def changes(cls, entries):
        return entries.kind == "rules"


class Nft(Session):
    label = "nft -f"
    form = "nft"
    options = []

    def load(self, version):
        return ["nft", *self.options, "-f", self.entries.file(self.form, version)], None

    def change(self, version):
        return ["nft", "-f", self.entries.file("reload", version)], None

    def difference(self, version):
        return ["nft", "-c", "-f", self.entries.file("reload", version)], None

    def dump(self):
        return ["nft", "list", "table", *self.entries.table.split()], None


class NftSized(Nft):
    label = "nft -f with size"
    form = "nft-sized"

    @classmethod
    def can(cls, entries):
        return entries.kind in ("addresses", "pairs")

    @classmethod
    def changes(cls, entries):
        return False


class NftJson(Nft):
    label = "nft -j -f"
    form = "json"
    options = ["-j"]

    @classmethod
    def changes(cls, entries):
        return False


class NftByHand(Nft):
    label = "nft, two commands by hand"

    @classmethod
    def can(cls, entries):
        return entries.kind in ("addresses", "prefixes", "mixed", "pairs")

    def change(self, version):
        if "c" in (version, self.version):
            return None
        return ["nft", "-f", self.entries.file("by-hand", version)], None

    def difference(self, version):
        return None

    def dump(self):
        return None


class Ipset(Session):
    label = "ipset"

    @classmethod
    def can(cls, entries):
        return entries.kind in lists.IPSET_TYPE

    def load(self, version):
        return ["ipset", "restore"], self.entries.file("ipset", version)

    def change(self, version):
        return ["ipset", "restore"], self.entries.file("ipset-swap", version)

    def dump(self):
        return ["ipset", "save"], None


class IpsetByHand(Ipset):
    label = "ipset, two commands by hand"

    def change(self, version):
        if "c" in (version, self.version):
            return None
        return ["ipset", "restore"], self.entries.file("ipset-by-hand", version)

    def dump(self):
        return None


class IptablesLegacy(Session):
    label = "iptables-legacy"
    program = "iptables-legacy"

    @classmethod
    def can(cls, entries):
        return entries.n <= IPTABLES_MAX

    def load(self, version):
        return [self.program + "-restore"], self.entries.file("iptables", version)

    def dump(self):
        return [self.program + "-save", "-t", "raw"], None


class IptablesNft(IptablesLegacy):
    label = "iptables-nft"
    program = "iptables-nft"


class Replay(Session):
    """The floor; its own clock is taken, since making the messages is not part of it."""
    label = "replay of netlink messages"
    options = []

    @classmethod
    def can(cls, entries):
        return entries.kind in lists.REPLAY_KIND

    @classmethod
    def changes(cls, entries):
        return False

    def load(self, version):
        return [self.place.meters / "replay", lists.REPLAY_KIND[self.entries.kind],
                self.entries.file("lines", version), *self.options], None

    def cost_of(self, command, version):
        cost = super().cost_of(command, version)
        with open(cost.output, encoding="ascii") as output:
            told = json.load(output)
        cost.wall, cost.cpu = told["wall_us"] / 1e3, told["cpu_us"] / 1e3
        return cost


class ReplayUnsized(Replay):
    label = "replay without size"
    options = ["unsized"]

    @classmethod
    def can(cls, entries):
        return entries.kind in ("addresses", "pairs")


ALL = (UntrackPolicy, UntrackText, UntrackTextSized, UntrackJson, Replay, ReplayUnsized, Nft,
       NftSized, NftJson, NftByHand, Ipset, IpsetByHand, IptablesLegacy, IptablesNft)
# These load as another of the list does.
ONLY_CHANGES = (NftByHand, IpsetByHand)
