"""The people around an environment's running core, who hold ceremonies in it by the appliance's own commands."""

import hashlib
import json
import pathlib
import re
import subprocess

from token_keys import member

# The kinds of ceremony after which tokens hold more.
BRINGS_KEYS = ("generate-", "import-", "replicate-", "rotate-epoch-")


class Party:
    """Custodians of an environment; each command is a process of its own. What they write lies in `scratch`."""

    def __init__(self, environment, scratch, quorum=("anna", "ben")):
        self.environment = environment
        self.scratch = pathlib.Path(scratch)
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.quorum = quorum
        self.custody = environment.directory / "custody"

    def home(self, name):
        return self.environment.directory / "custodians" / name

    def run(self, *arguments, code=0, answers=None):
        """Run a command to its end, with what a person would type; returns all it said. Without a `code` it may fail."""
        done = subprocess.run(
            [self.environment.directory / "run" / "vault-appliance", *map(str, arguments)], capture_output=True, text=True,
            timeout=600, input=answers)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def ceremony(self, command, *arguments, code=0):
        return self.run("ceremony", command, "--config", self.environment["VAULT_CONFIG"], *arguments, code=code)

    def status(self, identifier):
        return json.loads(self.ceremony("status", "--json", identifier))

    def appliance(self):
        """What `status` says of the core, well or not."""
        return json.loads(self.environment.appliance("status", "--config", self.environment["VAULT_CONFIG"], "--json").stdout)

    def place(self, identifier):
        return self.custody / "ceremonies" / identifier

    def plan(self, kind, *answers, more="", rehearsed=True, config=None, code=0):
        """Let `ceremony plan` ask and write the plan; `more` is what a person adds by hand, who may waive the rehearsal.

        Returns the file, or what was said where it ends with another `code`.
        """
        number = len(list(self.scratch.glob(f"{kind}-*.yaml"))) + 1
        path = self.scratch / f"{kind}-{number}.yaml"
        # Why, who runs it, how long it is good, no witnesses.
        opening = (f"A {kind} of a test", "dora", "2h", "")
        said = self.run(
            "ceremony", "plan", "--config", config or self.environment["VAULT_CONFIG"], "--out", path, kind, code=code,
            answers="".join(f"{answer}\n" for answer in (*opening, *answers)))
        if code != 0:
            return said
        text = path.read_text() + more
        if not rehearsed:
            text = text.replace("rehearsal: required", "rehearsal: waived")
        path.write_text(text)
        return path

    def draft(self, plan, rehearse=None):
        """Validate, draft, rehearse where the plan demands it (or as told), approve; returns the ceremony's id."""
        self.ceremony_without_configuration("validate", plan)
        identifier = re.search(r'"id":"([^"]*)"', self.ceremony("draft", "--json", plan))[1]
        if "rehearsal: required" in plan.read_text() if rehearse is None else rehearse:
            self.ceremony("rehearse", identifier)
        self.sign(identifier, "plan.json")
        return identifier

    def ceremony_without_configuration(self, command, *arguments, code=0):
        return self.run("ceremony", command, *arguments, code=code)

    def sign(self, identifier, document, names=None):
        """The named custodians read and sign a document, and the administrator hands the signatures in."""
        signatures = []
        for name in names or self.quorum:
            target = self.scratch / f"{name}-{document}.sig"
            target.unlink(missing_ok=True)
            self.run(
                "custodian", "approve", "--home", self.home(name), "--yes", "--out", target,
                self.place(identifier) / document)
            signatures.append(target)
        return self.ceremony("approve", identifier, *signatures)

    def pin(self, name):
        """What a custodian's tool remembers of the appliance; None before it knows one."""
        pins = list(self.home(name).glob("appliances/*/pin.json"))
        return json.loads(pins[0].read_text()) if pins else None

    def contribute(self, name, request, *arguments, code=0):
        """A custodian compares the words and contributes; the administrator hands it in."""
        words = re.search(r"Words: (\S+)\.", (request / "README").read_text())[1]
        answer = self.scratch / f"{name}.age"
        text = self.run(
            "custodian", "contribute", "--home", self.home(name), "--request", request, "--words", words, "--out", answer,
            *arguments, code=code)
        if code == 0:
            self.run("activate", "--config", self.environment["VAULT_CONFIG"], "--submit", answer)
        return text

    def go_on(self, identifier, verb="run", answer=None):
        """Run or resume, playing everybody's part, until it has ended; returns its last state.

        What is neither a signature nor a share is asked of `answer`.
        """
        for _ in range(12):
            self.ceremony(verb, identifier)
            verb = "resume"
            status = self.status(identifier)
            if status["state"] in ("completed", "aborted", "sealed"):
                return status
            wait = status["waiting"]
            if wait is None:
                continue
            request = self.place(identifier) / "request"
            if wait["files"] == [str(request)]:
                for name in [name for name in ("anna", "ben", "carla") if name in wait["missing"]][:wait["needed"]]:
                    # Of a new epoch they have no other share yet.
                    share = self.place(identifier) / "shares" / f"{name}.age"
                    self.contribute(name, request, *(("--share", share) if share.exists() else ()))
            elif answer is None or wait["files"] == [str(self.place(identifier) / "manifest.json")]:
                # Who died after a signature was taken finds it taken.
                self.sign(identifier, "manifest.json", [name for name in self.quorum if name in wait["missing"]])
            else:
                answer(identifier, wait)
        raise AssertionError(f"the ceremony does not end: {status}")

    def close(self, identifier):
        """The head is signed, and everything is verified offline; returns the transcript's evidence by step.

        Where it made or brought keys, another program reads them all back.
        """
        self.sign(identifier, "head.json")
        said = self.ceremony_without_configuration(
            "verify", "--manifests", self.custody / "manifests", self.place(identifier))
        if "sealed" not in said:
            raise AssertionError(said)
        if identifier.startswith(BRINGS_KEYS) and "aborted" not in said:
            self.environment.check_keys()
        return self.evidence(identifier)

    def begin_import(self, label, token, method="unwrap", rehearsed=True):
        """The plan for a GitHub App's key up to where it waits for the key: the ceremony and the PEM file."""
        # On the custodian's computer, never on the appliance's.
        pem = self.scratch / "custodians-machine" / f"{label}.pem"
        pem.parent.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", pem, "2048"], check=True, capture_output=True)
        pem.chmod(0o600)
        spki = subprocess.run(
            ["openssl", "rsa", "-in", pem, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        identifier = self.draft(self.plan(
            "import", label, "Iv23liExample", token, method, hashlib.sha256(spki).hexdigest(), "GitHub, App acme",
            rehearsed=rehearsed))
        said = self.ceremony("run", identifier)
        wanted = "transport.json" if method == "unwrap" else "import.pem"
        if wanted not in said:
            raise AssertionError(said)
        return identifier, pem

    def wrap(self, identifier, pem):
        """A custodian wraps the key on the machine that has it; returns the file for the administrator."""
        wrapped = pem.with_suffix(".wrapped.json")
        wrapped.unlink(missing_ok=True)
        self.run(
            "custodian", "wrap-key", "--home", self.home("anna"), "--transport", self.place(identifier) / "transport.json",
            "--pem", pem, "--out", wrapped)
        return wrapped

    def evidence(self, identifier):
        """What the transcript says of each step that is done."""
        lines = map(json.loads, (self.place(identifier) / "transcript.jsonl").read_text().splitlines())
        return {line["step"]: line["data"] for line in lines if line["event"] == "done"}

    def hold(self, plan, **options):
        """A whole ceremony, from the plan to the sealed transcript."""
        identifier = self.draft(plan, **options)
        status = self.go_on(identifier)
        if status["state"] != "completed":
            raise AssertionError(status)
        return self.close(identifier)

    def objects(self, label, pin):
        """What pkcs11-tool sees on a token of the environment: kind and label of each object, and what it says of it."""
        objects = self.environment.objects(label, pin)
        return {(text.split(" Object")[0], member(text, "label")): text for text in objects}
