# SPDX-License-Identifier: GPL-2.0-or-later
"""apply --confirm: what is not confirmed goes back, whoever is killed."""
import os
import shlex
import signal
import subprocess
import time

import pytest
from conftest import STATEFUL_FILTER, WEB, run, wait_until

DNS = {"name": "dns", "role": "server", "protocol": "udp", "ports": [53]}


def shell_that_applies(untrack, ns, policy, seconds):
    """A session of its own whose leader applies and lives on; with a child of its own."""
    line = " ".join(shlex.quote(a) for a in untrack.argv(
        ns, "apply", "--force-lint", "no-accept", "--confirm", seconds, policy))
    shell = subprocess.Popen(["setsid", "bash", "-c", f"sleep 99 & {line}; echo done; sleep 99"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             stdin=subprocess.DEVNULL)
    output = ""
    for text in shell.stdout:
        output += text
        if text == "done\n":
            return shell
    raise AssertionError(output)


def kill_session(shell):
    sid = os.getsid(shell.pid)
    pids = run(["ps", "-o", "pid=", "-s", sid]).stdout.split()
    assert len(pids) >= 2
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize("victim", ["nobody", "caller", "group", "session"])
def test_fires_after_kill(untrack, netns, victim):
    netns.nft(STATEFUL_FILTER)
    before = netns.listing()
    shell = shell_that_applies(untrack, netns, untrack.policy(WEB), 2)
    try:
        assert netns.has_table()
        if victim == "caller":
            shell.kill()
        elif victim == "group":
            os.killpg(os.getpgid(shell.pid), signal.SIGKILL)
        elif victim == "session":
            kill_session(shell)
        wait_until("the rollback fires", lambda: not netns.has_table(), timeout=10)
        wait_until("all is as it was", lambda: netns.listing() == before)
    finally:
        if victim in ("nobody", "caller"):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        shell.stdout.close()


def test_fires_when_apply_itself_is_killed(untrack, netns):
    """kill -9 as soon as the table is there: it was armed before the commit."""
    process = untrack.start(netns, "apply", "--quiet", "--confirm", "2", untrack.policy(WEB),
                            stdout=subprocess.DEVNULL)
    wait_until("the commit", netns.has_table, pause=0.001)
    process.kill()
    process.wait()
    wait_until("the rollback fires", lambda: not netns.has_table(), timeout=10)


def test_confirm_keeps_it(untrack, netns):
    untrack(netns, "apply", "--confirm", "2", untrack.policy(WEB))
    assert untrack(netns, "confirm", "--json").json
    time.sleep(3)
    assert netns.has_table()
    assert untrack(netns, "confirm", "--json", status=2).error["message"]
    untrack(netns, "apply", untrack.policy(WEB, DNS))


def test_only_one_at_a_time(untrack, netns):
    untrack(netns, "apply", "--confirm", "60", untrack.policy(WEB))
    generation = netns.generation()
    result = untrack(netns, "apply", "--json", untrack.policy(DNS), status=2)
    assert result.error["code"] == "conflict"
    assert "confirm" in result.error["message"]
    assert netns.generation() == generation
    untrack(netns, "confirm")


def test_keeps_none_of_the_callers_streams(untrack, netns):
    """A caller that reads until the end of file is not kept waiting."""
    begin = time.monotonic()
    untrack(netns, "apply", "--confirm", "60", untrack.policy(WEB), timeout=30)
    assert time.monotonic() - begin < 20
    untrack(netns, "confirm")


def test_rollback_before_the_deadline(untrack, netns):
    untrack(netns, "apply", "--confirm", "60", untrack.policy(WEB))
    untrack(netns, "rollback")
    assert not netns.has_table()
    # It is no longer armed: the next apply goes through and stays.
    untrack(netns, "apply", untrack.policy(DNS))


def test_restores_the_rest_where_a_foreign_chain_is_gone(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    untrack(netns, "apply", "--confirm", "2", untrack.policy(
        {**WEB, "accept": True}, accept_in=["inet filter input"]))
    netns.run("nft", "delete", "table", "inet", "filter")
    wait_until("the rollback fires", lambda: not netns.has_table(), timeout=10)


def test_nothing_to_change_arms_nothing(untrack, netns):
    policy = untrack.policy(WEB)
    untrack(netns, "apply", policy)
    assert untrack(netns, "apply", "--confirm", "1", "--json", policy).json["changed"] is False
    time.sleep(2)
    assert netns.has_table()
    untrack(netns, "confirm", status=2)
