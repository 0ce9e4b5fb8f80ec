#!/usr/bin/env python3
"""A whole ceremony typed by people in real terminals (tmux, 80 by 24): an administrator, three custodians, a witness.

What stands on their screens is what is looked at: steps, roles, who is missing, words to read aloud, what to do next after
each refusal; nothing wider than the screen, and no secret. The screens of docs/ceremonies.md and docs/custodians.md must be
these.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import process_memory
import summary
from ceremony_site import Site, appliance
from custodians import combine
from environment import ROOT, wait_until
from tmux import COLUMNS, Person, Server

PASSPHRASE = "Heckenrose-Passphrase"
WORDS = r"\w{5}(?:-\w{5}){3}"
CUSTODIANS = ("anna", "ben", "carla")
# TMPDIR may be long; a person's directory is not.
# Shells that are being ended may still write into it.
directory = tempfile.TemporaryDirectory(prefix="guided-", dir="/tmp", ignore_cleanup_errors=True)
root = pathlib.Path(directory.name)
server = Server(root / "tmux")
people = {}
site = None
# What stood on screens, by who and in order.
shown = []


class Secretive(Site):
    """Its PINs have no eight letters that could stand on a screen by chance."""

    user_pin, officer_pin = os.urandom(12).hex(), os.urandom(12).hex()


def setUpModule():
    global site
    unittest.addModuleCleanup(directory.cleanup)
    unittest.addModuleCleanup(server.close)
    site = Secretive(root / "site").initialise()
    configuration = site.configure() | {"issuer": "https://vault.example"}
    # A person would have written YAML; JSON is YAML.
    (site.directory / "config.yaml").write_text(json.dumps(configuration))
    binaries = root / "bin"
    binaries.mkdir()
    (binaries / "vault-appliance").symlink_to(appliance())
    for name in ("fred", *CUSTODIANS, "erik"):
        home = root / name
        home.mkdir(exist_ok=True)
        variables = {
            "HOME": str(home), "PATH": f"{binaries}:{os.environ['PATH']}", "LANG": "C.UTF-8",
            "SOFTHSM2_CONF": site.variables["SOFTHSM2_CONF"]}
        place = site.directory if name == "fred" else home
        people[name] = Person(server, name, place, variables)


def typed(name, command, code=0, answers=()):
    """Somebody types a command and answers what it asks; returns what the screen showed."""
    person = people[name]
    person.start(command)
    for question, text in answers:
        person.answer(question, text, hidden=text == PASSPHRASE)
    ended, text = person.end()
    shown.append((name, text))
    if ended != code:
        raise AssertionError(f"{command}: {ended}\n{text}")
    return text


def approve(name, file, code=0, answer="yes"):
    """A custodian reads a file page by page, compares the words at the end, and signs; returns words and screen."""
    person = people[name]
    person.start(f"vault-appliance custodian approve {file}")
    while True:
        stop = person.expect(rf"press Enter to read on[^\n]*\Z|[^\0]*words +({WORDS})\n[^\0]*Type\s+yes\s+or\s+no:\s*\Z")
        if stop[1]:
            break
        screen = person.screen()
        person.type("")
        wait_until(lambda: person.screen() != screen, "the next page")
    person.type(answer)
    if answer == "yes":
        person.answer("Enter passphrase", PASSPHRASE, hidden=True)
    ended, text = person.end()
    shown.append((name, text))
    if ended != code:
        raise AssertionError(f"{file}: {ended}\n{text}")
    return stop[1], text


def flat(text):
    """What was broken between words, in one line."""
    return " ".join(text.split())


def place():
    return next(site.custody.glob("ceremonies/genesis-*"))


def ceremony(verb, *arguments):
    return " ".join(["vault-appliance ceremony", verb, "--config config.yaml", place().name, *map(str, arguments)])


def hand_to(name, path):
    """A file goes to a custodian, by whatever way."""
    (root / name / path.name).write_bytes(path.read_bytes())


class GuidedRun(unittest.TestCase):
    def test_01_people_enrol_and_read_their_fingerprints(self):
        for name in CUSTODIANS:
            text = typed(name, f"vault-appliance custodian enrol {name}", answers=[
                ("Enter passphrase", PASSPHRASE), ("same passphrase again", PASSPHRASE)])
            self.assertRegex(text, rf"(?m)^enrolled as  {name}$")
            self.assertRegex(text, r"(?m)^SSH key      SHA256:\S{43}$")
            self.assertIn("Next: give this file to the administrator", text)
        typed("erik", "vault-appliance custodian enrol erik --no-passphrase")

    def test_02_the_administrator_is_asked_for_the_plan(self):
        enrolments = [(r"custodian \(\d; an empty line ends the\s+list\):", f"../{name}/.vault-custodian/enrolment.json")
                      for name in CUSTODIANS]
        text = typed("fred", "vault-appliance ceremony plan --config config.yaml --out genesis.yaml genesis", answers=[
            ("Why is the ceremony held", "First keys of vault.example"), ("Who runs it", "fred"),
            ("How long the plan", "2h"), ("file of a witness", "../erik/nowhere.json"),
            # A slip is told and asked for again.
            (r"Try again\.\nEnrolment file of a witness", "../erik/.vault-custodian/enrolment.json"),
            (r"a witness \(2", ""), ("somebody else initialised it", "adopt"), ("its user PIN", f"{site.directory}/pin"),
            ("a random PIN", "replace"), ("becomes of the SO PIN", "burn"), ("with the SO PIN", f"{site.directory}/so-pin"),
            *enrolments, (r"custodian \(4;", ""), ("How many custodians it takes", "2"), ("an approver", "")])
        self.assertIn("../erik/nowhere.json: cannot be opened", flat(text))
        # SoftHSM knows OAEP with SHA-1 alone.
        plan = site.directory / "genesis.yaml"
        self.assertIn("alg: RSA-OAEP-256", plan.read_text())
        plan.write_text(plan.read_text().replace("RSA-OAEP-256", "RSA-OAEP"))
        typed("fred", "vault-appliance ceremony validate genesis.yaml")

    def test_03_the_draft_shows_steps_roles_words_and_what_comes_next(self):
        text = typed("fred", "vault-appliance ceremony draft --config config.yaml genesis.yaml")
        self.assertRegex(text, rf"(?m)^words      {WORDS}$")
        self.assertRegex(text, r"(?m)^approved   nobody; 2 custodians must$")
        self.assertRegex(text, r"(?m)^missing    anna, ben, carla$")
        steps = re.findall(r"(?m)^  \[ \] (\d)/9  ", text)
        self.assertEqual(steps, [str(number) for number in range(1, 10)])
        self.assertIn("[custodians]", text)
        self.assertIn("next       rehearse", text)
        refused = typed("fred", ceremony("run"), code=1)
        self.assertIn("2 custodians must have approved, 0 have; missing: anna, ben, carla", flat(refused))
        rehearsed = typed("fred", ceremony("rehearse"))
        self.assertEqual(len(re.findall(r"(?m)^  \[x\] \d/9  ", rehearsed)), 9)
        self.assertIn("vault-appliance custodian approve plan.json", rehearsed)

    def test_04_who_is_read_other_words_signs_nothing_and_is_told_what_to_do(self):
        hand_to("anna", place() / "plan.json")
        words, text = approve("anna", "plan.json", code=1, answer="no")
        self.assertIn("Tell the administrator and the other custodians why", flat(text))
        self.assertFalse((root / "anna" / "plan.json.sig").exists())
        type(self).plan_words = words

    def test_05_custodians_approve_the_plan_and_the_administrator_sees_who_is_missing(self):
        said = json.loads((place() / "plan.json").read_text())["purpose"]
        for name in ("anna", "ben"):
            hand_to(name, place() / "plan.json")
            words, text = approve(name, "plan.json")
            self.assertEqual(words, self.plan_words)
            self.assertIn(said, text)
            self.assertIn("Next: give this file to the administrator", text)
        one = typed("fred", ceremony("approve", "../anna/plan.json.sig"))
        self.assertRegex(one, r"(?m)^taken      anna has signed the plan$")
        self.assertRegex(one, r"(?m)^missing    approvals of ben, carla$")
        status = typed("fred", ceremony("status"))
        self.assertRegex(status, rf"(?m)^words      {self.plan_words}$")
        self.assertRegex(status, r"(?m)^approved   anna; 2 custodians must$")
        again = typed("fred", ceremony("approve", "../anna/plan.json.sig"), code=1)
        self.assertIn("one person counts once", flat(again))
        foreign = typed("fred", ceremony("approve", "plan.sig"), code=1)
        self.assertIn("plan.sig", flat(foreign))
        two = typed("fred", ceremony("approve", "../ben/plan.json.sig"))
        self.assertRegex(two, r"(?m)^next       begin:$")

    def test_06_the_run_takes_its_steps_and_waits_for_signatures_of_the_manifest(self):
        text = typed("fred", ceremony("run"))
        self.assertEqual(re.findall(r"(?m)^  \[x\] (\d)/9  ", text), ["1", "2", "3", "4", "5"])
        self.assertRegex(text, r"(?m)^waiting    for 2 of anna, ben, carla$")
        type(self).manifest_words = re.search(rf"(?m)^words      ({WORDS})$", text)[1]
        self.assertIn("next       hand in what they send you:", text)
        early = typed("fred", ceremony("run"), code=1)
        self.assertIn("go on with ceremony resume, or take it back with abort", flat(early))
        for name in ("anna", "carla"):
            hand_to(name, place() / "manifest.json")
            words, text = approve(name, "manifest.json")
            self.assertEqual(words, self.manifest_words)
        typed("fred", ceremony("approve", "../anna/manifest.json.sig", "../carla/manifest.json.sig"))

    def test_07_it_waits_for_shares_and_says_who_has_contributed(self):
        fred = people["fred"]
        fred.start(ceremony("resume"))
        screen = fred.expect(rf"^words      ({WORDS})$")
        words = screen[1]
        self.assertNotEqual(words, self.manifest_words)
        # A path that is too long for the row stands in the next.
        fred.expect(r"^file\b")
        request = place() / "request"
        for name in CUSTODIANS:
            subprocess.run(["cp", "-r", request, site.custody / "manifests", root / name], check=True)
            hand_to(name, place() / "shares" / f"{name}.age")
        # Nobody contributes to an appliance that was not accepted, or to other words than those that are read aloud.
        early = typed("ben", "vault-appliance custodian contribute --request request --share ben.age", code=1)
        self.assertIn("custodian accept comes first", flat(early))
        for name, left in (("anna", "for 1 of ben, carla"), ("carla", None)):
            accepted = typed(name, f"vault-appliance custodian accept manifests --share {name}.age", answers=[
                (r"Type\s+yes\s+or\s+no:", "yes")])
            self.assertIn(self.manifest_words, accepted)
            self.assertIn("your share opens, and is the one that the manifest promises you", flat(accepted))
            other = "vault-appliance custodian contribute --request request --words babab-babab-babab-babab"
            self.assertIn("call the others by a number that you already have", flat(typed(name, other, code=1)))
            text = typed(name, "vault-appliance custodian contribute --request request", answers=[
                (r"Type\s+yes\s+or\s+no:", "yes"), ("Enter passphrase", PASSPHRASE)])
            self.assertRegex(text, rf"(?m)^words       {words}$")
            self.assertIn("your appliance's own key signed this request", flat(text))
            self.assertIn("Next: give both files to the administrator", text)
            for ending in (".age.sig", ".age"):
                source = root / name / "request" / f"{name}{ending}"
                staging = request / f".{name}{ending}"
                staging.write_bytes(source.read_bytes())
                staging.rename(request / f"{name}{ending}")
            if left:
                fred.expect(rf"^waiting    {left}$")
        code, text = fred.end()
        shown.append(("fred", text))
        self.assertEqual(code, 0, text)
        self.assertIn("[x] 9/9  Burn the SO PIN of the token vault", text)
        self.assertRegex(text, r"(?m)^state      completed, 9 of 9 steps done$")
        type(self).head_words = re.search(rf"(?m)^words      ({WORDS})$", text.split("state      completed")[1])[1]

    def test_08_the_head_is_signed_and_the_whole_verifies(self):
        hand_to("erik", place() / "head.json")
        typed("erik", "vault-appliance custodian approve --yes head.json")
        for name in ("anna", "ben"):
            hand_to(name, place() / "head.json")
            words, _ = approve(name, "head.json")
            self.assertEqual(words, self.head_words)
        text = typed("fred", ceremony("approve", *(f"../{name}/head.json.sig" for name in ("anna", "ben", "erik"))))
        self.assertRegex(text, r"(?m)^state      sealed")
        text = typed("fred", f"vault-appliance ceremony verify custody/ceremonies/{place().name} --genesis {self.manifest_words}")
        self.assertIn("completed, sealed", text)
        # Whoever accepted the appliance needs no hash: the usual directory remembers it.
        subprocess.run(["cp", "-r", place(), site.custody / "manifests", root / "anna"], check=True)
        text = typed("anna", f"vault-appliance ceremony verify {place().name}")
        self.assertIn("completed, sealed", text)
        self.assertNotIn("nobody vouches", flat(text))
        unknown = typed("fred", f"vault-appliance ceremony verify custody/ceremonies/{place().name}")
        self.assertIn("nobody vouches for these manifests", flat(unknown))

    def test_09_nothing_was_wider_than_a_screen_nor_broken_within_a_word(self):
        self.assertGreater(len(shown), 25)
        for name, text in shown:
            for line in text.splitlines():
                # A path or a hash cannot be broken between words.
                if len(line) > COLUMNS:
                    self.assertNotIn(" ", line.strip(), f"{name}: {line}")

    def test_10_no_secret_was_ever_on_a_screen(self):
        shares = {
            name: subprocess.run(
                ["age", "-d", "-i", root / name / ".vault-custodian" / "identity", root / name / f"{name}.age"], check=True,
                stdout=subprocess.PIPE).stdout for name in CUSTODIANS}
        secrets = {"PIN": site.user_pin.encode(), "SO PIN": site.officer_pin.encode(), "passphrase": PASSPHRASE.encode(),
                   "A": combine([shares["anna"], shares["ben"]])}
        secrets |= {f"share of {name}": share[-48:] for name, share in shares.items()}
        screens = root / "screens"
        screens.mkdir()
        for name, person in people.items():
            person.keep()
            (screens / name).write_text(person.everything)
        self.assertEqual(process_memory.on_disk(secrets, screens), ([], len(people)))
        self.assertIn(self.head_words, (screens / "fred").read_text())

    def test_11_the_screens_in_the_documents_are_these(self):
        seen = [shape(text) for _, text in shown]
        for document, count in (("ceremonies.md", 3), ("custodians.md", 4)):
            blocks = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / document).read_text(), re.DOTALL)
            self.assertEqual(len(blocks), count, document)
            for block in blocks:
                self.assertTrue(any(shape(block) in text for text in seen), f"{document}:\n{block}")


def shape(text):
    """A screen without what differs from one appliance and one machine to the next, and without where lines are broken."""
    text = flat(text)
    for pattern, word in (
        (WORDS, "WORDS"), (r"SHA256:\S+", "FINGERPRINT"), (r"age1\w+", "RECIPIENT"), (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
        (r"\b[0-9a-f]{64}\b", "HASH"), (r"\b[0-9a-f]{32}\b", "ID"), (r"\b[0-9a-f]{16}\b", "SERIAL"),
        (r"genesis-[0-9a-f]{12}", "CEREMONY"), (r"(?:[\w.~-]*/)+(?=\S)", ""), (r" \\ ", " "), (r"\d keys", "N keys"),
        (r"\b(?:anna|ben|carla)\b", "NAME"),
    ):
        text = re.sub(pattern, word, text)
    return text


if __name__ == "__main__":
    summary.run("guided run")
