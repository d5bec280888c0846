# SPDX-License-Identifier: GPL-2.0-or-later
"""The control path: how long it takes to load lists and rules, and to change them."""
import time

import lists
import programs
import stage

RULES = 10_000
SERVICES_MAX = 10_000
# What is read back is quadratic in the kernel: beyond this it is only waited for.
DUMP_MAX = 100_000

TITLES = {
    "load": "load into an empty namespace",
    "unchanged": "load again what is loaded",
    "entry": "one entry changed",
    "foreign": "one entry changed, after a foreign commit",
    "service": "one small service changed beside the list",
    "diff": "tell the difference of one entry (nft: check the file)",
    "dump": "list what is loaded",
    "read": "read two documents and compare them",
}


class Control:
    def __init__(self, place, options, report):
        self.place, self.options, self.report = place, options, report
        self.results = []
        self.hopeless = set()  # what failed or timed out at a smaller size

    def run(self):
        for kind in self.options.kinds:
            for n in self.sizes(kind):
                entries = lists.Lists(kind, n, self.place.scratch)
                if "load" in self.options.jobs:
                    self.loads(entries)
                if set(self.options.jobs) - {"load"}:
                    self.changes(entries)
                entries.close()
        return self.results

    def sizes(self, kind):
        if kind == "rules":
            return [min(RULES, max(self.options.sizes))]
        if kind == "services":
            return [n for n in self.options.sizes if n <= SERVICES_MAX]
        return self.options.sizes

    def interleave(self, job, entries, turns):
        """Each turn is (label, function of the round that gives a Cost). All of them in turn, each
        round the other way round; who fails is left out from then on."""
        turns = [turn for turn in turns if (job, entries.kind, turn[0]) not in self.hopeless]
        costs = {label: [] for label, _ in turns}
        notes = {}
        end = time.monotonic() + self.options.budget
        for number in range(self.options.runs):
            for label, measure in turns if number % 2 == 0 else turns[::-1]:
                if label in notes:
                    continue
                try:
                    costs[label].append(measure(number))
                except stage.Failed as failure:
                    notes[label] = str(failure)
                    self.hopeless.add((job, entries.kind, label))
            if time.monotonic() > end:
                break
        for label, _ in turns:
            self.keep(job, entries, label, costs[label], notes.get(label))

    def keep(self, job, entries, label, costs, note):
        result = {"job": job, "kind": entries.kind, "n": entries.n, "variant": label, "note": note}
        if costs and not note:
            result |= {"wall_ms": stage.spread([c.wall for c in costs]),
                       "cpu_ms": stage.spread([c.cpu for c in costs]),
                       "samples_ms": [round(c.wall, 3) for c in costs],
                       "peak_kib": max(c.peak for c in costs)}
        self.results.append(result)
        told = note or (f"{result['wall_ms']['median']:.1f} ms, "
                        f"{result['peak_kib'] / 1024:.1f} MiB")
        self.report(f"{job} {entries.kind} {entries.n}: {label}: {told}")

    # --- load

    def loads(self, entries):
        def turn(program):
            def measure(_):
                session = program(self.place, entries)
                try:
                    return session.cost_of(session.load("a"), "a")
                finally:
                    session.close()
                    stage.settle(entries.n)
            return program.label, measure

        self.interleave("load", entries,
                        [turn(p) for p in programs.ALL
                         if p.can(entries) and p not in programs.ONLY_CHANGES])

    # --- changes

    def changes(self, entries):
        sessions = self.open_sessions(entries)
        try:
            for job in ("read", "unchanged", "entry", "foreign", "service", "diff", "dump"):
                if job in self.options.jobs:
                    getattr(self, "job_" + job)(entries, sessions)
        finally:
            for session in sessions:
                session.close()
            stage.settle(entries.n)

    def open_sessions(self, entries):
        sessions = []
        for program in programs.ALL:
            if not program.can(entries) or not program.changes(entries):
                continue
            if ("load", entries.kind, program.label) in self.hopeless:
                continue
            session = program(self.place, entries)
            try:
                session.cost_of(session.load("a"), "a")
                sessions.append(session)
            except stage.Failed as failure:
                self.report(f"{entries.kind} {entries.n}: {session.label}: {failure}")
                session.close()
        return sessions

    def bring_back(self, session, version):
        """To that version, outside of what is measured."""
        if session.version != version:
            session.cost_of(session.change(version) or session.load(version), version)

    def job_read(self, entries, sessions):
        self.interleave("read", entries,
                        [(s.label, lambda _, s=s: s.measure(s.reading())) for s in sessions
                         if isinstance(s, programs.Untrack)])

    def job_unchanged(self, entries, sessions):
        self.interleave("unchanged", entries,
                        [(s.label, lambda _, s=s: s.cost_of(s.change("a"), "a")) for s in sessions
                         if not isinstance(s, (programs.NftByHand, programs.IpsetByHand))])

    def alternate(self, job, entries, sessions, other, before=lambda session: None):
        """Between a and the other version, to and fro."""
        def turn(session):
            def measure(_):
                version = "a" if session.version == other else other
                command = session.change(version)
                before(session)
                return session.cost_of(command, version)
            return session.label, measure

        able = [s for s in sessions if s.change(other)]
        for session in able:
            self.bring_back(session, "a")
        self.interleave(job, entries, [turn(s) for s in able])
        for session in able:
            if (job, entries.kind, session.label) not in self.hopeless:
                self.verify(session)

    def verify(self, session):
        """That what was measured did what it was for."""
        entries = session.entries
        if isinstance(session, programs.Untrack) and not session.has(session.version):
            raise SystemExit(f"bench: {session.label}: there is still a difference from version "
                             f"{session.version} of {entries.kind} {entries.n}")
        if session.version == "c" or entries.n > 10_000 or entries.kind in ("rules", "services"):
            return
        if isinstance(session, (programs.Untrack, programs.Nft)):
            listing = session.netns.run("nft", "list", "ruleset")
            come, go = ((entries.new, entries.gone) if session.version == "b"
                        else (entries.gone, entries.new))
            words = set(listing.replace("/", " ").replace(",", " ").split())
            if (come.replace("/", " ").split()[0] not in words
                    or go.replace("/", " ").split()[0] in words):
                raise SystemExit(f"bench: {session.label}: the kernel does not have version "
                                 f"{session.version} of {entries.kind} {entries.n}")

    def job_entry(self, entries, sessions):
        self.alternate("entry", entries, sessions, "b")

    def job_foreign(self, entries, sessions):
        able = [s for s in sessions if isinstance(s, (programs.Untrack, programs.Nft))
                and not isinstance(s, programs.NftByHand)]
        self.alternate("foreign", entries, able, "b", programs.Session.foreign_commit)

    def job_service(self, entries, sessions):
        if entries.kind in ("addresses", "prefixes", "mixed"):
            self.alternate("service", entries, sessions, "c")

    def job_diff(self, entries, sessions):
        able = [s for s in sessions if s.difference("b")]
        for session in able:
            self.bring_back(session, "a")
        self.interleave("diff", entries,
                        [(s.label, lambda _, s=s: s.measure(s.difference("b"), (0, 1)))
                         for s in able])

    def job_dump(self, entries, sessions):
        if entries.n <= DUMP_MAX:
            self.interleave("dump", entries,
                            [(s.label, lambda _, s=s: s.measure(s.dump())) for s in sessions
                             if s.dump()])
