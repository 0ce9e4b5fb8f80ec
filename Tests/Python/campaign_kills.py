#!/usr/bin/env python3
"""The core is killed (SIGKILL) under load, again and again: no token without a leaf, and a start that heals the log.

scripts/test runs a few cycles; the figure to reach is 1,000.
"""

import argparse
import pathlib
import random
import sys
import tempfile
import time

from environment import Environment
from gateway_load import GatewayLoad, await_leaves, verify_log


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cycles", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    received, faults, starts = [], [], []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        environment = Environment.up(pathlib.Path(folder) / "environment")
        load = GatewayLoad(environment, received, connections=4, pause=0.02)
        try:
            for cycle in range(1, arguments.cycles + 1):
                before, end = len(received), time.monotonic() + 120
                while len(received) == before:
                    if time.monotonic() > end:
                        faults.append(f"cycle {cycle}: no token in 120 s")
                        break
                    time.sleep(0.01)
                time.sleep(chance.random() * 0.3)
                environment.kill("VAULT_CORE_PID")
                started = time.monotonic()
                environment.restart("core")
                starts.append(time.monotonic() - started)
                if cycle % 20 == 0 and (problem := verify_log(environment)):
                    faults.append(f"cycle {cycle}: {problem}")
                if cycle % 100 == 0:
                    print(f"   {cycle} cycles, {len(received)} tokens", flush=True)
        finally:
            load.stop()
            try:
                await_leaves(environment, received)
                faults += [f"answered {answer}" for answer in load.unexpected]
                if problem := verify_log(environment):
                    faults.append(f"at the end: {problem}")
            finally:
                environment.down()
    starts.sort()
    for fault in faults:
        print(f"FAULT: {fault}")
    print(
        f"kills: {arguments.cycles} cycles (seed {arguments.seed}), {len(received)} tokens received, all with their leaf; "
        f"{len(faults)} faults; core up again in {starts[len(starts) // 2]:.2f} s (median), {starts[-1]:.2f} s (most)")
    sys.exit(1 if faults or not received else 0)


if __name__ == "__main__":
    main()
