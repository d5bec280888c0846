# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways back: rollback, history, remove."""
import pytest
from conftest import STATEFUL_FILTER, WEB

DNS = {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53], "accept": True}
WEB_ACCEPT = {**WEB, "accept": True}
TIME_WAIT = "net.netfilter.nf_conntrack_tcp_timeout_time_wait"
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"


def snapshots(untrack, ns):
    return untrack(ns, "history", "--json").json["snapshots"]


@pytest.fixture
def full_policy(untrack):
    return untrack.policy(WEB_ACCEPT, accept_in=["inet filter input"],
                          conntrack={"timeouts": {"tcp_time_wait": 31, "tcp_established": 301}})


def test_rollback_restores_all(untrack, netns, full_policy):
    netns.nft(STATEFUL_FILTER)
    before = netns.listing()
    values = netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)
    untrack(netns, "apply", full_policy)
    assert netns.listing() != before
    assert (netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)) == ("31", "301")
    result = untrack(netns, "rollback", "--json").json
    assert result["changed"] is True
    assert netns.listing() == before
    assert (netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)) == values


def test_rollback_step_by_step(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    states = [netns.state()]
    for services in ([WEB_ACCEPT], [WEB_ACCEPT, DNS], [DNS]):
        untrack(netns, "apply", untrack.policy(*services, accept_in=["inet filter input"]))
        states.append(netns.state())
    assert all(states.count(state) == 1 for state in states)
    for state in reversed(states[:-1]):
        untrack(netns, "rollback")
        assert netns.state() == state
    untrack(netns, "rollback", status=2)
    assert netns.state() == states[0]


def test_rollback_to_a_snapshot(untrack, netns):
    states = {}
    for services in ([WEB], [WEB, DNS], [DNS]):
        state = netns.state()
        untrack(netns, "apply", untrack.policy(*services))
        states[snapshots(untrack, netns)[-1]["id"]] = state
    assert len(states) == 3
    for number in list(states) + list(reversed(states)):
        untrack(netns, "rollback", number)
        assert netns.state() == states[number]
    result = untrack(netns, "rollback", "4711", "--json", status=2)
    assert "4711" in result.error["message"]


def test_history(untrack, netns):
    assert snapshots(untrack, netns) == []
    policy = untrack.policy(WEB, name="by-name.json")
    untrack(netns, "apply", policy)
    untrack(netns, "apply", policy)  # nothing to change: no snapshot
    (only,) = snapshots(untrack, netns)
    assert {"id", "time", "generation", "document"} <= set(only)
    assert "by-name.json" in only["document"]
    assert str(only["id"]) in untrack(netns, "history").stdout


def damage(untrack, number):
    (path,) = untrack.state.glob(f"*/snapshots/{number:06}")
    path.write_bytes(path.read_bytes()[:-1])


def test_a_damaged_snapshot_is_not_passed_over(untrack, netns):
    empty = netns.state()
    untrack(netns, "apply", untrack.policy(WEB))
    untrack(netns, "apply", untrack.policy(WEB, DNS))
    after = netns.state()
    damage(untrack, 2)
    result = untrack(netns, "rollback", "--json", status=2)
    assert "000002 is damaged" in result.error["message"]
    assert netns.state() == after
    result = untrack(netns, "history")
    assert "000002 is damaged" in result.stderr and len(result.stdout.splitlines()) == 2
    untrack(netns, "rollback", 1)
    assert netns.state() == empty


def test_a_damaged_one_beneath_the_last_change_is_no_hindrance(untrack, netns):
    untrack(netns, "apply", untrack.policy(WEB))
    before = netns.state()
    untrack(netns, "apply", untrack.policy(WEB, DNS))
    damage(untrack, 1)
    untrack(netns, "rollback")
    assert netns.state() == before
    untrack(netns, "rollback", status=2)
    assert netns.state() == before


def test_a_damaged_record_of_an_armed_rollback_leaves_a_way_back(untrack, netns):
    empty = netns.state()
    untrack(netns, "apply", "--confirm", 600, untrack.policy(WEB))
    (record,) = untrack.run_dir.glob("*/armed")
    record.write_bytes(record.read_bytes()[:-1])
    result = untrack(netns, "history")
    assert "armed is damaged" in result.stderr and "policy-1" in result.stdout
    untrack(netns, "rollback", status=2)
    untrack(netns, "rollback", 1)
    assert netns.state() == empty
    untrack(netns, "apply", untrack.policy(WEB))


def test_twenty_snapshots_stay(untrack, netns):
    policies = [untrack.policy(WEB), untrack.policy(DNS)]
    for turn in range(23):
        untrack(netns, "apply", policies[turn % 2])
    listed = snapshots(untrack, netns)
    assert len(listed) == 20
    assert [s["id"] for s in listed] == sorted(s["id"] for s in listed)


def test_remove(untrack, netns, full_policy):
    netns.nft(STATEFUL_FILTER)
    before = netns.listing()
    values = netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)
    untrack(netns, "apply", full_policy)
    untrack(netns, "apply", untrack.policy(WEB_ACCEPT, DNS, accept_in=["inet filter input"],
                                           conntrack={"timeouts": {"tcp_time_wait": 32}}))
    assert netns.sysctl(TIME_WAIT) == "32"
    assert untrack(netns, "remove", "--json").json["changed"] is True
    assert netns.listing() == before
    assert (netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)) == values
    # remove is a change like any other: it can be taken back.
    untrack(netns, "rollback")
    assert netns.has_table()


