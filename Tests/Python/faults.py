#!/usr/bin/env python3
"""The audit log's disk fails, and the core is killed: no token without a durable record, and a restart that heals."""

import concurrent.futures
import errno
import os
import signal
import unittest

import summary
from environment import Stopwatch, is_alive, module_environment, wait_until
from failing_disk import HANG, FailingDisk
from gateway_client import GatewayClient, get
from gateway_load import READ, GatewayLoad, await_leaves, identifier, readiness, verify_log
from log_entries import read_entries

environment = None


def setUpModule():
    global environment
    environment = module_environment("vault faults ")


def reasons():
    """Why the front is not ready, as it says itself."""
    return get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[1]


class Case(unittest.TestCase):
    def setUp(self):
        self.received = []

    def gateway(self):
        """A connection that outlives the core: a new one needs it, for the listener's key is in the HSM."""
        gateway = GatewayClient(environment)
        self.addCleanup(gateway.close)
        self.granted(gateway)
        return gateway

    def granted(self, gateway):
        status, body = gateway.exchange(authorization_details=READ)
        self.assertEqual(status, 200, body)
        self.received.append(identifier(body))

    def refused(self, gateway):
        status, body = gateway.exchange(authorization_details=READ)
        self.assertEqual((status, body.get("error")), (503, "temporarily_unavailable"), body)
        self.assertNotIn("access_token", body)
        self.assertIn("retry-after", gateway.headers)

    def whole(self):
        """The front is ready, the log verifies, and every token that was ever received has its leaf."""
        wait_until(lambda: readiness(environment) == 200, "the front is ready again")
        self.gateway()
        await_leaves(environment, self.received)
        self.assertEqual(verify_log(environment), "")


class BrokenDisk(Case):
    """The core of the environment gives way to one whose disk can be made to fail."""

    def setUp(self):
        super().setUp()
        self.disk = FailingDisk(environment)
        self.addCleanup(self.disk.close)
        environment.restart("core", self.disk.variables)
        self.addCleanup(environment.restart, "core")
        wait_until(lambda: readiness(environment) == 200, "the front has found the new core")

    def check(self, kind, error):
        core = int(environment["VAULT_CORE_PID"])
        gateways = [self.gateway() for _ in range(8)]
        self.disk.fail(kind, error)
        with concurrent.futures.ThreadPoolExecutor(len(gateways)) as pool:
            list(pool.map(self.refused, gateways))
        wait_until(lambda: not is_alive(core), "the core has ended")
        last = (environment.directory / "core.log").read_text().rstrip().splitlines()[-1]
        self.assertIn("the audit log failed; the core stops", last)
        self.assertIn(environment["VAULT_LOG_DIR"], last)
        self.refused(gateways[0])
        wait_until(lambda: readiness(environment) == 503, "the front says that it is not ready")
        environment.restart("core")
        self.whole()
        self.granted(gateways[0])
        self.assertEqual(len(self.received), len(gateways) + 2)

    def test_a_sync_that_fails_ends_the_core_and_releases_nothing(self):
        self.check("sync", errno.EIO)

    def test_a_write_without_space_ends_the_core_and_releases_nothing(self):
        self.check("write", errno.ENOSPC)


    def test_a_sync_that_hangs_is_named_and_what_nobody_waits_for_is_not_recorded_afterwards(self):
        gateways = [self.gateway() for _ in range(8)]
        await_leaves(environment, self.received)
        before = len(read_entries(environment["VAULT_LOG_DIR"]))
        self.received.clear()
        self.disk.fail("sync", HANG)
        with concurrent.futures.ThreadPoolExecutor(len(gateways)) as pool:
            for _ in range(2):
                list(pool.map(self.refused, gateways))
        wait_until(lambda: "log: the disk has not answered for" in reasons(), "the front says what is wrong")
        self.assertEqual(readiness(environment), 503)
        self.disk.mend()
        self.whole()
        entries = read_entries(environment["VAULT_LOG_DIR"])[before:]
        minted, aborted = ({one["jti"] for one in entries if one["kind"] == kind} for kind in ("mint", "mint.aborted"))
        # What was being written when the disk hung is in the log, as aborted; what came while it did is not.
        self.assertLessEqual(len(minted), len(gateways) + 1)
        self.assertEqual(minted - aborted, set(self.received))


class HungCore(Case):
    def test_a_core_that_hangs_shows_within_five_seconds_and_is_used_again_once_it_goes_on(self):
        core = int(environment["VAULT_CORE_PID"])
        wait_until(lambda: readiness(environment) == 200, "the front has found the core")
        gateway = self.gateway()
        for _ in range(3):
            os.kill(core, signal.SIGSTOP)
            self.addCleanup(os.kill, core, signal.SIGCONT)
            with Stopwatch() as watch:
                wait_until(lambda: readiness(environment) == 503, "the front says that it is not ready")
                self.assertLess(watch.seconds, 5)
            os.kill(core, signal.SIGCONT)
            wait_until(lambda: readiness(environment) == 200, "the front is ready again")
            self.granted(gateway)
        self.whole()


class KilledCore(Case):
    def test_whenever_the_core_is_killed_every_token_that_got_out_has_its_leaf(self):
        front = environment["VAULT_PID"]
        load = GatewayLoad(environment, self.received)
        self.addCleanup(load.stop)
        for _ in range(4):
            before = len(self.received)
            wait_until(lambda: len(self.received) > before + 20, "tokens are minted")
            environment.kill("VAULT_CORE_PID")
            environment.restart("core")
        before = len(self.received)
        wait_until(lambda: len(self.received) > before, "tokens are minted again")
        load.stop()
        self.assertEqual(load.unexpected, [])
        self.whole()
        self.assertEqual(environment["VAULT_PID"], front)


if __name__ == "__main__":
    summary.run("faults")
