# SPDX-License-Identifier: GPL-2.0-or-later
"""Long rulesets: of what was compiled before only what changed is compiled again, and nothing of it
shows but in the time."""
import ipaddress
import random

import pytest
from conftest import Writer
from test_corpus import flush, listing, load

RULES = 300
PLAIN = ("ip saddr 10.0.{a}.{b} tcp dport {p} accept",
         "ip daddr 10.{a}.{b}.0/24 counter packets {p} bytes {b} drop", 'iifname "eth{b}" udp sport {p} counter drop comment "c {a}"',
         "ip daddr 10.{a}.0.0/16 notrack", "meta mark {p} jump other", "ip saddr @known tcp dport != {p} return",
         "ip saddr 192.0.2.{b} limit rate {p}/second accept", "ct state established,related accept",
         "ip protocol tcp ip ttl > {b} log prefix \"x{a} \"")
OTHERS = ("tcp dport {{ {p}, {a} }} accept", "ip saddr $hosts accept; counter", "# nothing",
          "tcp dport {{\n\t\t\t{p},\n\t\t\t{b} }} drop", "tcp dport vmap {{ {p} : accept, 1 : drop }}", "")


def rules(r, count):
    found = []
    for _ in range(count):
        rule = r.choice(PLAIN if r.random() < 0.9 else OTHERS)
        found.append(rule.format(a=r.randrange(1, 200), b=r.randrange(1, 200), p=r.randrange(1, 5000)))
    return found


def document(one, two, known="192.0.2.1", host="198.51.100.1"):
    def chain(name, head, some):
        return f"\tchain {name} {{\n\t\t{head}\n" + "".join(f"\t\t{rule}\n" for rule in some) + "\t}\n"
    return (f"define hosts = {{ {host} }}\ntable ip long {{\n\tset known {{\n\t\ttype ipv4_addr\n"
            f"\t\telements = {{ {known} }}\n\t}}\n" + chain("other", "", [])
            + chain("pre", "type filter hook prerouting priority raw; policy accept;", one)
            + chain("out", "type filter hook output priority raw;", two) + "}\n")


@pytest.mark.parametrize("seed", range(4))
def test_as_nft_loads_it(untrack, make_netns, seed):
    ours, theirs = make_netns(), make_netns()
    r = random.Random(seed)
    one, two = rules(r, RULES), rules(r, RULES)
    known, host = "192.0.2.1", "198.51.100.1"
    for step in range(8):
        path = untrack.file(document(one, two, known, host), "long.nft")
        expected = load(theirs, path)
        assert expected is not None
        untrack(ours, "apply", path)
        assert listing(ours) == expected, f"seed {seed}, step {step}"
        assert untrack(ours, "diff", path).stdout == ""
        what = r.randrange(6)
        if what == 0:
            known = f"192.0.2.{r.randrange(2, 9)}"  # a set that remembered rules look at
        elif what == 1:
            host = f"198.51.100.{r.randrange(2, 9)}"
        elif what == 2:
            one, two = two, one
        elif what == 3:
            r.shuffle(one)
        else:
            at = r.randrange(RULES)
            one[at:at + r.randrange(3)] = rules(r, r.randrange(3))


