# SPDX-License-Identifier: GPL-2.0-or-later
"""nft text that includes other files: what nft would load of them is what is loaded, and what is
refused in them is refused with their name, line and column."""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import SANITIZED
from test_long_documents import ADDRESSES, table, v4

SET = "type ipv4_addr"
SOME = "define some = { 1.2.3.4, 5.6.7.8 }\n"
LIST = "define many = { " + ADDRESSES + " }\n"
USES = table(SET, "$many")
RULES = "".join(f"ip saddr 192.0.2.{n} udp dport {m + 1} accept\n" for m in range(2)
                for n in range(200))

# The main file is called main; what is included is found below the working directory.
DOCUMENTS = {
    "variable": {"main": 'include "./list.nft"\n' + USES, "list.nft": LIST},
    "absolute": {"main": 'include "HERE/list.nft"\n' + USES, "list.nft": LIST},
    "set": {"main": 'table inet t {\n\tinclude "./sets/one"   # a comment\n\tchain c {\n'
                    'ip saddr @s drop\n}\n}\n',
            "sets/one": "set s {\ntype ipv4_addr\nelements = { " + ADDRESSES + " }\n}\n"},
    "elements": {"main": 'table inet t {\nset s {\ntype ipv4_addr\n\tinclude "./e"\n}\n}\n',
                 "e": "elements = { " + ADDRESSES + " }\n"},
    "command": {"main": table(SET, ["1.2.3.4"]) + 'include "./e"\n',
                "e": "add element inet t long { " + ADDRESSES + " }\n"},
    "list here": {"main": 'include "./some"\n' + table(SET, "{ $some, " + ADDRESSES + " }"),
                  "some": SOME},
    "nested": {"main": 'include "./a/main"\nadd table inet last\n',
               "a/main": SOME + 'include "./a/b/list.nft"\n' + USES, "a/b/list.nft": LIST},
    "upwards": {"main": 'include "../UP/list.nft"\n' + USES, "list.nft": LIST},
    "wildcard": {"main": 'table inet t {\ninclude "./d/*.nft"\n}\n',
                 **{f"d/{name}.nft": f"set {name} {{\ntype ipv4_addr\nelements = {{ {ADDRESSES} }}\n}}\n"
                    for name in ("b", "a", "c10", "c9", "C", "_d")},
                 "d/.hidden.nft": "nonsense\n", "d/other": "nonsense\n", "d/sub.nft/x": "nonsense\n"},
    "brackets": {"main": 'include "./[ab]?.nft"\n' + USES, "a1.nft": SOME, "b1.nft": LIST,
                 "c1.nft": "nonsense"},
    "wildcard of nothing": {"main": 'include "./none/*.nft"\n' + LIST + USES},
    "a directory": {"main": 'include "./d"\n' + LIST + USES, "d/x": "nonsense"},
    "twice": {"main": 'table inet a {\ninclude "./set"\n}\ntable inet b {\ninclude "./set"\n}\n',
              "set": "set s {\ntype ipv4_addr\nelements = { " + ADDRESSES + " }\n}\n"},
    "rules": {"main": 'table ip t {\nchain c {\ninclude "./r"\nip daddr 1.2.3.4 drop\n}\n}\n', "r": RULES},
    "of which some change": {"main": 'flush ruleset\ninclude "./r"\ninclude "./v"\n' + USES,
                             "r": "table ip t {\nchain c {\n" + RULES + "}\n}\n", "v": LIST},
    "empty": {"main": 'include "./e"\n' + LIST + USES, "e": ""},
    "comments": {"main": 'include "./e"\n' + LIST + USES, "e": "# nothing\n\n   \n"},
    "word in a comment": {"main": LIST + "# do not include this\n" + USES},
    "word in a text": {"main": LIST + table(SET + '; comment "include x"', "$many")},
    "flushed in a file": {"main": 'add element inet t long { 9.9.9.9 }\ninclude "./e"\n'.join(
                              [table(SET, "{ " + ADDRESSES + " }"), ""]),
                          "e": "flush set inet t long\n"},
    "deleted in a file": {"main": table(SET, "{ " + ADDRESSES + " }") + 'include "./e"\n',
                          "e": "delete element inet t long { 10.0.0.1 }\n"},
    "redefined in a file": {"main": LIST + 'include "./e"\n' + USES,
                            "e": "redefine many = { 1.2.3.4 }\n"},
    # What cannot be told from the lines stays with nft.
    "no line end": {"main": 'include "./e"\n' + USES, "e": LIST.rstrip()},
    "comment without a line end": {"main": 'include "./e"\n\n' + USES, "e": LIST + "# end"},
    "half a block": {"main": 'include "./e"\nchain c {\n}\n}\n',
                     "e": USES.rstrip().removesuffix("}")},
    "behind a brace": {"main": 'table inet t { include "./e"\n}\n',
                       "e": "set s {\ntype ipv4_addr\nelements = { " + ADDRESSES + " }\n}\n"},
    "two in a line": {"main": 'include "./e"; include "./f"\n' + USES, "e": SOME, "f": LIST},
    "in a counter": {"main": 'table inet t {\ncounter c {\ninclude "./e"\n}\n}\n' + LIST
                             + USES.replace("table inet t", "table inet u"),
                     "e": "packets 0 bytes 0\n"},
    "in a map": {"main": 'table ip t {\nmap m {\ntype ipv4_addr : verdict\ninclude "./e"\n}\n}\n',
                 "e": "elements = { 1.2.3.4 : accept }\n"},
    "half a statement": {"main": LIST + 'define x = \\\ninclude "./e"\n' + USES, "e": "1\n"},
    "a line that goes on": {"main": LIST + 'include \\\n"./e"\n' + USES, "e": SOME},
    "in a list": {"main": LIST + table(SET, '{ 1.2.3.4,\ninclude "./e"\n}'), "e": "5.6.7.8\n"},
    "not there": {"main": LIST + 'include "./none"\n' + USES},
    "itself": {"main": LIST + 'include "./main"\n' + USES},
    "very deep": {"main": LIST + 'include "./0"\n' + USES,
                  **{f"{n}": f'include "./{n + 1}"\n' for n in range(12)}, "12": SOME},
    "wrong below": {"main": LIST + 'include "./e"\n' + USES, "e": 'include "./f"\n',
                    "f": 'include "./g"\n', "g": "\ntable nonsense t {\n}\n"},
    "wrong": {"main": LIST + 'include "./e"\n' + USES,
              "e": "# here\n\ntable inet t {\n\tchain c {\n\t\ttcp dport 99999 drop\n\t}\n}\n"},
    "wrong behind": {"main": LIST + 'include "./e"\ninclude "./f"\n' + USES + "chain {\n",
                     "e": SOME, "f": "\n"},
    "wrong in a list": {"main": 'include "./e"\n' + USES,
                        "e": "define many = {\n" + ADDRESSES + ",\n   1.2.3.4/24 }\n"},
    "defined twice": {"main": LIST + 'include "./e"\n' + USES, "e": "\n" + LIST},
    "closes what it did not open": {"main": 'table inet t {\ninclude "./e"\n}\n' + LIST, "e": "}\n"},
}


