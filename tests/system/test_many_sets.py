# SPDX-License-Identifier: GPL-2.0-or-later
"""Rulesets of very many rules with anonymous sets: what such a set costs in the kernel grows with their
number, so these rules are compiled, rehearsed and printed a part at a time."""

import json
import random
import time

import pytest

from conftest import SANITIZED

COUNT = 700

# One for each kind, with room for a number.
KINDS = {
    "ports": "ip saddr 10.{a}.{b}.0/24 tcp dport {{ {n}, {m}, 443 }} accept",
    "one port": "tcp dport {{ {n} }} counter accept",
    "ranges": "udp dport {{ {n}-{m}, 53 }} drop",
    "prefixes": "ip daddr {{ 10.{a}.{b}.0/24, 192.168.{b}.0/25 }} tcp sport != {{ {n}, {m} }} drop",
    "addresses": "ip saddr != {{ 10.{a}.{b}.1, 10.{a}.{b}.3 }} log prefix \"{{ {n}\" accept",
    "six": "ip6 saddr {{ 2001:db8:{a}::{b}, 2001:db8:{n}::/48 }} accept comment \"number {n} }}\"",
    "pairs": "ip saddr . tcp dport {{ 10.{a}.{b}.7 . {n}, 10.{a}.{b}.8 . {m} }} accept",
    "states": "tcp dport {n} ct state {{ new, established }} accept",
    "protocols": "meta l4proto {{ tcp, udp, {c} }} th dport {n} return",
    "interfaces": "iifname {{ \"eth{n}\", wlan{m} }} oifname != {{ \"a b{n}\" }} accept",
    "commented elements": "tcp dport {{ {n} comment \"{{ one\", {m} }} accept",
    "two": "ip saddr {{ 10.{a}.0.0/16, 11.{a}.{b}.0/24 }} tcp dport {{ {n}, {m} }} jump other",
    "services": "tcp dport {{ {n}, http, ssh }} accept",
    "verdicts": "tcp dport vmap {{ {n} : accept, {m} : jump other }}",
    "values": "meta mark set tcp dport map {{ {n} : 0x{n}, {m} : 0x1 }}",
    "own chain": "tcp dport {n} jump {{ ip saddr {{ 10.{a}.{b}.1, 10.0.0.2 }} accept; }}",
    "several lines": "tcp dport {{ {n},\n\t\t\t{m} }} accept",
    "no sets": "ip saddr 10.{a}.{b}.0/24 tcp dport {n} accept",
    "dynamic": "tcp dport {{ {n}, {m} }} add @seen {{ ip saddr limit rate 10/second }} accept",
    "named": "ip saddr @named tcp dport {{ {n}, {m} }} accept",
}


def rule(kind, number):
    return KINDS[kind].format(n=number + 1, m=number + 20000, a=number >> 8, b=number & 255,
                              c=number % 100 + 130)


def document(rules, family="inet", table="t"):
    lines = "\n\t\t".join(rules)
    return (f"table {family} {table} {{\n\tset named {{\n\t\ttype ipv4_addr\n\t\telements = {{ 1.2.3.4 }}\n\t}}\n"
            "\tset seen {\n\t\ttype ipv4_addr\n\t\tsize 4096\n\t\tflags dynamic\n\t}\n"
            "\tchain other {\n\t\tcounter\n\t}\n\tchain input {\n"
            "\t\ttype filter hook input priority 0; policy accept;\n"
            f"\t\t{lines}\n\t}}\n}}\n")


MIXED = [rule(random.Random(number).choice(list(KINDS)), number) for number in range(COUNT * 2)]
DOCUMENTS = {**{kind: document([rule(kind, number) for number in range(COUNT)]) for kind in KINDS},
             "mixed": document(MIXED)}
JSON_TOO = ["ports", "ranges", "prefixes", "states", "protocols", "interfaces", "two", "services",
            "no sets"]


def listing_of_nft(make_netns, path, *options, what=("ruleset",)):
    ns = make_netns()
    ns.run("nft", *options, "-f", path)
    return ns.listing(*what)


INPUT = ("chain", "inet", "t", "input")


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_loaded_is_what_nft_loads(untrack, netns, make_netns, kind):
    path = untrack.file(DOCUMENTS[kind])
    wanted = listing_of_nft(make_netns, path)
    untrack(netns, "apply", path)
    assert netns.listing("ruleset") == wanted
    assert untrack(netns, "diff", path).stdout == ""


def change_of(untrack, make_netns, before, after):
    """What diff says between the two, and the ruleset that the commands in it lead to."""
    ns = make_netns()
    if before:
        ns.run("nft", "-f", untrack.file(before))
    change = untrack(ns, "diff", "--json", untrack.file(after), status=None).json
    text = untrack(ns, "diff", untrack.file(after), status=None).stdout
    ns.run("nft", "-j", "-f", untrack.file(json.dumps({"nftables": change["nftables"]})))
    return change, text, ns.listing(*INPUT)


@pytest.mark.parametrize("kind", ["ports", "two", "states", "verdicts"])
def test_changes_are_printed_whole(untrack, make_netns, kind):
    """Also where what they are printed from is in parts."""
    after = DOCUMENTS[kind]
    change, text, listing = change_of(untrack, make_netns, None, after)
    assert listing == listing_of_nft(make_netns, untrack.file(after), what=INPUT)
    assert {c["add"]["rule"]["table"] for c in change["nftables"] if "rule" in c.get("add", {})} == {"t"}
    printed = [line.split(" input ", 1)[1] for line in text.splitlines() if " rule inet t input " in line]
    listed = [line.strip() for line in listing.split("policy accept;\n")[1].splitlines()[:COUNT]]
    assert printed == listed


