#!/usr/bin/env python3
"""Witnesses of the log: quorum under strict, what a stalled one does, and that none ever vouches for two histories."""

import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import summary
from environment import Environment, wait_until
from gateway_client import GatewayClient, get
from gateway_load import BROKEN, READ, identifier, readiness
from witness_process import TestLog, WitnessProcess

ORIGIN = "vault.acme.example/log"
directory = tempfile.TemporaryDirectory(prefix="witnesses ")
work = pathlib.Path(directory.name)
environment = None
witnesses = []


def setUpModule():
    global environment
    environment = Environment.up(work / "environment")
    binary = environment.directory / "run" / "vault-appliance"
    for number in (1, 2, 3):
        witnesses.append(
            WitnessProcess(
                binary, work / f"w{number}", f"witness.example/w{number}", [environment["VAULT_LOG_VKEY"]]))
    for witness in witnesses[:2]:
        witness.start()
    config = pathlib.Path(environment["VAULT_CONFIG"])
    named = ", ".join(f'{{vkey: "{witness.vkey}", url: "{witness.url}"}}' for witness in witnesses)
    text = config.read_text()
    changed = text.replace("headroom: 64MiB}", f"headroom: 64MiB, strict: true, witnesses: [{named}], witness_quorum: 2}}")
    assert changed != text
    config.write_text(changed)
    environment.restart("core")
    environment.restart("front")
    wait_until(lambda: readiness(environment) == 200, "the front is ready")
    (work / "keys").write_text("".join(witness.vkey + "\n" for witness in witnesses))


def tearDownModule():
    for witness in witnesses:
        witness.stop()
    environment.down()
    directory.cleanup()


def status():
    done = environment.appliance("status", "--config", environment["VAULT_CONFIG"], "--json")
    return json.loads(done.stdout)


def mint():
    gateway = GatewayClient(environment)
    try:
        code, body = gateway.exchange(authorization_details=READ)
    except BROKEN:  # No handshake while there is no core.
        return 503, {}
    finally:
        gateway.close()
    return code, identifier(body) if code == 200 else body


def verify(quorum, log=None):
    return environment.appliance(
        "audit", "verify", "--log", log or environment["VAULT_LOG_DIR"], "--vkey", environment["VAULT_LOG_VKEY"],
        "--witness", work / "keys", "--quorum", str(quorum), "--json")


class Quorum(unittest.TestCase):
    def test_1_a_credential_is_released_under_two_of_three(self):
        answers = []
        # On a busy machine the witnesses may not be asked in time at first.
        wait_until(lambda: answers.append(mint()) or answers[-1][0] == 200, "a credential is released")
        jti = answers[-1][1]
        done = verify(2)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(
            {line["witness"] for line in report["cosigned_by"]}, {"witness.example/w1", "witness.example/w2"})
        self.assertGreater(report["witnessed_size"], 0)
        self.assertNotEqual(verify(3).returncode, 0)
        # The receipt leads to a checkpoint that the witnesses have cosigned, and needs no log.
        proof, entry = work / "proof", work / "entry"
        made = environment.appliance(
            "audit", "prove", "--log", environment["VAULT_LOG_DIR"], "--jti", jti, "--out", proof, "--entry", entry)
        self.assertEqual(made.returncode, 0, made.stderr)
        for quorum, good in ((2, True), (3, False)):
            checked = environment.appliance(
                "audit", "check-proof", "--proof", proof, "--entry", entry, "--vkey", environment["VAULT_LOG_VKEY"],
                "--witness", work / "keys", "--quorum", str(quorum))
            self.assertEqual(checked.returncode == 0, good, checked.stdout + checked.stderr)

    def test_2_a_stalled_witness_is_seen(self):
        wait_until(lambda: mint()[0] == 200 and any("w3" in line for line in status()["log"]["warnings"]), "a warning")
        # Who lags is known by the clock; why, when it was last asked.
        wait_until(
            lambda: "not reachable" in (status()["log"]["witnesses"][2]["problem"] or ""), "the reason is known")
        standing = status()["log"]["witnesses"][2]
        self.assertEqual(standing["size"], 0)
        _, metrics = get(environment, environment["VAULT_OPS_URL"] + "/metrics")
        self.assertIn('vault_log_witness_failing{witness="witness.example/w3"} 1', metrics)
        self.assertIn('vault_log_witness_failing{witness="witness.example/w1"} 0', metrics)
        wait_until(lambda: self.ready_warnings() != [], "the front has heard of it")
        self.assertTrue(any("w3" in line for line in self.ready_warnings()))

    def ready_warnings(self):
        code, text = get(environment, environment["VAULT_OPS_URL"] + "/health/ready")
        self.assertEqual(code, 200)
        return json.loads(text).get("warnings", [])

    def test_3_without_a_quorum_nothing_is_released(self):
        witnesses[1].kill()
        code, body = mint()
        self.assertEqual(code, 503, body)
        wait_until(lambda: mint()[0] == 503 and readiness(environment) == 503, "readiness turns red")
        witnesses[1].start()
        wait_until(lambda: mint()[0] == 200, "the quorum is back")
        wait_until(lambda: readiness(environment) == 200, "readiness turns green")

    def test_4_a_copy_that_is_fetched_has_the_cosignatures(self):
        copy = work / "copy"
        done = environment.appliance("audit", "fetch", copy, "--config", environment["VAULT_CONFIG"])
        self.assertEqual(done.returncode, 0, done.stderr)
        done = verify(2, copy)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_5_a_log_that_was_put_back_is_given_away_by_its_witnesses(self):
        log, record = pathlib.Path(environment["VAULT_LOG_DIR"]), self.record()
        wait_until(lambda: mint()[0] == 200, "tokens are minted")
        environment.kill("VAULT_CORE_PID")
        older = work / "older"
        shutil.copytree(log, older)
        shutil.copy(record, work / "older-record")
        environment.restart("core")
        wait_until(lambda: mint()[0] == 200, "tokens are minted")
        size = status()["log"]["witnessed_size"]
        environment.kill("VAULT_CORE_PID")
        # Whoever holds both the log and the record of its last checkpoint.
        newer, newer_record = work / "newer", work / "newer-record"
        shutil.move(log, newer)
        shutil.move(record, newer_record)
        shutil.copytree(older, log)
        shutil.copy(work / "older-record", record)
        environment.restart("core")
        wait_until(
            lambda: any("cosigned" in line and "older copy" in line for line in status()["log"]["warnings"])
            or any("fork" in line for line in status()["log"]["warnings"]), "the witnesses contradict")
        self.assertEqual(mint()[0], 503)
        environment.kill("VAULT_CORE_PID")
        shutil.rmtree(log)
        record.unlink()
        shutil.move(newer, log)
        shutil.move(newer_record, record)
        environment.restart("core")
        wait_until(lambda: mint()[0] == 200, "the true log goes on")
        self.assertGreater(status()["log"]["witnessed_size"], size)

    def record(self):
        found = list(environment.directory.glob("**/*.last-checkpoint"))
        self.assertEqual(len(found), 1, found)
        return found[0]


