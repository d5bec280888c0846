# SPDX-License-Identifier: GPL-2.0-or-later
"""Others commit in between, and death comes at any moment: the ruleset is the old or the new one."""
import random
import signal
import time

from conftest import SANITIZED, TRACKING, WEB, Untrack, Writer

APPLIES = 60 if SANITIZED else 200
DNS = {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53]}
LB = {"name": "lb", "role": "forward", "protocol": "tcp", "ports": [80, "9000-9100"],
      "addresses": ["198.51.100.1", "2001:db8:1::/48"]}


def table_of(ns):
    return ns.state("table", "inet", "untrack")


def two_states(untrack, ns):
    """Two policies and the listings that they must have."""
    policies = [untrack.policy(WEB, LB), untrack.policy(WEB, DNS)]
    listings = []
    for policy in policies:
        untrack(ns, "apply", policy)
        listings.append(table_of(ns))
    assert listings[0] != listings[1]
    return policies, listings


def test_two_writers_lose_nothing(untrack, netns):
    policies, listings = two_states(untrack, netns)
    writers = [Writer(netns, "inet one"), Writer(netns, "inet two")]
    now = 1
    done = 0
    for turn in range(APPLIES):
        wanted = turn % 2
        result = untrack(netns, "apply", policies[wanted], status=None)
        assert result.status in (0, 3), result
        if result.status == 0:
            now = wanted
            done += 1
        assert table_of(netns) == listings[now], turn

    for writer in writers:
        assert writer.end() > APPLIES / 10  # they did come in between
    # Whoever writes elsewhere does not keep apply from its work.
    assert done >= APPLIES * 9 / 10
    untrack(netns, "diff", policies[now])


def time_of(untrack, *command):
    begin = time.monotonic()
    untrack(*command)
    return time.monotonic() - begin


def test_kill_at_random_moments(untrack, netns):
    policies, listings = two_states(untrack, netns)
    # The shortest: it must be running when it is killed, also after a busy moment of the machine.
    duration = min(time_of(untrack, netns, "apply", policies[turn % 2]) for turn in range(8))
    moments = random.Random(20261123)
    now = 1
    killed = 0
    for turn in range(APPLIES):
        wanted = 1 - now
        process = untrack.start(netns, "apply", "--quiet", policies[wanted], stdout=-3)
        time.sleep(moments.uniform(0, duration * 1.1))
        process.kill()
        if process.wait() == -signal.SIGKILL:
            killed += 1
        is_there = table_of(netns)
        assert is_there in (listings[now], listings[wanted]), turn
        now = listings.index(is_there)
        if turn % 10 == 0:
            now = 1 - now
            untrack(netns, "apply", policies[now])
            assert table_of(netns) == listings[now]
    assert killed > APPLIES / 4
    now = 1 - now
    untrack(netns, "apply", policies[now])
    assert table_of(netns) == listings[now]
    untrack(netns, "rollback")
    untrack(netns, "history")


def test_kill_of_the_first_apply(untrack, netns):
    """Nothing was there before: a half one must not be left either."""
    policy = untrack.policy(WEB, LB)
    before = netns.listing()
    begin = time.monotonic()
    untrack(netns, "apply", policy)
    duration = time.monotonic() - begin
    full = netns.listing()
    moments = random.Random(7)
    for _ in range(APPLIES // 5):
        untrack(netns, "remove", status=None)
        netns.run("nft", "flush", "ruleset")
        process = untrack.start(netns, "apply", "--quiet", policy, stdout=-3)
        time.sleep(moments.uniform(0, duration * 1.1))
        process.kill()
        process.wait()
        assert netns.listing() in (before, full)
    untrack(netns, "apply", policy)
    assert netns.listing() == full


def test_sysctls_that_were_cut_off_are_finished(untrack, netns):
    """kill -9 between commit and sysctls: the next apply finishes, and remove undoes."""
    name = "net.netfilter.nf_conntrack_tcp_timeout_time_wait"
    netns.nft(TRACKING)
    original = netns.sysctl(name)
    policy = untrack.policy(WEB, conntrack={"timeouts": {"tcp_time_wait": 33}})
    begin = time.monotonic()
    untrack(netns, "apply", policy)
    duration = time.monotonic() - begin
    assert netns.sysctl(name) == "33"
    moments = random.Random(11)
    for _ in range(APPLIES // 5):
        untrack(netns, "remove", status=None)
        assert netns.sysctl(name) == original
        process = untrack.start(netns, "apply", "--quiet", policy, stdout=-3)
        time.sleep(moments.uniform(duration * 0.3, duration * 1.1))
        process.kill()
        process.wait()
        assert netns.sysctl(name) in (original, "33")
    untrack(netns, "apply", policy)
    assert netns.sysctl(name) == "33"
    untrack(netns, "diff", policy)
    untrack(netns, "remove")
    assert netns.sysctl(name) == original


def test_applies_wait_for_each_other(untrack, netns):
    policies, listings = two_states(untrack, netns)
    running = [untrack.start(netns, "apply", "--quiet", policies[i % 2], stdout=-3)
               for i in range(8)]
    assert [process.wait(timeout=60) for process in running] == [0] * 8
    assert table_of(netns) in listings


def test_namespaces_do_not_meet(tmp_path, make_netns):
    """One state directory, two namespaces: their histories and locks are apart."""
    untrack = Untrack(tmp_path)
    one, two = make_netns(), make_netns()
    untrack(one, "apply", untrack.policy(WEB))
    untrack(two, "apply", untrack.policy(DNS))
    assert len(untrack(one, "history", "--json").json["snapshots"]) == 1
    untrack(one, "rollback")
    assert not one.has_table() and two.has_table()
