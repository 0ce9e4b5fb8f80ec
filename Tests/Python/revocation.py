#!/usr/bin/env python3
"""Revocation, introspection, events and cut-offs from outside: at once, and the same after either process is lost."""

import http.client
import json
import pathlib
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse
import uuid

import jwt

import summary
from environment import Stopwatch, module_environment, wait_until
from gateway_client import GatewayClient, get, tls_context, tool
from log_entries import read_entries

READ = tool("crm.read_account", "read")
BROKEN = (OSError, ssl.SSLError, http.client.HTTPException)
INACTIVE = '{"active":false}'
EVENT = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
NAMESPACE = "cutoff@vault-appliance"

environment = None


def keygen(*arguments, **options):
    return subprocess.run(["ssh-keygen", *map(str, arguments)], check=True, capture_output=True, text=True, **options)


def setUpModule():
    """An environment with a person on call, a resource server that may ask, and a transmitter of events."""
    global environment
    environment = module_environment("vault revocation ")
    keys = environment.directory / "keys"
    keys.mkdir()
    for name in ("anna", "stranger"):
        keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", keys / name)
    (environment.directory / "on-call.signers").write_text(f"anna {(keys / 'anna.pub').read_text()}")
    (environment.directory / "on-call.signers").chmod(0o600)
    path = pathlib.Path(environment["VAULT_CONFIG"])
    text = path.read_text()
    for old, new in (
        ("custody_directory: custody}", "custody_directory: custody, on_call: on-call.signers}"),
        ("issuers:\n", '  - {id: demo-server, auth: tls_client_auth, san_uri: "spiffe://acme.example/stranger",'
         " introspects: [demo-api]}\nissuers:\n"),
        ("targets:\n", "  - {name: caep, issuer: https://caep.acme.example, roles: [events],"
         f' audiences: ["{environment["VAULT_ISSUER"]}"], algorithms: [ES256], jwks_file: idp/idp-jwks.json,'
         " events_for: [corp]}\ntargets:\n"),
    ):
        if old not in text:
            raise AssertionError(f"the configuration has no {old!r}")
        text = text.replace(old, new, 1)
    path.write_text(text)
    environment.restart("core")
    environment.restart("front")


def ready():
    wait_until(lambda: get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[0] == 200, "the front is ready")


def lose(process):
    """Kill a process as a crash would, and start it again."""
    environment.kill({"front": "VAULT_PID", "core": "VAULT_CORE_PID"}[process])
    environment.restart(process)
    ready()


class Case(unittest.TestCase):
    def setUp(self):
        self.user = f"user-{uuid.uuid4().hex[:8]}"
        self.connect()

    def connect(self):
        self.gateway, self.server = GatewayClient(environment), GatewayClient(environment, "STRANGER")
        self.addCleanup(self.gateway.close)
        self.addCleanup(self.server.close)

    def mint(self):
        status, body = self.gateway.exchange(user=environment.user_token(self.user), authorization_details=READ)
        self.assertEqual(status, 200, body)
        return body["access_token"]

    def introspect(self, token, client=None):
        status, body = (client or self.server).post({"token": token}, "/oauth2/introspect")
        self.assertEqual(status, 200, body)
        return body

    def revoke(self, token, client=None):
        return (client or self.gateway).post({"token": token, "token_type_hint": "access_token"}, "/oauth2/revoke")

    def refused(self, user=None):
        status, body = self.gateway.exchange(
            user=user or environment.user_token(self.user), authorization_details=READ)
        self.assertEqual((status, body.get("error")), (400, "access_denied"), body)

    def cutoff(self, *arguments, key="anna"):
        signing = () if key is None else ("--key", environment.directory / "keys" / key)
        return environment.appliance("cutoff", "--config", environment["VAULT_CONFIG"], *arguments, *signing)

    def after_each_loss(self, check):
        """What is in force is in force after each process was killed and started again."""
        check()
        for process in ("front", "core"):
            with self.subTest(f"the {process} was killed"):
                lose(process)
                self.connect()
                check()


class Introspection(Case):
    def test_an_active_token_is_described_to_its_resource_server_alone(self):
        token = self.mint()
        body = self.introspect(token)
        claims = jwt.decode(token, options={"verify_signature": False})
        self.assertTrue(body["active"])
        for name in ("iss", "sub", "aud", "client_id", "scope", "exp", "iat", "jti", "act", "cnf",
                     "authorization_details"):
            self.assertEqual(body[name], claims[name], name)
        self.assertEqual(self.introspect(token, self.gateway)["jti"], claims["jti"])
        self.assertEqual(self.introspect(environment.user_token()), json.loads(INACTIVE))
        nobody = GatewayClient(environment, None)
        self.addCleanup(nobody.close)
        status, body = nobody.post({"token": token}, "/oauth2/introspect")
        self.assertEqual((status, body["error"]), (401, "invalid_client"))

    def test_an_expired_token_is_inactive(self):
        agent = environment.agent_token(exp=int(time.time()) + 15)
        status, body = self.gateway.exchange(
            user=environment.user_token(self.user), agent=agent, authorization_details=READ)
        self.assertEqual(status, 200, body)
        self.assertTrue(self.introspect(body["access_token"])["active"])
        wait_until(lambda: self.introspect(body["access_token"]) == json.loads(INACTIVE), "it has expired")

    def test_metadata_names_the_endpoints(self):
        text = get(environment, environment["VAULT_ISSUER"] + "/.well-known/oauth-authorization-server")[1]
        for name, path in (("introspection", "introspect"), ("revocation", "revoke")):
            self.assertEqual(json.loads(text)[f"{name}_endpoint"], f"{environment['VAULT_URL']}/oauth2/{path}")


