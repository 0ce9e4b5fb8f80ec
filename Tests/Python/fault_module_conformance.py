#!/usr/bin/env python3
"""Other people's PKCS#11 clients find no difference between SoftHSM and SoftHSM behind the fault module without a script.

pkcs11-check's smoke tests, test by test, and `pkcs11-tool --test`. pkcs11-check comes from pkcs11-check-requirements.txt, in an
environment of its own that needs Python 3.12 or later; where there is none, this test says so and ends with 77.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import newer_python
import summary
from fault_module import FaultModule, library, softhsm
from token_keys import pkcs11_tool

PIN, OFFICER = "1234", "567890"
KNOWN = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
         "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so")
directory = tempfile.TemporaryDirectory(prefix="pkcs11-check-", ignore_cleanup_errors=True)
root = pathlib.Path(directory.name)
tools = None


class NothingScripted(unittest.TestCase):
    """Each run has a token of its own, for the tests leave objects behind."""

    def setUp(self):
        self.straight = next(path for path in KNOWN if pathlib.Path(path).exists())

    def token(self, name):
        """Variables for a new token and for the fault module in front of it."""
        variables = softhsm(root / name, PIN, OFFICER)
        self.module = FaultModule(root / name, self.straight)
        return variables | self.module.variables

    def outcomes(self, name, module):
        """What became of each of pkcs11-check's smoke tests: by phase, as pytest reports it."""
        folder = root / f"{name}-run"
        folder.mkdir()
        variables = os.environ | self.token(name) | {"P11TEST_PIN": PIN, "P11TEST_SO_PIN": OFFICER}
        done = subprocess.run(
            [tools / "bin/pkcs11-check", "test", "--module", module, "--marker", "smoke", "--skip-slow", "--output",
             "json", "--output-file", "results.json"],
            cwd=folder, env=variables, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        reports = map(json.loads, (folder / "report.jsonl").read_text().splitlines())
        # The name of the library's file is no difference.
        return {
            (report["nodeid"].rpartition("testcases/")[2], report["when"]): report["outcome"]
            for report in reports if report["$report_type"] == "TestReport"}

    def test_pkcs11_checks_smoke_tests_end_alike(self):
        straight = self.outcomes("straight", self.straight)
        behind = self.outcomes("behind", library())
        self.assertEqual(straight, behind)
        passed = [key for key, outcome in behind.items() if key[1] == "call" and outcome == "passed"]
        print(f"\n   pkcs11-check {len(passed)} smoke tests pass straight and behind the fault module")
        self.assertGreater(len(passed), 100)
        self.assertNotIn("failed", behind.values())
        # Each of its test files is a process, which writes the tally anew: the fault module was there, and no session is left.
        self.assertGreater(sum(self.module.tally()[0].values()), 20)
        self.assertEqual(self.module.tally()[1], 0)

    def test_pkcs11_tools_own_test_ends_alike(self):
        variables = self.token("tool")
        arguments = ("--token-label", "a token", "--login", "--pin", PIN)
        # It tries no key but RSA, and looks at the one it finds first; SoftHSM finds several in any order.
        made = pkcs11_tool(
            library(), *arguments, "--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "01",
            variables=variables)
        self.assertEqual(made.returncode, 0, made.stderr)
        straight = pkcs11_tool(self.straight, *arguments, "--test", variables=variables)
        behind = pkcs11_tool(library(), *arguments, "--test", variables=variables)
        self.assertEqual(
            (straight.returncode, straight.stdout, straight.stderr), (behind.returncode, behind.stdout, behind.stderr))
        self.assertIn("RSA-PKCS: OK", straight.stdout)


def tearDownModule():
    directory.cleanup()


if __name__ == "__main__":
    tools = newer_python.environment_of("pkcs11-check", "pkcs11-check")
    summary.run("fault module, other clients")
