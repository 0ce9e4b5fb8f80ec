#!/usr/bin/env python3
"""The host key is stolen: a custodian change replaces it, by the commands alone, and what the thief signs opens nothing any more.

The core is killed before the new key takes the old one's place, and goes on with the key that the manifest in force names.
"""

import datetime
import json
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile
import unittest

import summary
from environment import Environment, is_alive, wait_until
from failing_disk import KILL, FailingDisk
from gateway_client import GatewayClient, tool
from party import Party

directory = tempfile.TemporaryDirectory(prefix="host-key-")
environment = party = thief = None
outcome = {}
NAMES = ("anna", "ben", "carla")


def setUpModule():
    global environment, party, thief
    environment = Environment.up(pathlib.Path(directory.name) / "environment")
    party = Party(environment, pathlib.Path(directory.name) / "party")
    thief = Thief(pathlib.Path(directory.name) / "thief")


def tearDownModule():
    environment.down()
    directory.cleanup()


class Thief:
    """Somebody who has copied the host key, and whatever he pleases of what is no secret."""

    def __init__(self, place):
        self.place = place
        place.mkdir()
        self.key = place / "stolen"
        shutil.copy(host_key(), self.key)
        subprocess.run(["age-keygen", "-o", place / "identity"], check=True, capture_output=True)
        self.recipient = subprocess.run(
            ["age-keygen", "-y", place / "identity"], check=True, capture_output=True, text=True).stdout.strip()
        self.manifests = 0

    def request(self, versions):
        """Ask for shares under the first manifests, as the core would: all of it is public but the key that signs."""
        place = self.place / f"request-{versions}-{secrets.token_hex(4)}"
        shutil.copytree(party.custody / "manifests", place / "manifests")
        for path in (place / "manifests").iterdir():
            if int(path.stem) > versions:
                path.unlink()
        manifest = json.loads((place / "manifests" / f"{versions}.json").read_text())
        now = datetime.datetime.now(datetime.timezone.utc)
        moment = lambda minutes: (now + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        request = {
            "format": "vault-activation-request/1", "appliance": manifest["appliance"], "nonce": secrets.token_hex(16),
            "recipient": self.recipient, "build": secrets.token_hex(32), "genesis": manifest_hash(1),
            "manifest": manifest_hash(versions), "manifest_version": versions, "epoch": manifest["activation"]["epoch"],
            "tokens": [token["serial"] for token in manifest["tokens"]], "created": moment(0), "expires": moment(30),
        }
        (place / "request.json").write_text(json.dumps(request, sort_keys=True, separators=(",", ":")) + "\n")
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", self.key, "-n", "request@vault-appliance", place / "request.json"],
            check=True, capture_output=True)
        return place

    def ask(self, name, request):
        """What a custodian's tool answers him; the words are wrong, so that no share leaves even where it believes him."""
        return party.run(
            "custodian", "contribute", "--home", party.home(name), "--request", request, "--words", "not-the-words", code=1)


def host_key():
    return environment.directory / "custody" / "host-key"


def manifest_hash(version):
    """The hash of a manifest as the one that follows it, or the core, says."""
    following = environment.directory / "custody" / "manifests" / f"{version + 1}.json"
    if following.exists():
        return json.loads(following.read_text())["previous"]
    return outcome["pins"][version]


def fingerprint(key):
    return subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True).stdout.split()[1]


def verifies(request):
    """Whether stock tools believe a request, by the newest manifest's host key."""
    newest = max((party.custody / "manifests").glob("*.json"), key=lambda path: int(path.stem))
    signers = pathlib.Path(directory.name) / "host.allowed_signers"
    signers.write_text(f"appliance {json.loads(newest.read_text())['host_key']}\n")
    with open(request / "request.json", "rb") as file:
        return subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "appliance", "-n", "request@vault-appliance", "-s",
             request / "request.json.sig"], stdin=file, capture_output=True).returncode == 0


def remember(name):
    """What a custodian's tool remembers of the appliance: the manifest by its hash."""
    pin = json.loads(next(party.home(name).glob("appliances/*/pin.json")).read_text())
    outcome.setdefault("pins", {})[pin["version"]] = pin["manifest"]
    return pin


def minted():
    try:
        return GatewayClient(environment).exchange(authorization_details=tool("crm.read_account", "read"))[0]
    except OSError:
        return None


