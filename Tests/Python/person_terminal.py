"""A person's terminal: a real pseudo-terminal, 80 by 24, whose command is ours to type at."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from environment import wait_until

COLUMNS, ROWS = 80, 24


class Terminal:
    """A command whose controlling terminal is ours; `command` begins with the program's path."""

    def __init__(self, *command, variables=None):
        self.screen = ""
        self.process, self.end = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            variables = {
                name: value for name, value in (variables or os.environ).items() if not name.startswith("SSH_")}
            command = [str(part) for part in command]
            os.execvpe(command[0], command, variables)

    def expect(self, pattern):
        """Wait for a text after what was seen before; returns the match."""
        end = time.monotonic() + 120
        while not (match := re.search(pattern, self.screen)):
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"{pattern!r} does not come:\n{self.screen}")
        return match

    def type(self, line, hidden=False):
        """A person types after having read, and what is `hidden` once it is not shown any more.

        Who switches the echo off throws away what was typed before."""
        if hidden:
            wait_until(lambda: not termios.tcgetattr(self.end)[3] & termios.ECHO, "what is typed is not shown")
        os.write(self.end, f"{line}\n".encode())

    def finish(self):
        """All that was shown, and the exit code."""
        while self._read():
            pass
        os.close(self.end)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def _read(self):
        ready, _, _ = select.select([self.end], [], [], 120)
        try:
            data = os.read(self.end, 65536) if ready else b""
        except OSError:
            return False
        self.screen += data.decode(errors="replace").replace("\r", "")
        return bool(data)
