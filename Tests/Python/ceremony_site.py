"""A machine on which a genesis is held: a token, a configuration, custodians, and the appliance's own command."""

import json
import os
import pathlib
import shutil
import subprocess
import time

from custodians import Custodian, combine, unwrap_pin
from environment import ROOT, wait_until
from token_keys import faults, list_objects

NAMES = ("anna", "ben", "carla")
KEYS = [
    {"label": "sign-es256", "purpose": "signing", "alg": "ES256", "issuer": "https://vault.example", "types": ["at+jwt"],
     "max_lifetime": "300s"},
    {"label": "checkpoint", "purpose": "checkpoint", "alg": "EdDSA"},
]
KEK = {"label": "kek", "purpose": "kek", "alg": "RSA-OAEP"}
USER_PIN, OFFICER_PIN = "user-canary-20815", "officer-canary-4711"


def appliance():
    """The appliance of VAULT_APPLIANCE, or else the newest build."""
    if named := os.environ.get("VAULT_APPLIANCE"):
        return pathlib.Path(named)
    builds = [ROOT / ".build" / name / "vault-appliance" for name in ("debug", "release")]
    return max((build for build in builds if build.exists()), key=lambda build: build.stat().st_mtime)


def module():
    """SoftHSM's library, where Debian puts it."""
    places = [pathlib.Path("/usr/lib/softhsm/libsofthsm2.so"), *pathlib.Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")]
    return next(place for place in places if place.exists())


class Site:
    """A directory with everything; `people` may be shared between sites."""

    user_pin, officer_pin = USER_PIN, OFFICER_PIN

    def __init__(self, directory, people=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.people = people or self.directory / "people"
        self.custodians = {name: Custodian(self.people, name) for name in NAMES}
        self.erik = Custodian(self.people, "erik")
        self.custody, self.log = self.directory / "custody", self.directory / "log"
        self.id = None
        self.variables = {**os.environ, "SOFTHSM2_CONF": str(self.directory / "softhsm2.conf")}
        self._secret("pin", self.user_pin)
        self._secret("so-pin", self.officer_pin)
        (self.directory / "tokens").mkdir(exist_ok=True)
        (self.directory / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.directory}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")

    def _secret(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)

    def initialise(self, label="vault"):
        """What a vendor's tool would have done."""
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", self.user_pin, "--so-pin", self.officer_pin],
            check=True, stdout=subprocess.DEVNULL, env=self.variables)
        return self

    def configure(self, labels=("vault",)):
        """A configuration under quorum custody, whose paths are relative to the site."""
        tokens = [
            {"module": str(module()), "token": f"pkcs11:token={label}"} for label in labels]
        hsm = {"tokens": tokens} if len(tokens) > 1 else tokens[0]
        configuration = {
            "version": 1, "issuer": "https://vault.example",
            "listeners": {
                "gateway": {"host": "127.0.0.1", "port": 1, "key": "tls", "certificate": "c.pem", "client_ca": "ca.pem",
                            "external_url": "https://127.0.0.1:1"},
                "public": {"host": "127.0.0.1", "port": 2, "key": "tls", "certificate": "c.pem",
                           "external_url": "https://127.0.0.1:2"},
                "ops": {"host": "127.0.0.1", "port": 3}},
            "core": {"front_socket": "front.sock", "admin_socket": "admin.sock", "custody": "quorum",
                     "custody_directory": "custody"},
            "hsm": hsm,
            "keys": [
                {"label": "sign-es256", "purpose": "signing", "alg": "ES256", "types": ["at+jwt"], "max_lifetime": "300s"},
                {"label": "tls", "purpose": "tls", "alg": "ES256"},
                {"label": "checkpoint", "purpose": "checkpoint", "alg": "EdDSA"}],
            "audit": {"directory": "log", "origin": "vault.example/log"},
            "policy": "policy.yaml",
            "clients": [{"id": "gateway", "auth": "tls_client_auth", "san_uri": "spiffe://vault.example/gateway"}],
            "issuers": [
                {"name": "corp", "issuer": "https://idp.example", "roles": ["subject"], "algorithms": ["ES256"],
                 "audiences": ["https://vault.example"], "jwks_file": "idp-jwks.json", "max_subject_age": "1h"}],
            "targets": [{"name": "api", "kind": "jwt", "audience": "https://api.example", "key": "sign-es256",
                         "scopes": ["read"]}],
        }
        return configuration

    def plan(self, **changes):
        """A plan that adopts the token."""
        plan = {
            "ceremony": "genesis", "purpose": "First keys of vault.example", "administrator": "dora", "valid_for": "2h",
            "rehearsal": "waived", "witnesses": [self.erik.person(is_custodian=False)],
            "tokens": [
                {"module": str(module()), "token": "pkcs11:token=vault", "prepare": "adopt",
                 "pin_file": f"{self.directory}/pin", "pin": "replace", "so_pin": "file"}],
            "keys": KEYS + [{"label": "tls", "purpose": "tls", "alg": "ES256"}],
            "custodians": [custodian.person() for custodian in self.custodians.values()], "threshold": 2,
        }
        return plan | changes

    def ceremony(self, verb, *arguments, code=0, variables=None, config=True):
        """Run one subcommand to its end; returns the completed process."""
        process = subprocess.run(
            self.command(verb, *arguments, config=config), capture_output=True, text=True, timeout=600,
            env=self.variables | (variables or {}))
        if code is not None and process.returncode != code:
            raise AssertionError(f"ceremony {verb}: {process.returncode}\n{process.stdout}{process.stderr}")
        return process

    def command(self, verb, *arguments, config=True):
        options = ["--config", self.directory / "config.yaml"] if config else []
        return [str(part) for part in (appliance(), "ceremony", verb, *options, *arguments)]

    def draft(self, plan=None, configuration=None):
        """Write plan and configuration; the ceremony they make is this site's."""
        (self.directory / "config.yaml").write_text(json.dumps(configuration or self.configure()))
        (self.directory / "plan.yaml").write_text(json.dumps(plan or self.plan()))
        progress = json.loads(self.ceremony("draft", "--json", self.directory / "plan.yaml").stdout)
        self.id = progress["id"]
        return progress

    @property
    def place(self):
        return self.custody / "ceremonies" / self.id

    def status(self):
        return json.loads(self.ceremony("status", "--json", self.id).stdout)

    def hand_in(self, file, namespace, names, code=0):
        """The named people sign a file, and the signatures are handed in."""
        people = self.custodians | {"erik": self.erik}
        signatures = [people[name].sign(self.place / file, namespace) for name in names]
        return self.ceremony("approve", self.id, *signatures, code=code)

    def approve(self, names=("anna", "ben")):
        return self.hand_in("plan.json", "plan", names)

    def start(self, verb, variables=None):
        """Run a subcommand beside."""
        return subprocess.Popen(
            self.command(verb, "--json", self.id), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.variables | (variables or {}))

    def go_on(self, verb=None, variables=None, names=("anna", "carla"), hand_over=True):
        """Play everybody's part until the ceremony ends, the process dies, or custodians are to contribute and may not."""
        for _ in range(12):
            status = self.status()
            if status["state"] in ("completed", "aborted", "sealed"):
                return status
            if (status["waiting"] or {}).get("live") is False or self.is_waiting_for_manifest(status):
                self.hand_in("manifest.json", "manifest", self.unsigned(names))
            process = self.start(verb or ("run" if status["state"] == "approved" else "resume"), variables)
            self.serve(process, names, hand_over)
            self.output, self.errors = process.communicate(timeout=300)
            if process.returncode != 0:
                return process.returncode
            verb = None
        raise AssertionError(f"the ceremony does not end: {self.status()}\n{self.output}{self.errors}")

    def is_waiting_for_manifest(self, status):
        """Whether the step before it is done and it is not."""
        standing = {step["name"]: step["standing"] for step in status["steps"]}
        return standing["manifest.draft"] == "done" and standing["manifest.sign"] != "done"

    def unsigned(self, names):
        return [name for name in names if not (self.place / "signatures" / f"manifest-{name}.sig").exists()]

    def serve(self, process, names, hand_over=True):
        """While a process runs: contribute to each request it opens."""
        request, served = self.place / "request" / "request.json", None
        end = time.monotonic() + 300
        while process.poll() is None:
            if time.monotonic() > end:
                process.kill()
                raise AssertionError(f"the process waits for nothing: {self.status()}")
            content = request.read_bytes() if request.exists() else None
            if hand_over and content is not None and content != served and self.is_in_hand_over():
                for name in names:
                    self.custodians[name].contribute(
                        request, self.place / "shares" / f"{name}.age", self.place / "request")
                served = content
            time.sleep(0.05)

    def done(self):
        """The steps that the transcript says are done."""
        done = []
        for line in (self.place / "transcript.jsonl").read_text().splitlines():
            try:
                line = json.loads(line)
            except ValueError:
                continue
            if line["event"] == "done":
                done.append(line["step"])
            if line["event"] == "undone" and line["step"] in done:
                done.remove(line["step"])
        return done

    def is_in_hand_over(self):
        """Before, a request is an earlier process's and nobody's any more."""
        return "manifest.install" in self.done() and "hand-over" not in self.done()

    def final_pin(self, names=("ben", "carla"), serial=None):
        """The PIN that nobody has seen, out of two shares: what custodians could do if all else were lost."""
        secret = combine([
            self.custodians[name].open_share(self.place / "shares" / f"{name}.age") for name in names])
        pins = json.loads((self.custody / "pins-1.json").read_text())
        return unwrap_pin(pins, serial or pins["tokens"][0]["serial"], secret).decode()

    def objects(self, pin, label="vault"):
        """What another program lists on a token."""
        return list_objects(module(), label, pin, {"SOFTHSM2_CONF": self.variables["SOFTHSM2_CONF"]})

    def check_keys(self):
        """Another program reads back every key of every token: it is what the manifest says, and nothing more."""
        manifest = json.loads((self.custody / "manifests" / "1.json").read_text())
        for token in manifest["tokens"]:
            keys = [key for key in manifest["keys"] if key["token"] == token["serial"]]
            found = faults(self.objects(self.final_pin(serial=token["serial"]), token["label"]), keys)
            assert keys and not found, f"{token['label']}: {found}"

    def copy(self, directory):
        """The same site elsewhere, before its ceremony; people are shared."""
        shutil.copytree(self.directory / "tokens", pathlib.Path(directory) / "tokens")
        return Site(directory, people=self.people)
