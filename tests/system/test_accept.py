# SPDX-License-Identifier: GPL-2.0-or-later
"""accept_in: narrow rules in the user's own chains, placed, marked, and taken away again."""
import re

import pytest
from conftest import STATEFUL_FILTER, WEB

DNS = {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53], "accept": True}
WEB_ACCEPT = {**WEB, "accept": True}
MARK = "untrack inet untrack"


def chain_rules(ns, *chain):
    text = ns.listing("chain", *chain)
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines[2:] if line not in ("}", "") and not line.startswith("type ")]


def ours(rules):
    return [rule for rule in rules if f'comment "{MARK}' in rule]


def test_rules_are_narrow_and_before_the_state(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    before = chain_rules(netns, "inet", "filter", "input")
    untrack(netns, "apply", untrack.policy(WEB_ACCEPT, DNS, accept_in=["inet filter input"]))
    rules = chain_rules(netns, "inet", "filter", "input")
    mine = ours(rules)
    assert mine
    assert [rule for rule in rules if rule not in mine] == before
    # ICMP errors about untracked flows are `invalid`.
    assert all(" accept" in rule for rule in mine)
    assert all("ct state untracked" in rule or
               "ct state invalid,untracked icmp" in rule for rule in mine)
    assert not any("sport" in rule for rule in mine)
    first_state = rules.index("ct state established,related accept")
    assert rules[first_state - len(mine):first_state] == mine
    assert any("icmp" in rule for rule in mine)
    # Nothing of ours but rules: no set in the user's table.
    assert "set " not in netns.listing("table", "inet", "filter")


@pytest.mark.parametrize("position", ["first", "last"])
def test_position(untrack, netns, position):
    netns.nft(STATEFUL_FILTER)
    untrack(netns, "apply", untrack.policy(
        WEB_ACCEPT, accept_in=[{"chain": "inet filter input", "position": position}]))
    rules = chain_rules(netns, "inet", "filter", "input")
    mine = ours(rules)
    assert mine == (rules[:len(mine)] if position == "first" else rules[-len(mine):])


def test_kept_by_their_comment(untrack, netns):
    """The user's own edits move them about; they are known again, and removed."""
    netns.nft(STATEFUL_FILTER)
    policy = untrack.policy(WEB_ACCEPT, accept_in=["inet filter input"])
    untrack(netns, "apply", policy)
    saved = netns.run("nft", "list", "ruleset").stdout
    netns.nft("flush ruleset\n" + saved)  # as a firewall service would save and restore
    untrack(netns, "diff", policy)
    netns.nft("insert rule inet filter input tcp dport 1 drop")
    untrack(netns, "apply", "--force-lint", "no-accept", 
            untrack.policy(WEB, accept_in=["inet filter input"]))
    rules = chain_rules(netns, "inet", "filter", "input")
    assert not ours(rules)
    assert "tcp dport 1 drop" in rules


def test_no_longer_asked_for(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    before = netns.listing("table", "inet", "filter")
    untrack(netns, "apply", untrack.policy(WEB_ACCEPT, accept_in=["inet filter input"]))
    untrack(netns, "apply", "--force-lint", "no-accept", untrack.policy(WEB_ACCEPT))
    assert netns.listing("table", "inet", "filter") == before


def test_two_policies_share_a_chain(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    before = netns.listing("table", "inet", "filter")
    untrack(netns, "apply", untrack.policy(WEB_ACCEPT, accept_in=["inet filter input"]))
    with_one = netns.listing("table", "inet", "filter")
    untrack(netns, "apply", untrack.policy(DNS, accept_in=["inet filter input"],
                                           table="inet second"))
    untrack(netns, "remove", "inet second")
    assert netns.listing("table", "inet", "filter") == with_one
    untrack(netns, "remove")
    assert netns.listing("table", "inet", "filter") == before


def test_unknown_chain_names_those_that_exist(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    result = untrack(netns, "apply", "--json",
                     untrack.policy(WEB_ACCEPT, accept_in=["inet filter inptu"]), status=2)
    error = result.error
    assert error["path"].startswith("/accept_in/0")
    assert "inet filter input" in error["message"] and "inet filter output" in error["message"]
    assert not netns.has_table()


@pytest.mark.parametrize("hook", ["prerouting", "postrouting"])
def test_other_hooks_are_refused(untrack, netns, hook):
    netns.nft(f"table inet f {{\nchain c {{\ntype filter hook {hook} priority 0; ct state new\n}}\n}}")
    result = untrack(netns, "apply", "--json",
                     untrack.policy(WEB_ACCEPT, accept_in=["inet f c"]), status=2)
    assert hook in result.error["message"]


def test_refused_in_a_table_of_iptables(untrack, netns):
    netns.run("iptables-nft", "-A", "INPUT", "-m", "conntrack", "--ctstate",
              "ESTABLISHED,RELATED", "-j", "ACCEPT")
    netns.run("iptables-nft", "-P", "INPUT", "DROP")
    saved = netns.run("iptables-nft-save").stdout
    policy = untrack.policy(WEB_ACCEPT, accept_in=["ip filter INPUT"])
    result = untrack(netns, "apply", policy, status=2)
    lines = re.findall(r"^\s*(iptables .*)$", result.stderr, flags=re.M)
    assert lines, result
    assert not netns.has_table()
    strip = re.compile(r"^#.*\n|\[\d+:\d+\]", flags=re.M)
    assert strip.sub("", netns.run("iptables-nft-save").stdout) == strip.sub("", saved)
    # The lines that it says can be added by hand, and do what is needed.
    for line in lines:
        netns.run(*line.split())
    assert "UNTRACKED" in netns.run("iptables-nft-save").stdout


def test_output_and_regular_chains(untrack, netns):
    netns.nft("""
        table inet filter {
            chain services {
                ct state established accept
            }
            chain input {
                type filter hook input priority filter; policy drop
                jump services
            }
            chain output {
                type filter hook output priority filter; policy drop
                ct state established,related accept
            }
        }""")
    untrack(netns, "apply", untrack.policy(
        WEB_ACCEPT, accept_in=["inet filter services", "inet filter output"]))
    inbound = ours(chain_rules(netns, "inet", "filter", "services"))
    outbound = ours(chain_rules(netns, "inet", "filter", "output"))
    assert any("dport 80" in r for r in inbound) or any("80" in r for r in inbound)
    assert inbound and outbound
    untrack(netns, "diff", untrack.policy(
        WEB_ACCEPT, accept_in=["inet filter services", "inet filter output"]))


@pytest.mark.parametrize("last", ["drop", "counter log reject", "accept"])
def test_before_what_nothing_gets_past(untrack, netns, last):
    """A chain that matches no state: behind its last word the rules would be in vain."""
    netns.nft(f"""
        table inet filter {{
            chain input {{
                type filter hook input priority filter; policy accept
                ct state established accept
                jump services
            }}
            chain services {{
                tcp dport 22 accept
                udp dport 9 drop
                {last}
            }}
        }}""")
    policy = untrack.policy(WEB_ACCEPT, accept_in=["inet filter services"])
    untrack(netns, "apply", "--force-lint", "no-accept", policy)
    rules = chain_rules(netns, "inet", "filter", "services")
    mine = ours(rules)
    assert len(mine) == 3 and rules[2:5] == mine and len(rules) == 6
    untrack(netns, "diff", policy)


def test_icmp_errors_go_out(untrack, pair):
    """What this host answers to an untracked packet is `invalid` too, where it was `related`."""
    pair.server.nft("""
        table inet filter {
            chain output {
                type filter hook output priority filter; policy drop
                ct state established,related accept
                icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
            }
        }""")
    policy = untrack.policy({**WEB, "protocol": "udp", "accept": True},
                            accept_in=["inet filter output"])
    for turn in ("tracked", "untracked"):
        for address in (pair.server4, pair.server6):
            # Nobody listens: the answer is an error, which is told to the sender.
            done = pair.client.run("python3", "-c", "import socket, sys\n"
                                   "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else "
                                   "socket.AF_INET, socket.SOCK_DGRAM)\n"
                                   "s.settimeout(5)\n"
                                   "s.connect((sys.argv[1], 80))\n"
                                   "s.send(b'x')\n"
                                   "s.recv(1)", address, check=False)
            assert "ConnectionRefusedError" in done.stderr, (turn, address, done)
        untrack(pair.server, "apply", policy)
    assert sum(pair.server.counters().values()) > 0
