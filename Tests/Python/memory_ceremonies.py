#!/usr/bin/env python3
"""What ceremonies keep in memory and leave on the disk: PINs, the activation secret and shares in locked memory alone, and
nothing of them once their step is over.

A genesis and its child processes are stopped at each of their durable writes and inside the HSM's library; a custodian's
commands where they ask, and after they have used what is secret; the core after each ceremony that had something secret in
hand. Where the tests are root's own, what can be is run as a user without privileges, and another process of that user
tries to read it (PR_SET_DUMPABLE, prctl(2)).
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from cryptography.hazmat.primitives import serialization

import process_memory
import summary
from ceremony_site import KEK, KEYS, Site, appliance, module
from custodians import combine, unwrap_pin
from environment import module_environment, wait_until
from failing_disk import HANG, FailingDisk
from fault_module import FaultModule, FaultyHSM, library
from party import Party
from person_terminal import Terminal
from process_memory import AS_NOBODY, NOBODY, children, look, on_disk, reach

PASSPHRASE = "passphrase-canary-Holunder"
directory = tempfile.TemporaryDirectory(prefix="memory-ceremonies-")
root = pathlib.Path(directory.name)


def setUpModule():
    unittest.addModuleCleanup(directory.cleanup)
    if AS_NOBODY:
        root.chmod(0o755)


def give(*places):
    """Let the user without privileges have what the tests have made."""
    if AS_NOBODY:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", *places], check=True)


class UnprivilegedSite(Site):
    """A site whose commands are run by a user without privileges, the fault module between it and SoftHSM."""

    # No eight letters of them are anywhere by chance.
    user_pin, officer_pin = os.urandom(12).hex(), os.urandom(12).hex()

    def __init__(self, place):
        super().__init__(place)
        # The builds may lie where that user cannot come.
        self.binary = pathlib.Path(shutil.copy(appliance(), root))
        self.library = pathlib.Path(shutil.copy(library(), root))
        self.faults = FaultModule(self.directory, module())
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        self.variables |= self.faults.variables | {"TMPDIR": str(self.temporary)}

    def configure(self, labels=("vault",)):
        configuration = super().configure(labels)
        configuration["hsm"]["module"] = str(self.library)
        return configuration

    def plan(self, **changes):
        plan = super().plan(**changes)
        plan["tokens"][0] |= {
            "module": str(self.library), "so_pin": "burn", "so_pin_file": f"{self.directory}/so-pin"}
        return plan

    def own_command(self, *arguments):
        """One of the appliance's commands as that user."""
        give(self.directory)
        return [*AS_NOBODY, str(self.binary), *map(str, arguments)]

    def command(self, verb, *arguments, config=True):
        options = ["--config", self.directory / "config.yaml"] if config else []
        return self.own_command("ceremony", verb, *options, *arguments)

    def person(self, *arguments):
        """A command at a terminal of its own."""
        return Terminal(*self.own_command(*arguments), variables=self.variables)

    def secrets(self):
        """Every secret that there is by now, by name."""
        known = {"PIN before": self.user_pin.encode(), "SO PIN": self.officer_pin.encode()}
        shares = {}
        for name, custodian in self.custodians.items():
            file = self.place / "shares" / f"{name}.age"
            if file.exists() and file.read_bytes().endswith(b"-----END AGE ENCRYPTED FILE-----\n"):
                shares[name] = custodian.open_share(file)
        # A share ends with its salt and its value; what stands before is no secret.
        known |= {f"share of {name}": share[-48:] for name, share in shares.items()}
        if len(shares) > 1:
            known["A"] = combine(list(shares.values())[:2])
            if (self.custody / "pins-1.json").exists():
                known["PIN"] = self.final_pin().encode()
        return known


class Case(unittest.TestCase):
    def assert_out_of_reach(self, pid, user=NOBODY if AS_NOBODY else os.getuid()):
        """Another process of the same user sees nothing of it, though it sees what is in any other."""
        with subprocess.Popen([*AS_NOBODY, "sleep", "60"]) as other:
            try:
                wait_until(lambda: reach(other.pid)["environ"] == "open", "any other process can be read")
            finally:
                other.kill()
        answers = reach(pid)
        self.assertEqual(set(answers.values()), {"EACCES", "EPERM"}, answers)
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self.assertRegex(status, rf"(?m)^Uid:\s+{user}\s")


