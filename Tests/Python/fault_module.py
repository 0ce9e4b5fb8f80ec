"""The fault module (docs/testing-hsm.md) as Python tests use it: alone, or between an environment's core and SoftHSM."""

import os
import pathlib
import subprocess

from environment import ROOT


def library():
    """The newest build of the fault module."""
    built = [path for path in ROOT.glob(".build/*/libFaultModule.so") if path.parent.name in ("debug", "release")]
    if not built:
        raise AssertionError("libFaultModule.so is not built: swift build --product FaultModule")
    return max(built, key=lambda path: path.stat().st_mtime)


class FaultModule:
    """A script, a tally, and the variables that a process needs to use them."""

    def __init__(self, directory, target):
        directory = pathlib.Path(directory)
        self.script, self.tally_file = directory / "faults.script", directory / "faults.tally"
        self.changes = 0
        self.variables = {
            "FAULT_MODULE_TARGET": str(target), "FAULT_MODULE_SCRIPT": str(self.script),
            "FAULT_MODULE_TALLY": str(self.tally_file),
        }
        self.set()

    def set(self, *rules):
        """Put these rules into force with the next call, and no others; each counts from now."""
        self.changes += 1
        new = self.script.with_suffix(".new")
        new.write_text("".join(f"{rule} # {self.changes}\n" for rule in rules))
        # File systems keep too coarse a clock to tell two changes in a row apart.
        os.utime(new, ns=(self.changes, self.changes))
        new.rename(self.script)

    def tally(self):
        """Calls by function, and open sessions, over all tokens; at most 50 ms old."""
        calls, sessions = {}, 0
        for line in self.tally_file.read_text().splitlines():
            kind, *words = line.split(" ")
            if kind == "calls":
                calls[words[1]] = calls.get(words[1], 0) + int(words[0])
            elif kind == "sessions":
                sessions += int(words[0])
        return calls, sessions


class FaultyHSM(FaultModule):
    """The fault module in front of the SoftHSM of an environment."""

    def __init__(self, environment):
        super().__init__(environment.directory, environment["VAULT_MODULE"])
        self.environment = environment
        self.configuration = pathlib.Path(environment["VAULT_CONFIG"])
        self.original = self.configuration.read_text()
        changed = self.original.replace(f'"{environment["VAULT_MODULE"]}"', f'"{library()}"')
        assert changed != self.original, "the configuration does not name the module"
        self.configuration.write_text(changed)
        self.restart()

    def restart(self):
        """Start the core anew, or for the first time after it ended."""
        self.environment.restart("core", self.variables)

    def remove(self):
        """Put the core back on SoftHSM itself."""
        self.set()
        self.configuration.write_text(self.original)
        self.environment.restart("core")


def softhsm(path, pin, officer):
    """A SoftHSM of its own with one token, "a token"; the variables to see it."""
    (path / "tokens").mkdir(parents=True)
    (path / "softhsm2.conf").write_text(f"directories.tokendir = {path}/tokens\nobjectstore.backend = file\n")
    variables = {"SOFTHSM2_CONF": str(path / "softhsm2.conf")}
    command = ["softhsm2-util", "--init-token", "--free", "--label", "a token", "--pin", pin, "--so-pin", officer]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | variables)
    return variables
