# SPDX-License-Identifier: GPL-2.0-or-later
"""trace says what the kernel does: held to real packets between real namespaces."""
from concurrent.futures import ThreadPoolExecutor
import random

import pytest

from packets import LAST, STATE, IptablesRules, Net, NftRules, Packet

PACKETS = 20


@pytest.fixture
def net():
    net = Net()
    yield net
    net.close()


def said_of(way):
    """(tracking, verdict, rules met that count) as trace tells it."""
    met = {(step["family"], step["table"], step["chain"], step["handle"])
           for step in way["steps"] if step["handle"] and not step["table"].startswith("m-")
           and step["rule"] and "counter" in step["rule"]}
    return way["tracking"], way["verdict"], met


def hold(untrack, net, packets, nat, document=None, apply=lambda: None, rules=True):
    """Each packet and its answer: what trace says is what happens. rules: their counters too."""
    def trace(packet):
        return untrack(net.host, "trace", "--json", packet.text(),
                       *([document] if document else [])).json

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(trace, packets))
    apply()
    wrong = []
    for packet, told in zip(packets, said):
        ways = [said_of(told), said_of(told["reply"])]
        if not rules:
            ways = [way[:2] for way in ways]
        for _ in range(10):  # now and then the kernel is late, or has something to say itself
            real = list(net.both(packet, nat))
            if not rules:
                real = [way[:2] for way in real]
            if real == ways:
                break
        else:
            wrong.append((packet.text(), "said", ways, "but", real, told))
    assert not wrong, "\n\n".join(map(str, wrong)) + "\n" + net.host.listing_with_handles()


def prepare(net, rules):
    net.host.nft(LAST)
    rules.load(net)
    net.host.nft(STATE)


def random_packets(seed):
    chance = random.Random(1000 + seed)
    return [Packet.random(chance) for _ in range(PACKETS)]


# Ten rulesets, and twenty packets and their answers over each.

@pytest.mark.parametrize("seed", range(5))
def test_agrees_over_nft(untrack, net, seed):
    rules = NftRules(seed)
    prepare(net, rules)
    hold(untrack, net, random_packets(seed), rules.has_nat)


@pytest.mark.parametrize("kind, seed", [("nft", 5), ("nft", 6), ("legacy", 7), ("legacy", 8)])
def test_agrees_over_iptables(untrack, net, kind, seed):
    rules = IptablesRules(seed, kind)
    prepare(net, rules)
    hold(untrack, net, random_packets(seed), rules.has_nat, rules=kind == "nft")


def test_agrees_with_a_policy_that_is_not_applied_yet(untrack, net):
    rules = NftRules(9)
    prepare(net, rules)
    document = untrack.policy(
        {"name": "web", "role": "server", "protocol": "tcp", "ports": [80, 443]},
        {"name": "dns", "role": "client", "protocol": "udp", "ports": [53]},
        {"name": "through", "role": "forward", "protocol": ["tcp", "udp"], "ports": [8080, 22],
         "addresses": ["10.0.2.2", "2001:db8:2::2"]},
        {"name": "ping", "role": "server", "protocol": ["icmp", "icmpv6"]},
        keep_tracked=[{"peers": ["203.0.113.0/24"]}])
    hold(untrack, net, random_packets(9), rules.has_nat, document,
         lambda: untrack(net.host, "apply", "--force-lint", "no-accept,nat", document), rules=False)


# --- the packet in words, and the answer's form

