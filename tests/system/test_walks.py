# SPDX-License-Identifier: GPL-2.0-or-later
"""From any ruleset to any other: one transaction, exactly there, and never more work than all anew."""
import pytest
from conftest import SANITIZED
from walks import Walk, alike, count

SEEDS = range(10)
STEPS = 5 if SANITIZED else 50


def operations(summary):
    return sum(n for kind in summary.values() for n in kind.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_walk(untrack, make_netns, seed):
    ours, theirs = make_netns(), make_netns()
    walk = Walk(seed)
    before, generation = 0, ours.generation()
    for number in range(STEPS):
        path = untrack.file(walk.text(), "there.nft")
        theirs.nft("flush ruleset\n" + walk.text())
        there = alike(theirs.listing())
        done = untrack(ours, "apply", "--ruleset", "--json", path).json
        where = f"seed {seed}, step {number}"
        assert alike(ours.listing()) == there, where
        assert operations(done["summary"]) <= before + count(there), where
        assert done["generation"] == generation + done["changed"], where
        generation = untrack(ours, "diff", "--json", "--ruleset", path).json["generation"]
        assert generation == done["generation"], where
        before = count(there)
        walk.step()
    assert generation == ours.generation()