class Revocation(Case):
    def test_a_revoked_token_stays_revoked_whatever_is_lost(self):
        token = self.mint()
        self.assertEqual(self.revoke(token), (200, {}))
        self.after_each_loss(lambda: self.assertEqual(self.introspect(token), json.loads(INACTIVE)))

    def test_another_clients_token_is_not_revoked(self):
        token = self.mint()
        status, body = self.revoke(token, self.server)
        self.assertEqual((status, body["error"]), (400, "unauthorized_client"))
        self.assertTrue(self.introspect(token)["active"])
        self.assertEqual(self.revoke("no token of anybody")[0], 200)

    def test_whenever_the_core_is_killed_no_revocation_that_was_answered_is_lost(self):
        for pause in (0.0, 0.002, 0.005):
            tokens = [self.mint() for _ in range(40)]
            answered = []

            def work():
                try:
                    for token in tokens:
                        if self.revoke(token)[0] == 200:
                            answered.append(token)
                except BROKEN:
                    pass

            thread = threading.Thread(target=work)
            thread.start()
            wait_until(lambda: answered, "one is revoked")
            time.sleep(pause)
            environment.kill("VAULT_CORE_PID")
            thread.join()
            environment.restart("core")
            ready()
            self.connect()
            self.assertTrue(answered)
            for token in answered:
                self.assertEqual(self.introspect(token), json.loads(INACTIVE))


