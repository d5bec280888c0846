# SPDX-License-Identifier: GPL-2.0-or-later
"""The load that fills a connection table, with the programs that make it: ab against nginx, with ssh
and DNS beside it; and untrack's way out of it, from the first look to the policy applied."""
import json
import re
import shutil
import subprocess

import pytest
from conftest import STATEFUL_FILTER, TRACKING, wait_until

REQUESTS, AT_ONCE = 5000, 1000
NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
	access_log off;
	client_body_temp_path {directory}/t1;
	proxy_temp_path {directory}/t2;
	fastcgi_temp_path {directory}/t3;
	uwsgi_temp_path {directory}/t4;
	scgi_temp_path {directory}/t5;
	server {{ listen 192.0.2.10:80 backlog=4096; location / {{ return 200 "hello\\n"; }} }}
}}
"""
NEEDED = ("nginx", "ab", "dropbear", "dbclient", "dropbearkey", "dnsmasq", "conntrack")
pytestmark = pytest.mark.skipif(any(not shutil.which(p) for p in NEEDED),
                                reason=f"needs {', '.join(NEEDED)}")


def ask_dns(client, count):
    """A query each from a port of its own."""
    client.run("/usr/bin/python3", "-c", f"""
import socket, struct
for number in range({count}):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect(("192.0.2.10", 53))
        s.send(struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + b"\\4host\\4test\\0" +
               struct.pack(">2H", 1, 1))
        assert s.recv(512)[:2] == struct.pack(">H", number)
""")


class Site:
    """nginx, a name server and an ssh server, and who asks them."""

    def __init__(self, pair, directory):
        self.server, self.client = pair.server, pair.client
        self.directory = directory
        config, key = directory / "nginx.conf", directory / "host-key"
        config.write_text(NGINX.format(directory=directory))
        for path, where in ((key, "-f"), (directory / "id", "-f")):
            subprocess.run(["dropbearkey", "-t", "ed25519", where, path], check=True,
                           capture_output=True)
        self.quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.server.start("prlimit", "--nofile=8192", "nginx", "-e", directory / "error.log", "-c",
                          config, **self.quiet)
        self.server.start("dropbear", "-F", "-E", "-r", key, "-p", "192.0.2.10:22", "-P",
                          directory / "dropbear.pid", **self.quiet)
        self.server.start("dnsmasq", "-k", "-C", "/dev/null", "-R", "-h", "-p", "53", "-u", "root",
                          "--pid-file=", "--listen-address=192.0.2.10", "--bind-interfaces",
                          "--address=/test/192.0.2.99", **self.quiet)
        wait_until("all three listen", lambda: self.server.run(
            "ss", "-Hltn", "sport = :80 or sport = :22 or sport = :53").stdout.count("LISTEN") >= 3,
            timeout=30)

    def ssh(self):
        """A session that stays: it asks for a password, which nobody gives."""
        self.client.start("dbclient", "-y", "-y", "root@192.0.2.10", **self.quiet,
                          env={"HOME": str(self.directory), "PATH": "/usr/bin:/bin"})

    def load(self, requests=REQUESTS):
        return self.client.run("prlimit", "--nofile=8192", "ab", "-r", "-s", "60", "-c",
                               min(AT_ONCE, requests), "-n", requests, "http://192.0.2.10/",
                               timeout=300).stdout


def entries(ns, port):
    return sum(f"dport={port} " in line for line in ns.entries())


def count_in(text, pattern):
    """A number with spaces between its thousands."""
    return int(re.search(pattern, text)[1].replace(" ", ""))


@pytest.mark.parametrize("firewall, options", [(TRACKING, ()), (STATEFUL_FILTER, ("--accept-in",))],
                         ids=["open", "firewall"])
def test_the_articles_load(untrack, pair, tmp_path, firewall, options):
    pair.server.nft(firewall.replace("tcp dport { 22, 80 }", "meta l4proto { tcp, udp }"))
    site = Site(pair, tmp_path)
    for _ in range(3):
        site.ssh()
    wait_until("ssh is connected", lambda: entries(pair.server, 22) == 3, timeout=30)
    ask_dns(pair.client, 20)
    assert "Failed requests:        0" in site.load()
    server = pair.server
    # Not all: a client's port that comes again has its entry already (5 000 picks among 28 232 ports are
    # about 4 580 different ones at the least). More: ab has connections open when it has enough.
    assert entries(server, 80) >= REQUESTS * 9 // 10
    top = untrack(server, "top", "--json").json["groups"][0]
    assert (top["protocol"], top["port"], top["address"]) == ("tcp", 80, "192.0.2.10")

    suggested = untrack(server, "suggest", *options)
    policy = json.loads(suggested.stdout)
    assert [(s["protocol"], s["ports"]) for s in policy["services"]] == [("tcp", [80])]
    freed = count_in(policy["services"][0]["comment"], r"frees ([\d ]*\d)")
    assert REQUESTS * 9 // 10 <= freed <= REQUESTS + AT_ONCE
    document = untrack.file(suggested.stdout)
    told = untrack(server, "diff", document, status=1)
    assert REQUESTS * 9 // 10 <= count_in(told.stderr, r"--purge would delete ([\d ]*\d)") <= freed
    untrack(server, "apply", "--purge", document)
    # At once: what remains of ssh and DNS.
    assert entries(server, 80) == 0
    assert entries(server, 22) == 3 and entries(server, 53) == 20
    assert server.entry_count() == 23
    assert "Failed requests:        0" in site.load(500)
    assert server.entry_count() == 23
    (web,) = untrack(server, "status", "--json").json["services"]
    assert web["prerouting"]["packets"] > 1000 and web["output"]["packets"] > 1000
    assert not web["one_way"]
