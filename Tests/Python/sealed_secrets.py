#!/usr/bin/env python3
"""The `secret` commands as people use them, against a running appliance under custodians."""

import json
import pathlib
import unittest

import summary
from environment import module_environment

VALUE = "Grau-teurer-Freund-ist-alle-Theorie"

environment = None


def setUpModule():
    global environment
    environment = module_environment("sealed-secrets-")


def secret(command, *arguments, home="anna", key="anna"):
    custodians = environment.directory / "custodians"
    options = ["--config", environment["VAULT_CONFIG"]]
    if command != "list":
        # Never the home of whoever runs the tests.
        options += ["--home", custodians / home if home else environment.directory.parent / "nobody"]
        options += ["--key", custodians / key / "id_ssh"]
    return environment.appliance("secret", command, *options, *arguments)


def value_file():
    path = environment.directory.parent / "value"
    path.touch(mode=0o600)
    path.write_text(VALUE)
    return path


def genesis():
    pin = next((environment.directory / "custodians" / "anna" / "appliances").glob("*/pin.json"))
    return json.loads(pin.read_text())["genesis"]


class SealedSecrets(unittest.TestCase):
    def sealed(self, name):
        listed = secret("list")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        return name in listed.stdout

    def test_1_whoever_accepted_the_appliance_seals_and_the_value_is_nowhere_on_its_disk(self):
        done = secret("seal", "slack", "--file", value_file())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(VALUE, done.stdout + done.stderr)
        self.assertTrue(self.sealed("slack"))
        files = [path for path in environment.directory.rglob("*") if path.is_file() and path.stat().st_size < 1 << 24]
        self.assertGreater(len(files), 30)
        self.assertEqual([path for path in files if VALUE.encode() in path.read_bytes()], [])

    def test_2_whoever_did_not_must_know_the_genesis(self):
        unasked = secret("seal", "jira", "--file", value_file(), home=None)
        self.assertNotEqual(unasked.returncode, 0)
        self.assertIn("--genesis", unasked.stderr)
        wrong = secret("seal", "jira", "--file", value_file(), "--genesis", "0" * 64, home=None)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("--genesis", wrong.stderr)
        self.assertFalse(self.sealed("jira"))
        right = secret("seal", "jira", "--file", value_file(), "--genesis", genesis(), home=None)
        self.assertEqual(right.returncode, 0, right.stderr)
        self.assertTrue(self.sealed("jira"))

    def test_3_a_core_of_another_custody_than_the_configuration_says_gets_nothing(self):
        config = pathlib.Path(environment["VAULT_CONFIG"])
        text = config.read_text()
        other = config.with_name("development.yaml")
        other.write_text(
            text.replace("custody: quorum", "custody: development").replace("custody_directory: custody", "manifest: m.json"))
        try:
            done = environment.appliance(
                "secret", "seal", "--config", other, "--home", environment.directory / "custodians" / "anna", "--key",
                environment.directory / "custodians" / "anna" / "id_ssh", "--file", value_file(), "github")
        finally:
            other.unlink()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("core.custody is development", done.stderr)
        self.assertFalse(self.sealed("github"))

    def test_4_a_secret_is_rotated_and_removed_under_a_persons_name(self):
        self.assertEqual(secret("rotate", "slack", "--file", value_file()).returncode, 0)
        removed = secret("remove", "slack", key="ben", home="ben")
        self.assertEqual(removed.returncode, 0, removed.stderr)
        self.assertNotEqual(secret("rotate", "slack", "--file", value_file()).returncode, 0)


if __name__ == "__main__":
    summary.run("sealed secrets")
