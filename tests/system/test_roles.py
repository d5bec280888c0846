# SPDX-License-Identifier: GPL-2.0-or-later
"""Every role with real packets: what is untracked leaves no entry, and is counted once."""
import pytest
from conftest import PYTHON, TRACKING, TRAFFIC, run

N = 20
ECHO = {"name": "echo", "protocol": "udp", "ports": [7777]}


@pytest.fixture(params=["4", "6"])
def family(request):
    return request.param


class Ends:
    """The pair's addresses of one family; tracking is on at both ends."""

    def __init__(self, pair, family):
        self.server, self.client = pair.server, pair.client
        self.server_address = pair.server4 if family == "4" else pair.server6
        self.client_address = pair.client4 if family == "4" else pair.client6
        self.any = "192.0.2.0/24" if family == "4" else "2001:db8::/64"
        self.other = "198.51.100.0/24" if family == "4" else "2001:db8:ff::/48"
        self.loopback = "127.0.0.1" if family == "4" else "::1"
        self.server.nft(TRACKING)
        self.client.nft(TRACKING)
        self._served = False

    def ask(self, count=N, port=7777, protocol="udp"):
        """Questions from the client, answers from the server."""
        if not self._served:
            self.server.serve("echo", protocol, self.server_address, port)
            self._served = True
        self.client.ask(protocol, self.server_address, port, count)


@pytest.fixture
def ends(pair, family):
    return Ends(pair, family)


def entries(ns, port=7777):
    return [line for line in ns.entries() if f"dport={port} " in line or f"sport={port} " in line]


def apply(untrack, ns, *services, **rest):
    policy = untrack.policy(*services, **rest)
    untrack(ns, "apply", policy)
    untrack(ns, "diff", policy)  # nothing differs: status 0
    return policy


def test_tracked_without_a_policy(ends):
    """Otherwise the tests below prove nothing."""
    ends.ask()
    assert len(entries(ends.server)) == N and len(entries(ends.client)) == N


SERVERS = [
    lambda ends: {},
    lambda ends: {"ports": ["7000-8000"]},
    lambda ends: {"ports": ["1024-65535"], "peers": [ends.any]},
    lambda ends: {"addresses": [ends.server_address]},
    lambda ends: {"addresses": [ends.any]},
    lambda ends: {"addresses": [ends.server_address], "peers": [ends.client_address]},
    lambda ends: {"interfaces": ["eth0"]},
    lambda ends: {"interfaces": ["eth*"]},
    lambda ends: {"interfaces": ["eth0", "wg0"], "addresses": [ends.any]},
    lambda ends: {"interfaces": ["eth*"], "ports": ["1-65535"]},
    lambda ends: {"peers": [ends.client_address] + long_list(ends)},
    lambda ends: {"peers": [ends.any] + long_list(ends), "interfaces": ["eth*"],
                  "ports": ["7000-7800"]},
]


def long_list(ends):
    if ":" in ends.any:
        return [f"2001:db8:{number:x}::/64" for number in range(16, 1200)]
    return [f"10.{number // 100}.{number % 100 * 2}.0/24" for number in range(1200)]


@pytest.mark.parametrize("more", range(len(SERVERS)))
def test_server(untrack, ends, more):
    apply(untrack, ends.server, {**ECHO, "role": "server", **SERVERS[more](ends)})
    ends.ask()
    assert entries(ends.server) == []
    assert ends.server.counters() == {"echo_pre_d": N, "echo_out_s": N}
    assert len(entries(ends.client)) == N


@pytest.mark.parametrize("more", ["addresses", "peers", "interfaces", "ports"])
def test_server_that_is_not_meant(untrack, ends, more):
    other = {"addresses": [ends.other], "peers": [ends.other], "interfaces": ["eth1", "wg*"],
             "ports": [7776, "7778-9000"]}
    apply(untrack, ends.server, {**ECHO, "role": "server", more: other[more]})
    ends.ask()
    assert len(entries(ends.server)) == N
    assert set(ends.server.counters().values()) == {0}


