# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers: includes go downward only, siblings never meet, and the library keeps quiet."""
import re

import pytest
from conftest import SOURCE

LEVELS = [["base"], ["model"], ["document", "compile", "diff", "kernel"],
          ["store", "view", "lint", "flow"], ["api"], ["cli"]]
LEVEL = {layer: number for number, layers in enumerate(LEVELS) for layer in layers}

# Who may include which library's headers; all others may not.
FOREIGN = {
    r"libmnl/": {"kernel"},
    r"libnftnl/": {"kernel"},
    r"libnetfilter_conntrack/": {"kernel"},
    r"jansson\.h": {"document", "view"},
    r"nftables/libnftables\.h": {"document"},
    r"err(or)?\.h$": set(),  # err(3) and error(3) print and exit
}
ONE_FILE = {r"nftables/libnftables\.h": "src/document/nft.c"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
PRINTS_OR_EXITS = re.compile(
    r"\b(?:printf|puts|putchar|vprintf|perror|exit|abort|quick_exit)\s*\(|"
    r"\b(?:stdout|stderr)\b")
MAX_LINES = 600


def sources():
    files = sorted(p for p in (SOURCE / "src").glob("*/*") if p.suffix in (".c", ".h"))
    assert len(files) > 20
    return files


def layer_of(path):
    return path.relative_to(SOURCE / "src").parts[0]


def includes(path):
    """(line, quoted or angled, name) of each include."""
    text = path.read_text()
    for found in INCLUDE.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, found.group(1), found.group(2)


def wrong_include(layer, path_name, quote, name):
    """Why that include must not be there, or None."""
    for pattern, allowed in FOREIGN.items():
        if re.match(pattern, name):
            if layer not in allowed:
                return f"only {', '.join(sorted(allowed)) or 'nobody'} may include it"
            if pattern in ONE_FILE and path_name != ONE_FILE[pattern]:
                return f"only {ONE_FILE[pattern]} may include it"
    if name == "untrack.h":
        return None if layer in ("api", "cli") else "the public header is above this layer"
    if quote == "<":
        return None
    other = name.split("/")[0]
    if other not in LEVEL or "/" not in name:
        return "an include names its layer: \"layer/file.h\""
    if other == layer:
        return None
    if layer == "cli" and other != "base":
        return "the CLI uses nothing but untrack.h and base"
    if LEVEL[other] == LEVEL[layer]:
        return f"{other} is a sibling of {layer}"
    if LEVEL[other] > LEVEL[layer]:
        return f"{other} is above {layer}"
    return None


def test_every_directory_is_a_layer():
    directories = {p.name for p in (SOURCE / "src").iterdir() if p.is_dir()}
    assert directories == set(LEVEL)


def test_includes_go_downward():
    wrong = []
    for path in sources():
        name = str(path.relative_to(SOURCE))
        for line, quote, included in includes(path):
            why = wrong_include(layer_of(path), name, quote, included)
            if why:
                wrong.append(f"{name}:{line}: {included}: {why}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("layer, path, quote, name", [
    ("base", "src/base/x.c", '"', "model/plan.h"),
    ("diff", "src/diff/x.c", '"', "kernel/kernel.h"),
    ("store", "src/store/x.c", '"', "view/view.h"),
    ("cli", "src/cli/x.c", '"', "model/plan.h"),
    ("model", "src/model/x.c", "<", "libmnl/libmnl.h"),
    ("document", "src/document/x.c", "<", "nftables/libnftables.h"),
    ("kernel", "src/kernel/x.c", "<", "jansson.h"),
    ("kernel", "src/kernel/x.c", '"', "kernel.h"),
    ("kernel", "src/kernel/x.c", '"', "untrack.h"),
])
def test_a_breach_is_seen(layer, path, quote, name):
    assert wrong_include(layer, path, quote, name)


def test_the_library_neither_prints_nor_exits():
    wrong = []
    for path in sources():
        if layer_of(path) == "cli":
            continue
        code = COMMENT_OR_TEXT.sub(lambda m: "\n" * m.group().count("\n"), path.read_text())
        for found in PRINTS_OR_EXITS.finditer(code):
            line = code.count("\n", 0, found.start()) + 1
            wrong.append(f"{path.relative_to(SOURCE)}:{line}: {found.group()}")
    assert not wrong, "\n".join(wrong)


def test_files_are_rooms():
    long = [f"{p.relative_to(SOURCE)}: {n} lines" for p in sources()
            if (n := len(p.read_text().splitlines())) > MAX_LINES]
    assert not long, "\n".join(long)


def test_every_source_says_its_licence():
    wrong = [str(p.relative_to(SOURCE)) for p in sources()
             if "SPDX-License-Identifier: GPL-2.0-or-later" not in p.read_text().split("\n", 1)[0]]
    assert not wrong, "\n".join(wrong)
