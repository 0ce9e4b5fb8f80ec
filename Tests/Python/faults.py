#!/usr/bin/env python3
"""The audit log's disk fails, and the core is killed: no token without a durable record, and a restart that heals."""

import concurrent.futures
import errno
import unittest

import summary
from environment import is_alive, module_environment, wait_until
from failing_disk import FailingDisk
from gateway_client import GatewayClient
from gateway_load import READ, GatewayLoad, await_leaves, identifier, readiness, verify_log

environment = None


def setUpModule():
    global environment
    environment = module_environment("vault faults ")


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
