#!/usr/bin/env python3
"""The fault module passes everything on unchanged, and the appliance over it survives what real HSMs do."""

import concurrent.futures
import ctypes
import os
import pathlib
import re
import tempfile
import time
import unittest

import pkcs11
from pkcs11 import KeyType, Mechanism, ObjectClass

import summary
from environment import Environment, Stopwatch, is_alive, wait_until
from fault_module import FaultModule, FaultyHSM, library, softhsm
from gateway_client import GatewayClient
from gateway_load import READ, GatewayLoad, await_leaves, identifier, readiness, refusals, verify_log
from token_keys import pkcs11_tool

# EX_UNAVAILABLE of sysexits.h: the PKCS#11 library has to be initialised again.
LIBRARY_LOST = 69
PIN = "1234"

directory = tempfile.TemporaryDirectory(prefix="hsm-faults-", ignore_cleanup_errors=True)
root = pathlib.Path(directory.name)
environment = hsm = None


def setUpModule():
    global environment, hsm
    environment = Environment.up(root / "environment")
    hsm = FaultyHSM(environment)


def tearDownModule():
    hsm.remove()
    environment.down()
    directory.cleanup()


class PassingThrough(unittest.TestCase):
    """With nothing scripted the fault module is the module behind it."""

    @classmethod
    def setUpClass(cls):
        cls.softhsm = softhsm(root / "alone", PIN, "567890")
        cls.module = FaultModule(root / "alone", environment["VAULT_MODULE"])
        cls.variables = cls.softhsm | cls.module.variables
        os.environ.update(cls.variables)

    def tool(self, *arguments):
        return pkcs11_tool(library(), "--token-label", "a token", *arguments, variables=self.variables)

    def test_all_68_functions_are_there(self):
        class List(ctypes.Structure):
            _fields_ = [("version", ctypes.c_ubyte * 2), ("functions", ctypes.c_void_p * 68)]

        functions = ctypes.POINTER(List)()
        self.assertEqual(ctypes.CDLL(library()).C_GetFunctionList(ctypes.byref(functions)), 0)
        self.assertEqual(list(functions.contents.version), [2, 40])
        self.assertTrue(all(functions.contents.functions))

    def test_pkcs11_tool_finds_no_difference(self):
        for key in ("EC:prime256v1", "rsa:2048"):
            made = self.tool("--login", "--pin", PIN, "--keypairgen", "--key-type", key, "--label", key, "--id", "01")
            self.assertEqual(made.returncode, 0, made.stderr)
        arguments = ("--token-label", "a token", "--login", "--pin", PIN)
        for test in (["--test"], ["--list-objects"], ["--list-mechanisms"], ["--list-token-slots"]):
            straight = pkcs11_tool(environment["VAULT_MODULE"], *arguments, *test, variables=self.softhsm)
            behind = self.tool("--login", "--pin", PIN, *test)
            self.assertEqual(
                (straight.returncode, straight.stdout, straight.stderr),
                (behind.returncode, behind.stdout, behind.stderr), test)
        self.assertEqual(self.module.tally()[1], 0)

    def test_python_pkcs11_signs_encrypts_and_digests(self):
        token = pkcs11.lib(str(library())).get_token(token_label="a token")
        with token.open(rw=True, user_pin=PIN) as session:
            public, private = session.generate_keypair(KeyType.RSA, 2048, store=False)
            signature = private.sign(b"message", mechanism=Mechanism.SHA256_RSA_PKCS)
            self.assertTrue(public.verify(b"message", signature, mechanism=Mechanism.SHA256_RSA_PKCS))
            self.assertFalse(public.verify(b"another", signature, mechanism=Mechanism.SHA256_RSA_PKCS))
            key = session.generate_key(KeyType.AES, 256, store=False)
            text, iv = b"sixteen bytes or more", session.generate_random(128)
            self.assertEqual(key.decrypt(key.encrypt(text, mechanism_param=iv), mechanism_param=iv), text)
            self.assertEqual(len(session.digest(b"message", mechanism=Mechanism.SHA256)), 32)
            self.assertEqual(len(list(session.get_objects({pkcs11.Attribute.CLASS: ObjectClass.SECRET_KEY}))), 1)

    def test_each_fault_is_what_it_says(self):
        sign = ("--login", "--pin", PIN, "--hash", "--mechanism", "SHA256", "--input-file", "/etc/hostname")
        cases = [
            ("C_DigestInit return CKR_DEVICE_ERROR", "CKR_DEVICE_ERROR"),
            ("C_Digest* token=a%20token unsupported", "CKR_FUNCTION_NOT_SUPPORTED"),
            ("C_DigestInit call=1 lose-session", "CKR_SESSION_HANDLE_INVALID"),
            ("C_DigestInit drop-sessions", "CKR_SESSION_HANDLE_INVALID"),
            ("C_DigestInit return 0x1a2", "0x1a2"), ("C_Login return CKR_PIN_LOCKED", "CKR_PIN_LOCKED"),
            ("C_DigestInit remove", "CKR_DEVICE_REMOVED"), ("C_OpenSession return CKR_SESSION_COUNT", "SESSION_COUNT"),
        ]
        self.addCleanup(self.module.set)
        for rule, expected in cases:
            self.module.set(rule)
            done = self.tool(*sign)
            self.assertNotEqual(done.returncode, 0, rule)
            self.assertIn(expected, done.stdout + done.stderr, rule)
        for rule in ("C_DigestInit token=other return 5", "C_DigestInit call=2- return 5", "C_Digest delay 1ms-2ms",
                     "C_DigestInit chance=0 seed=1 return 5", "# nothing"):
            self.module.set(rule)
            self.assertEqual(self.tool(*sign).returncode, 0, rule)
        self.module.set("C_DigestInit segv")
        self.assertEqual(self.tool(*sign).returncode, -11)
        self.assertEqual(self.module.tally()[0]["C_DigestInit"], 1)

    def test_a_script_that_cannot_be_understood_is_refused(self):
        self.addCleanup(self.module.set)
        for rule in ("C_Sgn hang", "C_Sign", "C_Sign call=0 hang", "C_Sign hang now", "C_Sign return CKR_NO_SUCH",
                     "C_Sign delay 5", "C_Sign chance=2 hang", "C_Sign colour=red hang", "C_Sign hang hang hang"):
            self.module.set(rule)
            done = self.tool("--list-objects")
            self.assertNotEqual(done.returncode, 0, rule)
            self.assertRegex(done.stderr, r"fault module: .*faults\.script:1: ", rule)