@pytest.fixture
def here(untrack):
    """The working directory, which relative paths are of."""
    before = os.getcwd()
    os.chdir(untrack.directory)
    yield pathlib.Path(untrack.directory)
    os.chdir(before)


def write(here, files):
    for name, text in files.items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("HERE", str(here)).replace("UP", here.name))
    return here / "main"


@pytest.mark.parametrize("files", DOCUMENTS.values(), ids=DOCUMENTS.keys())
@pytest.mark.parametrize("standard_input", [False, True])
def test_included_files_mean_what_they_mean_to_nft(untrack, netns, make_netns, here, files,
                                                   standard_input):
    document = write(here, files)
    by_nft = make_netns()
    done = by_nft.run("nft", "-f", document, check=False)
    given, text = ("-", document.read_text()) if standard_input else (document, None)
    result = untrack(netns, "apply", "--json", given, input=text, status=2 if done.returncode else 0)
    assert netns.listing("ruleset") == by_nft.listing("ruleset")
    if done.returncode:
        error = result.error
        name = error["file"].replace("stdin", str(document))
        assert f"{name}:{error['line']}:{error['column']}" in done.stderr
    else:
        assert untrack(netns, "diff", document).stdout == ""
        assert untrack(netns, "apply", document, "--json").json["changed"] is False