def test_tcp(untrack, ends):
    apply(untrack, ends.server, {"name": "web", "role": "server", "protocol": "tcp",
                                 "ports": [7777]})
    ends.ask(protocol="tcp")
    assert entries(ends.server) == []
    counters = ends.server.counters()
    assert counters["web_pre_d"] >= 3 * N and counters["web_out_s"] >= 2 * N


@pytest.mark.parametrize("more", [{}, {"peers": True}, {"peers": True, "addresses": True},
                                  {"interfaces": ["eth0"]}])
def test_client(untrack, ends, more):
    service = {**ECHO, "role": "client", **more}
    if "peers" in more:
        service["peers"] = [ends.server_address]
    if "addresses" in more:
        service["addresses"] = [ends.any]
    apply(untrack, ends.client, service)
    ends.ask()
    assert entries(ends.client) == []
    assert ends.client.counters() == {"echo_out_d": N, "echo_pre_s": N}
    assert len(entries(ends.server)) == N


@pytest.mark.parametrize("more", [{}, {"addresses": True}, {"interfaces": ["eth0"]}])
def test_peer(untrack, ends, more):
    """Destination port both ways: the same policy at both ends."""
    for ns, address in ((ends.server, ends.server_address), (ends.client, ends.client_address)):
        addresses = {"addresses": [address], "peers": [ends.any]} if "addresses" in more else {}
        apply(untrack, ns, {**ECHO, "role": "peer", **{**more, **addresses}})
    ends.server.serve("echo", "udp", ends.server_address, 7777)
    ends.client.run(PYTHON, TRAFFIC, "ask_from", 7777, "udp", ends.server_address, 7777, N)
    for ns in (ends.server, ends.client):
        assert entries(ns) == []
        assert ns.counters() == {"echo_pre_d": N, "echo_out_d": N}


def test_ping(untrack, ends):
    protocol = "icmpv6" if ":" in ends.any else "icmp"
    apply(untrack, ends.server, {"name": "ping", "role": "server", "protocol": protocol,
                                 "peers": [ends.client_address]})
    ends.client.run(PYTHON, TRAFFIC, "ping", ends.server_address, N)
    counters = ends.server.counters()  # with IPv6, neighbour discovery too
    assert counters["ping_pre_d"] >= N and counters["ping_out_s"] >= N
    assert not [line for line in ends.server.entries() if "icmp" in line]


# --- forward

@pytest.fixture
def router(make_netns, pair, family):
    """client eth0 — eth1 router eth2 — eth0 inside; its addresses of one family."""
    router, inside = make_netns(), make_netns()
    net = {"4": ("198.51.100.{}", 24), "6": ("2001:db8:ff::{}", 64)}[family]
    outer, length = net
    second = {"4": "203.0.113.{}", "6": "2001:db8:fe::{}"}[family]
    for ns, device, template in ((pair.client, "eth1", outer), (inside, "eth0", second)):
        far = "eth1" if ns is pair.client else "eth2"
        run(["ip", "-n", router.name, "link", "add", far, "type", "veth", "peer", "name", device,
             "netns", ns.name])
        for one, name, host in ((router, far, 1), (ns, device, 2)):
            flags = ["nodad"] if family == "6" else []
            one.ip("address", "add", f"{template.format(host)}/{length}", "dev", name, *flags)
            one.ip("link", "set", name, "up")
        there = second if ns is pair.client else outer
        network = there.format("" if family == "6" else 0)
        ns.ip("route", "add", f"{network}/{length}", "via", template.format(1))
    router.sysctl("net.ipv4.ip_forward", 1)
    router.sysctl("net.ipv6.conf.all.forwarding", 1)
    router.nft(TRACKING.replace("hook input", "hook forward"))
    inside.serve("echo", "udp", second.format(2), 7777)
    router.ask = lambda: pair.client.ask("udp", second.format(2), 7777, N)
    router.inside, router.outside = second.format(2), outer.format(2)
    return router


def test_forward_is_tracked_without_a_policy(router):
    router.ask()
    assert len(entries(router)) == N


@pytest.mark.parametrize("more", [{}, {"addresses": 1}, {"addresses": 1, "peers": 1},
                                  {"addresses": 1, "interfaces": ["eth1", "eth2"]},
                                  {"addresses": 1, "interfaces": ["eth*"]}])
