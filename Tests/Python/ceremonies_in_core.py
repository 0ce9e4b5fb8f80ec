#!/usr/bin/env python3
"""Ceremonies in a running core, by the commands alone: planned by asking, rehearsed, approved, run, verified offline.

After each that makes or brings keys another program (pkcs11-tool) reads all of them back (Party.close), and after each that
ends keys it looks whether they are gone. One environment for all of them, in order.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import summary
from environment import Environment, Stopwatch, is_alive, wait_until
from failing_disk import FailingDisk
from fault_module import FaultyHSM, library, softhsm
from gateway_client import GatewayClient, get
from log_entries import read_entries
from party import Party
from shims import MovingClock
from token_keys import faults, member, pkcs11_tool

directory = tempfile.TemporaryDirectory(prefix="ceremonies-in-core-")
root = pathlib.Path(directory.name)
environment = party = clock = first = second = None


def setUpModule():
    global environment, party, clock, first
    # Every process from here on shares a clock that can be moved, but this one.
    clock = MovingClock()
    os.environ.update(clock.variables)
    environment = Environment.up(root / "environment")
    party = Party(environment, root / "party")
    first = party.appliance()["hsm"][0]["serial"]
    environment.configure_tokens("vault-2", "vault-3")


def tearDownModule():
    environment.down()
    clock.close()
    directory.cleanup()


def secret_file(name, text):
    path = root / name
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def kid(label, token):
    """The kid of a key of the manifest in force."""
    return next(
        key["kid"] for key in party.appliance()["keys"] if (key["label"], key["token"]) == (label, token))


def states(token):
    return {key["label"]: key["state"] for key in party.appliance()["keys"] if key["token"] == token}


def published():
    """The kids that a verifier fetches."""
    status, text = get(environment, environment["VAULT_PUBLIC_URL"] + "/.well-known/jwks.json")
    assert status == 200, text
    return {key["kid"] for key in json.loads(text)["keys"]}


def change(*changes, more="", rehearsed=True):
    """A plan for change-key-state: the kids, then where each goes."""
    return party.plan(
        "change-key-state", *(kid for kid, _ in changes), "", *(state for _, state in changes), more=more,
        rehearsed=rehearsed)


def import_key(label):
    """A whole import; returns its evidence."""
    identifier, pem = party.begin_import(label, first, rehearsed=False)
    party.ceremony("hand-in", identifier, party.wrap(identifier, pem))
    assert party.go_on(identifier, "resume")["state"] == "completed"
    return party.close(identifier)


ATTEMPTS = {
    "change the user PIN": "--login --pin USER --change-pin --new-pin mallory-1234",
    "change the user PIN without a login": "--unlock-pin --puk USER --new-pin mallory-1234",
    "set the user PIN as SO": "--login --login-type so --so-pin OFFICER --init-pin --new-pin mallory-1234",
    "change the SO PIN": "--login --login-type so --so-pin OFFICER --change-pin --new-pin mallory-1234",
    "initialise the token": "--init-token --label mallory --so-pin OFFICER",
}


def attempt(what, label, user, officer, variables):
    """What one person may try on a token with a user PIN and an SO PIN; returns what pkcs11-tool made of it."""
    arguments = ATTEMPTS[what].replace("USER", user).replace("OFFICER", officer).split()
    return pkcs11_tool(environment["VAULT_MODULE"], "--token-label", label, *arguments, variables=variables)


def mints():
    """Whether the front gives out a token; its clock is not ours."""
    now = int(time.time()) + clock.seconds
    times = {"iat": now, "nbf": now, "exp": now + 300}
    try:
        client = GatewayClient(environment)
        code, _ = client.exchange(
            environment.user_token(**times), environment.agent_token(**times), scope="accounts:read")
        client.close()
    except OSError:
        return False
    return code == 200


def rehearsal_of(identifier):
    """Whether the rehearsal gave the transcript of the ceremony itself, but for the values that must differ."""
    def outline(path):
        lines = map(json.loads, path.read_text().splitlines())
        return [(line["event"], line.get("step"), sorted(line["data"])) for line in lines]

    place = party.place(identifier)
    return outline(place / "rehearsal" / "transcript.jsonl"), outline(place / "transcript.jsonl")


class AllKinds(unittest.TestCase):
    def test_1_a_drill_proves_every_share_and_activates_nothing(self):
        before = party.appliance()
        evidence = party.hold(party.plan("drill", ""), rehearse=True)
        self.assertEqual(set(evidence), {"prove.anna", "prove.ben", "prove.carla"})
        self.assertEqual(party.appliance()["manifest"], before["manifest"])
        # Its files say so too, to whoever has no core.
        identifier = next((party.custody / "ceremonies").glob("drill-*")).name
        offline = json.loads(party.ceremony("status", "--offline", "--json", identifier))
        self.assertEqual(offline["state"], "sealed")
        self.assertEqual({step["name"] for step in offline["steps"]}, set(evidence))

    def test_2_a_github_apps_key_comes_in_wrapped_on_the_custodians_machine(self):
        identifier, pem = party.begin_import("github-app", first)
        wrapped = party.wrap(identifier, pem)
        # A key that was wrapped for this import, but altered, opens nothing and harms nothing.
        broken = json.loads(wrapped.read_text())
        broken["wrapped"] = broken["wrapped"][:-8] + ("A" * 8 if broken["wrapped"][-8:] != "A" * 8 else "B" * 8)
        altered = pem.with_suffix(".altered.json")
        altered.write_text(json.dumps(broken, separators=(",", ":"), sort_keys=True) + "\n")
        party.ceremony("hand-in", identifier, altered)
        party.ceremony("resume", identifier, code=1)
        # What was refused once is not tried again: another transport key.
        self.assertIn("transport.json", party.ceremony("resume", identifier))
        self.assertIn("wrapped for another transport key", party.ceremony("hand-in", identifier, wrapped, code=1))
        party.ceremony("hand-in", identifier, party.wrap(identifier, pem))
        self.assertEqual(party.go_on(identifier, "resume")["state"], "completed")
        evidence = party.close(identifier)
        self.assertEqual(evidence["key"]["method"], "unwrap")
        objects = party.objects("vault-dev", environment.pin())
        self.assertNotIn("vault-transport", {label for _, label in objects})
        self.assertEqual(len(objects), 2 * 9)
        # Nothing of the PEM is on the appliance.
        canary = "".join(pem.read_text().splitlines()[12:14]).encode()
        for path in environment.directory.rglob("*"):
            if path.is_file():
                self.assertNotIn(canary, path.read_bytes().replace(b"\n", b""), path)

    def test_2b_another_is_created_in_clear_where_a_token_cannot_unwrap_it_and_ends_there(self):
        identifier, pem = party.begin_import("created-app", first, method="create", rehearsed=False)
        subprocess.run(["install", "-m", "600", pem, party.place(identifier) / "import.pem"], check=True)
        self.assertEqual(party.go_on(identifier, "resume")["state"], "completed")
        self.assertEqual(party.close(identifier)["key"]["method"], "create")
        self.assertFalse((party.place(identifier) / "import.pem").exists())
        self.assertEqual(len(strays("created-app")), 2)
        for state in ("retired", "destroyed"):
            party.hold(change((kid("created-app", first), state), rehearsed=False))
        self.assertEqual(strays("created-app"), [])

    def test_3_a_second_token_makes_keys_of_its_own(self):
        global second
        before = party.objects("vault-dev", environment.pin())
        officer = secret_file("so-pin", "officer-canary-2")
        plan = party.plan(
            "replicate", environment["VAULT_MODULE"], "pkcs11:token=vault-2", "initialise", "burn", officer)
        identifier = party.draft(plan)
        self.assertEqual(party.go_on(identifier)["state"], "completed")
        evidence = party.close(identifier)
        second = evidence["token"]["token"]
        self.assertEqual(*map(lambda lines: [line[:2] for line in lines], rehearsal_of(identifier)))
        self.assertEqual(party.objects("vault-dev", environment.pin()), before)
        pin = environment.pin(second)
        objects = party.objects("vault-2", pin)
        private = {label: text for (kind, label), text in objects.items() if kind == "Private Key"}
        self.assertEqual(
            set(private),
            {"sign-es256", "sign-rs256", "sign-eddsa", "sign-ps256", "checkpoint", "tls-gateway", "tls-public", "kek"})
        self.assertEqual(len(objects), 2 * len(private))
        # The core works with it at once, and verifiers can learn its keys before one signs.
        tokens = {token["serial"]: token for token in party.appliance()["hsm"]}
        self.assertLessEqual({first, second}, set(tokens))
        self.assertEqual(states(second)["sign-es256"], "prepublished")
        wait_until(lambda: kid("sign-es256", second) in published(), "verifiers fetch the new key")

    def test_3b_one_person_sets_no_pin_and_initialises_no_token(self):
        variables = {"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]}
        pins = {label: environment.pin(serial) for label, serial in (("vault-dev", first), ("vault-2", second))}
        before = {label: party.objects(label, pin) for label, pin in pins.items()}
        # The SO PIN that the second token had is known, and burnt.
        for label in pins:
            for what in ATTEMPTS:
                done = attempt(what, label, "guessed-0815", "officer-canary-2", variables)
                self.assertNotEqual(done.returncode, 0, what)
                self.assertIn("CKR_PIN_INCORRECT", done.stdout + done.stderr, what)
        # Nobody was locked out by it, neither now nor after a start, when custodians' PINs are what opens the tokens.
        slots = pkcs11_tool(environment["VAULT_MODULE"], "--list-token-slots", variables=variables).stdout
        self.assertEqual(len([line for line in slots.splitlines() if "PIN initialized" in line]), 2)
        self.assertNotRegex(slots, "PIN locked|final (user|SO) PIN try")
        self.assertEqual({label: party.objects(label, pin) for label, pin in pins.items()}, before)
        self.assertTrue(mints())
        environment.restart("core")
        wait_until(mints, "tokens are minted after the restart")
        self.assertLessEqual({first, second}, {token["serial"] for token in party.appliance()["hsm"]})

    def test_3c_who_had_the_pins_could_have_done_each_of_it(self):
        for number, what in enumerate(name for name in ATTEMPTS if "without" not in name):
            variables = softhsm(root / f"another-{number}", "user-0815", "officer-4711")
            done = attempt(what, "a token", "user-0815", "officer-4711", variables)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_4_keys_live_their_lives_each_step_in_its_time(self):
        labels = ("sign-es256", "sign-rs256", "sign-eddsa", "sign-ps256")
        kids = {label: kid(label, second) for label in labels}
        promote = change((kids["sign-es256"], "active"), more="consumer_cache_age: 5m\n")
        early = party.draft(change((kids["sign-es256"], "active"), more="consumer_cache_age: 5m\n", rehearsed=False))
        self.assertIn("can become active at", party.ceremony("run", early, code=1))
        key = party.home("anna") / "id_ssh"
        party.ceremony("abort", early, "--reason", "too early", "--key", key)
        clock.move(400)
        party.hold(promote, rehearse=True)
        self.assertEqual(states(second)["sign-es256"], "active")
        party.hold(change(
            (kids["sign-es256"], "retiring"), *((kids[label], "retired") for label in labels[1:]), rehearsed=False))
        wait_until(lambda: kids["sign-rs256"] not in published(), "verifiers do not fetch what never signed")
        self.assertIn(kids["sign-es256"], published())
        clock.move(400)
        party.hold(change((kids["sign-es256"], "retired"), (kids["sign-rs256"], "destroyed"), rehearsed=False))
        wait_until(lambda: published().isdisjoint(kids.values()), "verifiers fetch none of them any more")
        found = {label for _, label in party.objects("vault-2", environment.pin(second))}
        self.assertNotIn("sign-rs256", found)
        self.assertIn("sign-es256", found)

    def test_5_a_token_is_removed_and_nothing_of_it_remains(self):
        pin = environment.pin(second)
        evidence = party.hold(party.plan("remove-token", second, "true"))
        self.assertEqual(evidence["destroy"]["found_in_a_fresh_process"], 0)
        self.assertEqual(party.objects("vault-2", pin), {})
        self.assertNotIn(second, (party.custody / "pins-1.json").read_text())
        self.assertEqual(set(states(second).values()), {"destroyed"})
        self.assertEqual(len(party.objects("vault-dev", environment.pin())), 2 * 9)

    def test_6_an_audit_finds_everything_as_the_manifest_says(self):
        evidence = party.hold(party.plan("audit-verify"), rehearse=True)
        self.assertEqual(evidence["report"]["faults"], [])
        report = json.loads(next(party.custody.glob("ceremonies/audit-verify-*/work/report.json")).read_text())
        self.assertEqual(report["faults"], [])

    def test_6b_the_other_program_would_see_a_key_too_many_and_one_that_is_not_as_it_was_to_be_made(self):
        pin, variables = environment.pin(), {"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]}

        def tool(*arguments):
            done = pkcs11_tool(
                environment["VAULT_MODULE"], "--token-label", "vault-dev", "--login", "--pin", pin, *arguments,
                variables=variables)
            self.assertEqual(done.returncode, 0, done.stderr)

        tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "sleeper", "--id", "01")
        with self.assertRaisesRegex(AssertionError, "not as it was to be made: .*sleeper.*20 objects instead of 18"):
            environment.check_keys()
        for kind in ("privkey", "pubkey"):
            tool("--delete-object", "--type", kind, "--label", "sleeper")
        environment.check_keys()
        keys = [key for key in environment.manifest()["keys"] if (key["token"], key["label"]) == (first, "github-app")]
        objects = [text for text in environment.objects("vault-dev", pin) if member(text, "label") == "github-app"]
        self.assertEqual(faults(objects, keys), [])
        for changed in ({"provenance": "generated"}, {"purpose": "kek"}, {"alg": "PS256"}, {"id": "01"}):
            self.assertNotEqual(faults(objects, [keys[0] | changed]), [], changed)

    def test_7_a_rehearsal_of_another_plan_counts_for_nothing(self):
        plan = change((kid("sign-eddsa", first), "retiring"))
        # It takes waiting times as over, so that it can come before them.
        other, real = party.draft(plan), party.draft(plan, rehearse=False)
        self.assertIn("rehearse comes first", party.ceremony("run", real, code=1))
        rehearsal = party.place(other) / "rehearsal"
        subprocess.run(["cp", "-r", rehearsal, party.place(real) / "rehearsal"], check=True)
        self.assertIn("rehearse comes first", party.ceremony("run", real, code=1))

    def test_8_a_suspected_key_encryption_key_is_replaced_and_ends(self):
        old = kid("kek", first)
        party.run(
            "quarantine", "--config", environment["VAULT_CONFIG"], "--key", party.home("anna") / "id_ssh", "kek")
        party.hold(party.plan("generate", "kek-2", "", "kek", "RSA-OAEP", first, ""))
        self.assertEqual((states(first)["kek"], states(first)["kek-2"]), ("quarantined", "active"))
        party.hold(change((old, "quarantined"), rehearsed=False))
        party.hold(change((old, "destroyed"), rehearsed=False))
        self.assertEqual((strays("kek"), len(strays("kek-2"))), ([], 2))

    def test_9_an_activation_is_rehearsed_and_then_brings_the_core_to_life(self):
        environment.restart_sealed()
        identifier = party.draft(party.plan("activate", "30m"), rehearse=True)
        self.assertEqual(party.status(identifier)["state"], "approved")
        self.assertIn("sealed", environment.appliance("status", "--config", environment["VAULT_CONFIG"]).stdout)
        self.assertEqual(party.go_on(identifier)["state"], "completed")
        # It serves, though the configuration names tokens that are not there.
        self.assertIn(party.appliance()["state"], ("active", "degraded"))
        evidence = party.close(identifier)
        self.assertEqual(evidence["activate"]["custodians"], ["anna", "ben"])
        self.assertEqual(*map(lambda lines: [line[:2] for line in lines], rehearsal_of(identifier)))


def generate(label, rehearsed=False):
    """The plan for one more TLS key, which lives from one ceremony to the next."""
    return party.plan("generate", label, "", "tls", "ES256", first, "", rehearsed=rehearsed)


def last_line(identifier):
    transcript = party.place(identifier) / "transcript.jsonl"
    return transcript.read_text().splitlines()[-1] if transcript.exists() else ""


def strays(label):
    return [kind for kind, name in party.objects("vault-dev", environment.pin()) if name == label]


def recorded(identifier):
    """The hashes of a transcript's lines, as they stand in the audit log."""
    details = [entry.get("detail", {}) for entry in read_entries(environment["VAULT_LOG_DIR"])]
    return [detail["line_hash"] for detail in details if detail.get("id") == identifier and "line_hash" in detail]


