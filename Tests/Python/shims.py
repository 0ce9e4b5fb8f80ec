"""Libraries that stand in front of the C library (Tests/Faults/*.c), built where tests need them."""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

from environment import ROOT


def compile_shim(source, folder):
    """Build Tests/Faults/SOURCE.c into a folder; any C compiler will do, and the Swift toolchain has one."""
    candidates = [os.environ.get("CC"), "cc", "clang", "gcc"]
    if swift := shutil.which("swift"):
        candidates.append(str(pathlib.Path(swift).resolve().parent / "clang"))
    compiler = next(filter(None, (shutil.which(name) for name in candidates if name)), None)
    if compiler is None:
        raise AssertionError("no C compiler found: install gcc")
    library = pathlib.Path(folder) / f"{source}.so"
    options = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(
        [compiler, *options, "-o", library, ROOT / "Tests" / "Faults" / f"{source}.c", "-ldl"], check=True)
    return library


class MovingClock:
    """The time of day of every process that is started with `variables`, which the test moves."""

    CONTROL = "VAULT_CLOCK_CONTROL"

    def __init__(self):
        self.folder, self.seconds = None, 0
        # Whoever lives by such a clock moves that.
        if inherited := os.environ.get(self.CONTROL):
            self.control, self.library = pathlib.Path(inherited), os.environ["LD_PRELOAD"]
        else:
            # LD_PRELOAD separates its files by spaces, so they cannot be in a directory whose name holds one.
            self.folder = tempfile.TemporaryDirectory(prefix="moving-clock-")
            self.control = pathlib.Path(self.folder.name) / "control"
            self.control.write_bytes(bytes(8))
            self.library = compile_shim("moving_clock", self.folder.name)
        self.variables = {"LD_PRELOAD": str(self.library), self.CONTROL: str(self.control)}

    @classmethod
    def enter(cls):
        """Let the rest of this program live by a clock that it can move, as every process does that it starts."""
        if cls.CONTROL in os.environ:
            return
        clock = cls()
        try:
            sys.exit(subprocess.run([sys.executable, *sys.argv], env=os.environ | clock.variables).returncode)
        finally:
            clock.close()

    def move(self, seconds):
        """Let so much time pass at once, or have it come back."""
        self.seconds += seconds
        with open(self.control, "r+b") as file:
            file.write(struct.pack("=q", self.seconds))

    def close(self):
        if self.folder:
            self.folder.cleanup()
