#!/usr/bin/env python3
"""Whole ceremonies as separate processes on real SoftHSM; custodians use stock ssh-keygen and age alone."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

import summary
from ceremony_site import KEK, KEYS, OFFICER_PIN, USER_PIN, Site, module
from custodians import Custodian, combine
from environment import ROOT, wait_until
from failing_disk import FailingDisk
from token_keys import member

# One directory, so that custodians' keys are made once.
directory = tempfile.TemporaryDirectory(prefix="ceremonies-")
TLS = {"label": "tls", "purpose": "tls", "alg": "ES256"}
# What is another's in every ceremony, rehearsed or not (Transcript+Outline.swift).
DRAWN = {
    "plan", "words", "build", "rehearsal", "host_key", "fingerprint", "key", "serial", "token", "model", "kid", "id",
    "jwk", "commitment", "manifest_hash", "sealed_pins", "by", "contributed", "signed"}


def site(name):
    return Site(pathlib.Path(directory.name) / name, people=pathlib.Path(directory.name) / "people")


def outline(path):
    """A transcript without the values that must differ."""
    def masked(value):
        if isinstance(value, dict):
            return {name: "..." if name in DRAWN else masked(member) for name, member in value.items()}
        return [masked(element) for element in value] if isinstance(value, list) else value

    lines = map(json.loads, path.read_text().splitlines())
    return [(line["event"], line.get("step"), masked(line["data"])) for line in lines]


class WholeGenesis(unittest.TestCase):
    """One genesis from the plan to the sealed transcript; the tests look at it from all sides, in order."""

    @classmethod
    def setUpClass(cls):
        cls.site = site("whole").initialise()
        cls.site.draft(cls.site.plan(rehearsal="required", keys=[*KEYS, TLS, KEK]))
        # Approved but not rehearsed: it does not run.
        cls.site.approve()
        cls.unrehearsed = cls.site.ceremony("run", cls.site.id, code=1)
        cls.site.ceremony("rehearse", cls.site.id)
        cls.outcome = cls.site.go_on()
        cls.pin = cls.site.final_pin()

    def test_1_it_completes(self):
        self.assertIn("rehearse comes first", self.unrehearsed.stderr)
        self.assertEqual(self.outcome["state"], "completed")
        self.assertEqual({step["standing"] for step in self.outcome["steps"]}, {"done"})

    def test_2_the_token_holds_exactly_the_plans_keys_as_another_program_sees_it(self):
        self.site.check_keys()
        labels = {member(text, "label") for text in self.site.objects(self.pin)}
        self.assertEqual(labels, {"sign-es256", "checkpoint", "tls", "kek"})
        # The PIN that the vendor's tool had set opens nothing any more.
        with self.assertRaisesRegex(AssertionError, "CKR_PIN_INCORRECT"):
            self.site.objects(USER_PIN)

    def test_3_the_rehearsal_gave_the_same_transcript(self):
        real, rehearsed = (
            outline(place / "transcript.jsonl") for place in (self.site.place, self.site.place / "rehearsal"))
        # Waiting for people leaves no line; a process that ended meanwhile and came back leaves none either.
        self.assertEqual(real, rehearsed)

    def test_4_verify_says_who_must_still_sign_and_then_that_it_is_sealed(self):
        before = self.site.ceremony("verify", self.site.place, config=False, code=2)
        self.assertIn("missing    anna, ben, carla, erik", before.stdout)
        self.site.hand_in("head.json", "transcript", ["anna", "carla", "erik"])
        page = self.site.directory / "report.html"
        after = self.site.ceremony(
            "verify", self.site.place, "--html", page, "--text", self.site.directory / "report.txt", config=False)
        self.assertIn("completed, sealed", after.stdout)
        html = page.read_text()
        for wanted in ("CKA_NEVER_EXTRACTABLE=1", "read_private", "SHA256:", self.site.id, "sign-es256", "Who got a share"):
            self.assertIn(wanted, html)
        self.assertNotIn("<script", html)
        self.assertEqual(self.site.status()["state"], "sealed")

    def test_5_a_copy_that_was_changed_does_not_verify(self):
        copy = pathlib.Path(directory.name) / "copy" / self.site.id
        shutil.copytree(self.site.place, copy)
        transcript = copy / "transcript.jsonl"
        lines = transcript.read_text().splitlines(keepends=True)
        for number in (2, len(lines) - 1):
            transcript.write_text("".join(lines[:number - 1] + lines[number:]))
            self.assertIn(
                f"line {number} is missing", self.site.ceremony("verify", copy, config=False, code=1).stderr)
        transcript.write_text("".join(lines[:3] + [lines[3].replace('"', "'", 1)] + lines[4:]))
        self.assertIn("line 4 was edited", self.site.ceremony("verify", copy, config=False, code=1).stderr)

    def test_6_the_audit_log_has_it_all_from_its_first_entry(self):
        journal = b"".join(path.read_bytes() for path in self.site.log.rglob("*") if path.is_file())
        kinds = re.findall(rb'"kind":"([a-z.-]+)"', journal)
        self.assertEqual(kinds[:3], [b"ceremony.started", b"ceremony.approved", b"ceremony.approved"])
        self.assertEqual(kinds.count(b"admin.keys-generated"), 4)
        self.assertEqual(kinds.count(b"admin.manifest-installed"), 1)
        self.assertEqual(kinds[-1], b"ceremony.completed")

    def test_7_no_secret_is_on_the_disk(self):
        shares = {
            name: custodian.open_share(self.site.place / "shares" / f"{name}.age")
            for name, custodian in self.site.custodians.items()}
        secret = combine([shares["anna"], shares["ben"]])
        wanted = [self.pin.encode(), secret, secret.hex().encode(), *(share[-32:] for share in shares.values())]
        looked = 0
        for path in self.site.directory.rglob("*"):
            if path.is_file() and "people" not in path.parts:
                content = path.read_bytes()
                looked += 1
                for canary in wanted + ([] if path.name in ("pin", "so-pin") else [USER_PIN.encode(), OFFICER_PIN.encode()]):
                    self.assertNotIn(canary, content, path)
        self.assertGreater(looked, 30)
        self.assertEqual(oct((self.site.custody / "host-key").stat().st_mode & 0o777), "0o600")

    def test_8_a_second_genesis_is_refused(self):
        process = self.site.ceremony("draft", self.site.directory / "plan.yaml", code=1)
        self.assertIn("there is a manifest", process.stderr)


class OtherTokens(unittest.TestCase):
    def test_two_tokens_are_initialised_and_their_so_pins_burnt(self):
        place = site("two")
        tokens = [
            {"module": str(module()), "token": f"pkcs11:token={label}", "prepare": "initialise", "so_pin": "burn",
             "so_pin_file": f"{place.directory}/so-pin"} for label in ("vault-a", "vault-b")]
        place.draft(place.plan(tokens=tokens), place.configure(labels=("vault-a", "vault-b")))
        place.approve()
        self.assertEqual(place.go_on()["state"], "completed")
        pins = json.loads((place.custody / "pins-1.json").read_text())["tokens"]
        self.assertEqual(len(pins), 2)
        manifest = json.loads((place.custody / "manifests" / "1.json").read_text())
        place.check_keys()
        for token in manifest["tokens"]:
            burnt = subprocess.run(
                ["pkcs11-tool", "--module", module(), "--token-label", token["label"], "--login", "--login-type", "so",
                 "--so-pin", OFFICER_PIN, "--init-pin", "--new-pin", "mallory-1234"], capture_output=True, text=True, env=place.variables)
            self.assertIn("CKR_PIN_INCORRECT", burnt.stdout + burnt.stderr)

    def test_a_partition_that_refuses_c_setpin_keeps_its_pin(self):
        place = site("partition").initialise()
        (place.directory / "script").write_text(
            "".join(f"{name} return CKR_FUNCTION_NOT_SUPPORTED\n" for name in ("C_InitToken", "C_InitPIN", "C_SetPIN")))
        fault = ROOT / ".build" / "debug" / "libFaultModule.so"
        place.variables |= {
            "FAULT_MODULE_TARGET": str(module()), "FAULT_MODULE_SCRIPT": str(place.directory / "script")}
        configuration = place.configure()
        configuration["hsm"]["module"] = str(fault)
        token = place.plan()["tokens"][0] | {"module": str(fault), "pin": "keep", "so_pin": "team"}
        place.draft(place.plan(tokens=[token]), configuration)
        place.approve()
        self.assertEqual(place.go_on()["state"], "completed")
        self.assertEqual(place.final_pin(), USER_PIN)
        place.check_keys()


    def test_a_rehearsal_plays_an_algorithm_that_softhsm_lacks_by_another_and_the_ceremony_itself_does_not(self):
        place = site("oaep").initialise()
        place.draft(place.plan(rehearsal="required", keys=[*KEYS, TLS, KEK | {"alg": "RSA-OAEP-256"}]))
        place.approve()
        place.ceremony("rehearse", place.id)
        lines = [json.loads(line) for line in (place.place / "rehearsal" / "transcript.jsonl").read_text().splitlines()]
        made = next(line["data"]["keys"] for line in lines if line["event"] == "done" and line["step"] == "keys")
        self.assertEqual({key["label"]: key["alg"] for key in made}["kek"], "RSA-OAEP")
        self.assertEqual(lines[-1]["event"], "completed")
        # It is still the plan that custodians have signed, and counts as its rehearsal.
        self.assertIn('"alg":"RSA-OAEP-256"', (place.place / "plan.json").read_text())
        self.assertEqual(place.status()["state"], "approved")
        process = place.ceremony("run", place.id, code=1)
        self.assertIn("RSA-OAEP-256", process.stderr)
        self.assertEqual(json.loads(place.ceremony("abort", "--json", "--reason", "no such key", place.id).stdout)["state"], "aborted")
        self.assertEqual(place.objects(USER_PIN), [])
        self.assertFalse((place.custody / "host-key").exists())


class Malice(unittest.TestCase):
    def start(self, name, **changes):
        place = site(name).initialise()
        place.draft(place.plan(**changes))
        return place

    def test_one_custodian_is_not_enough_and_counts_once(self):
        place = self.start("one")
        place.approve(["anna"])
        self.assertIn("one person counts once", place.hand_in("plan.json", "plan", ["anna"], code=1).stderr)
        self.assertIn("2 custodians must have approved, 1 have", place.ceremony("run", place.id, code=1).stderr)
        self.assertFalse((place.custody / "host-key").exists())

    def test_what_is_no_approval_is_named(self):
        place, other = self.start("approvals"), self.start("approvals-other", purpose="Another plan")
        foreign = place.custodians["anna"].sign(other.place / "plan.json", "plan")
        self.assertIn("no approval of the plan with the words", place.ceremony("approve", place.id, foreign, code=1).stderr)
        stranger = Custodian(place.people, "mallory").sign(place.place / "plan.json", "plan")
        self.assertIn("belongs to none of anna, ben, carla", place.ceremony("approve", place.id, stranger, code=1).stderr)
        witness = place.erik.sign(place.place / "plan.json", "plan")
        self.assertIn("belongs to none of", place.ceremony("approve", place.id, witness, code=1).stderr)
        place.approve()
        plan = place.place / "plan.json"
        plan.write_text(plan.read_text().replace('"threshold":2', '"threshold":3'))
        self.assertIn("is not the plan that this ceremony was opened with", place.ceremony("run", place.id, code=1).stderr)

    def test_a_fresh_token_with_something_on_it_is_refused(self):
        place = self.start("extra")
        subprocess.run(
            ["pkcs11-tool", "--module", module(), "--token-label", "vault", "--login", "--pin", USER_PIN, "--keypairgen",
             "--key-type", "EC:prime256v1", "--label", "sleeper", "--id", "01"], check=True, capture_output=True,
            env=place.variables)
        place.approve()
        process = place.ceremony("run", place.id, code=1)
        self.assertIn('holds 2 objects', process.stderr)
        self.assertIn("sleeper", process.stderr)
        aborted = json.loads(place.ceremony("abort", "--json", "--reason", "a sleeper on the token", place.id).stdout)
        self.assertEqual(aborted["state"], "aborted")
        self.assertFalse((place.custody / "host-key").exists())
        self.assertEqual(len(place.objects(USER_PIN)), 2)

    def test_a_token_that_was_swapped_for_another_with_its_label_is_refused(self):
        place = self.start("swap")
        place.approve()
        self.assertEqual(self.until_manifest(place), "running")
        for entry in (place.directory / "tokens").iterdir():
            subprocess.run(["rm", "-r", entry], check=True)
        place.initialise()
        place.hand_in("manifest.json", "manifest", ["anna", "ben"])
        process = place.ceremony("resume", place.id, code=1)
        self.assertIn("serial=", process.stderr)

    def until_manifest(self, place):
        return json.loads(place.ceremony("run", "--json", place.id).stdout.splitlines()[-1])["state"]

    def test_a_wrong_share_is_named_and_the_right_ones_still_count(self):
        place = self.start("shares")
        place.approve()
        self.until_manifest(place)
        place.hand_in("manifest.json", "manifest", ["anna", "ben"])
        process = place.start("resume")
        try:
            self.wait_for_request(place)
            def flip(share):
                return share[:-1] + bytes([share[-1] ^ 1])

            request, contributions = place.place / "request" / "request.json", place.place / "request"
            shares = place.place / "shares"
            place.custodians["anna"].contribute(request, shares / "anna.age", contributions, change=flip)
            line = self.wait_for_line(process, "Refused, anna")
            self.assertIn("is not the one that was made for anna", line)
            for name in ("anna", "ben"):
                place.custodians[name].contribute(request, shares / f"{name}.age", contributions)
            output, errors = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, output + errors)
        finally:
            process.kill()
        self.assertEqual(place.status()["state"], "completed")

    def wait_for_request(self, place):
        wait_until((place.place / "request" / "request.json").exists, "the request is open")

    def wait_for_line(self, process, text):
        # A process that says nothing would be waited for without end.
        limit = threading.Timer(60, process.kill)
        limit.start()
        try:
            for line in process.stdout:
                if text in line:
                    return line
        finally:
            limit.cancel()
        raise AssertionError(f"{text} was not said: {process.stderr.read()}")

    def test_every_fault_of_a_plan_is_shown_with_its_line(self):
        place = site("faults")
        (place.directory / "bad.yaml").write_text(
            "ceremony: genesis\npurpose: x\nadministrator: Dora\nfrobnicate: 1\ntokens: []\n")
        process = place.ceremony("validate", place.directory / "bad.yaml", code=1, config=False)
        for wanted in ("bad.yaml:3: administrator", "bad.yaml:4: frobnicate", "bad.yaml:5: tokens", "custodians: is missing"):
            self.assertIn(wanted, process.stderr)


class FullDisk(unittest.TestCase):
    def test_a_full_disk_stops_the_ceremony_and_it_goes_on_when_there_is_room(self):
        place = site("full").initialise()
        place.draft()
        place.approve()
        disk = FailingDisk({"VAULT_LOG_DIR": str(place.custody)})
        self.addCleanup(disk.close)
        # 28: ENOSPC. The first writes are of the transcript itself.
        for first in (1, 9, 17):
            disk.clear()
            disk.fail("write", 28, first=first)
            verb = "run" if place.status()["state"] == "approved" else "resume"
            process = place.ceremony(verb, place.id, code=1, variables=disk.variables)
            self.assertIn("errno 28", process.stderr)
        self.assertEqual(place.go_on()["state"], "completed")
        place.ceremony("verify", place.place, config=False, code=2)


if __name__ == "__main__":
    summary.run("ceremonies")
