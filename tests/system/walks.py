# SPDX-License-Identifier: GPL-2.0-or-later
"""Random rulesets, near to each other or far apart, and what two listings have in common.

Few names and many meanings: an object's type, flags and hook change from one ruleset to the next
while its name stays, which is what cannot change in place.
"""
import random
import re

import corpus

FAMILIES = ("ip", "ip", "ip6", "inet", "inet", "bridge", "arp", "netdev")
BASES = {
    "ip": ("filter hook input priority filter", "filter hook input priority 5", "filter hook output priority 0",
           "filter hook forward priority filter", "filter hook prerouting priority raw",
           "route hook output priority mangle"),
    "bridge": ("filter hook input priority filter", "filter hook forward priority -5",
               "filter hook output priority 100"),
    "arp": ("filter hook input priority 0", "filter hook output priority 7"),
    "netdev": ('filter hook ingress device "lo" priority 0', 'filter hook ingress device "lo" priority 9',
               'filter hook egress device "lo" priority 0'),
}
BASES["ip6"] = BASES["ip"]
BASES["inet"] = BASES["ip"][:5]
# Rules of the corpus that name nothing, and mean the same at every hook.
PLAIN = re.compile(r"(ip|ip6|tcp|udp|icmp|icmpv6|ether|arp|vlan|counter|limit|quota|log|accept|drop"
                   r"|ct (state|mark|status|bytes)|meta (mark|l4proto|length|protocol))\b"
                   r"(?!.*(@[a-z]{3}| name | set |regular|synproxy|\bover 5\b))(?!.*\{ (10.0.0.0/8, 10.1|[^,]*) \})")
NO_NAMES = {family: [rule for rule in corpus.rules()[family, place] if PLAIN.match(rule)]
            for family, place in (("ip", "filter"), ("ip6", "filter"), ("inet", "filter"),
                                  ("bridge", "filter"), ("arp", "filter"), ("netdev", "ingress"))}


def _address(r):
    return f"10.{r.randrange(3)}.{r.randrange(4)}.{r.randrange(1, 40)}"


def _prefixes(r):
    return [f"10.{n}.0.0/16" if n % 3 else f"10.{n}.0.0-10.{n}.0.{r.randrange(9, 12)}"
            for n in r.sample(range(12), r.randrange(1, 6))]


def _some(r, make):
    return list(dict.fromkeys(make(r) for _ in range(r.randrange(0, 9))))


def _port(r):
    return str(r.randrange(1, 30))


def _with_comment(r, elements):
    return [e + (f' comment "c{r.randrange(3)}"' if r.random() < 0.2 else "") for e in elements]


