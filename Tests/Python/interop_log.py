#!/usr/bin/env python3
"""Other people's verifiers accept our log, checkpoints, cosignatures and proofs, and reject tampered ones.

aics-tlog (Python) and Go's own sumdb/note and sumdb/tlog. Both come from Tests/Python/interop-requirements.txt, in an
environment of their own that needs Python 3.12 or later; where there is none, this test says so and ends with 77.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import newer_python
import summary
from environment import ROOT, Environment, wait_until
from gateway_client import GatewayClient
from gateway_load import READ, identifier
from witness_process import WitnessProcess

directory = tempfile.TemporaryDirectory(prefix="vault interop ")
work = pathlib.Path(directory.name)
environment = None
tools = None
witness = None
identifiers = []


def build_go():
    """The Go program, with note and tlog as the Go toolchain carries them; no network."""
    (go,) = tools.glob("lib/python3*/site-packages/go/bin/go")
    source = work / "checklog"
    shutil.copytree(ROOT / "Tests/Python/interop", source)
    vendored = go.parents[1] / "src/cmd/vendor/golang.org/x/mod/sumdb"
    for name in ("note", "tlog"):
        shutil.copytree(vendored / name, source / name)
        for file in (source / name).glob("*_test.go"):
            file.unlink()
    (source / "go.mod").write_text("module checklog\n\ngo 1.24\n")
    variables = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    variables |= {"HOME": str(work), "PATH": os.environ["PATH"]}
    go.chmod(0o755)
    subprocess.run([go, "build", "-o", work / "check", "."], cwd=source, env=variables, check=True)
    return work / "check"


def setUpModule():
    global environment, witness
    environment = Environment.up(work / "environment")
    binary = environment.directory / "run" / "vault-appliance"
    witness = WitnessProcess(binary, work / "w1", "witness.example/w1", [environment["VAULT_LOG_VKEY"]]).start()
    config = pathlib.Path(environment["VAULT_CONFIG"])
    named = f'witnesses: [{{vkey: "{witness.vkey}", url: "{witness.url}"}}], witness_quorum: 1'
    config.write_text(config.read_text().replace("headroom: 64MiB}", f"headroom: 64MiB, {named}}}"))
    for process in ("core", "front"):
        environment.restart(process)
    gateway = GatewayClient(environment)
    for _ in range(30):
        identifiers.append(mint(gateway))
    settle()
    shutil.copy(log() / "checkpoint", work / "old")
    for _ in range(30):
        identifiers.append(mint(gateway))
    gateway.close()
    settle()
    prove(identifiers[7], "proof", "entry")


def tearDownModule():
    witness.stop()
    environment.down()
    directory.cleanup()


def mint(gateway):
    status, body = gateway.exchange(authorization_details=READ)
    assert status == 200, body
    return identifier(body)


def log():
    return pathlib.Path(environment["VAULT_LOG_DIR"])


def settle():
    """Wait until a checkpoint covers the last entry."""
    wait_until(lambda: identifiers[-1] in proved(), "a checkpoint covers the last entry")
    wait_until(lambda: (log() / "checkpoint").read_text().count("\u2014 ") == 2, "the witness has cosigned it")


def proved():
    covered = environment.appliance("audit", "export", "--log", log(), "--proofs")
    return [json.loads(line).get("entry", {}).get("jti") for line in covered.stdout.splitlines()]


def prove(jti, proof, entry):
    done = environment.appliance(
        "audit", "prove", "--log", log(), "--jti", jti, "--out", work / proof, "--entry", work / entry
    )
    assert done.returncode == 0, done.stderr


def copy():
    """A copy of what an auditor gets: checkpoint and tiles."""
    target = pathlib.Path(tempfile.mkdtemp(dir=work))
    shutil.copy(log() / "checkpoint", target)
    shutil.copytree(log() / "tile", target / "tile")
    return target


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


class AICS(unittest.TestCase):
    def run_tool(self, command, folder, *arguments):
        done = subprocess.run(
            [tools / "bin/aics-tlog", command, "--tiles", folder, "--vkey-file", environment["VAULT_LOG_VKEY"], *arguments],
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def index(self):
        return (work / "proof").read_text().split("\n")[1].removeprefix("index ")

    def commands(self):
        return [
            ("verify-checkpoint",),
            ("verify-inclusion", "--index", self.index(), "--leaf", work / "entry"),
            ("verify-consistency", "--old-checkpoint", work / "old"),
        ]

    def test_it_accepts_checkpoint_inclusion_and_consistency(self):
        for command, *arguments in self.commands():
            code, output = self.run_tool(command, copy(), *arguments)
            self.assertEqual(code, 0, f"{command}: {output}")

    def test_it_accepts_the_cosignature_and_rejects_a_changed_one(self):
        arguments = ("--witness-key", witness.vkey, "--quorum", "1")
        code, output = self.run_tool("verify-checkpoint", copy(), *arguments)
        self.assertEqual(code, 0, output)
        self.assertIn("witness.example/w1", output)
        for position in (-3, -30, -60):
            folder = copy()
            flip(folder / "checkpoint", position)
            self.assertNotEqual(self.run_tool("verify-checkpoint", folder, *arguments)[0], 0)

    def test_it_rejects_a_changed_checkpoint(self):
        for position in (0, 20, 40, 160):
            folder = copy()
            flip(folder / "checkpoint", position)
            for command, *arguments in self.commands():
                self.assertNotEqual(self.run_tool(command, folder, *arguments)[0], 0, command)

    def test_it_rejects_changed_tiles(self):
        folder = copy()
        for tile in folder.glob("tile/0/**/*"):
            # Partial tiles of earlier checkpoints may be shorter.
            if tile.is_file() and tile.stat().st_size > 32 * int(self.index()):
                flip(tile, 32 * int(self.index()))
        for command, *arguments in self.commands()[1:]:
            self.assertNotEqual(self.run_tool(command, folder, *arguments)[0], 0, command)

    def test_it_rejects_another_entry(self):
        other = work / "other-entry"
        other.write_bytes((work / "entry").read_bytes().replace(b'"mint"', b'"mInt"'))
        code, _ = self.run_tool("verify-inclusion", copy(), "--index", self.index(), "--leaf", other)
        self.assertNotEqual(code, 0)


class Go(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build_go()

    def check(self, folder, old="old", proof="proof", entry="entry"):
        key = pathlib.Path(environment["VAULT_LOG_VKEY"]).read_text()
        files = [work / name for name in (old, proof, entry)]
        done = subprocess.run([self.program, key, folder, *files, witness.vkey], capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def test_it_accepts_log_checkpoints_and_proof(self):
        self.assertEqual(self.check(copy()), (0, "good\n"))

    def test_it_rejects_changed_files(self):
        for name in ("checkpoint", "tile/entries"):
            folder = copy()
            path = folder / name
            for file in [path] if path.is_file() else path.glob("**/*"):
                if file.is_file():
                    flip(file, 60)
            self.assertNotEqual(self.check(folder)[0], 0, name)

    def test_it_rejects_a_changed_cosignature(self):
        for position in (-3, -30, -60):
            folder = copy()
            flip(folder / "checkpoint", position)
            code, output = self.check(folder)
            self.assertNotEqual((code, output), (0, "good\n"))

    def test_it_rejects_changed_proof_entry_and_old_checkpoint(self):
        for name in ("proof", "entry", "old"):
            changed = work / f"changed-{name}"
            shutil.copy(work / name, changed)
            flip(changed, 45)
            self.assertNotEqual(self.check(copy(), **{name: changed.name})[0], 0, name)


if __name__ == "__main__":
    tools = newer_python.environment_of("interop", "aics-tlog")
    summary.run("interop")
