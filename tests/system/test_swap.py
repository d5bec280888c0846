# SPDX-License-Identifier: GPL-2.0-or-later
"""A firewall that is swapped for an equivalent one, over and over, under ab against nginx."""
import shutil
import threading

import pytest
from conftest import SANITIZED, STATEFUL_FILTER
from test_article import NEEDED, Site

SWAPS = 60 if SANITIZED else 200
REQUESTS = 500  # of one run of ab; all at once
pytestmark = pytest.mark.skipif(any(not shutil.which(p) for p in NEEDED),
                                reason=f"needs {', '.join(NEEDED)}")

# What is not let in is reset, so that a moment without the right rule is a failed request and not
# only one that is sent again.
WITH_RULES = STATEFUL_FILTER.replace("ct state new accept\n", """ct state new accept
		meta l4proto tcp reject with tcp reset
""")
WITH_SETS = """
table inet filter {
	set open {
		type inet_proto . inet_service
		elements = { tcp . 22, tcp . 80 }
	}
	chain services {
		meta l4proto . th dport @open accept
		icmpv6 type vmap { nd-neighbor-solicit : accept, nd-neighbor-advert : accept,
				   nd-router-advert : accept }
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept }
		iifname "lo" accept
		ct state invalid drop
		jump services
		meta l4proto tcp reject with tcp reset
	}
	chain output {
		type filter hook output priority filter; policy accept;
	}
}
"""


class Load:
    """Runs of ab, one after the other, until the end."""

    def __init__(self, site):
        self._site = site
        self._stop = threading.Event()
        self.runs, self.failure = 0, None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set() and self.failure is None:
            try:
                said = self._site.load(REQUESTS)
            except AssertionError as failure:  # ab gave up
                said = str(failure)
            if "Failed requests:        0\n" not in said:
                self.failure = said
            self.runs += 1

    def end(self):
        self._stop.set()
        self._thread.join()
        assert self.failure is None


def test_no_request_is_lost(untrack, pair, tmp_path):
    server = pair.server
    documents = [untrack.file(WITH_RULES), untrack.file(WITH_SETS)]
    untrack(server, "apply", documents[0])
    load = Load(Site(pair, tmp_path))
    try:
        for turn in range(1, SWAPS + 1):
            done = untrack(server, "apply", "--json", documents[turn % 2]).json
            assert done["changed"], turn
            if load.failure:
                break
    finally:
        load.end()
    assert load.runs >= 3
    untrack(server, "diff", documents[SWAPS % 2])
    untrack(server, "diff", documents[1 - SWAPS % 2], status=1)
