"""An appliance whose core is killed within a ceremony, put back as often as it takes, and looked at from outside."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from environment import Environment, is_alive, script, wait_until
from failing_disk import KILL, FailingDisk
from gateway_client import GatewayClient
from gateway_load import verify_log
from party import Party
from shims import MovingClock
from token_keys import member

NAMES = ("anna", "ben", "carla")
# What an appliance and its people keep; everything else of an environment stays as it is.
KEPT = ("custody", "custody.*", "custodians", "log", "log.*", "tokens")


class CoreSite:
    """One environment with a clock that moves; its core runs over a disk that kills it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.clock = MovingClock()
        os.environ.update(self.clock.variables)
        self.environment = Environment.up(self.folder / "environment")
        # Whoever builds meanwhile changes nothing.
        binary = self.environment.directory / "run" / "vault-appliance"
        built = binary.resolve()
        binary.unlink()
        subprocess.run(["cp", "--reflink=auto", built, binary], check=True)
        self.party = Party(self.environment, self.folder / "party")
        self.custody = self.party.custody
        self.first, self.second = self.party.appliance()["hsm"][0]["serial"], None
        self.requests, self.disk = 0, None

    def close(self):
        with contextlib.suppress(AssertionError):
            self.environment.down()
        self.clock.close()

    # --- the core

    @property
    def is_up(self):
        return is_alive(int(self.environment["VAULT_CORE_PID"] or 0))

    def secret_file(self, name, text):
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def stop(self):
        pid = int(self.environment["VAULT_CORE_PID"] or 0)
        if self.is_up:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not is_alive(pid), "the core has ended")

    def start(self, under=None):
        """Start the core, sealed; calls on files `under` a part of the environment can be made to kill it from then on."""
        if self.disk:
            self.disk.close()
        self.disk = FailingDisk({"VAULT_LOG_DIR": str(self.environment.directory / under)}) if under else None
        variables = dict(self.clock.variables)
        if self.disk:
            variables |= self.disk.variables
            variables["LD_PRELOAD"] += f":{self.clock.library}"
        lines = "\n".join(f"{name}={value}" for name, value in variables.items())
        script("dev-restart", self.environment.directory, "core", "--sealed", DEV_CORE_ENVIRONMENT=lines)
        self.environment.reload()
        wait_until(lambda: not self.is_up or self.status().get("state") == "sealed", "the core answers")
        assert self.is_up, "the core does not start: " + (self.environment.directory / "core.log").read_text()[-600:]

    def status(self):
        done = self.environment.appliance("status", "--config", self.environment["VAULT_CONFIG"], "--json")
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    @property
    def is_sealed(self):
        return self.status()["state"] == "sealed"

    def activate(self):
        """Two custodians bring the core to life, after they have accepted what manifest is in force."""
        self.requests += 1
        request = self.folder / f"activation-{self.requests}"
        self.accept()
        self.party.run("activate", "--config", self.environment["VAULT_CONFIG"], "--no-wait", "--write", request)
        for name in self.party.quorum:
            self.party.contribute(name, request)

    def accept(self):
        """Custodians of a new epoch take their shares of it over."""
        epoch = self.manifest()["activation"]["epoch"]
        for name in NAMES if epoch > 1 else ():
            pin = json.loads(next(self.party.home(name).glob("appliances/*/pin.json")).read_text())
            if pin["version"] < self.manifest()["version"]:
                self.party.run(
                    "custodian", "accept", "--home", self.party.home(name), "--share",
                    next(self.custody.glob(f"ceremonies/rotate-epoch-*/shares/{name}.age")), "--genesis", pin["genesis"],
                    self.custody / "manifests")

    # --- where it was

    def keep(self, name):
        """Remember how everything is; the core must not run."""
        place = self.folder / "kept" / name
        place.mkdir(parents=True)
        subprocess.run(["cp", "-a", *self.kept_parts(), place], check=True)

    def restore(self, name):
        self.stop()
        subprocess.run(["rm", "-rf", *self.kept_parts()], check=True)
        subprocess.run(["cp", "-a", f"{self.folder / 'kept' / name}/.", self.environment.directory], check=True)

    def kept_parts(self):
        return [path for part in KEPT for path in self.environment.directory.glob(part)]

    # --- what is there

    def files(self):
        """The names of all files of the custody directory."""
        return {str(path.relative_to(self.custody)) for path in self.custody.rglob("*") if path.is_file()}

    def manifest(self, version=None):
        return self.environment.manifest(version)

    def pin(self, serial):
        return self.environment.pin(serial)

    def inventory(self, label, pin):
        """Kind, label and id of every object on a token, as pkcs11-tool sees them."""
        return sorted((
            (text.split(" Object")[0], member(text, "label"), member(text, "ID"))
            for text in self.environment.objects(label, pin)), key=str)

    def wanted(self, serial):
        """The same, as the manifest in force says."""
        return sorted((
            (kind, key["label"], key["id"]) for key in self.manifest()["keys"]
            if key["token"] == serial and key["state"] != "destroyed" for kind in ("Private Key", "Public Key")), key=str)

    def kid(self, label, serial):
        return next(key["kid"] for key in self.manifest()["keys"] if (key["label"], key["token"]) == (label, serial))

    def mints(self):
        """Whether the front gives out a token; its clock is not ours."""
        now = int(time.time()) + self.clock.seconds
        times = {"iat": now, "nbf": now, "exp": now + 300}
        with contextlib.suppress(OSError):
            client = GatewayClient(self.environment)
            try:
                status, _ = client.exchange(
                    self.environment.user_token(**times), self.environment.agent_token(**times),
                    scope="accounts:read")
                return status == 200
            finally:
                client.close()
        return False

    def check_log(self, identifier):
        """The log is whole, and has heard of each line of a ceremony and of the manifest in force."""
        problem = verify_log(self.environment)
        assert not problem, problem
        said = self.environment.run("audit", "tail", "--log", self.environment["VAULT_LOG_DIR"], "-n", "0", "--json")
        records = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        details = [record.get("entry", record).get("detail") or {} for record in records]
        told = {int(detail["line"]) for detail in details if detail.get("id") == identifier and "line" in detail}
        lines = len(self.transcript(identifier)) if identifier else 0
        assert told == set(range(1, lines + 1)), f"the log knows of the lines {sorted(told)} of {lines}"
        version = self.manifest()["version"]
        assert any("previous" in detail and detail.get("version") == str(version) for detail in details), (
            f"the log does not know that manifest {version} came into force")

    def transcript(self, identifier):
        return [json.loads(line) for line in (self.party.place(identifier) / "transcript.jsonl").read_text().splitlines()]


def kill_at(disk, kind, number):
    """The core, or its child, dies before this call."""
    disk.clear()
    disk.fail(kind, KILL, first=number)
