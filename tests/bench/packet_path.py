# SPDX-License-Identifier: GPL-2.0-or-later
"""The packet path: what a packet costs in prerouting, by the number of services and how they are
written down. Both the kernel's answer and that it was the right one are looked at."""
import itertools

from packet_stage import Host, Meter

PATTERNS = ("first", "last", "miss")
FLOOR = "no netfilter"
UNTRACK = "untrack"
SETS = ("nft set", "nft set with size")
MAPS = ("nft map of counters", "nft map of counters with size")
# Where the kernel puts a table's memory moves a packet's cost by some per cent: those that are held
# to a few per cent of each other are loaded into several hosts, and their samples put together.
HOSTS = 3


class Services:
    """N services: each its own address and port, or (`ports`) a port on any address."""

    def __init__(self, kind, n):
        self.kind = kind
        self.destinations = [(f"10.{96 + (i >> 16)}.{i >> 8 & 255}.{i & 255}", 1024 + i * 7 % 50000)
                             for i in range(n)]
        if kind == "ports":
            self.destinations = [("10.96.0.1", 1024 + i) for i in range(n)]
        self.missed = ("10.96.0.1", 60000) if kind == "ports" else ("10.120.0.1", 1024)

    def pattern(self, name):
        return [{"first": self.destinations[0], "last": self.destinations[-1],
                 "miss": self.missed}[name]]

    @property
    def is_missed(self):
        return "udp dport 60000" if self.kind == "ports" else "ip daddr 10.120.0.1"

    # --- the same in each program's words

    def policy(self):
        services = []
        for i, (address, port) in enumerate(self.destinations):
            service = {"name": f"s{i}", "role": "server", "protocol": "udp", "ports": [port]}
            if self.kind == "addresses":
                service["addresses"] = [address]
            services.append(service)
        return {"untrack": 1, "services": services}

    def keys(self):
        if self.kind == "ports":
            return [f"{port}" for _, port in self.destinations]
        return [f"{address} . udp . {port}" for address, port in self.destinations]

    def nft_key(self):
        if self.kind == "ports":
            return "inet_service", "udp dport"
        return "ipv4_addr . inet_proto . inet_service", "ip daddr . meta l4proto . th dport"

    def size(self, declared):
        return f"size {2 * len(self.destinations)}; " if declared else ""

    def nft_set(self, size=False):
        kind, key = self.nft_key()
        return ("table inet bench {\n"
                f"set services {{ type {kind}; {self.size(size)}"
                f"elements = {{ {', '.join(self.keys())} }}\n}}\n"
                "chain prerouting {\ntype filter hook prerouting priority raw;\n"
                f"{key} @services notrack\n}}\n}}\n")

    def nft_map(self, size=False):
        """A counter for each service, as untrack has."""
        kind, key = self.nft_key()
        counters = "".join(f"counter s{i}_in {{ }}\n" for i in range(len(self.destinations)))
        elements = ", ".join(f'{element} : "s{i}_in"' for i, element in enumerate(self.keys()))
        return ("table inet bench {\n" + counters +
                f"map services {{ type {kind} : counter; {self.size(size)}"
                f"elements = {{ {elements} }}\n}}\n"
                "chain prerouting {\ntype filter hook prerouting priority raw;\n"
                f"counter name {key} map @services notrack\n}}\n}}\n")

    def nft_linear(self):
        rules = "".join(("" if self.kind == "ports" else f"ip daddr {address} ")
                        + f"udp dport {port} notrack accept\n"
                        for address, port in self.destinations)
        return ("table ip bench {\nchain prerouting {\n"
                f"type filter hook prerouting priority raw;\n{rules}}}\n}}\n")

    def iptables(self):
        rules = "".join("-A PREROUTING " + ("" if self.kind == "ports" else f"-d {address} ")
                        + f"-p udp --dport {port} -j CT --notrack\n"
                        for address, port in self.destinations)
        return f"*raw\n:PREROUTING ACCEPT [0:0]\n{rules}COMMIT\n"

    def ipset(self):
        if self.kind == "ports":
            head, prefix, sides = "create services bitmap:port range 0-65535\n", "", "dst"
            members = [str(port) for _, port in self.destinations]
        else:
            head = "create services hash:ip,port family inet maxelem 65536\n"
            prefix, sides = "", "dst,dst"
            members = [f"{address},udp:{port}" for address, port in self.destinations]
        restore = head + "".join(f"add services {prefix}{member}\n" for member in members)
        rule = ("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m set "
                f"--match-set services {sides} -j CT --notrack\nCOMMIT\n")
        return restore, rule


