# SPDX-License-Identifier: GPL-2.0-or-later
"""Each code of the lint, twice, on real hosts with real traffic: where the finding is not heeded
its harm happens, and in a twin that the lint lets pass it does not.

flowtable is missing: a kernel without flowtables cannot show what is never offloaded. For it only
the finding is held (tests/unit/lint/saved-flowtable).
"""
import json
import os
import re

import pytest

from conftest import PYTHON, SOURCE, TRAFFIC, Download, Pair, run

ICMP = "meta l4proto { icmp, ipv6-icmp } accept"
FAR = "198.51.100.7"
INNER = "10.0.0.2"


def service(name, port, role="server", protocol="tcp", **rest):
    return {"name": name, "role": role, "protocol": protocol, "ports": [port], **rest}


def policy(*services, **rest):
    return json.dumps({"untrack": 1, "services": list(services), **rest})


def chain(name, hook, *rules, priority="filter", kind="filter", default="accept"):
    text = "".join(f"\t\t{rule}\n" for rule in rules)
    return (f"\tchain {name} {{\n\t\ttype {kind} hook {hook} priority {priority}; "
            f"policy {default};\n{text}\t}}\n")


def table(name, *chains, family="inet"):
    return f"table {family} {name} {{\n{''.join(chains)}}}\n"


def closed(*rules, hook="input"):
    """A chain that lets in what belongs to a connection, and what these rules say."""
    return chain(hook, hook, 'iifname "lo" accept', "ct state established,related accept",
                 "ct state invalid drop", ICMP, *rules, default="drop")


def raw(prerouting=(), output=(), priority="raw"):
    chains = [chain("prerouting", "prerouting", *prerouting, priority=priority)]
    if output:
        chains.append(chain("output", "output", *output, priority=priority))
    return table("own", *chains)


NEW_80 = "tcp dport 80 ct state new accept"
FIREWALL = table("filter", closed(NEW_80))
TRACKING = table("filter", chain("input", "input", "ct state new,established accept"))
WEB = service("web", 80)
WEB_ACCEPT = {**WEB, "accept": True}
IN = ["inet filter input"]


class Street:
    """A client, the host that is linted, and behind it an inner host."""

    def __init__(self, make_netns):
        self.pair = Pair(make_netns)
        self.host, self.client, self.inner = self.pair.server, self.pair.client, make_netns()
        run(["ip", "-n", self.host.name, "link", "add", "eth1", "type", "veth", "peer", "name",
             "eth0", "netns", self.inner.name])
        for ns, device, address in ((self.host, "eth1", "10.0.0.1"), (self.inner, "eth0", INNER)):
            ns.ip("address", "add", f"{address}/24", "dev", device)
            ns.ip("link", "set", device, "up")
        self.inner.ip("route", "add", "default", "via", "10.0.0.1")
        self.client.ip("route", "add", "10.0.0.0/24", "via", Pair.server4)
        self.make_netns = make_netns
        self.downloads = []
        self.sockets = []

    def routes(self):
        self.host.sysctl("net.ipv4.ip_forward", 1)

    def serve(self, *ports, ns=None, protocol="tcp", address="0.0.0.0"):
        for port in ports:
            (ns or self.host).serve("echo", protocol, address, port)

    def answered(self, port, protocol="tcp", source_port=None, address=Pair.server4, ns=None):
        """Is the client's question answered?"""
        more = ["ask_from", source_port] if source_port else ["ask"]
        done = (ns or self.client).run(PYTHON, TRAFFIC, *more, protocol, address, port, 1,
                                       check=False)
        return done.returncode == 0

    def entries(self, port):
        """Of connections that were opened to that port."""
        return [line for line in self.host.entries()
                if re.search(r"dport=(\d+)", line + "dport=0")[1] == str(port)]

    def download(self, port, source_port=0):
        self.host.serve("serve", Pair.server4, port)
        self.downloads.append(Download(self.client, Pair.server4, port, source_port))

    def far(self):
        """Behind the client, over a link that takes shorter packets than the host's."""
        far = self.make_netns()
        run(["ip", "-n", self.client.name, "link", "add", "eth1", "mtu", "1300", "type", "veth",
             "peer", "name", "eth0", "netns", far.name])
        for ns, device, address in ((self.client, "eth1", "198.51.100.1"), (far, "eth0", FAR)):
            ns.ip("address", "add", f"{address}/24", "dev", device)
            ns.ip("link", "set", device, "up")
        far.ip("link", "set", "eth0", "mtu", "1500")
        far.ip("route", "add", "default", "via", "198.51.100.1")
        self.host.ip("route", "add", "198.51.100.0/24", "via", Pair.client4)
        self.client.sysctl("net.ipv4.ip_forward", 1)
        return far


