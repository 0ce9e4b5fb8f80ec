#!/usr/bin/env python3
"""Commands at a person's terminal (a real pseudo-terminal, 80 by 24): words are shown, secrets are not, passphrases work."""

import unittest

import person_terminal
import summary
from environment import module_environment
from person_terminal import COLUMNS

VALUE, PASSPHRASE = "value-canary-Kastanie", "passphrase-canary-Erdbeere"

environment = None


def setUpModule():
    global environment
    environment = module_environment("terminal-")


def terminal(*arguments):
    """A command of the environment's own binary at a person's terminal."""
    return person_terminal.Terminal(environment.directory / "run" / "vault-appliance", *arguments)


def home(name):
    return environment.directory / "custodians" / name


class AtTheTerminal(unittest.TestCase):
    def assertFits(self, text):
        """Nothing that could be broken between words is wider than the terminal."""
        for line in text.splitlines():
            if len(line) > COLUMNS:
                self.assertNotIn(" ", line.strip(), line)

    def test_1_whoever_enrols_chooses_a_passphrase_and_needs_it_to_sign(self):
        enrol = terminal("custodian", "enrol", "--home", home("gerda"), "gerda")
        enrol.expect("Enter passphrase")
        enrol.type(PASSPHRASE, hidden=True)
        enrol.expect("same passphrase again")
        enrol.type(PASSPHRASE, hidden=True)
        self.assertEqual(enrol.finish(), 0, enrol.screen)
        self.assertNotIn(PASSPHRASE, enrol.screen)
        self.assertRegex(enrol.screen, r"SSH key +SHA256:\S{43}\n")
        self.assertFits(enrol.screen)
        plan = next((environment.directory / "custody" / "ceremonies").glob("genesis-*/plan.json"))
        for passphrase, code in (("wrong", 1), (PASSPHRASE, 0)):
            signature = environment.directory.parent / "gerda.sig"
            approve = terminal("custodian", "approve", "--home", home("gerda"), "--yes", "--out", signature, plan)
            approve.expect("Enter passphrase")
            approve.type(passphrase, hidden=True)
            self.assertEqual(approve.finish(), code, approve.screen)
            self.assertEqual(signature.exists(), code == 0)
            self.assertNotIn(passphrase, approve.screen)

    def test_2_a_plan_is_read_page_by_page_and_its_words_stand_beside_the_question(self):
        plan = next((environment.directory / "custody" / "ceremonies").glob("genesis-*/plan.json"))
        signature = environment.directory.parent / "anna.sig"
        approve = terminal("custodian", "approve", "--home", home("anna"), "--out", signature, plan)
        shown = 0
        while True:
            stop = approve.expect(r"(press Enter to read on --|words +(\w{5}(?:-\w{5}){3})\s+Are these the words[^:]*: $)")
            self.assertFits(approve.screen.replace("--\n", "--"))
            if stop[2]:
                break
            shown += 1
            approve.screen = approve.screen[stop.end():]
            approve.type("")
        self.assertGreaterEqual(shown, 1, "the plan does not fit one screen")
        approve.type("no")
        self.assertEqual(approve.finish(), 1)
        self.assertIn("Tell the administrator", approve.screen)
        self.assertFalse(signature.exists())

    def test_3_whoever_contributes_is_shown_the_words_and_refuses_others(self):
        config = environment["VAULT_CONFIG"]
        environment.restart_sealed()
        request = environment.directory.parent / "request"
        activate = terminal("activate", "--config", config, "--write", request)
        words = activate.expect(r"words +(\w{5}(?:-\w{5}){3}) ")[1]
        activate.expect("waiting +for 2 more of anna, ben, carla")
        self.assertFits(activate.screen)
        refuse = terminal("custodian", "contribute", "--home", home("anna"), "--request", request)
        refuse.expect("Are these the words that were read to you")
        self.assertIn(words, refuse.screen)
        self.assertIn("your appliance's own key signed this request", refuse.screen)
        refuse.type("no")
        self.assertEqual(refuse.finish(), 1)
        self.assertIn("Call the others by a number that you already have", " ".join(refuse.screen.split()))
        self.assertFalse((request / "anna.age").exists())
        for name in ("anna", "ben"):
            contribute = terminal("custodian", "contribute", "--home", home(name), "--request", request)
            contribute.expect("Are these the words")
            contribute.type("yes")
            self.assertEqual(contribute.finish(), 0, contribute.screen)
            self.assertFits(contribute.screen)
            share = (request / f"{name}.age").read_text()
            self.assertNotIn(share.splitlines()[1], contribute.screen)
            submit = terminal("activate", "--config", config, "--submit", request / f"{name}.age")
            self.assertEqual(submit.finish(), 0, submit.screen)
            self.assertIn(f"taken        {name}'s share", submit.screen)
            if name == "anna":
                activate.expect("waiting +for 1 more of ben, carla; thanks to anna")
        activate.expect("active +since .* by anna, ben")
        self.assertEqual(activate.finish(), 0)

    def test_4_a_secret_is_typed_twice_and_never_shown(self):
        options = ["--config", environment["VAULT_CONFIG"], "--home", home("anna"), "--key", home("anna") / "id_ssh"]
        for second, code in (("something else", 1), (VALUE, 0)):
            seal = terminal("secret", "seal", *options, "typed")
            seal.expect("Value of typed")
            seal.type(VALUE, hidden=True)
            seal.expect("Once more")
            seal.type(second, hidden=True)
            self.assertEqual(seal.finish(), code, seal.screen)
            self.assertNotIn(VALUE, seal.screen)
            self.assertNotIn(second, seal.screen)
            self.assertIn("the two values differ; nothing was sealed" if code else "sealed typed, version 1", seal.screen)


if __name__ == "__main__":
    summary.run("terminal")
