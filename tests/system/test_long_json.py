# SPDX-License-Identifier: GPL-2.0-or-later
"""Long rulesets in JSON: rules that differ in values alone are made from a few samples of them, and
nothing of it shows but in the time."""
import ipaddress
import json
import random
import re

import pytest
from test_corpus import listing, load

RULES = 500
ADDRESSES = ("0.0.0.0", "255.255.255.255", "127.0.0.1", "10.0.0.1", "192.0.2.77", "1.2.3.4")
ADDRESSES6 = ("::", "::1", "2001:db8::7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:DB8:0:0:1::", "::ffff:1.2.3.4")
PORTS = (0, 1, 22, 80, 255, 256, 1024, 65535, "0", "443", "65535")
COMMENTS = ("a", "two words", "n 17", "ä ö ü", "日本語", "\U0001f600", "back\\slash", "tab\there", "semi;colon # {}",
            "/slash/", "x" * 120, "y" * 121, "ä" * 60, "ä" * 64, "untrack inet t: x", "\x7f", "'", "$HOME")


def address(r, six=False):
    if r.random() < 0.2:
        return r.choice(ADDRESSES6 if six else ADDRESSES)
    return f"2001:db8:{r.randrange(65536):x}::{r.randrange(65536):x}" if six else \
        f"10.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}"


def prefix(form, r, six=False):
    """Mostly without host bits."""
    if six:
        length = form.choice([0, 1, 48, 63, 64, 128])
        value = r.choice([0, (1 << 128) - 1, 0x20010db8 << 96 | r.randrange(1 << 96)]) >> (128 - length) << (128 - length)
        return {"prefix": {"addr": str(ipaddress.IPv6Address(value)), "len": length}}
    length = form.choice([0, 1, 7, 8, 9, 24, 25, 31, 32])
    value = r.choice([0, 0xffffffff, r.randrange(1 << 32)]) >> (32 - length) << (32 - length)
    return {"prefix": {"addr": str(ipaddress.IPv4Address(value | (r.random() < 0.05))), "len": length}}


def match(op, left, right):
    return {"match": {"op": op, "left": left, "right": right}}


def field(protocol, name):
    return {"payload": {"protocol": protocol, "field": name}}


def match_address(form, r, six):
    op, name, whole = form.choice(["==", "==", "!="]), form.choice(["saddr", "daddr"]), form.random() < 0.6
    return match(op, field("ip6" if six else "ip", name), address(r, six) if whole else prefix(form, r, six))


def match_port(form, r):
    left, op = field(form.choice(["tcp", "udp"]), form.choice(["dport", "sport"])), form.choice(["==", "==", "!="])
    return match(op, left, r.choice(PORTS) if r.random() < 0.2 else r.randrange(65536))


def match_other(r):
    return r.choice([
        lambda: match("==", field("ip", "saddr"), {"set": [address(r), address(r)]}),
        lambda: match("!=", field("ip", "daddr"), {"set": ["10.0.0.1", {"prefix": {"addr": "10.1.0.0", "len": 16}}]}),
        lambda: match("==", {"concat": [field("ip", "saddr"), field("tcp", "dport")]},
                      {"set": [{"concat": [address(r), r.randrange(1, 999)]} for _ in range(r.randrange(1, 4))]}),
        lambda: match("==", {"meta": {"key": "oifname"}}, {"set": ["a", f"eth{r.randrange(9)}"]}),
        lambda: match("==", field("ip", "saddr"), {"range": ["10.0.0.1", f"10.0.0.{r.randrange(2, 250)}"]}),
        lambda: match("==", field("ip", "saddr"), "@known"),
        lambda: match(r.choice(["<", ">=", "in"]), field("tcp", "dport"), r.randrange(1, 65000)),
        lambda: match("==", field("tcp", "dport"), r.choice(["ssh", "http", {"set": [1, {"range": [3, 9]}]}])),
        lambda: match("in", {"ct": {"key": "state"}}, ["established", "related"]),
        lambda: match("==", {"meta": {"key": "iifname"}}, f"eth{r.randrange(4)}"),
        lambda: match("==", {"meta": {"key": "mark"}}, r.randrange(1 << 32)),
        lambda: match("==", {"meta": {"key": "l4proto"}}, r.choice(["tcp", "udp", 47])),
        lambda: match("==", {"&": [{"meta": {"key": "mark"}}, 255]}, r.randrange(256)),
        lambda: {"limit": {"rate": r.randrange(1, 9), "burst": 5, "per": "second"}},
        lambda: {"log": {"prefix": r.choice(COMMENTS[:6])}},
        lambda: {"vmap": {"key": field("tcp", "dport"), "data": {"set": [[r.randrange(1, 99), {"accept": None}]]}}},
    ])()