def test_remove_of_one_table(untrack, netns):
    untrack(netns, "apply", untrack.policy(WEB))
    untrack(netns, "apply", untrack.policy(DNS, table="inet second"))
    result = untrack(netns, "remove", "--json", status=2)
    assert "inet untrack" in result.error["message"] and "inet second" in result.error["message"]
    untrack(netns, "remove", "inet second")
    assert netns.has_table() and not netns.has_table("inet second")
    untrack(netns, "remove", "inet", "untrack")
    assert not netns.has_table()


def test_remove_of_nothing(untrack, netns):
    untrack(netns, "remove", status=2)
    untrack(netns, "remove", "inet nothing", status=2)
    assert snapshots(untrack, netns) == []
    netns.nft("add table inet foreign")
    untrack(netns, "remove", "inet foreign", status=2)
    assert netns.has_table("inet foreign")
    untrack(netns, "remove", "inte untrack", status=2)


def test_remove_where_the_table_is_gone(untrack, netns, full_policy):
    """Someone deleted it by hand: what else a policy put there is taken away all the same."""
    netns.nft(STATEFUL_FILTER)
    before = netns.listing()
    values = netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)
    untrack(netns, "apply", full_policy)
    netns.run("nft", "delete", "table", "inet", "untrack")
    assert netns.listing() != before
    untrack(netns, "remove")
    assert netns.listing() == before
    assert (netns.sysctl(TIME_WAIT), netns.sysctl(ESTABLISHED)) == values
    untrack(netns, "remove", status=2)


def test_a_key_taken_out_of_conntrack_goes_back(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    original = netns.sysctl(TIME_WAIT)
    untrack(netns, "apply", "--force-lint", "no-accept", untrack.policy(WEB, conntrack={"timeouts": {"tcp_time_wait": 31}}))
    untrack(netns, "apply", "--force-lint", "no-accept", untrack.policy(WEB))
    untrack(netns, "diff", untrack.policy(WEB))
    assert netns.sysctl(TIME_WAIT) in (original, "31")
    untrack(netns, "remove")
    assert netns.sysctl(TIME_WAIT) == original


def test_used_up_quotas_come_back(untrack, netns):
    """The kernel tells of a quota that is used up by a flag that it does not take back."""
    used = untrack.file("table ip t {\n quota total { over 5 bytes; comment \"all\"; }\n"
                        " chain c { type filter hook output priority 0; quota over 10 bytes counter;"
                        " quota name total accept; }\n}\n")
    untrack(netns, "apply", used)
    netns.run("/usr/bin/python3", "-c", "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\n"
              "s.sendto(bytes(4), ('127.0.0.1', 9))")
    full = netns.run("nft", "list", "ruleset").stdout
    assert "used 10 bytes" in full and "used 5 bytes" in full
    before = netns.listing()
    untrack(netns, "apply", untrack.file("table ip t {\n chain c {\n }\n}\n"))
    untrack(netns, "rollback")
    assert netns.listing() == before


def test_a_foreign_change_survives_rollback(untrack, netns, full_policy):
    """What others changed after the snapshot stays; only ours goes back."""
    netns.nft(STATEFUL_FILTER)
    untrack(netns, "apply", full_policy)
    netns.nft("insert rule inet filter input tcp dport 9999 drop\nadd table inet later")
    untrack(netns, "rollback")
    listing = netns.listing()
    assert "tcp dport 9999 drop" in listing and "table inet later" in listing
    assert "untrack" not in listing


def test_rollback_where_the_foreign_chain_is_gone(untrack, netns, full_policy):
    netns.nft(STATEFUL_FILTER)
    untrack(netns, "apply", full_policy)
    untrack(netns, "remove")
    netns.run("nft", "delete", "table", "inet", "filter")
    untrack(netns, "rollback")  # back to the policy, as far as there is a place for it
    assert netns.has_table()
