# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack-policy(5): clean, whole, and its examples are policies."""
import json
import re

import jsonschema
import pytest
from conftest import SOURCE, run

PAGE = SOURCE / "src/cli/man/untrack-policy.5"
SCHEMA = json.loads((SOURCE / "src/document/policy.schema.json").read_text())


def test_is_clean():
    done = run(["mandoc", "-T", "lint", "-W", "warning", PAGE], check=False)
    assert done.returncode == 0, done.stdout


def keys(schema):
    """Every key that an object of the schema may have, and every word that a key may be."""
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "properties":
                yield from value
            if name == "enum":
                yield from (word for word in value if isinstance(word, str) and " " not in word)
            yield from keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys(value)


def test_has_every_key_and_word():
    words = set(re.findall(r"[a-z0-9_-]+", PAGE.read_text()))
    prefixes = ("tcp_", "sctp_", "dccp_")
    missing = {word for word in keys(SCHEMA) if word not in words
               and not (word.startswith(prefixes) and word.split("_", 1)[1] in words)}
    assert not missing


EXAMPLES = re.findall(r"^\.Bd -literal.*?\n(\{.*?)^\.Ed", PAGE.read_text(), re.M | re.S)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(EXAMPLES[number]))


def test_there_are_examples():
    assert len(EXAMPLES) >= 3