class OneHistory(unittest.TestCase):
    """The witness alone, against a log that lies, with the requests of code that is not ours."""

    def witness(self, name, *logs):
        file = work / f"{name}.vkeys"
        file.write_text("".join(log.vkey + "\n" for log in logs))
        witness = WitnessProcess(witnesses[0].binary, work / name, f"witness.example/{name}", [file]).start()
        self.addCleanup(witness.stop)
        return witness

    def test_the_answers_are_those_of_the_standard(self):
        log = TestLog("log.example/a")
        fork, stranger = TestLog("log.example/a", "fork", log.key), TestLog("log.example/a")
        witness = self.witness("answers", log)
        self.assertEqual(witness.last(log.origin)[0], 404)
        code, kind, line = witness.add_checkpoint(log.request(0, 5))
        self.assertEqual(code, 200)
        self.assertTrue(line.startswith("\u2014 witness.example/answers ") and line.endswith("\n"))
        self.assertEqual(witness.add_checkpoint(log.request(5, 9))[0], 200)
        # Another tree of the size that was cosigned is a conflict (C2SP tlog-witness, add-checkpoint).
        self.assertEqual(witness.add_checkpoint(fork.request(9, 9)), (409, "text/x.tlog.size", "9\n"))
        self.assertEqual(witness.add_checkpoint(fork.request(9, 12))[0], 422)
        self.assertEqual(witness.add_checkpoint(log.request(5, 12)), (409, "text/x.tlog.size", "9\n"))
        self.assertEqual(witness.add_checkpoint(log.request(0, 7)), (409, "text/x.tlog.size", "9\n"))
        self.assertEqual(witness.add_checkpoint(log.request(9, 12).replace(b"old 9", b"old 13"))[0], 400)
        self.assertEqual(witness.add_checkpoint(stranger.request(9, 12))[0], 403)
        self.assertEqual(witness.add_checkpoint(TestLog("log.example/b").request(0, 5))[0], 404)
        self.assertEqual(witness.add_checkpoint(b"x" * 200_000)[0], 413)
        self.assertEqual(witness.request("GET", "/add-checkpoint")[0], 405)
        code, _, note = witness.last(log.origin)
        self.assertEqual(code, 200)
        self.assertTrue(note.startswith(log.body(9)))
        self.assertEqual(note.count("\n\u2014 "), 2)

    def test_killed_again_and_again_it_vouches_for_one_history(self):
        key = TestLog("log.example/k").key
        logs = [TestLog("log.example/k", history, key) for history in ("left", "right")]
        witness = self.witness("killed", logs[0])
        granted, stopping = [], threading.Event()

        def submit(log):
            old = 0
            while not stopping.is_set():
                size = old + random.randrange(1, 4)
                try:
                    code, _, text = witness.add_checkpoint(log.request(old, size))
                except OSError:
                    continue
                except Exception:  # An answer cut short by the kill.
                    continue
                if code == 200:
                    granted.append((log.history, size))
                    old = size
                elif code == 409:
                    old = int(text)
                else:
                    old = 0

        threads = [threading.Thread(target=submit, args=(log,)) for log in logs]
        for thread in threads:
            thread.start()
        try:
            for _ in range(30):
                time.sleep(0.02 + random.random() * 0.1)
                witness.kill()
                witness.start()
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        self.assertGreater(len(granted), 30)
        self.assertEqual(len({history for history, _ in granted}), 1, granted)
        sizes = [size for _, size in granted]
        self.assertEqual(sizes, sorted(sizes))
        self.assertGreaterEqual(int(witness.last("log.example/k")[2].split("\n")[1]), sizes[-1])
        print(f"   {len(granted)} cosignatures over 30 kills, one history", flush=True)

    def test_a_record_that_was_lost_is_not_made_anew(self):
        log = TestLog("log.example/l")
        witness = self.witness("lost", log)
        witness.stop()
        done = subprocess.run(
            [witness.binary, "audit", "witness", "init", "--state", witness.directory, "--name", "witness.example/lost"],
            capture_output=True, text=True, timeout=300)
        self.assertNotEqual(done.returncode, 0)
        (witness.directory / "key").chmod(0o644)
        with self.assertRaisesRegex(AssertionError, "chmod 600"):
            witness.start()


if __name__ == "__main__":
    summary.run("witnesses")
