"""A development environment (scripts/dev-up) as the Python tests see it: its variables, its processes, its tokens."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

import jwt

from custodians import combine, unwrap_pin
from token_keys import faults, list_objects

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Environment:
    """One environment in a directory; `variables` are those of DIR/env, read again by `reload`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.variables = {}
        self.reload()

    def __getitem__(self, name):
        return self.variables[name]

    def reload(self):
        """Read DIR/env the way a shell does, whatever quoting it uses."""
        script = '. "$0" >/dev/null && env -0'
        output = subprocess.run(
            ["bash", "-c", script, str(self.directory / "env")], check=True, stdout=subprocess.PIPE, env={}
        ).stdout
        self.variables = dict(item.split("=", 1) for item in output.decode().split("\0") if item)

    @classmethod
    def up(cls, directory, **variables):
        script("dev-up", directory, **variables)
        return cls(directory)

    def down(self):
        script("dev-down", self.directory)

    def restart(self, process, variables=None):
        """Restart 'front' or 'core' (which may be given more variables) and read the new process numbers."""
        lines = "\n".join(f"{name}={value}" for name, value in (variables or {}).items())
        try:
            script("dev-restart", self.directory, process, DEV_CORE_ENVIRONMENT=lines)
        finally:
            self.reload()

    def configure_tokens(self, *labels):
        """Let the configuration name more tokens, which are not there yet, and start the core anew."""
        path = pathlib.Path(self["VAULT_CONFIG"])
        tokens = "".join(f', {{module: "{self["VAULT_MODULE"]}", token: "pkcs11:token={label}"}}' for label in labels)
        lines = [
            f"hsm: {{tokens: [{line.removeprefix('hsm: ')}{tokens}]}}" if line.startswith("hsm: {module") else line
            for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")
        self.restart("core")

    def restart_sealed(self):
        """Restart the core, and leave it as nobody has activated it."""
        script("dev-restart", self.directory, "core", "--sealed")
        self.reload()
        wait_until(
            lambda: "sealed" in self.appliance("status", "--config", self["VAULT_CONFIG"]).stdout, "the core is sealed")

    def activate(self):
        """Two custodians bring a sealed core to life."""
        script("dev-activate", self.directory)

    def pin(self, serial=None):
        """A token's PIN, which nobody has seen: out of custodians' shares of the epoch in force, as they could if all else were
        lost."""
        custody = self.directory / "custody"
        epoch = self.manifest()["activation"]["epoch"]
        kind = "genesis" if epoch == 1 else "rotate-epoch"
        secret = combine([
            subprocess.run(
                ["age", "-d", "-i", self.directory / "custodians" / name / "identity",
                 next(custody.glob(f"ceremonies/{kind}-*/shares/{name}.age"))],
                check=True, stdout=subprocess.PIPE).stdout
            for name in ("carla", "anna", "ben")[:self.manifest()["threshold"]]])
        pins = json.loads((custody / f"pins-{epoch}.json").read_text())
        return unwrap_pin(pins, serial or self.manifest(1)["tokens"][0]["serial"], secret).decode()

    def manifest(self, version=None):
        """A manifest of the chain; the newest, unless told."""
        manifests = self.directory / "custody" / "manifests"
        version = version or max(int(path.stem) for path in manifests.glob("*.json"))
        return json.loads((manifests / f"{version}.json").read_text())

    def objects(self, label, pin):
        """What another program lists on a token of this environment, whoever has it open."""
        return list_objects(self["VAULT_MODULE"], label, pin, {"SOFTHSM2_CONF": self["SOFTHSM2_CONF"]})

    def check_keys(self):
        """Another program reads back every key of every token: it is what the manifest in force says, and nothing more."""
        manifest = self.manifest()
        for token in manifest["tokens"]:
            keys = [
                key for key in manifest["keys"] if key["token"] == token["serial"] and key["state"] != "destroyed"]
            found = faults(self.objects(token["label"], self.pin(token["serial"])), keys)
            assert keys and not found, f"{token['label']}: {found}"

    def pin_file(self, directory):
        """The same in a new file of its own, for commands that read it there."""
        path = pathlib.Path(directory) / f"pin-{uuid.uuid4()}"
        path.touch(mode=0o600)
        path.write_text(self.pin())
        return path

    def kill(self, name):
        """Kill a process by its variable and wait until it is gone."""
        pid = int(self[name])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), f"process {pid} is gone")

    def appliance(self, *arguments):
        """Run the appliance's binary; returns the completed process with its text."""
        binary = self.directory / "run" / "vault-appliance"
        return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=300)

    def run(self, *arguments, code=0):
        """Run the appliance's binary, which must end with this status; returns all it said."""
        done = self.appliance(*map(str, arguments))
        if done.returncode != code:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def user_token(self, subject="alice", groups=("sales",), key="IDP_JWK", **changes):
        claims = self._claims("IDP", subject) | {"groups": list(groups)} | changes
        return sign(self[key], claims)

    def agent_token(self, subject="sales-assistant", **changes):
        return sign(self["AGENT_JWK"], self._claims("AGENT", subject) | changes)

    def _claims(self, prefix, subject):
        now = int(time.time())
        return {
            "iss": self[f"{prefix}_ISSUER"], "sub": subject, "aud": self[f"{prefix}_AUDIENCE"],
            "iat": now, "nbf": now, "exp": now + 300, "jti": str(uuid.uuid4()),
        }


def module_environment(prefix, **variables):
    """An environment for one test file, in a new directory that is all its own; down after the last test (for setUpModule)."""
    directory = tempfile.TemporaryDirectory(prefix=prefix)
    unittest.addModuleCleanup(directory.cleanup)
    environment = Environment.up(pathlib.Path(directory.name) / "environment", **variables)
    unittest.addModuleCleanup(environment.down)
    return environment


def sign(path, claims, **header):
    """Sign claims with a private JWK file, by PyJWT: none of the appliance's own code takes part."""
    jwk = json.loads(pathlib.Path(path).read_text())
    return jwt.encode(claims, jwt.PyJWK.from_dict(jwk).key, algorithm=jwk["alg"], headers={"kid": jwk["kid"]} | header)


def script(name, *arguments, **variables):
    """Run one of scripts/; a failure shows what it said."""
    done = subprocess.run(
        [ROOT / "scripts" / name, *arguments], capture_output=True, text=True, timeout=1800,
        env=os.environ | variables)
    if done.returncode != 0:
        raise AssertionError(f"{name} failed with {done.returncode}:\n{done.stderr}")


def is_alive(pid):
    """Whether a process runs; one that ended and waits for its parent does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Stopwatch:
    """How long something takes, but for what this machine holds everybody up: the time by which its own short sleeps are late.

    For limits that are promised of the appliance, which a busy machine may exceed without its fault."""

    NAP = 0.01

    def __enter__(self):
        self.began, self.held, self.stopping = time.monotonic(), 0.0, threading.Event()
        self.thread = threading.Thread(target=self._nap)
        self.thread.start()
        return self

    def _nap(self):
        while not self.stopping.is_set():
            began = time.monotonic()
            time.sleep(self.NAP)
            self.held += time.monotonic() - began - self.NAP

    @property
    def seconds(self):
        return time.monotonic() - self.began - self.held

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def wait_until(condition, what, seconds=120):
    """Wait for a condition; the limit only bounds a broken run."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.05)
