# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts as people have them: the lint finds an error exactly where something breaks. What breaks is
asked for with real traffic, by everybody, on all ports, over new connections and live ones.

Each file of hosts/ is one, in sections that begin with "== NAME":

  == live       nft text, or a shell script if it begins with "#!"
  == document   a policy
  == host       "forwarding": it routes
  == errors     the codes of level error, one a line; with "live" behind one that only the host
                itself can show, and not its saved ruleset
"""
import pathlib
import re

import pytest

from world import QUESTIONS, World

OWN = {("host", "inner4"), ("host", "inner6")}
FOLDER = pathlib.Path(__file__).with_name("hosts")


class Host:
    def __init__(self, path):
        parts = re.split(r"^== (\w+)\n", path.read_text(), flags=re.M)
        sections = dict(zip(parts[1::2], parts[2::2]))
        self.live, self.document = sections["live"], sections["document"]
        self.forwarding = "forwarding" in sections.get("host", "")
        lines = [line.split() for line in sections.get("errors", "").splitlines()]
        self.errors = {line[0] for line in lines}
        self.saved_errors = {line[0] for line in lines if "live" not in line}

    def load(self, ns):
        ns.run("conntrack", "-F")
        ns.run("nft", "flush", "ruleset")
        if self.live.startswith("#!"):
            ns.run("sh", "-ec", self.live)
        else:
            ns.nft(self.live)


@pytest.fixture(scope="module")
def worlds():
    made = {}

    def get(forwarding):
        if forwarding not in made:
            made[forwarding] = World(forwarding)
        return made[forwarding]

    yield get
    for world in made.values():
        world.close()


def errors_of(result):
    return {one["code"] for one in result.json["findings"] if one["severity"] == "error"}


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_an_error_is_found_where_something_breaks(untrack, worlds, name):
    host = Host(FOLDER / name)
    world = worlds(host.forwarding)
    host.load(world.host)
    before, held = world.hold(QUESTIONS)
    live = set(held)
    path = untrack.file(host.document)
    checked = untrack(world.host, "check", "--json", path, status=None)
    assert errors_of(checked) == host.errors and checked.status == bool(host.errors), checked
    if not host.live.startswith("#!"):
        saved = untrack.file(world.host.run("nft", "list", "ruleset").stdout)
        again = untrack(None, "check", "--json", "--against", saved, path, status=None)
        assert errors_of(again) == host.saved_errors, again
    force = ["--force-lint", ",".join(sorted(host.errors))] if host.errors else []
    untrack(world.host, "apply", *force, path)
    broken = (live - world.again(held)) | (before - world.ask(QUESTIONS))
    own = {question for question in broken if question[:2] in OWN and '"forward"' in host.document}
    if own:  # this host's own connections to what it forwards: seen in the connection table alone
        assert "one-way" in {one["code"] for one in checked.json["findings"]}, checked
    assert bool(broken - own) == bool(host.errors), (sorted(broken), checked)
