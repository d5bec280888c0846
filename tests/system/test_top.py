# SPDX-License-Identifier: GPL-2.0-or-later
"""top counts what conntrack(8) lists, entry for entry."""
import collections
import ipaddress
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from conftest import PYTHON, SANITIZED, TRACKING, wait_until

ENTRIES = pathlib.Path(__file__).with_name("entries.py")
HERE = {"192.0.2.10", "192.0.2.11", "2001:db8::10"}


def give_addresses(ns):
    for address in HERE:
        ns.ip("address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))


def fill(ns, *argv):
    ns.run(PYTHON, ENTRIES, *argv, timeout=300)


class Line:
    """One line of `conntrack -L`, read anew here."""

    def __init__(self, text):
        words = text.split()
        self.protocol = words[0] if words[0] != "unknown" else words[1]
        fields = collections.defaultdict(list)
        for name, value in re.findall(r"(\w+)=(\S+)", text):
            fields[name].append(value)
        self.source, self.reply_destination = fields["src"][0], fields["dst"][1]
        self.destination, self.reply_source = fields["dst"][0], fields["src"][1]
        self.sport, self.dport = (int(fields[n][0]) if fields[n] else 0 for n in ("sport", "dport"))
        self.reply_sport = int(fields["sport"][1]) if fields["sport"] else 0
        self.one_way = "[UNREPLIED]" in text
        self.assured = "[ASSURED]" in text
        self.zone = int(fields["zone"][0]) if fields["zone"] else 0
        self.nat = self.protocol not in ("icmp", "icmpv6") and (
            (self.source, self.sport) != (self.reply_destination,
                                          int((fields["dport"] + [0, 0])[1])) or
            (self.destination, self.dport) != (self.reply_source, self.reply_sport))
        self.state = words[3] if self.protocol == "tcp" else \
            "UNREPLIED" if self.one_way else "ASSURED" if self.assured else "REPLIED"

    @property
    def port_and_address(self):
        # entries.py makes answers that nothing asked for from ports 53 and 123 only.
        reply = self.one_way and self.sport in (53, 123) and self.dport >= 32768
        serves, port = (self.source, self.sport) if reply else (self.destination, self.dport)
        asks = self.destination if reply else self.source
        if serves not in HERE and asks in HERE:
            return port, asks
        return port, serves


def by_hand(ns):
    return [Line(line) for line in ns.entries()]


def expected_groups(lines, key):
    groups = {}
    for line in lines:
        group = groups.setdefault(key(line), collections.Counter())
        group["entries"] += 1
        group["one_way"] += line.one_way
        group["nat"] += line.nat
        group["zone"] += line.zone != 0
    return groups


def got_groups(answer, *names):
    def value(group, name):
        found = group[name]
        return str(ipaddress.ip_address(found)) if name in ("address", "peer") else found

    return {tuple(value(g, n) for n in names):
            collections.Counter({"entries": g["entries"], "one_way": g["one_way"],
                                 "nat": g["untrackable"]["nat"],
                                 "zone": g["untrackable"]["zone"]})
            for g in answer["groups"]}


def test_agrees_with_conntrack_entry_for_entry(untrack, netns):
    give_addresses(netns)
    count = 20_000 if SANITIZED else 100_000
    fill(netns, "mixed", count, 1)
    lines = by_hand(netns)
    assert len(lines) == count
    assert {line.protocol for line in lines} == {"tcp", "udp", "icmp", "icmpv6", "99", "253"}
    got = untrack(netns, "top", "--json").json
    assert got["entries"] == count
    assert got["one_way"] == sum(line.one_way for line in lines)
    assert 0 < got["untrackable"]["nat"] == sum(line.nat for line in lines)
    assert 0 < got["untrackable"]["zone"] == sum(line.zone != 0 for line in lines)
    expected = netns.run("conntrack", "-L", "-u", "EXPECTED").stdout.splitlines()
    assert 0 < got["untrackable"]["expected"] == len(expected)
    assert got_groups(got, "protocol", "port", "address") == expected_groups(
        lines, lambda l: (l.protocol, l.port_and_address[0] or None, l.port_and_address[1]))
    assert abs(sum(g["percent"] for g in got["groups"]) - 100) < 1
    counts = [g["entries"] for g in got["groups"]]
    assert counts == sorted(counts, reverse=True)

    got = untrack(netns, "top", "--json", "--by", "port,state").json
    assert got_groups(got, "protocol", "port", "state") == expected_groups(
        lines, lambda l: (l.protocol, l.port_and_address[0] or None, l.state))
    got = untrack(netns, "top", "--json", "--by", "zone").json
    assert {g["zone"]: g["entries"] for g in got["groups"]} == \
        collections.Counter(line.zone for line in lines)


def test_helpers_are_marked(untrack, pair):
    pair.server.nft("""
table ip t {
	ct helper ftp-in { type "ftp" protocol tcp; }
	chain input {
		type filter hook input priority filter;
		tcp dport 21 ct helper set "ftp-in"
	}
}
""")
    pair.server.serve("echo", "tcp", pair.server4, "21")
    pair.client.ask("tcp", pair.server4, "21", "3")
    (group,) = untrack(pair.server, "top", "--json").json["groups"]
    assert (group["port"], group["address"], group["untrackable"]["helper"]) == (21, pair.server4, 3)
    assert "3 helper" in untrack(pair.server, "top").stdout


@pytest.mark.parametrize("direction", ["", "original ", "reply "])
def test_zones_of_one_direction_are_marked(untrack, pair, direction):
    pair.server.nft(f"""
table ip t {{
	chain pre {{
		type filter hook prerouting priority raw;
		ct {direction}zone set 5
	}}
	chain out {{
		type filter hook output priority raw;
		ct {direction}zone set 5
	}}
}}
""")
    pair.server.serve("echo", "udp", pair.server4, "80")
    pair.client.run(PYTHON, "-c", "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto("
                                  f"b'x', ('{pair.server4}', 80))")
    answer = untrack(pair.server, "top", "--json").json
    assert answer["entries"] == answer["untrackable"]["zone"] > 0


def test_traffic_where_accounting_is_on(untrack, pair):
    pair.server.sysctl("net.netfilter.nf_conntrack_acct", 1)
    pair.server.nft(TRACKING)
    pair.server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "5")
    (group,) = untrack(pair.server, "top", "--json").json["groups"]
    line = " ".join(pair.server.entries())
    assert group["packets"] == sum(int(n) for n in re.findall(r"packets=(\d+)", line)) > 0
    assert group["bytes"] == sum(int(n) for n in re.findall(r"bytes=(\d+)", line)) > 0
    assert "traffic" in untrack(pair.server, "top").stdout