def shuffled(r, value):
    """The same with its keys in another order."""
    if isinstance(value, dict):
        keys = list(value)
        r.shuffle(keys)
        return {key: shuffled(r, value[key]) for key in keys}
    return [shuffled(r, one) for one in value] if isinstance(value, list) else value


def rule(form, r, place, number):
    """`form` has the chances for what is the rule's shape, r those for its values."""
    family, table, chain = place
    six = family == "ip6" or (family == "inet" and form.random() < 0.3)
    other = not six and form.random() < 0.15
    expr = [match_address(form, r, six) for _ in range(form.choice([0, 1, 1, 2]))]
    expr += [match_other(r)] if other else [match_port(form, r) for _ in range(form.choice([0, 1]))]
    if form.random() < 0.5:
        counted = {"packets": r.choice([0, 5, 2**63 - 1]), "bytes": r.randrange(2**40)}
        expr.append({"counter": form.choice([None, counted, counted])})
    expr.append(form.choice([{"accept": None}, {"drop": None}, {"notrack": None}, {"jump": {"target": "other"}}]))
    body = {"family": family, "table": table, "chain": chain}
    if form.random() < 0.5:
        body["handle"] = number + 7
    if form.random() < 0.5:
        body["comment"] = r.choice(COMMENTS) if r.random() < 0.3 else f"rule {number}"
    body["expr"] = expr
    body = shuffled(form, body) if form.random() < 0.2 else body
    return {"rule": body} if form.random() < 0.5 else {"add": {"rule": body}}


def some_rules(r, seed, places, first, count):
    """Most are of the seed's few forms, the others of any."""
    rules = []
    for number in range(first, first + count):
        form = random.Random(8 * seed + r.randrange(8)) if r.random() < 0.9 else r
        rules.append(rule(form, r, form.choice(places), number))
    return rules


def declarations():
    places = [("ip", "t"), ("inet", "t"), ("ip6", "six")]
    commands = [{"metainfo": {"json_schema_version": 1}}]
    for family, table in places:
        where = {"family": family, "table": table}
        commands.append({"add": {"table": {"family": family, "name": table}}})
        commands += [{"chain": {**where, "name": "other"}},
                     {"chain": {**where, "name": "pre", "type": "filter", "hook": "prerouting", "prio": -300}},
                     {"chain": {**where, "name": "out", "type": "filter", "hook": "output", "prio": -300,
                                "policy": "accept"}},
                     {"set": {**where, "name": "known", "type": "ipv4_addr", "elem": ["192.0.2.1"]}}]
    return commands, [(*place, chain) for place in places for chain in ("pre", "out")]


def write(untrack, r, commands):
    """As one file or as two, close together or spread out."""
    cut = r.choice([len(commands), r.randrange(20, len(commands))])
    style = {"indent": r.choice([None, 1, 4]), "ensure_ascii": r.random() < 0.5}
    names = [untrack.file(json.dumps({"nftables": part}, **style), f"{number}.json")
             for number, part in enumerate([commands[:cut], commands[cut:]]) if part]
    whole = untrack.file(json.dumps({"nftables": commands}), "whole.json")
    return whole, names


def without_counts(text):
    """What rules that stay have counted is no difference."""
    return re.sub(r"packets \d+ bytes \d+", "", text)


@pytest.mark.parametrize("seed", range(8))
def test_as_nft_loads_it(untrack, make_netns, seed):
    ours, theirs = make_netns(), make_netns()
    r = random.Random(seed)
    head, places = declarations()
    rules = some_rules(r, seed, places, 0, RULES)
    for step in range(4):
        whole, names = write(untrack, r, head + rules)
        expected = load(theirs, whole, "-j")
        assert expected is not None
        untrack(ours, "apply", *names)
        counted = (lambda text: text) if not step else without_counts
        assert counted(listing(ours)) == counted(expected), f"seed {seed}, step {step}"
        assert untrack(ours, "diff", whole).stdout == ""
        at = r.randrange(RULES)
        what = r.randrange(3)
        if what == 0:
            r.shuffle(rules)
        elif what == 1:
            rules[at:at + r.randrange(5)] = some_rules(r, seed, places, RULES, r.randrange(4))
        else:
            rules[at:at + 1] = some_rules(r, seed, places, at, 1)


