# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold, as ratios within one run; each with what was measured."""
import dataclasses

import delivered
import packet_path
import table

LARGE = 1_000_000
NFT = "nft -f"
REPLAY = "replay of netlink messages"
LISTS = {"addresses": "single addresses", "prefixes": "prefixes of three lengths",
         "mixed": "prefixes of mixed lengths", "pairs": "address . port"}
OURS = {"addresses": "untrack, policy", "prefixes": "untrack, policy", "mixed": "untrack, policy",
        "pairs": "untrack, nft text with size"}
JSON = ("untrack, JSON", "nft -j -f")


@dataclasses.dataclass
class Promise:
    """`holds` is None where it was not measured, or not at the size that it is said of: `at` is the
    size that it was measured at."""
    work: str
    peer: str
    wanted: str
    measured: str = "not measured"
    holds: bool | None = None
    at: str = ""
    expected_at: str = ""


class Measured:
    """Finds results of the parts that were run."""

    def __init__(self, parts):
        self.control = {(r["job"], r["kind"], r["n"], r["variant"]): r
                        for r in parts.get("control", {}).get("results", []) if "wall_ms" in r}
        self.packet = {(r["kind"], r["n"], r["layout"], r["pattern"]): r
                       for r in self.whole(parts, "packet")}
        self.udp = {(r["setup"], r["flows"]): r for r in self.whole(parts, "udp")}
        self.table = {r["variant"]: r for r in parts.get("table", {}).get("results", [])}

    @staticmethod
    def whole(parts, part):
        """Results that count: neither their own slices nor the floor's were all refused."""
        return [r for r in parts.get(part, {}).get("results", []) if r["added_ns"] is not None]

    def services(self, kind, pattern, *layouts, most=10_000):
        """The largest number of services, up to that, with which one of the layouts at least was
        measured beside untrack's; None if there is none."""
        def numbers(layout):
            return {n for k, n, name, p in self.packet
                    if (k, name, p) == (kind, layout, pattern) and n <= most}
        peers = set().union(*map(numbers, layouts))
        return max(numbers(packet_path.UNTRACK) & peers, default=None)

    def time(self, job, kind, n, variant):
        result = self.control.get((job, kind, n, variant))
        return result and result["wall_ms"]["median"]

    def largest(self, job, kind, *variants):
        """The largest size at which all of them did the job."""
        sizes = [{n for j, k, n, v in self.control if (j, k, v) == (job, kind, variant)}
                 for variant in variants]
        common = set.intersection(*sizes)
        return max(common) if common else None


def load(measured, kind, times, mebibytes):
    ours = OURS[kind]
    promise = Promise(f"load {LISTS[kind]}", NFT,
                      f"{times} times faster, under {mebibytes} MiB", expected_at=f"{LARGE}")
    n = measured.largest("load", kind, ours, NFT)
    if n:
        ratio = measured.time("load", kind, n, NFT) / measured.time("load", kind, n, ours)
        peak = measured.control["load", kind, n, ours]["peak_kib"] / 1024
        promise.measured = f"{ratio:.2f} times, {peak:.0f} MiB"
        promise.holds = ratio >= times and peak < mebibytes
        promise.at = f"{n}"
    return promise


def floor(measured, kind):
    ours = OURS[kind]
    promise = Promise(f"load {LISTS[kind]}", REPLAY, "within 1.35 times", expected_at=f"{LARGE}")
    n = measured.largest("load", kind, ours, REPLAY)
    if n:
        ratio = measured.time("load", kind, n, ours) / measured.time("load", kind, n, REPLAY)
        promise.measured = f"{ratio:.2f} times"
        promise.holds = ratio <= 1.35
        promise.at = f"{n}"
    return promise


def unchanged(measured, kind):
    ours = OURS[kind]
    promise = Promise(f"no change, {LISTS[kind]}", NFT, "under 30 ms", expected_at=f"{LARGE}")
    n = measured.largest("unchanged", kind, ours)
    if n:
        time = measured.time("unchanged", kind, n, ours)
        promise.measured = f"{time:.1f} ms"
        peer = measured.time("unchanged", kind, n, NFT)
        promise.measured += f" ({NFT} {peer:.0f} ms)" if peer else ""
        promise.holds = time < 30
        promise.at = f"{n}"
    return promise


def one_entry(measured, kind):
    ours = OURS[kind]
    promise = Promise(f"one entry changed, {LISTS[kind]}", NFT,
                      "under 5 % of its time, document reading aside", expected_at=f"{LARGE}")
    n = measured.largest("entry", kind, ours, NFT)
    if n:
        time, peer = (measured.time("entry", kind, n, variant) for variant in (ours, NFT))
        share = 100 * time / peer
        promise.measured = f"{share:.1f} %"
        promise.holds = share < 5
        promise.at = f"{n}"
        reading = measured.time("read", kind, n, ours)
        if reading and not promise.holds:  # two documents were read
            share = 100 * max(time - reading / 2, 0) / peer
            promise.measured += f", {share:.1f} % without {reading / 2:.0f} ms of reading"
            promise.holds = share < 5
    return promise


def foreign(measured, kind):
    ours = OURS[kind]
    promise = Promise(f"one entry changed after a foreign commit, {LISTS[kind]}",
                      f"loading anew, {NFT}", "no slower", expected_at=f"{LARGE}")
    n = measured.largest("foreign", kind, ours, NFT)
    if n and measured.time("load", kind, n, ours):
        time = measured.time("foreign", kind, n, ours)
        own = time / measured.time("load", kind, n, ours)
        peer = time / measured.time("foreign", kind, n, NFT)
        promise.measured = f"{own:.2f} of its own load, {peer:.2f} of {NFT}"
        promise.holds = max(own, peer) <= 1
        promise.at = f"{n}"
    return promise