class Scene:
    """code and level: the finding. host: the ruleset there is (nft text, or a function that loads
    it). bad, clean: the documents. harm(street): whether it is there. before: how the street is made
    ready, and what shall run across the change. fine: without a document the harm is not there.
    clean_host, clean_before: for the twin, where it is not the document that is mended."""

    def __init__(self, code, level, host, bad, clean, harm, *, clean_host=None,
                 before=lambda street: None, clean_before=None, fine=False, env=None):
        self.code, self.level, self.harm, self.fine = code, level, harm, fine
        self.twins = {"unheeded": (host, bad, before),
                      "clean": (clean_host or host, clean, clean_before or before)}
        self.env = env


def unanswered(port, **more):
    return lambda street: not street.answered(port, **more)


def serves(*ports, **more):
    return lambda street: street.serve(*ports, **more)


def keeps_entries(port):
    """Entries are made of traffic that was meant to be untracked."""
    def harm(street):
        street.host.run("conntrack", "-F")
        assert street.answered(port)
        return bool(street.entries(port))
    return harm


def asks_itself(street):
    street.host.run("conntrack", "-F")
    street.host.ask("tcp", "127.0.0.1", 80, 1)
    return bool(street.entries(80))


def stalls(street):
    """Nothing comes through the narrow link; it must carry small packets, though."""
    far = street.far()
    street.host.serve("serve", "0.0.0.0", 80)
    done = far.run("timeout", "3", PYTHON, TRAFFIC, "download", Pair.server4, 80, check=False)
    return not any(int(line) for line in done.stdout.split())


def cut(street):
    return not street.downloads[0].goes_on()


def routes_to_inner(street):
    street.routes()
    street.serve(80, ns=street.inner)


def more_than_two(street):
    """Connections that stay open: is a third let in?"""
    source = f"""
import socket, sys
made = []
for port in range(3):
    sock = socket.socket()
    sock.settimeout(1)
    try:
        sock.connect(("{Pair.server4}", 80))
        made.append(sock)
    except OSError:
        pass
print(len(made))
"""
    return int(street.client.run(PYTHON, "-c", source).stdout) > 2


FTP = f"""
import socket, sys
role, address = sys.argv[1:]
if role == "server":
    data, control = socket.create_server((address, 5001)), socket.create_server((address, 21))
    print("ready", flush=True)
    while True:
        line = control.accept()[0]
        line.sendall(b"220 ready\\r\\n")
        line.recv(100)
        where = address.replace(".", ",") + ",19,137"
        line.sendall(f"227 Entering Passive Mode ({{where}}).\\r\\n".encode())
        line.recv(100)
line = socket.create_connection((address, 21), 2)
line.recv(100)
line.sendall(b"PASV\\r\\n")
assert line.recv(100).startswith(b"227")
print("control", flush=True)
socket.create_connection((address, 5001), 2)
print("data")
"""


def starts_ftp(street):
    server = street.host.start(PYTHON, "-c", FTP, "server", Pair.server4, stdout=-1, text=True)
    assert server.stdout.readline() == "ready\n"


def no_data_connection(street):
    done = street.client.run(PYTHON, "-c", FTP, "client", Pair.server4, check=False)
    assert "control" in done.stdout, done.stderr
    return "data" not in done.stdout


def starts_synproxy(street):
    street.serve(80, 443)
    street.host.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)


def reversed_entry(street):
    assert street.answered(53, protocol="udp")
    return any("[UNREPLIED]" in line and "sport=53" in line for line in street.host.entries())


def flushes_firewall(street):
    """The other program writes its table anew, as it does on a reload."""
    text = street.host.run("nft", "list", "table", "inet", "firewalld").stdout
    kept = [line for line in text.splitlines() if 'comment "untrack ' not in line]
    street.host.nft("delete table inet firewalld\n" + "\n".join(kept))
    return not street.answered(80)


def loosely(value):
    def before(street):
        street.download(80)
        street.host.sysctl("net.netfilter.nf_conntrack_tcp_loose", value)
    return before


def kept_peer_untracked(street):
    street.host.run("conntrack", "-F")
    assert street.answered(80)
    return not street.entries(80)


FTP_HOST = table("filter", '\tct helper ftp {\n\t\ttype "ftp" protocol tcp;\n\t}\n',
                 chain("early", "prerouting", 'tcp dport 21 ct helper set "ftp"'),
                 closed("tcp dport { 21, 80 } accept"))
SYNPROXY_HOST = table(
    "shield", chain("early", "prerouting", "tcp dport 80 tcp flags syn notrack", priority="raw"),
    chain("in", "input", "tcp dport 80 ct state invalid,untracked "
          "synproxy mss 1460 wscale 7 timestamp sack-perm", "tcp dport 80 ct state invalid drop"))
