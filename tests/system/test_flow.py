# SPDX-License-Identifier: GPL-2.0-or-later
"""flow: what stands in a packet's way, and in which order.

Golden files are in golden/; UNTRACK_UPDATE_GOLDEN=1 writes them anew.
"""
import itertools
import os
import pathlib
import random
import re
import xml.etree.ElementTree

import pytest
from conftest import PYTHON, run

GOLDEN = pathlib.Path(__file__).with_name("golden")

FIREWALL = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iifname "lo" accept
		tcp dport { 22, 80 } accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
	}
	chain output {
		type filter hook output priority filter;
		ct state invalid drop
	}
}
table ip nat {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		tcp dport 8080 dnat to 10.0.0.2:80
	}
	chain docker {
		type nat hook prerouting priority dstnat - 10;
	}
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "eth0" masquerade
	}
}
table netdev guard {
	chain early {
		type filter hook ingress device "eth0" priority -500;
		ip saddr 192.0.2.66 drop
	}
	chain out {
		type filter hook egress device "eth0" priority 0;
		counter
	}
}
table ip late {
	chain pre {
		type filter hook prerouting priority mangle;
		udp dport 514 notrack
	}
}
table bridge b {
	chain forward {
		type filter hook forward priority 0;
		counter
	}
}
table arp a {
	chain input {
		type filter hook input priority 0;
		counter
	}
}
"""

SERVICES = [
    {"name": "web", "role": "server", "protocol": "tcp", "ports": [80, 443], "accept": True},
    {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53]},
    {"name": "nfs", "role": "client", "protocol": "tcp", "ports": [2049], "peers": ["10.0.0.0/8"]},
    {"name": "vxlan", "role": "peer", "protocol": "udp", "ports": [4789]},
    {"name": "balancer", "role": "forward", "protocol": "tcp", "ports": [80],
     "addresses": ["1.2.3.4"]},
]


def golden(name, text):
    path = GOLDEN / name
    if os.environ.get("UNTRACK_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"differs from {path}; see UNTRACK_UPDATE_GOLDEN"


@pytest.fixture
def busy(untrack, pair):
    """A host with something at every hook."""
    ns = pair.server
    run(["tc", "-n", ns.name, "qdisc", "add", "dev", "eth0", "clsact"])
    ns.nft(FIREWALL)
    ns.run("iptables-legacy", "-t", "mangle", "-A", "FORWARD", "-p", "tcp", "-j", "TCPMSS",
           "--clamp-mss-to-pmtu", "--tcp-flags", "SYN,RST", "SYN")
    ns.run("ip6tables-legacy", "-t", "mangle", "-L")
    untrack(ns, "apply", untrack.policy(*SERVICES, accept_in=["inet filter input"]),
            "--force-lint", "nat,no-accept,forwarded")
    return ns


def stages(answer, hook, lane="ip"):
    (found,) = [h for h in answer["hooks"] if (h["lane"], h["hook"]) == (lane, hook)]
    return found["stages"]


def titles(answer, hook, lane="ip"):
    return [s["title"] for s in stages(answer, hook, lane)]


def test_text(untrack, busy):
    text = untrack(busy, "flow").stdout
    assert max(map(len, text.splitlines())) <= 100
    golden("flow.txt", text)


def test_an_empty_namespace(untrack, netns):
    golden("flow-empty.txt", untrack(netns, "flow").stdout)
    answer = untrack(netns, "flow", "--json").json
    assert answer["tracking"] == {"ip": "off", "ip6": "off"} and answer["services"] == []


def test_json(untrack, busy):
    answer = untrack(busy, "flow", "--json").json
    assert answer["tracking"] == {"ip": "on", "ip6": "on"}
    assert [j["hooks"] for j in answer["journeys"]] == [
        ["ingress", "prerouting", "input"],
        ["ingress", "prerouting", "forward", "postrouting", "egress"],
        ["output", "postrouting", "egress"]]
    assert titles(answer, "prerouting") == [
        "defragmentation", "inet untrack prerouting", "connection tracking",
        "iptables, ip6tables mangle", "ip late pre", "destination NAT", "ip nat docker",
        "ip nat prerouting"]
    assert titles(answer, "ingress") == ["XDP", "tc ingress", "netdev guard early"]
    assert titles(answer, "egress") == ["netdev guard out", "tc egress"]
    assert titles(answer, "forward", "bridge") == ["bridge b forward"]
    assert titles(answer, "input", "arp") == ["arp a input"]
    by_title = {s["title"]: s for h in answer["hooks"] for s in h["stages"]}
    assert by_title["inet untrack prerouting"]["untracks"] == "yes"
    assert by_title["ip late pre"]["untracks"] == "in vain"
    assert by_title["inet filter input"]["untracks"] == "no"
    assert by_title["inet filter input"]["policy"] == "drop"
    assert by_title["netdev guard early"]["devices"] == "eth0"
    assert by_title["XDP"]["activity"] == "off" and by_title["tc ingress"]["activity"] == "on"


def test_where_each_service_becomes_untracked(untrack, busy):
    answer = untrack(busy, "flow", "--json").json
    places = {s["name"]: {p["hook"] for p in s["untracked_at"]} for s in answer["services"]}
    both = {"prerouting", "output"}
    assert places == {"web": both, "dns": both, "nfs": both, "vxlan": both,
                      "balancer": {"prerouting"}}
    assert all(p["priority"] == -300 for s in answer["services"] for p in s["untracked_at"])


# --- the picture ---------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def test_picture(untrack, busy):
    text = untrack(busy, "flow", "--svg").stdout
    golden("flow.svg", text)
    root = xml.etree.ElementTree.fromstring(text)
    words = ["".join(t.itertext()) for t in root.iter(f"{SVG}text")]
    answer = untrack(busy, "flow", "--json").json
    for hook in answer["hooks"]:
        for stage in hook["stages"]:
            assert stage["title"] in words
    width, height = int(root.get("width")), int(root.get("height"))
    boxes = [tuple(int(r.get(n)) for n in ("x", "y", "width", "height"))
             for r in root.iter(f"{SVG}rect")]
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)


def test_cards_of_the_picture_do_not_overlap(untrack, busy):
    root = xml.etree.ElementTree.fromstring(untrack(busy, "flow", "--svg").stdout)
    for kinds in ({"card", "pill"}, {"kernel", "off", "chain", "legacy", "untrack", "vain"}):
        boxes = [tuple(int(r.get(n)) for n in ("x", "y", "width", "height"))
                 for r in root.iter(f"{SVG}rect") if r.get("class") in kinds]
        assert len(boxes) > 8
        for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(boxes, 2):
            assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


def test_json_or_picture(untrack, netns):
    assert "--svg" in untrack(netns, "flow", "--svg", "--json", status=2).error["message"]


# --- the order is the kernel's ---------------------------------------------------------------------

def test_order_is_what_packets_meet(untrack, netns):
    """Each chain shifts its number into the mark; the last one keeps what has come together."""
    rng = random.Random(6)
    for _ in range(8):
        netns.nft("flush ruleset")
        numbers, table = {}, None
        for number in rng.sample(range(1, 8), 7):
            # The kernel does not tell when a chain was made; tables are listed by their age.
            table = table if table and rng.random() < 0.4 else \
                f"{rng.choice(['ip', 'inet'])} t{number}"
            numbers[f"{table} c{number}"] = number
            netns.nft(f"table {table} {{ chain c{number} {{\n"
                      f"type filter hook output priority {rng.choice([-150, -10, 0, 0, 0, 5])};\n"
                      "meta mark set meta mark << 4\n"
                      f"meta mark set meta mark or {number}\n}}; }}")
        netns.nft("""
