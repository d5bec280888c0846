# SPDX-License-Identifier: GPL-2.0-or-later
"""What is loaded: entries drawn at random (the same ones in every run), and documents of them for
each program.

Every kind comes in versions: `a`, `b` with one entry replaced, `c` with another service changed.
"""
import json
import random


def dotted(address):
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def spare(address):
    """Not an address that a list of services should name: loopback."""
    return address >> 24 == 127


def draw_addresses(n):
    chosen, generator = {}, random.Random(n)
    while len(chosen) < n:
        address = generator.randrange(0x01000000, 0xdf000000)
        if not spare(address):
            chosen[dotted(address)] = None
    return list(chosen)


def draw_prefixes(n, lengths):
    """Prefixes that neither overlap nor touch, so that nobody can merge them: each lies in the
    first half of a block of 2 048 addresses of its own."""
    generator = random.Random(n)
    blocks = [b for b in range(0x01000000 >> 11, 0xdf000000 >> 11) if not spare(b << 11)]
    generator.shuffle(blocks)
    prefixes = []
    for block in blocks[:n]:
        length = generator.choice(lengths)
        offset = generator.randrange(1 << 10) & ~((1 << 32 - length) - 1)
        prefixes.append(f"{dotted((block << 11) + offset)}/{length}")
    return prefixes


def draw_pairs(n):
    generator = random.Random(n)
    return [f"{address} {generator.randrange(1, 65536)}" for address in draw_addresses(n)]


DRAW = {
    "addresses": draw_addresses,
    "prefixes": lambda n: draw_prefixes(n, (24, 26, 28)),
    "mixed": lambda n: draw_prefixes(n, range(22, 33)),
    "pairs": draw_pairs,
    "rules": draw_pairs,
    "services": draw_pairs,
}
# How the set of each kind is declared to nft and ipset.
NFT_TYPE = {
    "addresses": "type ipv4_addr;",
    "prefixes": "type ipv4_addr; flags interval;",
    "mixed": "type ipv4_addr; flags interval;",
    "pairs": "type ipv4_addr . inet_service;",
    "services": "type ipv4_addr . inet_service;",
}
IPSET_TYPE = {"addresses": "hash:ip", "prefixes": "hash:net", "mixed": "hash:net",
              "pairs": "hash:ip,port", "services": "hash:ip,port"}
REPLAY_KIND = {"addresses": "hash", "prefixes": "masked", "mixed": "intervals", "pairs": "concat",
               "rules": "rules"}
# The port of the large service, and that of the small one beside it in versions a and c.
PORT = 53
OTHER_PORT = {"a": 123, "b": 123, "c": 124}


