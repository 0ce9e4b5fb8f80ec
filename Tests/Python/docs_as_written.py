#!/usr/bin/env python3
"""The commands of docs/integrating.md, docs/kinds.md, docs/audit.md, docs/operating.md and docs/custodians.md, taken out of the text and run as they stand.

Each command that is named here must stand in its document, so that neither can change without the other.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import unittest
import uuid

import jwt

import summary
from environment import ROOT, module_environment, sign, wait_until
from gateway_client import get
from log_entries import read_entries

environment = work = None


def setUpModule():
    global environment, work
    environment = module_environment("docs as written ")
    work = environment.directory.parent / "reader"
    work.mkdir()
    (work / "user.jwt").write_text(environment.user_token())
    (work / "agent.jwt").write_text(environment.agent_token())


def commands(document):
    """The indented blocks of a document, by what each begins with; continued lines belong together."""
    text = (ROOT / "docs" / document).read_text()
    blocks = re.findall(r"(?:^    .+\n(?:\n(?=    ))?)+", text, re.MULTILINE)
    return ["\n".join(line[4:] for line in block.splitlines()) for block in blocks]


def block(document, beginning):
    """The one indented block that begins so."""
    found = [each for each in commands(document) if each.startswith(beginning)]
    assert len(found) == 1, f"{document} has {len(found)} blocks that begin with {beginning!r}"
    return found[0]


def run(script, code=0, **variables):
    """Run a script as a reader would, in a directory of their own, with `DIR/env` read and values for F, FILE, LOG and JTI."""
    words = {
        "F": environment["VAULT_CONFIG"], "FILE": environment["VAULT_LOG_VKEY"], "LOG": environment["VAULT_LOG_DIR"]}
    script = re.sub(r"(?<=[ =])(F|FILE|LOG|JTI)(?=[ \n)]|$)", r'"$\1"', script)
    done = subprocess.run(
        ["bash", "-euc", f'. "$0"\n{script}', str(environment.directory / "env")], cwd=work, capture_output=True,
        text=True, timeout=300, env=os.environ | words | variables)
    if done.returncode != code:
        raise AssertionError(f"{script}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Integrating(unittest.TestCase):
    def exchange(self, change=lambda script: script):
        script = change(block("integrating.md", "jwt=urn:ietf:params:oauth:token-type:jwt"))
        answer = json.loads(run(script))
        (work / "token.jwt").write_text(answer["access_token"])
        return jwt.decode(answer["access_token"], options={"verify_signature": False})

    def test_1_a_token_by_certificate_is_asked_about_and_given_up(self):
        claims = self.exchange()
        self.assertEqual(claims["authorization_details"][0]["tool"], "crm.read_account")
        ask = block("integrating.md", 'curl --cacert "$VAULT_CA" --cert server.pem')
        for suffix, name in (("", "GATEWAY_CERT"), ("-key", "GATEWAY_KEY")):
            (work / f"server{suffix}.pem").write_text(pathlib.Path(environment[name]).read_text())
        self.assertTrue(json.loads(run(ask))["active"])
        self.assertEqual(run(block("integrating.md", 'curl --cacert "$VAULT_CA" --cert "$GATEWAY_CERT" --key "$GATEWAY_KEY" "$VAULT_URL/oauth2/revoke"')), "")
        self.assertEqual(run(ask), '{"active":false}')

    def test_2_a_token_by_an_assertion_that_openssl_signs(self):
        run(block("integrating.md", "b64() {"))
        name = re.search(r"for a client `(\{id: gateway-shell, .*?\})`", (ROOT / "docs/integrating.md").read_text())[1]
        (environment.directory / "gateway-shell.json").write_text((work / "gateway-shell.json").read_text())
        config = pathlib.Path(environment["VAULT_CONFIG"])
        config.write_text(config.read_text().replace("issuers:\n", f"  - {name}\nissuers:\n", 1))
        policy = environment.directory / "policy.yaml"
        policy.write_text(policy.read_text().replace("gateway-jwt]", "gateway-jwt, gateway-shell]"))
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        fields = block("integrating.md", "-d client_assertion_type=")

        def instead(script):
            return re.sub(r' --cert "\$GATEWAY_CERT" --key "\$GATEWAY_KEY"(.*)', r"\1", script).replace(
                "    -d grant_type", f"{fields} \\\n    -d grant_type", 1)

        assertion = block("integrating.md", "b64() {").partition("now=")

        def granted():
            # Each assertion is good once, also for a front that does not know the client yet.
            run("b64() { basenc --base64url -w0 | tr -d =; }\n" + assertion[1] + assertion[2])
            try:
                return self.exchange(instead)["client_id"] == "gateway-shell"
            except KeyError:
                return False

        wait_until(granted, "the front has read the new client")


class Kinds(unittest.TestCase):
    def setUp(self):
        first, self.setting = block("kinds.md", "scripts/dev-up /tmp/vault").split("\n", 1)
        self.assertTrue(first.endswith("source /tmp/vault/env"))

    def answers(self, script):
        """Every answer of a block, each with a token in it."""
        answers = run(self.setting + "\n" + script).replace("}{", "}\n{").splitlines()
        for answer in answers:
            self.assertIn("access_token", json.loads(answer), script)
        return [json.loads(answer) for answer in answers]

    def claims(self, beginning):
        answers = self.answers(block("kinds.md", beginning))
        return [jwt.decode(answer["access_token"], options={"verify_signature": False}) for answer in answers]

    def test_every_kind_of_target_gives_its_token(self):
        self.assertEqual(self.claims("exchange -d audience=trust")[0]["aud"], "https://trust.acme.example")
        self.assertIn("receipt", self.answers(block("kinds.md", "exchange -d audience=demo-api --data-urlencode \"$read\" -d receipt"))[0])
        self.assertIn("client_id", self.claims("exchange --data-urlencode resource=https://api.chat.example/rooms")[0])
        self.assertEqual(self.claims("exchange -d audience=aws")[0]["aud"], "sts.amazonaws.com")
        self.assertEqual(len(self.claims("exchange -d audience=aws")), 2)
        (short,) = self.claims("exchange -d audience=demo-api --data-urlencode \"$read\" -d expires_in=10")
        self.assertEqual(short["exp"] - short["iat"], 10)

    def test_a_token_is_handed_on_redeemed_and_asked_for_oneself(self):
        self.assertEqual(self.claims("token=$(exchange")[0]["aud"], "https://crm.acme.example")
        assertion = sign(environment["PARTNER_JWK"], {
            "iss": environment["PARTNER_ISSUER"], "sub": "pat", "aud": environment["VAULT_ISSUER"],
            "client_id": "gateway-mcp", "jti": str(uuid.uuid4()), "resource": "https://demo-api.acme.example/",
            "iat": int(time.time()), "exp": int(time.time()) + 60}, typ="oauth-id-jag+jwt")
        script = block("kinds.md", "assertion=... # an ID-JAG").replace("assertion=...", f"assertion={assertion}", 1)
        self.assertEqual(len(self.answers(script)), 1)
        self.assertTrue(self.claims("vault -d grant_type=client_credentials")[0]["sub"].startswith("client:"))


class Auditing(unittest.TestCase):
    def test_a_copy_is_verified_a_credential_proved_and_the_log_read(self):
        answer = json.loads(run(block("integrating.md", "jwt=urn:ietf:params:oauth:token-type:jwt")))
        claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
        wait_until(
            lambda: any(e.get("jti") == claims["jti"] for e in read_entries(environment["VAULT_LOG_DIR"])),
            "a checkpoint covers the mint")
        self.assertIn("fetched", run(block("audit.md", "vault-appliance audit fetch copy --config F")))
        verify = block("audit.md", "vault-appliance audit verify --log copy --vkey FILE\n").splitlines()
        self.assertIn("whole", run(verify[0]))
        run("cp copy/checkpoint kept-checkpoint")
        self.assertIn("whole", run(verify[2]))
        manifests = sorted((environment.directory / "custody" / "manifests").glob("[0-9]*.json"))
        (work / "manifest.json").write_bytes(manifests[0].read_bytes())
        self.assertIn("genesis", run(verify[1] + " 2>&1"))
        prove, check = block("audit.md", "vault-appliance audit prove --log copy --jti JTI").splitlines()
        run(prove, JTI=claims["jti"])
        self.assertIn("good", run(check))
        self.assertEqual(json.loads((work / "entry.json").read_text())["jti"], claims["jti"])
        reading = block("audit.md", "vault-appliance audit tail --log copy --user alice").splitlines()
        self.assertIn("crm.read_account", run(reading[0]))
        one = run(f"vault-appliance audit tail --log copy --jti {claims['jti']}")
        request = re.search(r"request ([0-9a-f]{32})", one)[1]
        self.assertEqual(run(f"vault-appliance audit tail --log copy --request {request}"), one)
        self.assertRegex(one, rf"^\d+  \S+  mint  [^\n]* jti {claims['jti']}[^\n]*\n$")
        for command in ("tail --log", "export --log", "prove --jti x --log", "access --config F --log"):
            self.assertIn("is no log", run(f"vault-appliance audit {command} . 2>&1", code=1))
        run("vault-appliance audit tail --log copy --kind mnit", code=64)
        access = run(reading[2])
        self.assertIn("users: none: a client asks for itself", access)
        self.assertIn("users_issuer: corp", access)
        self.assertIn("scopes: accounts:read", access)
        self.assertIn("crm-read", run(reading[2]))
        run(reading[3])
        run(reading[4])
        leaves = [json.loads(each) for each in (work / "entries.jsonl").read_text().splitlines()]
        self.assertIn(claims["jti"], [leaf.get("entry", {}).get("jti") for leaf in leaves])


class Administering(unittest.TestCase):
    def test_the_clock_is_vouched_for_under_the_name_of_who_signs(self):
        key = environment.directory / "custodians" / "anna" / "id_ssh"
        accept = block("audit.md", "vault-appliance audit accept-time --config F --key KEY").replace("KEY", f"'{key}'")
        self.assertIn("accepted", run(accept))
        found = run('vault-appliance audit tail --log LOG --kind log.time-accepted')
        self.assertRegex(found, "by anna SHA256:")
        name = re.sub("--key '[^']*'", "--operator carol", accept)
        with self.assertRaisesRegex(AssertionError, "core.custody is quorum"):
            run(name)
        prune = block("audit.md", "vault-appliance audit prune --config F --key KEY").replace("KEY", f"'{key}'")
        with self.assertRaisesRegex(AssertionError, "no such closed shard"):
            run(prune)


class Enrolling(unittest.TestCase):
    def test_who_enrols_with_stock_tools_writes_the_file_that_the_command_would(self):
        home = work / "stock"
        home.mkdir()
        script = block("custodians.md", "mkdir -m 700 ~/.vault-custodian")
        # No terminal: the passphrase is empty, twice.
        done = subprocess.run(
            ["bash", "-euc", script], env=os.environ | {"HOME": str(home)}, input="\n\n", capture_output=True, text=True,
            start_new_session=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        written = home / ".vault-custodian" / "enrolment.json"
        by_hand = written.read_bytes()
        written.unlink()
        run(f"vault-appliance custodian enrol --home '{written.parent}' anna")
        self.assertEqual(written.read_bytes(), by_hand)


class Operating(unittest.TestCase):
    def test_secrets_are_sealed_listed_turned_and_taken_away(self):
        home = environment.directory / "custodians" / "anna"
        person = f"--home '{home}' --key '{home}/id_ssh'"
        lines = block("operating.md", "vault-appliance secret seal   --config FILE NAME --file VALUE").splitlines()
        (work / "value").write_text("s3cret")
        (work / "value").chmod(0o600)

        def secret(number):
            text = lines[number].partition("#")[0].replace("FILE", '"$F"').replace("NAME", "crm-refresh")
            return run(text.replace("VALUE", "value") + (" " if number == 2 else f" {person}"))

        secret(0)
        self.assertIn("crm-refresh", secret(2))
        secret(3)
        self.assertNotIn("s3cret", secret(2))
        secret(4)
        self.assertNotIn("crm-refresh", secret(2))


if __name__ == "__main__":
    summary.run("docs as written")
