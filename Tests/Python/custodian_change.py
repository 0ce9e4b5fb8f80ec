#!/usr/bin/env python3
"""A custodian leaves and another comes, by the commands alone, on an appliance that runs and stays active."""

import pathlib
import re
import tempfile
import unittest

import summary
from environment import Environment, script, wait_until
from gateway_client import GatewayClient, tool

directory = tempfile.TemporaryDirectory(prefix="custodian-change-")
environment = None
outcome = {}


def setUpModule():
    global environment
    environment = Environment.up(pathlib.Path(directory.name) / "environment")


def tearDownModule():
    environment.down()
    directory.cleanup()


def home(name):
    return environment.directory / "custodians" / name


def run(*arguments, code=0):
    done = environment.appliance(*arguments)
    if done.returncode != code:
        raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def ceremony(command, *arguments, code=0):
    return run("ceremony", command, "--config", environment["VAULT_CONFIG"], *arguments, code=code)


def member(name):
    text = (home(name) / "enrolment.json").read_text()
    key, recipient = (re.search(rf'"{field}":"([^"]*)"', text)[1] for field in ("ssh_key", "age_recipient"))
    return f'  - {{name: {name}, ssh_key: "{key}", age_recipient: {recipient}}}'


def sign(place, identifier, document, names):
    signatures = []
    for name in names:
        target = pathlib.Path(directory.name) / f"{name}-{document}.sig"
        run("custodian", "approve", "--home", home(name), "--yes", "--out", target, place / document)
        signatures.append(target)
    ceremony("approve", identifier, *signatures)


def contribute(name, request, *arguments, code=0):
    words = re.search(r"Words: (\S+)\.", (request / "README").read_text())[1]
    answer = pathlib.Path(directory.name) / f"{name}.age"
    text = run(
        "custodian", "contribute", "--home", home(name), "--request", request, "--words", words, "--out", answer,
        *arguments, code=code)
    if code == 0:
        run("activate", "--config", environment["VAULT_CONFIG"], "--submit", answer)
    return text


def minted():
    try:
        return GatewayClient(environment).exchange(authorization_details=tool("crm.read_account", "read"))[0]
    except OSError:
        return None


class CustodianChange(unittest.TestCase):
    def test_1_ben_leaves_and_frida_comes_while_the_appliance_goes_on(self):
        run("custodian", "enrol", "--home", home("frida"), "--no-passphrase", "frida")
        plan = pathlib.Path(directory.name) / "rotate.yaml"
        plan.write_text("\n".join([
            "ceremony: rotate-epoch", 'purpose: "Ben leaves, Frida comes"', "administrator: dora", "valid_for: 1h",
            "rehearsal: waived", "witnesses: []", "custodians:", *map(member, ("anna", "frida", "carla")), "threshold: 2",
            "approvers: []",
            "dials: {config_approvals: 0, unattended_start: false, restart_grace: 0s, file_tls_keys: false}",
            "set_pins: true", ""]))
        identifier = re.search(r'"id":"([^"]*)"', ceremony("draft", "--json", plan))[1]
        place = environment.directory / "custody" / "ceremonies" / identifier
        sign(place, identifier, "plan.json", ("anna", "ben"))
        self.assertIn("manifest.json", ceremony("run", identifier))
        sign(place, identifier, "manifest.json", ("anna", "ben"))
        self.assertIn("words", ceremony("resume", identifier))
        # The new custodians prove that they can open their new shares before anything depends on them.
        contribute("anna", place / "request", "--share", place / "shares" / "anna.age")
        contribute("frida", place / "request", "--share", place / "shares" / "frida.age")
        self.assertIn("head", ceremony("resume", identifier))
        self.assertIn('"state":"completed"', ceremony("status", "--json", identifier))
        outcome["place"] = place
        self.assertEqual(minted(), 200)

    def test_2_the_new_custodians_bring_it_to_life_after_a_restart_and_ben_cannot(self):
        manifests = environment.directory / "custody" / "manifests"
        genesis = re.search(r'"genesis":"([^"]*)"', next(home("anna").glob("appliances/*/pin.json")).read_text())[1]
        for name in ("anna", "frida"):
            run("custodian", "accept", "--home", home(name), "--share", outcome["place"] / "shares" / f"{name}.age",
                "--genesis", genesis, manifests)
        script("dev-restart", environment.directory, "core", "--sealed")
        environment.reload()
        status = ("status", "--config", environment["VAULT_CONFIG"])
        wait_until(lambda: "sealed" in environment.appliance(*status).stdout, "the core is there, sealed")
        request = pathlib.Path(directory.name) / "activation"
        run("activate", "--config", environment["VAULT_CONFIG"], "--no-wait", "--write", request)
        self.assertIn("belongs to none of", contribute("ben", request, code=1))
        contribute("anna", request)
        contribute("frida", request)
        wait_until(lambda: minted() == 200, "the front mints again")


if __name__ == "__main__":
    summary.run("custodian change")