@pytest.mark.parametrize("kind", ["ports", "mixed"])
def test_what_goes_is_printed_whole(untrack, make_netns, kind):
    before = DOCUMENTS[kind]
    after = document([])
    change, text, listing = change_of(untrack, make_netns, before, after)
    assert listing == listing_of_nft(make_netns, untrack.file(after), what=INPUT)
    assert change["summary"]["rules"]["delete"] == (COUNT if kind == "ports" else COUNT * 2)
    assert kind == "mixed" or sum("accept" in line for line in text.splitlines()
                                  if line.startswith("- ")) == COUNT


@pytest.mark.parametrize("kind", JSON_TOO)
def test_json_of_them(untrack, netns, make_netns, kind):
    there = make_netns()
    there.run("nft", "-f", untrack.file(DOCUMENTS[kind].replace("comment \"", "comment \"x")))
    dump = untrack.file(there.run("nft", "-j", "list", "ruleset").stdout)
    untrack(netns, "apply", dump)
    assert netns.listing("ruleset") == listing_of_nft(make_netns, dump, "-j")
    assert untrack(netns, "apply", "--json", dump).json["changed"] is False


def handles(ns):
    return {line.split(" # handle ")[0].strip(): line.split(" # handle ")[1]
            for line in ns.listing_with_handles("chain", "inet", "t", "input").splitlines()
            if " # handle " in line and "chain" not in line}


def test_one_changes_among_many(untrack, netns, make_netns):
    rules = [rule("ports", number) for number in range(COUNT)]
    untrack(netns, "apply", untrack.file(document(rules)))
    before = handles(netns)
    for place in (0, 350, COUNT - 1):
        changed = [*rules[:place], rule("ranges", place), *rules[place + 1:]]
        path = untrack.file(document(changed))
        result = untrack(netns, "apply", "--json", path).json
        assert result["summary"]["rules"] == {"add": 0, "delete": 0,
                                              "replace": 1 if changed[0] != rules[0] or place else 2}, place
        assert netns.listing("ruleset") == listing_of_nft(make_netns, path)
        after = handles(netns)
        assert sum(before.get(text) == handle for text, handle in after.items()) >= COUNT - 2
        untrack(netns, "apply", untrack.file(document(rules)))
        before = handles(netns)


@pytest.mark.parametrize("count", [5, 150, 300])
def test_beside_remembered_rules(untrack, netns, make_netns, count):
    """Rules without sets are remembered; those with sets are not, however many there are."""
    rules = [rule("no sets", number) for number in range(300)] + \
            [f"ip saddr 10.0.0.{n % 256} udp length {n} drop" for n in range(150)] + \
            [rule("ports", number) for number in range(count)]
    random.Random(count).shuffle(rules)
    for turn in range(3):
        rules[turn * 100] = f"udp dport {{ {turn + 1}, 17 }} drop"
        path = untrack.file(document(rules))
        result = untrack(netns, "apply", "--json", path).json
        assert not turn or result["summary"]["rules"] == {"add": 0, "delete": 0, "replace": 1}
        assert netns.listing("ruleset") == listing_of_nft(make_netns, path)
        assert untrack(netns, "diff", path).stdout == ""


def test_names_of_sets_are_found_while_others_add_some(untrack, netns, make_netns):
    """The kernel is told names that are not in use, whoever used which."""
    generator = random.Random(7)
    for turn in range(4):
        netns.nft("add table inet t; add chain inet t aside; flush chain inet t aside\n"
                  + "".join(f"add rule inet t aside udp dport {{ {n + 1}, {n + 3} }}\n"
                            for n in range(generator.randrange(100))))
        rules = [rule("ports", generator.randrange(5000)) for _ in range(300)]
        path = untrack.file(document(rules).replace("\tchain input", "\tchain aside {\n\t}\n\tchain input"))
        untrack(netns, "apply", path)
        assert netns.listing(*INPUT) == listing_of_nft(make_netns, path, what=INPUT)
        netns.nft("add rule inet t input tcp sport { 1, 2 } accept")


REFUSED = {
    "in a set": ([rule("ports", n) for n in range(400)] + ["tcp dport { 1, 70000 } accept"], "range"),
    "no chain": ([rule("ports", n) for n in range(400)] + ["tcp dport { 1, 2 } jump nowhere"], ""),
    "an unknown word": ([rule("ports", n) for n in range(400)] + ["tcp dport { 1, 2 } acept"], "syntax"),
}


@pytest.mark.parametrize("rules, words", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_among_many(untrack, netns, rules, words):
    path = untrack.file(document([*rules[:200], rules[-1], *rules[200:-1]]))
    by_nft = netns.run("nft", "-c", "-f", path, check=False).stderr
    error = untrack(netns, "apply", "--json", path, status=2).error
    assert words in error["message"]
    assert f"{path}:{error['line']}:{error['column']}" in by_nft
    assert netns.listing("ruleset") == ""


def test_it_takes_no_longer_than_it_must(untrack, netns, make_netns):
    """They were loaded and read six times, each as long as nft takes for all."""
    def seconds(run):
        begin = time.monotonic()
        run()
        return time.monotonic() - begin
    path = untrack.file(document([rule("ports", number) for number in range(6000)]))
    by_nft = min(seconds(lambda: make_netns().run("nft", "-f", path)) for _ in range(2))
    own = seconds(lambda: untrack(netns, "apply", path))
    assert SANITIZED or own < 2.5 * by_nft, (own, by_nft)
