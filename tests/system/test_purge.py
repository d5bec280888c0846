# SPDX-License-Identifier: GPL-2.0-or-later
"""--purge: exactly the entries that are kept out now, told beforehand; what lives by its entry stays."""
import os

import pytest
from conftest import PYTHON, TRACKING, WEB
from packets import Net

# One entry of each kind.
BOUND = """
import sys
sys.path.insert(0, sys.argv[1])
from entries import *
server, client, inner = "192.0.2.10", "192.0.2.7", "10.9.9.9"
both = SEEN_REPLY | ASSURED
master = tuple_of(TCP, client, 3000, server, 8080)
def message(*tuple, **more):
    return entry(*tuple, status=both, state=3 if tuple[0] == TCP else None, sequence=1, **more)
send([
    message(TCP, client, 1001, server, 80),                                # goes
    message(TCP, client, 1002, server, 80, zone=7),
    message(TCP, client, 1003, server, 80, to=("203.0.113.7", 80)),        # destination NAT
    message(TCP, client, 3000, server, 8080),                              # another port; the master
    message(TCP, client, 1004, server, 80, master=master),                 # expected
    message(UDP, client, 1005, server, 80),                                # another protocol
])
"""


def test_purge_leaves_what_lives_by_its_entry(untrack, pair):
    server = pair.server
    server.nft(TRACKING)
    server.run(PYTHON, "-c", BOUND, os.path.dirname(__file__))
    before = server.entries()
    assert sum("dport=80 " in entry for entry in before) >= 5
    told = untrack(server, "diff", untrack.policy(WEB), status=1)
    assert f"--purge would delete 1 of {len(before)} entries" in told.stderr
    assert untrack(server, "diff", "--json", untrack.policy(WEB), status=1).json["purgeable"] == 1
    assert len(server.entries()) == len(before)
    result = untrack(server, "apply", "--purge", "--json", "--force-lint",
                     "nat,helper", untrack.policy(WEB)).json
    assert result["purged"] == 1
    left = server.entries()
    assert len(left) == len(before) - 1 and not any("sport=1001 dport=80 " in e for e in left)


@pytest.fixture
def net():
    net = Net()
    yield net
    net.close()


def test_purge_leaves_masqueraded_flows(untrack, net):
    """Both ways of such an entry would be untracked by a forwarding service; its NAT needs it."""
    inside, router, outside = net.client, net.host, net.behind
    inside.ip("route", "add", "default", "via", "10.0.1.1")
    router.nft("table ip n {\nchain post { type nat hook postrouting priority srcnat\n"
               'oifname "eth1" masquerade\n}\n}\n')
    outside.serve("echo", "tcp", "10.0.2.2", "80")
    inside.ask("tcp", "10.0.2.2", "80", "4")
    assert router.entry_count() == 4
    policy = untrack.policy({"name": "lb", "role": "forward", "protocol": "tcp", "ports": [80],
                             "addresses": ["10.0.2.2"]})
    result = untrack(router, "apply", "--purge", "--json", "--force-lint", "nat", policy).json
    assert result["purged"] == 0 and router.entry_count() == 4


def test_purge_leaves_what_a_helper_reads(untrack, pair):
    pair.server.nft('table ip t {\nct helper ftp-in { type "ftp" protocol tcp; }\nchain input {\n'
                    'type filter hook input priority filter;\ntcp dport 21 ct helper set "ftp-in"\n'
                    "}\n}\n")
    pair.server.serve("echo", "tcp", pair.server4, "21")
    pair.client.ask("tcp", pair.server4, "21", "3")
    policy = untrack.policy({**WEB, "ports": [21]})
    result = untrack(pair.server, "apply", "--purge", "--json", "--force-lint", "helper",
                     policy).json
    assert result["purged"] == 0 and pair.server.entry_count() == 3