def test_text_has_the_largest_and_the_rest(untrack, netns):
    give_addresses(netns)
    fill(netns, "mixed", 2000, 2)
    text = untrack(netns, "top").stdout
    assert text.startswith("2 000 entries in ")
    groups = untrack(netns, "top", "--json").json["group_count"]
    assert len(text.splitlines()) == 3 + 20 + 1 and groups > 20
    rest = sum(g["entries"]
               for g in untrack(netns, "top", "--json").json["groups"][20:])
    assert f"… and {groups - 20} more with {rest:,} entries".replace(",", " ") in text
    assert len(untrack(netns, "top", "--limit", "3").stdout.splitlines()) == 3 + 3 + 1
    assert len(untrack(netns, "top", "--limit", "0").stdout.splitlines()) == 3 + groups


def test_an_empty_table(untrack, netns):
    assert untrack(netns, "top", "--json").json["groups"] == []
    assert untrack(netns, "top").stdout == "0 entries in 0 groups\n"


def test_unknown_field(untrack, netns):
    error = untrack(netns, "top", "--json", "--by", "adress", status=2).error
    assert "did you mean 'address'?" in error["message"]


# --- watching ------------------------------------------------------------------------------------


# Makes it the terminal of this session, as a shell's is.
CONTROLLING = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, argv, rows=24, columns=80, controlling=False):
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (rows, columns)) if hasattr(termios, "tcsetwinsize") else \
            subprocess.run(["stty", "rows", str(rows), "cols", str(columns)], stdin=slave,
                           check=True)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        if controlling:
            argv = [PYTHON, "-c", CONTROLLING, *argv]
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True)
        self.output = ""

    def read_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += os.read(self.master, 65536).decode()
        return self.output

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_redraws_in_place_and_leaves_the_terminal_as_it_was(untrack, netns, number):
    give_addresses(netns)
    fill(netns, "mixed", 300, 3)
    terminal = Terminal(untrack.argv(netns, "top", "--watch", "--interval", "1"), rows=10)
    try:
        terminal.read_for(1.6)
        os.kill(terminal.process.pid, number)
        assert terminal.process.wait(5) == 0
        output = terminal.read_for(0.2)
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()
    frames = output.split("\x1b[9A")
    assert len(frames) == 2, output
    for frame in frames:
        lines = frame.replace("\r", "").split("\n")
        assert len(lines[:9]) == 9 and "300 entries in" in lines[0]
        assert all(len(re.sub(r"\x1b\[\w", "", line)) <= 80 for line in lines)
    # No mode was changed: moving up, clearing to the end of line and screen is all there is.
    assert set(re.findall(r"\x1b\[[?0-9]*\w", output)) == {"\x1b[9A", "\x1b[K", "\x1b[J"}
    assert "\x1b[?" not in output


