# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nft -j list ruleset` prints is a document: over itself nothing differs, and into an empty
ruleset it brings back what was there, also where nft 1.0.6 does not read its own JSON."""
import json

import pytest
from test_corpus import flush, listing

# What is declared, and a rule that uses it.
KINDS = {
    "ct expectation": ("ct expectation e { protocol udp; dport 9876; timeout 2m; size 12; l3proto ip; }",
                       'ct expectation set "e"'),
    "synproxy": ("synproxy s { mss 1460; wscale 7; timestamp sack-perm; }", "accept"),
    "plain synproxy": ("synproxy s { mss 536; wscale 0; }", "accept"),
    "map to synproxies": ("synproxy s { mss 1460; wscale 7; }\n"
                          "map m { type inet_service : synproxy; elements = { 80 : \"s\" } }", "accept"),
    "verdict map": ("chain other { }\nmap m { type ipv4_addr : verdict; elements = { 192.0.2.1 : jump other } }",
                    "ip saddr vmap @m"),
    "integers": ("set s { typeof vlan id; elements = { 3, 5 } }", "vlan id @s"),
    "integers of an option": ("set s { typeof tcp option maxseg size; elements = { 1024 } }",
                              "tcp option maxseg size @s"),
    "integers of raw bits": ("set s { typeof @th,0,32; elements = { 0x1 } }", "@th,0,32 @s"),
    "strings": ('set s { typeof osf name; elements = { "Linux" } }', "osf name @s"),
    "integers among others": ("set s { typeof ip saddr . ip length; flags timeout; timeout 1h;"
                              " elements = { 192.0.2.1 . 7 timeout 1d } }", "ip saddr . ip length @s"),
    "verdicts for integers": ("map m { typeof vlan id : verdict; elements = { 7 : drop } }", "vlan id vmap @m"),
    "concatenated values": ("map m { type ipv4_addr . inet_service : ipv4_addr . inet_service; flags interval;"
                            " elements = { 192.0.2.0/24 . 80 : 203.0.113.8 . 8080 } }",
                            "dnat ip to ip daddr . tcp dport map @m"),
}
# Known only from what is there.
UNTOLD = {
    "devices": 'chain ingress { type filter hook ingress device "lo" priority -5; policy drop; accept; }',
    "integers of no rule": "set s { typeof vlan id; elements = { 3, 5 } }",
    "values that are integers": "map m { typeof ip saddr : vlan id; elements = { 192.0.2.1 : 5 } }",
    "timeouts": "ct timeout t { protocol tcp; l3proto ip; policy = { established : 122, close : 4 }; }",
}


def dump(untrack, ns):
    return untrack.file(ns.run("nft", "-j", "list", "ruleset").stdout, "dump.json")


def table(*content):
    return "table inet dumped {\n" + "\n".join(content) + "\n}\n"


@pytest.mark.parametrize("kind", KINDS)
def test_apart(untrack, netns, kind):
    declared, rule = KINDS[kind]
    netns.nft(table(declared, f"chain c {{\ntype nat hook prerouting priority dstnat;\n{rule}\n}}"))
    before, path = listing(netns), dump(untrack, netns)
    assert untrack(netns, "diff", "--ruleset", path).stdout == ""
    generation = netns.generation()
    assert untrack(netns, "apply", "--ruleset", "--json", path).json["changed"] is False
    assert netns.generation() == generation
    flush(netns)
    untrack(netns, "apply", path)
    assert listing(netns) == before
    assert untrack(netns, "diff", path).stdout == ""


@pytest.mark.parametrize("kind", UNTOLD)
def test_over_itself_alone(untrack, netns, kind):
    netns.nft(table(UNTOLD[kind]))
    before, path = listing(netns), dump(untrack, netns)
    assert untrack(netns, "diff", path).stdout == ""
    netns.nft("add chain inet dumped added")
    untrack(netns, "apply", path)
    assert listing(netns) == before


def test_all_at_once(untrack, netns):
    """In one ruleset, with several tables and what it says changed by hand."""
    netns.nft("".join(f"table inet t{n} {{\n{declared}\n}}\n" for n, (declared, _) in enumerate(KINDS.values()))
              + "".join(f"table inet u{n} {{\n{declared}\n}}\n" for n, declared in enumerate(UNTOLD.values())))
    before, path = listing(netns), dump(untrack, netns)
    document = json.loads(path.read_text())
    assert untrack(netns, "diff", "--ruleset", path).stdout == ""
    sets = [o["set"] for o in document["nftables"] if "set" in o and o["set"].get("elem") == [3, 5]]
    for one in sets:
        one["elem"] = [3, 6]
    changed = untrack.file(json.dumps(document))
    summary = untrack(netns, "apply", "--json", changed).json["summary"]
    assert (summary["elements"]["add"], summary["elements"]["delete"]) == (len(sets), len(sets)), summary
    assert listing(netns) == before.replace("{ 3, 5 }", "{ 3, 6 }")


@pytest.mark.parametrize("kind, told", [("devices", 'expected "dev"'), ("integers of no rule", "'typeof'")])
def test_what_nobody_tells(untrack, netns, kind, told):
    netns.nft(table(UNTOLD[kind]))
    path = dump(untrack, netns)
    flush(netns)
    refused = untrack(netns, "apply", "--json", path, status=2).error
    assert refused["file"] == str(path) and refused["path"].startswith("/nftables/"), refused
    assert told in refused["message"]
    assert listing(netns) == ""


def test_bitmap_order(untrack, netns):
    """nft lists these elements as the kernel does, and the kernel as they came."""
    netns.nft("table ip t { chain c { tcp flags { syn, syn | ack, fin | psh | ack }; }; }")
    path = dump(untrack, netns)
    flush(netns)
    netns.run("nft", "-j", "-f", path)
    expected = listing(netns)
    flush(netns)
    untrack(netns, "apply", path)
    assert listing(netns) == expected