class Lists:
    """The entries of one kind and size, and files of them in a directory, made when first asked
    for."""

    def __init__(self, kind, n, directory):
        self.kind, self.n, self.directory = kind, n, directory
        entries = DRAW[kind](n + 1)
        self.entries = {"a": entries[:n], "b": entries[1:], "c": entries[:n]}
        self.gone, self.new = entries[0], entries[n]
        if kind == "services":  # only the port of one service changes
            address, port = entries[0].split()
            changed = f"{address} {int(port) % 65535 + 1}"
            self.entries["b"] = [changed, *entries[1:n]]
            self.gone, self.new = entries[0], changed

    def file(self, form, version="a"):
        """The path of a document of that form: a method below."""
        path = self.directory / f"{self.kind}-{self.n}-{version}.{form.replace(' ', '-')}"
        if not path.exists():
            path.write_text(getattr(self, "write_" + form.replace("-", "_"))(version))
        return path

    def close(self):
        for path in self.directory.glob(f"{self.kind}-{self.n}-*"):
            path.unlink()

    # --- forms

    def write_lines(self, version):
        return "\n".join(self.entries[version]) + "\n"

    def write_policy(self, version):
        small = {"name": "other", "role": "server", "protocol": "udp",
                 "ports": [OTHER_PORT[version]]}
        if self.kind == "services":
            services = []
            for number, entry in enumerate(self.entries[version]):
                address, port = entry.split()
                services.append({"name": f"s{number}", "role": "server", "protocol": "udp",
                                 "ports": [int(port)], "addresses": [address]})
        else:
            services = [small, {"name": "large", "role": "server", "protocol": "udp",
                                "ports": [PORT],
                                "addresses": {"file": str(self.file("lines", version))}}]
        return json.dumps({"untrack": 1, "services": services})

    def nft_elements(self, version):
        return [entry.replace(" ", " . ") for entry in self.entries[version]]

    def nft_table(self, version, size=""):
        if self.kind == "rules":
            rules = "".join(f"ip daddr {entry.replace(' ', ' udp dport ')} notrack\n"
                            for entry in self.entries[version])
            return ("table ip bench {\nchain prerouting {\n"
                    "type filter hook prerouting priority raw;\n" + rules + "}\n}\n")
        if " . " in NFT_TYPE[self.kind]:
            inbound, outbound = "ip daddr . udp dport", "ip saddr . udp sport"
        else:
            inbound, outbound = (f"udp dport {PORT} ip daddr", f"udp sport {PORT} ip saddr")
        other = OTHER_PORT[version]
        return ("table inet bench {\n"
                f"set entries {{ {NFT_TYPE[self.kind]} {size}\nelements = {{ "
                + ",\n".join(self.nft_elements(version)) + " }\n}\n"
                "chain prerouting {\ntype filter hook prerouting priority raw;\n"
                f"udp dport {other} notrack\n{inbound} @entries notrack\n}}\n"
                "chain output {\ntype filter hook output priority raw;\n"
                f"udp sport {other} notrack\n{outbound} @entries notrack\n}}\n}}\n")

    @property
    def table(self):
        return "ip bench" if self.kind == "rules" else "inet bench"

    def write_nft(self, version):
        return self.nft_table(version)

    def write_nft_sized(self, version):
        return self.nft_table(version, f"size {self.n + self.n // 4};")

    def write_reload(self, version):
        """How nft makes a table equal to a file: in one transaction, away with it and anew."""
        return (f"table {self.table}\ndelete table {self.table}\n"
                f"include \"{self.file('nft', version)}\"\n")

    def write_by_hand(self, version):
        """What is typed if one knows what changed. From the other version to this one."""
        come, go = (self.new, self.gone) if version == "b" else (self.gone, self.new)
        come, go = (entry.replace(" ", " . ") for entry in (come, go))
        return (f"delete element {self.table} entries {{ {go} }}\n"
                f"add element {self.table} entries {{ {come} }}\n")

    def nft_json(self, version, size):
        family, table = self.table.split()
        place = {"family": family, "table": table}

        def chain(name):
            return {"chain": {**place, "name": name, "type": "filter", "hook": name, "prio": -300,
                              "policy": "accept"}}

        def rule(name, *expressions):
            return {"rule": {**place, "chain": name, "expr": [*expressions, {"notrack": None}]}}

        def payload(protocol, field):
            return {"payload": {"protocol": protocol, "field": field}}

        def match(left, right):
            return {"match": {"op": "==", "left": left, "right": right}}

        objects = [{"table": {"family": family, "name": table}}]
        if self.kind == "rules":
            objects.append(chain("prerouting"))
            for entry in self.entries[version]:
                address, port = entry.split()
                objects.append(rule("prerouting", match(payload("ip", "daddr"), address),
                                    match(payload("udp", "dport"), int(port))))
            return objects
        objects.append({"set": {**place, "name": "entries", **self.json_set(version), **size}})
        for name, address, port in (("prerouting", "daddr", "dport"), ("output", "saddr", "sport")):
            objects.append(chain(name))
            objects.append(rule(name, match(payload("udp", port), OTHER_PORT[version])))
            if self.kind in ("pairs", "services"):
                key = {"concat": [payload("ip", address), payload("udp", port)]}
                objects.append(rule(name, match(key, "@entries")))
            else:
                objects.append(rule(name, match(payload("udp", port), PORT),
                                    match(payload("ip", address), "@entries")))
        return objects

    def json_set(self, version):
        entries = self.entries[version]
        if self.kind in ("pairs", "services"):
            pairs = (entry.split() for entry in entries)
            return {"type": ["ipv4_addr", "inet_service"],
                    "elem": [{"concat": [address, int(port)]} for address, port in pairs]}
        if self.kind == "addresses":
            return {"type": "ipv4_addr", "elem": entries}
        split = (entry.split("/") for entry in entries)
        return {"type": "ipv4_addr", "flags": ["interval"],
                "elem": [{"prefix": {"addr": address, "len": int(length)}}
                         for address, length in split]}

    def write_json(self, version):
        return json.dumps({"nftables": self.nft_json(version, {})})

    def write_json_sized(self, version):
        return json.dumps({"nftables": self.nft_json(version, {"size": self.n + self.n // 4})})

    @property
    def ipset_room(self):
        return 1 << max(6, (self.n - 1).bit_length())

    def ipset_entries(self, version):
        return (entry.replace(" ", ",udp:") for entry in self.entries[version])

    def write_ipset(self, version):
        return (f"create entries {IPSET_TYPE[self.kind]} family inet hashsize {self.ipset_room} "
                f"maxelem {self.ipset_room}\n"
                + "".join(f"add entries {entry}\n" for entry in self.ipset_entries(version)))

    def write_ipset_swap(self, version):
        """How ipset makes a set equal to a file: another set, swapped in."""
        return (f"create anew {IPSET_TYPE[self.kind]} family inet hashsize {self.ipset_room} "
                f"maxelem {self.ipset_room}\n"
                + "".join(f"add anew {entry}\n" for entry in self.ipset_entries(version))
                + "swap anew entries\ndestroy anew\n")

    def write_ipset_by_hand(self, version):
        come, go = (self.new, self.gone) if version == "b" else (self.gone, self.new)
        come, go = (entry.replace(" ", ",udp:") for entry in (come, go))
        return f"del entries {go}\nadd entries {come}\n"

    def write_iptables(self, version):
        inbound, outbound = [], []
        for entry in self.entries[version]:
            address, _, port = entry.partition(" ")
            port = port or PORT
            inbound.append(f"-A PREROUTING -d {address} -p udp --dport {port} -j CT --notrack")
            outbound.append(f"-A OUTPUT -s {address} -p udp --sport {port} -j CT --notrack")
        if self.kind == "rules":
            outbound = []
        return "\n".join(["*raw", ":PREROUTING ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", *inbound,
                          *outbound, "COMMIT", ""])