# (type and properties, elements, rule that uses it); r is the source of chance, NAME the set's.
SETS = (
    ("type ipv4_addr;", lambda r: _with_comment(r, _some(r, _address)), "ip saddr @NAME accept"),
    ("type ipv4_addr; flags interval;", _prefixes, "ip daddr @NAME drop"),
    ("type ipv4_addr; flags interval; auto-merge;", _prefixes, "ip saddr @NAME counter"),
    ("type inet_service;", lambda r: _some(r, _port), "tcp dport @NAME accept"),
    ("type inet_service; size 64;", lambda r: _some(r, _port), "udp dport @NAME accept"),
    ("type ipv4_addr; flags timeout;", lambda r: [a + f" timeout {r.choice((5, 6))}d" for a in _some(r, _address)],
     "ip saddr @NAME drop"),
    ("type ipv4_addr; size 100; flags dynamic,timeout; timeout 1m;", lambda r: [], "update @NAME { ip saddr }"),
    ("type ipv4_addr; size 200; flags dynamic,timeout; timeout 2m;", lambda r: [], "add @NAME { ip saddr } drop"),
    ("type ipv4_addr . inet_service;", lambda r: _some(r, lambda q: f"{_address(q)} . {_port(q)}"),
     "ip saddr . tcp dport @NAME accept"),
    ("type ipv4_addr . inet_service; flags interval;",
     lambda r: [f"{p} . {_port(r)}" for p in _prefixes(r)], "ip daddr . tcp sport @NAME drop"),
    ("type mark;", lambda r: [f"0x{n:08x}" for n in r.sample(range(20), 3)], "meta mark @NAME accept"),
    ("type ipv4_addr; counter;", lambda r: _some(r, _address), "ip saddr @NAME"),
)
MAPS = (
    ("type inet_service : mark;", lambda r: [f"{p} : 0x{r.randrange(4):08x}" for p in _some(r, _port)],
     "meta mark set tcp dport map @NAME"),
    ("type inet_service : verdict;",
     lambda r: [f"{p} : {r.choice(('accept', 'drop', 'jump last', 'goto last', 'return'))}" for p in _some(r, _port)],
     "tcp dport vmap @NAME"),
    ("type ipv4_addr : verdict; flags interval;",
     lambda r: [f"{p} : {r.choice(('accept', 'drop', 'jump last'))}" for p in _prefixes(r)], "ip saddr vmap @NAME"),
    ("type inet_service : counter;", lambda r: [f'{p} : "k{r.randrange(2)}"' for p in _some(r, _port)],
     "counter name tcp dport map @NAME"),
    ("type inet_service : limit;", lambda r: [f'{p} : "l0"' for p in _some(r, _port)],
     "limit name tcp dport map @NAME accept"),
)
OBJECTS = {
    "k0": ("counter k0 { }", 'counter k0 { comment "x"; }'),
    "k1": ("counter k1 { }",),
    "q0": ("quota q0 { over 10 mbytes }", "quota q0 { over 20 mbytes }", "quota q0 { 5 mbytes }"),
    "l0": ("limit l0 { rate 10/second }", "limit l0 { rate 20/minute burst 9 packets }"),
}
USES = ("counter name k0", "counter name k1 accept", "quota name q0 drop", "limit name l0 accept",
        "counter name tcp dport map { 22 : k0, 80 : k1 }")


class Table:
    """Chains, sets, maps and objects by name, so that a part of it can be changed."""

    def __init__(self, r, family, name):
        self.family, self.name = family, name
        self.comment = r.choice(("", "", "", "one", "two"))
        self.dormant = r.random() < 0.1
        self.chains, self.sets, self.objects = {}, {}, {}
        for part in ("objects", "sets", "chains"):
            self.change(r, part)

    def ip(self):
        return self.family not in ("ip6", "arp")

    def change(self, r, part):
        if part == "objects":
            self.objects = {name: r.choice(ways) for name, ways in OBJECTS.items()}
        elif part == "sets":
            names = r.sample(["s0", "s1", "s2", "s3", "m0", "m1", "m2"], r.randrange(0, 6))
            self.sets = {n: self._set(r, n) for n in names} if self.ip() else {}
        elif part == "one set" and self.sets:
            name = r.choice(list(self.sets))
            kind = self.sets[name][0]
            self.sets[name] = (kind, kind[1](r))
        elif part == "chains":
            names = r.sample(["c0", "c1", "c2", "c3", "c4"], r.randrange(1, 5))
            self.chains = {n: (self._head(r), [self._rule(r) for _ in range(r.randrange(0, 12))]) for n in names}
        elif part == "rules":
            for _, rules in self.chains.values():
                for _ in range(r.randrange(4)):
                    self._edit(r, rules)
        elif part == "dormant":
            self.dormant = not self.dormant
        elif part == "head" and self.chains:
            name = r.choice(list(self.chains))
            self.chains[name] = (self._head(r), self.chains[name][1])

    def _set(self, r, name):
        kind = r.choice(MAPS if name.startswith("m") else SETS)
        return kind, kind[1](r)

    def _head(self, r):
        if r.random() < 0.4:
            return ""
        return f"type {r.choice(BASES[self.family])}; policy {r.choice(('accept', 'drop'))};"

    def _rule(self, r):
        chance = r.random()
        rule = r.choice(NO_NAMES[self.family])
        if chance < 0.15:
            rule = "counter jump last"
        elif chance < 0.3:
            rule = "@"  # whatever set is there
        elif chance < 0.4:
            rule = r.choice(USES if self.family != "arp" else USES[:-1])
        elif chance < 0.45 and self.ip():
            rule = f"tcp dport {_port(r)} jump {{ ip saddr {_address(r)} accept; counter; }}"
        elif chance < 0.6:
            rule = "counter"
        return rule

    def _edit(self, r, rules):
        at = r.randrange(len(rules) + 1)
        if r.random() < 0.4 or at == len(rules):
            rules.insert(at, self._rule(r))
        elif r.random() < 0.5:
            del rules[at]
        else:
            rules.append(rules.pop(at))

    def _rules(self, rules):
        uses = [kind[2].replace("NAME", name) for name, (kind, _) in self.sets.items()]
        for n, rule in enumerate(rules):
            if rule == "@":
                rule = uses[n % len(uses)] if uses else "accept"
            yield rule

    def text(self):
        lines = [f"table {self.family} {self.name} {{"]
        if self.dormant:
            lines.append("\tflags dormant")
        if self.comment:
            lines.append(f'\tcomment "{self.comment}"')
        lines += ["\t" + text for text in self.objects.values()]
        for name, (kind, elements) in self.sets.items():
            elements = f" elements = {{ {', '.join(elements)} }}" if elements else ""
            lines.append(f"\t{'map' if name.startswith('m') else 'set'} {name} {{ {kind[0]}{elements} }}")
        lines += ["\tchain last {", "\t\tcounter accept", "\t}"]
        for name, (head, rules) in self.chains.items():
            lines += [f"\tchain {name} {{"] + (["\t\t" + head] if head else [])
            lines += ["\t\t" + rule for rule in self._rules(rules)] + ["\t}"]
        return "\n".join(lines + ["}"]) + "\n"