table ip last {
	set seen {
		type mark
		flags dynamic
		size 4
	}
	chain last {
		type filter hook output priority 1000;
		add @seen { meta mark }
	}
}
""")
        netns.run(PYTHON, "-c", "import socket; s = socket.socket(type=socket.SOCK_DGRAM); "
                                "s.sendto(b'x', ('127.0.0.1', 9))")
        seen = re.search(r"elements = \{ 0x([0-9a-f]+)",
                         netns.run("nft", "list", "set", "ip", "last", "seen").stdout).group(1)
        told = titles(untrack(netns, "flow", "--json").json, "output")
        assert [numbers[t] for t in told if t in numbers] == [int(d, 16) for d in seen.lstrip("0")]


# --- whether tracking is on -------------------------------------------------------------------------

SEND = ("import socket\n"
        "for f, a in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):\n"
        "    socket.socket(f, socket.SOCK_DGRAM).sendto(b'x', (a, 9))\n")


@pytest.mark.parametrize("ruleset", [
    "table ip t { chain c { type nat hook postrouting priority 100; }; }",
    "table ip t { chain c { type filter hook input priority 0; notrack; }; }",
    "table ip t { chain c { ct state new; }; }",
    "table ip6 t { chain c { ct state new; }; }",
    "table inet t { chain c { type filter hook input priority 0; meta l4proto tcp ct count 5; }; }",
    "table ip t { set s { type ipv4_addr; flags dynamic; size 10; }; chain c { type filter hook "
    "input priority 0; add @s { ip saddr ct count over 5 }; }; }",
    'table ip t { ct helper h { type "ftp" protocol tcp; }; }',
    "table ip t { ct timeout h { protocol tcp; policy = { established : 100 }; }; }",
    "table ip t { chain c { type filter hook input priority 0; meta l4proto tcp synproxy; }; }",
    "table ip t { chain c { type filter hook prerouting priority 0; meta l4proto tcp tproxy to :80; "
    "}; }",
    "table ip t { flags dormant; chain c { type filter hook input priority 0; ct state new; }; }",
    "table inet t { chain c { type filter hook input priority 0; counter; }; }",
    "table ip t { chain c { type nat hook prerouting priority 0; tcp dport 1 redirect to :2; }; }",
])
def test_tracking_is_on_where_entries_come(untrack, netns, ruleset):
    netns.nft(ruleset.replace("; }", "\n}").replace("synproxy", "synproxy mss 1460"))
    netns.run(PYTHON, "-c", SEND)
    came = {"ip": "off", "ip6": "off"}
    for line in netns.entries():
        came["ip6" if "src=::1" in line else "ip"] = "on"
    assert untrack(netns, "flow", "--json").json["tracking"] == came


def test_rules_of_legacy_tables(untrack, netns):
    for argv in ("iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j CT --notrack",
                 "iptables-legacy -t raw -A OUTPUT -p tcp --sport 80 -j DOCUMENTED",
                 "ip6tables-legacy -t raw -A OUTPUT -p tcp --sport 80 -j CT --notrack",
                 "iptables-legacy -t mangle -A FORWARD -j MARK --set-mark 1"):
        if "DOCUMENTED" in argv:
            netns.run("iptables-legacy", "-t", "raw", "-N", "DOCUMENTED")
            netns.run(*"iptables-legacy -t raw -A DOCUMENTED -j CT --notrack".split())
        netns.run(*argv.split())
    answer = untrack(netns, "flow", "--json").json
    assert answer["tracking"] == {"ip": "off", "ip6": "off"}
    (raw,) = [s for s in stages(answer, "prerouting") if s["kind"] == "legacy" and
              s["table"] == "raw"]
    assert raw["untracks"] == "yes" and raw["families"] == ["ip", "ip6"]
    (raw,) = [s for s in stages(answer, "output") if s["kind"] == "legacy" and
              s["table"] == "raw"]
    assert raw["untracks"] == "yes"
    (mangle,) = [s for s in stages(answer, "forward") if s["kind"] == "legacy"]
    assert mangle["untracks"] == "no"


@pytest.mark.parametrize("argv", [
    "iptables-legacy -t nat -L",
    "iptables-legacy -t raw -A PREROUTING -s 1.2.3.4 -j CT --notrack",
    "iptables-legacy -A INPUT -m conntrack --ctstate NEW",
    "iptables-legacy -t mangle -A INPUT -j CONNMARK --save-mark",
    "ip6tables-legacy -A INPUT -m state --state NEW",
    "iptables-legacy -t nat -A PREROUTING -p tcp --dport 1 -j REDIRECT --to-ports 2",
    "iptables-nft -t raw -A PREROUTING -s 1.2.3.4 -j CT --notrack",
    "iptables-nft -t raw -A PREROUTING -s 1.2.3.4 -j CT --zone 3",
    "iptables-nft -A INPUT -m conntrack --ctstate NEW",
    "iptables-nft -A INPUT -m connmark --mark 1",
    "ip6tables-nft -t mangle -A INPUT -j CONNMARK --save-mark",
    "iptables-nft -t nat -A PREROUTING -p tcp --dport 1 -j REDIRECT --to-ports 2",
    "iptables-nft -A INPUT -p tcp -m multiport --dports 1,2",
])
def test_tracking_that_iptables_turns_on(untrack, netns, argv):
    netns.run(*argv.split())
    netns.run(PYTHON, "-c", SEND)
    came = {"ip": "off", "ip6": "off"}
    for line in netns.entries():
        came["ip6" if "src=::1" in line else "ip"] = "on"
    assert untrack(netns, "flow", "--json").json["tracking"] == came


def test_many_services_and_long_names(untrack, netns):
    """All services are told, and both names of a chain, in 100 columns and inside of the picture."""
    names = [f"service-{number}" for number in range(12)] + ["a" * 64]
    untrack(netns, "apply", untrack.policy(*(
        {"name": name, "role": "server", "protocol": "tcp", "ports": [1000 + number]}
        for number, name in enumerate(names))))
    netns.nft(f"table ip table-{'t' * 60} {{ chain chain-{'c' * 60} {{ type filter hook input "
              "priority 0; }; }")
    text = untrack(netns, "flow").stdout
    assert max(map(len, text.splitlines())) <= 100
    assert "ip table-" in text and "… chain-" in text
    words = "".join(text.split())
    assert all(name in words for name in names)
    picture = untrack(netns, "flow", "--svg").stdout
    shown = re.findall(r'class="yes"[^>]*>([^<]*)<', picture)
    assert shown and max(map(len, shown)) <= 36
    assert all(name in "".join(shown).replace(" ", "") for name in names)
