#!/usr/bin/env python3
"""`doctor` from outside, beside a running core; the conformance suite as a tester starts it; what the core lets out."""

import json
import os
import pathlib
import pty
import re
import subprocess
import tempfile
import unittest

import summary
from environment import ROOT, Environment

directory = tempfile.TemporaryDirectory(prefix="vault doctor ")
environment = None


def setUpModule():
    global environment
    environment = Environment.up(pathlib.Path(directory.name) / "environment")


def tearDownModule():
    environment.down()
    directory.cleanup()


def pin():
    return environment.pin()


def doctor(*arguments):
    binary = environment.directory / "run" / "vault-appliance"
    variables = {**os.environ, "SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]}
    return subprocess.run([binary, "doctor", *arguments], capture_output=True, text=True, timeout=120, env=variables)


def findings(process):
    return {finding["code"] for token in json.loads(process.stdout)["tokens"] for finding in token["findings"]}


class Doctor(unittest.TestCase):
    def test_a_token_in_use_is_examined_and_nothing_is_wrong(self):
        process = doctor("--config", environment["VAULT_CONFIG"], "--pin-file", environment.pin_file(directory.name))
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertIn("nothing is wrong", process.stdout)
        self.assertIn("checkpoint", process.stdout)
        self.assertNotIn(pin(), process.stdout + process.stderr)
        # The core has noticed nothing.
        self.assertEqual(environment.appliance("status", "--config", environment["VAULT_CONFIG"]).returncode, 0)

    def test_machines_read_the_same_as_people(self):
        report = json.loads(doctor("--config", environment["VAULT_CONFIG"], "--pin-file",
                                   environment.pin_file(directory.name), "--json").stdout)
        self.assertTrue(report["well"])
        (token,) = report["tokens"]
        self.assertEqual({key["provenance"] for key in token["keys"]}, {"generated"})
        # The key that opens secrets signs nothing; without a manifest an EdDSA key's algorithm is not known.
        untimed = {key["label"] for key in token["keys"] if not key["signature_microseconds"]}
        self.assertLessEqual(untimed, {"kek", "checkpoint", "sign-eddsa"})
        self.assertEqual(token["profile"]["oaep_hash"], "SHA-1")

    def test_what_is_wrong_makes_it_exit_with_1_and_has_a_mend(self):
        missing = doctor("--module", environment["VAULT_MODULE"], "--token", "missing", "--pin-file",
                         str(environment.pin_file(directory.name)), "--json")
        self.assertEqual(missing.returncode, 1)
        self.assertIn("token-not-found", findings(missing))
        wrong = pathlib.Path(directory.name) / "wrong pin"
        wrong.write_text("wrong-1234")
        wrong.chmod(0o600)
        refused = doctor("--config", environment["VAULT_CONFIG"], "--pin-file", str(wrong), "--json")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("pin-refused", findings(refused))
        self.assertNotIn("wrong-1234", refused.stdout + refused.stderr)
        for token in json.loads(refused.stdout)["tokens"]:
            self.assertTrue(all(f["mend"] for f in token["findings"] if f["severity"] == "fault"))

    def test_bad_usage_is_no_examination(self):
        for arguments in [[], ["--module", "/x"], ["--config", "/x", "--token", "y"]]:
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
             environment["VAULT_TOKEN_LABEL"], "--pin-file", environment.pin_file(directory.name)],
            capture_output=True, text=True, timeout=600, env=variables)
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        self.assertRegex(process.stdout, r"\n\d+ passed, 0 failed, 0 skipped\n$")
        self.assertNotIn(pin(), process.stdout + process.stderr)


class Hygiene(unittest.TestCase):
    """What a process that holds a PIN keeps out of other processes' reach."""

    def process(self):
        return pathlib.Path("/proc") / environment["VAULT_CORE_PID"]

    def test_the_core_leaves_no_core_dump(self):
        limits = (self.process() / "limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        # The files in /proc of a process that is not dumpable belong to root (proc(5)), which shows for other users alone.
        if os.getuid() != 0:
            self.assertEqual((self.process() / "mem").stat().st_uid, 0)

    def test_the_pin_is_in_locked_memory_that_is_never_dumped_or_inherited(self):
        flags = re.findall(r"^VmFlags: (.*)$", (self.process() / "smaps").read_text(), re.MULTILINE)
        kept = [set(line.split()) for line in flags if {"lo", "dd", "wf"} <= set(line.split())]
        self.assertTrue(kept, "no mapping is locked, undumpable and wiped on fork")

    def test_the_pin_is_in_no_argument_and_no_variable(self):
        for name in ["cmdline", "environ"]:
            self.assertNotIn(pin().encode(), (self.process() / name).read_bytes())

    def test_no_child_would_inherit_a_file(self):
        """Sockets and polls are the network library's, which does not mark them; the core starts no program."""
        leaking = []
        for entry in (self.process() / "fd").iterdir():
            try:
                target = os.readlink(entry)
                information = (self.process() / "fdinfo" / entry.name).read_text()
            except FileNotFoundError:
                continue
            flags = int(re.search(r"^flags:\s+(\d+)$", information, re.MULTILINE).group(1), 8)
            if int(entry.name) > 2 and target.startswith("/") and not flags & os.O_CLOEXEC:
                leaking.append(f"{entry.name} -> {target}")
        self.assertEqual(leaking, [])


if __name__ == "__main__":
    summary.run("doctor")