class Events(Case):
    def set(self, **changes):
        now = int(time.time())
        claims = {
            "iss": "https://caep.acme.example", "aud": environment["VAULT_ISSUER"], "iat": now,
            "jti": str(uuid.uuid4()), "events": {EVENT: {"event_timestamp": now}},
            "sub_id": {"format": "iss_sub", "iss": environment["IDP_ISSUER"], "sub": self.user},
        } | changes
        jwk = json.loads(pathlib.Path(environment["IDP_JWK"]).read_text())
        return jwt.encode(
            claims, jwt.PyJWK.from_dict(jwk).key, algorithm=jwk["alg"],
            headers={"kid": jwk["kid"], "typ": "secevent+jwt"})

    def push(self, token, content_type="application/secevent+jwt"):
        address = urllib.parse.urlsplit(environment["VAULT_URL"])
        connection = http.client.HTTPSConnection(
            address.hostname, address.port, timeout=60, context=tls_context(environment))
        self.addCleanup(connection.close)
        connection.request("POST", "/ssf/events", token, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")

    def test_an_ended_session_stops_the_user_at_once_and_whatever_is_lost(self):
        user, token = environment.user_token(self.user), self.mint()
        self.assertEqual(self.push(self.set()), (202, {}))

        def check():
            self.refused(user)
            self.assertEqual(self.introspect(token), json.loads(INACTIVE))

        self.after_each_loss(check)
        later = int(time.time()) + 3
        status, body = self.gateway.exchange(
            user=environment.user_token(self.user, iat=later, nbf=later), authorization_details=READ)
        self.assertEqual(status, 200, "who signs in again goes on")

    def test_bad_tokens_are_refused_by_their_code(self):
        for token, code in (
            ("", "invalid_request"), (environment.user_token(), "invalid_issuer"),
            (self.set(aud="https://elsewhere.example"), "invalid_audience"),
            (self.set()[:-8] + "AAAAAAAA", "authentication_failed"),
            (self.set(sub_id={"format": "email", "email": "a@acme.example"}), "invalid_request"),
            (self.set(sub_id={"format": "iss_sub", "iss": environment["AGENT_ISSUER"], "sub": "x"}), "access_denied"),
        ):
            with self.subTest(code):
                status, body = self.push(token)
                self.assertEqual((status, body.get("err")), (400, code), body)
        self.assertEqual(self.push(self.set(), "application/json")[0], 400)
        self.mint()

    def test_other_events_are_acknowledged(self):
        event = "https://schemas.openid.net/secevent/ssf/event-type/verification"
        self.assertEqual(self.push(self.set(events={event: {"state": "x"}})), (202, {}))
        self.mint()


class CutOff(Case):
    def entry(self):
        def found():
            entries = read_entries(environment["VAULT_LOG_DIR"])
            return [e for e in entries if e["kind"] == "cutoff" and e["subject"]["sub"] == self.user]

        wait_until(found, "the log holds the cut-off")
        return found()[-1]

    def test_a_user_is_cut_off_at_once_and_whatever_is_lost(self):
        user, token = environment.user_token(self.user), self.mint()
        done = self.cutoff("--user", self.user, "--for", "10m", "--reason", "stolen laptop")
        self.assertEqual(done.returncode, 0, done.stderr)
        with Stopwatch() as watch:
            while self.introspect(token)["active"]:
                self.assertLess(watch.seconds, 1, "the front learns of it well within a second")

        def check():
            self.refused(user)
            self.assertEqual(self.introspect(token), json.loads(INACTIVE))

        self.after_each_loss(check)
        entry = self.entry()
        self.assertRegex(entry["operator"], r"^anna SHA256:")
        self.assertEqual((entry["reason"], entry["subject_type"]), ("stolen laptop", "user"))
        listed = self.cutoff("--list", "--json", key=None)
        self.assertIn(self.user, [each["name"] for each in json.loads(listed.stdout)["cutoffs"]])
        self.assertIn("stolen laptop", self.cutoff("--list", key=None).stdout)

    def test_a_cut_off_ends_by_itself(self):
        self.mint()
        done = self.cutoff("--user", self.user, "--issuer", "corp", "--for", "60s", "--reason", "test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.refused()
        entry = self.entry()
        self.assertEqual(entry["subject"]["iss"], environment["IDP_ISSUER"])
        self.assertLessEqual(entry["until"] - time.time(), 60)

    def test_stock_openssh_signs_what_another_machine_wrote(self):
        statement = environment.directory / f"statement-{self.user}"
        done = self.cutoff("--user", self.user, "--for", "10m", "--reason", "by hand", "--write", statement, key=None)
        self.assertEqual(done.returncode, 0, done.stderr)
        keygen("-Y", "sign", "-f", environment.directory / "keys" / "anna", "-n", NAMESPACE, statement)
        self.assertEqual(self.cutoff("--submit", statement, key=None).returncode, 0)
        self.refused()
        again = self.cutoff("--submit", statement, key=None)
        self.assertEqual(again.returncode, 1)
        self.assertIn("handed in before", again.stderr)

    def test_nobody_else_cuts_off_and_a_bad_command_changes_nothing(self):
        user = ("--user", self.user, "--for", "10m", "--reason", "x")
        for arguments, key, status, text in (
            (user, "stranger", 1, "is not that of anybody on call"),
            (("--user", self.user, "--for", "8760h", "--reason", "x"), "anna", 64, "60s to 168h"),
            (("--user", self.user, "--reason", "x"), "anna", 64, "--for is missing"),
            (("--user", self.user, "--for", "1h"), "anna", 64, "--reason is missing"),
            (("--provider", "nowhere", "--for", "1h", "--reason", "x"), "anna", 64, "no target nowhere"),
            (("--gateway", "nobody", "--for", "1h", "--reason", "x"), "anna", 64, "no client nobody"),
        ):
            with self.subTest(text):
                done = self.cutoff(*arguments, key=key)
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)
                self.assertIn(text, done.stderr)
        self.mint()

    def test_metrics_say_what_is_in_force(self):
        metrics = get(environment, environment["VAULT_OPS_URL"] + "/metrics")[1]
        for name in ("vault_revoked_tokens", "vault_cutoffs", "vault_revocations_current 1"):
            self.assertIn(f"\n{name}", metrics)


class WhoElse(Case):
    """What is cut off here is cut off for all that come after, so this is the last class, in this order."""

    def stopped(self, option, name, reason, **fields):
        """Cuts somebody off: the request is refused, and the log says why; returns what it was answered before."""
        fields = fields or {"authorization_details": READ}

        def ask():
            return self.gateway.exchange(user=environment.user_token(self.user), **fields)

        def reasons():
            entries = read_entries(environment["VAULT_LOG_DIR"])
            return [e["reason"] for e in entries if e["kind"] == "denied" and e.get("user", {}).get("sub") == self.user]

        before = ask()
        done = self.cutoff(option, name, "--for", "1h", "--reason", "odd calls")
        self.assertEqual(done.returncode, 0, done.stderr)
        status, answer = ask()
        self.assertEqual((status, answer.get("error")), (400, "access_denied"), answer)
        # Until the front has heard of it, it is the core that refuses, in its own words.
        wait_until(lambda: ask()[0] == 400 and reason in reasons(), f"the log says: {reason}")
        return before

    def test_1_a_provider_and_no_other(self):
        audience = "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/agents/providers/vault"
        status, body = self.stopped("--provider", "google", "cut off: the target", audience=audience)
        self.assertEqual(status, 200, body)
        # By its audience, which is in the token itself.
        status, body = self.stopped("--provider", "snowflakecomputing.com", "cut off: the target", audience="snowflake")
        self.assertEqual(status, 200, body)
        self.mint()

    def test_2_an_agent_and_what_was_minted_for_it(self):
        status, body = self.stopped("--agent", "sales-assistant", "cut off: the agent")
        self.assertEqual(status, 200, body)
        wait_until(lambda: self.introspect(body["access_token"]) == json.loads(INACTIVE), "the front has heard of it")

    def test_3_a_gateway_is_named_before_its_agent(self):
        self.stopped("--gateway", "gateway-mcp", "cut off: the client")


if __name__ == "__main__":
    summary.run("revocation")
