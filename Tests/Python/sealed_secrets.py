#!/usr/bin/env python3
"""The `secret` commands as people use them, against a running appliance under custodians."""

import json
import pathlib
import unittest

import summary
from environment import module_environment
from party import Party

VALUE = "Grau-teurer-Freund-ist-alle-Theorie"

environment = None


def setUpModule():
    global environment
    environment = module_environment("sealed-secrets-", DEV_TOKENS="2")


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

    def test_5_while_one_key_is_quarantined_secrets_are_sealed_to_the_others_and_to_it_once_it_is_given_back(self):
        party = Party(environment, environment.directory.parent / "party")
        keys = [key for key in party.appliance()["keys"] if key["purpose"] == "kek"]
        self.assertEqual(len(keys), 2)

        def quarantine(key):
            party.run(
                "quarantine", "--config", environment["VAULT_CONFIG"], "--key", party.home("anna") / "id_ssh", key["kid"])

        def sealed_to(name):
            envelope = json.loads(next(party.custody.rglob(f"{name}.json")).read_text())
            return {key["kid"] for key in envelope["keys"]}

        quarantine(keys[1])
        done = secret("seal", "teams", "--file", value_file())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("to 1 token(s)", done.stdout)
        self.assertEqual(sealed_to("teams"), {keys[0]["kid"]})
        # Of one that was sealed before another version is sealed to the same.
        self.assertEqual(secret("rotate", "jira", "--file", value_file()).returncode, 0)
        self.assertEqual(sealed_to("jira"), {keys[0]["kid"]})
        quarantine(keys[0])
        refused = secret("seal", "mail", "--file", value_file())
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("custodians give one back (change-key-state) or make another one (generate)", refused.stderr)
        self.assertFalse(self.sealed("mail"))
        kids = [key["kid"] for key in keys]
        party.hold(party.plan("change-key-state", *kids, "", "active", "active"))
        for name in ("teams", "jira"):
            self.assertEqual(sealed_to(name), set(kids))
        self.assertEqual(secret("seal", "mail", "--file", value_file()).returncode, 0)
        self.assertEqual(sealed_to("mail"), set(kids))


if __name__ == "__main__":
    summary.run("sealed secrets")
