#!/usr/bin/env python3
"""Every system call of the audit log fails once: EIO, ENOSPC, or the process is killed before it.

For each kind of call, each n-th call of a core that starts and mints, and each of the three faults: start the core on a
disk that fails there, load it until it ends or has passed the point, start it again on a whole disk, verify the log. At
the end every token that a client ever received must have its leaf. scripts/test runs a sample (--every).
"""

import argparse
import collections
import errno
import pathlib
import sys
import tempfile
import time

from environment import Environment, is_alive, wait_until
from failing_disk import KILL, KINDS, FailingDisk
from gateway_load import GatewayLoad, await_leaves, readiness, verify_log

FAULTS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "KILL": KILL}
# With checkpoints every second a run of this length has made some, and tiles with them.
SECONDS = 2.5


# A run appends thousands of times, and each time is like the one before: of so many calls all are taken, and some later ones.
EACH = 60
LATER = 12


def numbers(count):
    """The calls of one kind that are made to fail."""
    later = range(EACH + 1, count + 1, max(1, (count - EACH) // LATER))
    return [*range(1, min(count, EACH) + 1), *later]


class Sweep:
    def __init__(self, environment):
        self.environment = environment
        self.disk = FailingDisk(environment)
        self.received, self.faults = [], []
        self.outcomes = collections.Counter()

    def start(self):
        """Start a core on the failing disk; False when it did not come up, as it may."""
        try:
            self.environment.restart("core", self.disk.variables)
        except AssertionError:
            return False
        return True

    def load(self, until):
        load = GatewayLoad(self.environment, self.received, connections=4, pause=0.02)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and not until():
            time.sleep(0.02)
        load.stop()
        self.faults += [f"answered {answer}" for answer in load.unexpected]

    def count(self):
        """How many calls of each kind a core makes from its start through some checkpoints."""
        self.disk.clear()
        self.start()
        wait_until(lambda: readiness(self.environment) == 200, "the front has found the core")
        self.load(lambda: False)
        return self.disk.counts()

    def point(self, kind, number, name):
        """One fault at one call."""
        self.disk.clear()
        self.disk.fail(kind, FAULTS[name], first=number)
        before = len(self.received)
        if self.start():
            # Empty where the core ended between its first answer and the look at its number.
            core = self.environment["VAULT_CORE_PID"]
            lives = lambda: bool(core) and is_alive(int(core))
            self.load(lambda: not lives() or self.disk.counts()[kind] > number + 2)
            outcome = "survived" if lives() else "ended"
        else:
            outcome = "refused to start"
        reached = self.disk.counts()[kind] >= number
        self.disk.mend()
        self.environment.restart("core")
        wait_until(lambda: readiness(self.environment) == 200, f"recovery after {kind} {number} {name}")
        if problem := verify_log(self.environment):
            self.faults.append(f"{kind} {number} {name}: {problem}")
        self.outcomes[kind, name, outcome if reached else "not reached"] += 1
        return len(self.received) - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take one point of so many")
    parser.add_argument("--skip", type=int, default=0, help="go on after so many points")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="syscalls-") as folder:
        environment = Environment.up(pathlib.Path(folder) / "environment")
        try:
            sweep = Sweep(environment)
            counts = sweep.count()
            points = [
                (kind, number, name) for kind in KINDS for number in numbers(counts[kind]) for name in FAULTS]
            points = points[:: arguments.every][arguments.skip :]
            print(f"calls of one run: {counts}; {len(points)} points", flush=True)
            started = time.monotonic()
            for done, point in enumerate(points, 1):
                sweep.point(*point)
                if done % 50 == 0:
                    print(f"   {done} points, {len(sweep.received)} tokens, {time.monotonic() - started:.0f} s", flush=True)
            await_leaves(environment, sweep.received)
            sweep.disk.close()
        finally:
            environment.down()
        for (kind, name, outcome), count in sorted(sweep.outcomes.items()):
            print(f"   {kind:<9}{name:<7}{outcome:<17}{count:>5}")
        for fault in sweep.faults:
            print(f"FAULT: {fault}")
        print(
            f"syscalls: {len(points)} points, {len(sweep.received)} tokens received, all with their leaf; "
            f"{len(sweep.faults)} faults")
        sys.exit(1 if sweep.faults or not sweep.received else 0)


if __name__ == "__main__":
    main()
