# SPDX-License-Identifier: GPL-2.0-or-later
"""suggest: the policy that it prints is safe, and applies as it is."""
import json
import os
import subprocess

import pytest
from conftest import PYTHON, STATEFUL_FILTER, TRACKING
from test_top import fill, give_addresses


def suggest(untrack, ns, *argv, **more):
    """The policy, and the lines that tell what was left out."""
    result = untrack(ns, "suggest", *argv, **more)
    return json.loads(result.stdout), result.stderr


def applied(untrack, ns, policy, *argv):
    untrack(ns, "apply", untrack.file(json.dumps(policy)), *argv)


def load(pair, web=400, dns=8, ssh=3):
    """The article's load: many short web requests, with ssh and DNS beside them."""
    server = pair.server
    server.serve("echo", "tcp", pair.server4, "80")
    server.serve("echo", "tcp", pair.server4, "22")
    server.serve("echo", "udp", pair.server4, "53")
    pair.client.ask("tcp", pair.server4, "80", str(web))
    pair.client.ask("udp", pair.server4, "53", str(dns))
    pair.client.ask("tcp", pair.server4, "22", str(ssh))


def test_the_articles_load(untrack, pair):
    pair.server.nft(TRACKING)
    load(pair)
    before = pair.server.entry_count()
    assert before > 400
    policy, told = suggest(untrack, pair.server)
    (web,) = policy["services"]
    assert (web["name"], web["role"], web["protocol"], web["ports"]) == ("http", "server", "tcp",
                                                                         [80])
    assert "addresses" not in web and "accept" not in web
    assert web["comment"] == f"frees 400 of {before} entries ({100 * 400 / before:.1f} %)"
    applied(untrack, pair.server, policy, "--purge")
    # What remains of ssh and DNS, at once.
    left = pair.server.entries()
    assert len(left) == before - 400 and not any("port=80 " in line for line in left)
    pair.client.ask("tcp", pair.server4, "80", "5")
    assert pair.server.entry_count() == before - 400
    assert not told or "policy" not in told


def test_never_ssh_however_large(untrack, pair):
    pair.server.nft(TRACKING)
    load(pair, web=20, ssh=300)
    policy, told = suggest(untrack, pair.server)
    assert [22] not in [s["ports"] for s in policy["services"]]
    assert "tcp 22 (server, 300 entries) is left out: this host is managed by it" in told


def test_nor_the_sessions_own_port_behind_sudo(untrack, pair):
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "tcp", pair.server4, "2222")
    pair.client.ask("tcp", pair.server4, "2222", "50")
    connection = f"{pair.client4} 40000 {pair.server4} 2222"
    for inner in ([], ["env", "-u", "SSH_CONNECTION"]):
        # sh stays between, as sudo does.
        argv = ["sh", "-c", '"$@"; exit $?', "sh", *inner,
                *untrack.argv(pair.server, "suggest")]
        done = subprocess.run(argv, env={**os.environ, "SSH_CONNECTION": connection},
                              capture_output=True, text=True, timeout=60)
        assert json.loads(done.stdout)["services"] == []
        assert "this host is managed by it" in done.stderr
    policy, _ = suggest(untrack, pair.server)
    assert [s["ports"] for s in policy["services"]] == [[2222]]


def test_cover_and_max_services(untrack, pair):
    pair.server.nft(TRACKING)
    for port, count in ((80, 60), (443, 30), (5432, 20), (6379, 10)):
        pair.server.serve("echo", "tcp", pair.server4, str(port))
        pair.client.ask("tcp", pair.server4, str(port), str(count))

    def ports(*argv):
        return [s["ports"][0] for s in suggest(untrack, pair.server, *argv)[0]["services"]]

    assert ports() == [80, 443, 5432]  # 110 of 120 are 92 %
    assert ports("--cover", "100") == [80, 443, 5432, 6379]
    assert ports("--cover", "50") == [80]
    assert ports("--cover", "51") == [80, 443]
    assert ports("--max-services", "2", "--cover", "100") == [80, 443]


def test_what_is_bound_stays(untrack, netns):
    """Of a mixed table no service takes an entry that is translated, expected or in a zone."""
    give_addresses(netns)
    fill(netns, "mixed", 5000, 6)
    policy, told = suggest(untrack, netns, "--cover", "100")
    for service in policy["services"]:
        assert service["ports"] != [80] or "addresses" in service, service
    assert "nat" in told
    applied(untrack, netns, policy, "--purge")
    left = untrack(netns, "top", "--json").json
    assert left["untrackable"]["nat"] > 0 and left["untrackable"]["zone"] > 0


