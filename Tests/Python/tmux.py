"""A person at a real terminal: a shell in a tmux session of 80 by 24, typed at, and seen as the person sees it."""

import itertools
import re
import subprocess
import termios
import time

from environment import wait_until

COLUMNS, ROWS = 80, 24
numbers = itertools.count(1)


class Server:
    """A tmux of the test's own."""

    def __init__(self, socket):
        self.socket = str(socket)

    def run(self, *arguments):
        return subprocess.run(
            ["tmux", "-S", self.socket, "-f", "/dev/null", *map(str, arguments)], check=True, capture_output=True,
            text=True).stdout

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)


class Person:
    """Somebody's shell; `variables` are all that it has of an environment."""

    def __init__(self, server, name, directory, variables):
        self.server, self.name, self.prompt = server, name, f"{name}$ "
        environment = [f"{key}={value}" for key, value in (variables | {"PS1": self.prompt, "TERM": "screen"}).items()]
        server.run(
            "new-session", "-d", "-s", name, "-x", COLUMNS, "-y", ROWS, "-c", directory, "env", "-i", *environment, "bash",
            "--norc", "--noprofile")
        # Without it a row of the 24 is tmux's own.
        server.run("set-option", "-t", name, "status", "off")
        server.run("set-option", "-t", name, "history-limit", "10000")
        self.terminal = server.run("display-message", "-p", "-t", name, "#{pane_tty}").strip()
        self.everything = ""
        # tmux leaves out blanks at a row's end.
        self.expect(re.escape(self.prompt.rstrip()))

    def screen(self):
        """The rows as they are shown now."""
        return self.server.run("capture-pane", "-p", "-t", self.name).rstrip("\n")

    def expect(self, pattern, seconds=60):
        """Wait until the screen shows a text; returns the match."""
        end = time.monotonic() + seconds
        while not (match := re.search(pattern, self.screen(), re.MULTILINE)):
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} waits in vain for {pattern!r}:\n{self.screen()}")
            time.sleep(0.05)
        return match

    def type(self, text, hidden=False):
        """A person types a line and presses Enter, and what is `hidden` once it is not shown any more.

        Who switches the echo off throws away what was typed before."""
        if hidden:
            with open(self.terminal, "rb", buffering=0) as terminal:
                wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "what is typed is not shown")
        self.server.run("send-keys", "-t", self.name, "-l", text)
        self.server.run("send-keys", "-t", self.name, "Enter")

    def start(self, command):
        """Type a command on an empty screen."""
        self.keep()
        self.mark = f"ended-{next(numbers)}"
        self.type(f"{command}; echo {self.mark[:5]}'{self.mark[5:]} '$?")

    def answer(self, question, text, hidden=False):
        """Wait for a question at the screen's end, wherever it is broken, and type."""
        self.expect(question.replace(" ", r"\s+") + r"[^\n]*(?:\n  [^\n]*)?\Z")
        self.type(text, hidden)

    def end(self):
        """Wait until the command has ended: its exit code, and all that was on the screen since it was typed."""
        code = int(self.expect(rf"^{self.mark} (\d+)$")[1])
        self.expect(rf"^{re.escape(self.prompt.rstrip())}\s*\Z")
        return code, self.keep()

    def do(self, command):
        """A whole command that asks nothing."""
        self.start(command)
        return self.end()

    def keep(self):
        """Everything since the screen was last emptied, which it is now; what is wider than the screen stands in one line."""
        shown = self.server.run("capture-pane", "-p", "-J", "-S", "-", "-t", self.name)
        self.everything += shown
        self.server.run("send-keys", "-t", self.name, "-R")
        self.server.run("clear-history", "-t", self.name)
        lines = shown.split("\n")
        # What the person typed is the person's, and so is what marks the end.
        return "\n".join(
            line.rstrip() for line in lines
            if not line.startswith((self.prompt.rstrip(), "ended-")) and "; echo ended'" not in line).strip("\n")
