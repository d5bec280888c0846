# SPDX-License-Identifier: GPL-2.0-or-later
"""Rulesets to compare untrack with nft on: corpus/rules.txt as documents, one for each family and
kind of chain, and the whole documents beside it.

rules.txt has a section for each place: `[FAMILIES: PLACE]`. A line is a rule; `= FIELD: VALUE ~ VALUE`
is a rule for each value, and goes on on indented lines.
"""
import itertools
import pathlib
import re

CORPUS = pathlib.Path(__file__).with_name("corpus")

# PLACE: the chain's head.
CHAINS = {
    "filter": "type filter hook input priority filter; policy accept;",
    "forward": "type filter hook forward priority filter; policy accept;",
    "output": "type filter hook output priority filter; policy accept;",
    "route": "type route hook output priority mangle; policy accept;",
    "flow": "type filter hook forward priority filter; policy accept;",
    "raw": "type filter hook prerouting priority raw;",
    "mangle": "type filter hook prerouting priority mangle; policy accept;",
    "dnat": "type nat hook prerouting priority dstnat; policy accept;",
    "snat": "type nat hook postrouting priority srcnat; policy drop;",
    "objects": "type filter hook input priority filter; policy accept;",
    "optional": "type filter hook input priority filter; policy accept;",
    "refused": "type filter hook input priority filter; policy accept;",
    "ingress": 'type filter hook ingress device "lo" priority -5;',
}

# What rules name, by name; a document has those that its rules name.
OBJECTS = {
    "cnt": "counter cnt { packets 3 bytes 300 }",
    "cnt2": 'counter cnt2 { comment "second" }',
    "quo": "quota quo { over 100 mbytes }",
    "lim": "limit lim { rate 10/second burst 5 packets }",
    "counters": 'map counters { type inet_service : counter; elements = { 22 : "cnt", 80 : "cnt2" } }',
    "ftp-standard": 'ct helper ftp-standard { type "ftp" protocol tcp; }',
    "agg": "ct timeout agg { protocol tcp; policy = { established : 120, close : 4 }; }",
    "expect": "ct expectation expect { protocol udp; dport 9876; timeout 2m; size 8; l3proto @L3; }",
    "syn1": "synproxy syn1 { mss 1460; wscale 7; timestamp sack-perm; }",
    "fast": "flowtable fast { hook ingress priority 0; devices = { lo }; }",
    "ipv4_hosts": "set ipv4_hosts { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 } }",
    "services4": "set services4 { type ipv4_addr . inet_service;"
                 " elements = { 10.0.0.1 . 22, 10.0.0.2 . 80 } }",
    "ports": "set ports { type inet_service; elements = { 22, 80, 443 } }",
    "empty": "set empty { type inet_service; }",
    "masked": "set masked { type ipv4_addr; elements = { 10.1.0.0, 10.2.0.0 } }",
    "seen": "set seen { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 1m; }",
    "limited": "set limited { type ipv4_addr; size 65535; flags dynamic; }",
    "counted": "set counted { type ipv4_addr; size 65535; flags dynamic; }",
    "connections": "set connections { type ipv4_addr; size 65535; flags dynamic; }",
    "flows": "set flows { type ipv4_addr . inet_service; size 65535; flags dynamic,timeout; }",
    "lastport": "map lastport { type ipv4_addr : inet_service; size 65535; flags dynamic,timeout;"
                " timeout 1h; }",
    "marks": "map marks { type inet_service : mark; elements = { 22 : 1, 80 : 2 } }",
    "verdicts": "map verdicts { type ipv4_addr : verdict; flags interval;"
                " elements = { 10.0.0.0/8 : accept, 192.0.2.1 : jump regular } }",
}


def _sections(text):
    """[(families, place, lines)]"""
    found = []
    for line in text.splitlines():
        if line.startswith("["):
            families, place = line.strip("[]").split(":")
            found.append((families.split(), place.strip(), []))
        elif line.startswith(" "):
            found[-1][2][-1] += " " + line.strip()
        elif line and not line.startswith("#"):
            found[-1][2].append(line)
    return found


def _expand(lines):
    number = itertools.count()
    for line in lines:
        if not line.startswith("="):
            yield line
            continue
        field, values = line[2:].split(": ", 1)
        for value in values.split(" ~ "):
            n = next(number)
            rule = f"{field} {value.strip()}"
            if n % 3 == 0 and not rule.endswith("accept") and " vmap " not in rule:
                rule += (" counter", " accept", " counter drop")[n // 3 % 3]
            # Every fifth one has a comment.
            yield rule + (f' comment "{field}: {n}"' if n % 5 == 0 else "")


def rules():
    """{(family, place): [rule]} of the whole corpus."""
    found = {}
    for families, place, lines in _sections((CORPUS / "rules.txt").read_text()):
        for family in families:
            found.setdefault((family, place), []).extend(_expand(lines))
    return found


def _needed(texts):
    """Names of the objects that these texts name, and of those that these name in turn."""
    words = set(re.findall(r"[\w-]+", " ".join(texts)))
    found = words & set(OBJECTS)
    more = set(re.findall(r"[\w-]+", " ".join(OBJECTS[name] for name in found))) & set(OBJECTS)
    return found | more


def document(family, place, some):
    """A document with these rules in one base chain, and with all that they name."""
    names = _needed(some)
    l3 = "ip6" if family == "ip6" else "ip"
    objects = "".join(f"\t{OBJECTS[name]}\n".replace("@L3", l3) for name in OBJECTS if name in names)
    chain = "\n".join("\t\t" + rule for rule in some)
    return (f"table {family} corpus-{place} {{\n{objects}\tchain regular {{\n\t\tcounter\n\t}}\n"
            f"\tchain base {{\n\t\t{CHAINS[place]}\n{chain}\n\t}}\n}}\n")
