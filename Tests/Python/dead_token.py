#!/usr/bin/env python3
"""docs/recovery.md, "A token is dead", step by step as written, under a clock that the test moves past the waiting times."""

import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import summary
from environment import ROOT, Environment, wait_until
from gateway_client import GatewayClient, get, tool
from party import Party
from shims import MovingClock

directory = tempfile.TemporaryDirectory(prefix="dead-token-")
root = pathlib.Path(directory.name)
environment = party = clock = dead = left = new = None
before = {}


def setUpModule():
    global environment, party, clock, dead, left
    # Every process from here on shares a clock that can be moved, but this one.
    clock = MovingClock()
    os.environ.update(clock.variables)
    environment = Environment.up(root / "environment", DEV_TOKENS="2")
    party = Party(environment, root / "party")
    left, dead = (token["serial"] for token in party.appliance()["hsm"])


def tearDownModule():
    environment.down()
    clock.close()
    directory.cleanup()


def keys(token):
    """The keys of a token by label, as `status` shows them."""
    return {key["label"]: key for key in party.appliance()["keys"] if key["token"] == token}


def signing_kids(token):
    return [key["kid"] for label, key in sorted(keys(token).items()) if label.startswith("sign-")]


def published():
    status, text = get(environment, environment["VAULT_PUBLIC_URL"] + "/.well-known/jwks.json")
    assert status == 200, text
    return {key["kid"] for key in json.loads(text)["keys"]}


def mint(gateway=None):
    """The kid that signed a token for a user of the moved time; None where nobody listens."""
    now = int(time.time()) + clock.seconds
    times = {"iat": now, "nbf": now, "exp": now + 300}
    try:
        connection = gateway or GatewayClient(environment)
        code, body = connection.exchange(
            environment.user_token(**times), environment.agent_token(**times),
            authorization_details=tool("crm.read_account", "read"))
        if gateway is None:
            connection.close()
    except OSError:
        return None
    assert code == 200, body
    header = body["access_token"].split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]


def change(kids, state, more="", rehearsed=False):
    return party.plan(
        "change-key-state", *kids, "", *([state] * len(kids)), more=more, rehearsed=rehearsed)


