# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/bench, at sizes that say nothing about speed: that it measures what it says, tells what
must hold, and leaves nothing behind."""
import json
import pathlib

import pytest
from conftest import BUILD, PYTHON, SOURCE, run

METERS = BUILD / "tests/bench"
pytestmark = pytest.mark.skipif(not (METERS / "measure").exists(),
                                reason="built without -Dbenchmarks=true")


def bench(output, *argv):
    done = run([PYTHON, SOURCE / "scripts/bench", "--build", BUILD, "--output", output, "--quick",
                *argv], timeout=300)
    report = json.loads((output / "bench.json").read_text())
    assert "## What must hold" in (output / "bench.md").read_text()
    assert "| work | N | against |" in done.stdout
    return report


def test_control_path(tmp_path):
    report = bench(tmp_path, "control", "--sizes", "100,200", "--runs", "2",
                   "--kinds", "addresses,pairs,rules")
    results = report["parts"]["control"]["results"]
    assert [r for r in results if r["note"]] == []
    jobs = {(r["kind"], r["job"], r["variant"]) for r in results}
    for kind in ("addresses", "pairs", "rules"):
        ours = "untrack, policy" if kind == "addresses" else "untrack, nft text"
        for job in ("load", "unchanged", "entry", "foreign", "diff", "dump"):
            assert (kind, job, ours) in jobs
            assert (kind, job, "nft -f") in jobs
        assert (kind, "load", "replay of netlink messages") in jobs
    assert all(len(r["samples_ms"]) == 2 and r["wall_ms"]["median"] > 0 and r["peak_kib"] > 500
               for r in results)
    assert (tmp_path / "control-load-addresses.svg").read_text().startswith("<?xml")
    # Nothing is judged at a size that it is not promised for.
    assert {p["holds"] for p in report["promises"]} == {None}


def test_packet_path(tmp_path):
    report = bench(tmp_path, "packet", "udp", "--services", "3", "--rounds", "2")
    packet = report["parts"]["packet"]["results"]
    assert {r["layout"] for r in packet} >= {"untrack", "nft set", "iptables-nft", "no netfilter"}
    # A busy machine may have any slice refused, but each is accounted for; that packets met what
    # is compared, the probe has seen, or there would be no report.
    slices = [(r["ns"]["n"] if r["ns"] else 0) + r["refused"] for r in packet]
    assert all(count and count % 2 == 0 for count in slices)  # of one host, or of several
    assert all(r["ns"]["median"] > 0 for r in packet if r["ns"])
    udp = report["parts"]["udp"]["results"]
    assert {(r["setup"], r["flows"]) for r in udp} >= {("untrack", "new"),
                                                       ("tracked, firewall", "known")}
    assert all((r["ns"]["n"] if r["ns"] else 0) + r["refused"] == 2 for r in udp)


def test_connection_table(tmp_path):
    room = pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text()
    report = bench(tmp_path, "table", "--sizes", "2000", "--runs", "2")
    results = report["parts"]["table"]["results"]
    assert [r["variant"] for r in results] == ["a bare receive", "untrack top", "conntrack -L"]
    assert all(r["n"] == 2000 and r["cpu_ms"]["median"] > 0 for r in results)
    assert pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text() == room


@pytest.mark.parametrize("refused", [("untrack", "nft set", "iptables-nft"),
                                     ("nft set", "iptables-nft"), ("untrack",)])
def test_nothing_is_judged_by_refused_slices(refused):
    """On a busy machine all slices of a variant may be refused: its own, or those of the floor."""
    def result(name, **more):
        return {"ns": {"median": 100.0}, "added_ns": None if name in refused else 10.0, **more}
    parts = {"packet": {"results": [result(name, kind="ports", n=1000, pattern=pattern, layout=name)
                                    for name in ("untrack", "nft set", "iptables-nft")
                                    for pattern in ("last", "miss")]},
             "udp": {"results": [result(name, setup=name, flows="new")
                                 for name in ("untrack", "iptables-nft raw")]}}
    done = run([PYTHON, "-c", "import json, sys, promises\n"
                "for p in promises.all_of(json.load(sys.stdin)): print(p.work, '|', p.measured)"],
               input=json.dumps(parts), env={"PYTHONPATH": str(SOURCE / "tests/bench")})
    packet = [line for line in done.stdout.splitlines() if line.startswith("packet path")]
    assert packet and all(line.endswith("| not measured") for line in packet)


def test_namespaces_are_gone(tmp_path):
    before = set(run(["ip", "netns"]).stdout.split())
    bench(tmp_path, "packet", "--services", "1", "--rounds", "1", "--classes", "ports")
    left = {name for name in run(["ip", "netns"]).stdout.split() if "bench" in name} - before
    assert not left


@pytest.mark.parametrize("argv, message", [
    (["speed"], "no part 'speed'"),
    (["--kinds", "addresses,names"], "got 'names'; expected addresses, prefixes, mixed"),
    (["--jobs", "loads"], "got 'loads'; expected load, unchanged"),
])
def test_misuse(argv, message):
    done = run([PYTHON, SOURCE / "scripts/bench", *argv], check=False)
    assert done.returncode == 2
    assert message in done.stderr
