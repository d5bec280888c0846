# SPDX-License-Identifier: GPL-2.0-or-later
"""Any ruleset as a document: what untrack loads is what nft loads, over all that nft(8) documents."""
import json
import re

import corpus
import pytest

PLACES = {f"{family}-{place}": (family, place, rules)
          for (family, place), rules in corpus.rules().items()
          if place not in ("optional", "refused", "flow")}
DOCUMENTS = {path.name: path for path in sorted(corpus.CORPUS.glob("*.nft"))}

# What libnftables 1.0.6 writes in JSON but does not read, or reads as something else.
NOT_IN_JSON = {
    "ct original proto-src {": "ports in a set of numbers",
    "ct label {": "labels in a set",
    "update @lastport": "maps that packets fill",
    "jump {": "chains inside rules",
    "goto {": "chains inside rules",
    "@nh,0,8 0x45": "raw expressions of a byte",
    "ct expectation": "ct expectations",
    "synproxy name": "synproxy objects",
}
# What it leaves out, or changes, so that the change itself is not the same when nft plays it.
LOST_IN_JSON = {
    **NOT_IN_JSON,
    "{ 10.0.0.0/8, 10.1.0.0/16 }": "a set that is merged into one element",
    "ct timeout": "policies of ct timeouts",
    "cnt2": "comments of objects",
    '"second"': "comments of objects",
    "@counters": "comments of objects",
}


def test_it_is_broad():
    count = {family: 0 for family in ("ip", "ip6", "inet")}
    for family, _, rules in PLACES.values():
        count[family] = count.get(family, 0) + len(rules)
    assert sum(count.values()) >= 3000
    assert min(count[family] for family in ("ip", "ip6", "inet")) >= 600


def listing(ns):
    """All there is, but for the time that elements have left."""
    return re.sub(r" expires \w+", "", ns.run("nft", "list", "ruleset").stdout)


def flush(ns):
    ns.run("nft", "flush", "ruleset")


def load(ns, path, *options):
    """What nft makes of the file, alone; None if it does not take it."""
    flush(ns)
    done = ns.run("nft", *options, "-f", path, check=False)
    return listing(ns) if done.returncode == 0 else None


def in_loadable_order(dump):
    """nft lists maps before the chains that they name, and cannot read that."""
    order = {"metainfo": 0, "table": 1, "chain": 2, "set": 4, "map": 4, "rule": 5}
    commands = sorted(dump["nftables"], key=lambda c: order.get(next(iter(c)), 3))
    return {"nftables": commands}


def check(untrack, ns, path, expected):
    flush(ns)
    untrack(ns, "apply", path)
    assert listing(ns) == expected
    assert untrack(ns, "diff", path).stdout == ""
    assert untrack(ns, "apply", path, "--json").json["changed"] is False


def without(rules, names):
    return [rule for rule in rules if not any(name in rule for name in names)]


@pytest.mark.parametrize("place", PLACES)
def test_text(untrack, netns, place):
    family, where, rules = PLACES[place]
    path = untrack.file(corpus.document(family, where, rules))
    expected = load(netns, path)
    assert expected is not None, "nft does not take the corpus"
    check(untrack, netns, path, expected)


# Its listings leave out the devices of chains.
@pytest.mark.parametrize("place", [place for place in PLACES if "ingress" not in place])
def test_json(untrack, netns, place):
    family, where, rules = PLACES[place]
    path = untrack.file(corpus.document(family, where, without(rules, NOT_IN_JSON)))
    assert load(netns, path) is not None
    dump = json.loads(netns.run("nft", "-j", "list", "ruleset").stdout)
    as_listed = untrack.file(json.dumps(dump))
    expected = load(netns, untrack.file(json.dumps(in_loadable_order(dump))), "-j")
    assert expected is not None, "nft does not take its own listing"
    check(untrack, netns, as_listed, expected)


@pytest.mark.parametrize("place", PLACES)
def test_nft_plays_the_change(untrack, netns, place):
    family, where, rules = PLACES[place]
    path = untrack.file(corpus.document(family, where, without(rules, LOST_IN_JSON)))
    flush(netns)
    change = untrack(netns, "diff", "--json", path, status=1).json
    assert change["summary"]["rules"]["add"] == len(without(rules, LOST_IN_JSON)) + 1
    played = load(netns, untrack.file(json.dumps({"nftables": change["nftables"]})), "-j")
    assert played == load(netns, path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_whole_documents(untrack, netns, name):
    expected = load(netns, DOCUMENTS[name])
    assert expected is not None, "nft does not take the corpus"
    check(untrack, netns, DOCUMENTS[name], expected)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_whole_ruleset(untrack, netns, name):
    """What `nft list ruleset` prints applies as the whole ruleset, over itself and over others."""
    load(netns, DOCUMENTS[name])
    dump = untrack.file(netns.run("nft", "list", "ruleset").stdout)
    expected = listing(netns)
    assert untrack(netns, "apply", "--ruleset", "--json", dump).json["changed"] is False
    flush(netns)
    netns.nft("add table inet other")
    untrack(netns, "apply", "--ruleset", dump)
    assert listing(netns) == expected


@pytest.mark.parametrize("place", [f"{family}-{place}" for family, place in corpus.rules()
                                   if place in ("optional", "refused", "flow")])
def test_what_nft_refuses_is_refused(untrack, netns, place):
    """One by one: kernels differ in what they have."""
    family, where = place.split("-")
    for rule in corpus.rules()[family, where]:
        path = untrack.file(corpus.document(family, where, [rule]), "one.nft")
        expected = load(netns, path)
        if expected is not None:
            assert where != "refused", rule
            check(untrack, netns, path, expected)
            continue
        flush(netns)
        refused = untrack(netns, "apply", path, "--json", status=2)
        assert refused.error["file"] == str(path), refused
        lines = path.read_text().splitlines()
        place_of = next(i for i, line in enumerate(lines, 1) if line.strip() == rule)
        if where != "flow":
            assert refused.error["line"] == place_of, refused
        assert refused.error["column"], refused
        assert listing(netns) == ""
