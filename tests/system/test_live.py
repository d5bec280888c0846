# SPDX-License-Identifier: GPL-2.0-or-later
"""Live connections: what goes on goes on, through apply and rollback."""
import threading

import pytest
from conftest import SANITIZED, STATEFUL_FILTER, TRACKING, WEB, Download, wait_until

DNS = {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53]}
NTP = {"name": "ntp", "role": "server", "protocol": "udp", "ports": [123]}
WEB_ACCEPT = {**WEB, "accept": True}
ACCEPT_IN = ["inet filter input"]


def tcp_counters(ns):
    """What the namespace's TCP counts, by name."""
    found = {}
    for file, title in (("snmp", "Tcp:"), ("netstat", "TcpExt:")):
        text = ns.run("cat", f"/proc/net/{file}").stdout
        names, values = [line.split() for line in text.splitlines() if line.startswith(title)]
        found.update(zip(names[1:], map(int, values[1:])))
    return found


def lost_segments(sender, receiver):
    """Segments sent again that had not arrived before (a busy machine sends some again in vain,
    and is told so), and gaps that the receiver saw."""
    sent, received = tcp_counters(sender), tcp_counters(receiver)
    return (sent["RetransSegs"] - sent["TCPDSACKRecv"] - sent["TCPDSACKOfoRecv"],
            received["TCPOFOQueue"])


@pytest.fixture(params=["4", "6"])
def address(request, pair):
    return pair.server4 if request.param == "4" else pair.server6


def test_tracking_is_switched_off_under_a_download(untrack, pair, address):
    """Default drop, established and new to port 80: the untracked flow is let in by accept."""
    pair.server.nft(STATEFUL_FILTER)
    pair.server.serve("serve", address, "80")
    old = Download(pair.client, address, "80")
    assert pair.server.entry_count() >= 1
    untrack(pair.server, "apply", untrack.policy(WEB_ACCEPT, accept_in=ACCEPT_IN))
    assert old.goes_on()
    new = Download(pair.client, address, "80")
    assert new.goes_on() and old.goes_on()
    assert sum(pair.server.counters().values()) > 0

    # Back under the filter that lives by tracking: stale entries would be `invalid`.
    untrack(pair.server, "rollback")
    assert old.goes_on() and new.goes_on()
    assert pair.server.entry_count() >= 2


def test_without_accept_it_is_cut(untrack, pair):
    """The other way round, so that the test above proves something."""
    pair.server.nft(STATEFUL_FILTER)
    pair.server.serve("serve", pair.server4, "80")
    download = Download(pair.client, pair.server4, "80")
    untrack(pair.server, "apply", "--force-lint", "no-accept", untrack.policy(WEB))
    assert not download.goes_on(2)


def test_removed_and_applied_many_times(untrack, pair):
    pair.server.nft(STATEFUL_FILTER)
    pair.server.serve("serve", pair.server4, "80")
    download = Download(pair.client, pair.server4, "80")
    policy = untrack.policy(WEB_ACCEPT, accept_in=ACCEPT_IN)
    for _ in range(5):
        untrack(pair.server, "apply", policy)
        assert download.goes_on()
        untrack(pair.server, "remove")
        assert download.goes_on()


def test_a_hundred_applies_on_an_untouched_service(untrack, pair):
    """The service under way stays in the policy while others come and go: not a segment is lost."""
    pair.server.nft(STATEFUL_FILTER)
    policies = [untrack.policy(WEB_ACCEPT, *more, accept_in=ACCEPT_IN)
                for more in ([], [DNS], [DNS, NTP], [NTP])]
    untrack(pair.server, "apply", "--force-lint", "no-accept", policies[0])
    pair.server.serve("serve", pair.server4, "80")
    download = Download(pair.client, pair.server4, "80")
    before = lost_segments(pair.server, pair.client)
    stalled = []
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            if not download.goes_on():
                stalled.append(download.bytes)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for turn in range(1, 41 if SANITIZED else 101):
            untrack(pair.server, "apply", "--force-lint", "no-accept", policies[turn % 4])
    finally:
        stop.set()
        watcher.join()
    assert not stalled
    # What was sent again just now has its answer on the way.
    wait_until("no segment was lost",
               lambda: lost_segments(pair.server, pair.client) == before)
    assert pair.server.entry_count() == 0


def test_purge_deletes_exactly_what_is_kept_out(untrack, pair):
    """Entries of the service go; those of others, and of this host as a client of such a service
    elsewhere, stay."""
    server, client = pair.server, pair.client
    server.nft(TRACKING)
    for ns, address in ((server, pair.server4), (server, pair.server6), (client, pair.client4)):
        ns.serve("echo", "tcp", address, "80")
    server.serve("echo", "tcp", pair.server4, "81")
    client.ask("tcp", pair.server4, "80", "20")
    client.ask("tcp", pair.server6, "80", "20")
    client.ask("tcp", pair.server4, "81", "5")
    server.ask("tcp", pair.client4, "80", "7")
    server.ask("tcp", pair.server4, "80", "3")  # over lo
    assert server.entry_count() == 55

    assert "purged" not in untrack(server, "apply", "--json", untrack.policy(WEB)).json
    assert server.entry_count() == 55
    assert untrack(server, "apply", "--dry-run", "--purge", untrack.policy(WEB)).stdout == ""
    assert server.entry_count() == 55
    # Nothing is to be changed, but there is something to purge.
    result = untrack(server, "apply", "--purge", "--json", untrack.policy(WEB)).json
    assert (result["changed"], result["purged"]) == (False, 43)
    assert server.entry_count() == 12
    entries = server.entries()
    assert sum("dport=81 " in entry for entry in entries) == 5
    assert sum("dport=80 " in entry for entry in entries) == 7
    assert untrack(server, "apply", "--purge", "--json", untrack.policy(WEB)).json["purged"] == 0


def test_purge_says_how_many(untrack, pair):
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "udp", pair.server4, "80")
    pair.client.ask("udp", pair.server4, "80", "20")
    result = untrack(pair.server, "apply", "--purge", untrack.policy({**WEB, "protocol": "udp"}))
    assert "purged 20 " in result.stdout
    assert pair.server.entry_count() == 0
