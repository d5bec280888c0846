# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schema says what the program says, as far as a schema can."""
import json

import jsonschema
import pytest
from conftest import SOURCE

SCHEMA = json.loads((SOURCE / "src/document/policy.schema.json").read_text())
BAD = SOURCE / "tests/unit/policy-bad"

# What needs more than a schema: two values together, other files, words of nft, tables of names.
BEYOND = {
    "accept-client-any", "accept-in-twice", "name-twice", "untrack-real",
    "addresses-file-bad", "addresses-file-comments", "addresses-file-host-bits",
    "ports-file-bad", "ports-file-directory", "ports-file-empty", "ports-file-missing",
    "addresses-host-bits", "addresses-host-bits-6", "conntrack-max-real",
    "families-differ", "icmp-ipv6", "icmpv6-ipv4", "keep-families",
    "table-ip-icmpv6", "table-ip-ipv6", "table-ip6-ipv4", "table-reserved",
    "ports-backwards", "ports-third", "ports-range-zero", "ports-range-65536",
    "protocol-far", "rule-statement-deep",
}
# A packet's schema has its form only.
BEYOND_PACKETS = {
    "packet-protocol", "packet-address", "packet-port-zero", "packet-port-65536",
    "packet-port-empty", "packet-no-port", "packet-icmp-port", "packet-families",
    "packet-icmp-ipv6", "packet-icmpv6-ipv4", "packet-bracket", "packet-bracket-ipv4",
    "packet-bracket-tail", "packet-type-unknown", "packet-type-256", "packet-type-of-tcp",
    "packet-type-twice",
}


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


@pytest.mark.parametrize("path", sorted((SOURCE / "rulesets").glob("*.json")), ids=lambda p: p.stem)
def test_ready_policies(validator, path):
    validator.validate(json.loads(path.read_text()))


FULL = {
    "untrack": 1,
    "table": "inet untrack",
    "services": [
        {"name": "web", "role": "server", "protocol": "tcp", "ports": [80, 443, "8000-8010"],
         "addresses": ["192.0.2.10", "2001:db8::/64"], "interfaces": ["eth0"], "accept": True,
         "comment": "free text"},
        {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53]},
        {"name": "nfs", "role": "client", "protocol": "tcp", "ports": [2049],
         "peers": ["10.0.0.0/8"], "accept": True},
        {"name": "lb", "role": "forward", "protocol": 6, "ports": {"file": "ports.txt"},
         "addresses": {"file": "addresses.txt"}, "interfaces": ["eth0", "eth1"], "accept": True},
        {"name": "lb2", "role": "forward", "protocol": 17, "ports": [1], "interfaces": ["eth*"]},
        {"name": "vxlan", "role": "peer", "protocol": "udp", "ports": [4789]},
        {"name": "tunnels", "role": "server", "protocol": ["gre", "esp", 253, "icmp"],
         "peers": ["::/0", "::1", "::ffff:192.0.2.1", "0.0.0.0/0", "255.255.255.255/32"]},
    ],
    "keep_tracked": [{"peers": ["203.0.113.0/24"]}, {"protocol": "tcp", "ports": [22]},
                     {"protocol": ["tcp", "icmp"]}, {"interfaces": ["wg0"], "comment": "x"}],
    "accept_in": ["inet filter input", {"chain": "inet filter forward", "position": "first"}],
    "rules": [{"chain": "prerouting", "expr": [{"notrack": None}], "comment": "all"}],
    "conntrack": {"max": 393216, "buckets": 98304,
                  "timeouts": {"tcp_established": 300, "tcp_time_wait": 120}},
    "expect": [
        {"packet": "tcp 198.51.100.7:40000 > 192.0.2.10:80 on eth0", "is": "untracked"},
        {"packet": "udp [2001:db8::7]:5353 > [2001:db8::10]:53", "is": "tracked"},
        {"packet": "icmp 198.51.100.7 > 192.0.2.10 type echo-request from here", "is": "tracked"},
    ],
    "comment": "everything",
}


def test_every_key(validator, tmp_path):
    validator.validate(FULL)


CASES = sorted(BAD.glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_what_the_program_refuses(validator, path):
    """Each is refused by the schema too, except those that are known to need more; they are
    held as well, so that the list does not grow stale."""
    valid = validator.is_valid(json.loads(path.read_text()))
    assert valid == (path.stem in BEYOND | BEYOND_PACKETS)


def test_the_lists_name_cases():
    assert BEYOND | BEYOND_PACKETS <= {p.stem for p in CASES}
