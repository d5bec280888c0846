# SPDX-License-Identifier: GPL-2.0-or-later
"""status, and that each role keeps both directions out of the table."""
import json
import pathlib
import re
import subprocess

import pytest
from conftest import PYTHON, TRACKING, WEB

ENTRIES = pathlib.Path(__file__).with_name("entries.py")

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


# --- how it goes on ---------------------------------------------------------------------------


def kernel_statistics(ns):
    """What conntrack(8) prints, summed over the processors."""
    sums = {}
    for line in ns.run("conntrack", "-S").stdout.splitlines():
        for name, value in re.findall(r"(\w+)=(\d+)", line):
            sums[name] = sums.get(name, 0) + int(value)
    return sums


def test_statistics_are_the_kernels(untrack, pair):
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "20")
    got = status(untrack, pair.server)["statistics"]
    told = kernel_statistics(pair.server)
    for name in ("found", "invalid", "insert_failed", "drop", "early_drop", "error",
                 "search_restart", "clash_resolve"):
        assert got["total"][name] == told[name], name
        assert got["total"][name] == sum(cpu[name] for cpu in got["cpus"])
    assert len(got["cpus"]) == len(pair.server.run("conntrack", "-S").stdout.splitlines())


def test_memory(untrack, netns):
    got = status(untrack, netns)
    assert got["memory"]["buckets"] == got["buckets"] * 8
    assert got["memory"]["entries"] == 0
    assert got["memory"]["when_full"] > got["max"] * 200
    assert "when full" in untrack(netns, "status").stdout


def test_both_directions_are_no_alarm(untrack, pair):
    pair.server.nft(TRACKING)
    untrack(pair.server, "apply", untrack.policy(WEB))
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "5")
    got = status(untrack, pair.server)
    assert [s["one_way"] for s in got["services"]] == [False]
    assert got["verdict"] == "well: the table has room, and 1 service is kept out of it"
    assert untrack(pair.server, "status").stdout.splitlines()[-1].endswith(got["verdict"])


def test_one_direction_alone_is_an_alarm(untrack, pair):
    """Somebody took the other direction's rules away: its packets are tracked."""
    pair.server.nft(TRACKING)
    untrack(pair.server, "apply", untrack.policy({**WEB, "protocol": "udp"}))
    pair.server.nft("flush chain inet untrack output")
    pair.server.serve("echo", "udp", pair.server4, "80")
    pair.client.ask("udp", pair.server4, "80", "12")
    assert pair.server.entry_count() > 0
    got = status(untrack, pair.server)
    assert [s["one_way"] for s in got["services"]] == [True]
    assert "service 'web' counts one direction only, nothing in output" in got["verdict"]
    assert "ONE WAY" in untrack(pair.server, "status").stdout


def test_a_forward_service_with_one_direction(untrack, pair):
    """Both directions of a forward service are prerouting: they are told apart by their ports."""
    untrack(pair.server, "apply", untrack.policy(
        {"name": "lb", "role": "forward", "protocol": "udp", "ports": [80],
         "addresses": [pair.server4]}))
    pair.client.run(PYTHON, "-c", "import socket; s = socket.socket(type=socket.SOCK_DGRAM)\n"
                                  f"for _ in range(12): s.sendto(b'x', ('{pair.server4}', 80))")
    got = status(untrack, pair.server)
    (lb,) = got["services"]
    assert lb["prerouting"]["packets"] == 12 and lb["one_way"] is True
    assert "nothing in prerouting, from its port" in got["verdict"]


def test_watch_tells_the_rate_and_when_it_is_full(untrack, netns):
    netns.nft(TRACKING)
    process = untrack.start(netns, "status", "--watch", "--interval", "1", "--json",
                            stdout=subprocess.PIPE)
    try:
        first = json.loads(process.stdout.readline())
        netns.run(PYTHON, ENTRIES, "web", "500")
        second = json.loads(process.stdout.readline())
    finally:
        process.terminate()
        assert process.wait(5) == 0
        process.stdout.close()
    assert first["rate"] is None and first["seconds_to_full"] is None
    assert 250 < second["rate"] < 750 and second["count"] == 501
    left = (second["max"] - second["count"]) / second["rate"]
    assert abs(second["seconds_to_full"] - left) < left / 100


def test_verdict_of_an_empty_namespace(untrack, netns):
    assert status(untrack, netns)["verdict"] == \
        "well: nothing is tracked here, no policy is needed"


def test_objects_turn_tracking_on_too(untrack, netns):
    netns.nft('table ip t {\nct helper h {\ntype "ftp" protocol tcp\n}\n}')
    (only,) = status(untrack, netns)["tracking"]
    assert only == {"family": "ip", "table": "t", "chain": None, "why": "ct helper object",
                    "legacy": False}


def test_legacy_rules_turn_tracking_on(untrack, netns):
    netns.run("iptables-legacy", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW")
    netns.run("iptables-legacy", "-t", "raw", "-A", "OUTPUT", "-s", "1.2.3.4", "-j", "CT",
              "--notrack")
    (only,) = status(untrack, netns)["tracking"]
    assert only == {"family": "ip", "table": "filter", "chain": "FORWARD", "why": "xt conntrack",
                    "legacy": True}
    assert "legacy ip filter FORWARD: xt conntrack" in untrack(netns, "status").stdout
