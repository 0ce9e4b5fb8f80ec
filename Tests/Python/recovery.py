#!/usr/bin/env python3
"""docs/recovery.md, rehearsed: a custodian lost, one token of two dead, the disk dead and its backup on a new directory."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import summary
from environment import Environment, wait_until
from gateway_client import GatewayClient, tool
from gateway_load import readiness

directory = tempfile.TemporaryDirectory(prefix="recovery-")
environment = None
others = []


def setUpModule():
    global environment
    environment = Environment.up(pathlib.Path(directory.name) / "environment", DEV_TOKENS="2")


def tearDownModule():
    for process in others:
        process.terminate()
        process.wait()
    environment.down()
    directory.cleanup()


def run(*arguments, code=0):
    return environment.run(*arguments, code=code)


def home(name):
    return environment.directory / "custodians" / name


def status(config=None):
    answer = environment.appliance("status", "--json", "--config", str(config or environment["VAULT_CONFIG"]))
    return json.loads(answer.stdout) if answer.stdout else {"state": None}


def key_of_a_new_token(gateway=None):
    """The kid that signed a token just now, over this connection or a new one."""
    connection = gateway or GatewayClient(environment)
    code, body = connection.exchange(authorization_details=tool("crm.read_account", "read"))
    if gateway is None:
        connection.close()
    assert code == 200, body
    header = body["access_token"].split(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]


def is_ready():
    try:
        return readiness(environment) == 200
    except OSError:
        return False


def mints():
    """Whether a new connection gets a token: the front opens its listeners within two seconds after the activation."""
    try:
        return bool(key_of_a_new_token())
    except OSError:
        return False


def sign(place, document, names):
    signatures = []
    for name in names:
        target = pathlib.Path(directory.name) / f"{name}-{document}.sig"
        target.unlink(missing_ok=True)
        run("custodian", "approve", "--home", home(name), "--yes", "--out", target, place / document)
        signatures.append(target)
    run("ceremony", "approve", "--config", environment["VAULT_CONFIG"], place.name, *signatures)


def contribute(name, request, config, *arguments):
    words = re.search(r"Words: (\S+)\.", (request / "README").read_text())[1]
    answer = pathlib.Path(directory.name) / f"{name}.age"
    run("custodian", "contribute", "--home", home(name), "--request", request, "--words", words, "--out", answer, *arguments)
    run("activate", "--config", config, "--submit", answer)


def restore(test, config, reason):
    """Two custodians decide that the core goes on with the log that there is; one of them alone cannot."""
    place = pathlib.Path(directory.name)
    order = place / f"{reason.replace(' ', '-')}.order"
    run("audit", "restore", "--config", config, "--draft", order, "--reason", reason)
    signature = place / f"{order.name}.anna"
    test.assertIn("RESTORATION OF AN OLDER LOG", run(
        "custodian", "approve", "--home", home("anna"), "--yes", "--out", signature, order))
    test.assertIn("missing: frida, carla", run("audit", "restore", "--config", config, order, signature, code=1))
    # Stock ssh-keygen is enough.
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", home("frida") / "id_ssh", "-n", "restoration@vault-appliance", order],
        check=True, capture_output=True)
    test.assertIn("accepted", run("audit", "restore", "--config", config, order, signature, f"{order}.sig"))


def member(name):
    text = (home(name) / "enrolment.json").read_text()
    key, recipient = (re.search(rf'"{field}":"([^"]*)"', text)[1] for field in ("ssh_key", "age_recipient"))
    return f'  - {{name: {name}, ssh_key: "{key}", age_recipient: {recipient}}}'


def genesis():
    return re.search(r'"genesis":"([^"]*)"', next(home("anna").glob("appliances/*/pin.json")).read_text())[1]


class Recovery(unittest.TestCase):
    def test_1_one_token_of_two_is_dead(self):
        """No request is refused, status says so, and a restart works without it."""
        dead, left = (token["serial"] for token in status()["hsm"])
        kids = {key["token"]: key["kid"] for key in status()["keys"] if key["label"] == "sign-es256"}
        # A gateway's connection goes on; a handshake that meets the dying token is the only thing that fails.
        gateway = GatewayClient(environment)
        self.addCleanup(gateway.close)
        both = set(kids.values())
        wait_until(lambda: {key_of_a_new_token(gateway) for _ in range(4)} == both, "both tokens sign")
        # SoftHSM keeps a token in a directory that ends with its serial number.
        place = next((environment.directory / "tokens").glob(f"*{dead[:4]}-{dead[4:]}"))
        shutil.move(place, pathlib.Path(directory.name) / "dead")
        self.assertEqual({key_of_a_new_token(gateway) for _ in range(4)}, {kids[left]})
        wait_until(lambda: status()["state"] == "degraded", "status says so")
        self.assertEqual(key_of_a_new_token(), kids[left])
        environment.restart("core")
        self.assertEqual(status()["state"], "degraded")
        wait_until(mints, "the front is there")
        self.assertEqual(key_of_a_new_token(), kids[left])
        # The device comes back: nothing is to be done.
        shutil.move(pathlib.Path(directory.name) / "dead", place)
        environment.restart("core")
        self.assertEqual(status()["state"], "active")

    def test_2_a_custodian_is_lost(self):
        """Those who are left rotate the epoch, without the one who is lost."""
        run("custodian", "enrol", "--home", home("frida"), "--no-passphrase", "frida")
        shutil.rmtree(home("ben"))
        plan = pathlib.Path(directory.name) / "rotate.yaml"
        plan.write_text("\n".join([
            "ceremony: rotate-epoch", 'purpose: "Ben is lost"', "administrator: dora", "valid_for: 1h", "rehearsal: waived",
            "custodians:", *map(member, ("anna", "frida", "carla")), "threshold: 2",
            "dials: {config_approvals: 0, unattended_start: false, restart_grace: 0s, file_tls_keys: false}",
            "set_pins: true", ""]))
        config = environment["VAULT_CONFIG"]
        identifier = re.search(r'"id":"([^"]*)"', run("ceremony", "draft", "--config", config, "--json", plan))[1]
        place = environment.directory / "custody" / "ceremonies" / identifier
        sign(place, "plan.json", ("anna", "carla"))
        run("ceremony", "run", "--config", config, identifier)
        sign(place, "manifest.json", ("anna", "carla"))
        run("ceremony", "resume", "--config", config, identifier)
        # Carla was there before, and tells Frida the genesis.
        for name in ("carla", "frida"):
            contribute(
                name, place / "request", config, "--share", place / "shares" / f"{name}.age", "--genesis", genesis())
        self.assertIn("state      completed", run("ceremony", "resume", "--config", config, identifier))
        for name in ("anna", "carla", "frida"):
            run("custodian", "accept", "--home", home(name), "--share", place / "shares" / f"{name}.age", "--genesis", genesis(),
                environment.directory / "custody" / "manifests")
        self.assertIn("any 2 of anna, frida, carla (epoch 2)", run("status", "--config", config))
        wait_until(mints, "tokens are minted under the new PINs")

    def test_3_the_disk_is_dead_and_the_tokens_are_not(self):
        """The backup comes back on a new directory; what it lacks stands in the log under the name of who decided."""
        old, new = environment.directory, pathlib.Path(directory.name) / "new"
        shutil.copytree(old, new, ignore=shutil.ignore_patterns("tokens", "custodians", "run", "custody.last-checkpoint", "*.log"))
        kept = pathlib.Path(directory.name) / "kept-checkpoint"
        for _ in range(3):
            key_of_a_new_token()
        newest = status()["log"]["size"]
        wait_until(lambda: status()["log"]["checkpoint_size"] >= newest, "a checkpoint covers what will be lost")
        shutil.copy(old / "log" / "checkpoint", kept)
        environment.kill("VAULT_CORE_PID")
        environment.kill("VAULT_PID")
        (new / "run").mkdir(mode=0o700)
        config = new / "config.yaml"
        # Files that would make the activation fail after people were called together stop the start.
        for name in ("pins-2.json", "host-key"):
            (new / "custody" / name).rename(new / name)
            self.assertIn(name, self.refusal(config))
            (new / name).rename(new / "custody" / name)
        refused = self.refusal(config)
        self.assertIn("rolledBack: the record of the last checkpoint is gone", refused)
        self.assertIn("audit restore", refused)
        # Neither a name on the command line nor a file that somebody writes is a decision.
        alone = ("audit", "restore", "--config", config, "--operator", "dora", "--reason", "disk lost")
        self.assertIn("custodians sign", run(*alone, code=1))
        found = (new / "log" / "checkpoint").read_text().split("\n\n")[0] + "\n"
        (new / "custody.last-checkpoint.restore").write_text(
            json.dumps({"lost": None, "found": found, "operator": "carol", "reason": "disk lost"}))
        self.assertIn("does not count", self.refusal(config))
        restore(self, config, "disk lost")
        others.append(self.start(config, "core"))
        wait_until(lambda: status(config)["state"] == "sealed", "the core is sealed")
        request = pathlib.Path(directory.name) / "request"
        run("activate", "--config", config, "--no-wait", "--write", request)
        for name in ("anna", "frida"):
            contribute(name, request, config)
        wait_until(lambda: status(config)["state"] == "active", "the core is active")
        others.append(self.start(config, "serve"))
        wait_until(is_ready, "the front is ready")
        wait_until(mints, "the gateway listener is open")
        restored = run("audit", "tail", "--log", new / "log", "-n", "0", "--json")
        self.assertRegex(restored, r'"kind":"log.restored"[^\n]*"operator":"anna, frida"[^\n]*"reason":"disk lost"')
        self.assertRegex(restored, r'"by_1":"anna SHA256:[^"]*","by_2":"frida SHA256:')
        # Whoever kept a later checkpoint finds out; there is an entry that explains it.
        log = ("audit", "verify", "--log", new / "log", "--vkey", f"{new}/log.vkey")
        wait_until(lambda: environment.appliance(*map(str, log)).returncode == 0, "the log verifies")
        self.assertIn("rolledBack", run(*log, "--checkpoint", kept, code=1))

    def test_4_without_any_copy_of_the_log_none_is_begun_unseen(self):
        new = pathlib.Path(directory.name) / "new"
        while others:
            process = others.pop()
            process.terminate()
            process.wait()
        for place in (new / "log", new / "custody.last-checkpoint"):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        config = new / "config.yaml"
        self.assertIn("rolledBack: the log is gone", self.refusal(config))
        restore(self, config, "no copy of the log")
        others.append(self.start(config, "core"))
        wait_until(lambda: status(config)["state"] == "sealed", "the core is sealed")

    def refusal(self, config):
        """What a core says that does not start."""
        core = self.start(config, "core", stderr=subprocess.PIPE)
        said = core.communicate(timeout=300)[1]
        self.assertEqual(core.returncode, 1, said)
        return said

    def start(self, config, process, stderr=subprocess.DEVNULL):
        """Core or front of another directory."""
        return subprocess.Popen(
            [environment.directory / "run" / "vault-appliance", process, "--config", str(config)], text=True,
            stdout=subprocess.DEVNULL, stderr=stderr,
            env={**os.environ, "SOFTHSM2_CONF": str(environment.directory / "softhsm2.conf")})


if __name__ == "__main__":
    summary.run("recovery")