NAT_HOST = TRACKING + table("nat", chain("in", "prerouting", "tcp dport 80 redirect to :8080",
                                         kind="nat", priority="dstnat"))
ROUTER = table("filter", closed("tcp dport 80 accept"),
               closed('iifname "eth0" accept', hook="forward"))
FIREWALLD = table("firewalld", closed(NEW_80).replace("chain input", "chain filter_INPUT"))
BLACKLISTED = f"ip saddr {Pair.client4} drop"
SOURCE_53 = service("dns", 53, "client", "udp")
SESSION = {"SSH_CONNECTION": f"{Pair.client4} 50022 {Pair.server4} 22"}
ONE_WAY = raw(["udp dport 53 notrack"])
BOTH_WAYS = raw(["udp dport 53 notrack"], ["udp sport 53 notrack"])
TWO_AT_MOST = "tcp dport 80 ct state new ct count over 2 reject with tcp reset"


def iptables_raw(street):
    street.host.nft(TRACKING)
    street.host.run("iptables-nft", "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "--dport", "80",
                    "-j", "CT", "--notrack")


def tracks(street):
    street.host.nft(TRACKING)


SCENES = [
    Scene("no-accept", "error", FIREWALL, policy(WEB), policy(WEB_ACCEPT, accept_in=IN),
          unanswered(80), before=serves(80), fine=True),
    Scene("nat", "error", NAT_HOST, policy(WEB), policy(service("tls", 443)),
          unanswered(80), before=serves(8080), fine=True),
    Scene("template", "error",
          TRACKING + table("zones", chain("in", "prerouting", "tcp dport 80 ct zone set 7",
                                          priority="-310")),
          policy(WEB), policy(WEB), keeps_entries(80), before=serves(80),
          clean_host=TRACKING + table("zones", chain("in", "prerouting",
                                                     "tcp dport 81 ct zone set 7",
                                                     priority="-310"))),
    Scene("priority", "error", TRACKING,
          raw(["tcp dport 80 notrack"], ["tcp sport 80 notrack"], priority="-150"),
          raw(["tcp dport 80 notrack"], ["tcp sport 80 notrack"]),
          keeps_entries(80), before=serves(80)),
    Scene("hook", "error", TRACKING,
          table("own", chain("input", "input", "tcp dport 80 notrack"),
                chain("output", "output", "tcp sport 80 notrack", priority="raw")),
          raw(["tcp dport 80 notrack"], ["tcp sport 80 notrack"]),
          keeps_entries(80), before=serves(80)),
    Scene("synproxy", "error", SYNPROXY_HOST, policy(WEB), policy(service("tls", 443)),
          unanswered(80), before=starts_synproxy, fine=True),
    Scene("helper", "error", FTP_HOST, policy(service("ftp", 21)), policy(WEB),
          no_data_connection, before=starts_ftp, fine=True),
    Scene("management", "error", table("filter", closed("tcp dport 22 ct state new accept",
                                                        "tcp dport 80 accept")),
          policy(service("shell", 22)), policy(WEB), cut,
          before=lambda street: street.download(22, 50022), env=SESSION),
    Scene("regenerated", "error", FIREWALLD,
          policy(WEB_ACCEPT, accept_in=["inet firewalld filter_INPUT"]), policy(WEB_ACCEPT),
          flushes_firewall, before=serves(80),
          clean_host=FIREWALLD.replace(NEW_80, "tcp dport 80 ct state new,untracked accept")),
    Scene("one-way", "warning", TRACKING, ONE_WAY, BOTH_WAYS, reversed_entry,
          before=serves(53, protocol="udp")),
    Scene("icmp-error", "warning",
          table("filter", chain("input", "input", "ct state invalid drop")),
          policy(WEB), policy(WEB), stalls,
          clean_host=table("filter", chain("input", "input",
                                           "icmp type destination-unreachable accept",
                                           "icmpv6 type { destination-unreachable, "
                                           "packet-too-big } accept",
                                           "ct state invalid drop"))),
    Scene("loopback", "warning", TRACKING, raw(['iifname "lo" tcp dport 80 notrack',
                                                'iifname "lo" tcp sport 80 notrack']),
          raw([], ['oifname "lo" tcp dport 80 notrack',
                                         'oifname "lo" tcp sport 80 notrack']),
          asks_itself, before=serves(80)),
    Scene("state-in-raw", "warning", TRACKING,
          raw(["tcp dport 80 ct state new,established notrack"],
              ["tcp sport 80 ct state new,established notrack"]),
          raw(["tcp dport 80 notrack"], ["tcp sport 80 notrack"]),
          keeps_entries(80), before=serves(80)),
    Scene("ct-match", "warning", table("filter", chain("input", "input", TWO_AT_MOST)),
          policy(WEB), policy(service("tls", 443)), more_than_two,
          before=lambda street: street.host.serve("serve", "0.0.0.0", 80), fine=True),
    Scene("broad-accept", "warning",
          table("filter", closed("ct state untracked accept")), policy(SOURCE_53),
          policy({**SOURCE_53, "peers": [FAR]}),
          lambda street: street.answered(9000, protocol="udp", source_port=53),
          before=serves(9000, protocol="udp"),
          clean_host=table("filter", closed(f"ip saddr {FAR} udp sport 53 ct state untracked "
                                            "accept"))),
    Scene("forwarded", "warning", ROUTER, policy(WEB),
          policy({**WEB, "addresses": [Pair.server4]}), unanswered(80, address=INNER),
          before=routes_to_inner, fine=True),
    Scene("loose", "warning", table("filter", closed("tcp dport 80 accept")) +
          raw(["tcp dport 80 notrack"], ["tcp sport 80 notrack"]),
          raw(["tcp dport 443 notrack"], ["tcp sport 443 notrack"]),
          raw(["tcp dport 443 notrack"], ["tcp sport 443 notrack"]), cut, before=loosely(0),
          clean_before=loosely(1)),
    Scene("raw-coexist", "warning", iptables_raw,
          policy(service("tls", 443), keep_tracked=[{"peers": [Pair.client4]}]),
          policy(service("tls", 443), keep_tracked=[{"peers": [Pair.client4]}]),
          kept_peer_untracked, before=serves(80), clean_host=tracks),
    Scene("bypass", "warning", table("filter", closed(BLACKLISTED, NEW_80)),
          policy(WEB_ACCEPT, accept_in=[{"chain": IN[0], "position": "first"}]),
          policy(WEB_ACCEPT, accept_in=IN), lambda street: street.answered(80), before=serves(80),
          fine=True, clean_host=table("filter", closed(NEW_80).replace(
              'iifname "lo" accept', BLACKLISTED))),
]