def watched(untrack, netns, **more):
    terminal = Terminal(untrack.argv(netns, "top", "--watch", "--interval", "600"), **more)
    terminal.read_for(0.5)
    while "entries in" not in terminal.output:
        terminal.read_for(0.2)
        assert terminal.process.poll() is None, terminal.output
    return terminal


def is_raw(terminal):
    return not termios.tcgetattr(terminal.slave)[3] & (termios.ICANON | termios.ECHO)


@pytest.mark.parametrize("key, ends", [("q", True), ("Q", True), ("\x04", True), ("\x03", True),
                                       ("x", False)])
def test_keys_end_the_watch(untrack, netns, key, ends):
    """As a user has it: the terminal's own process group, which ^C goes to."""
    terminal = watched(untrack, netns, controlling=True)
    try:
        assert is_raw(terminal)
        os.write(terminal.master, key.encode())
        if ends:
            assert terminal.process.wait(5) == 0
            assert termios.tcgetattr(terminal.slave) == terminal.before
            assert key not in terminal.read_for(0.1)
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                terminal.process.wait(0.5)
    finally:
        terminal.close()


def test_a_stopped_watch_gives_the_terminal_back(untrack, netns):
    terminal = watched(untrack, netns, controlling=True)
    try:
        terminal.process.send_signal(signal.SIGTSTP)
        wait_until("it stops", lambda: pathlib.Path(f"/proc/{terminal.process.pid}/stat")
                   .read_text().rsplit(")", 1)[1].split()[0] == "T")
        assert termios.tcgetattr(terminal.slave) == terminal.before
        terminal.process.send_signal(signal.SIGCONT)
        wait_until("it goes on", lambda: is_raw(terminal))
        os.write(terminal.master, b"q")
        assert terminal.process.wait(5) == 0
        assert termios.tcgetattr(terminal.slave) == terminal.before
    finally:
        terminal.close()


def test_watch_without_a_terminal_prints_one_behind_the_other(untrack, netns):
    fill(netns, "mixed", 10, 4)
    process = untrack.start(netns, "top", "--watch", "--interval", "1", "--json",
                            stdout=subprocess.PIPE)
    first, second = process.stdout.readline(), process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0
    process.stdout.close()
    assert json.loads(first)["entries"] == json.loads(second)["entries"] == 10


# --- speed ---------------------------------------------------------------------------------------


def peak(untrack, ns):
    """The most memory that top had, in bytes: it is still there, watching."""
    process = untrack.start(ns, "top", "--watch", "--json", stdout=subprocess.PIPE)
    entries = json.loads(process.stdout.readline())["entries"]
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    process.terminate()
    assert process.wait(5) == 0
    process.stdout.close()
    return entries, int(re.search(r"^VmHWM:\s+(\d+) kB", status, flags=re.M).group(1)) * 1024


def test_memory_does_not_grow_with_entries(untrack, netns):
    give_addresses(netns)
    fill(netns, "web", 100)
    entries, few = peak(untrack, netns)
    assert entries == 101
    fill(netns, "web", 100_000)
    entries, many = peak(untrack, netns)
    assert entries > 100_000
    # Sanitizers put aside what was freed, and shadow it all.
    assert many < few + (64 << 20 if SANITIZED else 1 << 20)
    assert SANITIZED or many < 16 << 20


def processor_seconds(argv):
    process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_takes_little_longer_than_a_bare_receive(untrack, netns):
    """In processor time, which other programs on the machine change little; the best of some."""
    give_addresses(netns)
    fill(netns, "web", 20_000 if SANITIZED else 150_000)
    bare = min(float(netns.run(PYTHON, ENTRIES, "receive").stdout) for _ in range(5))
    ours = min(processor_seconds(untrack.argv(netns, "top", "--json")) for _ in range(5))
    # Sanitizers check every access, and start slowly.
    assert ours < (50 if SANITIZED else 1.25) * bare