class Genesis(Case):
    """One genesis from its first step to the running core, in order."""

    @classmethod
    def setUpClass(cls):
        cls.site = UnprivilegedSite(root / "site").initialise()
        carla = cls.site.custodians["carla"]
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", carla.key], check=True, stdout=subprocess.DEVNULL)
        cls.site.draft(cls.site.plan(keys=[*KEYS, {"label": "tls", "purpose": "tls", "alg": "ES256"}, KEK]))
        cls.site.approve()
        cls.process, cls.said = None, ""

    @classmethod
    def tearDownClass(cls):
        cls.site.faults.set()
        if cls.process and cls.process.poll() is None:
            cls.process.kill()
            cls.process.communicate()

    def look(self, pid, secrets=None):
        try:
            return look(pid, self.site.secrets() if secrets is None else secrets)
        except PermissionError:
            self.skipTest("this user may not read another process's memory")

    def run_as(self, *arguments):
        done = subprocess.run(self.site.own_command(*arguments), capture_output=True, text=True, env=self.site.variables)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_kept(self, pid, expected, secrets=None):
        """Exactly these secrets are in the process's memory, and where nobody else could come to."""
        self.assertEqual(self.look(pid, secrets), (expected, []))

    def test_1_until_the_manifest_waits_for_signatures_every_durable_write_finds_secrets_in_locked_memory_alone(self):
        disk = FailingDisk({"VAULT_LOG_DIR": str(self.site.custody)})
        self.addCleanup(disk.close)
        give(disk.folder.name)
        disk.fail("sync", HANG, first=1)
        process = self.site.start("run", disk.variables)
        self.addCleanup(process.kill)
        points, seen, secrets = 0, set(), None
        while True:
            wait_until(
                lambda: process.poll() is not None or disk.counts()["sync"] > points, "the next write is at hand", 60)
            if process.poll() is not None:
                break
            points += 1
            # What was drawn once stays as it is.
            if secrets is None or "PIN" not in secrets:
                secrets = self.site.secrets()
            for pid in [process.pid, *children(process.pid)]:
                found, loose = self.look(pid, secrets)
                self.assertEqual(loose, [], f"at write {points}")
                seen |= found
            disk.let_go("sync")
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 0, output + errors)
        self.assertTrue(self.site.is_waiting_for_manifest(self.site.status()), output)
        type(self).said += output + errors
        # Each was there while it was needed.
        self.assertEqual(seen, {"PIN before", "share of anna", "share of ben", "share of carla", "A"})
        self.assertGreater(points, 20)

    def test_2_while_it_waits_for_shares_only_the_pin_that_the_token_has_is_in_memory(self):
        self.site.hand_in("manifest.json", "manifest", ["anna", "ben"])
        type(self).process = self.site.start("resume")
        request = self.site.place / "request" / "request.json"
        wait_until(lambda: request.exists() or self.process.poll() is not None, "the request is open", 60)
        self.assert_kept(self.process.pid, {"PIN before"})
        self.assertEqual(children(self.process.pid), [])
        self.assert_out_of_reach(self.process.pid)

    def test_3_a_share_that_has_come_waits_in_locked_memory_and_says_nothing_of_the_secret(self):
        place = self.site.place / "request"
        self.site.custodians["anna"].contribute(place / "request.json", self.site.place / "shares" / "anna.age", place)
        give(self.site.directory)
        wait_until(lambda: not (place / "anna.age").exists(), "the share is taken")
        wait_until(lambda: self.site.status()["state"] == "running", "the status")
        self.assert_kept(self.process.pid, {"PIN before", "share of anna"})

    def test_4_a_custodians_command_opens_nothing_before_it_has_asked_and_keeps_nothing_of_what_it_used(self):
        home, place = self.site.custodians["carla"].directory, self.site.place
        secrets = self.site.secrets() | identity(home / "identity")
        self.site.faults.set("C_SetPIN hang")
        genesis = re.search(r'"manifest_hash":"([0-9a-f]{64})"', (place / "transcript.jsonl").read_text())[1]
        self.run_as(
            "custodian", "accept", "--home", home, "--share", place / "shares" / "carla.age", "--genesis", genesis,
            self.site.custody / "manifests")
        contribute = self.site.person("custodian", "contribute", "--home", home, "--request", place / "request")
        contribute.expect("Are these the words")
        self.assert_kept(contribute.process, set(), secrets)
        self.assert_out_of_reach(contribute.process)
        contribute.type("yes")
        # The share was opened and encrypted; ssh-keygen asks before it signs.
        contribute.expect("Enter passphrase")
        self.assert_kept(contribute.process, set(), secrets)
        for child in children(contribute.process):
            self.assert_kept(child, set(), secrets)
        self.assert_out_of_reach(contribute.process)
        contribute.type(PASSPHRASE, hidden=True)
        self.assertEqual(contribute.finish(), 0, contribute.screen)
        type(self).said += contribute.screen

    def child(self):
        """The process that works with the token, once it is inside a call that hangs."""
        found = []

        def is_there():
            found[:] = [pid for pid in children(self.process.pid) if "PIN" in self.look(pid)[0]]
            return found

        wait_until(is_there, "a process has the PIN in hand", 60)
        return found[0]

    def test_5_the_process_that_sets_the_pin_has_it_in_locked_memory_before_and_after(self):
        # No other PIN than these, and nothing of what opened them.
        for rule in ("C_SetPIN hang", "C_Logout hang"):
            self.site.faults.set(rule)
            wait_until(lambda: self.site.faults.tally_file.exists(), "the library is loaded")
            name = rule.split()[0]
            wait_until(lambda: self.calls(name) > 0, f"{name} is called", 60)
            child = self.child()
            self.assert_kept(child, {"PIN before", "PIN"})
            self.assert_out_of_reach(child)
            found, loose = self.look(self.process.pid)
            self.assertEqual(loose, [])
            self.assertLessEqual({"PIN before", "PIN", "A"}, found)

    def calls(self, name):
        return self.site.faults.tally()[0].get(name, 0)

    def test_6_nothing_of_them_is_on_the_disk_nor_in_what_was_said(self):
        self.site.faults.set()
        output, errors = self.process.communicate(timeout=60)
        self.assertEqual(self.process.returncode, 0, output + errors)
        self.assertEqual(self.site.status()["state"], "completed")
        secrets = self.site.secrets() | {"passphrase": PASSPHRASE.encode()}

        def is_expected(path):
            return self.site.people in path.parents or path.name in ("pin", "so-pin")

        found, looked = on_disk(secrets, self.site.directory, is_expected)
        self.assertEqual(found, [])
        self.assertGreater(looked, 30)
        (root / "said").mkdir()
        (root / "said" / "said").write_text(self.said + output + errors)
        self.assertEqual(on_disk(secrets, root / "said"), ([], 1))
        self.assertEqual(list(self.site.temporary.iterdir()), [])
        # The search finds what is there, spelt another way too.
        self.assertEqual(on_disk(secrets, self.site.directory, lambda path: path.name != "pin")[0][0][:10], "PIN before")
        (root / "said" / "base64").write_bytes(process_memory.spellings(b"..." + secrets["A"])[3])
        self.assertEqual([name[:2] for name in on_disk(secrets, root / "said")[0]], ["A:"])

    def test_7_an_activated_core_keeps_the_pin_from_other_processes_of_its_own_user(self):
        log = open(root / "core.log", "w+b")
        self.addCleanup(log.close)
        config = ["--config", str(self.site.directory / "config.yaml")]
        core = subprocess.Popen(self.site.own_command("core", *config), stdout=log, stderr=log, env=self.site.variables)
        self.addCleanup(core.wait)
        self.addCleanup(core.kill)
        wait_until((self.site.directory / "admin.sock").exists, "the core listens", 60)
        self.run_as("activate", *config, "--no-wait", "--write", self.site.directory / "activation")
        for name in ("anna", "ben"):
            answers = self.site.directory / "activation"
            self.site.custodians[name].contribute(
                answers / "request.json", self.site.place / "shares" / f"{name}.age", answers)
            self.run_as("activate", *config, "--submit", answers / f"{name}.age")
        wait_until(lambda: "PIN" in self.look(core.pid)[0], "the core is active")
        wait_until(lambda: self.look(core.pid) == ({"PIN"}, []), "the shares are forgotten")
        self.assert_out_of_reach(core.pid)
        log.seek(0)
        (root / "core").mkdir()
        (root / "core" / "log").write_bytes(log.read())
        self.assertEqual(on_disk(self.site.secrets(), root / "core"), ([], 1))


