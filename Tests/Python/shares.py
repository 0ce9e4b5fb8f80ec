#!/usr/bin/env python3
"""The shares of an activation secret, held against pyshamir (a port of HashiCorp Vault's code), both ways."""

import itertools
import os
import random
import secrets
import subprocess
import unittest

import pyshamir

import summary
from environment import ROOT

# Thresholds and numbers of custodians.
QUORUMS = ((2, 2), (2, 3), (3, 5), (5, 8), (16, 16))
LENGTH = 32


def shamir(command, *options, lines):
    """Our own code, on lines of hexadecimal digits."""
    program = os.environ.get("VAULT_DEVELOPMENT") or ROOT / ".build" / "debug" / "vault-development"
    done = subprocess.run(
        [program, "shamir", command, *map(str, options)], input="".join(f"{line.hex()}\n" for line in lines), text=True,
        capture_output=True, check=True)
    return [bytes.fromhex(line) for line in done.stdout.splitlines()]


def groups(shares, size, most=40):
    """Groups of so many shares, in any order: all of them, or some where there are many."""
    found = list(itertools.combinations(shares, size))
    found = found if len(found) <= most else random.sample(found, most)
    return [random.sample(group, size) for group in found]


class Shares(unittest.TestCase):
    def test_what_pyshamir_splits_is_made_whole_here(self):
        for threshold, count in QUORUMS:
            for secret in (secrets.token_bytes(LENGTH), bytes(LENGTH), b"\xff" * LENGTH):
                shares = [bytes(share) for share in pyshamir.split(secret, count, threshold)]
                chosen = groups(shares, threshold)
                found = shamir("combine", "--threshold", threshold, lines=itertools.chain(*chosen))
                self.assertEqual(found, [secret] * len(chosen), (threshold, count))

    def test_what_is_split_here_is_made_whole_by_pyshamir(self):
        for threshold, count in QUORUMS:
            for secret in (secrets.token_bytes(LENGTH), bytes(LENGTH), b"\xff" * LENGTH):
                shares = shamir("split", "--threshold", threshold, "--count", count, lines=[secret])
                self.assertEqual([share[-1] for share in shares], list(range(1, count + 1)))
                for group in groups(shares, threshold):
                    self.assertEqual(bytes(pyshamir.combine([bytearray(share) for share in group])), secret)

    def test_one_share_too_few_gives_another_secret_to_both(self):
        for threshold, count in ((3, 5), (5, 8)):
            secret = secrets.token_bytes(LENGTH)
            shares = shamir("split", "--threshold", threshold, "--count", count, lines=[secret])
            few = shares[:threshold - 1]
            theirs = bytes(pyshamir.combine([bytearray(share) for share in few]))
            self.assertNotEqual(theirs, secret)
            self.assertEqual(shamir("combine", "--threshold", threshold - 1, lines=few), [theirs])


if __name__ == "__main__":
    summary.run("shares")
