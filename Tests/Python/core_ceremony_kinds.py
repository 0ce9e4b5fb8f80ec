"""The ceremonies that campaign_core_ceremony.py kills: what each finds, its plan, what people do, what remains after."""

import contextlib
import hashlib
import os
import pathlib
import re
import subprocess

from environment import wait_until

# What an ended ceremony's directory holds whatever kind it is.
RECORD = (
    r"plan\.json|approvals/\w+\.sig|transcript\.jsonl|recorded|lock|head\.json|signatures/transcript-\w+\.sig|"
    r"request/(README|host\.allowed_signers|request\.json(\.sig)?|manifests/\d+\.json)")


class Kind:
    """One kind of ceremony; its base is an appliance of two tokens with a sealed secret."""

    name = ""
    # Whether a manifest comes into force.
    changes = True
    # The parts of the environment whose calls are killed.
    places = ("custody", "tokens")
    endings = ("resume", "abort")
    # What an aborted ceremony may leave in its directory beside its record.
    record = ""
    # What one that was killed may lack.
    optional = "(?!)"

    def __init__(self, site):
        self.site, self.party = site, site.party

    @property
    def record_installed(self):
        """The same where its manifest came into force: what it was signed by, and what it was made of."""
        return rf"{self.record}|manifest\.json|signatures/manifest-\w+\.sig|work/[\w.-]+\.json"

    def prepare(self):
        """What must be there before the plan is made."""

    def plan(self):
        raise NotImplementedError

    def draft(self):
        return self.party.draft(self.plan())

    def begin(self, identifier):
        """What comes before the calls that count."""
        self.site.activate()

    def hold(self, identifier):
        """All of it, to the state in which it ends."""
        status = self.party.go_on(identifier, answer=self.answer)
        assert status["state"] == "completed", status
        return "completed"

    def answer(self, identifier, wait):
        """Do what a wait asks that is no signature and no share."""
        raise AssertionError(f"nobody knows what to do: {wait}")

    def recover(self):
        """What people do after a start."""
        self.site.activate()

    def end(self, identifier, ending):
        """Go on to the end, or abort; returns how it ended."""
        state = self.party.status(identifier)["state"]
        if state == "completed":
            return state
        if ending == "abort" and self.abort(identifier):
            return "aborted"
        status = self.party.go_on(identifier, "run" if state == "approved" else "resume", answer=self.answer)
        assert status["state"] == "completed", status
        return "completed"

    def abort(self, identifier):
        self.party.ceremony(
            "abort", identifier, "--reason", "the power went", "--key", self.party.home("anna") / "id_ssh")
        assert (state := self.party.status(identifier)["state"]) == "aborted", state
        return True

    def close(self, identifier):
        """The transcript's head is signed, and all of it verified offline."""
        self.party.close(identifier)

    def kept(self, identifier):
        """What an abort says that it has left."""
        return self.site.transcript(identifier)[-1]["data"].get("kept", [])

    def inventories(self, kept):
        """The label, PIN and objects of each token that must hold exactly what the manifest in force says."""
        for token in self.site.manifest()["tokens"]:
            yield token["label"], self.site.pin(token["serial"]), self.site.wanted(token["serial"])

    def check(self, ended, kept):
        """What else must be true of this kind."""


class Drill(Kind):
    name, changes = "drill", False
    # Who has proven a share has.
    record = r"|work/proof\.\w+\.json"

    def plan(self):
        return self.party.plan("drill", "", rehearsed=False)


class AuditVerify(Kind):
    name, changes = "audit-verify", False

    def plan(self):
        return self.party.plan("audit-verify", rehearsed=False)


class Generate(Kind):
    name = "generate"

    def plan(self):
        return self.party.plan(
            "generate", "another", "", "tls", "ES256", self.site.first, self.site.second, "", rehearsed=False)


class Abort(Generate):
    """Such a ceremony is aborted while it waits for the second signature of its manifest, and that is what is killed."""

    name = "abort"

    def begin(self, identifier):
        super().begin(identifier)
        self.party.ceremony("run", identifier)
        self.party.sign(identifier, "manifest.json", ["anna"])

    def hold(self, identifier):
        self.abort(identifier)
        return "aborted"

    def end(self, identifier, ending):
        state = self.party.status(identifier)["state"]
        if state != "aborted" and ending == "abort":
            self.abort(identifier)
        elif state != "aborted":
            # Once it was ordered and written down, an abort is what a resume goes on with.
            last = self.site.transcript(identifier)[-1]["event"]
            if last in ("aborting", "undone"):
                self.party.ceremony("resume", identifier)
                assert (state := self.party.status(identifier)["state"]) == "aborted", state
            else:
                return super().end(identifier, ending)
        return "aborted"


