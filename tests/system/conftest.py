# SPDX-License-Identifier: GPL-2.0-or-later
"""What every system test stands on: network namespaces, the program, and looks at the kernel.

The program under test is told by UNTRACK (its path) and UNTRACK_BUILD (the build directory);
without them the newest build under the source tree is taken.
"""
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TRAFFIC = pathlib.Path(__file__).with_name("traffic.py")
PYTHON = "/usr/bin/python3"
_numbers = itertools.count(1)


def _find_build():
    if "UNTRACK_BUILD" in os.environ:
        return pathlib.Path(os.environ["UNTRACK_BUILD"]).resolve()
    if "UNTRACK" in os.environ:
        return pathlib.Path(os.environ["UNTRACK"]).resolve().parents[2]
    builds = sorted(SOURCE.glob("build*/src/cli/untrack"), key=lambda p: p.stat().st_mtime)
    if not builds:
        raise RuntimeError("no build found: set UNTRACK to the program's path")
    return builds[-1].parents[2]


BUILD = _find_build()
UNTRACK = pathlib.Path(os.environ.get("UNTRACK", BUILD / "src/cli/untrack")).resolve()


def pytest_configure(config):
    if os.geteuid() != 0:
        pytest.exit("root is needed: the tests make network namespaces", returncode=2)


def run(argv, *, check=True, input=None, timeout=60, env=None, text=True):
    """Runs a command to its end; its output is shown when it fails although it should not."""
    argv = [a if isinstance(a, bytes) else str(a) for a in argv]
    done = subprocess.run(argv, input=input, capture_output=True, timeout=timeout, env=env,
                          text=text, stdin=subprocess.DEVNULL if input is None else None)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: status {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done


def wait_until(what, condition, timeout=10.0, pause=0.02):
    """Waits for a condition; what it returned when it became true is the result."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(pause)


def is_sanitized():
    options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


# Loops run at full count in the normal build; sanitizers make each turn several times slower.
SANITIZED = is_sanitized()


class Netns:
    """A network namespace with lo up. close() ends what runs in it and deletes it."""

    def __init__(self):
        self.name = f"untrack-{os.getpid()}-{next(_numbers)}"
        self._processes = []
        run(["ip", "netns", "add", self.name])
        run(["ip", "-n", self.name, "link", "set", "lo", "up"])

    @property
    def path(self):
        return f"/run/netns/{self.name}"

    def prefix(self):
        return ["ip", "netns", "exec", self.name]

    def run(self, *argv, **more):
        return run(self.prefix() + list(argv), **more)

    def ip(self, *argv):
        return run(["ip", "-n", self.name, *argv])

    def start(self, *argv, **more):
        """Starts a process in the namespace; it ends with it at the latest."""
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.prefix() + [str(a) for a in argv], **more)
        self._processes.append(process)
        return process

    def traffic(self, *argv, **more):
        """traffic.py in the namespace, its standard output open for reading."""
        return self.start(PYTHON, TRAFFIC, *argv, stdout=subprocess.PIPE, text=True, **more)

    def serve(self, *argv):
        """A server of traffic.py; returns once it listens."""
        server = self.traffic(*argv)
        assert server.stdout.readline() == "ready\n"
        return server

    def ask(self, *argv):
        """Asks an echo server; fails if an answer is missing."""
        return self.run(PYTHON, TRAFFIC, "ask", *argv)

    # --- nf_tables

    def nft(self, script):
        return self.run("nft", "-f", "-", input=script)

    def listing(self, *what):
        """`nft list …` without what packets move (counters in use are shown as they are)."""
        return self.run("nft", "-s", "list", *(what or ("ruleset",))).stdout

    def listing_with_handles(self, *what):
        return self.run("nft", "-a", "list", *(what or ("ruleset",))).stdout

    def nft_json(self, *what):
        text = self.run("nft", "-j", "-a", "list", *(what or ("ruleset",))).stdout
        return json.loads(text)["nftables"]

    def state(self, *what, comments=True):
        """The ruleset without what has no meaning: handles, counts, the order of all but rules."""
        objects, rules = [], []
        for item in self.nft_json(*what):
            (kind, body), = item.items()
            if kind == "metainfo":
                continue
            for key in ("handle", "packets", "bytes"):
                body.pop(key, None)
            if not comments and kind == "table":
                body.pop("comment", None)
            if isinstance(body.get("elem"), list):
                body["elem"].sort(key=repr)
            (rules if kind == "rule" else objects).append((kind, body))
        return sorted(objects, key=repr), sorted(rules, key=lambda r: (r[1]["family"],
                                                                       r[1]["table"],
                                                                       r[1]["chain"]))

    def counters(self, table="inet untrack"):
        """{counter name: packets} of a table's named counters."""
        family, name = table.split()
        return {o["counter"]["name"]: o["counter"]["packets"]
                for o in self.nft_json("counters", "table", family, name) if "counter" in o}

    def has_table(self, table="inet untrack"):
        return f"table {table}" in self.run("nft", "list", "tables").stdout.splitlines()

    def generation(self):
        """The ruleset's generation, as `nft monitor` would report it."""
        return int(self.run(PYTHON, TRAFFIC, "generation").stdout)

    # --- connection tracking

    def sysctl(self, name, value=None):
        if value is None:
            return self.run("sysctl", "-n", name).stdout.strip()
        return self.run("sysctl", "-q", "-w", f"{name}={value}")

    def entries(self):
        """The lines of the connection table."""
        return self.run("conntrack", "-L").stdout.splitlines()

    def entry_count(self):
        return int(self.sysctl("net.netfilter.nf_conntrack_count"))

    def close(self):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
        for process in self._processes:
            process.wait()
            for stream in (process.stdout, process.stderr, process.stdin):
                if stream:
                    stream.close()
        pids = run(["ip", "netns", "pids", self.name], check=False).stdout.split()
        for pid in pids:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run(["ip", "netns", "del", self.name], check=False)


class Result:
    """What a run of the program gave. `json` is the one object on standard output."""

    def __init__(self, argv, done):
        self.argv = argv
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr

    @property
    def json(self):
        value = json.loads(self.stdout)  # raises on anything beside one value
        assert isinstance(value, dict), self
        return value

    @property
    def error(self):
        value = self.json
        assert list(value) == ["error"], self
        assert {"code", "message", "file", "line", "column", "path"} <= set(value["error"]), self
        return value["error"]

    def __repr__(self):
        return (f"{' '.join(self.argv)}\nstatus {self.status}\n--- stdout\n{self.stdout}"
                f"--- stderr\n{self.stderr}")


class Untrack:
    """Runs the program with state and run directories of its own."""

    def __init__(self, directory):
        self.state = directory / "state"
        self.run_dir = directory / "run"
        self.directory = directory
        self._files = itertools.count(1)

    def argv(self, ns, *argv):
        before = [str(UNTRACK), "--state-dir", str(self.state), "--run-dir", str(self.run_dir)]
        if ns is not None:
            before += ["--netns", ns.name]
        return before + [str(a) for a in argv]

    def __call__(self, ns, *argv, status=0, input=None, timeout=60, env=None):
        """Runs it and holds it to its exit status (None: any)."""
        line = self.argv(ns, *argv)
        result = Result(line, run(line, check=False, input=input, timeout=timeout, env=env))
        # A sanitizer's finding is a failure whatever the test expects (exitcode in scripts/test).
        assert "Sanitizer" not in result.stderr and "runtime error:" not in result.stderr, result
        assert status is None or result.status == status, result
        if "--json" not in argv:
            return result
        result.json  # exactly one object, whatever happened
        return result

    def policy(self, *services, name=None, **rest):
        """Writes a policy document; its path."""
        document = {"untrack": 1, "services": list(services), **rest}
        return self.file(json.dumps(document), name or f"policy-{next(self._files)}.json")

    def file(self, content, name=None):
        path = self.directory / (name or f"file-{next(self._files)}")
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path

    def start(self, ns, *argv, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(ns, *argv), text=True, **more)


WEB = {"name": "web", "role": "server", "protocol": "tcp", "ports": [80]}

# A filter as most servers have it: it turns tracking on and lives by it.
STATEFUL_FILTER = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		ct state established,related accept
		ct state invalid drop
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
		tcp dport { 22, 80 } ct state new accept
	}
	chain output {
		type filter hook output priority filter; policy accept;
	}
}
"""

TRACKING = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related,new accept
	}
}
"""


