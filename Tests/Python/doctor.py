#!/usr/bin/env python3
"""`doctor` from outside, beside a running core; the conformance suite as a tester starts it."""

import json
import os
import pty
import subprocess
import unittest

import summary
from environment import ROOT, module_environment

environment = None


def setUpModule():
    global environment
    environment = module_environment("vault doctor ")


def pin():
    return environment.pin()


def doctor(*arguments):
    binary = environment.directory / "run" / "vault-appliance"
    variables = {**os.environ, "SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]}
    return subprocess.run([binary, "doctor", *arguments], capture_output=True, text=True, timeout=600, env=variables)


def findings(process):
    return {finding["code"] for token in json.loads(process.stdout)["tokens"] for finding in token["findings"]}


def inventory(token):
    """What the report says of each key, as the manifest says it."""
    return sorted((key["label"], key["alg"], key["purpose"], key["state"], key["kid"]) for key in token["keys"])


def manifest_keys():
    """The keys of the newest manifest."""
    manifests = environment.directory / "custody" / "manifests"
    newest = max(manifests.glob("*.json"), key=lambda file: int(file.stem))
    keys = json.loads(newest.read_text())["keys"]
    return sorted((key["label"], key["alg"], key["purpose"], key["state"], key["kid"]) for key in keys)


class Doctor(unittest.TestCase):
    def test_a_token_in_use_is_examined_and_nothing_is_wrong(self):
        process = doctor("--config", environment["VAULT_CONFIG"], "--pin-file", environment.pin_file(environment.directory.parent))
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertIn("nothing is wrong", process.stdout)
        self.assertIn("checkpoint", process.stdout)
        self.assertNotIn(pin(), process.stdout + process.stderr)
        # The core has noticed nothing.
        self.assertEqual(environment.appliance("status", "--config", environment["VAULT_CONFIG"]).returncode, 0)

    def test_machines_read_the_same_as_people(self):
        report = json.loads(doctor("--config", environment["VAULT_CONFIG"], "--pin-file",
                                   environment.pin_file(environment.directory.parent), "--json").stdout)
        self.assertTrue(report["well"])
        (token,) = report["tokens"]
        self.assertEqual({key["provenance"] for key in token["keys"]}, {"generated"})
        self.assertEqual(inventory(token), manifest_keys())
        self.assertEqual([key["label"] for key in token["keys"] if not key["signature_microseconds"]], [])
        self.assertEqual(token["profile"]["oaep_hash"], "SHA-1")

    def test_without_a_pin_it_says_what_the_manifest_says_and_what_it_left_out(self):
        process = doctor("--config", environment["VAULT_CONFIG"], "--without-pin", "--json")
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        (token,) = json.loads(process.stdout)["tokens"]
        self.assertIn("login-left-out", findings(process))
        self.assertEqual(inventory(token), manifest_keys())
        self.assertEqual({key["signature_microseconds"] for key in token["keys"]}, {None})
        self.assertEqual((token["algorithms"], token["profile"]), ([], None))
        self.assertEqual(token["token"]["label"], environment["VAULT_TOKEN_LABEL"])

    def test_a_pin_that_nobody_has_is_not_asked_for_under_custodians(self):
        process = doctor("--config", environment["VAULT_CONFIG"], "--json")
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertTrue({"login-left-out", "custodians-hold-the-pin"} <= findings(process))

    def test_a_manifest_that_nobody_signed_is_a_finding_and_changes_nothing(self):
        file = environment.directory / "custody" / "manifests" / "2.json"
        file.write_text("{}")
        try:
            process = doctor("--config", environment["VAULT_CONFIG"], "--without-pin", "--json")
        finally:
            file.unlink()
        self.assertEqual(process.returncode, 1)
        (token,) = json.loads(process.stdout)["tokens"]
        (finding,) = [finding for finding in token["findings"] if finding["code"] == "manifest-refused"]
        self.assertIn("2.json", finding["text"])
        self.assertTrue(finding["mend"])
        self.assertEqual(token["keys"], [])

    def test_what_is_wrong_makes_it_exit_with_1_and_has_a_mend(self):
        missing = doctor("--module", environment["VAULT_MODULE"], "--token", "missing", "--pin-file",
                         str(environment.pin_file(environment.directory.parent)), "--json")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("token-not-found", findings(missing))
        wrong = environment.directory.parent / "wrong pin"
        wrong.write_text("wrong-1234")
        wrong.chmod(0o600)
        refused = doctor("--config", environment["VAULT_CONFIG"], "--pin-file", str(wrong), "--json")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("pin-refused", findings(refused))
        self.assertNotIn("wrong-1234", refused.stdout + refused.stderr)
        for token in json.loads(refused.stdout)["tokens"]:
            self.assertTrue(all(f["mend"] for f in token["findings"] if f["severity"] == "fault"))

    def test_bad_usage_is_no_examination(self):
        for arguments in [[], ["--module", "/x"], ["--config", "/x", "--token", "y"],
                          ["--config", "/x", "--without-pin", "--pin-file", "/y"]]:
            self.assertEqual(doctor(*arguments).returncode, 64, arguments)

    def test_the_pin_is_asked_for_without_echo(self):
        binary = environment.directory / "run" / "vault-appliance"
        child, terminal = pty.fork()
        if child == 0:
            os.environ["SOFTHSM2_CONF"] = environment["SOFTHSM2_CONF"]
            os.execv(binary, [str(binary), "doctor", "--no-session-keys", "--module", environment["VAULT_MODULE"],
                              "--token", environment["VAULT_TOKEN_LABEL"]])
        output = read_until(terminal, b": ")
        self.assertIn(b"PIN of pkcs11:token=", output)
        os.write(terminal, pin().encode() + b"\n")
        output += read_until(terminal, None)
        _, status = os.waitpid(child, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, output)
        self.assertNotIn(pin().encode(), output)
        self.assertIn(b"nothing is wrong", output)


def read_until(terminal, mark):
    """Everything until the mark, or until the terminal closes."""
    output = b""
    while mark is None or mark not in output:
        try:
            some = os.read(terminal, 4096)
        except OSError:
            break
        if not some:
            break
        output += some
    return output


class Conformance(unittest.TestCase):
    def test_a_tester_runs_the_suite_with_one_line(self):
        variables = {**os.environ, "SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]}
        process = subprocess.run(
            [ROOT / "scripts" / "test", "--module", environment["VAULT_MODULE"], "--token",
             environment["VAULT_TOKEN_LABEL"], "--pin-file", environment.pin_file(environment.directory.parent)],
            capture_output=True, text=True, timeout=600, env=variables)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertRegex(process.stdout, r"\n\d+ passed, 0 failed, 0 skipped\n$")
        self.assertNotIn(pin(), process.stdout + process.stderr)


if __name__ == "__main__":
    summary.run("doctor")