class ChangeKeyState(Kind):
    """One key is prepublished, one promoted, one retired, one destroyed, all by one plan."""

    name = "change-key-state"
    # That a key was destroyed stays on record: nothing brings it back.
    record = r"|work/destroyed\.\d+\.json"
    # What C_DestroyObject said dies with the process that called it.
    optional = r"/work/destroyed\.\d+\.json$"

    def prepare(self):
        change(self.party, {self.site.kid("sign-rs256", self.site.second): "retired"})
        self.site.clock.move(400)

    def plan(self):
        return plan_of_changes(self.party, {
            self.site.kid("spare", self.site.first): "prepublished",
            self.site.kid("sign-es256", self.site.second): "active",
            self.site.kid("sign-eddsa", self.site.second): "retired",
            self.site.kid("sign-rs256", self.site.second): "destroyed",
        }, more="consumer_cache_age: 5m\n")

    def inventories(self, kept):
        gone = any("sign-rs256 is gone" in remark for remark in kept)
        unknown = any("sign-rs256 may be gone" in remark for remark in kept)
        for label, pin, objects in super().inventories(kept):
            if label == "vault-2" and (gone or unknown):
                left = self.site.inventory(label, pin) if unknown else []
                objects = [item for item in objects if item[1] != "sign-rs256" or item in left]
            yield label, pin, objects