class DeadToken(unittest.TestCase):
    def test_0_nothing_stops_when_it_dies(self):
        value = root / "value"
        value.touch(mode=0o600)
        value.write_text("a provider's secret")
        party.run(
            "secret", "seal", "slack", "--config", environment["VAULT_CONFIG"], "--home", party.home("anna"), "--key",
            party.home("anna") / "id_ssh", "--file", value)
        before["kids"] = signing_kids(dead)
        # SoftHSM keeps a token in a directory that ends with its serial number.
        place = next((environment.directory / "tokens").glob(f"*{dead[:4]}-{dead[4:]}"))
        gateway = GatewayClient(environment)
        self.addCleanup(gateway.close)
        self.assertIn(mint(gateway), signing_kids(left) + before["kids"])
        shutil.move(place, root / "dead")
        self.assertEqual({mint(gateway) for _ in range(4)}, {keys(left)["sign-es256"]["kid"]})
        wait_until(lambda: party.appliance()["state"] == "degraded", "status says so")

    def test_1_its_signing_keys_retire_in_their_time(self):
        kids = before["kids"]
        self.assertEqual(len(kids), 4)
        # As the plan asks: the ceremony is rehearsed before.
        party.hold(change(kids, "retiring", rehearsed=True))
        early = party.draft(change(kids, "retired"))
        self.assertIn("can become retired at", party.ceremony("run", early, code=1))
        party.ceremony("abort", early, "--reason", "too early", "--key", party.home("anna") / "id_ssh")
        clock.move(365)
        self.assertLessEqual(set(kids), published())
        party.hold(change(kids, "retired"))
        self.assertEqual({keys(dead)[f"sign-{name}"]["state"] for name in ("es256", "rs256", "eddsa", "ps256")}, {"retired"})
        wait_until(lambda: published().isdisjoint(kids), "verifiers fetch none of its keys any more")
        self.assertEqual(mint(), keys(left)["sign-es256"]["kid"])

    def test_2_it_leaves_the_manifest_although_nobody_can_reach_it(self):
        said = party.run("secret", "list", "--config", environment["VAULT_CONFIG"], "--json")
        self.assertIn("slack", said)
        evidence = party.hold(party.plan("remove-token", dead, "false"))
        self.assertNotIn("destroy", evidence)
        self.assertEqual(evidence["dismiss"]["sealed_pin"], "removed")
        self.assertNotIn(dead, (party.custody / "pins-1.json").read_text())
        self.assertEqual({key["state"] for key in keys(dead).values()}, {"destroyed"})
        newest = sorted((party.custody / "secrets").rglob("*.json"))[-1]
        self.assertNotIn(dead, newest.read_text())
        self.assertIn(left, newest.read_text())
        self.assertEqual(mint(), keys(left)["sign-es256"]["kid"])

    def test_3_another_device_has_its_place_in_the_configuration(self):
        path = pathlib.Path(environment["VAULT_CONFIG"])
        text = path.read_text()
        self.assertEqual(text.count("pkcs11:token=vault-dev-2"), 1)
        path.write_text(text.replace("pkcs11:token=vault-dev-2", "pkcs11:token=vault-new"))
        environment.restart("core")
        wait_until(lambda: mint() is not None, "tokens are minted after the restart")

    def test_4_the_new_device_makes_keys_of_its_own(self):
        global new
        officer = root / "so-pin"
        officer.touch(mode=0o600)
        officer.write_text("officer-canary-3")
        evidence = party.hold(party.plan(
            "replicate", environment["VAULT_MODULE"], "pkcs11:token=vault-new", "initialise", "burn", officer))
        new = evidence["token"]["token"]
        self.assertEqual({state for label, state in ((label, key["state"]) for label, key in keys(new).items())
                          if label.startswith("sign-")}, {"prepublished"})
        self.assertIn(new, sorted((party.custody / "secrets").rglob("*.json"))[-1].read_text())
        self.assertEqual({token["serial"] for token in party.appliance()["hsm"]}, {left, new})

    def test_5_its_listeners_get_certificates(self):
        # Another organisation's: it does not share the moved clock, and neither does this process that connects.
        plain = {name: value for name, value in os.environ.items() if name not in clock.variables}
        for listener in ("gateway", "public"):
            request = root / f"{listener}.csr"
            request.write_text(party.run(
                "tls", "csr", "--config", environment["VAULT_CONFIG"], "--listener", listener, "--token", "vault-new",
                "--dns", "localhost", "--ip", "127.0.0.1"))
            certificate = root / f"{listener}.pem"
            subprocess.run(
                [os.environ.get("VAULT_DEVELOPMENT") or ROOT / ".build" / "debug" / "vault-development", "sign-csr", "--ca",
                 environment.directory / "pki", "--csr", request, "--out", certificate], check=True, env=plain)
            party.run("tls", "install", "--config", environment["VAULT_CONFIG"], "--listener", listener, certificate)
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        wait_until(lambda: mint() is not None, "connections are taken")

    def test_6_its_keys_sign_when_verifiers_have_them(self):
        kids = signing_kids(new)
        promote = "consumer_cache_age: 5m\n"
        early = party.draft(change(kids, "active", more=promote))
        self.assertIn("can become active at", party.ceremony("run", early, code=1))
        party.ceremony("abort", early, "--reason", "too early", "--key", party.home("anna") / "id_ssh")
        wait_until(lambda: set(kids) <= published(), "verifiers fetch the new keys")
        clock.move(305)
        party.hold(change(kids, "active", more=promote))
        pair = {keys(left)["sign-es256"]["kid"], keys(new)["sign-es256"]["kid"]}
        wait_until(lambda: {mint() for _ in range(4)} == pair, "both tokens sign")
        # The other one may go now: everything is there twice.
        self.assertEqual(party.appliance()["state"], "active")
        environment.restart("core")
        wait_until(lambda: mint() in pair, "tokens are minted after a restart")


if __name__ == "__main__":
    summary.run("dead token")