def test_forward(untrack, router, more):
    service = {**ECHO, "role": "forward", **more}
    if "addresses" in more:
        service["addresses"] = [router.inside]
    if "peers" in more:
        service["peers"] = [router.outside]
    apply(untrack, router, service)
    router.ask()
    assert entries(router) == []
    assert router.counters() == {"echo_pre_d": N, "echo_pre_s": N}


# --- on lo

def ask_on_loopback(ends, source=None):
    ends.server.serve("echo", "udp", ends.loopback, 7777)
    if source:
        ends.server.run(PYTHON, TRAFFIC, "ask_from", source, "udp", ends.loopback, 7777, N)
    else:
        ends.server.ask("udp", ends.loopback, 7777, N)


@pytest.mark.parametrize("more", [{}, {"interfaces": ["lo"]}, {"interfaces": ["eth0", "lo"]},
                                  {"interfaces": ["l*"]}, {"addresses": True}])
@pytest.mark.parametrize("role", ["server", "client", "forward"])
def test_loopback_is_untracked_and_counted_once(untrack, ends, role, more):
    more = {key: [ends.loopback] if key == "addresses" else value for key, value in more.items()}
    if role == "forward" and more.get("interfaces") == ["lo"]:
        more["interfaces"] = ["lo", "eth1"]  # one side alone is refused there
    apply(untrack, ends.server, {**ECHO, "role": role, **more})
    ask_on_loopback(ends)
    assert entries(ends.server) == []
    assert set(ends.server.counters().values()) == {N}