def load_ipset(host, services):
    restore, rule = services.ipset()
    host.run("ipset", "restore", input=restore)
    host.iptables("legacy", rule)


LAYOUTS = {
    FLOOR: lambda host, services: None,
    UNTRACK: lambda host, services: host.apply(services.policy()),
    SETS[0]: lambda host, services: host.nft(services.nft_set()),
    SETS[1]: lambda host, services: host.nft(services.nft_set(size=True)),
    MAPS[0]: lambda host, services: host.nft(services.nft_map()),
    MAPS[1]: lambda host, services: host.nft(services.nft_map(size=True)),
    "nft linear": lambda host, services: host.nft(services.nft_linear()),
    "ipset, iptables-legacy": load_ipset,
    "iptables-nft": lambda host, services: host.iptables("nft", services.iptables()),
    "iptables-legacy": lambda host, services: host.iptables("legacy", services.iptables()),
}
PROBE = """
table inet probe {
	counter tracked_hits { }
	counter untracked_misses { }
	counter arrived { }
	chain probe {
		type filter hook prerouting priority -100; policy accept;
		counter name "arrived"
		IS_MISSED ct state untracked counter name "untracked_misses" accept
		IS_MISSED accept
		ct state != untracked counter name "tracked_hits"
	}
}
"""


class PacketPath:
    def __init__(self, place, options, report):
        self.place, self.options, self.report = place, options, report
        self.results = []

    def run(self):
        with Host(self.place) as idle:
            for kind in self.options.classes:
                for n in self.options.services:
                    self.measure(idle, Services(kind, n))
        return self.results

    def measure(self, idle, services):
        hosts = []
        try:
            meter = Meter(self.place, self.options)
            for again in range(HOSTS):
                for layout, load in LAYOUTS.items():
                    if again and layout not in (UNTRACK, *SETS, *MAPS):
                        continue
                    hosts.append((layout, Host(self.place)))
                    load(hosts[-1][1], services)
                    for pattern in PATTERNS:
                        meter.add(self.name(layout, pattern), hosts[-1][1],
                                  services.pattern(pattern))
            self.keep(services, meter.run(idle), meter.refused)
            self.probe(idle, services, hosts, meter)
        finally:
            for _, host in hosts:
                host.close()

    @staticmethod
    def name(layout, pattern):
        """In the meter's plan, where the floor is first: it is the one that noise is told by."""
        return f"v{list(LAYOUTS).index(layout)}{pattern}"

    def keep(self, services, measured, refused):
        n = len(services.destinations)
        for layout, pattern in itertools.product(LAYOUTS, PATTERNS):
            cost = measured.get(self.name(layout, pattern))
            floor = measured.get(self.name(FLOOR, pattern))
            result = {"kind": services.kind, "n": n, "layout": layout, "pattern": pattern,
                      "ns": cost, "refused": refused[self.name(layout, pattern)], "added_ns": None}
            if cost and floor:
                result["added_ns"] = cost["median"] - floor["median"]
                self.report(f"packet {services.kind} {n} {pattern}: {layout}: "
                            f"{cost['median']:.0f} ns, {result['added_ns']:+.0f}")
            self.results.append(result)

    def probe(self, idle, services, hosts, meter):
        """That every hit was untracked and no miss: packets once more, while someone looks."""
        for layout, host in hosts:
            if layout != FLOOR:
                host.nft(PROBE.replace("IS_MISSED", services.is_missed))
        meter.run(idle, rounds=1)
        for layout, host in hosts:
            if layout == FLOOR:
                continue
            seen = {}
            words = host.run("nft", "list", "counters", "table", "inet", "probe").split()
            for place, word in enumerate(words):
                if word == "counter":
                    seen[words[place + 1]] = int(words[words.index("packets", place) + 1])
            if not seen["arrived"] or seen["tracked_hits"] or seen["untracked_misses"]:
                raise SystemExit(f"bench: {layout} with {len(services.destinations)} services does "
                                 f"not do what is compared: {seen}")