@pytest.mark.parametrize("command", ["list ruleset", "reset counters", "rename chain ip t c d",
                                     "replace rule ip t c handle 3 drop", "get element ip t s { 1 }",
                                     "describe tcp dport", "monitor"])
@pytest.mark.parametrize("main", ['table ip t { chain c { }; }\n  include "./a/*"\n', "# x\ninclude \"./a/*\"\n"])
def test_script_commands_in_included_files_are_refused(untrack, netns, here, main, command):
    document = write(here, {"main": main, "a/1": SOME, "a/2": f"# one\n\n\t{command}\n"})
    result = untrack(netns, "apply", "--json", document, status=2)
    assert (result.error["file"], result.error["line"], result.error["column"]) == ("./a/2", 3, 2)
    assert f"the command '{command.split()[0]}'" in result.error["message"]


def test_a_change_of_an_included_file_is_seen(untrack, netns, here):
    def applied():
        return untrack(netns, "apply", "./main", "--json").json
    write(here, {"main": 'include "./d/*.nft"\n' + USES, "d/list.nft": LIST})
    assert applied()["changed"] is True
    assert applied()["changed"] is False
    write(here, {"d/list.nft": LIST.replace("10.0.0.7,", "192.0.2.7,")})
    assert applied()["summary"] == {"elements": {"add": 1, "delete": 1, "replace": 0}}
    write(here, {"d/more.nft": "add element inet t long { 192.0.2.9 }\n"})
    untrack(netns, "apply", "./main", status=2) # it comes ahead of the set
    (here / "d/more.nft").rename(here / "more.nft")
    write(here, {"main": (here / "main").read_text() + 'include "./m*.nft"\n'})
    assert applied()["summary"] == {"elements": {"add": 1, "delete": 0, "replace": 0}}


MANY = [v4(n * 3) for n in range(250000)]
PLACE = {"family": "inet", "table": "t"}
LONG = {
    "variable": {"main": "define many = { " + ", ".join(MANY) + " }\n" + USES},
    "variables": {"main": "define some = { " + ", ".join(MANY[::2]) + " }\ndefine more = { "
                  + ",\n".join(MANY[1::2]) + " }\n" + table(SET, "{ $some, 192.0.2.1, $more }")},
    "included variable": {"main": 'include "./l"\n' + USES,
                          "l": "define many = {\n" + ", ".join(MANY) + "\n}\n"},
    "included elements": {"main": 'table inet t {\nset s {\ntype ipv4_addr\ninclude "./l"\n}\n}\n',
                          "l": "elements = { " + ", ".join(MANY) + " }\n"},
    "included command": {"main": table(SET, ["1.2.3.4"]) + 'include "./l*"\n',
                         "l": "add element inet t long { " + ", ".join(MANY) + " }\n"},
    "JSON": {"main": json.dumps({"nftables": [
        {"add": {"table": {"family": "inet", "name": "t"}}},
        {"add": {"set": {**PLACE, "name": "s", "type": "ipv4_addr"}}},
        {"add": {"element": {**PLACE, "name": "s", "elem": MANY[::2]}}},
        {"element": {**PLACE, "name": "s", "elem": MANY[1::2]}}]})},
}


@pytest.mark.parametrize("files", LONG.values(), ids=LONG.keys())
def test_long_lists_bypass_libnftables(untrack, netns, here, files):
    """It takes more memory for them than there is."""
    document = write(here, files)
    limited = [] if SANITIZED else ["prlimit", "--as=90000000"] # sanitizers need much for themselves
    by_nft = netns.run(*limited, "nft", "-j", "-c", "-f", document, check=False)
    assert SANITIZED or "memory" in by_nft.stderr.lower()
    done = subprocess.run(limited + untrack.argv(netns, "apply", "--json", document), text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["summary"]["elements"]["add"] >= len(MANY)
