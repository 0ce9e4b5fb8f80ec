#!/usr/bin/env python3
"""What people do about custody on a running appliance, by command: verify a ceremony against what they know, note, cancel,
order, approve a configuration, quarantine. One environment for all of them, in order."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import summary
from environment import Environment, wait_until
from gateway_client import GatewayClient, tool
from party import Party

directory = tempfile.TemporaryDirectory(prefix="custody-commands-")
root = pathlib.Path(directory.name)
environment = party = drill = None


def setUpModule():
    global environment, party
    environment = Environment.up(root / "environment")
    party = Party(environment, root / "party")


def tearDownModule():
    environment.down()
    directory.cleanup()


def config():
    return environment["VAULT_CONFIG"]


def minted(certificate="GATEWAY"):
    """The answer to an exchange; None while nobody listens, or takes the certificate."""
    try:
        gateway = GatewayClient(environment, certificate)
        try:
            return gateway.exchange(authorization_details=tool("crm.read_account", "read"))[0]
        finally:
            gateway.close()
    except OSError:
        return None


def genesis():
    return json.loads(next(party.home("anna").glob("appliances/*/pin.json")).read_text())["genesis"]


def key(name):
    return party.home(name) / "id_ssh"


def entries(kind):
    """The leaves of one kind, oldest first."""
    text = party.run("audit", "tail", "--log", environment["VAULT_LOG_DIR"], "-n", "0", "--json")
    return [line["entry"] for line in map(json.loads, text.splitlines()) if line["entry"]["kind"] == kind]


def sign(file, name, namespace):
    """With stock ssh-keygen."""
    pathlib.Path(f"{file}.sig").unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", key(name), "-n", f"{namespace}@vault-appliance", file], check=True,
        capture_output=True)


class AnchorOfTrust(unittest.TestCase):
    """`ceremony verify`: a transcript is as good as the manifests it is held against."""

    def verify(self, *arguments, code=0):
        return party.run("ceremony", "verify", *arguments, code=code)

    def test_1_the_plain_command_works_where_manifests_lie_in_their_place_and_says_that_nobody_vouches(self):
        global drill
        drill = party.draft(party.plan("drill", "anna", ""))
        party.go_on(drill)
        party.close(drill)
        said = self.verify(party.place(drill))
        self.assertIn("completed, sealed", said)
        self.assertIn(genesis(), said)
        self.assertIn("nobody vouches for these manifests but whoever gave them", said)
        answer = json.loads(self.verify(party.place(drill), "--json"))
        self.assertEqual((answer["genesis"], answer["vouched_by"]), (genesis(), "nobody"))
        self.assertIn("written down in the first ceremony", answer["trust"])

    def test_2_the_genesis_that_was_written_down_decides(self):
        self.assertNotIn("nobody vouches", self.verify(party.place(drill), "--genesis", genesis()))
        words = json.loads(self.verify(party.place(drill), "--json"))["genesis_words"]
        self.assertNotIn("nobody vouches", self.verify(party.place(drill), "--genesis", words))
        said = self.verify(party.place(drill), "--genesis", "0" * 64, code=1)
        self.assertIn("not with the genesis that was given", said)
        self.assertNotIn("completed", said)

    def test_3_a_custodian_has_it_in_the_home(self):
        said = self.verify(party.place(drill), "--home", party.home("ben"))
        self.assertIn("continue what this custodian accepted", said)
        self.assertIn("was never accepted there", self.verify(party.place(drill), "--home", root / "nobody", code=1))

    def test_4_copies_side_by_side_verify_and_without_manifests_it_says_what_is_missing(self):
        copy = root / "copy" / drill
        shutil.copytree(party.place(drill), copy)
        self.assertIn("--manifests DIRECTORY", self.verify(copy, code=1))
        shutil.copytree(party.custody / "manifests", copy.parent / "manifests")
        self.assertIn("completed, sealed", self.verify(copy))
        self.assertIn("completed, sealed", self.verify(copy, "--manifests", party.custody / "manifests"))
        self.assertIn("holds no manifest", self.verify(copy, "--manifests", root / "nothing", code=1))

    def test_5_every_kinds_report_holds_the_genesis_the_dials_and_who_vouches(self):
        first = next(party.custody.glob("ceremonies/genesis-*"))
        for number, place in enumerate((party.place(drill), first)):
            page, text = root / f"report-{number}.html", root / f"report-{number}.txt"
            self.verify(place, "--html", page, "--text", text)
            for report in (page.read_text(), text.read_text()):
                self.assertIn(genesis(), report)
                self.assertIn("nobody vouches for these manifests", report)
                self.assertIn("config approvals 0, unattended start off, restart grace 0 s, TLS keys in files off", report)
            opened = json.loads((place / "transcript.jsonl").read_text().splitlines()[0])
            self.assertEqual(opened["data"]["dials"], {
                "config_approvals": 0, "file_tls_keys": False, "restart_grace": 0, "unattended_start": False})

    def test_6_the_last_hint_of_the_console_can_be_typed(self):
        said = party.ceremony("status", drill)
        command = re.search(r"vault-appliance (ceremony verify .*)", said)[1]
        self.assertIn("completed, sealed", party.run(*command.split()))


class NotesAndOrders(unittest.TestCase):
    def test_1_a_note_says_who_wrote_it_and_that_the_name_in_it_is_what_he_said(self):
        identifier = party.draft(party.plan("drill", "anna", ""))
        party.ceremony("run", identifier)
        note = ("--expected", "four people", "--happened", "three came", "--decided", "go on", "--by", "carla")
        party.ceremony("note", identifier, *note)
        line = json.loads((party.place(identifier) / "transcript.jsonl").read_text().splitlines()[-1])
        writer = f"admin user {os.getuid()}"
        self.assertEqual((line["event"], line["data"]["by"], line["data"]["as_said_by"]), ("exception", "carla", writer))
        entry = next(entry for entry in reversed(entries("ceremony.step")) if entry["detail"]["event"] == "exception")
        self.assertEqual((entry["operator"], entry["detail"]["by"], entry["detail"]["as_said_by"]), (writer, "carla", writer))
        party.go_on(identifier, "resume")
        party.close(identifier)
        report = root / "noted.txt"
        party.run("ceremony", "verify", party.place(identifier), "--text", report)
        self.assertIn(f"carla, as {writer} said; not signed", report.read_text())
        self.assertIn("noted while the ceremony runs", party.ceremony("note", identifier, *note, code=1))

    def test_2_the_reason_of_an_abort_is_in_the_order_that_is_signed(self):
        identifier = party.draft(party.plan("drill", "anna", ""))
        party.ceremony("run", identifier)
        order = root / "abort.json"
        party.ceremony("abort", identifier, "--reason", "Anna is ill", "--write", order)
        self.assertEqual(json.loads(order.read_text())["reason"], "Anna is ill")
        sign(order, "ben", "order")
        refused = party.ceremony("abort", identifier, "--reason", "no reason", "--submit", order, code=64)
        self.assertIn("leave it out", refused)
        changed = root / "changed.json"
        changed.write_text(order.read_text().replace("Anna is ill", "all is well"))
        shutil.copy(f"{order}.sig", f"{changed}.sig")
        self.assertIn("badSignature", party.ceremony("abort", identifier, "--submit", changed, code=1))
        party.ceremony("abort", identifier, "--submit", order)
        entry = entries("ceremony.aborted")[-1]
        self.assertEqual(entry["reason"], "Anna is ill")
        self.assertRegex(entry["operator"], "^ben SHA256:")

    def test_3_a_request_for_shares_is_cancelled_by_one_custodian(self):
        environment.restart_sealed()
        request = root / "request"
        party.run("activate", "--config", config(), "--no-wait", "--write", request)
        words = re.search(r"Words: (\S+)\.", (request / "README").read_text())[1]
        self.assertIn("no request with these words", party.run(
            "activate", "--config", config(), "--cancel", "babab-babab-babab-babab", "--key", key("carla"), code=1))
        stranger = root / "stranger"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
        self.assertIn("stranger", party.run("activate", "--config", config(), "--cancel", words, "--key", stranger, code=1))
        said = party.run("activate", "--config", config(), "--cancel", words, "--key", key("carla"))
        self.assertIn("every share for it was dropped", said)
        answer = root / "late.age"
        party.run("custodian", "contribute", "--home", party.home("anna"), "--request", request, "--words", words, "--out", answer)
        self.assertIn("stale", party.run("activate", "--config", config(), "--submit", answer, code=1))
        entry = entries("activation.cancelled")[-1]
        self.assertEqual(entry["reason"], "withdrawn")
        self.assertRegex(entry["operator"], "^carla SHA256:")

    def test_3b_a_drills_request_is_neither_joined_nor_closed_by_activate_and_a_custodian_is_told_which_is_served(self):
        """The core is sealed still, and a drill waits for shares: they would bring nothing to life."""
        identifier = party.draft(party.plan("drill", "anna", ""))
        party.ceremony("run", identifier)
        drill_words = self.words(party.place(identifier) / "request")
        request = root / "beside-a-drill"
        socket = json.loads(party.run("activate", "--config", config(), "--no-wait", "--json", "--write", request))
        words = self.words(request)
        self.assertEqual((socket["ceremony"], socket["words"] == words, words == drill_words), (None, True, False))
        # Whoever joins finds the same one, although the drill's stands below it.
        again = party.run("activate", "--config", config(), "--no-wait", "--write", root / "joined")
        self.assertIn(words, again)
        refused = party.run("activate", "--config", config(), "--cancel", drill_words, "--key", key("carla"), code=1)
        self.assertIn(f"ceremony abort --config {config()} {identifier}", " ".join(refused.split()))
        served = " ".join(self.hand_in("anna", "--words", words).split())
        self.assertIn(f"This is for the activation of the appliance. Also open, by --words: {drill_words} for the "
                      f"ceremony {identifier}", served)
        self.assertIn("taken anna's share", served)
        self.assertIn("no request with these words is open", " ".join(
            self.hand_in("anna", "--words", "babab-babab-babab-babab", code=1).split()))
        # By its words the drill is served; without words it is the activation.
        self.assertIn(f"This is for the ceremony {identifier}", " ".join(self.hand_in("anna", "--words", drill_words).split()))
        self.assertEqual(party.status(identifier)["state"], "running")
        asked = self.hand_in("carla", code=1)
        self.assertRegex(asked, rf"(?m)^words +{words}$")
        self.assertIn("there is no terminal to ask at", asked)
        self.hand_in("carla", "--words", words)
        wait_until(lambda: minted() == 200, "tokens are minted again")
        party.ceremony("abort", identifier, "--reason", "seen enough", "--key", key("ben"))

    def words(self, request):
        return re.search(r"Words: (\S+)\.", (request / "README").read_text())[1]

    def hand_in(self, name, *arguments, code=0):
        return party.run(
            "custodian", "contribute", "--home", party.home(name), "--socket", environment["VAULT_ADMIN_SOCKET"],
            *arguments, code=code)

    def test_4_an_order_to_seal_is_carried_out_once(self):
        order = root / "seal.json"
        party.run("seal", "--config", config(), "--write", order)
        sign(order, "anna", "order")
        self.assertIn("sealed", party.run("seal", "--config", config(), "--submit", order))
        environment.activate()
        self.assertIn("carried out already", party.run("seal", "--config", config(), "--submit", order, code=1))
        wait_until(lambda: minted() == 200, "tokens are minted")


class OfConfigurations(unittest.TestCase):
    """`config_approvals: 2`, which a custodian change puts in force on the running appliance."""

    def test_1_nothing_is_signed_under_a_bundle_that_too_few_have_approved(self):
        for name in ("dan", "eva"):
            party.run("custodian", "enrol", "--home", party.home(name), "--no-passphrase", name)
        people = [party.home(name) / "enrolment.json" for name in ("anna", "ben", "carla")]
        approvers = [party.home(name) / "enrolment.json" for name in ("dan", "eva")]
        plan = party.plan("rotate-epoch", *people, "", "3", *approvers, "", "false", rehearsed=False)
        plan.write_text(plan.read_text().replace("config_approvals: 0", "config_approvals: 2"))
        identifier = party.draft(plan)
        party.ceremony("run", identifier)
        # Whoever signs sees which dial is turned, from what to what.
        screen = party.run(
            "custodian", "approve", "--home", party.home("carla"), "--yes", "--manifests", party.custody / "manifests", "--out",
            root / "unused.sig", party.place(identifier) / "manifest.json")
        self.assertIn("dial           config_approvals: 0 -> 2", screen)
        self.assertIn("quorum         2 -> 3", screen)
        self.assertNotIn("restart_grace: 0s ->", screen)
        party.sign(identifier, "manifest.json")
        party.ceremony("resume", identifier)
        place = party.place(identifier)
        for name in ("anna", "ben", "carla"):
            party.contribute(name, place / "request", "--share", place / "shares" / f"{name}.age")
        party.ceremony("resume", identifier)
        party.close(identifier)
        for name in ("anna", "ben", "carla"):
            party.run(
                "custodian", "accept", "--home", party.home(name), "--share", place / "shares" / f"{name}.age",
                party.custody / "manifests")
        report = root / "dials.txt"
        party.run("ceremony", "verify", place, "--text", report)
        self.assertIn("Dials: config approvals 0", report.read_text())
        self.assertIn("Dials of its manifest: config approvals 2", report.read_text())
        wait_until(lambda: minted() != 200, "nothing is minted")

    def test_2_one_approver_alone_neither_lets_it_in_nor_keeps_it_out(self):
        # By hand, under a number that others would have to get past.
        approval = root / "approval.json"
        party.run("config", "approve", "--config", config(), "--write", approval)
        high = root / "high.json"
        high.write_text(approval.read_text().replace('"number":1', '"number":900'))
        sign(high, "dan", "configuration")
        self.assertIn("another approver", party.run("config", "approve", "--config", config(), "--submit", high))
        sign(high, "eva", "plan")
        self.assertIn("wrongNamespace", party.run("config", "approve", "--config", config(), "--submit", high, code=1))
        said = party.run("config", "approve", "--config", config(), "--yes", "--key", key("eva"))
        self.assertIn("number       1, after 0", said)
        self.assertNotEqual(minted(), 200)
        self.assertIn("one person counts once", party.run(
            "config", "approve", "--config", config(), "--yes", "--key", key("eva"), code=1))

    def test_3_two_let_it_in(self):
        said = party.run("config", "approve", "--config", config(), "--yes", "--key", key("dan"))
        self.assertIn("signed by    eva", said)
        self.assertIn("approved     bundle 1 by", said)
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        wait_until(lambda: minted() == 200, "tokens are minted under the approved bundle")
        self.assertIn("newest approved one already", party.run(
            "config", "approve", "--config", config(), "--yes", "--key", key("dan"), code=1))
        entry = entries("config.approved")[-1]
        self.assertEqual((entry["detail"]["number"], entry["detail"]["complete"]), ("1", "yes"))

    def test_4_a_changed_policy_waits_for_both_and_the_old_one_does_not_come_back(self):
        policy = pathlib.Path(environment["VAULT_POLICY"])
        kept = policy.read_text()
        policy.write_text(kept + "\n# A remark makes another bundle of it.\n")
        said = party.run("config", "approve", "--config", config(), "--yes", "--key", key("dan"))
        self.assertIn("number       2, after 1", said)
        self.assertIn("  changed    ", said)
        party.run("config", "approve", "--config", config(), "--yes", "--key", key("eva"))
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        bundle = entries("config.approved")[-1]["bundle"]
        wait_until(lambda: entries("config.loaded")[-1]["bundle"] == bundle, "the new bundle is loaded")
        policy.write_text(kept)
        loaded = len(entries("config.loaded"))
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        wait_until(
            lambda: "is older than 2" in (environment.directory / "front.log").read_text(), "the front says why not")
        # The front may have the core take the new one again; never the old one.
        self.assertEqual({entry["bundle"] for entry in entries("config.loaded")[loaded:]} - {bundle}, set())
        self.assertEqual(minted(), 200)


    def test_5_an_authority_of_clients_waits_for_both_and_then_ends_what_the_old_ones_admitted(self):
        certificate, name = newcomer()
        authorities, front = pathlib.Path(environment["VAULT_CA"]), environment.directory / "front.log"
        authorities.write_text(authorities.read_text() + certificate)
        size = front.stat().st_size
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        wait_until(lambda: "the bundle was not reloaded" in front.read_text()[size:], "the front says why not")
        self.assertEqual((minted(name), minted()), (None, 200))
        gateway = GatewayClient(environment)
        self.addCleanup(gateway.close)
        exchange = lambda: gateway.exchange(authorization_details=tool("crm.read_account", "read"))[0]
        self.assertEqual(exchange(), 200)
        said = party.run("config", "approve", "--config", config(), "--yes", "--key", key("dan"))
        self.assertIn("  changed    client_ca gateway", said)
        party.run("config", "approve", "--config", config(), "--yes", "--key", key("eva"))
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        wait_until(lambda: minted(name) == 200, "the new authority's client gets tokens")
        # The old authority stands beside it, but the connection was opened under other ones.
        self.assertEqual(exchange(), 401)
        self.assertEqual(exchange(), 200)

    def test_6_the_next_change_keeps_threshold_approvers_and_dials_unless_they_are_changed(self):
        people = [party.home(name) / "enrolment.json" for name in ("anna", "ben", "carla")]
        plan = party.plan("rotate-epoch", *people, "", "", "", "false").read_text()
        self.assertRegex(plan, r"(?m)^threshold: 3$")
        self.assertRegex(plan, r"(?m)^dials: \{config_approvals: 2, unattended_start: false, restart_grace: 0s\}$")
        self.assertEqual(re.findall(r"name: (\w+)", plan.split("approvers:")[1]), ["dan", "eva"])
        changed = party.plan("rotate-epoch", *people, "", "2", "change", party.home("eva") / "enrolment.json", "", "false", code=1)
        self.assertIn("config_approvals", changed)
        # Without a core the custody directory says the same; without both nothing is guessed.
        answers = (*people, "", "", "", "false")
        alone = changed_configuration("alone", ("run/admin.sock", "run/nobody.sock"))
        self.assertEqual(party.plan("rotate-epoch", *answers, config=alone).read_text(), plan)
        nobody = changed_configuration(
            "nobody", ("run/admin.sock", "run/nobody.sock"), ("custody_directory: custody", "custody_directory: nowhere"))
        self.assertIn("the manifest in force says what stays", " ".join(
            party.plan("rotate-epoch", *answers, config=nobody, code=1).split()))


def changed_configuration(name, *changes):
    """The configuration in a file of its own, with other words in it."""
    text = pathlib.Path(config()).read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = environment.directory / f"{name}.yaml"
    path.write_text(text)
    return path


def newcomer():
    """A gateway of another authority: that one's certificate, and the name under which the environment has the gateway's."""
    for file, words in (
            ("authority", ("-subj", "/CN=Another CA")),
            ("newcomer", (
                "-subj", "/CN=newcomer", "-addext", "subjectAltName=URI:spiffe://acme.example/gateway/mcp",
                "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=clientAuth"))):
        subprocess.run(
            ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *words,
             "-keyout", root / f"{file}-key.pem", "-out", root / f"{file}.csr"], check=True, capture_output=True)
    (root / "authority.cnf").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    sign_csr = ["openssl", "x509", "-req", "-days", "1"]
    subprocess.run(
        [*sign_csr, "-in", root / "authority.csr", "-key", root / "authority-key.pem", "-extfile", root / "authority.cnf",
         "-out", root / "authority.pem"], check=True, capture_output=True)
    subprocess.run(
        [*sign_csr, "-in", root / "newcomer.csr", "-copy_extensions", "copy", "-CA", root / "authority.pem",
         "-CAkey", root / "authority-key.pem", "-CAcreateserial", "-out", root / "newcomer.pem"],
        check=True, capture_output=True)
    environment.variables |= {
        f"NEWCOMER_{word}": str(root / f"newcomer{end}.pem") for word, end in (("CERT", ""), ("KEY", "-key"))}
    return (root / "authority.pem").read_text(), "NEWCOMER"


class QuarantineByCommand(unittest.TestCase):
    def test_one_approver_takes_a_key_out_of_use_at_once(self):
        before = next(entry for entry in party.appliance()["keys"] if entry["label"] == "sign-es256")
        self.assertIn("has no such key", party.run(
            "quarantine", "--config", config(), "--key", key("dan"), "sign-nothing", code=1))
        # A kid is base64url: one in 64 begins with a hyphen, and is no option.
        for kid in ("-ZA4zYIdCwqhlRLkaPZtHgtAses-BOkmBcDvqp4BuTY", "--A4zYIdCwqhlRLkaPZtHgtAses-BOkmBcDvqp4BuTY"):
            self.assertIn(f"{kid}: the core has no such key", party.run(
                "quarantine", "--config", config(), kid, "--key", key("dan"), code=1))
        order = root / "quarantine.json"
        party.run("quarantine", "--config", config(), "--write", order, "sign-es256")
        self.assertEqual(json.loads(order.read_text())["subject"], before["kid"])
        sign(order, "dan", "order")
        said = party.run("quarantine", "--config", config(), "--submit", order, "sign-es256")
        self.assertIn(before["kid"], said)
        # What it advises is a command that there is.
        kind = re.search(r"ceremony plan (\S+)", said)[1]
        self.assertIn(before["kid"], party.plan(kind, before["kid"], "", "retired").read_text())
        self.assertNotEqual(minted(), 200)
        states = {entry["kid"]: entry["state"] for entry in party.appliance()["keys"]}
        self.assertEqual(states[before["kid"]], "quarantined")
        # Nothing can be issued for its targets: whoever watches sees it.
        warning = "target demo-api: no active key (sign-es256"
        self.assertIn(warning, party.run("status", "--config", config(), code=1))
        front = party.environment.directory / "front.log"
        wait_until(lambda: warning in front.read_text(), "the front says which targets have no key")
        entry = entries("admin.key-quarantined")[-1]
        self.assertEqual(entry["kid"], before["kid"])
        self.assertRegex(entry["operator"], "^dan SHA256:")


if __name__ == "__main__":
    summary.run("custody commands")