class Appliance(unittest.TestCase):
    """Core and front over the fault module, under load."""

    def setUp(self):
        hsm.set()
        self.received = []
        core = int(environment["VAULT_CORE_PID"] or 0)
        if core == 0 or not is_alive(core):
            hsm.restart()
        wait_until(lambda: readiness(environment) == 200, "the front is ready")

    def gateway(self):
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

    def load(self):
        load = GatewayLoad(environment, self.received, connections=4)
        self.addCleanup(load.stop)
        wait_until(lambda: len(self.received) > 20, "tokens are minted")
        return load

    def settled(self):
        """How many tokens were received, those included whose answer was on its way."""
        time.sleep(1)
        return len(self.received)

    def goes_on(self, load):
        """Tokens are minted again, nothing unexpected was answered, and the log has every token."""
        before = len(self.received)
        wait_until(lambda: len(self.received) > before + 20, "tokens are minted again")
        load.stop()
        self.assertEqual(load.unexpected, [])
        await_leaves(environment, self.received)
        self.assertEqual(verify_log(environment), "")

    def ends(self, pattern):
        """The core ends, with a last line that says why."""
        core = int(environment["VAULT_CORE_PID"])
        wait_until(lambda: not is_alive(core), "the core has ended")
        last = (environment.directory / "core.log").read_text().rstrip().splitlines()[-1]
        self.assertRegex(last, pattern)
        wait_until(lambda: readiness(environment) == 503, "the front says that it is not ready")

    def test_a_library_that_crashes_ends_the_core_with_a_clear_last_line(self):
        for fault, name in (("segv", "SIGSEGV"), ("abort", "SIGABRT")):
            load = self.load()
            hsm.set(f"C_Sign call=10 {fault}")
            self.ends(rf"^vault\.core: {name} in thread hsm-lane-\d+; the process ends and releases nothing more$")
            hsm.set()
            hsm.restart()
            self.goes_on(load)

    def test_a_lost_library_ends_the_core_sealed_and_says_so(self):
        load = self.load()
        hsm.set("C_* return CKR_CRYPTOKI_NOT_INITIALIZED")
        self.ends("the PKCS#11 library has to be initialised again; the core stops, sealed")
        self.assertNotIn("C_Finalize", hsm.tally()[0])
        hsm.set()
        hsm.restart()
        self.goes_on(load)

    def test_a_hung_token_turns_readiness_red_and_back(self):
        load = self.load()
        hsm.set("C_Sign hang")
        started = time.monotonic()
        wait_until(lambda: readiness(environment) == 503, "the front says that it is not ready")
        red = time.monotonic() - started
        count = self.settled()
        time.sleep(1)
        self.assertEqual(len(self.received), count)
        hsm.set()
        started = time.monotonic()
        wait_until(lambda: readiness(environment) == 200, "the front is ready again")
        print(f"\n   hung token: red after {red:.1f} s, ready again {time.monotonic() - started:.1f} s after it came back")
        self.goes_on(load)

    def test_a_token_that_is_removed_and_comes_back(self):
        load = self.load()
        hsm.set("C_* token=vault-dev remove")
        wait_until(lambda: readiness(environment) == 503, "the front says that it is not ready")
        wait_until(lambda: hsm.tally()[1] == 0, "no session is left")
        hsm.set()
        wait_until(lambda: readiness(environment) == 200, "the front is ready again")
        self.goes_on(load)

    def test_a_token_whose_directory_is_moved_away_and_back(self):
        load = self.load()
        tokens = pathlib.Path(environment["SOFTHSM2_CONF"]).read_text()
        tokens = pathlib.Path(re.search(r"directories.tokendir\s*=\s*(\S+)", tokens)[1])
        place = next(path for path in tokens.iterdir() if b"vault-dev" in (path / "token.object").read_bytes())
        place.rename(root / "away")
        try:
            with Stopwatch() as watch:
                wait_until(lambda: readiness(environment) == 503, "the front says that it is not ready")
                red = watch.seconds
            self.assertLess(red, 5)
            count = self.settled()
            time.sleep(1)
            self.assertEqual(len(self.received), count)
        finally:
            (root / "away").rename(place)
        with Stopwatch() as watch:
            wait_until(lambda: readiness(environment) == 200, "the front is ready again")
            back = watch.seconds
        self.assertLess(back, 5)
        print(f"\n   directory moved: red after {red:.1f} s, ready again {back:.1f} s after it was back")
        self.goes_on(load)
        done = environment.appliance("status", "--config", environment["VAULT_CONFIG"], "--json")
        self.assertRegex(done.stdout, r'"library_restarts": ?[1-9]')

    def test_losses_in_between_are_seen_by_hardly_anybody(self):
        load = self.load()
        # So rare that no one signature meets the same loss twice.
        hsm.set("C_SignInit every=101 drop-sessions", "C_SignInit every=67 logout", "C_Sign every=53 lose-session",
                "C_SignInit every=83 forget-handles")
        before = len(self.received)
        wait_until(lambda: len(self.received) > before + 200, "tokens are minted")
        hsm.set()
        self.goes_on(load)
        # Two kinds at the same moment may cost a request.
        self.assertLess(len(refusals(load, environment)), 5)

    def test_a_wrong_signature_is_never_released_and_its_key_is_out(self):
        gateways = [self.gateway() for _ in range(4)]
        hsm.set("C_Sign corrupt")
        with concurrent.futures.ThreadPoolExecutor(len(gateways)) as pool:
            list(pool.map(self.refused, gateways))
        hsm.set()
        self.refused(gateways[0])
        done = environment.appliance("status", "--config", environment["VAULT_CONFIG"])
        self.assertRegex(done.stdout + done.stderr, "made a wrong signature and is quarantined")
        hsm.restart()
        wait_until(lambda: readiness(environment) == 200, "the front is ready again")
        self.gateway()

    def test_a_core_that_is_told_to_stop_leaves_no_session_behind(self):
        self.gateway()
        hsm.restart()
        # The tally is written with the calls, so the newest sessions are in it by the next heartbeat.
        wait_until(lambda: hsm.tally()[1] > 0, "sessions are in the tally")
        os.kill(int(environment["VAULT_CORE_PID"]), 15)
        core = int(environment["VAULT_CORE_PID"])
        wait_until(lambda: not is_alive(core), "the core has ended")
        self.assertEqual(hsm.tally()[1], 0)


if __name__ == "__main__":
    summary.run("HSM faults")