class HostKey(unittest.TestCase):
    def test_1_who_has_the_key_is_believed_by_every_custodians_tool(self):
        for name in NAMES:
            remember(name)
            # The request counts as the appliance's: only the words are left.
            self.assertIn("the request's words are", thief.ask(name, thief.request(1)))
        self.assertTrue(verifies(thief.request(1)))

    def test_2_the_core_is_killed_between_the_manifest_and_the_file_and_takes_the_manifests_key(self):
        # Only what replaces the file itself is counted: one renaming.
        disk = FailingDisk({"VAULT_LOG_DIR": str(host_key())})
        self.addCleanup(disk.close)
        environment.restart("core", disk.variables)
        old = host_key().read_bytes()
        enrolments = [party.home(name) / "enrolment.json" for name in NAMES]
        plan = party.plan("rotate-epoch", *enrolments, "", "2", "", "true")
        self.assertIn("\nnew_host_key: true\n", plan.read_text())
        identifier = party.draft(plan)
        place = outcome["place"] = party.place(identifier)
        self.assertIn("manifest.json", party.ceremony("run", identifier))
        waiting = host_key().with_name("host-key.new")
        self.assertEqual(waiting.stat().st_mode & 0o777, 0o600)
        made = outcome["made"] = fingerprint(waiting)
        for name in party.quorum:
            text = party.run(
                "custodian", "approve", "--home", party.home(name), "--yes", "--out", party.scratch / f"{name}-read.sig",
                "--manifests", party.custody / "manifests", place / "manifest.json")
            # Whoever signs it sees which key comes, and which goes.
            self.assertRegex(text, rf"new host key   {re.escape(made)}\n +host key gone  {re.escape(fingerprint(thief.key))}")
        party.sign(identifier, "manifest.json")
        self.assertIn("words", party.ceremony("resume", identifier))
        # The request in which the new shares are proven is the new key's, under the new manifest.
        request = place / "request"
        self.assertIn(public_part(waiting), (request / "host.allowed_signers").read_text())
        for name in ("anna", "carla"):
            self.assertEqual(host_key().read_bytes(), old)
            party.contribute(name, request, "--share", place / "shares" / f"{name}.age")
        core = int(environment["VAULT_CORE_PID"])
        disk.fail("rename", KILL, first=1)
        party.ceremony("resume", identifier, code=None)
        wait_until(lambda: not is_alive(core), "the core was killed")
        self.assertEqual(disk.counts()["rename"], 1)
        self.assertTrue((party.custody / "manifests" / "2.json").exists())
        self.assertEqual(host_key().read_bytes(), old)
        self.assertTrue(waiting.exists())
        environment.restart_sealed()
        self.assertFalse(waiting.exists())
        self.assertEqual(fingerprint(host_key()), made)
        self.assertEqual(host_key().stat().st_mode & 0o777, 0o600)
        self.assertIn("head", party.ceremony("resume", identifier))
        self.assertEqual(party.status(identifier)["state"], "completed")
        outcome["evidence"] = party.close(identifier)

    def test_3_the_new_custodians_accept_and_bring_it_to_life_by_requests_of_the_new_key(self):
        genesis = remember("anna")["genesis"]
        # Who has not accepted the new manifest yet still believes the old one.
        self.assertIn("the request's words are", thief.ask("ben", thief.request(1)))
        for name in NAMES:
            party.run(
                "custodian", "accept", "--home", party.home(name), "--share", outcome["place"] / "shares" / f"{name}.age",
                "--genesis", genesis, party.custody / "manifests")
            self.assertEqual(remember(name)["version"], 2)
        request = pathlib.Path(directory.name) / "activation"
        party.run("activate", "--config", environment["VAULT_CONFIG"], "--no-wait", "--write", request)
        self.assertTrue(verifies(request))
        for name in ("ben", "carla"):
            party.contribute(name, request)
        wait_until(lambda: minted() == 200, "the front mints again")
        # The same after a restart that nothing interrupted.
        environment.restart_sealed()
        request = pathlib.Path(directory.name) / "activation-2"
        party.run("activate", "--config", environment["VAULT_CONFIG"], "--no-wait", "--write", request)
        for name in ("anna", "ben"):
            party.contribute(name, request)
        wait_until(lambda: minted() == 200, "the front mints again")

    def test_4_the_thief_is_refused_by_name_whatever_manifests_he_shows(self):
        for name in NAMES:
            said = thief.ask(name, thief.request(2))
            self.assertIn("was not made by this appliance", said)
            self.assertIn(fingerprint(thief.key), said)
            self.assertIn("manifest 2 replaced", said)
            self.assertIn("version 2 was seen before", thief.ask(name, thief.request(1)))
        self.assertFalse(verifies(thief.request(2)))
        # A true request of the appliance, under his signature.
        taken = thief.place / "taken"
        shutil.copytree(pathlib.Path(directory.name) / "activation-2", taken)
        (taken / "request.json.sig").unlink()
        subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", thief.key, "-n", "request@vault-appliance", taken / "request.json"],
            check=True, capture_output=True)
        self.assertIn("manifest 2 replaced", thief.ask("anna", taken))

    def test_5_nothing_of_the_old_key_is_left_and_the_new_one_is_on_record(self):
        canary = "".join(thief.key.read_text().splitlines()[2:-1])[:60].encode()
        self.assertEqual(len(canary), 60)
        for path in environment.directory.rglob("*"):
            if path.is_file():
                self.assertNotIn(canary, path.read_bytes().replace(b"\n", b""), path)
        made = outcome["made"]
        self.assertEqual(outcome["evidence"]["host-key"]["fingerprint"], made)
        self.assertEqual(outcome["evidence"]["forget"]["fingerprint"], made)
        # The rehearsal took the same step with a key of its own.
        lines = (outcome["place"] / "rehearsal" / "transcript.jsonl").read_text().splitlines()
        played = [line["data"] for line in map(json.loads, lines) if line["event"] == "done" and line["step"] == "host-key"]
        self.assertEqual(len(played), 1)
        self.assertNotEqual(played[0]["fingerprint"], made)
        log = party.run("audit", "tail", "--log", environment["VAULT_LOG_DIR"], "-n", "0", "--json")
        steps = [entry["detail"]["step"] for entry in entries(log) if entry.get("detail", {}).get("fingerprint") == made]
        self.assertEqual(steps, ["host-key", "forget"])


def entries(log):
    """The entries in what `audit tail --json` prints."""
    for line in log.splitlines():
        if line.startswith("{"):
            record = json.loads(line)
            yield record.get("entry", record)


def public_part(key):
    """A private key's public half, as manifests write it."""
    line = subprocess.run(["ssh-keygen", "-y", "-f", key], check=True, capture_output=True, text=True).stdout
    return " ".join(line.split()[:2])


if __name__ == "__main__":
    summary.run("host key")
