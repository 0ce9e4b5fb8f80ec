#!/usr/bin/env python3
"""A genesis is killed before each of its durable writes; resumed or aborted, nothing is left half done.

For each sync and rename in the custody directory, and each sync and unlink among the token's files, of one whole genesis
in all its processes: SIGKILL before that call, then either go on to the end, or abort; then look at the token with another
program, at the transcript with `ceremony verify`, at the directory. scripts/test runs a sample (--every).
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from ceremony_site import USER_PIN, Site
from failing_disk import KILL, FailingDisk


class Campaign:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.first = Site(self.folder / "template").initialise()
        self.outcomes, self.faults, self.number = collections.Counter(), [], 0

    def fresh(self):
        self.number += 1
        place = self.first.copy(self.folder / f"site-{self.number}")
        place.draft()
        place.approve()
        return place

    def count(self, under):
        """How many calls of each kind a whole genesis makes under a folder of the site."""
        place = self.fresh()
        disk = FailingDisk({"VAULT_LOG_DIR": str(place.directory / under)})
        place.go_on(variables=disk.variables)
        counts = disk.counts()
        disk.close()
        return counts

    def point(self, under, kind, number, ending):
        place = self.fresh()
        disk = FailingDisk({"VAULT_LOG_DIR": str(place.directory / under)})
        disk.fail(kind, KILL, first=number)
        died = place.go_on(variables=disk.variables)
        disk.close()
        name = f"{under} {kind} {number} {ending}"
        died = died if isinstance(died, int) else None
        try:
            # A child that was killed makes its parent fail, not die.
            self.outcomes[ending, "ended well" if died is None else "killed" if died < 0 else "child killed"] += 1
            if ending == "resume":
                self.check_resumed(place)
            elif place.status()["state"] not in ("completed", "sealed"):
                self.check_aborted(place)
        except (AssertionError, subprocess.CalledProcessError, StopIteration) as fault:
            self.faults.append(f"{name}: {fault}")
        subprocess.run(["rm", "-rf", place.directory], check=True)

    def check_resumed(self, place):
        status = place.go_on()
        assert isinstance(status, dict) and status["state"] == "completed", (status, place.errors)
        place.ceremony("verify", place.place, config=False, code=2)
        self.check_head(place)
        place.check_keys()

    def check_head(self, place):
        """What custodians and witnesses are to sign is there, at the latest after somebody tried to go on."""
        place.ceremony("resume", place.id, code=1)
        assert (place.place / "head.json").read_bytes(), "there is no head to sign"

    def check_aborted(self, place):
        status = json.loads(place.ceremony("abort", "--json", "--reason", "the power went", place.id).stdout)
        assert status["state"] == "aborted", status
        place.ceremony("verify", place.place, config=False, code=2)
        self.check_head(place)
        left = [name for name in ("host-key", "pins-1.json", "manifests/1.json") if (place.custody / name).exists()]
        kept = json.loads((place.place / "transcript.jsonl").read_text().splitlines()[-1])["data"]["kept"]
        if any("PINs are set" in remark for remark in kept):
            return self.outcomes.update(["kept"])
        left += [path.name for folder in ("shares", "signatures") for path in (place.place / folder).iterdir()]
        assert not left, left
        assert place.objects(USER_PIN) == [], place.objects(USER_PIN)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take one point of so many")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ceremony-kills-") as folder:
        campaign = Campaign(folder)
        points = []
        for under, kinds in (("custody", ("sync", "rename")), ("tokens", ("sync", "write", "unlink"))):
            counts = campaign.count(under)
            points += [
                (under, kind, number, ending) for kind in kinds for number in range(1, counts[kind] + 1)
                for ending in ("resume", "abort")]
        points = points[:: arguments.every]
        print(f"{len(points)} points", flush=True)
        started = time.monotonic()
        for done, point in enumerate(points, 1):
            campaign.point(*point)
            if done % 20 == 0:
                print(f"   {done} points, {len(campaign.faults)} faults, {time.monotonic() - started:.0f} s", flush=True)
        for outcome, count in sorted(campaign.outcomes.items(), key=str):
            print(f"   {outcome}: {count}")
        for fault in campaign.faults:
            print(f"FAULT: {fault}")
        print(f"ceremony kills: {len(points)} points, {len(campaign.faults)} faults")
        sys.exit(1 if campaign.faults or not points else 0)


if __name__ == "__main__":
    main()
