#!/usr/bin/env python3
"""A custodian leaves and another comes, by the commands alone, on an appliance that runs and stays active."""

import pathlib
import tempfile
import unittest

import summary
from environment import Environment, wait_until
from gateway_client import GatewayClient, tool
from party import Party

directory = tempfile.TemporaryDirectory(prefix="custodian-change-")
environment = party = None
outcome = {}


def setUpModule():
    global environment, party
    environment = Environment.up(pathlib.Path(directory.name) / "environment")
    party = Party(environment, pathlib.Path(directory.name) / "party")


def tearDownModule():
    environment.down()
    directory.cleanup()


def minted():
    try:
        return GatewayClient(environment).exchange(authorization_details=tool("crm.read_account", "read"))[0]
    except OSError:
        return None


class CustodianChange(unittest.TestCase):
    def test_0_a_change_that_is_aborted_locks_nobody_out(self):
        enrolments = [party.home(name) / "enrolment.json" for name in ("anna", "ben", "carla")]
        identifier = party.draft(party.plan("rotate-epoch", *enrolments, "", "2", "", "false", rehearsed=False))
        place = party.place(identifier)
        party.ceremony("run", identifier)
        party.sign(identifier, "manifest.json")
        party.ceremony("resume", identifier)
        before = party.pin("anna")
        early = party.run(
            "custodian", "accept", "--home", party.home("anna"), "--share", place / "shares" / "anna.age",
            place / "request" / "manifests", code=1)
        self.assertIn("manifest 2 is not in force yet", early)
        party.contribute("anna", place / "request", "--share", place / "shares" / "anna.age")
        self.assertEqual(party.pin("anna"), before)
        party.ceremony("abort", identifier, "--reason", "Ben changed his mind", "--key", party.home("ben") / "id_ssh")
        self.assertEqual(party.status(identifier)["state"], "aborted")
        environment.restart_sealed()
        request = pathlib.Path(directory.name) / "after-the-abort"
        party.run("activate", "--config", environment["VAULT_CONFIG"], "--no-wait", "--write", request)
        for name in party.quorum:
            party.contribute(name, request)
        wait_until(lambda: minted() == 200, "the front mints again")

    def test_1_ben_leaves_and_frida_comes_while_the_appliance_goes_on(self):
        party.run("custodian", "enrol", "--home", party.home("frida"), "--no-passphrase", "frida")
        enrolments = [party.home(name) / "enrolment.json" for name in ("anna", "frida", "carla")]
        plan = party.plan("rotate-epoch", *enrolments, "", "2", "", "false")
        identifier = party.draft(plan)
        place = party.place(identifier)
        self.assertIn("manifest.json", party.ceremony("run", identifier))
        party.sign(identifier, "manifest.json")
        self.assertIn("words", party.ceremony("resume", identifier))
        # The new custodians prove that they can open their new shares before anything depends on them.
        party.contribute("anna", place / "request", "--share", place / "shares" / "anna.age")
        # Frida's computer knows no appliance yet: she asks another custodian for the genesis, and nothing is opened before.
        proof = (place / "request", "--share", place / "shares" / "frida.age")
        self.assertIn("give --genesis HASH", party.contribute("frida", *proof, code=1))
        self.assertIn("not with that", party.contribute("frida", *proof, "--genesis", "0" * 64, code=1))
        self.assertIsNone(party.pin("frida"))
        party.contribute("frida", *proof, "--genesis", party.pin("anna")["genesis"])
        self.assertEqual(party.pin("frida"), party.pin("anna"))
        self.assertIn("head", party.ceremony("resume", identifier))
        self.assertEqual(party.status(identifier)["state"], "completed")
        # Rehearsed by the same steps, and signed by those who held it.
        party.close(identifier)
        outcome["place"] = place
        self.assertEqual(minted(), 200)

    def test_2_the_new_custodians_bring_it_to_life_after_a_restart_and_ben_cannot(self):
        manifests = environment.directory / "custody" / "manifests"
        genesis = party.pin("anna")["genesis"]
        for name in ("anna", "frida"):
            share = outcome["place"] / "shares" / f"{name}.age"
            party.run("custodian", "accept", "--home", party.home(name), "--share", share, "--genesis", genesis, manifests)
        environment.restart_sealed()
        request = pathlib.Path(directory.name) / "activation"
        party.run("activate", "--config", environment["VAULT_CONFIG"], "--no-wait", "--write", request)
        self.assertIn("belongs to none of", party.contribute("ben", request, code=1))
        party.contribute("anna", request)
        party.contribute("frida", request)
        wait_until(lambda: minted() == 200, "the front mints again")


if __name__ == "__main__":
    summary.run("custodian change")
