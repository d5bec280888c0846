# SPDX-License-Identifier: GPL-2.0-or-later
"""Help, manual pages and completion tell of the same commands and options."""
import re

import pytest
from conftest import SOURCE, UNTRACK, run

MAN = SOURCE / "src/cli/man/untrack.8"
COMPLETION = SOURCE / "src/cli/completion/untrack.bash"


def help_text(*command):
    done = run([UNTRACK, *command, "--help"])
    assert done.stderr == ""
    return done.stdout


def help_commands():
    section = help_text().split("Commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  ([a-z]+)\b", section, flags=re.M)


def help_options(*command):
    """{section: its long options}"""
    found = {}
    for part in re.split(r"\n\n", help_text(*command)):
        title, _, rest = part.partition(":\n")
        if title.startswith("Options"):
            found[title] = set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", rest, flags=re.M))
    return found


def own_options(command):
    return help_options(command).get("Options", set())


def man_section(title):
    text = MAN.read_text()
    return re.search(rf"^\.Ss {title}\n(.*?)^\.S[sh] ", text, flags=re.S | re.M).group(1)


def man_options(title):
    items = re.findall(r"^\.It (.*)$", man_section(title), flags=re.M)
    return {m for item in items for m in re.findall(r"\\-([a-z][a-z-]+)", item)}


def complete(*words):
    """What bash would offer behind these words."""
    script = (f"source {COMPLETION}; COMP_WORDS=(untrack {' '.join(repr(w) for w in words)}); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _untrack; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return run(["bash", "-c", script]).stdout.split()


def test_there_are_commands():
    assert {"apply", "diff", "show", "check", "status", "confirm", "rollback", "history",
            "remove"} <= set(help_commands())
    assert "guard" not in help_commands()


def test_commands_agree():
    commands = help_commands()
    assert len(commands) == len(set(commands))
    assert set(re.findall(r"^\.It Cm ([a-z]+)", man_section("Commands"), flags=re.M)) == \
        set(commands)
    assert set(complete("")) == set(commands)


def test_readme_tells_of_each_command():
    table = (SOURCE / "README.md").read_text().split("## Commands")[1].split("\n\n")[1]
    first = "".join(line.split("|")[1] for line in table.splitlines())
    assert set(re.findall(r"`([a-z]+)", first)) == set(help_commands())


def test_options_of_every_command_agree():
    options = help_options()["Options of every command"]
    assert {"json", "netns", "quiet", "verbose", "color", "help", "version"} <= options
    assert man_options("Options of every command") == options
    assert set(complete("--")) == {f"--{o}" for o in options}


def test_options_of_each_command_agree():
    everywhere = help_options()["Options of every command"]
    for command in help_commands():
        assert set(complete(command, "--")) == \
            {f"--{o}" for o in everywhere | own_options(command)}, command
    assert man_options("Options of apply") == own_options("apply")
    assert man_options("Options of show and check") == own_options("show") | own_options("check")
    # diff takes part of apply's options: the manual names them below that list.
    said = man_section("Options of apply").split(".El")[1]
    assert {m for m in re.findall(r"\\-([a-z-]+)", said)} == own_options("diff")


def test_letters_agree():
    pages = "".join(help_text(command) for command in help_commands())
    letters = dict(re.findall(r"^  -(\w), --([a-z-]+)", pages, flags=re.M))
    in_man = dict(re.findall(r"^\.It Fl (\w) , \\-([a-z-]+)", MAN.read_text(), flags=re.M))
    assert letters and letters == in_man


def test_completion_of_values(netns):
    assert set(complete("--color", "=", "a")) == {"auto", "always"}
    assert netns.name in complete("status", "--netns", "")
    assert netns.name in complete("status", "--netns", "=", netns.name[:4])


@pytest.mark.parametrize("page", sorted((SOURCE / "src/cli/man").glob("*")), ids=lambda p: p.name)
def test_manual_pages_are_clean(page):
    done = run(["mandoc", "-T", "lint", "-W", "warning", page], check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_help_of_each_command():
    for command in help_commands():
        text = help_text(command)
        assert text.startswith(f"usage: untrack {command} ")
        assert run([UNTRACK, "help", command]).stdout == text


def test_help_fits_a_terminal():
    for command in [()] + [(c,) for c in help_commands()]:
        assert all(len(line) <= 100 for line in help_text(*command).splitlines())