@pytest.fixture
def street(make_netns):
    return Street(make_netns)


def forced(findings):
    codes = sorted({found["code"] for found in findings if found["severity"] == "error"})
    return ["--force-lint", ",".join(codes)] if codes else []


def findings_of(untrack, street, path, env):
    result = untrack(street.host, "check", "--json", path, status=None, env=env)
    findings = result.json["findings"]
    errors = any(found["severity"] == "error" for found in findings)
    assert result.status == int(errors) and result.json["ok"] == (not errors), result
    return findings


@pytest.mark.parametrize("twin", ["unheeded", "clean"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.code)
def test_harm(untrack, street, scene, twin):
    host, document, before = scene.twins[twin]
    env = {**os.environ, **(scene.env or {})}
    if callable(host):
        host(street)
    else:
        street.host.nft(host)
    before(street)
    if scene.fine:
        assert not scene.harm(street)
    path = untrack.file(document)
    findings = findings_of(untrack, street, path, env)
    found = {one["code"]: one["severity"] for one in findings}
    if twin == "clean":
        assert scene.code not in found and "error" not in found.values(), findings
    else:
        assert found.get(scene.code) == scene.level, findings
    if forced(findings) and document.startswith("{"):
        refused = untrack(street.host, "apply", path, status=2, env=env)
        for one in findings:
            told = f"{one['code']}: " in refused.stderr
            assert told == (one["severity"] == "error"), refused
        assert "nothing was changed" in refused.stderr, refused
        assert not street.host.has_table()
    untrack(street.host, "apply", *(forced(findings) if document.startswith("{") else []), path,
            env=env)
    assert scene.harm(street) == (twin == "unheeded")


def test_without_tracking_there_is_nothing_to_gain(untrack, street):
    """no-tracking: the same traffic makes no entries, document or not."""
    street.serve(80)
    path = untrack.file(policy(WEB))
    assert street.answered(80) and not street.entries(80)
    found = {one["code"]: one["severity"] for one in findings_of(untrack, street, path, None)}
    assert found == {"no-tracking": "note"}
    street.host.nft(TRACKING)
    assert street.answered(80) and street.entries(80)
    assert "no-tracking" not in {one["code"] for one in findings_of(untrack, street, path, None)}


def test_every_code_has_its_harm():
    """Of those that the manual lists; flowtable is held by a saved ruleset alone."""
    page = (SOURCE / "src/cli/man/untrack.8").read_text()
    table_of_codes = page[page.index(".Sh FINDINGS"):]
    listed = set(re.findall(r"^\.It Cm ([a-z-]+) Pq", table_of_codes.replace("\\-", "-"), re.M))
    assert listed == {scene.code for scene in SCENES} | {"flowtable", "no-tracking"}