class ImportUnwrap(Kind):
    """A GitHub App's key, wrapped on the custodian's machine."""

    name, method = "import-unwrap", "unwrap"

    def __init__(self, site):
        super().__init__(site)
        self.pem = site.folder / "custodians-machine" / f"{self.name}.pem"

    def plan(self):
        # On the custodian's computer, never on the appliance's.
        self.pem.parent.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", self.pem, "2048"], check=True, capture_output=True)
        self.pem.chmod(0o600)
        spki = subprocess.run(
            ["openssl", "rsa", "-in", self.pem, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        return self.party.plan(
            "import", "github-app", "Iv23liExample", self.site.first, self.method, hashlib.sha256(spki).hexdigest(),
            "GitHub, App acme", rehearsed=False)

    def answer(self, identifier, wait):
        place = self.party.place(identifier)
        if wait["files"] == [str(place / "transport.json")]:
            wrapped = self.pem.with_suffix(".wrapped.json")
            wrapped.unlink(missing_ok=True)
            self.party.run(
                "custodian", "wrap-key", "--home", self.party.home("anna"), "--transport", place / "transport.json", "--pem",
                self.pem, "--out", wrapped)
            self.party.ceremony("hand-in", identifier, wrapped)
        else:
            assert wait["files"] == [str(place / "import.pem")], wait
            subprocess.run(["install", "-m", "600", self.pem, place / "import.pem"], check=True)

    def check(self, ended, kept):
        """Nothing of the PEM is on the appliance."""
        canary = "".join(self.pem.read_text().splitlines()[12:14]).encode()
        for path in self.site.environment.directory.rglob("*"):
            if path.is_file():
                assert canary not in path.read_bytes().replace(b"\n", b""), path


class ImportCreate(ImportUnwrap):
    """The same in clear, by C_CreateObject in a process of its own."""

    name, method = "import-create", "create"


class Replicate(Kind):
    """A third token, initialised by the ceremony, its SO PIN burnt."""

    name = "replicate"
    # What is known of a token that an abort leaves with a PIN that nobody has: its transcript says that it does.
    record = r"|work/(token|token\.begun|keys)\.json"

    def plan(self):
        return replicate(self.site, "vault-3")

    def check(self, ended, kept):
        """Without its manifest, a token that was initialised is what the transcript says is left."""
        listed = subprocess.run(
            ["softhsm2-util", "--show-slots"], check=True, capture_output=True, text=True,
            env=os.environ | {"SOFTHSM2_CONF": self.site.environment["SOFTHSM2_CONF"]}).stdout
        is_there = re.search(r"Label: +vault-3\s", listed) is not None
        assert is_there == (ended == "completed") or kept, f"the token vault-3 is there: {is_there}; {kept}"


class RemoveToken(Kind):
    name = "remove-token"

    def prepare(self):
        labels = ("sign-es256", "sign-rs256", "sign-eddsa", "sign-ps256")
        change(self.party, {self.site.kid(label, self.site.second): "retired" for label in labels})
        self.pin = self.site.pin(self.site.second)

    def plan(self):
        return self.party.plan("remove-token", self.site.second, "true", rehearsed=False)

    def end(self, identifier, ending):
        try:
            return super().end(identifier, ending)
        except AssertionError as refusal:
            # A core that was started anew opens no token that its manifest does not name: it says what to do instead.
            if ending != "resume" or "abort this ceremony" not in " ".join(str(refusal).split()):
                raise
            return super().end(identifier, "abort")

    def inventories(self, kept):
        yield from super().inventories(kept)
        # Its keys are gone with it, unless whoever ended the ceremony before that was told.
        if all(token["serial"] != self.site.second for token in self.site.manifest()["tokens"]):
            if not any("destroy" in remark for remark in kept):
                yield "vault-2", self.pin, []


class RotateEpoch(Kind):
    """The same custodians get shares of another secret, tokens other PINs, the appliance another host key."""

    name = "rotate-epoch"

    def plan(self):
        enrolments = [self.party.home(name) / "enrolment.json" for name in ("anna", "ben", "carla")]
        return self.party.plan("rotate-epoch", *enrolments, "", "2", "", "true", rehearsed=False)

    def recover(self):
        # Where a token has its new PIN already, the ceremony itself goes on in a sealed core.
        with contextlib.suppress(AssertionError):
            self.site.activate()

    def abort(self, identifier):
        """Refused where the tokens could be left with PINs that nobody in force can open."""
        said = self.party.ceremony(
            "abort", identifier, "--reason", "the power went", "--key", self.party.home("anna") / "id_ssh", code=None)
        state = self.party.status(identifier)["state"]
        assert state == "aborted" or "go on to the end" in said, said
        return state == "aborted"


class ByCeremony(Kind):
    """An activation by a ceremony of its own."""

    name, changes = "activate", False

    def plan(self):
        return self.party.plan("activate", "30m", rehearsed=False)

    def begin(self, identifier):
        """The core stays sealed."""

    def recover(self):
        """It is still."""


class Activation(Kind):
    """An activation without a ceremony; also where the log's calls are killed."""

    name, changes = "activation", False
    places, endings = ("custody", "tokens", "log"), ("again",)

    def draft(self):
        return None

    def begin(self, identifier):
        """The core stays sealed."""

    def hold(self, identifier):
        self.site.activate()
        return "completed"

    def recover(self):
        """The next custodians' request is what comes then."""

    def end(self, identifier, ending):
        if self.site.is_sealed:
            self.site.activate()
        return "completed"

    def close(self, identifier):
        """There is no transcript."""

    def kept(self, identifier):
        return []


KINDS = {kind.name: kind for kind in (
    Generate, Abort, ChangeKeyState, ImportUnwrap, ImportCreate, Replicate, RemoveToken, RotateEpoch, Drill, AuditVerify,
    ByCeremony, Activation)}


def build_base(site):
    """A second token, a sealed secret, a key that never signed: what ceremonies can be held about."""
    party = site.party
    configure_tokens(site, "vault-2", "vault-3")
    site.start()
    site.activate()
    site.second = party.hold(replicate(site, "vault-2"))["token"]["token"]
    party.hold(party.plan(
        "generate", "spare", "", "signing", "ES256", "", "at+jwt", "", "", site.first, "", more="prepublish: false\n",
        rehearsed=False))
    value = site.secret_file("value", "Grau-teurer-Freund-ist-alle-Theorie")
    key = party.home("anna") / "id_ssh"
    site.environment.run(
        "secret", "seal", "--config", site.environment["VAULT_CONFIG"], "--home", party.home("anna"), "--key", key, "slack",
        "--file", value)
    wait_until(site.mints, "the front mints")
    site.stop()
    site.keep("base")


def configure_tokens(site, *labels):
    """Let the configuration name more tokens, which are not there yet."""
    path, module = pathlib.Path(site.environment["VAULT_CONFIG"]), site.environment["VAULT_MODULE"]
    tokens = "".join(f', {{module: "{module}", token: "pkcs11:token={label}"}}' for label in labels)
    lines = [
        f"hsm: {{tokens: [{line.removeprefix('hsm: ')}{tokens}]}}" if line.startswith("hsm: {module") else line
        for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")


def replicate(site, label):
    officer = site.secret_file(f"so-pin-{label}", f"officer-canary-{label}")
    return site.party.plan(
        "replicate", site.environment["VAULT_MODULE"], f"pkcs11:token={label}", "initialise", "burn", officer,
        rehearsed=False)


def plan_of_changes(party, changes, more=""):
    return party.plan("change-key-state", *changes, "", *changes.values(), more=more, rehearsed=False)


def change(party, changes):
    return party.hold(plan_of_changes(party, changes))


def leftovers(names, identifier, others):
    """The files that are no part of an ended ceremony's record."""
    own = re.compile(rf"ceremonies/{identifier}/({RECORD}{others})|manifests/\d+\.json")
    return sorted(name for name in names if not own.fullmatch(name))