def identity(file):
    """An age identity in each form that a process has it in."""
    line = next(line for line in file.read_bytes().splitlines() if line.startswith(b"AGE-SECRET-KEY-"))
    letters = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    words = bytes(letters.index(letter) for letter in line.lower().rpartition(b"1")[2])[:-6]
    number = 0
    for word in words:
        number = number << 5 | word
    raw = (number >> (len(words) * 5 - 256)).to_bytes(32, "big")
    # Without what it begins with, which is no secret.
    return {"identity": raw, "its text": line[16:], "its text in small letters": line[16:].lower(), "its words": words}


def private_key(pem):
    """The numbers of an RSA key, and the lines of its file that hold them."""
    numbers = serialization.load_pem_private_key(pem.read_bytes(), None).private_numbers()
    values = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1, "qinv": numbers.iqmp}
    # The first lines hold the public key.
    lines = b"".join(pem.read_bytes().splitlines()[8:-1])
    whole = {f"PEM's {name}": value.to_bytes((value.bit_length() + 7) // 8, "big") for name, value in values.items()}
    return whole | {"PEM's lines": lines}


class Core(Case):
    """A core that runs and stays active, while ceremonies come and go."""

    @classmethod
    def setUpClass(cls):
        cls.environment = module_environment("memory-core-")
        cls.party = Party(cls.environment, root / "party")
        cls.environment.configure_tokens("vault-2")
        cls.first = cls.party.appliance()["hsm"][0]["serial"]
        cls.epoch, cls.place = 1, next(cls.party.custody.glob("ceremonies/genesis-*"))
        cls.older = {}

    def secrets(self):
        """Those of the epoch in force, and those that ended."""
        shares = {
            name: subprocess.run(
                ["age", "-d", "-i", self.party.home(name) / "identity", self.place / "shares" / f"{name}.age"],
                check=True, stdout=subprocess.PIPE).stdout
            for name in ("anna", "ben", "carla")}
        secret = combine([shares["anna"], shares["carla"]])
        pins = json.loads((self.party.custody / f"pins-{self.epoch}.json").read_text())
        known = {
            f"PIN of {token['serial']}": unwrap_pin(pins, token["serial"], secret) for token in pins["tokens"]}
        return self.older | known | {"A": secret} | {f"share of {name}": share[-48:] for name, share in shares.items()}

    def pid(self):
        return int(self.environment["VAULT_CORE_PID"])

    def assert_clean(self, more=None, expected=()):
        """The PINs of the tokens in locked memory; nothing else in memory, nothing at all on the disk or in the log."""
        secrets = self.secrets() | (more or {})
        pins = {name for name in secrets if name.startswith("PIN of ") and name not in self.older}
        try:
            self.assertEqual(look(self.pid(), secrets), (pins | set(expected), []))
            self.assertEqual(look(int(self.environment["VAULT_PID"]), secrets), (set(), []))
        except PermissionError:
            self.skipTest("this user may not read another process's memory")

        def is_expected(path):
            return path.parent.name == "custodians-machine" or path.name.startswith("so-pin")

        for place in (self.environment.directory, self.party.scratch):
            found, looked = on_disk(secrets, place, is_expected)
            self.assertEqual(found, [])
            self.assertGreater(looked, 5)

    def test_1_a_second_tokens_pins_and_the_shares_for_it_are_forgotten(self):
        officer = self.party.scratch / "so-pin-2"
        officer.touch(mode=0o600)
        officer_pin = os.urandom(12).hex()
        officer.write_text(officer_pin)
        plan = self.party.plan(
            "replicate", self.environment["VAULT_MODULE"], "pkcs11:token=vault-2", "initialise", "burn", officer, rehearsed=False)
        identifier = self.party.draft(plan)
        self.assertEqual(self.party.go_on(identifier)["state"], "completed")
        self.party.close(identifier)
        self.assertEqual(len([name for name in self.secrets() if name.startswith("PIN of ")]), 2)
        self.assert_clean({"SO PIN": officer_pin.encode()})

    def test_2_a_key_that_was_wrapped_elsewhere_was_never_here_and_its_wrapping_leaves_nothing(self):
        identifier, pem = self.party.begin_import("wrapped-app", self.first, rehearsed=False)
        key = private_key(pem)
        out = root / "out"
        out.mkdir()
        disk = FailingDisk({"VAULT_LOG_DIR": str(out)})
        self.addCleanup(disk.close)
        # The key was read and wrapped, and is not needed any more.
        disk.fail("sync", HANG, first=1)
        command = [
            self.environment.directory / "run" / "vault-appliance", "custodian", "wrap-key", "--home", self.party.home("anna"),
            "--transport", self.party.place(identifier) / "transport.json", "--pem", pem, "--out", out / "wrapped.json"]
        with subprocess.Popen(command, env=os.environ | disk.variables, stdout=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: disk.counts()["sync"] > 0 or process.poll() is not None, "the result is being written")
                found, loose = look(process.pid, key | identity(self.party.home("anna") / "identity"))
                self.assertEqual(loose, [])
                # Held still, in one piece.
                self.assertLessEqual(found, {name for name in key if name != "PEM's lines"})
                disk.mend()
                self.assertEqual(process.wait(30), 0)
            finally:
                process.kill()
        self.party.ceremony("hand-in", identifier, out / "wrapped.json")
        self.assertEqual(self.party.go_on(identifier, "resume")["state"], "completed")
        self.party.close(identifier)
        self.assert_clean(key)

    def test_3_a_key_that_came_in_clear_is_in_locked_memory_while_it_is_created_and_nowhere_afterwards(self):
        identifier, pem = self.party.begin_import("created-app", self.first, method="create", rehearsed=False)
        key = private_key(pem)
        target = self.party.place(identifier) / "import.pem"
        shutil.copyfile(pem, target)
        target.chmod(0o600)
        hsm = FaultyHSM(self.environment)
        self.addCleanup(hsm.remove)
        hsm.set("C_CreateObject hang")
        with subprocess.Popen(
            [self.environment.directory / "run" / "vault-appliance", "ceremony", "resume", "--config",
             self.environment["VAULT_CONFIG"], identifier], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: hsm.tally()[0].get("C_CreateObject"), "the key is being created", 60)
                child = children(self.pid())[0]
                # PKCS#11 takes the numbers one by one: this process has them, does nothing else, and ends.
                self.assertIn("PEM's d", look(child, key)[0])
                self.assertEqual(look(child, self.secrets()), ({f"PIN of {self.first}"}, []))
                self.assertEqual(look(self.pid(), key)[1], [])
            finally:
                hsm.set()
                process.wait(60)
        self.assertEqual(process.returncode, 0)
        self.assertFalse(target.exists())
        if self.party.status(identifier)["state"] != "completed":
            self.assertEqual(self.party.go_on(identifier, "resume")["state"], "completed")
        self.party.close(identifier)
        self.assert_clean(key)

    def test_4_of_an_epoch_that_ended_nothing_is_left(self):
        self.older.update({f"before: {name}": secret for name, secret in self.secrets().items()})
        enrolments = [self.party.home(name) / "enrolment.json" for name in ("anna", "ben", "carla")]
        identifier = self.party.draft(self.party.plan("rotate-epoch", *enrolments, "", "2", "", "false", rehearsed=False))
        place = self.party.place(identifier)
        self.assertIn("manifest.json", self.party.ceremony("run", identifier))
        # The shares have been made; what made them is held until they are proven.
        self.assertEqual(look(self.pid(), self.older)[1], [])
        self.party.sign(identifier, "manifest.json")
        self.party.ceremony("resume", identifier)
        for name in ("anna", "carla"):
            self.party.contribute(name, place / "request", "--share", place / "shares" / f"{name}.age")
        self.assertEqual(self.party.go_on(identifier, "resume")["state"], "completed")
        self.party.close(identifier)
        type(self).epoch, type(self).place = 2, place
        self.assert_clean()




if __name__ == "__main__":
    summary.run("memory in ceremonies")
