# SPDX-License-Identifier: GPL-2.0-or-later
"""Twenty applies at once, each of a table of its own, while another program commits without a pause:
nothing is lost, and each ends with its table right."""
import json
import subprocess

import pytest
from conftest import SANITIZED, Writer

AT_ONCE = 20
ROUNDS = 2 if SANITIZED else 3


def policy_of(number, turn):
    services = [{"name": "web", "role": "server", "protocol": "tcp", "ports": [1000 + number]},
                {"name": "dns", "role": "server", "protocol": "udp", "ports": [2000 + turn]}]
    return json.dumps({"untrack": 1, "table": f"inet t{number}", "services": services})


def text_of(number, turn):
    return f"""
table inet t{number} {{
	set ports {{
		type inet_service
		elements = {{ {number}, {1000 + turn}, {2000 + turn} }}
	}}
	chain input {{
		type filter hook input priority {turn}; policy accept;
		tcp dport @ports counter
		udp dport {{ {number}, {3000 + turn} }} jump more
	}}
	chain more {{
		meta mark {turn} return
		ip saddr 192.0.2.{number} drop
	}}
}}
"""


def json_of(number, turn):
    place = {"family": "ip", "table": f"t{number}"}
    match = {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
             "right": {"set": [number, 1000 + turn]}}
    return json.dumps({"nftables": [
        {"table": {"family": "ip", "name": f"t{number}"}},
        {"chain": {**place, "name": "input", "type": "filter", "hook": "input", "prio": turn,
                   "policy": "accept"}},
        {"counter": {**place, "name": f"seen{turn}"}},
        {"rule": {**place, "chain": "input", "expr": [{"match": match},
                                                      {"counter": f"seen{turn}"}]}}]})


KINDS = ((policy_of, "inet"), (text_of, "inet"), (json_of, "ip"))


def load_with_nft(untrack, ns, document, is_policy):
    """What the kernel holds of it when nft loads it; of a policy, what diff says that nft would have to
    be given. (libnftables 1.0.6 does not take comments of tables.)"""
    if is_policy:
        change = untrack(ns, "diff", "--json", untrack.file(document), status=1).json["nftables"]
        document = json.dumps({"nftables": change})
    how = ("-j",) if document.startswith("{") else ()
    ns.run("nft", *how, "-f", "-", input=document)


def wanted_of(untrack, ns, turn):
    """[(document, family, table, its state)], a different kind each."""
    found = []
    for number in range(AT_ONCE):
        make, family = KINDS[number % len(KINDS)]
        document = make(number, turn)
        ns.nft("flush ruleset")
        load_with_nft(untrack, ns, document, make is policy_of)
        found.append((document, family, f"t{number}",
                      ns.state("table", family, f"t{number}", comments=False)))
    return found


@pytest.fixture
def writer(netns):
    return Writer(netns, "inet foreign")


def apply_all(untrack, ns, files):
    """At once. Who is told that nothing was changed runs it again: on a slow machine the last of twenty
    may have waited the 10 s that apply waits for another one, or (status 3) the foreign program may
    have been faster each time."""
    while files:
        running = [untrack.start(ns, "apply", file, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE) for file in files]
        told = [process.communicate(timeout=120)[1] for process in running]
        kept_out = []
        for file, process, said in zip(files, running, told):
            if process.returncode:
                assert process.returncode == 3 or (
                    process.returncode == 2 and "another untrack" in said and
                    "waited 10 s" in said), (process.returncode, said)
                assert "nothing was changed" in said
                kept_out.append(file)
        assert len(kept_out) < len(files)  # some got through each time
        files = kept_out


def test_twenty_applies_at_once(untrack, netns, writer, make_netns):
    theirs = make_netns()
    turns = [wanted_of(untrack, theirs, turn) for turn in (1, 2)]
    for number in range(ROUNDS):
        wanted = turns[number % 2]
        files = [untrack.file(document) for document, *_ in wanted]
        apply_all(untrack, netns, files)
        for file, (_, family, table, state) in zip(files, wanted):
            assert netns.state("table", family, table, comments=False) == state, (number, table)
            untrack(netns, "diff", file)
    # Each was one change, with a snapshot of its own.
    snapshots = untrack(netns, "history", "--json").json["snapshots"]
    assert max(snapshot["id"] for snapshot in snapshots) == AT_ONCE * ROUNDS
    assert writer.end() > ROUNDS * 5  # it did come in between
    assert len(netns.run("nft", "list", "tables").stdout.splitlines()) == AT_ONCE + 1