@pytest.mark.parametrize("more", [{}, {"interfaces": ["lo"]}])
@pytest.mark.parametrize("role", ["peer", "server", "client"])
def test_loopback_between_two_ports_of_the_service(untrack, ends, role, more):
    """Each packet is of both directions, and counted as of the one."""
    ends.server.ip("address", "add", "127.0.0.2/8", "dev", "lo")
    apply(untrack, ends.server, {**ECHO, "role": role, **more})
    ends.server.serve("echo", "udp", "127.0.0.2", 7777)
    ends.server.run(PYTHON, "-c", f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(3)
    sock.bind(("127.0.0.1", 7777))
    for _ in range({N}):
        sock.sendto(b"x", ("127.0.0.2", 7777))
        assert sock.recv(10) == b"x"
""")
    assert entries(ends.server) == []
    assert sorted(ends.server.counters().values()) == [0, 2 * N]


@pytest.mark.parametrize("role", ["server", "client", "forward"])
def test_loopback_is_left_out(untrack, ends, role):
    apply(untrack, ends.server, {**ECHO, "role": role, "interfaces": ["eth0", "wg*"]})
    ask_on_loopback(ends)
    assert len(entries(ends.server)) == N
    assert set(ends.server.counters().values()) == {0}


def test_long_list_on_loopback(untrack, ends):
    peers = [ends.loopback] + long_list(ends)
    apply(untrack, ends.server, {**ECHO, "role": "server", "peers": peers,
                                 "interfaces": ["eth0", "lo"]})
    ask_on_loopback(ends)
    assert entries(ends.server) == []
    assert ends.server.counters() == {"echo_pre_d": N, "echo_out_s": N}


# --- keep_tracked and rules

KEEPS = [
    lambda ends: [{"peers": [ends.client_address]}],
    lambda ends: [{"addresses": [ends.server_address]}],
    lambda ends: [{"addresses": [ends.client_address], "peers": [ends.any]}],  # the other way
    lambda ends: [{"protocol": "udp", "ports": ["7770-7779"]}],
    lambda ends: [{"interfaces": ["eth*"]}],
    lambda ends: [{"peers": [ends.client_address, ends.other]}, {"interfaces": ["wg0"]},
                  {"protocol": "tcp", "ports": [22, "1000-2000"]}, {"peers": ["10.1.2.3"]}],
    lambda ends: [{"peers": [ends.any] + long_list(ends), "protocol": "udp", "ports": [7777]}],
]


@pytest.mark.parametrize("keep", range(len(KEEPS)))
def test_kept_tracked(untrack, ends, keep):
    apply(untrack, ends.server, {**ECHO, "role": "server"}, keep_tracked=KEEPS[keep](ends))
    ends.ask()
    assert len(entries(ends.server)) == N
    assert set(ends.server.counters().values()) == {0}


def test_the_rest_is_not_kept(untrack, ends):
    apply(untrack, ends.server, {**ECHO, "role": "server"},
          keep_tracked=[{"peers": [ends.other]}, {"protocol": "udp", "ports": [53]},
                        {"interfaces": ["wg*"]}])
    ends.ask()
    assert entries(ends.server) == []
    assert ends.server.counters() == {"echo_pre_d": N, "echo_out_s": N}


def notrack(chain, side, port=7777):
    return {"chain": chain, "expr": [
        {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": side}},
                   "right": port}},
        {"counter": None}, {"notrack": None}]}


def rule_packets(ns, chain):
    """Packets of the anonymous counters of a chain's rules."""
    return [expr["counter"]["packets"]
            for item in ns.nft_json("chain", "inet", "untrack", chain) if "rule" in item
            for expr in item["rule"]["expr"]
            if "counter" in expr and isinstance(expr["counter"], dict)
            and "packets" in expr["counter"]]


RULES = [notrack("prerouting", "dport"), notrack("output", "sport")]


def test_rules_see_what_is_kept(untrack, ends):
    """keep_tracked wins over services, not over rules."""
    apply(untrack, ends.server, {**ECHO, "role": "server"},
          keep_tracked=[{"peers": [ends.client_address]}], rules=RULES)
    ends.ask()
    assert entries(ends.server) == []
    assert ends.server.counters() == {"echo_pre_d": 0, "echo_out_s": 0}
    assert rule_packets(ends.server, "prerouting") == [N]
    assert rule_packets(ends.server, "output") == [N]


def test_rules_do_not_see_what_a_service_took(untrack, ends):
    apply(untrack, ends.server, {**ECHO, "role": "server"}, rules=RULES)
    ends.ask()
    assert ends.server.counters() == {"echo_pre_d": N, "echo_out_s": N}
    assert rule_packets(ends.server, "prerouting") == [0]
    assert rule_packets(ends.server, "output") == [0]


@pytest.mark.parametrize("keep", [[], [{"peers": ["203.0.113.0/24"]}]])
def test_rules_see_loopback(untrack, ends, keep):
    """In prerouting too, what services did not take."""
    apply(untrack, ends.server, {**ECHO, "role": "server", "ports": [53]}, keep_tracked=keep,
          rules=[*RULES, notrack("output", "dport")])
    ask_on_loopback(ends)
    assert entries(ends.server) == []
    assert rule_packets(ends.server, "prerouting") == [N]
    assert rule_packets(ends.server, "output") == [N, N]


def test_rules_without_services(untrack, ends):
    apply(untrack, ends.server, rules=RULES)
    ends.ask()
    assert entries(ends.server) == []


# --- services that overlap

def overlapping(ends):
    return [
        {**ECHO, "name": "exact", "role": "server", "addresses": [ends.server_address]},
        {**ECHO, "name": "net", "role": "server", "ports": ["7000-8000"], "addresses": [ends.any]},
        {**ECHO, "name": "far", "role": "server", "peers": [ends.any]},
        {**ECHO, "name": "device", "role": "server", "interfaces": ["eth*"],
         "addresses": [ends.any]},
        {**ECHO, "name": "all", "role": "server"},
        {**ECHO, "name": "wide", "role": "server", "ports": ["5000-15000"]},
        {**ECHO, "name": "both", "role": "peer"},
    ]


@pytest.mark.parametrize("first", range(7))
def test_overlap_is_counted_once_in_any_order(untrack, ends, first):
    services = overlapping(ends)
    services = services[first:] + services[:first]
    for turn, order in enumerate((services, services[::-1], services[::2]), 1):
        apply(untrack, ends.server, *order)
        before = sum(ends.server.counters().values())
        ends.ask()
        assert entries(ends.server) == [], turn
        assert sum(ends.server.counters().values()) - before == 2 * N, turn
