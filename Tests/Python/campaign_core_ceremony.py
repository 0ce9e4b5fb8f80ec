#!/usr/bin/env python3
"""The running core is killed before each durable call of a ceremony; gone on with or aborted, nothing is left half done.

For each sync, write, rename and unlink in the custody directory and among the tokens' files, in the core and in its one-shot
children, from the approved plan to the end of one whole ceremony of every kind; for an activation those of the log as well.
SIGKILL before that call; the core is started again, two custodians activate it, and the ceremony is gone on with or aborted.
Then the transcript is verified offline, another program looks at the tokens, nothing may lie about, the log verifies, and
the appliance mints. scripts/test runs a sample of every kind (--points).
"""

import argparse
import collections
import re
import subprocess
import sys
import tempfile
import time

from core_ceremony_kinds import KINDS, build_base, leftovers
from core_ceremony_site import CoreSite, kill_at
from environment import wait_until

CALLS = ("write", "rename", "unlink", "sync")


class Campaign:
    def __init__(self, folder, options):
        self.options = options
        self.site = CoreSite(folder)
        self.party = self.site.party
        self.outcomes, self.faults, self.points = collections.Counter(), [], collections.Counter()

    def close(self):
        self.site.close()

    # --- one kind

    def hold(self, name):
        """Every point of one kind, or a sample of them; neighbours end differently."""
        kind = KINDS[name](self.site)
        identifier = self.draft(kind)
        points, turn = self.few(kind, identifier) if self.options.points else (self.points_of(kind, identifier), 0)
        print(f"{name}: {len(points)} points", flush=True)
        started = time.monotonic()
        for number, point in enumerate(points):
            # Each line of a transcript is two writes: pairs, else one of the two would always end the same way.
            ending = kind.endings[(number // 2 + turn + self.options.turn) % len(kind.endings)]
            self.point(kind, identifier, *point, ending)
            if (number + 1) % 20 == 0:
                said = f"{number + 1} points, {len(self.faults)} faults, {time.monotonic() - started:.0f} s"
                print(f"   {name}: {said}", flush=True)

    def points_of(self, kind, identifier):
        return self.calls(kind, identifier, kind.places)[self.options.skip :: self.options.every]

    def few(self, kind, identifier):
        """A few points of a kind, far from each other; also by how much its endings are ahead of another kind's.

        Kinds take turns at the parts of the environment: to count the calls in each is to hold the ceremony again.
        """
        turn = list(KINDS).index(kind.name)
        for under in kind.places[turn % len(kind.places) :] + kind.places:
            if calls := self.calls(kind, identifier, [under]):
                break
        # The golden section: no two kinds fall on the same place.
        first, count = 0.5 + 0.618 * turn, self.options.points
        return [calls[int((first + number / count) % 1 * len(calls))] for number in range(count)], turn // 2

    def calls(self, kind, identifier, places):
        return [
            (under, call, number) for under in places for call, count in self.count(kind, identifier, under).items()
            for number in range(1, count + 1)]

    def draft(self, kind):
        """The appliance as it is when the plan of this kind is approved and nobody has begun."""
        site = self.site
        site.restore("base")
        site.start()
        site.activate()
        kind.prepare()
        identifier = kind.draft()
        site.stop()
        site.keep(kind.name)
        self.before = None
        return identifier

    def begin(self, kind, identifier, under):
        site = self.site
        site.restore(kind.name)
        self.before, self.version = site.files(), site.manifest()["version"]
        site.start(under)
        kind.begin(identifier)
        site.disk.clear()

    def count(self, kind, identifier, under):
        """The calls that a whole ceremony makes; its files are those of every one that ends well."""
        self.begin(kind, identifier, under)
        ended = kind.hold(identifier)
        counts = self.site.disk.counts()
        self.complete = None
        self.check(kind, identifier, ended)
        self.complete = self.site.files() if ended == "completed" else None
        return {call: counts[call] for call in self.options.call or CALLS}

    def point(self, kind, identifier, under, call, number, ending):
        self.points[kind.name] += 1
        try:
            self.begin(kind, identifier, under)
            kill_at(self.site.disk, call, number)
            outcome = self.until_killed(kind, identifier, call, number)
            self.site.disk.mend()
            if outcome == "killed":
                self.site.start()
                kind.recover()
            ended = kind.end(identifier, ending)
            self.outcomes[kind.name, outcome, ending, ended] += 1
            self.check(kind, identifier, ended)
        except (AssertionError, subprocess.SubprocessError, StopIteration, OSError, LookupError, ValueError) as fault:
            self.faults.append(f"{kind.name} {under} {call} {number} {ending}: {type(fault).__name__} {fault}")
            print(f"FAULT: {self.faults[-1]}", flush=True)

    def until_killed(self, kind, identifier, call, number):
        """Hold the ceremony until a process dies; a child that was killed makes its core fail, not die."""
        site = self.site
        try:
            kind.hold(identifier)
        except AssertionError:
            # The process is gone a moment after its connections.
            time.sleep(0.2)
            if site.is_up and site.disk.counts()[call] < number:
                raise
        if not site.is_up:
            return "killed"
        return "child killed" if site.disk.counts()[call] >= number else "not reached"

    # --- what must be true afterwards

    def check(self, kind, identifier, ended):
        site = self.site
        kind.close(identifier)
        if site.is_sealed:
            site.activate()
        kept = kind.kept(identifier)
        is_installed = site.manifest()["version"] > self.version
        is_said = ended == "completed" or any("the manifest is in force" in remark for remark in kept)
        assert is_installed == (kind.changes and is_said), f"in force: {is_installed}; the transcript says: {kept}"
        if ended == "completed":
            # Who is asked again for shares gets the manifest that has come into force meanwhile too.
            others = {
                name for name in site.files() ^ (self.complete or site.files())
                if "/request/manifests/" not in name and not re.search(kind.optional, name)}
            assert not others, f"other files than without a kill: {sorted(others)}"
        else:
            record = kind.record_installed if is_installed else kind.record
            left = leftovers(site.files() - self.before, identifier, record)
            assert not left, f"left: {left}; the transcript says: {kept}"
            gone = self.before - site.files()
            assert not gone or is_installed, f"gone: {sorted(gone)}"
        self.check_tokens(kind, kept)
        kind.check(ended, kept)
        site.check_log(identifier)
        wait_until(site.mints, "the front mints again")

    def check_tokens(self, kind, kept):
        for label, pin, wanted in kind.inventories(kept):
            found = self.site.inventory(label, pin)
            more, less = [item for item in found if item not in wanted], [item for item in wanted if item not in found]
            assert found == wanted, f"{label}: holds {more}, lacks {less}; the transcript says: {kept}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take one point of so many")
    parser.add_argument("--skip", type=int, default=0, help="begin with the point after so many")
    parser.add_argument("--points", type=int, help="take so many points of each kind instead, of one part of the environment")
    parser.add_argument("--turn", type=int, default=0, help="1: end those with an abort that 0 goes on with, and vice versa")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be given again")
    # A process that dies before a sync leaves what it leaves before its next write: they are there for those who doubt it.
    parser.add_argument("--call", action="append", choices=CALLS, help="only calls of this kind; may be given again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="core-kills-") as folder:
        campaign = Campaign(folder, arguments)
        try:
            build_base(campaign.site)
            for name in arguments.kind or KINDS:
                campaign.hold(name)
        finally:
            campaign.close()
    for outcome, count in sorted(campaign.outcomes.items()):
        print(f"   {', '.join(outcome)}: {count}")
    for fault in campaign.faults:
        print(f"FAULT: {fault}")
    points = sum(campaign.points.values())
    print(f"core ceremony kills: {points} points ({dict(campaign.points)}), {len(campaign.faults)} faults")
    sys.exit(1 if campaign.faults or not points else 0)


if __name__ == "__main__":
    main()