def rules(measured, job, work, times, form=("untrack, nft text", NFT), peer_job=None):
    """`peer_job`: what the peer does in the place of that job, if it has none of its own for it."""
    ours, peer = form
    peer_job = peer_job or job
    promise = Promise(work, peer, "no slower" if times == 1 else f"{times} times faster",
                      expected_at="10000")
    sizes = [measured.largest(job, "rules", ours), measured.largest(peer_job, "rules", peer)]
    if None not in sizes and len(set(sizes)) == 1:
        n = sizes[0]
        ratio = measured.time(peer_job, "rules", n, peer) / measured.time(job, "rules", n, ours)
        promise.measured = f"{ratio:.2f} times faster"
        promise.holds = ratio >= times
        promise.at = f"{n}"
    return promise


def packet_best(measured, kind, pattern, peer, layouts):
    """The whole cost of a packet against the best of these hand-written layouts."""
    promise = Promise(f"packet path, services by {kind}, {pattern}", peer, "within 5 %",
                      expected_at="10000")
    n = measured.services(kind, pattern, *layouts)
    if n:
        ours = measured.packet[kind, n, packet_path.UNTRACK, pattern]
        hands = [measured.packet[kind, n, layout, pattern] for layout in layouts
                 if (kind, n, layout, pattern) in measured.packet]
        best = min(hands, key=lambda r: r["ns"]["median"])
        ratio = ours["ns"]["median"] / best["ns"]["median"]
        promise.measured = (f"{100 * (ratio - 1):+.1f} % ({ours['ns']['median']:.0f} against "
                            f"{best['ns']['median']:.0f} ns with {best['layout']}; added "
                            f"{ours['added_ns']:.0f} and {best['added_ns']:.0f})")
        promise.holds = ratio <= 1.05
        promise.at = f"{n}"
    return promise


def packet_linear(measured, kind):
    promise = Promise(f"packet path, services by {kind}, last", "iptables-nft raw, linear",
                      "60 times less added cost", expected_at="1000")
    n = measured.services(kind, "last", "iptables-nft", most=1000)
    if n:
        ours = measured.packet[kind, n, packet_path.UNTRACK, "last"]["added_ns"]
        peer = measured.packet[kind, n, "iptables-nft", "last"]["added_ns"]
        promise.measured = f"{peer / max(ours, 1):.1f} times ({ours:.0f} against {peer:.0f} ns)"
        promise.holds = peer >= 60 * ours
        promise.at = f"{n}"
    return promise


def udp(measured, ours, peer, wanted, most):
    promise = Promise("delivered UDP, new flow per packet: " + ours, peer, wanted)
    pair = [measured.udp.get((setup, "new")) for setup in (ours, peer)]
    if all(pair):
        added, other = (result["added_ns"] for result in pair)
        promise.measured = (f"{100 * added / max(other, 1):.0f} % ({added:.0f} against "
                            f"{other:.0f} ns)")
        promise.holds = added < most * other
    return promise


def top(measured):
    """In processor time, which others on the machine change less."""
    promise = Promise("count the connection table by groups", table.RECEIVE,
                      "within 1.25 times, under 16 MiB", expected_at=f"{LARGE}")
    if measured.table:
        ours, bare = measured.table[table.TOP], measured.table[table.RECEIVE]
        ratio = ours["cpu_ms"]["median"] / bare["cpu_ms"]["median"]
        promise.measured = f"{ratio:.2f} times, {ours['peak_kib'] / 1024:.0f} MiB"
        promise.holds = ratio <= 1.25 and ours["peak_kib"] < 16 * 1024
        promise.at = f"{ours['n']}"
    return promise


def all_of(parts):
    listed = measure(Measured(parts), tuple(LISTS))
    for promise in listed:
        if promise.at != promise.expected_at:
            promise.holds = None
    return listed


def measure(measured, kinds):
    return [
        load(measured, "addresses", 3.5, 64),
        load(measured, "prefixes", 8, 96),
        load(measured, "mixed", 3.7, 96),
        load(measured, "pairs", 6, 64),
        *(floor(measured, kind) for kind in kinds),
        *(unchanged(measured, kind) for kind in kinds),
        *(one_entry(measured, kind) for kind in kinds),
        *(foreign(measured, kind) for kind in kinds),
        rules(measured, "load", "load nft rules", 1),
        rules(measured, "entry", "one rule changed", 3),
        rules(measured, "load", "load rules of JSON", 1, JSON),
        rules(measured, "entry", "one rule of JSON changed, the peer loads all", 3, JSON, "load"),
        *(packet_best(measured, kind, pattern, peer, layouts)
          for peer, layouts in (("best hand-written nft set layout",
                               (*packet_path.SETS, *packet_path.MAPS)),
                                ("best that counts each service as well", packet_path.MAPS))
          for kind in ("addresses", "ports") for pattern in packet_path.PATTERNS),
        *(packet_linear(measured, kind) for kind in ("addresses", "ports")),
        udp(measured, delivered.UNTRACK, delivered.IPTABLES_NFT, "less added cost", 1),
        udp(measured, delivered.UNTRACK_FIREWALL, delivered.IPTABLES_NFT_FIREWALL,
            "less added cost", 1),
        udp(measured, delivered.UNTRACK, delivered.TRACKED, "at most 30 % of the added cost", 0.3),
        udp(measured, delivered.UNTRACK_FIREWALL, delivered.TRACKED,
            "at most 30 % of the added cost", 0.3),
        top(measured),
    ]
