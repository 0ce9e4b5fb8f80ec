"""A disk under the core that fails at a chosen call (Tests/Faults/failing_calls.c)."""

import pathlib
import struct
import tempfile

from shims import compile_shim

KINDS = ("write", "sync", "rename", "open", "truncate", "unlink")
# Not an errno: the process is killed before the call.
KILL = 0
# Nor this: the call waits until the disk is mended.
HANG = 2**64 - 1


class FailingDisk:
    """The shim and its control file, for the cores of one environment that are started with `variables`."""

    def __init__(self, environment):
        # LD_PRELOAD separates its files by spaces, so they cannot be in the environment's directory.
        self.folder = tempfile.TemporaryDirectory(prefix="failing-disk-")
        self.control = pathlib.Path(self.folder.name) / "control"
        self.control.write_bytes(bytes(9 * 8))
        self.variables = {
            "LD_PRELOAD": str(compile_shim("failing_calls", self.folder.name)), "VAULT_FAULT_CONTROL": str(self.control),
            "VAULT_FAULT_DIRECTORY": environment["VAULT_LOG_DIR"],
        }

    def counts(self):
        """Calls since the counts were last cleared, by kind."""
        return dict(zip(KINDS, struct.unpack("=6Q", self.control.read_bytes()[:48])))

    def clear(self):
        """Count from nothing, and let every call succeed."""
        self._write(0, bytes(9 * 8))

    def fail(self, kind, error, first=None):
        """From its `first` call on (the next one, unless told) this kind of call fails with `error`."""
        number = self.counts()[kind] + 1 if first is None else first
        # The kind last: it is what puts the plan in force.
        self._write(56, struct.pack("=2Q", number, error))
        self._write(48, struct.pack("=Q", KINDS.index(kind) + 1))

    def let_go(self, kind):
        """The call that hangs is made, and the next one of its kind hangs."""
        self._write(56, struct.pack("=Q", self.counts()[kind] + 1))

    def mend(self):
        """Let every call succeed."""
        self._write(48, bytes(8))

    def close(self):
        self.folder.cleanup()

    def _write(self, offset, data):
        with open(self.control, "r+b") as file:
            file.seek(offset)
            file.write(data)
