# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: what was asked for goes to standard output, misuse to standard error."""
import json
import os
import subprocess

import pytest
from conftest import UNTRACK, WEB, run


def untrack_raw(*argv, **more):
    return run([UNTRACK, *argv], check=False, **more)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"], ["apply", "--help"],
                                  ["--help", "apply"], ["apply", "-h", "x"], ["help", "apply"]])
def test_help_goes_to_standard_output(argv):
    done = untrack_raw(*argv)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: untrack ")


def test_version():
    done = untrack_raw("--version")
    assert done.returncode == 0
    assert done.stdout.split()[0] == "untrack"
    assert json.loads(untrack_raw("--version", "--json").stdout)["version"] == \
        done.stdout.split()[1]


@pytest.mark.parametrize("argv, said", [
    (["aply"], "did you mean 'apply'?"),
    (["staus"], "did you mean 'status'?"),
    (["xyzzy"], "unknown command 'xyzzy'"),
    (["apply", "--dryrun", "x"], "did you mean '--dry-run'?"),
    (["--jsom", "status"], "did you mean '--json'?"),
    (["apply"], "needs an argument"),
    (["check"], "needs an argument"),
    (["diff", "a", "b", "c"], "got 'c'"),
    (["status", "x"], "got 'x'"),
    (["status", "--dry-run"], "has no option --dry-run"),
    (["apply", "--confirm", "0", "x"], "--confirm, got '0'"),
    (["apply", "--confirm=ten", "x"], "--confirm, got 'ten'"),
    (["apply", "--confirm=-1", "x"], "--confirm, got '-1'"),
    (["apply", "--generation=4294967296", "x"], "--generation, got '4294967296'"),
    (["apply", "--confirm"], "--confirm needs an argument"),
    (["rollback", "0"], "got '0'"),
    (["rollback", "99999999999999999999"], "got '99999999999999999999'"),
    (["--color=blue", "status"], "expected auto, always or never"),
    (["--json=yes", "status"], "--json takes no argument"),
    (["-Z"], "unknown option '-Z'"),
    (["diff", "-", "-"], "standard input"),
    (["help", "aply"], "did you mean 'apply'?"),
    (["a\x1b[31mb"], "unknown command 'a\\x1b[31mb'"),
])
def test_misuse_goes_to_standard_error(argv, said):
    done = untrack_raw(*argv)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert "nothing was changed" in done.stderr

    done = untrack_raw(*argv, "--json") if argv != ["apply", "--confirm"] else \
        untrack_raw("--json", *argv)
    if argv[0].startswith("--json"):
        return
    assert done.returncode == 2
    assert done.stderr == ""
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "usage"
    assert said in error["message"]
    assert {"file", "line", "column", "path"} <= set(error)


@pytest.mark.parametrize("argv", [[], ["--json", "--version"], ["--json", "aply"]])
def test_full_disk(argv):
    with open("/dev/full", "w") as full:
        done = subprocess.run([UNTRACK, *argv], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    if argv != ["--json", "aply"]:
        assert "No space left on device" in done.stderr
    assert "error: " in done.stderr


def test_reader_that_went_away():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([UNTRACK], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == 2
    assert "Broken pipe" in done.stderr


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closed_standard_streams(untrack, netns, closed):
    policy = untrack.policy(WEB)
    done = subprocess.run(untrack.argv(netns, "apply", policy), capture_output=True, text=True,
                          preexec_fn=lambda: os.close(closed))
    if closed == 1:
        assert done.returncode == 2
        assert "standard output" in done.stderr
        assert "nothing was changed" not in done.stderr
    else:
        assert done.returncode == 0, done
    assert netns.has_table()


def test_apply_on_a_full_disk_does_not_deny_the_change(untrack, netns):
    policy = untrack.policy(WEB)
    with open("/dev/full", "w") as full:
        done = subprocess.run(untrack.argv(netns, "apply", "--json", policy), stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert netns.has_table()
    assert "nothing was changed" not in done.stderr


def test_quiet_and_verbose(untrack, netns):
    policy = untrack.policy(WEB)
    said = untrack(netns, "apply", policy, "--verbose")
    assert "took" in said.stderr
    assert untrack(netns, "apply", policy, "--quiet").stderr == ""


def test_color(untrack, netns):
    policy = untrack.policy(WEB)
    escape = "\x1b["
    assert escape not in untrack(netns, "diff", policy, status=1).stdout
    assert escape in untrack(netns, "diff", policy, "--color=always", status=1).stdout
    assert escape not in untrack(netns, "diff", policy, "--color=never", status=1).stdout
    on_terminal = ["script", "-qec", " ".join(untrack.argv(netns, "diff", policy)), "/dev/null"]
    assert escape in run(on_terminal, check=False, env={**os.environ, "TERM": "xterm"}).stdout
    assert escape not in run(on_terminal, check=False,
                             env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"}).stdout


@pytest.mark.parametrize("form", ["name", "path", "pid"])
def test_forms_of_netns(untrack, netns, form):
    sleeper = netns.start("sleep", "100")
    value = {"name": netns.name, "path": netns.path, "pid": str(sleeper.pid)}[form]
    # The process must have entered it before it can be named by its number.
    if form == "pid":
        from conftest import wait_until
        wait_until("the process is in the namespace",
                   lambda: sleeper.pid in map(int, run(["ip", "netns", "pids",
                                                        netns.name]).stdout.split()))
    untrack(None, "--netns", value, "apply", untrack.policy(WEB))
    assert netns.has_table()


@pytest.mark.parametrize("value", ["no-such-namespace", "/no/such/path", "4194304000"])
def test_no_such_netns(untrack, value):
    result = untrack(None, "--netns", value, "status", "--json", status=2)
    assert value in result.error["message"]


def test_directories_by_environment(untrack, netns, tmp_path):
    state, rundir = tmp_path / "other state", tmp_path / "other run"
    run([UNTRACK, "--netns", netns.name, "apply", untrack.policy(WEB)],
        env={**os.environ, "UNTRACK_STATE_DIR": str(state), "UNTRACK_RUN_DIR": str(rundir)})
    assert any(state.rglob("*")) and rundir.is_dir()
