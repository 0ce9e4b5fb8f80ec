#!/usr/bin/env python3
"""A shard is closed and pruned: what is then said of what was in it, and what a collector who comes later gets."""

import json
import pathlib
import tempfile
import unittest

import summary
from environment import Environment, wait_until
from gateway_client import GatewayClient, exchange_form
from gateway_load import GatewayLoad, identifier, readiness

directory = tempfile.TemporaryDirectory(prefix="pruning ")
work = pathlib.Path(directory.name)
environment = None
pruned, kept = [], []


def setUpModule():
    global environment
    environment = Environment.up(work / "environment")
    config = pathlib.Path(environment["VAULT_CONFIG"])
    text = config.read_text()
    changed = text.replace("headroom: 64MiB}", "headroom: 64MiB, shard_entries: 1000}")
    assert changed != text
    config.write_text(changed)
    environment.restart("core")
    environment.restart("front")
    wait_until(lambda: readiness(environment) == 200, "the front is ready")
    load = GatewayLoad(environment, pruned)
    wait_until(lambda: shard() == 2, "a second shard is begun")
    load.stop()
    gateway = GatewayClient(environment)
    # By a rule without tools, which nothing in the first shard used.
    status, body = gateway.post(exchange_form(environment, scope="accounts:read"))
    assert status == 200, body
    kept.append(identifier(body))
    gateway.close()
    wait_until(lambda: audit("prove", "--jti", kept[0]).returncode == 0, "a checkpoint covers the mint")


def tearDownModule():
    environment.down()
    directory.cleanup()


def shard():
    done = environment.appliance("status", "--config", environment["VAULT_CONFIG"], "--json")
    return json.loads(done.stdout)["log"]["shard"]


def audit(command, *arguments, log=None):
    log = [] if command in ("fetch", "prune") else ["--log", log or environment["VAULT_LOG_DIR"]]
    return environment.appliance("audit", command, *log, *map(str, arguments))


class Pruning(unittest.TestCase):
    def fetched(self, name):
        copy = work / name
        done = audit("fetch", copy, "--config", environment["VAULT_CONFIG"])
        self.assertEqual(done.returncode, 0, done.stderr)
        whole = audit("verify", "--vkey", environment["VAULT_LOG_VKEY"], log=copy)
        self.assertEqual(whole.returncode, 0, whole.stdout + whole.stderr)
        return copy, done.stderr

    def test_1_before_it_nothing_is_missing(self):
        first, _ = self.fetched("before")
        self.assertEqual(audit("prove", "--jti", pruned[0], log=first).returncode, 0)
        for command in (("tail", "-n", "1"), ("access", "--config", environment["VAULT_CONFIG"])):
            self.assertNotIn("pruned", audit(*command).stderr)

    def test_2_a_custodian_prunes_it_and_every_command_says_so(self):
        key = environment.directory / "custodians" / "anna" / "id_ssh"
        done = audit("prune", "--config", environment["VAULT_CONFIG"], "--key", key, "--shard", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        lost = audit("prove", "--jti", pruned[0])
        self.assertEqual(lost.returncode, 1)
        self.assertIn("no entry has this jti in what is kept (pruned: shard 1)", lost.stderr)
        self.assertEqual(audit("prove", "--jti", kept[0]).returncode, 0)
        self.assertIn("pruned: shard 1", audit("tail", "-n", "1").stderr)
        config = ("--config", environment["VAULT_CONFIG"])
        access = audit("access", *config)
        self.assertIn("pruned: shard 1; what was used there alone counts as never used", access.stderr)
        document = json.loads(audit("access", *config, "--json").stdout)
        self.assertEqual(document["pruned_shards"], [1])
        granted = {rule["id"]: rule["granted"] for rule in document["rules"]}
        # Some came into the second shard before the gateways were told to stop; most are gone.
        self.assertLess(granted["crm-read"], len(pruned) / 2)
        self.assertEqual(sum(granted.values()), granted["crm-read"] + 1)

    def test_3_who_comes_later_gets_what_is_left_and_can_verify_it(self):
        copy, said = self.fetched("after")
        self.assertIn("shard 1 was pruned", said)
        self.assertEqual(sorted(path.name for path in pathlib.Path(f"{copy}.1").iterdir()), ["checkpoint", "retained"])
        self.assertEqual(audit("prove", "--jti", kept[0], log=copy).returncode, 0)

    def test_4_who_came_before_keeps_what_he_had(self):
        copy, _ = self.fetched("before")
        self.assertEqual(audit("prove", "--jti", pruned[0], log=copy).returncode, 0)


if __name__ == "__main__":
    summary.run("pruning")
