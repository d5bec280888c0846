# SPDX-License-Identifier: GPL-2.0-or-later
"""status, and that each role keeps both directions out of the table."""
import pytest
from conftest import TRACKING, WEB

FORWARD_TRACKING = """
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related,new accept
	}
}
"""


def status(untrack, ns):
    return untrack(ns, "status", "--json").json


def test_an_empty_namespace(untrack, netns):
    got = status(untrack, netns)
    assert got["count"] == 0 and got["max"] > 0 and got["buckets"] > 0 and got["percent"] == 0
    assert got["drops"] == {"drop": 0, "early_drop": 0, "insert_failed": 0}
    assert got["tracking"] == [] and got["services"] == []
    assert untrack(netns, "status").stdout


def test_what_turns_tracking_on(untrack, netns):
    netns.nft(TRACKING)
    (only,) = status(untrack, netns)["tracking"]
    assert (only["family"], only["table"], only["chain"]) == ("inet", "filter", "input")
    assert only["why"]
    assert "filter" in untrack(netns, "status").stdout


def test_fill_level(untrack, pair):
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "50")
    got = status(untrack, pair.server)
    assert got["count"] == pair.server.entry_count() == 50
    assert abs(got["percent"] - 100 * got["count"] / got["max"]) < 0.1


def counted(untrack, ns, name):
    (only,) = [s for s in status(untrack, ns)["services"] if s["name"] == name]
    return only["prerouting"]["packets"], only["output"]["packets"]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("version", ["4", "6"])
@pytest.mark.parametrize("variant", ["ports", "range", "address", "prefix", "peers", "interface",
                                     "all"])
def test_server(untrack, pair, protocol, version, variant):
    address = pair.server4 if version == "4" else pair.server6
    client = pair.client4 if version == "4" else pair.client6
    wide = "192.0.2.0/24" if version == "4" else "2001:db8::/64"
    service = {"name": "s", "role": "server", "protocol": protocol, "ports": [80], **{
        "ports": {},
        "range": {"ports": ["20-30000"]},
        "address": {"addresses": [address]},
        "prefix": {"addresses": [wide]},
        "peers": {"peers": [client]},
        "interface": {"interfaces": ["eth0"]},
        "all": {"addresses": [wide], "peers": [wide], "interfaces": ["eth*"], "ports": ["70-90"]},
    }[variant]}
    pair.server.nft(TRACKING)
    untrack(pair.server, "apply", untrack.policy(service))
    pair.server.serve("echo", protocol, address, "80")
    pair.client.ask(protocol, address, "80", "5")
    assert pair.server.entry_count() == 0, pair.server.entries()
    inbound, outbound = counted(untrack, pair.server, "s")
    assert inbound >= 5 and outbound >= 5
    if protocol == "udp":
        assert (inbound, outbound) == (5, 5)


@pytest.mark.parametrize("version", ["4", "6"])
def test_client(untrack, pair, version):
    address = pair.server4 if version == "4" else pair.server6
    pair.client.nft(TRACKING)
    untrack(pair.client, "apply", untrack.policy(
        {"name": "c", "role": "client", "protocol": "udp", "ports": [2049], "peers": [address]}))
    pair.server.serve("echo", "udp", address, "2049")
    pair.client.ask("udp", address, "2049", "5")
    assert pair.client.entry_count() == 0
    assert counted(untrack, pair.client, "c") == (5, 5)


def test_peer(untrack, pair):
    """Destination port both ways, the source port is free: as VXLAN does it."""
    for ns in (pair.server, pair.client):
        ns.nft(TRACKING)
        untrack(ns, "apply", untrack.policy(
            {"name": "vxlan", "role": "peer", "protocol": "udp", "ports": [4789]}))
    for ns, local, remote, inner in ((pair.server, pair.server4, pair.client4, "10.9.0.1"),
                                     (pair.client, pair.client4, pair.server4, "10.9.0.2")):
        ns.ip("link", "add", "vx0", "type", "vxlan", "id", "7", "local", local, "remote", remote,
              "dstport", "4789", "dev", "eth0")
        ns.ip("address", "add", f"{inner}/24", "dev", "vx0")
        ns.ip("link", "set", "vx0", "up")
    pair.server.serve("echo", "udp", "10.9.0.1", "7")
    pair.client.ask("udp", "10.9.0.1", "7", "3")
    for ns in (pair.server, pair.client):
        assert not any("dport=4789" in entry for entry in ns.entries())
        inbound, outbound = counted(untrack, ns, "vxlan")
        assert inbound >= 3 and outbound >= 3


def test_loopback_is_counted_once(untrack, netns):
    netns.nft(TRACKING)
    untrack(netns, "apply", untrack.policy({**WEB, "protocol": "udp"}))
    netns.serve("echo", "udp", "127.0.0.1", "80")
    netns.ask("udp", "127.0.0.1", "80", "5")
    assert netns.entry_count() == 0
    inbound, outbound = counted(untrack, netns, "web")
    assert inbound + outbound == 10


def test_loopback_left_out(untrack, netns):
    netns.nft(TRACKING)
    untrack(netns, "apply", untrack.policy({**WEB, "protocol": "udp", "interfaces": ["eth0"]}))
    netns.serve("echo", "udp", "127.0.0.1", "80")
    netns.ask("udp", "127.0.0.1", "80", "5")
    assert netns.entry_count() == 5


def test_forward(untrack, make_netns, pair):
    """client - router - server: the router keeps neither direction."""
    router = pair.server
    far = make_netns()
    router.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", far.name)
    router.ip("address", "add", "198.51.100.1/24", "dev", "eth1")
    router.ip("link", "set", "eth1", "up")
    far.ip("address", "add", "198.51.100.9/24", "dev", "eth0")
    far.ip("link", "set", "eth0", "up")
    far.ip("route", "add", "default", "via", "198.51.100.1")
    pair.client.ip("route", "add", "198.51.100.0/24", "via", pair.server4)
    router.sysctl("net.ipv4.ip_forward", "1")
    router.nft(FORWARD_TRACKING)
    untrack(router, "apply", untrack.policy(
        {"name": "lb", "role": "forward", "protocol": "udp", "ports": [80],
         "addresses": ["198.51.100.9"]}))
    far.serve("echo", "udp", "198.51.100.9", "80")
    far.serve("echo", "udp", "198.51.100.9", "81")
    pair.client.ask("udp", "198.51.100.9", "80", "5")
    assert router.entry_count() == 0
    assert counted(untrack, router, "lb")[0] == 10
    pair.client.ask("udp", "198.51.100.9", "81", "5")
    assert router.entry_count() == 5


def test_keep_tracked_wins(untrack, pair):
    pair.server.nft(TRACKING)
    untrack(pair.server, "apply", untrack.policy(
        {**WEB, "protocol": "udp"}, keep_tracked=[{"peers": [pair.client4]}]))
    pair.server.serve("echo", "udp", pair.server4, "80")
    pair.server.serve("echo", "udp", pair.server6, "80")
    pair.client.ask("udp", pair.server4, "80", "5")
    assert pair.server.entry_count() == 5
    pair.client.ask("udp", pair.server6, "80", "5")
    assert pair.server.entry_count() == 5
    assert counted(untrack, pair.server, "web") == (5, 5)


def test_drops_are_told(untrack, netns):
    text = untrack(netns, "status").stdout
    assert "dropped" in text and "early" in text and "failed" in text