class OnAPartition(unittest.TestCase):
    """Others' HSM, whose partitions let nobody initialise them or set a PIN: C_InitToken, C_InitPIN and C_SetPIN refuse."""

    REFUSED = [f"{name} unsupported" for name in ("C_InitToken", "C_InitPIN", "C_SetPIN")]

    @classmethod
    def setUpClass(cls):
        cls.hsm = FaultyHSM(environment)
        cls.hsm.set(*cls.REFUSED)

    @classmethod
    def tearDownClass(cls):
        cls.hsm.remove()

    def tool(self, *arguments):
        return pkcs11_tool(
            environment["VAULT_MODULE"], "--token-label", "vault-3", "--login", "--pin", "partition-20815", *arguments,
            variables={"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]})

    def test_1_a_second_partition_comes_with_its_own_pin_and_not_before_it_is_empty(self):
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "vault-3", "--pin", "partition-20815", "--so-pin", "4711-0815"],
            check=True, capture_output=True, env=os.environ | {"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]})
        made = self.tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", "sleeper", "--id", "01")
        self.assertEqual(made.returncode, 0, made.stderr)
        pin = secret_file("partition-pin", "partition-20815")
        before = party.objects("vault-dev", environment.pin())
        identifier = party.draft(party.plan(
            "replicate", library(), "pkcs11:token=vault-3", "adopt", pin, "keep", "team", rehearsed=False))
        party.ceremony("run", identifier)
        for name in party.quorum:
            party.contribute(name, party.place(identifier) / "request")
        refused = party.ceremony("resume", identifier, code=1)
        self.assertIn("holds 2 objects", refused)
        self.assertIn("sleeper", refused)
        self.assertEqual(len(party.objects("vault-3", "partition-20815")), 2)
        # Whoever put it there was found out.
        for kind in ("privkey", "pubkey"):
            self.tool("--delete-object", "--type", kind, "--label", "sleeper")
        self.assertEqual(party.go_on(identifier, "resume")["state"], "completed")
        evidence = party.close(identifier)
        self.assertEqual(evidence["token"]["pin"], "keep")
        self.assertEqual(environment.pin(evidence["token"]["token"]), "partition-20815")
        objects = party.objects("vault-3", "partition-20815")
        self.assertEqual(len(objects), 2 * 8)
        self.assertEqual(party.objects("vault-dev", environment.pin()), before)

    def test_2_a_partition_that_would_be_initialised_is_refused_and_says_who_can(self):
        officer = secret_file("so-pin-4", "officer-canary-4")
        identifier = party.draft(party.plan(
            "replicate", library(), "pkcs11:token=vault-4", "initialise", "burn", officer, rehearsed=False))
        party.ceremony("run", identifier)
        for name in party.quorum:
            party.contribute(name, party.place(identifier) / "request")
        refused = party.ceremony("resume", identifier, code=1)
        self.assertIn("C_InitToken", refused)
        party.ceremony("abort", identifier, "--reason", "its team does it", "--key", party.home("anna") / "id_ssh")
        self.assertEqual(party.status(identifier)["state"], "aborted")
        party.close(identifier)

    def test_3_a_key_is_imported_and_ends_there(self):
        imported = import_key("second-app")
        kid = next(key["kid"] for key in party.appliance()["keys"] if key["label"] == "second-app")
        party.hold(change((kid, "retired"), rehearsed=False))
        party.hold(change((kid, "destroyed"), rehearsed=False))
        self.assertEqual(strays("second-app"), [])
        self.assertEqual(imported["key"]["method"], "unwrap")

    def test_4_the_core_is_sealed_at_once_while_a_ceremonys_call_hangs(self):
        identifier = party.draft(generate("tls-hanging", rehearsed=True))
        self.hsm.set(*self.REFUSED, "C_GenerateKeyPair hang")
        process = subprocess.Popen(
            [environment.directory / "run" / "vault-appliance", "ceremony", "run", "--config", environment["VAULT_CONFIG"],
             identifier], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(
                lambda: '"event":"begun"' in (last := last_line(identifier)) and '"step":"key.' in last, "the key is being made")
            with Stopwatch() as watch:
                said = party.run(
                    "seal", "--config", environment["VAULT_CONFIG"], "--key", party.home("carla") / "id_ssh")
                self.assertLess(watch.seconds, 15)
            self.assertIn("sealed", said)
            # Only the end of the process takes the login from a library that hangs.
            core = int(environment["VAULT_CORE_PID"])
            wait_until(lambda: not is_alive(core), "the core has ended")
            process.wait(300)
            self.assertNotEqual(process.returncode, 0)
        finally:
            process.kill()
            process.wait()
            self.hsm.set(*self.REFUSED)
        self.hsm.restart()
        self.assertEqual(party.go_on(identifier, "resume")["state"], "completed")
        party.close(identifier)
        self.assertEqual(sorted(strays("tls-hanging")), ["Private Key", "Public Key"])


class Breakage(unittest.TestCase):
    """Disk and clock, while a ceremony is under way."""

    def test_1_a_full_disk_stops_a_ceremony_and_it_goes_on_when_there_is_room(self):
        disk = FailingDisk({"VAULT_LOG_DIR": str(party.custody)})
        self.addCleanup(disk.close)
        environment.restart("core", disk.variables | {"LD_PRELOAD": f"{disk.variables['LD_PRELOAD']}:{clock.library}"})
        identifier = party.draft(generate("tls-disk"))
        verb, failures = "run", 0
        for first_write in (1, 3, 6, 9):
            disk.clear()
            # ENOSPC
            disk.fail("write", 28, first=first_write)
            said = party.ceremony(verb, identifier, code=None)
            failures += "errno 28" in said
            disk.clear()
            if party.status(identifier)["state"] == "running":
                verb = "resume"
        self.assertGreaterEqual(failures, 3)
        self.assertEqual(party.go_on(identifier, verb)["state"], "completed")
        party.close(identifier)
        self.assertEqual(sorted(strays("tls-disk")), ["Private Key", "Public Key"])
        environment.restart("core")

    def test_1b_a_full_disk_under_the_log_ends_the_core_and_the_ceremony_goes_on_when_there_is_room(self):
        disk = FailingDisk(environment)
        self.addCleanup(disk.close)
        identifier, verb = party.draft(generate("tls-log-disk")), "run"
        for first_write in (1, 2, 4, 7):
            disk.clear()
            environment.restart(
                "core", disk.variables | {"LD_PRELOAD": f"{disk.variables['LD_PRELOAD']}:{clock.library}"})
            core = int(environment["VAULT_CORE_PID"])
            disk.clear()
            # ENOSPC
            disk.fail("write", 28, first=first_write)
            said = party.ceremony(verb, identifier, code=1)
            wait_until(lambda: not is_alive(core), "the core has ended")
            # The core may answer still, break off, or have ended over a write of its own before it was asked.
            self.assertRegex(said, "no space left|the audit log's disk is full|cannot connect to the core's socket")
            last = (environment.directory / "core.log").read_text().rstrip().splitlines()[-1]
            self.assertIn("the audit log failed; the core stops", last)
            if last_line(identifier):
                verb = "resume"
        environment.restart("core")
        self.assertEqual(verb, "resume")
        self.assertEqual(party.go_on(identifier, verb)["state"], "completed")
        party.close(identifier)
        self.assertEqual(sorted(strays("tls-log-disk")), ["Private Key", "Public Key"])
        log = environment.appliance("audit", "verify", "--log", environment["VAULT_LOG_DIR"], "--vkey", environment["VAULT_LOG_VKEY"])
        self.assertEqual(log.returncode, 0, log.stderr)
        # Each line of the transcript has its leaf, and what happened twice was recorded once.
        lines = (party.place(identifier) / "transcript.jsonl").read_bytes().splitlines()
        wanted = [hashlib.sha256(line).hexdigest() for line in lines]
        wait_until(lambda: recorded(identifier) == wanted, "the log has every line of the transcript")

    def test_2_a_clock_that_is_set_stops_a_ceremony_and_it_goes_on_when_the_clock_is_mended(self):
        identifier = party.draft(generate("tls-clock"))
        clock.move(-7000)
        self.assertIn("check the clock", party.ceremony("run", identifier, code=1))
        clock.move(7000)
        self.assertIn("manifest.json", party.ceremony("run", identifier))
        party.sign(identifier, "manifest.json")
        before = (party.place(identifier) / "transcript.jsonl").read_text()
        clock.move(4000)
        self.assertIn("clock", party.ceremony("resume", identifier, code=1))
        clock.move(-8000)
        self.assertIn("clock", party.ceremony("resume", identifier, code=1))
        clock.move(4000)
        self.assertEqual(party.go_on(identifier, "resume")["state"], "completed")
        party.close(identifier)
        self.assertTrue((party.place(identifier) / "transcript.jsonl").read_text().startswith(before))

    def test_3_a_plan_whose_time_runs_out_within_is_taken_back(self):
        identifier = party.draft(generate("tls-late"))
        party.ceremony("run", identifier)
        self.assertEqual(len(strays("tls-late")), 2)
        clock.move(8000)
        environment.restart("core")
        self.assertIn("its approvals ended", party.ceremony("resume", identifier, code=1))
        party.ceremony("abort", identifier, "--reason", "too late", "--key", party.home("ben") / "id_ssh")
        self.assertEqual(party.status(identifier)["state"], "aborted")
        party.close(identifier)
        self.assertEqual(strays("tls-late"), [])


if __name__ == "__main__":
    summary.run("ceremonies in the core")