def plain(count, changed=None):
    return [PLAIN[0].format(a=n // 200, b=n % 200 + 1, p=n + 1 + (n == changed)) for n in range(count)]


def unlike(count, changed=None):
    """Rules of as many shapes: what is known of them can only be remembered."""
    return [f"meta mark {n} tcp dport {n + 1 + (n == changed)} accept" for n in range(count)]


@pytest.mark.parametrize("rules", (plain, unlike), ids=("alike", "unlike"))
def test_one_of_many(untrack, netns, rules):
    """One rule goes out, and only what was not known is compiled."""
    path = untrack.file(document(rules(2000), []), "long.nft")
    untrack(netns, "apply", path)
    path = untrack.file(document(rules(2000, changed=1000), []), "long.nft")
    done = untrack(netns, "apply", "--json", path)
    assert done.json["summary"]["rules"] == {"add": 0, "delete": 0, "replace": 1}
    assert listing(netns) == load(netns, path)


def test_a_long_ruleset_is_judged(untrack, netns):
    """At its apply too, and with advice only on the rules that deserve it."""
    some = plain(2000)
    path = untrack.file(document(some, []), "long.nft")
    assert untrack(netns, "apply", "--json", path).json.get("warnings", []) == []
    some[1500], some[1700] = "udp dport 53 notrack", "udp dport 123 notrack"
    path = untrack.file(document(some, []), "long.nft")
    warnings = untrack(netns, "apply", "--json", path).json["warnings"]
    told = {warning.split(" keeps untracked")[0] for warning in warnings}
    assert told == {f"{code}: what rule {place} of ip long pre" for code in ("one-way", "loopback")
                    for place in (1501, 1701)} | {warnings[-1]}, warnings
    assert warnings[-1].startswith("no-tracking: "), warnings


def test_what_a_change_brings_about_is_told(untrack, netns):
    """Wherever it is in a long ruleset; and no more than that."""
    some, answers = plain(2000), plain(2000)
    for n in range(0, 2000, 50):
        some[n], answers[n] = f"udp dport {n + 1} notrack", f"udp sport {n + 1} notrack"

    def told():
        path = untrack.file(document(some, answers), "long.nft")
        warnings = untrack(netns, "apply", "--json", path).json.get("warnings", [])
        return {warning.split(" keeps untracked")[0] for warning in warnings}

    assert not {one for one in told() if not one.startswith("no-tracking")}
    answers[1400] = "ip saddr 192.0.2.9 accept"  # what answers rule 1401 is tracked from now on
    assert {"one-way: what rule 1401 of ip long pre"} <= told()
    some[7] = "ip saddr 192.0.2.99 tcp dport 7 accept"  # concerns no packets that are kept untracked
    assert told() == set()
    some[1400] = "udp dport 69 notrack"
    assert {"helper: what rule 1401 of ip long pre", "one-way: what rule 1401 of ip long pre"} <= told()
    answers[1400] = "udp sport 69 notrack"
    assert {one for one in told() if one.startswith(("one-way", "loopback"))} == set()


def test_what_is_not_judged_is_told(untrack, netns):
    """Of very many rules the first ones are judged, and nobody is told that these are all."""
    path = untrack.file(document([f"udp dport {n + 7000} notrack" for n in range(1000)], []), "long.nft")
    told = untrack(netns, "apply", path).stderr
    assert "one-way: 156 more of the first ones; `untrack check` looks at more" in told, told
    assert "the findings are those of the first ones" in untrack(netns, "check", path).stderr
    few = untrack.file(document([f"udp dport {n + 7000} notrack" for n in range(200)], []), "few.nft")
    told = untrack(netns, "apply", few).stderr
    assert "one-way: 197 more; `untrack check` tells them all" in told, told
    assert "the first ones" not in untrack(netns, "check", few).stderr


def test_damaged_memory(untrack, netns):
    path = untrack.file(document(unlike(RULES), []), "long.nft")
    expected = load(netns, path)
    flush(netns)
    untrack(netns, "apply", path)
    remembered = list(untrack.state.rglob("compiled*"))
    assert remembered
    for file in remembered:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    assert untrack(netns, "diff", path).stdout == ""
    flush(netns)
    untrack(netns, "apply", path)
    assert listing(netns) == expected


def address(r):
    return ".".join(str(r.choice((0, 1, 10, 127, 192, 224, 255, r.randrange(256)))) for _ in range(4))


def prefix(r, bits, size=4):
    value = int.from_bytes(r.choice((bytes(size), b"\xff" * size, r.randbytes(size)))) >> (size * 8 - bits)
    return f"{ipaddress.ip_address((value << (size * 8 - bits)).to_bytes(size))}/{bits}"


def port(r):
    return r.choice((0, 1, 22, 255, 256, 65535, r.randrange(65536)))


def word(r):
    return "".join(r.choice("abc xyz-#;{}/0.") for _ in range(r.randrange(1, 60))).strip() or "x"


IPV4 = ("ip saddr {a}", "ip daddr != {a}", "ip saddr {p8} ip daddr {p16}", "ip saddr {p24}", "ip daddr {p20} return",
        "ip saddr {p32} drop", "ip saddr {p31} tcp dport {n}", "ip saddr {a} ip daddr {b} accept",
        "ip protocol tcp ip saddr {p1} counter", "ip saddr {a} tcp sport {n} tcp dport {m} counter log prefix \"q \"")
IPV6 = ("ip6 saddr {v64} tcp dport {n}", "ip6 daddr != {v128}", "ip6 saddr {v67} ip6 daddr {v8} accept")
PORTS = ("tcp dport {n} accept", "udp sport != {n} drop", "meta l4proto tcp th dport {n}", "sctp dport == {n} return",
         "tcp sport {n} tcp dport {m} accept", "tcp dport {n} jump other", "ct state new udp dport {n} accept")
HOOKS = {"bridge": "type filter hook input priority 0;", "netdev": 'type filter hook ingress device "lo" priority 0;'}


def rules_alike(r, family):
    some = []
    for form in PORTS + (() if family == "ip6" else IPV4) + (() if family == "ip" else IPV6):
        if "ct state" in form and family in HOOKS:
            continue
        for _ in range(20):
            values = {"a": address(r), "b": address(r), "n": port(r), "m": port(r)}
            values |= {f"p{bits}": prefix(r, bits) for bits in (1, 8, 16, 20, 24, 31, 32)}
            values |= {f"v{bits}": prefix(r, bits, 16) for bits in (8, 64, 67, 128)}
            some.append(form.format(**values))
        some += [rule + f' comment "{word(r)}"' for rule in some[-20:]]
    r.shuffle(some)
    return some


@pytest.mark.parametrize("family", ("ip", "ip6", "inet", "bridge", "netdev"))
@pytest.mark.parametrize("seed", range(2))
def test_rules_alike(untrack, make_netns, family, seed):
    """Rules that differ in values alone are made of few samples, and are what nft makes of them, whatever
    the values; what is printed of them is what nft lists."""
    ours, theirs = make_netns(), make_netns()
    some = rules_alike(random.Random(seed), family)
    head = HOOKS.get(family, "type filter hook input priority 0; policy accept;")
    body = "".join(f"\t\t{rule}\n" for rule in some)
    path = untrack.file(f"table {family} t {{\n\tchain other {{\n\t}}\n\tchain c {{\n\t\t{head}\n"
                        f"{body}\t}}\n}}\n", "alike.nft")
    expected = load(theirs, path)
    assert expected is not None
    done = untrack(ours, "apply", path)
    assert listing(ours) == expected
    listed = [line.strip() for line in expected.split("chain c {")[1].split("\n")[2:-3]]
    printed = [line.removeprefix(f"+ add rule {family} t c ") for line in done.stdout.split("\n")
               if line.startswith("+ add rule")]
    assert printed == listed
    assert untrack(ours, "diff", path).stdout == ""
    assert not list(untrack.state.rglob("compiled*")), "they were compiled one by one"


def test_while_others_commit(untrack, make_netns):
    """What was read and judged while the document was compiled holds only if nobody committed since."""
    netns, theirs = make_netns(), make_netns()
    paths = [untrack.file(document(plain(2000, changed=n), []), f"long-{n}.nft") for n in (None, 1000)]
    expected = [load(theirs, path) for path in paths]
    assert paths[0].stat().st_size > 65536, "too short to be read ahead"
    writer = Writer(netns, "inet busy")
    for turn in range(20):
        if turn % 3 == 1:  # in the document's own table too
            netns.nft("insert rule ip long pre counter" if turn % 2 else "add rule ip long pre drop")
        if untrack(netns, "apply", paths[turn % 2], status=None).status == 0:
            assert netns.run("nft", "list", "table", "ip", "long").stdout == expected[turn % 2], turn
    assert writer.end() > 20
    untrack(netns, "apply", paths[0])
    assert netns.run("nft", "list", "table", "ip", "long").stdout == expected[0]
    assert untrack(netns, "diff", paths[0]).stdout == ""


def test_a_mistake_has_its_place(untrack, netns):
    some = plain(RULES)
    path = untrack.file(document(some, []), "long.nft")
    untrack(netns, "apply", path)
    some[100] = "tcp dport 22 jump nowhere"
    path = untrack.file(document(some, []), "long.nft")
    refused = untrack(netns, "apply", "--json", path, status=2).error
    line = path.read_text().splitlines().index("\t\ttcp dport 22 jump nowhere") + 1
    assert (refused["file"], refused["line"]) == (str(path), line)


def test_a_loop_is_refused(untrack, netns):
    """Which no rule by itself shows, and the kernel judges as a whole."""
    some = plain(RULES)
    some[150] = "meta mark 1 jump other"
    text = document(some, []).replace("\tchain other {\n\t\t\n", "\tchain other {\n\t\tjump back\n\t}\n"
                                      "\tchain back {\n\t\taccept\n")
    untrack(netns, "apply", untrack.file(text, "long.nft"))
    before = listing(netns)
    path = untrack.file(text.replace("\t\taccept\n", "\t\tjump other\n"), "long.nft")
    refused = untrack(netns, "apply", "--json", path, status=2).error
    assert refused["file"] == str(path) and refused["line"], refused
    assert listing(netns) == before