FIREWALL = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport { 22, 80 } ct state new accept
		meta mark 7 accept
	}
}
"""
WAY = {"tracking", "verdict", "steps"}
STEP = {"hook", "priority", "family", "table", "chain", "handle", "rule", "verdict"}


@pytest.mark.parametrize("packet, tracking, verdict", [
    ("tcp 198.51.100.7:40000 > 192.0.2.10:80 on eth0", "tracked", "accept"),
    ("tcp 198.51.100.7:40000 > 192.0.2.10:81 on eth0", "tracked", "drop"),
    ("udp [2001:db8::7]:5353 > [2001:db8::10]:53", "tracked", "drop"),
    ("icmp 198.51.100.7 > 192.0.2.10 type echo-request", "tracked", "drop"),
    ("icmp 198.51.100.7 > 192.0.2.10 type echo-request mark 7", "tracked", "accept"),
    ("tcp 192.0.2.10:80 > 192.0.2.7:40000 flags ack from here", "tracked", "accept"),
])
def test_packets_of_the_manual(untrack, pair, packet, tracking, verdict):
    pair.server.nft(FIREWALL)
    pair.server.ip("route", "add", "default", "via", pair.client4)
    answer = untrack(pair.server, "trace", "--json", packet).json
    assert (answer["tracking"], answer["verdict"]) == (tracking, verdict)
    for way in (answer, answer["reply"]):
        assert WAY <= set(way) and all(STEP <= set(step) for step in way["steps"])
    text = untrack(pair.server, "trace", packet).stdout
    assert text.startswith(f"packet: {tracking}, {verdict}") and "\nreply: " in text


@pytest.mark.parametrize("kind", ["policy", "json", "text"])
def test_documents_of_each_kind(untrack, pair, kind):
    """With the document applied, and nothing of it on the host."""
    pair.server.nft(FIREWALL)
    document = {
        "policy": lambda: untrack.policy(
            {"name": "web", "role": "server", "protocol": "tcp", "ports": [80], "accept": True},
            accept_in=["inet filter input"]),
        "text": lambda: untrack.file(
            "table ip t { chain c { type filter hook prerouting priority raw\n"
            "tcp dport 80 notrack accept\n}\n}\n"
            "table inet filter { chain input { type filter hook input priority filter\n"
            "ct state untracked accept\n}\n}\n"),
        "json": lambda: untrack.file(
            '{"nftables": [{"table": {"family": "ip", "name": "t"}}, {"chain": {"family": "ip", '
            '"table": "t", "name": "c", "type": "filter", "hook": "prerouting", "prio": -300, '
            '"policy": "accept"}}, {"rule": {"family": "ip", "table": "t", "chain": "c", '
            '"expr": [{"notrack": null}]}}]}')}[kind]()
    packet = f"tcp {pair.client4}:40000 > {pair.server4}:80 on eth0"
    before = pair.server.listing_with_handles()
    assert untrack(pair.server, "trace", "--json", packet).json["tracking"] == "tracked"
    answer = untrack(pair.server, "trace", "--json", packet, document).json
    assert answer["tracking"] == "untracked"
    assert answer["verdict"] == ("drop" if kind == "json" else "accept")
    assert pair.server.listing_with_handles() == before


@pytest.mark.parametrize("packet, message, column", [
    ("tpc 192.0.2.1:1 > 192.0.2.2:80", "did you mean 'tcp'?", 1),
    ("tcp 192.0.2.256:1 > 192.0.2.2:80", "not an address, got '192.0.2.256:1'", 5),
    ("tcp 192.0.2.1:1 > 192.0.2.2:80 form here", "did you mean 'from'?", 32),
])
def test_misspelt_packets(untrack, netns, packet, message, column):
    error = untrack(netns, "trace", "--json", packet, status=2).error
    assert message in error["message"] and error["column"] == column
    told = untrack(netns, "trace", packet, status=2).stderr.splitlines()
    caret = next(number for number, line in enumerate(told) if line.strip() == "^")
    assert told[caret - 1][told[caret].index("^"):].startswith(packet[column - 1:])


def test_chains_at_ingress(untrack, pair):
    pair.server.nft("""
table netdev early {
	chain in {
		type filter hook ingress device eth0 priority -500
		udp dport 53 counter drop
		meta mark set 7
	}
}
table inet later {
	chain in {
		type filter hook input priority 0
		meta mark 7 counter accept
	}
}
""")
    ends = f"{pair.client4}:40000 > {pair.server4}:53 on eth0"
    dropped = untrack(pair.server, "trace", "--json", f"udp {ends}").json
    (step,) = dropped["steps"]
    assert (dropped["verdict"], step["hook"], step["family"]) == ("drop", "ingress", "netdev")
    assert step["verdict"] == "drop" and "udp dport 53" in step["rule"]
    assert dropped["reason"] == "dropped by a rule of netdev early in"
    through = untrack(pair.server, "trace", "--json", f"tcp {ends}").json
    assert through["verdict"] == "accept"
    assert [(s["hook"], s["table"]) for s in through["steps"]] == [
        ("ingress", "early"), ("ingress", "early"), ("input", "later")]


def test_an_interface_that_is_not_here(untrack, pair):
    packet = f"tcp {pair.client4}:40000 > {pair.server4}:80 on "
    assert "did you mean 'eth0'?" in untrack(pair.server, "trace", packet + "eht0").stderr
    assert not untrack(pair.server, "trace", packet + "eth0").stderr


def test_a_packet_that_the_shell_has_cut(untrack, netns):
    error = untrack(netns, "trace", "tcp", "192.0.2.1:1", "--json", status=2).error
    assert error["code"] == "usage" and "in quotes" in error["message"]