def alike(count, changed=None, unlike=False):
    """Unlike rules differ in what is no value: what is known of them can only be remembered."""
    where = {"family": "inet", "table": "t"}
    return [{"table": {"family": "inet", "name": "t"}},
            {"chain": {**where, "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}},
            *({"rule": {**where, "chain": "c", "handle": n + 3, "comment": f"rule {n}", "expr": [
                match("==", field("ip", "saddr"), {"prefix": {"addr": f"10.{n >> 8}.{n & 255}.0", "len": 24}}),
                match("==", {"meta": {"key": "mark"}}, n if unlike else 1),
                match("==", field("tcp", "dport"), 443 if n == changed else 1 + n % 400),
                {"counter": {"packets": n, "bytes": n * 40}}, {"accept": None}]}} for n in range(count))]


@pytest.mark.parametrize("unlike", (False, True), ids=("alike", "unlike"))
def test_one_of_many(untrack, make_netns, unlike):
    """One rule goes out, and all end where nft would."""
    ours, theirs = make_netns(), make_netns()
    path = untrack.file(json.dumps({"nftables": alike(2000, None, unlike)}), "long.json")
    untrack(ours, "apply", path)
    path = untrack.file(json.dumps({"nftables": alike(2000, 1000, unlike)}), "long.json")
    done = untrack(ours, "apply", "--json", path)
    assert done.json["summary"]["rules"] == {"add": 0, "delete": 0, "replace": 1}
    assert len(done.json["nftables"]) == 1
    wanted = load(theirs, path, "-j")
    assert without_counts(listing(ours)) == without_counts(wanted)
    assert untrack(ours, "diff", path).stdout == ""


def test_a_dump_applies_over_itself(untrack, netns):
    netns.run("nft", "-j", "-f", untrack.file(json.dumps({"nftables": alike(800)})))
    dump = untrack.file(netns.run("nft", "-j", "list", "ruleset").stdout)
    assert untrack(netns, "apply", dump, "--json").json["changed"] is False


def test_what_changes_is_told_as_nft_lists_it(untrack, netns):
    path = untrack.file(json.dumps({"nftables": alike(800)}))
    told = [line.split("inet t c ", 1)[1] for line in untrack(netns, "diff", path, status=1).stdout.splitlines()
            if "add rule" in line]
    untrack(netns, "apply", path)
    assert told == [line.strip() for line in listing(netns).splitlines() if "saddr" in line]


REFUSED = {
    "unknown key": ({"handel": 7}, "/nftables/702/rule/handel", "did you mean 'handle'"),
    "wrong type": ({"comment": 7}, "/nftables/702/rule/comment", "got '7'"),
    "undeclared chain": ({"chain": "d"}, "/nftables/702/rule/chain", "undeclared chain, got 'd'"),
    "refused by nft": ({"expr": [match("==", field("ip", "saddr"), "10.0.0.256.1")]}, "/nftables/702",
                       "nft does not take this command"),
    "a word that nft does not know": ({"expr": [match("==", field("tcp", "dport"), "sshh")]}, "/nftables/702",
                                      "nft does not take this command"),
}


@pytest.mark.parametrize("change, path, words", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("way", ("file", "input"))
def test_refusals_name_the_place_in_the_whole(untrack, netns, way, change, path, words):
    commands = alike(800)
    commands[702]["rule"].update(change)
    text = "{\"nftables\": [\n" + ",\n".join(map(json.dumps, commands)) + "]}\n"
    if way == "file":
        error = untrack(netns, "apply", "--json", untrack.file(text), status=2).json["error"]
    else:
        error = untrack(netns, "apply", "--json", "-", input=text, status=2).json["error"]
    assert (error["path"], error["line"]) == (path, 704)
    assert words in error["message"]
    assert listing(netns) == ""


def test_a_second_key_is_refused_wherever_it_stands(untrack, netns):
    text = json.dumps({"nftables": alike(800)}).replace('"handle": 503,', '"handle": 503, "handle": 504,')
    error = untrack(netns, "apply", "--json", untrack.file(text), status=2).json["error"]
    assert error["path"] == "/nftables/502/rule/handle"
    assert "duplicate key" in error["message"]
