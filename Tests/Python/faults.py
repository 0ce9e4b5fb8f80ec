#!/usr/bin/env python3
"""The audit log's disk fails, and the core is killed: no token without a durable record, and a restart that heals."""

import concurrent.futures
import http.client
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import unittest

import jwt

import summary
from environment import ROOT, Environment, is_alive, wait_until
from gateway_client import GatewayClient, exchange_form, get, tool
from log_entries import read_entries

READ = tool("crm.read_account", "read")
BROKEN = (OSError, ssl.SSLError, http.client.HTTPException)
# EX_SOFTWARE of sysexits.h: what the core ends with when its log has failed.
LOG_FAILED = 70

directory = tempfile.TemporaryDirectory(prefix="vault faults ")
# LD_PRELOAD separates its files by spaces.
library_directory = tempfile.TemporaryDirectory(prefix="vault-faults-")
environment = None


def setUpModule():
    global environment
    environment = Environment.up(pathlib.Path(directory.name) / "environment")


def tearDownModule():
    environment.down()
    directory.cleanup()
    library_directory.cleanup()


def compile_shim():
    """Build the failing disk; any C compiler will do, and the Swift toolchain has one."""
    candidates = [os.environ.get("CC"), "cc", "clang", "gcc"]
    if swift := shutil.which("swift"):
        candidates.append(str(pathlib.Path(swift).resolve().parent / "clang"))
    compiler = next(filter(None, (shutil.which(name) for name in candidates if name)), None)
    if compiler is None:
        raise AssertionError("no C compiler found: install gcc")
    library = pathlib.Path(library_directory.name) / "failing_sync.so"
    source = ROOT / "Tests" / "Faults" / "failing_sync.c"
    options = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *options, "-o", library, source, "-ldl"], check=True)
    return library


def identifier(body):
    return jwt.decode(body["access_token"], options={"verify_signature": False})["jti"]


def readiness():
    return get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[0]


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
        wait_until(lambda: readiness() == 200, "the front is ready again")
        self.gateway()

        def missing():
            entries = read_entries(environment["VAULT_LOG_DIR"])
            return set(self.received) - {entry.get("jti") for entry in entries if entry["kind"] == "mint"}

        wait_until(lambda: not missing(), "every token that was received has its leaf")
        arguments = ("--log", environment["VAULT_LOG_DIR"], "--vkey", environment["VAULT_LOG_VKEY"])
        done = environment.appliance("audit", "verify", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class FailingDisk(Case):
    """The core of the environment gives way to one whose disk can be made to fail."""

    def setUp(self):
        super().setUp()
        self.flag = pathlib.Path(directory.name) / "the disk fails"
        self.log = environment.directory / "core.log"

    def start_core(self, fault):
        core = int(environment["VAULT_CORE_PID"])
        os.kill(core, signal.SIGTERM)
        wait_until(lambda: not is_alive(core), "the core has ended")
        wait_until(lambda: readiness() == 503, "the front has lost the old core")
        variables = {
            "LD_PRELOAD": str(compile_shim()), "VAULT_FAULT": fault, "VAULT_FAULT_FLAG": str(self.flag),
            "SOFTHSM2_CONF": environment["SOFTHSM2_CONF"], "PATH": os.environ["PATH"],
        }
        command = [environment.directory / "run" / "vault-appliance", "core", "--config", environment["VAULT_CONFIG"]]
        with open(self.log, "a") as output:
            self.core = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.addCleanup(self.end_core)
        wait_until(lambda: readiness() == 200, "the front has found the new core")

    def end_core(self):
        self.flag.unlink(missing_ok=True)
        if self.core.poll() is None:
            self.core.kill()
        self.core.wait()
        if not is_alive(int(environment["VAULT_CORE_PID"])):
            environment.restart("core")

    def check(self, fault):
        self.start_core(fault)
        gateways = [self.gateway() for _ in range(8)]
        self.flag.touch()
        with concurrent.futures.ThreadPoolExecutor(len(gateways)) as pool:
            list(pool.map(self.refused, gateways))
        self.assertEqual(self.core.wait(timeout=20), LOG_FAILED)
        last = self.log.read_text().rstrip().splitlines()[-1]
        self.assertIn("the audit log failed; the core stops", last)
        self.assertIn(environment["VAULT_LOG_DIR"], last)
        self.refused(gateways[0])
        wait_until(lambda: readiness() == 503, "the front says that it is not ready")
        self.flag.unlink()
        environment.restart("core")
        self.whole()
        self.granted(gateways[0])
        self.assertEqual(len(self.received), len(gateways) + 2)

    def test_a_sync_that_fails_ends_the_core_and_releases_nothing(self):
        self.check("sync")

    def test_a_write_without_space_ends_the_core_and_releases_nothing(self):
        self.check("space")


class Load:
    """Gateways that go on asking, each over its own connections, until they are told to stop."""

    def __init__(self, received, connections=4):
        self.received, self.unexpected = received, []
        self.stopping = threading.Event()
        self.form = exchange_form(environment, authorization_details=READ)
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self):
        gateway = GatewayClient(environment)
        while not self.stopping.is_set():
            try:
                status, body = gateway.post(self.form)
            except BROKEN:
                gateway.close()
                status, body = 503, {}
            if status == 200:
                self.received.append(identifier(body))
            elif status == 503:
                self.stopping.wait(0.05)
            else:
                self.unexpected.append((status, body))
        gateway.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class KilledCore(Case):
    def test_whenever_the_core_is_killed_every_token_that_got_out_has_its_leaf(self):
        front = environment["VAULT_PID"]
        load = Load(self.received)
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