class Download:
    """A download that goes on, seen from outside."""

    def __init__(self, ns, address, port, *source_port):
        self._process = ns.traffic("download", address, port, *source_port,
                                   stderr=subprocess.PIPE)
        self.bytes = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_until("the download begins", lambda: self.bytes > 0)

    def _read(self):
        for line in self._process.stdout:
            self.bytes = int(line)

    def alive(self):
        return self._process.poll() is None

    def goes_on(self, seconds=5.0):
        """Do further bytes arrive, now? More than may still lie in buffers of a cut connection."""
        before = self.bytes
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.alive():
            if self.bytes > before + 500_000:
                return True
            time.sleep(0.02)
        return False


class Writer:
    """Another program that commits to a table of its own without a pause (traffic.py)."""

    def __init__(self, ns, table):
        self._ns, self._table = ns, table
        ns.nft(f"table {table} {{\nset seen {{ type mark; }}\nchain busy {{\n}}\n}}")
        self._process = ns.traffic("write", table, stdin=subprocess.PIPE)
        assert self._process.stdout.readline() == "ready\n"

    def end(self):
        """How often it committed; all that it wrote is there."""
        self._process.stdin.close()
        turns = int(self._process.stdout.readline())
        assert self._process.wait(timeout=10) == 0
        seen, = (o["set"] for o in self._ns.nft_json("set", *self._table.split(), "seen")
                 if "set" in o)
        assert sorted(seen["elem"]) == list(range(turns))
        rules = [o for o in self._ns.nft_json("chain", *self._table.split(), "busy") if "rule" in o]
        assert len(rules) == turns % 2
        return turns


@pytest.fixture
def make_netns():
    made = []

    def make():
        made.append(Netns())
        return made[-1]

    yield make
    for ns in reversed(made):
        ns.close()


@pytest.fixture
def netns(make_netns):
    return make_netns()


class Pair:
    """A server and a client joined by a veth (`eth0` on both sides)."""

    server4, client4 = "192.0.2.10", "192.0.2.7"
    server6, client6 = "2001:db8::10", "2001:db8::7"

    def __init__(self, make_netns):
        self.server = make_netns()
        self.client = make_netns()
        run(["ip", "-n", self.server.name, "link", "add", "eth0", "type", "veth", "peer", "name",
             "eth0", "netns", self.client.name])
        for ns, v4, v6 in ((self.server, self.server4, self.server6),
                           (self.client, self.client4, self.client6)):
            ns.ip("address", "add", f"{v4}/24", "dev", "eth0")
            ns.ip("address", "add", f"{v6}/64", "dev", "eth0", "nodad")
            ns.ip("link", "set", "eth0", "up")


@pytest.fixture
def pair(make_netns):
    return Pair(make_netns)


@pytest.fixture
def untrack(tmp_path):
    return Untrack(tmp_path)


sys.path.insert(0, str(pathlib.Path(__file__).parent))
