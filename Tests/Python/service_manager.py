"""A service manager of our own for tests: `systemd --user` in a private mount namespace, or the one that runs already."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

INSIDE = "VAULT_TEST_SERVICE_MANAGER"
HIERARCHIES = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Unavailable(Exception):
    """Why no service manager is to be had here."""


def enter():
    """Run this program again in a mount namespace of its own, where it may say that systemd has booted.

    Only root may; anybody else has a user manager, or none."""
    if os.environ.get(INSIDE) or os.geteuid() != 0:
        return
    if not shutil.which("unshare") or not pathlib.Path("/lib/systemd/systemd").exists():
        return
    os.environ[INSIDE] = "namespace"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])


class ServiceManager:
    """Units in a directory, and systemctl for them."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.process, self.groups = None, []
        if os.environ.get(INSIDE):
            self._start()
        elif subprocess.run(["systemctl", "--user", "show-environment"], capture_output=True).returncode != 0:
            raise Unavailable(
                "there is no systemd user manager here, and only root can start one: "
                "run this in a login session of a machine with systemd, or as root")
        else:
            runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
            self.variables = {**os.environ, "XDG_RUNTIME_DIR": runtime}
            self.units = pathlib.Path(runtime) / "systemd/user"
            self.units.mkdir(parents=True, exist_ok=True)

    def _start(self):
        # sd_booted(3) looks for this directory, and a user manager refuses to start without it.
        if not pathlib.Path("/run/systemd/system").exists():
            pathlib.Path("/run/systemd").mkdir(exist_ok=True)
            done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"], capture_output=True, text=True)
            if done.returncode != 0:
                raise Unavailable(f"a private /run/systemd cannot be mounted here: {done.stderr.strip()}")
            pathlib.Path("/run/systemd/system").mkdir()
        runtime, home = self.directory / "runtime", self.directory / "home"
        self.units = runtime / "systemd/user"
        for path in (runtime, home):
            path.mkdir(mode=0o700)
        self.units.mkdir(parents=True)
        # No bus: systemctl speaks to the manager's own socket.
        self.variables = {
            name: value for name, value in os.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"
        } | {"XDG_RUNTIME_DIR": str(runtime), "HOME": str(home)}
        self._make_groups()
        self.log = open(self.directory / "systemd.log", "w")
        self.process = subprocess.Popen(
            ["/lib/systemd/systemd", "--user", "--unit=basic.target", "--log-target=console"],
            env=self.variables, stdout=self.log, stderr=self.log, preexec_fn=self._join_groups)
        end = time.monotonic() + 60
        while not (runtime / "systemd/private").exists() or self.ctl("show-environment").returncode != 0:
            if time.monotonic() > end or self.process.poll() is not None:
                said = (self.directory / "systemd.log").read_text()[-800:]
                self.stop()
                raise Unavailable(f"systemd --user does not start here: {said}")
            time.sleep(0.05)

    def _make_groups(self):
        """A control group for the manager, so that it touches nobody else's."""
        for hierarchy in map(pathlib.Path, HIERARCHIES):
            if (hierarchy / "cgroup.procs").exists():
                group = hierarchy / f"vault-test-{os.getpid()}"
                try:
                    group.mkdir()
                except OSError as error:
                    raise Unavailable(f"{hierarchy}: no control group can be made: {error.strerror}") from error
                self.groups.append(group)

    def _join_groups(self):
        for group in self.groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def ctl(self, *arguments):
        """systemctl; returns the completed process."""
        return subprocess.run(
            ["systemctl", "--user", *arguments], env=self.variables, capture_output=True, text=True, timeout=300)

    def run(self, *arguments):
        """systemctl, which must do it; returns what it says."""
        done = self.ctl(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"systemctl {arguments}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def show(self, unit, name):
        return self.run("show", unit, "--property", name, "--value").strip()

    def write(self, unit, text):
        """A unit's file, or a drop-in of one (UNIT.d/NAME.conf)."""
        path = self.units / unit
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.run("daemon-reload")

    def stop(self):
        if self.process is not None:
            self.ctl("exit")
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.log.close()
        for group in self.groups:
            for inner in sorted(group.rglob("*"), key=lambda path: -len(path.parts)):
                if inner.is_dir():
                    _remove(inner)
            _remove(group)


def _remove(group):
    try:
        group.rmdir()
    except OSError:
        pass
