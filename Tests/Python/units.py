#!/usr/bin/env python3
"""The service units of hsm-config/systemd, as systemd itself reads them; nothing is started."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import summary

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "hsm-config" / "systemd"
PROGRAM = Path(os.environ.get("VAULT_APPLIANCE", ROOT / ".build" / "debug" / "vault-appliance"))
# What systemd-analyze calls exposure: 0 is closed, 10 open. The front needs the network and a low port, the core neither.
MOST_EXPOSED = {"vault-core.service": 1.0, "vault-front.service": 2.0}


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.units = []
        for unit in sorted(UNITS.glob("*.service")):
            # systemd looks for the program: this build's stands in for the installed one.
            copy = Path(cls.directory.name) / unit.name
            copy.write_text(unit.read_text().replace("/usr/bin/vault-appliance", str(PROGRAM)))
            cls.units.append(copy)

    def test_systemd_reads_every_unit_without_a_complaint(self):
        self.assertEqual({unit.name for unit in self.units}, set(MOST_EXPOSED))
        verified = run("systemd-analyze", "verify", "--man=no", *map(str, self.units))
        complaints = [line for line in verified.stderr.splitlines() if line.startswith(self.directory.name) or "vault-" in line]
        self.assertEqual(complaints, [])

    def test_every_unit_stays_as_closed_as_it_is(self):
        for unit in self.units:
            report = run("systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit))
            exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", report.stdout)
            self.assertIsNotNone(exposure, report.stderr)
            self.assertLessEqual(float(exposure.group(1)), MOST_EXPOSED[unit.name], unit.name)

    def test_the_core_may_write_where_the_example_configuration_says(self):
        example = (ROOT / "hsm-config" / "appliance.yaml").read_text()
        states = re.search(r"(?m)^StateDirectory=(.*)$", (UNITS / "vault-core.service").read_text())[1].split()
        paths = re.findall(r"(?m)^  (?:manifest|directory|last_checkpoint): /var/lib/([^/\s]+)/", example)
        self.assertEqual(len(paths), 3)
        self.assertEqual(set(paths) - set(states), set())

    def test_neither_process_takes_the_other_down_with_it(self):
        for unit in self.units:
            self.assertIsNone(re.search(r"(?m)^(Requires|BindsTo|PartOf|Requisite)=", unit.read_text()), unit.name)


if __name__ == "__main__":
    summary.run("service units")