class Walk:
    """A ruleset that changes: now a little, now altogether."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.tables = {}
        self.jump()

    def jump(self):
        names = {(self.r.choice(FAMILIES), f"t{self.r.randrange(3)}") for _ in range(self.r.randrange(1, 4))}
        self.tables = {key: Table(self.r, *key) for key in sorted(names)}

    def step(self):
        if self.r.random() < 0.3:
            self.jump()
            return
        for _ in range(self.r.randrange(1, 4)):
            table = self.r.choice(list(self.tables.values()))
            table.change(self.r, self.r.choice(("objects", "sets", "one set", "one set", "chains", "rules", "rules",
                                                "rules", "head", "dormant")))

    def text(self):
        return "".join(table.text() for table in self.tables.values())


def _sorted_elements(block):
    """Elements on one line, in order."""
    def join(match):
        return "elements = { " + ", ".join(sorted(re.split(r",\s+", match[1]))) + " }"
    return re.sub(r"elements = \{ (.*?) \}$", join, block, flags=re.S | re.M)


def alike(listing):
    """A listing with what may come in any order put in order: tables, and objects inside a table."""
    tables = []
    for table in re.findall(r"^table .*?^\}$", re.sub(r" expires \w+", "", listing), flags=re.S | re.M):
        head, body = table.split("\n", 1)
        blocks = re.findall(r"^\t(?:(?:comment|flags) [^\n]*$|\w.*?^\t\}$)", body, flags=re.S | re.M)
        tables.append((head, sorted(_sorted_elements(block) for block in blocks)))
    return sorted(tables)


def count(tables):
    """How many objects there are in what alike() gave, rules and elements counted singly."""
    total = 0
    for _, blocks in tables:
        total += 1
        for block in blocks:
            lines = block.splitlines()
            elements = re.search(r"elements = \{ (.*) \}$", block, flags=re.M)
            if block.startswith("\tchain"):
                total += sum(not line.startswith(("\t\ttype ", "\t}")) for line in lines)
            elif elements:
                total += 1 + len(elements[1].split(", "))
            else:
                total += 1
    return total