def test_helpers_ports_are_left_out(untrack, pair):
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "tcp", pair.server4, "21")
    pair.client.ask("tcp", pair.server4, "21", "30")
    policy, told = suggest(untrack, pair.server)
    assert policy["services"] == [] and "the helper 'ftp'" in told


def test_clients_name_their_peers(untrack, pair):
    pair.client.nft(TRACKING)
    pair.server.serve("echo", "tcp", pair.server4, "2049")
    pair.client.ask("tcp", pair.server4, "2049", "40")
    policy, _ = suggest(untrack, pair.client)
    (nfs,) = policy["services"]
    assert (nfs["name"], nfs["role"], nfs["peers"]) == ("nfs-client", "client", [pair.server4])
    applied(untrack, pair.client, policy, "--purge")
    assert pair.client.entry_count() == 0
    pair.client.ask("tcp", pair.server4, "2049", "3")
    assert pair.client.entry_count() == 0


def test_a_router_names_addresses(untrack, pair):
    pair.server.sysctl("net.ipv4.ip_forward", 1)
    pair.server.nft(TRACKING)
    load(pair, web=50)
    policy, _ = suggest(untrack, pair.server)
    assert policy["services"][0]["addresses"] == [pair.server4]


def test_tunnels_are_peers(untrack, pair):
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "udp", pair.server4, "4789")
    pair.client.ask("udp", pair.server4, "4789", "30")
    policy, _ = suggest(untrack, pair.server)
    assert [(s["role"], s["ports"]) for s in policy["services"]] == [("peer", [4789])]


# --- firewalls -----------------------------------------------------------------------------------


def test_a_firewall_that_would_drop_it(untrack, pair):
    pair.server.nft(STATEFUL_FILTER)
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "40")
    policy, told = suggest(untrack, pair.server)
    assert policy["services"] == []
    assert "tcp 80 (server, 40 entries) is left out" in told and "--accept-in" in told


def test_accept_in_lets_it_through(untrack, pair):
    pair.server.nft(STATEFUL_FILTER)
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "40")
    policy, _ = suggest(untrack, pair.server, "--accept-in")
    (web,) = policy["services"]
    assert web["accept"] is True and policy["accept_in"] == ["inet filter input"]
    applied(untrack, pair.server, policy, "--purge")
    assert pair.server.entry_count() == 0
    pair.client.ask("tcp", pair.server4, "80", "5")
    assert pair.server.entry_count() == 0


def test_accept_in_is_not_filled_without_need(untrack, pair):
    pair.server.nft(TRACKING)
    load(pair, web=50)
    policy, _ = suggest(untrack, pair.server, "--accept-in")
    assert "accept_in" not in policy and policy["services"]
    assert not any("accept" in s for s in policy["services"])


def test_chains_of_iptables_are_not_written_to(untrack, pair):
    for line in ("-P INPUT DROP", "-A INPUT -i lo -j ACCEPT",
                 "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
                 "-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT"):
        pair.server.run("iptables-nft", *line.split())
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "40")
    policy, told = suggest(untrack, pair.server, "--accept-in")
    assert policy["services"] == [] and "accept_in" not in policy
    assert "iptables" in told


# --- the rest -------------------------------------------------------------------------------------


def test_nothing_to_suggest(untrack, netns):
    policy, told = suggest(untrack, netns)
    assert policy == {"untrack": 1, "services": []} and "empty" in told


def test_json_is_the_policy(untrack, pair):
    pair.server.nft(TRACKING)
    load(pair, web=50)
    assert untrack(pair.server, "suggest", "--json").json == suggest(untrack, pair.server)[0]


def test_a_loaded_policy_is_told(untrack, pair):
    pair.server.nft(TRACKING)
    load(pair, web=50)
    policy, _ = suggest(untrack, pair.server)
    applied(untrack, pair.server, policy, "--purge")
    _, told = suggest(untrack, pair.server)
    assert "a policy is loaded already" in told


@pytest.mark.parametrize("argv", [("--cover", "0"), ("--cover", "101"), ("--max-services", "0")])
def test_misuse(untrack, netns, argv):
    assert argv[0] in untrack(netns, "suggest", "--json", *argv, status=2).error["message"]
